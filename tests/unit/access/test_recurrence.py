"""Activations of a repeating DeviceAccess: true to the calendar, without drift, through every change of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cas.access.recurrence import Interval, activation, deadline, first_after

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = st.sampled_from(
    [AMSTERDAM, UTC, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]
)
STARTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=ZONES)
INTERVALS = st.sampled_from(["P1D", "P7D", "P1M", "P1Y", "P3M", "PT1M", "PT15M", "PT1H", "PT36H", "P1DT12H", "P1M1D"])

pytestmark = pytest.mark.clause("5.2.3")


def walls(start: datetime, interval: str, count: int) -> list[str]:
    zone = start.tzinfo
    assert zone is not None
    found = [activation(start, Interval.parse(interval), k, zone) for k in range(count)]
    return [f.astimezone(zone).strftime("%m-%d %H:%M") for f in found if f is not None]


def test_every_night_at_two_stays_at_two_through_summer_time() -> None:
    # 2026-03-29 02:00 does not exist in Amsterdam: it is taken an hour later, the day after is at two again
    assert walls(datetime(2026, 3, 27, 2, tzinfo=AMSTERDAM), "P1D", 4) == [
        "03-27 02:00",
        "03-28 02:00",
        "03-29 03:00",
        "03-30 02:00",
    ]


def test_a_time_that_comes_twice_is_taken_the_first_time() -> None:
    start = datetime(2026, 10, 24, 2, 30, tzinfo=AMSTERDAM)
    assert activation(start, Interval.parse("P1D"), 1, AMSTERDAM) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_every_hour_is_every_hour_on_the_day_of_the_change() -> None:
    assert walls(datetime(2026, 3, 29, 0, 30, tzinfo=AMSTERDAM), "PT1H", 4) == [
        "03-29 00:30",
        "03-29 01:30",
        "03-29 03:30",
        "03-29 04:30",
    ]


def test_the_31st_plus_a_month_is_the_months_last_day_and_then_the_31st_again() -> None:
    assert walls(datetime(2026, 1, 31, 12, tzinfo=UTC), "P1M", 5) == [
        "01-31 12:00",
        "02-28 12:00",
        "03-31 12:00",
        "04-30 12:00",
        "05-31 12:00",
    ]


def test_the_29th_of_february_plus_a_year() -> None:
    assert walls(datetime(2024, 2, 29, tzinfo=UTC), "P1Y", 5) == [
        "02-29 00:00",
        "02-28 00:00",
        "02-28 00:00",
        "02-28 00:00",
        "02-29 00:00",
    ]


@given(STARTS, INTERVALS, st.integers(0, 2000))
def test_activations_rise_and_none_is_missed(start: datetime, text: str, k: int) -> None:
    interval, zone = Interval.parse(text), start.tzinfo
    assert zone is not None
    here, there = activation(start, interval, k, zone), activation(start, interval, k + 1, zone)
    assume(here is not None and there is not None)
    assert here is not None
    assert there is not None
    assert here < there
    assert first_after(start, interval, here, zone) == k + 1
    assert first_after(start, interval, here - timedelta(microseconds=1), zone) == k
    assert first_after(start, interval, start - timedelta(days=1), zone) == 0


@given(STARTS, st.integers(1, 3000))
def test_days_keep_the_wall_clock(start: datetime, k: int) -> None:
    zone = start.tzinfo
    assert zone is not None
    found = activation(start, Interval.parse("P1D"), k, zone)
    assert found is not None
    wall, wanted = found.astimezone(zone), start.replace(tzinfo=None) + timedelta(days=k)
    # off only where the zone skips the time, and then by no more than it skips
    assert abs(wall.replace(tzinfo=None) - wanted) <= timedelta(hours=1)
    assert wall.date() == wanted.date()


@pytest.mark.parametrize("text", ["", "P", "PT", "P1", "1D", "-P1D", "P1H", "PT1D", "P1D1M", "P1.5D", "P\uff11D"])
def test_what_is_no_duration_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        Interval.parse(text)


def test_a_window_ends_and_the_end_of_time_is_none() -> None:
    start = datetime(2026, 1, 31, tzinfo=UTC)
    assert deadline(start, Interval.parse("PT4H"), UTC) == datetime(2026, 1, 31, 4, tzinfo=UTC)
    assert activation(start, Interval.parse("P1Y"), 9000, UTC) is None
    assert first_after(start, Interval.parse("P1000Y"), datetime(9000, 1, 1, tzinfo=UTC), UTC) == 7


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Amsterdam", "UTC"])
def test_what_net_writes_for_not_set_repeats_as_any_other_start(zone: str) -> None:
    start, now, daily = datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 11, 26, 12, tzinfo=UTC), Interval.parse("P1D")
    following = activation(start, daily, first_after(start, daily, now, ZoneInfo(zone)), ZoneInfo(zone))
    assert following is not None
    assert timedelta(0) < following - now <= timedelta(days=1)
