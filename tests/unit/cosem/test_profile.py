"""Profile rows: times, scaling and null-data."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.cosem.data import Data
from cas.cosem.date_time import CosemDate, CosemDateTime, CosemTime
from cas.cosem.obis import Obis
from cas.cosem.profile import Column, plain_rows, rows

CLOCK = Column(8, Obis.parse("0.0.1.0.0.255"), 2)
STATUS = Column(1, Obis.parse("0.0.96.10.1.255"), 2)
ENERGY = Column(3, Obis.parse("1.0.1.8.0.255"), 2, scaler=-1, unit=30)


def at(hour: int, minute: int) -> CosemDateTime:
    return CosemDateTime(CosemDate(2026, 1, 31, 6), CosemTime(hour, minute, 0, 0), -60)


@pytest.mark.clause("Blue Book 12, 4.3.6")
def test_null_data_is_filled_from_the_row_before_and_the_period() -> None:
    buffer = [
        (at(23, 30).encode(), 0, 1234),
        (None, None, 1240),
        (None, 8, None),
        (at(1, 0).encode(), None, 1250),
    ]
    found = rows([CLOCK, STATUS, ENERGY], buffer, capture_period=900)
    next_day = CosemDateTime(CosemDate(2026, 2, 1, 7), CosemTime(0, 0, 0, 0), -60)
    assert [row.time for row in found] == [at(23, 30), at(23, 45), next_day, at(1, 0)]
    assert [row.cells[1:] for row in found] == [
        (0, Decimal("123.4")),
        (0, Decimal("124.0")),
        (8, Decimal("124.0")),
        (8, Decimal("125.0")),
    ]
    assert ENERGY.unit_symbol == "Wh"
    assert STATUS.unit_symbol == ""


def test_what_cannot_be_known_stays_none() -> None:
    found = rows([CLOCK, ENERGY], [(None, None), (at(1, 0).encode(), 5), (None, None)])
    assert [row.time for row in found] == [None, at(1, 0), None]  # no period: no time can be derived
    assert [row.cells[1] for row in found] == [None, Decimal("0.5"), Decimal("0.5")]
    partial = CosemDateTime(CosemDate(2026, None, 31)).encode()
    assert [row.time for row in rows([CLOCK], [(partial,), (None,)], 900)][1] is None


def test_times_that_are_none_are_kept_as_they_came() -> None:
    never = bytes(12)
    found = rows([CLOCK, ENERGY], [(never, 1), (1767225600, 2)], 900)
    assert [row.time for row in found] == [None, None]
    assert [row.cells[0] for row in found] == [never, 1767225600]


def test_only_numbers_are_scaled() -> None:
    found = rows([ENERGY] * 4, [(True, "text", b"\x01", 2.5)])
    assert found[0].cells == (True, "text", b"\x01", 2.5)
    assert found[0].time is None


def test_rows_must_have_a_value_for_each_column() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 values, the profile 2 columns"):
        rows([CLOCK, ENERGY], [(None, 1), (None,)])


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50), st.integers(-6, 6))
def test_leaving_out_repeated_values_loses_nothing(values: list[int], scaler: int) -> None:
    column = Column(3, ENERGY.logical_name, 2, scaler=scaler)
    thinned = [(None if i and values[i - 1] == value else value,) for i, value in enumerate(values)]
    assert rows([column], thinned) == rows([column], [(value,) for value in values])
    assert [row.cells[0] for row in rows([column], thinned)] == [
        Decimal(value) * Decimal(10) ** scaler for value in values
    ]


@pytest.mark.clause("Blue Book 12, 4.1.5")
class TestPlainRows:
    BUFFER = [
        [Data.of("unsigned", 1), Data.of("double-long-unsigned", 1000)],
        [Data.of("unsigned", 2), Data.of("delta-unsigned", 7)],
        [Data.of("delta-integer", -1), Data.of("null-data")],
        [Data.of("unsigned", 9), Data.of("delta-integer", -3)],
    ]

    def test_differences_are_added_to_the_value_before(self) -> None:
        buffer = Data.array(Data.structure(*row) for row in self.BUFFER)
        assert plain_rows(buffer) == [(1, 1000), (2, 1007), (1, None), (9, 1004)]

    def test_a_difference_to_nothing_is_not_known(self) -> None:
        buffer = Data.array([Data.structure(Data.of("delta-long", 5)), Data.structure(Data.of("long", 5))])
        assert plain_rows(buffer) == [(None,), (5,)]

    def test_a_compact_array(self) -> None:
        compact = Data.decode(bytes.fromhex("13" + "0202111C" + "04" + "01FF" + "02FE"))
        assert plain_rows(compact) == [(1, None), (2, None)]

    def test_what_has_no_rows(self) -> None:
        assert plain_rows(Data.of("unsigned", 1)) is None
        assert plain_rows(Data.array([Data.of("unsigned", 1)])) is None
