"""ECDSA signatures as DLMS writes them: r and s side by side, not in DER (Green Book 8.3, 9.2.3.4.5).

The curve of the key decides the hash: P-256 with SHA-256 (suite 1), P-384 with SHA-384 (suite 2). Signing is
deterministic (RFC 6979), so it needs no entropy.
"""

from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from cas.dlms.errors import KeyUnusable, SignatureInvalid
from cas.dlms.security.suites import SUITES, Suite

AnyKey: TypeAlias = EllipticCurvePrivateKey | EllipticCurvePublicKey

_SUITE_OF_CURVE = {"secp256r1": SUITES[1], "secp384r1": SUITES[2]}


def suite_of(key: AnyKey) -> Suite:
    """The suite that the key's curve belongs to. Raises KeyUnusable for any other curve."""
    try:
        return _SUITE_OF_CURVE[key.curve.name]
    except KeyError:
        raise KeyUnusable(f"curve {key.curve.name} is of no security suite: use P-256 or P-384") from None


def sign(key: EllipticCurvePrivateKey, content: bytes) -> bytes:
    """The signature of the content, 64 or 96 octets. Raises KeyUnusable for a curve of no suite."""
    half = suite_of(key).signature_length // 2
    r, s = decode_dss_signature(key.sign(content, ECDSA(_digest(key), deterministic_signing=True)))
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def verify(key: EllipticCurvePublicKey, content: bytes, signature: bytes) -> None:
    """Check a signature of the content. Raises SignatureInvalid; KeyUnusable for a curve of no suite."""
    length = suite_of(key).signature_length
    if len(signature) != length:
        raise SignatureInvalid(f"a signature of {len(signature)} octets, {key.curve.name} makes {length}")
    half = length // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    try:
        key.verify(encode_dss_signature(r, s), content, ECDSA(_digest(key)))
    except InvalidSignature:
        raise SignatureInvalid("the signature does not fit the content and the peer's public key") from None


def _digest(key: AnyKey) -> SHA256 | SHA384:
    return SHA256() if suite_of(key).digest == "SHA-256" else SHA384()
