"""AES-GCM protection of APDUs: the Green Book's vectors, round trips, and that nothing altered passes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.dlms.errors import (
    CounterExhausted,
    DecipheringError,
    DecodeError,
    DlmsError,
    KeyUnusable,
    PolicyViolation,
    ReplayedCounter,
)
from cas.dlms.security.ciphering import MAX_COUNTER, Ciphering, check_counter
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret, SymmetricKeys
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import unwrap, wrap

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors" / "security.json").read_text())
EK, AK = (bytes.fromhex(VECTORS["keys"][name]) for name in ("encryption", "authentication"))
TITLE = bytes.fromhex("4D4D4D0000BC614E")

controls = st.builds(SecurityControl, st.integers(0, 2), st.booleans(), st.booleans(), st.booleans())
authenticated = st.builds(SecurityControl, st.just(0), st.just(True), st.booleans())


def ciphering(suite: int = 0) -> Ciphering:
    length = SUITES[suite].key_length
    return Ciphering(SUITES[suite], EK.ljust(length, b"\x01"), AK.ljust(length, b"\x02"))


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
@pytest.mark.parametrize("vector", VECTORS["apdus"], ids=lambda vector: vector["name"])
def test_green_book_vectors(vector: dict[str, Any]) -> None:
    plain, wrapped, title = (bytes.fromhex(vector[name]) for name in ("plain", "wrapped", "title"))
    control = SecurityControl(0, vector["authentication"], vector["encryption"])
    assert wrap(plain[0], ciphering().protect(plain, title, vector["counter"], control)) == wrapped
    ciphered = unwrap(wrapped)
    assert ciphered.plain_tag == plain[0]
    assert ciphering().unprotect(ciphered.content, title) == (plain, vector["counter"], control)


@given(st.binary(max_size=300), st.integers(0, MAX_COUNTER), controls, st.binary(max_size=40))
def test_unprotect_undoes_protect(plain: bytes, counter: int, control: SecurityControl, header: bytes) -> None:
    keys = ciphering(control.suite)
    protected = keys.protect(plain, TITLE, counter, control, header)
    assert len(protected) == len(plain) + (17 if control.authentication else 5)
    assert keys.unprotect(protected, TITLE, header) == (plain, counter, control)


@given(st.binary(min_size=1, max_size=60), authenticated, st.data())
def test_any_altered_bit_is_refused(plain: bytes, control: SecurityControl, data: st.DataObject) -> None:
    protected = bytearray(ciphering().protect(plain, TITLE, 7, control))
    bit = data.draw(st.integers(0, len(protected) * 8 - 1))
    protected[bit // 8] ^= 1 << bit % 8
    altered = bytes(protected)
    if altered[0] & 0x10:
        with pytest.raises(DlmsError):
            ciphering().unprotect(altered, TITLE)
    else:  # the sender can always be made to look unauthenticated: that is for the policy to refuse
        assert not ciphering().unprotect(altered, TITLE).control.authentication


@given(st.binary(max_size=40), authenticated, st.binary(max_size=20), st.binary(max_size=20))
def test_header_is_authenticated(plain: bytes, control: SecurityControl, header: bytes, other: bytes) -> None:
    if header != other:
        protected = ciphering().protect(plain, TITLE, 7, control, header)
        with pytest.raises(DecipheringError):
            ciphering().unprotect(protected, TITLE, other)


@pytest.mark.parametrize("control", [SecurityControl(0, True, False), SecurityControl()])
def test_other_keys_and_titles_are_refused(control: SecurityControl) -> None:
    protected = ciphering().protect(b"\xc0\x01", TITLE, 7, control)
    for other, title in (
        (Ciphering(SUITES[0], AK, AK), TITLE),
        (Ciphering(SUITES[0], EK, EK), TITLE),
        (ciphering(), b"OTHERTTL"),
    ):
        with pytest.raises(DecipheringError, match="authentication tag is wrong"):
            other.unprotect(protected, title)


@given(st.binary(max_size=40))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        assert ciphering().unprotect(octets, TITLE).plain == b"" or len(octets) > 5
    except DlmsError:
        pass


@pytest.mark.parametrize("control", [SecurityControl(), SecurityControl(0, False, True)])
def test_cut_octets_are_refused(control: SecurityControl) -> None:
    protected = ciphering().protect(b"", TITLE, 7, control)
    for end in range(len(protected)):
        with pytest.raises(DecodeError, match="too few"):
            ciphering().unprotect(protected[:end], TITLE)


def test_suite_of_the_peer_must_be_ours() -> None:
    protected = ciphering(1).protect(b"\xc0", TITLE, 7, SecurityControl(1))
    with pytest.raises(PolicyViolation, match="suite 1"):
        ciphering().unprotect(protected, TITLE)
    with pytest.raises(KeyUnusable, match="suite 1"):
        ciphering().protect(b"\xc0", TITLE, 7, SecurityControl(1))


def test_compression_is_refused_with_a_reason() -> None:
    with pytest.raises(KeyUnusable, match="compression"):
        ciphering().protect(b"\xc0", TITLE, 7, SecurityControl(compression=True))
    with pytest.raises(PolicyViolation, match=r"V\.44"):
        ciphering().unprotect(bytes.fromhex("B0000000010000000000000000000000000000"), TITLE)


@pytest.mark.parametrize("counter", [-1, MAX_COUNTER + 1])
def test_counter_must_fit(counter: int) -> None:
    with pytest.raises(CounterExhausted):
        ciphering().protect(b"\xc0", TITLE, counter, SecurityControl())


def test_replay_is_refused() -> None:
    assert check_counter(0, None) == 0
    assert check_counter(8, 7) == 8
    for received in (7, 6, 0):
        with pytest.raises(ReplayedCounter) as caught:
            check_counter(received, 7)
        assert (caught.value.received, caught.value.last) == (received, 7)


@pytest.mark.parametrize(("suite", "length"), [(0, 32), (1, 15), (2, 16)])
def test_keys_must_have_the_length_of_the_suite(suite: int, length: int) -> None:
    with pytest.raises(KeyUnusable, match=f"has {length} octets"):
        Ciphering(SUITES[suite], bytes(length), bytes(length))
    right = bytes(SUITES[suite].key_length)
    with pytest.raises(KeyUnusable, match="master key"):
        SymmetricKeys(SUITES[suite], right, right, master=bytes(length))


def test_keys_are_not_shown() -> None:
    shown = [
        repr(SymmetricKeys(SUITES[0], EK, AK, AK, EK)),
        repr(ciphering()),
        repr(Secret(b"top secret")),
        str([Secret(b"top secret")]),
    ]
    for text in shown:
        assert "hidden" in text
        assert "secret'" not in text
        assert EK.hex() not in text.lower()
        assert repr(EK) not in text


@given(st.integers(0, 255))
def test_every_security_control_octet_is_itself_or_refused(octet: int) -> None:
    if octet & 0x0F > 2:
        with pytest.raises(DecodeError):
            SecurityControl.parse(octet)
    else:
        assert SecurityControl.parse(octet).octet == octet
