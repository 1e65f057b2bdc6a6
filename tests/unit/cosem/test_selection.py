"""Selections of a profile's buffer: mended, resolved, and done here where the device cannot."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.cosem.kinds import Kind
from cas.cosem.profile import plain_rows
from cas.cosem.selecting import Layout, select, select_columns
from cas.cosem.selection import (
    CaptureObject,
    Entries,
    Range,
    SelectionError,
    needs_clock,
    parse_selection,
    resolve_selection,
)
from cas.cosem.selection_xml import mend_selections

CLOCK = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2)
ENERGY = CaptureObject(3, bytes((1, 0, 1, 8, 0, 255)), 2)
STATUS = CaptureObject(1, bytes((0, 0, 96, 10, 1, 255)), 2)
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
# structure { structure { 8, 0.0.1.0.0.255, 2, 0 }, octet-string, octet-string, array {} }
STANDARD = bytes.fromhex(
    "02040204120008" + "09060000010000FF" + "0F02120000"
    + "090C07EA0701FF000000FF800000" + "090C07EA0702FF000000FF800000" + "0100"
)  # fmt: skip


def _times(start: str, end: str, kind: Kind = "octet-string") -> Range:
    return Range(CLOCK, Data.of(kind, bytes.fromhex(start)), Data.of(kind, bytes.fromhex(end)))


@pytest.mark.clause("Blue Book 12, 4.3.6")
def test_a_standard_range_comes_out_as_it_went_in() -> None:
    selection = parse_selection(1, Data.decode(STANDARD))
    assert isinstance(selection, Range)
    assert (selection.column, selection.columns) == (CLOCK, ())
    assert selection.encode().octets == STANDARD
    assert resolve_selection(selection, NOW, -60) == selection


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 0, 3), (3, 2, 1, 0), (2, 1, 3, 0), (1, 0, 3, 2)])
def test_fields_of_the_restricting_object_in_any_order(order: tuple[int, ...]) -> None:
    fields = CLOCK.encode().children()
    mixed = Data.structure(*(fields[i] for i in order))
    assert CaptureObject.decode(mixed) == CLOCK


def test_missing_selected_values_are_added() -> None:
    parts = Data.decode(STANDARD).children()
    assert parse_selection(1, Data.structure(*parts[:3])).encode().octets == STANDARD


@pytest.mark.parametrize(
    ("selector", "octets"),
    [
        (1, "00"),
        (1, "0203000000"),
        (1, "02020000"),
        (3, "0100"),
        (2, "0100"),
        (2, "020209010109 0101".replace(" ", "")),
    ],
)
def test_what_is_no_selection_is_refused(selector: int, octets: str) -> None:
    with pytest.raises(SelectionError):
        parse_selection(selector, Data.decode(bytes.fromhex(octets)))


@pytest.mark.clause("Blue Book 12, 4.3.6")
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 65535), st.integers(0, 65535))
def test_entries_survive(first: int, last: int, first_column: int, last_column: int) -> None:
    entries = Entries(first, last, first_column, last_column)
    assert parse_selection(2, entries.encode()) == entries


def test_relative_times_are_resolved_at_the_devices_deviation() -> None:
    selection = _times("FFFDFFFF02FFFFFFFFFFFFFF", "FFFEFFFFFFFFFFFFFFFFFFFF")
    assert needs_clock(selection)
    resolved = resolve_selection(selection, NOW, -120)
    assert isinstance(resolved, Range)
    assert resolved.start.octets.hex().upper() == "090C07EA061DFF0E000000FF88FF"
    assert resolved.end.octets.hex().upper() == "090C07EA0701FF0E000000FF88FF"


def test_a_device_that_counts_the_deviation_the_wrong_way_round() -> None:
    selection = _times("FFFDFFFFFF03FFFFFFFFFFFF", "FFFEFFFFFFFFFFFFFFFFFFFF")
    resolved = resolve_selection(selection, NOW, 120, reversed_sign=True)
    assert isinstance(resolved, Range)
    assert resolved.start.octets.hex().upper() == "090C07EA0701FF0B0000000078FF"


def test_a_date_time_becomes_the_octets_of_the_devices_clock() -> None:
    resolved = resolve_selection(_times("07EA0701FF0C0000000000FF", "07EA0701FF0C0000008000FF", "date-time"), NOW, -60)
    assert isinstance(resolved, Range)
    # the moment, at the device's deviation
    assert resolved.start.octets.hex().upper() == "090C07EA0701FF0D000000FFC4FF"
    # without a deviation: the device's own time
    assert resolved.end.octets.hex().upper() == "090C07EA0701FF0C000000FFC4FF"


def test_an_unknown_relative_form_is_refused() -> None:
    with pytest.raises(SelectionError, match="no relative time"):
        resolve_selection(_times("FFFD01FFFFFFFFFFFFFFFFFF", "FFFEFFFFFFFFFFFFFFFFFFFF"), NOW, 0)


def test_xs_date_time_in_xml_becomes_octets() -> None:
    cos = "http://www.dlms.com/COSEMpdu"
    request = etree.fromstring(
        f'<get-request xmlns="{cos}"><access-selection><access-parameters><structure><date-time>'
        "2026-07-01T12:00:00+02:00</date-time><date-time> 2026-07-01T12:00:00 </date-time>"
        "<date-time>07EA0701FF0C000000800000</date-time><date-time>T</date-time>"
        "</structure></access-parameters></access-selection><date-time>2026-07-01T12:00:00Z</date-time></get-request>"
    )
    mend_selections(request)
    texts = [element.text for element in request.iter(f"{{{cos}}}date-time")]
    assert texts[2:] == ["07EA0701FF0C000000800000", "T", "2026-07-01T12:00:00Z"]
    assert texts[0]
    assert texts[1]
    at = CosemDateTime.decode(bytes.fromhex(texts[0]))
    assert (at.to_datetime(), at.deviation) == (datetime(2026, 7, 1, 10, tzinfo=UTC), -120)
    assert CosemDateTime.decode(bytes.fromhex(texts[1])).deviation is None


# ---------------------------------------------------------------- done here

START = datetime(2026, 1, 1, tzinfo=UTC)
LAYOUT = Layout((CLOCK, STATUS, ENERGY), 900)


def _time(n: int) -> Data:
    return Data.of("octet-string", CosemDateTime.from_datetime(START + timedelta(minutes=15 * n)).encode())


def _row(n: int, time: Data | None, energy: int | None) -> Data:
    value = Data.of("null-data") if energy is None else Data.of("double-long-unsigned", energy)
    return Data.structure(time or Data.of("null-data"), Data.of("unsigned", n), value)


BUFFER = Data.array([_row(0, _time(0), 100), _row(1, None, None), _row(2, None, None), _row(3, _time(3), 130)])


def _between(first: int, last: int, columns: tuple[CaptureObject, ...] = ()) -> Range:
    return Range(CLOCK, _time(first), _time(last), columns)


def test_rows_between_two_times_with_nulls_filled_where_rows_before_are_dropped() -> None:
    found = select(BUFFER, _between(2, 3), LAYOUT).children()
    assert found == [_row(2, _time(2), 100), _row(3, _time(3), 130)]
    assert select(BUFFER, _between(0, 3), LAYOUT) == BUFFER
    assert select(BUFFER, _between(9, 12), LAYOUT) == Data.array(())


def test_columns_in_the_order_of_the_profile() -> None:
    found = select(BUFFER, _between(3, 3, (ENERGY, CLOCK)), LAYOUT)
    assert found == Data.array([Data.structure(_time(3), Data.of("double-long-unsigned", 130))])
    assert select_columns(BUFFER, (STATUS,), LAYOUT).value == [(0,), (1,), (2,), (3,)]
    with pytest.raises(SelectionError, match="does not capture"):
        select_columns(BUFFER, (CaptureObject(3, bytes(6), 2),), LAYOUT)


def test_rows_by_number() -> None:
    assert select(BUFFER, Entries(3, 4, 2, 2), LAYOUT).value == [(2,), (3,)]
    assert select(BUFFER, Entries(), LAYOUT) == BUFFER
    assert select(BUFFER, Entries(2, 2), LAYOUT).children() == [_row(1, _time(1), 100)]
    assert select(BUFFER, Entries(9, 0), LAYOUT) == Data.array(())


def test_rows_by_another_column_than_the_clock() -> None:
    numbers = Range(STATUS, Data.of("unsigned", 1), Data.of("unsigned", 2))
    assert len(select(BUFFER, numbers, LAYOUT).children()) == 2


CELLS = st.one_of(
    st.just(Data.of("null-data")),
    st.integers(0, 20).map(lambda n: Data.of("unsigned", n)),
    st.integers(-5, 5).map(lambda n: Data.of("delta-integer", n)),
)


@given(
    first=st.tuples(st.integers(50, 60), st.integers(50, 60)),
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=12),
    low=st.integers(0, 60),
    high=st.integers(0, 60),
)
def test_rows_kept_mean_what_they_meant_in_the_whole(
    first: tuple[int, int], rows: list[tuple[Data, Data]], low: int, high: int
) -> None:
    begin = Data.structure(*(Data.of("long", n) for n in first))
    buffer = Data.array([begin, *(Data.structure(*row) for row in rows)])
    layout = Layout((STATUS, ENERGY))
    whole = plain_rows(buffer)
    assert whole is not None
    found = select(buffer, Range(STATUS, Data.of("long", low), Data.of("long", high)), layout)
    told = plain_rows(found)
    expected = [_known(whole, n) for n in range(len(whole)) if low <= _known(whole, n)[0] <= high]
    assert told is not None
    assert [_known(told, n) for n in range(len(told))] == expected


def _known(rows: Sequence[tuple[Any, ...]], number: int) -> tuple[int, ...]:
    """The row, null-data filled."""
    return tuple(
        next(rows[n][place] for n in range(number, -1, -1) if rows[n][place] is not None)
        for place in range(len(rows[number]))
    )


def test_a_row_that_has_not_a_value_for_each_column() -> None:
    short = Data.array([*BUFFER.children(), Data.structure(_time(4))])
    with pytest.raises(SelectionError, match="row 4 has 1 values, the profile 3 columns"):
        select(short, _between(0, 3), LAYOUT)


def test_a_compact_array_is_selected_from_as_well() -> None:
    compact = Data.decode(bytes.fromhex("13" + "02021111" + "06" + "010A" + "020B" + "030C"))
    by_status = Range(STATUS, Data.of("unsigned", 2), Data.of("unsigned", 3))
    assert select(compact, by_status, Layout((STATUS, ENERGY))).value == [(2, 11), (3, 12)]
