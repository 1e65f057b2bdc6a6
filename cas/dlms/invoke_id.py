"""Invoke-ids in the octets of APDUs, where they always stand at the same place (Green Book 8.3, 9.5).

A request is numbered, and its answer recognised, without taking either apart: the octet after tag and choice of GET,
SET and ACTION is Invoke-Id-And-Priority (4 bits of identity, service class, priority), the four after the tag of
ACCESS are Long-Invoke-Id-And-Priority (24 bits of identity).
"""

_SHORT = frozenset((192, 193, 195, 196, 197, 199))
_LONG = frozenset((217, 218))
_CONFIRMED, _IDENTITY = 0x40, 0x0F
_LONG_CONFIRMED, _LONG_IDENTITY = 0x40000000, 0x00FFFFFF


def number_of(apdu: bytes) -> int | None:
    """The invoke-id and priority of an APDU; None where it has none."""
    size = len(apdu)
    if size > 2 and apdu[0] in _SHORT:
        return apdu[2]
    return int.from_bytes(apdu[1:5], "big") if size > 4 and apdu[0] in _LONG else None


def numbered(apdu: bytes, number: int) -> bytes:
    """The APDU under another invoke-id and priority; itself where it has none."""
    if apdu[0] in _SHORT:
        return b"%b%c%b" % (apdu[:2], number, apdu[3:])
    return apdu[:1] + number.to_bytes(4, "big") + apdu[5:] if apdu[0] in _LONG else apdu


def confirmed(number: int, identity: int, *, long: bool) -> int:
    """Such a number with this identity and the service class confirmed; priority and other flags stay."""
    return unconfirmed(number, identity, long=long) | (_LONG_CONFIRMED if long else _CONFIRMED)


def unconfirmed(number: int, identity: int, *, long: bool) -> int:
    """The same with the service class unconfirmed: no answer is wanted."""
    if long:
        return number & ~(_LONG_IDENTITY | _LONG_CONFIRMED) | identity & _LONG_IDENTITY
    return number & ~(_IDENTITY | _CONFIRMED) | identity & _IDENTITY


def same_identity(one: int, other: int, *, long: bool) -> bool:
    """Whether two numbers are of one request."""
    return not (one ^ other) & (_LONG_IDENTITY if long else _IDENTITY)


def is_long(apdu: bytes) -> bool:
    """Whether the number of an APDU has four octets."""
    return apdu[0] in _LONG
