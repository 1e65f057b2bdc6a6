"""What is a meter's own and never changes: system title, serial number, keys and password, derived from its number.

The keys are no secrets: anybody with the seed derives them. They protect nothing but simulated meters.
"""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)

from cas.dlms.security.keys import Secret, SymmetricKeys
from cas.dlms.security.suites import SUITES
from cas.simulator.values import mix

MANUFACTURER = b"SIM"
"""Not that of the service: two sides of one key must not have one system title."""
MAX_NUMBER = (1 << 40) - 1


def system_title(number: int) -> bytes:
    """Manufacturer and number, 8 octets (Green Book 8.3, 4.3.4)."""
    return MANUFACTURER + number.to_bytes(5, "big")


def serial_number(number: int) -> str:
    """The number as it is printed on the meter; with the manufacturer it is the logical device name."""
    return f"{number:013d}"


def keys(seed: int, number: int, suite: int) -> SymmetricKeys:
    """Encryption, authentication, broadcast and master key."""
    octets = SUITES[suite].key_length
    names = ("encryption", "authentication", "broadcast", "master")
    return SymmetricKeys(SUITES[suite], *(_derive(seed, number, name)[:octets] for name in names))


@dataclass(frozen=True, slots=True, repr=False)
class Pairs:
    """Private keys of suites 1 and 2: the meter's and its client's, for signatures and for key agreement."""

    signing: EllipticCurvePrivateKey
    agreement: EllipticCurvePrivateKey
    client_signing: EllipticCurvePrivateKey
    client_agreement: EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return "Pairs(hidden)"


def pairs(seed: int, number: int, suite: int) -> Pairs | None:
    """The private keys of a meter; None in suite 0, which has none."""
    if SUITES[suite].curve is None:
        return None
    names = ("signing", "agreement", "client signing", "client agreement")
    return Pairs(*(_private(seed, number, name, suite) for name in names))


def authority(seed: int, suite: int) -> EllipticCurvePrivateKey:
    """The private key of the authority that signs the certificates of these meters, of suite 1 or 2."""
    return _private(seed, 0, "authority", suite)


def _private(seed: int, number: int, name: str, suite: int) -> EllipticCurvePrivateKey:
    curve = SECP256R1() if SUITES[suite].curve == "P-256" else SECP384R1()
    return derive_private_key(int.from_bytes(_derive(seed, number, name)) % (curve.group_order - 1) + 1, curve)


def secret(seed: int, number: int) -> Secret:
    """The password of low level, and the secret of high level security: 16 characters."""
    return Secret(_derive(seed, number, "secret").hex()[:16].encode())


def value_key(seed: int, number: int) -> int:
    """What makes this meter's values differ from those of others."""
    return mix(seed, number)


def _derive(seed: int, number: int, name: str) -> bytes:
    return hashlib.sha256(f"simulated meter {number} of seed {seed}: {name}".encode()).digest()
