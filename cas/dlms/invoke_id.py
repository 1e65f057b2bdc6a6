"""Invoke-ids in the octets of APDUs, where they always stand at the same place (Green Book 8.3, 9.5).

A request is numbered, and its answer recognised, without taking either apart: the octet after tag and choice of GET,
SET and ACTION is Invoke-Id-And-Priority (4 bits of identity, service class, priority), the four after the tag of
ACCESS are Long-Invoke-Id-And-Priority (24 bits of identity).
"""

_SHORT = frozenset((192, 193, 195, 196, 197, 199))
_LONG = frozenset((217, 218))
_CONFIRMED, IDENTITY = 0x40, 0x0F
_LONG_CONFIRMED, _LONG_IDENTITY = 0x40000000, 0x00FFFFFF
_FLAGS = 0xFF & ~(_CONFIRMED | IDENTITY)
_OCTETS = tuple(bytes((number,)) for number in range(256))


def number_of(apdu: bytes) -> int | None:
    """The invoke-id and priority of an APDU; None where it has none."""
    size = len(apdu)
    if size > 2 and apdu[0] in _SHORT:
        return apdu[2]
    return int.from_bytes(apdu[1:5], "big") if size > 4 and apdu[0] in _LONG else None


def identified(request: bytes, identity: int, confirmed: bool = True) -> bytes:
    """A request under this identity, its service class confirmed or not; priority and other flags stay.

    Itself where it has no invoke-id.
    """
    if request[0] in _SHORT:
        number = request[2] & _FLAGS | identity & IDENTITY
        return request[:2] + _OCTETS[number | _CONFIRMED if confirmed else number] + request[3:]
    if request[0] not in _LONG:
        return request
    number = int.from_bytes(request[1:5], "big") & ~(_LONG_IDENTITY | _LONG_CONFIRMED) | identity & _LONG_IDENTITY
    return request[:1] + (number | _LONG_CONFIRMED if confirmed else number).to_bytes(4, "big") + request[5:]


def as_answer(answer: bytes, asked: bytes, request: bytes) -> bytes | None:
    """The answer to what was `asked`, under the whole number of the `request` that it stood for; None for another's.

    What has no identity is taken as it comes.
    """
    if len(answer) > 2 and answer[0] in _SHORT and asked[0] in _SHORT:
        if (answer[2] ^ asked[2]) & IDENTITY:
            return None
        return answer[:2] + _OCTETS[request[2]] + answer[3:]
    received, sent = number_of(answer), number_of(asked)
    if received is None or sent is None:
        return answer
    if answer[0] in _LONG and asked[0] in _LONG and not (received ^ sent) & _LONG_IDENTITY:
        return answer[:1] + request[1:5] + answer[5:]
    return None
