"""Class 7, Profile generic (Blue Book 12, 4.3.6): a buffer that grows with time and is computed when it is read.

A row belongs to each end of a capture period since the meter was installed, or since the buffer was reset, by the
meter's own clock; a period of 86400 s ends at local midnight. Only the newest `entries` rows are there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.bindings.cosempdu import SelectiveAccessDescriptor
from cas.cosem.data import Data
from cas.cosem.scanning import length
from cas.simulator.errors import Refused
from cas.simulator.objects import READ, CosemObject, members_of, number_of, octets_of
from cas.simulator.oddities import Oddity
from cas.simulator.zone import Zone

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

BUFFER, CAPTURE_OBJECTS, PERIOD, SORT_METHOD, SORT_OBJECT, IN_USE, ENTRIES = range(2, 9)
RESET, CAPTURE = 1, 2
BY_RANGE, BY_ENTRY = 1, 2
_CLOCK, _TIME = 8, 2
_FIFO = 1
_DAY = 86_400
_ROW = b"\x02"
_NULL = b"\x00"
_TIME_OCTETS = b"\x09\x0c"


@dataclass(frozen=True, slots=True)
class Column:
    """A capture object: `index` 0 is the whole attribute, else an element of it, counted from 1."""

    source: CosemObject
    attribute: int
    index: int = 0

    @property
    def is_clock(self) -> bool:
        """Whether it is the time of the row."""
        return self.source.class_id == _CLOCK and self.attribute == _TIME

    @property
    def definition(self) -> Data:
        """The capture object definition."""
        return _definition(self.source.class_id, self.source.logical_name, self.attribute, self.index)

    def octets(self, meter: "Meter", at: int) -> bytes:
        """The cell of the row captured at that time."""
        value = self.source.read(meter, self.attribute, at)
        return value.octets if not self.index else members_of(value)[self.index - 1].octets


class ProfileGeneric(CosemObject):
    """A profile. `compressed`: times are null-data after the first row, as some meters save octets."""

    class_id = 7
    version = 1
    methods = 2
    selectors = {BUFFER: (BY_RANGE, BY_ENTRY)}

    def __init__(
        self, logical_name: bytes, columns: Sequence[Column], period: int, entries: int, *, compressed: bool = False
    ) -> None:
        super().__init__(logical_name, dict.fromkeys(range(BUFFER, ENTRIES + 1), READ))
        self.columns = tuple(columns)
        self.period = period
        self.entries = entries
        self._compressed = compressed
        clocks = [column.definition for column in columns if column.is_clock]
        self._fixed = {
            CAPTURE_OBJECTS: Data.array(column.definition for column in columns),
            PERIOD: Data.of("double-long-unsigned", period),
            SORT_METHOD: Data.of("enum", _FIFO),
            SORT_OBJECT: clocks[0] if clocks else _NO_OBJECT,
            ENTRIES: Data.of("double-long-unsigned", entries),
        }

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """The whole buffer, the number of its rows, or what the model says."""
        if attribute == BUFFER:
            return self._rows(meter, *self._kept(meter, at), self.columns)
        if attribute == SORT_OBJECT:
            return self._sort_object(meter)
        if attribute == IN_USE:
            first, last = self._kept(meter, at)
            return Data.of("double-long-unsigned", last - first + 1)
        return self._fixed[attribute]

    def select(self, meter: "Meter", attribute: int, selection: SelectiveAccessDescriptor, at: int) -> Data:
        """Rows by range of time or by number, all columns or some. Raises Refused."""
        if attribute != BUFFER:
            raise Refused(Result.SCOPE_OF_ACCESS_VIOLATED)
        first, last = self._kept(meter, at)
        parameters = members_of(selection.access_parameters, 4)
        if selection.access_selector == BY_RANGE:
            restricting, begin, end, selected = parameters
            if Oddity.NO_COLUMNS in meter.oddities and members_of(selected):
                raise Refused(Result.OTHER_REASON)
            if restricting != self._sort_object(meter):
                raise Refused(Result.OTHER_REASON)
            slots, zone = self._slots, meter.model.zone
            moment = _seconds if Oddity.SORT_OBJECT in meter.oddities else _moment
            low = slots(moment(zone, begin) - 1, zone) + 1
            high = slots(moment(zone, end), zone)
            return self._rows(meter, max(low, first), min(high, last), self._selected(selected))
        if selection.access_selector == BY_ENTRY:
            from_row, to_row, from_column, to_column = map(number_of, parameters)
            if not from_row or not from_column:
                raise Refused(Result.OTHER_REASON)
            high = min(first + to_row - 1, last) if to_row else last
            columns = self.columns[from_column - 1 : to_column or None]
            return self._rows(meter, first + from_row - 1, high, columns)
        raise Refused(Result.SCOPE_OF_ACCESS_VIOLATED)

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Empty the buffer. Raises Refused for capture: rows come by time alone."""
        if method != RESET:
            raise Refused(Result.READ_WRITE_DENIED)
        now = Data.of("double-long-unsigned", meter.now() + meter.clock_offset)
        meter.set_own(self.logical_name, 0, now)
        return None

    def _sort_object(self, meter: "Meter") -> Data:
        return _UNIX_CLOCK if Oddity.SORT_OBJECT in meter.oddities else self._fixed[SORT_OBJECT]

    def _slots(self, time: int, zone: Zone) -> int:
        """The number of the last period that has ended at that time of the meter."""
        return zone.day(time) if self.period == _DAY else time // self.period

    def _time(self, slot: int, zone: Zone) -> int:
        return zone.midnight(slot) if self.period == _DAY else slot * self.period

    def _kept(self, meter: "Meter", at: int) -> tuple[int, int]:
        """The first and the last row that the buffer holds."""
        zone = meter.model.zone
        reset = meter.own(self.logical_name, 0)
        begin = meter.model.installed if reset is None else number_of(reset)
        last = self._slots(at + meter.clock_offset, zone)
        return max(self._slots(begin, zone) + 1, last - self.entries + 1), last

    def _selected(self, definitions: Data) -> Sequence[Column]:
        """The columns that a client names, in the order of the profile; none named means all."""
        wanted = set(members_of(definitions))
        found = [column for column in self.columns if not wanted or column.definition in wanted]
        if wanted and len(found) != len(wanted):
            raise Refused(Result.OBJECT_UNDEFINED)
        return found

    def _rows(self, meter: "Meter", first: int, last: int, columns: Sequence[Column]) -> Data:
        zone, offset = meter.model.zone, meter.clock_offset
        cells: list[Callable[[int], bytes]] = [_cell(column, meter) for column in columns]
        times = [index for index, column in enumerate(columns) if column.is_clock and self._compressed]
        head = _ROW + length(len(columns))
        out = [b"\x01", length(max(last - first + 1, 0))]
        for slot in range(first, last + 1):
            at = self._time(slot, zone) - offset
            row = [cell(at) for cell in cells]
            if slot != first:
                for index in times:
                    row[index] = _NULL
            out.append(head)
            out += row
        return Data(b"".join(out))


def _cell(column: Column, meter: "Meter") -> Callable[[int], bytes]:
    if column.is_clock:
        return lambda at: _TIME_OCTETS + meter.local_time(at)
    return lambda at: column.octets(meter, at)


def _moment(zone: Zone, value: Data) -> int:
    try:
        octets = value.octets[1:] if value.kind == "date-time" else octets_of(value)
        return zone.moment(octets)
    except ValueError:
        raise Refused(Result.OTHER_REASON) from None


def _seconds(_zone: Zone, value: Data) -> int:
    if value.kind != "double-long-unsigned":
        raise Refused(Result.TYPE_UNMATCHED)
    return number_of(value)


def _definition(class_id: int, logical_name: bytes, attribute: int, index: int = 0) -> Data:
    return Data.structure(
        Data.of("long-unsigned", class_id),
        Data.of("octet-string", logical_name),
        Data.of("integer", attribute),
        Data.of("long-unsigned", index),
    )


_NO_OBJECT = _definition(0, bytes(6), 0)
_UNIX_CLOCK = _definition(1, bytes((0, 0, 1, 1, 0, 255)), 2)
"""Seconds since 1970 (Blue Book 12, 6.2)."""
