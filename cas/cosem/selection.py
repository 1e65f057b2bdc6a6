"""Selective access to a profile's buffer: by range and by entry, read, mended, resolved (Blue Book 12, 4.3.6).

    selector 1, range_descriptor   restricting_object, from_value, to_value, selected_values
    selector 2, entry_descriptor   from_entry, to_entry, from_selected_value, to_selected_value

Clients on the wire write the fields of restricting_object in any order, which their types tell apart, and leave
selected_values out. A time in a range may be relative to the activation, or of the kind date-time, which stands for a
moment of the client's clock: both become the octet-string of the device's own clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from cas.cosem.data import Data
from cas.cosem.date_time import CosemDate, CosemDateTime, at_deviation, is_relative, resolve
from cas.cosem.kinds import OCTET_STRING, STRUCTURE, TAG, DataError

PROFILE_GENERIC, BUFFER = 7, 2
RANGE, ENTRY = 1, 2
"""The access selectors of the buffer."""

_CLOCK, _TIME = 8, 2
_INTEGER, _LONG_UNSIGNED, _DATE_TIME = TAG["integer"], TAG["long-unsigned"], TAG["date-time"]


class SelectionError(ValueError):
    """A selective access descriptor that is none, also with good will."""


@dataclass(frozen=True, slots=True)
class CaptureObject:
    """A column of a profile: the attribute captured, `data_index` 0 for all of it."""

    class_id: int
    logical_name: bytes
    attribute: int
    data_index: int = 0

    @property
    def is_clock(self) -> bool:
        """Whether this column holds the times of the rows."""
        return (self.class_id, self.attribute) == (_CLOCK, _TIME)

    @classmethod
    def decode(cls, data: Data) -> "CaptureObject":
        """From a structure of the four, whatever their order: the types tell them apart. Raises SelectionError.

        Of the two long-unsigned the class comes before the data index, unless it is 0, which no class is.
        """
        if data.tag != STRUCTURE:
            raise SelectionError(f"a capture object is a structure, not {data.kind}")
        names: list[bytes] = []
        attributes: list[int] = []
        numbers: list[int] = []
        for child in data.children():
            value = child.simple
            if child.tag == OCTET_STRING and isinstance(value, bytes) and len(value) == 6:
                names.append(value)
            elif child.tag == _INTEGER and isinstance(value, int):
                attributes.append(value)
            elif child.tag == _LONG_UNSIGNED and isinstance(value, int):
                numbers.append(value)
            else:
                raise SelectionError(f"{child.kind} has no place in a capture object")
        if (len(names), len(attributes), len(numbers)) != (1, 1, 2):
            raise SelectionError("a capture object has a class, a logical name, an attribute and a data index")
        class_id, data_index = numbers if numbers[0] else reversed(numbers)
        return cls(class_id, names[0], attributes[0], data_index)

    def encode(self) -> Data:
        """As the structure that devices expect."""
        return Data.structure(
            Data.of("long-unsigned", self.class_id),
            Data.of("octet-string", self.logical_name),
            Data.of("integer", self.attribute),
            Data.of("long-unsigned", self.data_index),
        )


@dataclass(frozen=True, slots=True)
class Range:
    """The rows whose value of one column lies between two, both included; all columns if `columns` is empty."""

    column: CaptureObject
    start: Data
    end: Data
    columns: tuple[CaptureObject, ...] = ()

    def encode(self) -> Data:
        """As range_descriptor."""
        columns = Data.array(column.encode() for column in self.columns)
        return Data.structure(self.column.encode(), self.start, self.end, columns)


@dataclass(frozen=True, slots=True)
class Entries:
    """The rows and columns of these numbers, from 1 on, both included; 0 as the end means the last one."""

    first: int = 1
    last: int = 0
    first_column: int = 1
    last_column: int = 0

    def encode(self) -> Data:
        """As entry_descriptor."""
        return Data.structure(
            Data.of("double-long-unsigned", self.first),
            Data.of("double-long-unsigned", self.last),
            Data.of("long-unsigned", self.first_column),
            Data.of("long-unsigned", self.last_column),
        )


Selection: TypeAlias = Range | Entries


def selector_of(selection: Selection) -> int:
    """The access selector of a selection."""
    return RANGE if isinstance(selection, Range) else ENTRY


def parse_selection(selector: int, parameters: Data) -> Selection:
    """Read the access parameters of a profile's buffer, mended as far as they can be. Raises SelectionError."""
    try:
        if selector == RANGE:
            return _parse_range(parameters)
        if selector == ENTRY:
            return _parse_entries(parameters)
    except DataError as error:
        raise SelectionError(str(error)) from None
    raise SelectionError(f"a profile's buffer has the access selectors 1 (range) and 2 (entry), not {selector}")


