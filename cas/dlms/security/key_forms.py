"""Asymmetric keys in the forms in which people have them: the bare number or point, DER, a certificate.

Green Book 8.3, 9.2.3.4.4: a private key is a number, a public key the point x || y, of the curve of the suite.
"""

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from cryptography.x509 import load_der_x509_certificate

from cas.dlms.errors import KeyUnusable
from cas.dlms.security.key_transport import public_key_from
from cas.dlms.security.signature import suite_of
from cas.dlms.security.suites import Suite

_SPARE = 8


def private_key(octets: bytes, suite: Suite, name: str) -> EllipticCurvePrivateKey:
    """A private key from its number (32 or 48 octets) or PKCS #8 in DER. Raises KeyUnusable, naming the key."""
    try:
        if suite.curve and len(octets) == suite.signature_length // 2:
            return derive_private_key(int.from_bytes(octets, "big"), _curve(suite))
        found = load_der_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable(name, suite) from None
    if not isinstance(found, EllipticCurvePrivateKey) or suite_of(found) != suite:
        raise _unusable(name, suite)
    return found


def public_key(octets: bytes, suite: Suite, name: str) -> EllipticCurvePublicKey:
    """A public key from x || y, a SubjectPublicKeyInfo or a certificate in DER. Raises KeyUnusable, naming the key.

    A certificate is taken for the key in it: who registers it has judged it.
    """
    if suite.curve and len(octets) == suite.signature_length:
        return public_key_from(octets, suite)
    try:
        found: object = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        try:
            found = load_der_x509_certificate(octets).public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise _unusable(name, suite) from None
    if not isinstance(found, EllipticCurvePublicKey) or suite_of(found) != suite:
        raise _unusable(name, suite)
    return found


def drawn_private_key(suite: Suite, random: Callable[[int], bytes]) -> EllipticCurvePrivateKey:
    """A fresh private key, made of entropy. Raises KeyUnusable for a suite without public keys."""
    curve = _curve(suite)
    # as many octets more as make the remainder even (NIST SP 800-56A, 5.6.1.2.1)
    number = int.from_bytes(random(curve.key_size // 8 + _SPARE), "big") % (curve.group_order - 1) + 1
    return derive_private_key(number, curve)


def _curve(suite: Suite) -> SECP256R1 | SECP384R1:
    if suite.curve is None:
        raise KeyUnusable(f"suite {suite.number} has no public keys")
    return SECP256R1() if suite.curve == "P-256" else SECP384R1()


def number_of(key: EllipticCurvePrivateKey, suite: Suite) -> bytes:
    """The private key as its number, as long as the curve of the suite has it."""
    return key.private_numbers().private_value.to_bytes(suite.signature_length // 2, "big")


def _unusable(name: str, suite: Suite) -> KeyUnusable:
    return KeyUnusable(f"{name} is no key on {suite.curve or 'any curve'}, which suite {suite.number} asks for")
