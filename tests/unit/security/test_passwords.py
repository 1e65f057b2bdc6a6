"""Passwords: what is kept, and what it takes to be let in."""

import base64

import pytest

from cas.security.passwords import NOBODY, hash_password, is_hash, verify_password

CHEAP = 2**4


def test_a_password_is_known_by_its_hash() -> None:
    kept = hash_password("correct horse", n=CHEAP)
    assert "correct" not in kept
    assert verify_password("correct horse", kept)
    for wrong in ("", "correct", "Correct horse", "correct horse ", "correct horse\0"):
        assert not verify_password(wrong, kept)


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert hash_password("a", n=CHEAP) != hash_password("a", n=CHEAP)


def test_the_vector_of_the_rfc() -> None:
    # RFC 7914, 12
    digest = bytes.fromhex(
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d"
        "8360cbdfa2cc0640"
    )
    kept = f"scrypt$1024$8$16${base64.b64encode(b'NaCl').decode()}${base64.b64encode(digest).decode()}"
    # its salt of four octets is shorter than we take
    assert not is_hash(kept)
    from cas.security.passwords import _Hash, _scrypt

    assert _scrypt(b"password", _Hash(1024, 8, 16, b"NaCl", digest)) == digest


def test_the_cost_is_what_owasp_asks_for() -> None:
    _, n, r, p, *_ = NOBODY.split("$")
    assert (int(n), int(r), int(p)) == (2**15, 8, 3)


def test_nobody_has_no_password() -> None:
    assert is_hash(NOBODY)
    assert not verify_password("", NOBODY)


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_a_password_has_a_length(password: str) -> None:
    with pytest.raises(ValueError, match="1 to 1024"):
        hash_password(password)


def test_a_long_guess_costs_nothing() -> None:
    assert not verify_password("x" * 10_000_000, NOBODY)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "secret",
        "scrypt$3$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$4194304$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$16$8$99$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$16$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$16$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAA",
        "scrypt$16$8$1$=$=",
    ],
)
def test_what_is_no_hash_is_not_taken_for_one(kept: str) -> None:
    assert not is_hash(kept)
