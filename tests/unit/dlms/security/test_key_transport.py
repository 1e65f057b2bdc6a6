"""Key wrap and key agreement: the vectors of RFC 3394, and the KDF as another implementation has it."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from hypothesis import given
from hypothesis import strategies as st

from cas.dlms.errors import DecipheringError, KeyUnusable
from cas.dlms.security.key_transport import (
    KeyUse,
    agree,
    algorithm_id,
    public_key_from,
    public_key_octets,
    static_party_u,
    unwrap_key,
    wrap_key,
)
from cas.dlms.security.suites import SUITES

ALICE = {1: ec.derive_private_key(11, ec.SECP256R1()), 2: ec.derive_private_key(11, ec.SECP384R1())}
BOB = {1: ec.derive_private_key(13, ec.SECP256R1()), 2: ec.derive_private_key(13, ec.SECP384R1())}


@pytest.mark.clause("Green Book 8.3, 9.2.3.3.8")
@pytest.mark.parametrize(
    ("kek", "key", "wrapped"),
    [  # RFC 3394, 4.1 and 4.6
        (
            "000102030405060708090A0B0C0D0E0F",
            "00112233445566778899AABBCCDDEEFF",
            "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
        ),
        (
            "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
        ),
    ],
)
def test_rfc_3394(kek: str, key: str, wrapped: str) -> None:
    assert wrap_key(bytes.fromhex(kek), bytes.fromhex(key)).hex().upper() == wrapped
    assert unwrap_key(bytes.fromhex(kek), bytes.fromhex(wrapped)).hex().upper() == key


@given(st.binary(min_size=16, max_size=16), st.integers(0, 24 * 8 - 1))
def test_altered_wrapped_keys_do_not_open(key: bytes, bit: int) -> None:
    wrapped = bytearray(wrap_key(bytes(16), key))
    wrapped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecipheringError):
        unwrap_key(bytes(16), bytes(wrapped))


@pytest.mark.parametrize("wrapped", [b"", bytes(8), bytes(23), bytes(25)])
def test_wrapped_keys_of_other_lengths_do_not_open(wrapped: bytes) -> None:
    with pytest.raises(DecipheringError):
        unwrap_key(bytes(16), wrapped)


def test_master_keys_that_aes_does_not_have() -> None:
    with pytest.raises(KeyUnusable):
        wrap_key(bytes(15), bytes(16))
    with pytest.raises(KeyUnusable):
        unwrap_key(bytes(15), bytes(24))


@pytest.mark.clause("Green Book 8.3, 9.2.3.4.6")
@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("use", KeyUse)
def test_both_sides_agree_on_what_the_kdf_makes(suite: int, use: KeyUse) -> None:
    key = agree(ALICE[suite], BOB[suite].public_key(), b"CLI00001", b"SRV00001", use)
    assert key == agree(BOB[suite], ALICE[suite].public_key(), b"CLI00001", b"SRV00001", use)
    digest = hashes.SHA256() if suite == 1 else hashes.SHA384()
    info = algorithm_id(SUITES[suite], use) + b"CLI00001" + b"SRV00001"
    secret = ALICE[suite].exchange(ec.ECDH(), BOB[suite].public_key())
    assert key == ConcatKDFHash(digest, SUITES[suite].key_length, info).derive(secret)
    assert key != agree(BOB[suite], ALICE[suite].public_key(), b"SRV00001", b"CLI00001", use)


def test_algorithm_ids_are_object_identifiers() -> None:
    assert [algorithm_id(SUITES[suite], use).hex() for suite in (1, 2) for use in KeyUse] == [
        "60857405080300",
        "60857405080302",
        "60857405080301",
        "60857405080303",
    ]


def test_nonce_of_the_static_unified_model() -> None:
    assert static_party_u(b"CLI00001", bytes(8)) == b"CLI00001" + b"\x08" + bytes(8)


@pytest.mark.parametrize("suite", [1, 2])
def test_public_keys_are_x_and_y(suite: int) -> None:
    octets = public_key_octets(ALICE[suite].public_key())
    assert len(octets) == {1: 64, 2: 96}[suite]
    assert public_key_from(octets, SUITES[suite]) == ALICE[suite].public_key()


@pytest.mark.parametrize("octets", [b"", bytes(64), bytes(63), b"\x01" * 64])
def test_octets_off_the_curve_are_refused(octets: bytes) -> None:
    with pytest.raises(KeyUnusable, match="no point"):
        public_key_from(octets, SUITES[1])


def test_keys_must_be_of_one_suite() -> None:
    with pytest.raises(KeyUnusable, match="secp384r1"):
        agree(ALICE[1], BOB[2].public_key(), b"", b"")
    with pytest.raises(KeyUnusable, match="suite 0"):
        public_key_from(bytes(64), SUITES[0])
    with pytest.raises(KeyUnusable, match="secp521r1"):
        agree(ec.derive_private_key(11, ec.SECP521R1()), BOB[2].public_key(), b"", b"")
