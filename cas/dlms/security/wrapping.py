"""The APDUs that carry protected ones: glo- and ded- by service, general-glo- and general-ded-ciphering.

Each service has its own tag for protection with the global and with the dedicated key; the general ones carry any
APDU, and the sender's system title (Green Book 8.3, 9.2.7.2 and 9.5).
"""

from enum import Enum
from typing import NamedTuple

from cas.cosem.kinds import DataError
from cas.cosem.scanning import length, read_length
from cas.dlms.errors import DecodeError, EncodeError, UnexpectedApdu

GENERAL_GLO_CIPHERING = 219
GENERAL_DED_CIPHERING = 220

_GLO = {
    1: 33,  # initiateRequest
    5: 37,  # readRequest
    6: 38,  # writeRequest
    8: 40,  # initiateResponse
    12: 44,  # readResponse
    13: 45,  # writeResponse
    14: 46,  # confirmedServiceError
    22: 54,  # unconfirmedWriteRequest
    24: 56,  # informationReportRequest
    192: 200,  # get-request
    193: 201,  # set-request
    194: 202,  # event-notification-request
    195: 203,  # action-request
    196: 204,  # get-response
    197: 205,  # set-response
    199: 207,  # action-response
}
_DED = {plain: glo + (8 if plain >= 192 else 32) for plain, glo in _GLO.items()}


class Scope(Enum):
    """Which key protects: the global one, or the one dedicated to an association."""

    __hash__ = object.__hash__  # by identity, as there is one of each: Enum would hash the name, in Python

    GLOBAL = "glo"
    DEDICATED = "ded"


_CIPHERED = {Scope.GLOBAL: _GLO, Scope.DEDICATED: _DED}
_HEADS = {scope: {plain: bytes((tag,)) for plain, tag in table.items()} for scope, table in _CIPHERED.items()}
_PLAIN = {tag: (plain, scope) for scope, table in _CIPHERED.items() for plain, tag in table.items()}
NOTIFICATIONS = frozenset(tag for plain in (15, 24, 194) for tag in (plain, _GLO.get(plain), _DED.get(plain)) if tag)
"""Tags that only a notification begins with: plain, or under a glo- or ded- form."""
_GENERAL = {Scope.GLOBAL: GENERAL_GLO_CIPHERING, Scope.DEDICATED: GENERAL_DED_CIPHERING}
_GENERAL_SCOPE = {tag: scope for scope, tag in _GENERAL.items()}
CIPHERED = frozenset((*_PLAIN, *_GENERAL_SCOPE))
"""Tags of glo-, ded-, general-glo- and general-ded-ciphering APDUs."""


class Ciphered(NamedTuple):
    """A ciphered APDU taken apart.

    `plain_tag` is the tag that the content must have once it is plain, and `title` is empty, for glo- and ded-; for the
    general forms `plain_tag` is None and `title` the sender's, which may be empty as well.
    """

    scope: Scope
    plain_tag: int | None
    title: bytes
    content: bytes


def has_service_specific(plain_tag: int) -> bool:
    """Whether the service with this tag has glo- and ded- forms; the others (ACCESS, data-notification) are general."""
    return plain_tag in _GLO


def is_ciphered(tag: int) -> bool:
    """Whether an APDU with this tag is a glo-, ded-, general-glo- or general-ded-ciphering one."""
    return tag in CIPHERED


def wrap(plain_tag: int, protected: bytes, scope: Scope = Scope.GLOBAL) -> bytes:
    """The glo- or ded- APDU of the service whose plain APDU has this tag. Raises EncodeError when it has none."""
    try:
        head = _HEADS[scope][plain_tag]
    except KeyError:
        raise EncodeError(f"the APDU with tag {plain_tag} has no {scope.value}- form: use general ciphering") from None
    return head + encode_octets(protected)


def wrap_general(title: bytes, protected: bytes, scope: Scope = Scope.GLOBAL) -> bytes:
    """The general-glo- or general-ded-ciphering APDU, with the sender's system title."""
    return bytes((_GENERAL[scope],)) + encode_octets(title) + encode_octets(protected)


def unwrap(apdu: bytes) -> Ciphered:
    """Take a ciphered APDU apart. Raises UnexpectedApdu for one of another kind, DecodeError for bad lengths."""
    return Ciphered(*parts(apdu))


def parts(apdu: bytes) -> tuple[Scope, int | None, bytes, bytes]:
    """The fields of the same, for an association, which takes each answer apart."""
    tag = apdu[0] if apdu else -1
    title = b""
    position = 1
    if tag in _PLAIN:
        plain_tag, scope = _PLAIN[tag]
        expected: int | None = plain_tag
    elif tag in _GENERAL_SCOPE:
        scope, expected = _GENERAL_SCOPE[tag], None
        title, position = decode_octets(apdu, position, "system-title")
    else:
        raise UnexpectedApdu(f"an APDU with tag {tag}" if apdu else "no octets", "a ciphered APDU")
    content, position = decode_octets(apdu, position, "ciphered-content")
    if position != len(apdu):
        raise DecodeError(f"{len(apdu) - position} octets too many", position)
    return scope, expected, title, content


def require_plain_tag(plain_tag: int | None, plain: bytes) -> bytes:
    """The plain APDU itself, if it is of the service that its wrapping named. Raises UnexpectedApdu."""
    if not plain:
        raise DecodeError("no APDU under the ciphering", path="ciphered-content")
    if plain_tag is not None and plain[0] != plain_tag:
        raise UnexpectedApdu(f"an APDU with tag {plain[0]} under the ciphering", f"tag {plain_tag}")
    return plain


def encode_octets(octets: bytes) -> bytes:
    """An OCTET STRING of variable length in A-XDR: its length and the octets (IEC 61334-6, 6.8)."""
    return length(len(octets)) + octets


def decode_octets(apdu: bytes, position: int, path: str) -> tuple[bytes, int]:
    """An OCTET STRING that begins at `position`, and the position after it. Raises DecodeError naming `path`."""
    if position < len(apdu) and apdu[position] < 0x80:  # most are as short
        size, start = apdu[position], position + 1
    else:
        try:
            size, start = read_length(apdu, position)
        except DataError as error:
            raise DecodeError(error.reason, position, path) from None
    end = start + size
    if end > len(apdu):
        raise DecodeError(f"{size} octets announced, {len(apdu) - start} left", position, path)
    return apdu[start:end], end