def clock_range(
    start: datetime, end: datetime, deviation: int, clock: bytes, columns: tuple[CaptureObject, ...]
) -> Range:
    """The range between two moments by the clock of this logical name, at the device's deviation (minutes)."""
    return Range(
        CaptureObject(_CLOCK, clock, _TIME),
        Data.of("octet-string", at_deviation(start, deviation)),
        Data.of("octet-string", at_deviation(end, deviation)),
        columns,
    )


def needs_clock(selection: Selection) -> bool:
    """Whether it takes the device's deviation to resolve this."""
    return (
        isinstance(selection, Range)
        and selection.column.is_clock
        and any(value.tag == _DATE_TIME or _is_relative(value) for value in (selection.start, selection.end))
    )


def resolve_selection(selection: Selection, now: datetime, deviation: int, *, reversed_sign: bool = False) -> Selection:
    """Make the times of a range what the device expects, at `now`; whatever else stays.

    `deviation` is what the device's clock says, in minutes; with `reversed_sign` it counts from UTC to local time, the
    wrong way round, and is sent so. Raises SelectionError for a relative form that does not exist.
    """
    if not isinstance(selection, Range) or not selection.column.is_clock:
        return selection
    start = _resolve(selection.start, now, deviation, reversed_sign)
    return replace(selection, start=start, end=_resolve(selection.end, now, deviation, reversed_sign))


def by_unix_clock(selection: Range, column: CaptureObject, deviation: int, *, reversed_sign: bool = False) -> Range:
    """The same range of time by a column that counts the seconds since 1970 UTC.

    The deviation in its times is signed as `reversed_sign` says; one without is taken at `deviation` (minutes). Raises
    SelectionError for a time that is no moment.
    """
    start = _unix_time(selection.start, deviation, 0, reversed_sign)
    end = _unix_time(selection.end, deviation, 0xFFFF_FFFF, reversed_sign)
    return replace(selection, column=column, start=start, end=end)


def _unix_time(value: Data, deviation: int, unspecified: int, reversed_sign: bool) -> Data:
    octets = value.simple
    if not isinstance(octets, bytes):
        return value
    try:
        at = CosemDateTime.decode(octets)
        if at.date == CosemDate():
            return Data.of("double-long-unsigned", unspecified)
        given = deviation if at.deviation is None else at.deviation
        true = replace(at, deviation=-given if reversed_sign else given)
        return Data.of("double-long-unsigned", int(true.to_datetime().timestamp()))
    except (ValueError, OverflowError) as error:
        raise SelectionError(str(error)) from None


def _resolve(value: Data, now: datetime, deviation: int, reversed_sign: bool) -> Data:
    true_deviation = -deviation if reversed_sign else deviation
    octets = value.simple
    if not isinstance(octets, bytes):
        return value
    try:
        if _is_relative(value):
            octets = resolve(octets, now, true_deviation)
        elif value.tag == _DATE_TIME:
            octets = _at_device(CosemDateTime.decode(octets), true_deviation)
        else:
            return value
    except (ValueError, OverflowError) as error:
        raise SelectionError(str(error)) from None
    if reversed_sign:
        octets = octets[:9] + deviation.to_bytes(2, "big", signed=True) + octets[11:]
    return Data.of("octet-string", octets)


def _at_device(at: CosemDateTime, deviation: int) -> bytes:
    """The moment at the device's deviation; a time without one is meant as the device's own."""
    if at.deviation is None:
        return replace(at, deviation=deviation).encode()
    return at_deviation(at.to_datetime(), deviation)


def _is_relative(value: Data) -> bool:
    octets = value.simple
    return value.tag in (OCTET_STRING, _DATE_TIME) and isinstance(octets, bytes) and is_relative(octets)


def _parse_range(parameters: Data) -> Range:
    if parameters.tag != STRUCTURE:
        raise SelectionError(f"a range descriptor is a structure, not {parameters.kind}")
    parts = parameters.children()
    if len(parts) not in (3, 4):
        raise SelectionError(f"a range descriptor has 4 elements, not {len(parts)}")
    columns = parts[3].children() if len(parts) == 4 else []
    return Range(CaptureObject.decode(parts[0]), parts[1], parts[2], tuple(map(CaptureObject.decode, columns)))


def _parse_entries(parameters: Data) -> Entries:
    value = parameters.value
    if not isinstance(value, tuple) or not 2 <= len(value) <= 4:
        raise SelectionError("an entry descriptor is a structure of 4 numbers")
    numbers = [item for item in value if isinstance(item, int) and item >= 0]
    if len(numbers) != len(value):
        raise SelectionError("an entry descriptor is a structure of 4 numbers")
    return Entries(*numbers)
