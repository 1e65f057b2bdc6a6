"""The two parties of general-ciphering and general-signing: their keys, and how the key of an APDU is chosen.

Green Book 8.3, 9.2.3.4.6 and 9.2.7.2: a key that both hold (identified), one that travels under the master key
(wrapped), or one agreed by ECDH, with an ephemeral key of the originator (one-pass) or with static keys alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from cas.bindings.cosempdu import GeneralCiphering, GeneralSigning, KeyInfo
from cas.dlms.errors import KeyUnusable
from cas.dlms.security import general
from cas.dlms.security.ciphering import Ciphering, Unprotected
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import Header, KeyRing
from cas.dlms.security.key_forms import drawn_private_key

_HEADER = 1 + 9 + 9 + 9 + 1 + 1
"""Octets of tag and header, the transaction-id being of 8."""
_KEY_INFO = 2 + 2 + 3 + 2 * 96
_LENGTHS = 5 + 3


class KeyChoice(Enum):
    """How the key of an APDU under general-ciphering is named."""

    IDENTIFIED = "identified"
    WRAPPED = "wrapped"
    ONE_PASS = "agreed-one-pass"  # noqa: S105 - the name of a scheme
    STATIC = "agreed-static"


@dataclass(frozen=True, slots=True, repr=False)
class Parties:
    """The keys of both sides; `key` None: no general-ciphering, `sign`: every outgoing APDU is signed.

    `signing` is our private key for signatures, also of ephemeral keys.
    """

    ring: KeyRing
    signing: EllipticCurvePrivateKey | None = None
    key: KeyChoice | None = None
    sign: bool = False

    def __repr__(self) -> str:
        return f"Parties(key={self.key}, sign={self.sign}, keys hidden)"

    @property
    def overhead(self) -> int:
        """Octets that these add to an APDU at the most, beside what ciphering itself adds."""
        suite = self.ring.symmetric.suite
        ciphered = _HEADER + _KEY_INFO + _LENGTHS if self.key else 0
        return ciphered + (_HEADER + _LENGTHS + suite.signature_length if self.sign else 0)

    def with_peer(self, signing: EllipticCurvePublicKey | None) -> "Parties":
        """The same with the peer's public key for signatures, if that is not known yet."""
        if self.ring.peer_signing is not None:
            return self
        return replace(self, ring=replace(self.ring, peer_signing=signing))

    def signed(self, plain: bytes, header: Header) -> bytes:
        """The general-signing APDU. Raises KeyUnusable without our private key."""
        return general.sign_apdu(plain, header, self._signing())

    def verified(self, apdu: GeneralSigning) -> bytes:
        """What a general-signing APDU of the peer holds. Raises SignatureInvalid, KeyUnusable."""
        if self.ring.peer_signing is None:
            raise KeyUnusable("the public signing key of the peer is not configured")
        return general.verify_apdu(apdu, self.ring.peer_signing)

    def ciphered(
        self, plain: bytes, header: Header, random: Callable[[int], bytes], counter: int, control: SecurityControl
    ) -> bytes:
        """The general-ciphering APDU, its key as `key` says. Raises KeyUnusable when one is missing."""
        info, key = self._fresh_key(header, random)
        symmetric = self.ring.symmetric
        ciphering = Ciphering(symmetric.suite, key, symmetric.authentication)
        return general.cipher(plain, header, info, ciphering, counter, control)

    def deciphered(self, apdu: GeneralCiphering) -> Unprotected:
        """Open a general-ciphering APDU of the peer. Raises SecurityError, DecodeError, KeyUnusable."""
        return general.decipher(apdu, self.ring)

    def _fresh_key(self, header: Header, random: Callable[[int], bytes]) -> tuple[KeyInfo, bytes]:
        ring = self.ring
        suite = ring.symmetric.suite
        if self.key is KeyChoice.IDENTIFIED:
            return general.identified(ring.symmetric)
        if self.key is KeyChoice.WRAPPED:
            return general.wrapped(ring.symmetric, random(suite.key_length))
        if ring.peer_agreement is None:
            raise KeyUnusable("the public key agreement key of the peer is not configured")
        if self.key is KeyChoice.STATIC:
            if ring.agreement is None:
                raise KeyUnusable("no private key for key agreement is configured")
            return general.agreed_static(header, ring.agreement, ring.peer_agreement)
        ephemeral = drawn_private_key(suite, random)
        return general.agreed_one_pass(header, ephemeral, self._signing(), ring.peer_agreement)

    def _signing(self) -> EllipticCurvePrivateKey:
        if self.signing is None:
            raise KeyUnusable("our private key for signatures is not configured")
        return self.signing


def choice_of(info: KeyInfo | None) -> KeyChoice:
    """How a received APDU names its key; one that says nothing means the global key."""
    if info is None or info.identified_key is not None:
        return KeyChoice.IDENTIFIED
    if info.wrapped_key is not None:
        return KeyChoice.WRAPPED
    static = info.agreed_key is not None and info.agreed_key.key_parameters == general.STATIC_UNIFIED
    return KeyChoice.STATIC if static else KeyChoice.ONE_PASS
