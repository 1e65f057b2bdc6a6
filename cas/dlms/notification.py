"""What a device sends unasked, taken out of its protection and confirmed (Green Book 8.3, 9.3.10 and 9.3.11).

A data-notification has the form general-glo- or general-ciphering when it is ciphered, which name the sender; event
notifications and information reports have a glo- form as well, which does not. Only a data-notification may ask for a
confirmation. Sans-IO; who the sender is, and whether a counter is fresh, is for the caller to find out.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import DecodeError, KeyUnusable, PolicyViolation, UnexpectedApdu, WrongSystemTitle
from cas.dlms.security.ciphering import Ciphering, Unprotected
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import header_of
from cas.dlms.security.policy import Protection
from cas.dlms.security.wrapping import (
    GENERAL_GLO_CIPHERING,
    Scope,
    decode_octets,
    is_ciphered,
    require_plain_tag,
    unwrap,
)

DATA_NOTIFICATION, INFORMATION_REPORT, EVENT_NOTIFICATION = 15, 24, 194
GLO_INFORMATION_REPORT, GLO_EVENT_NOTIFICATION = 56, 202
GENERAL_CIPHERING = 221
TAGS = frozenset(
    {
        DATA_NOTIFICATION,
        INFORMATION_REPORT,
        EVENT_NOTIFICATION,
        GLO_INFORMATION_REPORT,
        GLO_EVENT_NOTIFICATION,
        GENERAL_GLO_CIPHERING,
        GENERAL_CIPHERING,
    }
)
"""First octets that a notification may have, plain or ciphered; blocks (general-block-transfer) apart."""

_SERVICE_CLASS = 1 << 30
"""Bit of long-invoke-id-and-priority: a confirmation is asked for."""

Body: TypeAlias = cos.DataNotification | cos.EventNotificationRequest | cos.InformationReportRequest


class Kind(StrEnum):
    """The kinds of notifications, by their names in the ASN.1."""

    DATA = "data-notification"
    EVENT = "event-notification-request"
    REPORT = "informationReportRequest"


_KINDS: dict[int, Kind] = {
    DATA_NOTIFICATION: Kind.DATA,
    EVENT_NOTIFICATION: Kind.EVENT,
    INFORMATION_REPORT: Kind.REPORT,
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A notification without its protection: the plain APDU, decoded as well, and how it was protected.

    `control` and `counter` are None if it came plain.
    """

    kind: Kind
    plain: bytes
    body: Body
    control: SecurityControl | None = None
    counter: int | None = None

    @property
    def proven(self) -> bool:
        """Whether it is authenticated: nobody without the keys of the device has made it."""
        return self.control is not None and self.control.authentication


def named_title(apdu: bytes) -> bytes:
    """The system title that an APDU names as its sender's, empty if none; it proves nothing. Raises DecodeError."""
    if apdu[:1] == bytes((GENERAL_GLO_CIPHERING,)):
        return decode_octets(apdu, 1, "system-title")[0]
    if apdu[:1] == bytes((GENERAL_CIPHERING,)):
        _, position = decode_octets(apdu, 1, "transaction-id")
        return decode_octets(apdu, position, "originator-system-title")[0]
    return b""


def open_notification(apdu: bytes, title: bytes, ciphering: Ciphering | None, required: Protection) -> Opened:
    """Take a notification out of its protection, of the device with this system title and these keys.

    `required` is the least protection that is accepted. Raises SecurityError for what may be forged, DecodeError,
    UnexpectedApdu for an APDU that is no notification, KeyUnusable when a key is missing.
    """
    if not apdu or apdu[0] not in TAGS:
        raise UnexpectedApdu(f"an APDU with tag {apdu[0]}" if apdu else "no octets", "a notification")
    if apdu[0] in _KINDS:
        required.require(None)
        return _opened(apdu)
    if ciphering is None:
        raise KeyUnusable("a ciphered notification came, and there are no keys for this device")
    plain, counter, control = _unprotect(apdu, title, ciphering)
    if control.broadcast:
        raise PolicyViolation("a notification under the broadcast key may come from any device")
    required.require(control)
    return _opened(plain, control, counter)


def kind_of(body: Body) -> Kind:
    """Which kind of notification it is."""
    return _KINDS[encode_apdu(body)[0]]


def confirmation(body: Body) -> bytes | None:
    """The data-notification-confirm that a notification asks for; None if it asks for none."""
    if not isinstance(body, cos.DataNotification) or not body.long_invoke_id_and_priority & _SERVICE_CLASS:
        return None
    number = body.long_invoke_id_and_priority
    return encode_apdu(cos.DataNotificationConfirm(long_invoke_id_and_priority=number, date_time=b""))


def _unprotect(apdu: bytes, title: bytes, ciphering: Ciphering) -> Unprotected:
    if named := named_title(apdu):
        if title and named != title:
            raise WrongSystemTitle(named, title)
        title = named
    if is_ciphered(apdu[0]):
        ciphered = unwrap(apdu)
        assert ciphered.scope is Scope.GLOBAL  # noqa: S101 - TAGS has no other
        found = ciphering.unprotect(ciphered.content, title)
        require_plain_tag(ciphered.plain_tag, found.plain)
        return found
    general = decode_apdu(apdu)
    assert isinstance(general, cos.GeneralCiphering)  # noqa: S101 - by its tag
    _require_global_key(general.key_info)
    return ciphering.unprotect(general.ciphered_content, title, header_of(general).octets)


def _require_global_key(info: cos.KeyInfo | None) -> None:
    """Refuse a key that comes with the notification: its counter begins anew, so that nothing would tell a replay."""
    if info is None:
        return
    if info.identified_key is None or info.identified_key.key_id is not cos.KeyId.GLOBAL_UNICAST_ENCRYPTION_KEY:
        raise PolicyViolation("a notification must be ciphered with the global unicast encryption key")


def _opened(plain: bytes, control: SecurityControl | None = None, counter: int | None = None) -> Opened:
    kind = _KINDS.get(plain[0]) if plain else None
    if kind is None:
        raise UnexpectedApdu("no notification under the ciphering", "a notification")
    body = decode_apdu(plain)
    if not isinstance(body, Body):
        raise DecodeError(f"{type(body).__name__} is no notification")
    return Opened(kind, plain, body, control, counter)
