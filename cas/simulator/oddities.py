"""Ways in which a simulated meter departs from the standard; each has its counterpart among the quirks of a device.

silent-release          does not answer RLRQ                            quirk release
release-exception       answers RLRQ by an exception-response           quirk release_refused
pre-established         has its associations open without AARQ          quirk pre_established
public-unassociated     the same for its public client only             quirk counter_associates
pause=SECONDS           needs so long between two associations          quirk pause
address-size=OCTETS     HDLC: hears addresses of so many octets only    address-size in the URL
list-size=NUMBER        refuses longer lists by an exception            quirk list_size
no-lists                does not agree to multiple references
no-selection            does not agree to selective access              quirk selective_access
no-columns              refuses a choice of columns in a range          quirk selected_values
sort-object             restricts ranges by a UNIX clock only           quirk sort_object
reversed-deviation      counts its deviation from UTC to local time     quirk reversed_deviation
surplus-octets          adds two octets to answers in the clear         quirk surplus_octets
no-general-blocks       does not agree to general block transfer        quirk general_block_transfer
general-blocks          prefers it to blocks of the services            quirk general_blocks
block-window=NUMBER     refuses to send more blocks in a row            quirk block_window
short-names             knows short names only                          quirk short_names
general-only            refuses glo- and ded- forms of the services     quirk ciphering
dedicated-only          refuses services under the global key           quirk dedicated_key
signed-only             refuses what is not signed                      quirk signing
encrypted-answers       encrypts its answers without a tag              quirk response_protection
silent-counter          does not answer a counter that was used         quirk read_counter
counter-restarts        begins its counter anew each time               quirk counter_restarts
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cas.cosem.date_time import CosemDateTime
from cas.dlms.conformance import SHORT_NAME, Conformance
from cas.dlms.server import ServerAssociation
from cas.dlms.server_blocks import BlockServer
from cas.dlms.xdlms.gbt import MAX_WINDOW
from cas.simulator.errors import SimulatorError
from cas.simulator.faults import indices
from cas.simulator.zone import Zone

_RLRQ = b"\x62"
_NOT_POSSIBLE = bytes((0xD8, 1, 1))
"""exception-response: service-not-allowed, operation-not-possible."""
_OTHER = bytes((0xD8, 2, 3))
_LISTS = (b"\xc0\x03", b"\xc1\x04", b"\xc3\x03")
_ITEMS = 3
"""Where the number of items of a list stands."""
_VALUE = b"\xc4\x01"
_BLOCK = 0xE0
_GLOBAL = frozenset((*range(33, 57), *range(200, 208), 219))
_OF_SERVICES = frozenset((*range(33, 57), *range(65, 89), *range(200, 216)))
"""Tags of the ciphered forms that belong to a service, glo- and ded- (Green Book 8.3, 9.5)."""
_COUNTER_ERROR = b"\xd8\x01\x06"


class Oddity(StrEnum):
    """The ways."""

    # as the text that it is: Enum would hash the name, in Python, wherever a meter is asked what it has
    __hash__ = str.__hash__

    SILENT_RELEASE = "silent-release"
    RELEASE_EXCEPTION = "release-exception"
    PRE_ESTABLISHED = "pre-established"
    PUBLIC_UNASSOCIATED = "public-unassociated"
    PAUSE = "pause"
    ADDRESS_SIZE = "address-size"
    LIST_SIZE = "list-size"
    NO_LISTS = "no-lists"
    NO_SELECTION = "no-selection"
    NO_COLUMNS = "no-columns"
    SORT_OBJECT = "sort-object"
    REVERSED_DEVIATION = "reversed-deviation"
    SURPLUS_OCTETS = "surplus-octets"
    NO_GENERAL_BLOCKS = "no-general-blocks"
    GENERAL_BLOCKS = "general-blocks"
    BLOCK_WINDOW = "block-window"
    SHORT_NAMES = "short-names"
    GENERAL_ONLY = "general-only"
    DEDICATED_ONLY = "dedicated-only"
    SIGNED_ONLY = "signed-only"
    ENCRYPTED_ANSWERS = "encrypted-answers"
    SILENT_COUNTER = "silent-counter"
    COUNTER_RESTARTS = "counter-restarts"


Oddities = Mapping[Oddity, float]
"""What a meter has, each with its number where it takes one."""

_NUMBERED = frozenset((Oddity.PAUSE, Oddity.ADDRESS_SIZE, Oddity.LIST_SIZE, Oddity.BLOCK_WINDOW))
_MISSING = {
    Oddity.NO_LISTS: Conformance.MULTIPLE_REFERENCES,
    Oddity.NO_SELECTION: Conformance.SELECTIVE_ACCESS,
    Oddity.NO_GENERAL_BLOCKS: Conformance.GENERAL_BLOCK_TRANSFER,
}


def parse_oddity(text: str) -> tuple[Oddity, float]:
    """From text, as `list-size=3`. Raises SimulatorError."""
    name, given, number = text.partition("=")
    try:
        oddity = Oddity(name)
        value = float(number) if given else 0.0
    except ValueError:
        raise SimulatorError(f"{text!r} is no oddity; known are {', '.join(Oddity)}") from None
    if (oddity in _NUMBERED) != bool(given) or value < 0:
        raise SimulatorError(f"{text!r}: a number goes with {' and '.join(sorted(_NUMBERED))}, and with nothing else")
    return oddity, value


def parse_oddities(texts: Sequence[str], meters: int) -> list[Oddities]:
    """What each meter has; as text for all of them, or for some: `list-size=3:0,2-4`. Raises SimulatorError."""
    found: list[dict[Oddity, float]] = [{} for _ in range(meters)]
    for text in texts:
        oddity, number = parse_oddity(text.partition(":")[0])
        for index in indices(text, meters):
            found[index][oddity] = number
    return list(found)


def conformance(offered: Conformance, oddities: Oddities) -> Conformance:
    """What a meter with these agrees to."""
    if Oddity.SHORT_NAMES in oddities:
        offered = SHORT_NAME
    for oddity, bit in _MISSING.items():
        if oddity in oddities:
            offered &= ~bit
    return offered


class OddServer(BlockServer):
    """The server of a meter that answers otherwise than it should."""

    def __init__(self, association: ServerAssociation, oddities: Oddities) -> None:
        super().__init__(association)
        self._oddities = oddities

    def receive(self, apdu: bytes) -> tuple[bytes, ...]:
        """Serve one APDU and return what is to be sent."""
        if apdu[:1] == _RLRQ and Oddity.SILENT_RELEASE in self._oddities:
            return ()
        if apdu[:1] == _RLRQ and Oddity.RELEASE_EXCEPTION in self._oddities:
            return (_NOT_POSSIBLE,)
        if self._is_refused(apdu):
            return (_OTHER,)
        answers = super().receive(apdu)
        if Oddity.SILENT_COUNTER in self._oddities and any(answer[:3] == _COUNTER_ERROR for answer in answers):
            return ()
        if Oddity.SURPLUS_OCTETS in self._oddities:
            return tuple(answer + bytes(2) if answer[:2] == _VALUE else answer for answer in answers)
        return answers

    def _is_refused(self, apdu: bytes) -> bool:
        odd = self._oddities
        tag = apdu[0] if len(apdu) > 1 else 0
        if tag == _BLOCK:
            return apdu[1] & MAX_WINDOW > odd.get(Oddity.BLOCK_WINDOW, MAX_WINDOW)
        if apdu[:2] in _LISTS:
            return apdu[_ITEMS] > odd.get(Oddity.LIST_SIZE, 0xFF)
        by_service = tag in _OF_SERVICES and Oddity.GENERAL_ONLY in odd
        return by_service or (tag in _GLOBAL and Oddity.DEDICATED_ONLY in odd)


@dataclass(frozen=True, slots=True)
class ReversedZone(Zone):
    """A zone whose deviation is written with the other sign."""

    def octets(self, at: int) -> bytes:
        """The time as 12 octets."""
        return _reversed(Zone.octets(self, at))

    def moment(self, octets: bytes) -> int:
        """The time that 12 octets mean. Raises ValueError."""
        return Zone.moment(self, _reversed(octets))


def _reversed(octets: bytes) -> bytes:
    given = CosemDateTime.decode(octets)
    if given.deviation is None:
        return octets
    return octets[:9] + (-given.deviation).to_bytes(2, "big", signed=True) + octets[11:]
