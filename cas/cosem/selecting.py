"""Selecting rows and columns of a profile's buffer here, for devices that cannot (Blue Book 12, 4.3.6).

The rows keep the octets that the device sent. Only where the row before one that is kept is dropped, its null-data
and differences are replaced by the values that they stand for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from cas.cosem.data import Data, expand
from cas.cosem.date_time import CosemDateTime
from cas.cosem.kinds import ARRAY, COMPACT_ARRAY, DELTAS, NULL, STRUCTURE, DataError
from cas.cosem.selection import CaptureObject, Entries, Range, Selection, SelectionError


@dataclass(frozen=True, slots=True)
class Layout:
    """How a profile's buffer is built: its columns, and the capture period in seconds (0: none)."""

    columns: tuple[CaptureObject, ...]
    capture_period: int = 0

    def places(self, wanted: Sequence[CaptureObject]) -> list[int]:
        """Where the wanted columns stand, in the buffer's own order; all of them if none is wanted.

        Raises SelectionError when the profile has not such a column.
        """
        if missing := set(wanted).difference(self.columns):
            names = ", ".join(f"{c.class_id}/{c.logical_name.hex().upper()}/{c.attribute}" for c in missing)
            raise SelectionError(f"the profile does not capture {names}")
        return [i for i, column in enumerate(self.columns) if not wanted or column in wanted]


def select(buffer: Data, selection: Selection, layout: Layout, deviation: int = 0) -> Data:
    """What of the whole buffer the selection means; times without a deviation are taken at `deviation` (minutes).

    Raises SelectionError for a column that the profile has not, a range that cannot be judged here, or a row that has
    not a value for each column.
    """
    rows = _rows(buffer)
    if rows is None:
        return buffer
    odd = next((n for n, row in enumerate(rows) if len(row) != len(layout.columns)), None)
    if odd is not None:
        raise SelectionError(f"row {odd} has {len(rows[odd])} values, the profile {len(layout.columns)} columns")
    if isinstance(selection, Entries):
        return _select_entries(rows, selection, layout)
    places = layout.places(selection.columns)
    if selection.column not in layout.columns:
        raise SelectionError("the restricting object is no column of the profile")
    key = layout.columns.index(selection.column)
    if selection.column.is_clock:
        kept = _between_times(rows, key, selection, layout, deviation)
    else:
        kept = _between_numbers(rows, key, selection)
    return _keep(rows, kept, places, layout)


def select_columns(buffer: Data, columns: Sequence[CaptureObject], layout: Layout) -> Data:
    """The buffer with these columns only. Raises SelectionError for one that the profile has not."""
    places = layout.places(columns)
    rows = _rows(buffer)
    if rows is None or len(places) == len(layout.columns):
        return buffer
    return Data.array(Data.structure(*(row[i] for i in places if i < len(row))) for row in rows)


def _rows(buffer: Data) -> list[list[Data]] | None:
    """The cells of each row; None if it has no rows."""
    if buffer.tag not in (ARRAY, COMPACT_ARRAY):
        return None
    rows = list(expand(buffer)) if buffer.tag == COMPACT_ARRAY else buffer.children()
    return [row.children() for row in rows] if all(row.tag == STRUCTURE for row in rows) else None


def _select_entries(rows: list[list[Data]], selection: Entries, layout: Layout) -> Data:
    last = selection.last or len(rows)
    kept = list(range(max(selection.first, 1) - 1, min(last, len(rows))))
    last_column = selection.last_column or len(layout.columns)
    return _keep(rows, kept, list(range(max(selection.first_column, 1) - 1, last_column)), layout)


def _keep(rows: list[list[Data]], kept: list[int], places: list[int], layout: Layout) -> Data:
    if not kept:
        return Data.array(())
    for before, number in zip([None, *kept], kept, strict=False):
        if before is None or before != number - 1:
            rows[number] = _filled(rows, number, layout)
    return Data.array(Data.structure(*(rows[n][i] for i in places if i < len(rows[n]))) for n in kept)


def _filled(rows: list[list[Data]], number: int, layout: Layout) -> list[Data]:
    """A row whose null-data and differences are what they stand for, as far as the rows before tell."""
    return [
        _meant(rows, number, place, layout) if cell.tag == NULL or cell.tag in DELTAS else cell
        for place, cell in enumerate(rows[number])
    ]


def _meant(rows: list[list[Data]], number: int, place: int, layout: Layout) -> Data:
    difference = 0
    for back in range(number, -1, -1):
        cell = rows[back][place]
        value = cell.simple
        if cell.tag in DELTAS and isinstance(value, int):
            difference += value
        elif cell.tag != NULL:
            later = _later(cell, number - back, place, layout)
            return later if not difference else _plus(later, difference)
    return rows[number][place]


def _plus(cell: Data, difference: int) -> Data:
    value = cell.simple
    try:
        return Data.of(cell.kind, value + difference) if isinstance(value, int | float) else cell
    except DataError:  # beyond its kind: the device counts otherwise than we think
        return cell


def _later(cell: Data, periods: int, place: int, layout: Layout) -> Data:
    octets = cell.simple
    is_clock = place < len(layout.columns) and layout.columns[place].is_clock
    if not is_clock or not layout.capture_period or not isinstance(octets, bytes):
        return cell
    try:
        at = CosemDateTime.decode(octets).plus(timedelta(seconds=layout.capture_period * periods))
    except (ValueError, OverflowError):
        return cell
    return Data.of(cell.kind, at.encode())


def _between_times(rows: list[list[Data]], key: int, selection: Range, layout: Layout, deviation: int) -> list[int]:
    start, end = _moment(selection.start, deviation), _moment(selection.end, deviation)
    kept = []
    at: datetime | None = None
    for number, row in enumerate(rows):
        cell = row[key]
        if cell.tag != NULL:
            at = _moment(cell, deviation)
        elif at is not None:
            at = at + timedelta(seconds=layout.capture_period) if layout.capture_period else None
        if at is not None and (start is None or start <= at) and (end is None or at <= end):
            kept.append(number)
    return kept


def _between_numbers(rows: list[list[Data]], key: int, selection: Range) -> list[int]:
    start, end = selection.start.simple, selection.end.simple
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        raise SelectionError("a range by something else than a clock needs two numbers")
    kept = []
    value: object = None
    for number, row in enumerate(rows):
        cell = row[key]
        if cell.tag in DELTAS:
            value = value + cell.simple if isinstance(value, int) and isinstance(cell.simple, int) else None
        elif cell.tag != NULL:
            value = cell.simple
        if isinstance(value, int | float) and start <= value <= end:
            kept.append(number)
    return kept


def _moment(value: Data, deviation: int) -> datetime | None:
    """The moment of a time; None for one that is not specified, which bounds nothing."""
    octets = value.simple
    if not isinstance(octets, bytes):
        return None
    try:
        return CosemDateTime.decode(octets).to_datetime(timezone(timedelta(minutes=-deviation))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
