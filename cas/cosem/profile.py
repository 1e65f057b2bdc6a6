"""Rows of a profile buffer as typed columns: times, scaled numbers, null-data filled in (Blue Book 12, 4.3.6).

A meter may send null-data for a value equal to that of the row before, and for a time that is one capture period
after that of the row before; it then has that row's deviation and clock status. It may send the difference to the
value before, as a delta type (Blue Book 12, 4.1.5). What is null or a difference in the first row cannot be known
from the buffer, and stays None.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

from cas.cosem.data import Data, Value, expand
from cas.cosem.date_time import CosemDateTime
from cas.cosem.kinds import COMPACT_ARRAY, DELTAS
from cas.cosem.obis import Obis
from cas.cosem.units import symbol

Cell: TypeAlias = object
"""A CosemDateTime, a Decimal (scaled), or the value as it came; None where it is not known."""

_CLOCK, _TIME = 8, 2


@dataclass(frozen=True, slots=True)
class Column:
    """One capture object, with scaler and unit of the register it captures, if it captures a register's value."""

    class_id: int
    logical_name: Obis
    attribute: int
    data_index: int = 0
    scaler: int | None = None
    unit: int | None = None

    @property
    def is_clock(self) -> bool:
        """Whether this column holds the times of the rows."""
        return self.class_id == _CLOCK and self.attribute == _TIME

    @property
    def unit_symbol(self) -> str:
        """The symbol of the unit; empty without one."""
        return "" if self.unit is None else symbol(self.unit)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its time where there is a clock column that could be read, and a cell for each column."""

    time: CosemDateTime | None
    cells: tuple[Cell, ...]


def plain_rows(buffer: Data) -> list[tuple[Value, ...]] | None:
    """The rows of a buffer as plain values, differences added up; None if it holds something else than rows."""
    values = buffer.value
    if not isinstance(values, list) or not all(isinstance(row, tuple) for row in values):
        return None
    deltas = _deltas(buffer)
    before: dict[int, Value] = {}
    found: list[tuple[Value, ...]] = []
    for row, delta in zip(values, deltas, strict=True) if deltas else ():
        cells = list(row)  # type: ignore[arg-type]  # a tuple
        for place, value in enumerate(cells):
            if place in delta:
                last = before.get(place)
                known = isinstance(last, int | float) and isinstance(value, int)
                cells[place] = last + value if known else None  # type: ignore[operator]  # numbers
            if value is not None:
                before[place] = cells[place]
        found.append(tuple(cells))
    return found if deltas else values  # type: ignore[return-value]  # tuples


def _deltas(buffer: Data) -> list[frozenset[int]]:
    """Which cells of each row are of a delta type; nothing at all if none is."""
    items = expand(buffer) if buffer.tag == COMPACT_ARRAY else iter(buffer.children())
    places = [frozenset(i for i, cell in enumerate(row.children()) if cell.tag in DELTAS) for row in items]
    return places if any(places) else []


def rows(columns: Sequence[Column], buffer: Iterable[Sequence[object]], capture_period: int = 0) -> list[Row]:
    """The buffer's rows, typed. `buffer` holds plain values, null-data as None.

    `capture_period` is in seconds, 0 where the profile has none: no time is derived then.
    Raises ValueError, naming the row, when one has not a value for each column.
    """
    clock = next((index for index, column in enumerate(columns) if column.is_clock), None)
    previous: list[Cell] = [None] * len(columns)
    scales = [None if column.scaler is None else Decimal(1).scaleb(column.scaler) for column in columns]
    found = []
    for number, raw in enumerate(buffer):
        if len(raw) != len(columns):
            raise ValueError(f"row {number} has {len(raw)} values, the profile {len(columns)} columns")
        cells: list[Cell] = []
        for index, value in enumerate(raw):
            if value is None:
                before = previous[index]
                cells.append(_next_time(before, capture_period) if columns[index].is_clock else before)
            elif columns[index].is_clock:
                cells.append(_time(value))
            else:
                cells.append(_scaled(value, scales[index]))
        time = None if clock is None else cells[clock]
        found.append(Row(time if isinstance(time, CosemDateTime) else None, tuple(cells)))
        previous = cells
    return found


def _scaled(value: object, scale: Decimal | None) -> Cell:
    if scale is None or not isinstance(value, int) or isinstance(value, bool):
        return value
    return value * scale


def _time(value: object) -> Cell:
    if not isinstance(value, bytes):
        return value
    try:
        return CosemDateTime.decode(value)
    except ValueError:
        return value


def _next_time(before: Cell, capture_period: int) -> CosemDateTime | None:
    """One capture period after; None where the time before does not tell, or there is no period."""
    if not isinstance(before, CosemDateTime) or not capture_period:
        return None
    try:
        return before.plus(timedelta(seconds=capture_period))
    except (ValueError, OverflowError):
        return None
