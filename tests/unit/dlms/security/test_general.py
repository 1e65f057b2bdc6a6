"""general-ciphering with every kind of key, and general-signing: they open, and nothing altered does."""

from dataclasses import fields, replace
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cas.bindings.cosempdu import AgreedKey, GeneralCiphering, GeneralSigning, KekId, KeyInfo, WrappedKey, XDlmsApdu
from cas.dlms import axdr
from cas.dlms.errors import DecodeError, DlmsError, KeyUnusable, SecurityError, SignatureInvalid
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import (
    Header,
    KeyRing,
    agreed_one_pass,
    agreed_static,
    cipher,
    decipher,
    header_of,
    identified,
    sign_apdu,
    verify_apdu,
    wrapped,
)
from cas.dlms.security.key_transport import wrap_key
from cas.dlms.security.keys import SymmetricKeys
from cas.dlms.security.suites import SUITES

Named: TypeAlias = tuple[KeyInfo | None, bytes]
HEADER = Header(bytes(range(8)), b"CLI00001", b"SRV00001", bytes(12), b"other")
PLAIN = bytes.fromhex("C0010000080000010000FF0200")
CURVES = {1: ec.SECP256R1(), 2: ec.SECP384R1()}


def key(suite: int, number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, CURVES[suite])


def symmetric(suite: int) -> SymmetricKeys:
    length = SUITES[suite].key_length
    return SymmetricKeys(SUITES[suite], b"E" * length, b"A" * length, b"B" * length, b"M" * length)


def ring(suite: int) -> KeyRing:
    """The recipient's: 5 is its agreement key; 3 and 7 are the originator's agreement and signing keys."""
    return KeyRing(symmetric(suite), key(suite, 5), key(suite, 3).public_key(), key(suite, 7).public_key())


def named(suite: int, kind: str) -> Named:
    keys = symmetric(suite)
    match kind:
        case "none":
            return None, keys.encryption
        case "unicast":
            return identified(keys)
        case "broadcast":
            return identified(keys, broadcast=True)
        case "wrapped":
            return wrapped(keys, b"W" * SUITES[suite].key_length)
        case "one-pass":
            return agreed_one_pass(HEADER, key(suite, 11), key(suite, 7), key(suite, 5).public_key())
        case _:
            return agreed_static(HEADER, key(suite, 3), key(suite, 5).public_key())


def ciphered(suite: int, kind: str, control: SecurityControl | None = None, plain: bytes = PLAIN) -> GeneralCiphering:
    info, secret = named(suite, kind)
    ciphering = Ciphering(SUITES[suite], secret, symmetric(suite).authentication)
    octets = cipher(plain, HEADER, info, ciphering, 7, control or SecurityControl(suite))
    apdu = axdr.decode(XDlmsApdu, octets).general_ciphering
    assert apdu is not None
    return apdu


KINDS = ["none", "unicast", "broadcast", "wrapped", "one-pass", "static"]


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("authentication", "encryption"), [(True, True), (True, False), (False, True)])
def test_what_is_ciphered_opens(suite: int, kind: str, authentication: bool, encryption: bool) -> None:
    control = SecurityControl(suite, authentication, encryption)
    apdu = ciphered(suite, kind, control)
    assert header_of(apdu) == HEADER
    assert decipher(apdu, ring(suite)) == (PLAIN, 7, control)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_no_altered_part_opens(kind: str, data: st.DataObject) -> None:
    apdu = ciphered(1, kind)
    name = data.draw(st.sampled_from([f.name for f in fields(apdu) if f.name != "key_info"]))
    octets = bytearray(getattr(apdu, name))
    # the flag that says "authenticated" is for the policy to insist on
    bit = data.draw(st.integers(0, len(octets) * 8 - 1).filter(lambda bit: (name, bit) != ("ciphered_content", 4)))
    octets[bit // 8] ^= 1 << bit % 8
    altered: dict[str, Any] = {name: bytes(octets)}
    with pytest.raises(DlmsError):
        decipher(replace(apdu, **altered), ring(1))


@pytest.mark.parametrize("position", [0, 63, 64, 127])
def test_ephemeral_key_must_be_signed(position: int) -> None:
    apdu = ciphered(1, "one-pass")
    assert apdu.key_info is not None
    assert apdu.key_info.agreed_key is not None
    octets = bytearray(apdu.key_info.agreed_key.key_ciphered_data)
    octets[position] ^= 1
    forged = KeyInfo(agreed_key=AgreedKey(key_parameters=b"\x01", key_ciphered_data=bytes(octets)))
    with pytest.raises(SignatureInvalid):
        decipher(replace(apdu, key_info=forged), ring(1))


def test_wrapped_key_of_another_length_is_refused() -> None:
    forged = KeyInfo(wrapped_key=WrappedKey(kek_id=KekId.MASTER_KEY, key_ciphered_data=wrap_key(b"M" * 16, b"W" * 32)))
    with pytest.raises(SecurityError, match="32 octets"):
        decipher(replace(ciphered(1, "wrapped"), key_info=forged), ring(1))


def test_unknown_key_agreement_is_refused() -> None:
    forged = KeyInfo(agreed_key=AgreedKey(key_parameters=b"\x03", key_ciphered_data=b""))
    with pytest.raises(DecodeError, match="03 is no key agreement"):
        decipher(replace(ciphered(1, "static"), key_info=forged), ring(1))


def test_missing_keys_are_named() -> None:
    bare = SymmetricKeys(SUITES[1], b"E" * 16, b"A" * 16)
    for kind, what in [
        ("broadcast", "broadcast key"),
        ("wrapped", "master key"),
        ("one-pass", "private key"),
        ("static", "private key"),
    ]:
        with pytest.raises(KeyUnusable, match=what):
            decipher(ciphered(1, kind), KeyRing(bare))
    for kind, what in [("one-pass", "signing key"), ("static", "public key agreement key")]:
        with pytest.raises(KeyUnusable, match=what):
            decipher(ciphered(1, kind), KeyRing(bare, key(1, 5)))
    with pytest.raises(KeyUnusable, match="not of suite 1"):
        decipher(ciphered(1, "static"), KeyRing(bare, key(2, 5)))
    with pytest.raises(KeyUnusable, match="master key"):
        wrapped(bare, b"W" * 16)
    with pytest.raises(KeyUnusable, match="broadcast"):
        identified(bare, broadcast=True)
    assert "EEEE" not in repr(ring(1))


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
@pytest.mark.parametrize("suite", [1, 2])
def test_signed_content(suite: int) -> None:
    apdu = axdr.decode(XDlmsApdu, sign_apdu(PLAIN, HEADER, key(suite, 7))).general_signing
    assert isinstance(apdu, GeneralSigning)
    assert header_of(apdu) == HEADER
    assert verify_apdu(apdu, key(suite, 7).public_key()) == PLAIN
    for item in fields(apdu):
        octets = bytearray(getattr(apdu, item.name))
        octets[-1] ^= 1
        with pytest.raises(SignatureInvalid):
            verify_apdu(replace(apdu, **{item.name: bytes(octets)}), key(suite, 7).public_key())
    with pytest.raises(SignatureInvalid):
        verify_apdu(apdu, key(suite, 5).public_key())
