"""Keys on their way: AES key wrap, and key agreement by ECDH (Green Book 8.3, 9.2.3.3.8 and 9.2.3.4.6).

A wrapped key travels under the master key (KEK), as RFC 3394 says. An agreed key never travels: both sides derive it
from an ECDH secret by the concatenation KDF of NIST SP 800-56A, with

    OtherInfo = AlgorithmID || PartyUInfo || PartyVInfo

where U is the originator and V the recipient. Ephemeral private keys are arguments: this module draws no entropy.
"""

import hashlib
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cas.dlms.errors import DecipheringError, KeyUnusable
from cas.dlms.security.signature import suite_of
from cas.dlms.security.suites import Suite

_UNCOMPRESSED = b"\x04"


class KeyUse(Enum):
    """What an agreed key is for: the last octets of AlgorithmID, for keys of 128 and of 256 bits."""

    CIPHERING = (0x00, 0x01)
    WRAPPING = (0x02, 0x03)


def wrap_key(master_key: bytes, key: bytes) -> bytes:
    """The key under the master key, 8 octets longer. Raises KeyUnusable for lengths that AES does not have."""
    try:
        return aes_key_wrap(master_key, key)
    except ValueError as error:
        raise KeyUnusable(f"a key of {len(key)} under one of {len(master_key)} octets: {error}") from None


def unwrap_key(master_key: bytes, wrapped: bytes) -> bytes:
    """Undo `wrap_key`. Raises DecipheringError when what comes out is not what was wrapped."""
    try:
        return aes_key_unwrap(master_key, wrapped)
    except InvalidUnwrap:
        raise DecipheringError("the wrapped key does not open: the master key is another, or octets altered") from None
    except ValueError as error:
        raise KeyUnusable(f"a master key of {len(master_key)} octets: {error}") from None


def agree(
    private_key: EllipticCurvePrivateKey,
    public_key: EllipticCurvePublicKey,
    party_u: bytes,
    party_v: bytes,
    use: KeyUse = KeyUse.CIPHERING,
) -> bytes:
    """The key that both sides derive, each from its private and the other's public key, of the curve's suite.

    One-pass and ephemeral unified model: `party_u` and `party_v` are the system titles. Static unified model: `party_u`
    is `static_party_u`. Raises KeyUnusable for keys of different curves.
    """
    suite = suite_of(private_key)
    if public_key.curve.name != private_key.curve.name:
        raise KeyUnusable(f"our key is on {private_key.curve.name}, the peer's on {public_key.curve.name}")
    secret = private_key.exchange(ECDH(), public_key)
    other_info = algorithm_id(suite, use) + party_u + party_v
    digest = hashlib.sha256 if suite.digest == "SHA-256" else hashlib.sha384
    # one round is enough: the digest is at least as long as the key
    return digest((1).to_bytes(4, "big") + secret + other_info).digest()[: suite.key_length]


def algorithm_id(suite: Suite, use: KeyUse) -> bytes:
    """AlgorithmID, the object identifier 2.16.756.5.8.3.n of the algorithm that the key is for."""
    return bytes.fromhex("608574050803") + bytes((use.value[suite.key_length == 32],))


def static_party_u(title: bytes, transaction_id: bytes) -> bytes:
    """PartyUInfo of the static unified model: the title and the nonce, which is the transaction-id with its length."""
    return title + bytes((len(transaction_id),)) + transaction_id


def public_key_octets(key: EllipticCurvePublicKey) -> bytes:
    """The point as DLMS writes it: x and y side by side, 64 or 96 octets."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]


def public_key_from(octets: bytes, suite: Suite) -> EllipticCurvePublicKey:
    """The point from x and y side by side. Raises KeyUnusable when it is none on the curve of the suite."""
    if suite.curve is None:
        raise KeyUnusable(f"suite {suite.number} has no public keys")
    curve = SECP256R1() if suite.curve == "P-256" else SECP384R1()
    try:
        return EllipticCurvePublicKey.from_encoded_point(curve, _UNCOMPRESSED + octets)
    except ValueError:
        raise KeyUnusable(f"{len(octets)} octets that are no point on {suite.curve}") from None
