"""Passes 3 and 4 of high level security: what each side proves with, and the check of it (Green Book 8.3, 9.2.7.4).

The client has sent the challenge CtoS in AARQ, the server StoC in AARE. In pass 3 the client processes StoC, in pass 4
the server CtoS. `Handshake` is one such exchange as one side sees it: `reply` proves ourselves, `verify` checks the
peer. Both sides use it: only the titles and challenges are swapped.
"""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509 import Certificate

from cas.dlms.errors import AuthenticationFailed, DecipheringError, KeyUnusable, SignatureInvalid
from cas.dlms.security.certificates import certified_signing_key, key_in
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret
from cas.dlms.security.signature import sign, suite_of, verify
from cas.dlms.security.suites import SUITES, TAG_LENGTH

_T = TypeVar("_T")
_GMAC = tuple(SecurityControl(suite.number, authentication=True, encryption=False) for suite in SUITES)
_GMAC_HEADER = 5  # SC and invocation counter
_AES_BLOCK = 16


class Mechanism(IntEnum):
    """Authentication mechanisms by the last arc of their name, 2.16.756.5.8.2.x."""

    LOWEST = 0
    LOW = 1
    HIGH = 2
    HIGH_MD5 = 3
    HIGH_SHA1 = 4
    HIGH_GMAC = 5
    HIGH_SHA256 = 6
    HIGH_ECDSA = 7

    @property
    def is_high(self) -> bool:
        """Whether four passes are needed."""
        return self >= Mechanism.HIGH


