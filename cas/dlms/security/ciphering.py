"""Protects and unprotects APDUs with AES-GCM: SC || invocation counter || content || tag (Green Book 8.3, 9.2.7.2).

The nonce is the sender's system title and the invocation counter. Additional authenticated data:

    authenticated only          SC || AK || header || plain APDU
    encrypted and authenticated SC || AK || header
    encrypted only              none, and no tag

`header` is empty but for general-ciphering (`general.GeneralHeader.octets`). Counters are the caller's: whoever uses
one twice under the same key gives the key away.
"""

import hmac
import struct
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cas.dlms.errors import (
    CounterExhausted,
    DecipheringError,
    DecodeError,
    KeyUnusable,
    PolicyViolation,
    ReplayedCounter,
)
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import require_key
from cas.dlms.security.suites import TAG_LENGTH, TITLE_LENGTH, Suite

MAX_COUNTER = 0xFFFF_FFFF
"""The last invocation counter a key may be used with."""

_HEADER = 5
"""Octets of SC and invocation counter."""
_HEADER_STRUCT = struct.Struct(">BI")
_pack_header, _unpack_header = _HEADER_STRUCT.pack, _HEADER_STRUCT.unpack_from
_GCM_TAG = 16
_SENT_TAG = slice(-_GCM_TAG, TAG_LENGTH - _GCM_TAG)
"""Of what AESGCM makes, the part of its tag that is sent."""


class Unprotected(NamedTuple):
    """What stood under the protection, and how it was protected; content that is not authenticated proves nothing."""

    plain: bytes
    counter: int
    control: SecurityControl


class Ciphering:
    """One encryption key and the authentication key used with it, ready for use; kept per key, as set-up costs time.

    Raises KeyUnusable when a key has not the length that the suite asks for.
    """

    __slots__ = ("_associated", "_authentication_key", "_gcm", "suite")

    def __init__(self, suite: Suite, encryption_key: bytes, authentication_key: bytes) -> None:
        self.suite = suite
        self._gcm = AESGCM(require_key(encryption_key, suite, "encryption key"))
        self._authentication_key = require_key(authentication_key, suite, "authentication key")
        self._associated: dict[int, tuple[SecurityControl, bytes]] = {}
        """By SC, where that is of this suite: what it says, and SC || AK. One of few stands in every APDU."""

    def __repr__(self) -> str:
        return f"Ciphering(suite={self.suite.number}, keys hidden)"

    def with_key(self, encryption_key: bytes) -> "Ciphering":
        """Another encryption key, such as a dedicated one, beside the same authentication key. Raises KeyUnusable."""
        return Ciphering(self.suite, encryption_key, self._authentication_key)

    def protect(self, plain: bytes, title: bytes, counter: int, control: SecurityControl, header: bytes = b"") -> bytes:
        """Protect as `control` says, under the sender's `title` and its next `counter`.

        Raises CounterExhausted when the counter does not fit 32 bits, KeyUnusable for another suite than that of the
        keys, for compression, and for a title that is not of 8 octets.
        """
        if not 0 <= counter <= MAX_COUNTER:
            raise CounterExhausted(counter)
        octet = control.octet
        _, associated = self._associated.get(octet) or self._prepare(control, KeyUnusable)
        associated += header
        head = _pack_header(octet, counter)
        nonce = _nonce(title, head)
        if control.encryption:
            if control.authentication:
                return head + self._gcm.encrypt(nonce, plain, associated)[: TAG_LENGTH - _GCM_TAG]
            return head + self._gcm.encrypt(nonce, plain, None)[:-_GCM_TAG]
        if control.authentication:
            return head + plain + self._gcm.encrypt(nonce, b"", associated + plain)[:TAG_LENGTH]
        return head + plain

    def unprotect(self, protected: bytes, title: bytes, header: bytes = b"") -> Unprotected:
        """Undo `protect` of the peer whose system title is `title`; the tag is verified before anything is returned.

        Raises DecodeError when octets are missing, DecipheringError when the tag is wrong, PolicyViolation for another
        suite than that of the keys and for compression, KeyUnusable for a title that is not of 8 octets. Neither
        the counter nor the degree of protection is judged here.
        """
        return Unprotected(*self.opened(protected, title, header))

    def opened(self, protected: bytes, title: bytes, header: bytes = b"") -> tuple[bytes, int, SecurityControl]:
        """The fields of the same, for an association, which opens each answer."""
        size = len(protected)
        if size < _HEADER:
            raise DecodeError(f"{size} octets are too few for a security header", path="ciphered-content")
        octet, counter = _unpack_header(protected)
        control, associated = self._associated.get(octet) or self._prepare(
            SecurityControl.parse(octet), PolicyViolation
        )
        if control.authentication and size < _HEADER + TAG_LENGTH:
            raise DecodeError(f"{size} octets are too few for an authentication tag", path="ciphered-content")
        nonce = _nonce(title, protected)
        if not control.authentication:
            content = protected[_HEADER:]
            # counter mode is its own inverse, and GCM's key stream does not depend on its tag
            plain = self._gcm.encrypt(nonce, content, None)[:-_GCM_TAG] if control.encryption else content
            return plain, counter, control
        content, tag = protected[_HEADER:-TAG_LENGTH], protected[-TAG_LENGTH:]
        associated += header
        if control.encryption:
            # AESGCM verifies tags of 16 octets only: decipher, cipher again and compare what DLMS sends of the tag
            plain = self._gcm.encrypt(nonce, content, None)[:-_GCM_TAG]
            expected = self._gcm.encrypt(nonce, plain, associated)[_SENT_TAG]
        else:
            plain = content
            expected = self._gcm.encrypt(nonce, b"", associated + content)[:TAG_LENGTH]
        if not hmac.compare_digest(expected, tag):
            raise DecipheringError(
                f"the authentication tag is wrong (security control {octet:02X}, system title "
                f"{title.hex().upper()}): check the encryption and authentication keys of this device"
            )
        return plain, counter, control

    def _prepare(
        self, control: SecurityControl, error: type[KeyUnusable | PolicyViolation]
    ) -> tuple[SecurityControl, bytes]:
        """Know what an SC that is met for the first time says, if these keys are for it. Raises `error`."""
        if control.suite != self.suite.number:
            raise error(f"security suite {control.suite} is used, and the keys are of suite {self.suite.number}")
        if control.compression:
            raise error("compression (V.44) is used, and is not available here: switch it off in the security setup")
        known = control, bytes((control.octet,)) + self._authentication_key
        self._associated[control.octet] = known
        return known


def check_counter(received: int, last: int | None) -> int:
    """The counter itself, if greater than the last one accepted (None: there was none). Raises ReplayedCounter."""
    if last is not None and received <= last:
        raise ReplayedCounter(received, last)
    return received


def _nonce(title: bytes, protected: bytes) -> bytes:
    if len(title) != TITLE_LENGTH:
        raise KeyUnusable(f"a system title has {TITLE_LENGTH} octets, this one {len(title)}")
    return title + protected[1:_HEADER]