MIN_CHALLENGE = 8
"""Octets of the shortest challenge; ECDSA wants at least 32 (Green Book 8.3, 9.2.7.4)."""
MIN_CHALLENGE_ECDSA = 32
MAX_CHALLENGE = 64


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves a side, none of it shown; each mechanism uses its own.

    `secret`: mechanisms 2 (an AES-128 key), 3, 4 and 6. `ciphering`: mechanism 5. `private_key`, ours, and
    `public_key`, the peer's: mechanism 7; where only the `authority` is known, the peer must show a certificate that it
    has signed. `certificate` (DER) is what we show.
    """

    secret: Secret | None = None
    ciphering: Ciphering | None = None
    private_key: EllipticCurvePrivateKey | None = field(default=None, repr=False)
    public_key: EllipticCurvePublicKey | None = field(default=None, repr=False)
    authority: Certificate | None = None
    certificate: bytes | None = None

    def with_peer(self, shown: bytes | None, title: bytes) -> "Credentials":
        """With the peer's public key: the one that is known, else that of the certificate which the peer shows.

        Raises AuthenticationFailed for a certificate that is not to be believed, KeyUnusable without our own key.
        """
        if self.public_key is not None:
            if shown and key_in(shown) not in (None, self.public_key):
                raise AuthenticationFailed(
                    "the peer shows the certificate of another key than the registered one: has it a new key pair?"
                )
            return self
        if self.authority is None:
            return self
        suite = suite_of(_need(self.private_key, "ECDSA needs our private key"))
        return replace(self, public_key=certified_signing_key(shown, self.authority, title, suite))


@dataclass(frozen=True, slots=True)
class Handshake:
    """One exchange as one side sees it: the titles and challenges of both, the credentials of this side.

    Raises AuthenticationFailed when the peer's challenge is ours come back, or has not a length that is allowed.
    """

    mechanism: Mechanism
    credentials: Credentials
    own_title: bytes
    peer_title: bytes
    own_challenge: bytes
    peer_challenge: bytes

    def __post_init__(self) -> None:
        if not self.mechanism.is_high:
            raise KeyUnusable(f"mechanism {self.mechanism.name} has no passes 3 and 4")
        if hmac.compare_digest(self.own_challenge, self.peer_challenge):
            raise AuthenticationFailed("the peer sent our own challenge back: it may know no secret at all")
        least = MIN_CHALLENGE_ECDSA if self.mechanism is Mechanism.HIGH_ECDSA else MIN_CHALLENGE
        if not least <= len(self.peer_challenge) <= MAX_CHALLENGE:
            raise AuthenticationFailed(
                f"the peer's challenge has {len(self.peer_challenge)} octets, {least} to {MAX_CHALLENGE} are allowed"
            )

    def reply(self, counter: int | None = None) -> bytes:
        """The answer to the peer's challenge; `counter`, our next invocation counter, is needed for GMAC only.

        Raises KeyUnusable when the credentials lack what the mechanism needs.
        """
        if self.mechanism is Mechanism.HIGH_GMAC:
            if counter is None:
                raise KeyUnusable("GMAC needs an invocation counter")
            ciphering = _need(self.credentials.ciphering, "GMAC needs the encryption and the authentication key")
            control = _GMAC[ciphering.suite.number]
            protected = ciphering.protect(self.peer_challenge, self.own_title, counter, control)
            return protected[:_GMAC_HEADER] + protected[-TAG_LENGTH:]
        if self.mechanism is Mechanism.HIGH_ECDSA:
            key = _need(self.credentials.private_key, "ECDSA needs our private key")
            return sign(key, self.own_title + self.peer_title + self.peer_challenge + self.own_challenge)
        return self._digest(self.own_title, self.peer_title, self.peer_challenge, self.own_challenge)

    def verify(self, reply: bytes) -> int | None:
        """Check the peer's answer to our challenge; with GMAC returns the invocation counter that the peer used.

        The counter is for the caller to check against replay. Raises AuthenticationFailed, and KeyUnusable when the
        credentials lack what the mechanism needs.
        """
        if self.mechanism is Mechanism.HIGH_GMAC:
            return self._verify_gmac(reply)
        if self.mechanism is Mechanism.HIGH_ECDSA:
            key = _need(self.credentials.public_key, "ECDSA needs the public key of the peer")
            try:
                verify(key, self.peer_title + self.own_title + self.own_challenge + self.peer_challenge, reply)
            except SignatureInvalid as error:
                raise AuthenticationFailed(str(error)) from None
            return None
        expected = self._digest(self.peer_title, self.own_title, self.own_challenge, self.peer_challenge)
        if not hmac.compare_digest(expected, reply):
            raise AuthenticationFailed(
                "the peer's answer to our challenge is wrong: its secret is not the one configured"
            )
        return None

    def _verify_gmac(self, reply: bytes) -> int:
        ciphering = _need(self.credentials.ciphering, "GMAC needs the encryption and the authentication key")
        control = _GMAC[ciphering.suite.number]
        if len(reply) != _GMAC_HEADER + TAG_LENGTH or reply[0] != control.octet:
            raise AuthenticationFailed(f"the peer's answer of {len(reply)} octets is no GMAC under this security suite")
        protected = reply[:_GMAC_HEADER] + self.own_challenge + reply[_GMAC_HEADER:]
        try:
            return ciphering.unprotect(protected, self.peer_title).counter
        except DecipheringError:
            raise AuthenticationFailed("the peer's answer to our challenge is wrong: its keys are not ours") from None

    def _digest(self, sender: bytes, receiver: bytes, challenge: bytes, counter_challenge: bytes) -> bytes:
        secret = _need(self.credentials.secret, f"{self.mechanism.name} needs a secret").octets
        match self.mechanism:
            case Mechanism.HIGH_MD5:
                return hashlib.md5(challenge + secret, usedforsecurity=False).digest()
            case Mechanism.HIGH_SHA1:
                return hashlib.sha1(challenge + secret, usedforsecurity=False).digest()
            case Mechanism.HIGH_SHA256:
                return hashlib.sha256(secret + sender + receiver + challenge + counter_challenge).digest()
            case _:
                return _encrypt_block_by_block(challenge, secret)


def _encrypt_block_by_block(challenge: bytes, secret: bytes) -> bytes:
    """Mechanism 2 as meters commonly have it: AES-128 in ECB mode, challenge and key filled up with zeros."""
    if len(secret) > _AES_BLOCK:
        raise KeyUnusable(f"the secret of mechanism HIGH is an AES-128 key, at most {_AES_BLOCK} octets")
    padded = challenge + bytes(-len(challenge) % _AES_BLOCK)
    # ECB is what the meters do; the content is a random challenge, never data
    cipher = Cipher(algorithms.AES(secret.ljust(_AES_BLOCK, b"\0")), modes.ECB())  # noqa: S305
    return cipher.encryptor().update(padded)


def _need(item: _T | None, message: str) -> _T:
    if item is None:
        raise KeyUnusable(message)
    return item
