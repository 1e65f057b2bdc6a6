"""COSEM date-time: octets, moments, xs:dateTime and the relative forms of range descriptors."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cas.cosem.date_time import (
    LAST_DAY_OF_MONTH,
    ClockStatus,
    CosemDate,
    CosemDateTime,
    CosemTime,
    at_deviation,
    is_relative,
    resolve,
)

BERLIN = ZoneInfo("Europe/Berlin")
WINTER = bytes.fromhex("07EA011F06 0D2D0000 FFC4 00")  # Saturday 2026-01-31 13:45:00, one hour ahead of UTC


def maybe(least: int, most: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(least, most)


dates = st.builds(
    CosemDate,
    maybe(0, 0xFFFE),
    maybe(1, 12) | st.sampled_from([0xFD, 0xFE]),
    maybe(1, 31) | st.sampled_from([0xFD, 0xFE]),
    maybe(1, 7),
)
times = st.builds(CosemTime, maybe(0, 23), maybe(0, 59), maybe(0, 59), maybe(0, 99))
date_times = st.builds(CosemDateTime, dates, times, maybe(-840, 840), st.none() | st.integers(0, 0xFE).map(ClockStatus))
zones = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=zones).map(lambda at: at.replace(microsecond=at.microsecond // 10_000 * 10_000))


@given(dates, times, date_times)
def test_octets_read_back(date: CosemDate, time: CosemTime, date_time: CosemDateTime) -> None:
    assert CosemDate.decode(date.encode()) == date
    assert CosemTime.decode(time.encode()) == time
    assert CosemDateTime.decode(date_time.encode()) == date_time


@given(st.binary(min_size=12, max_size=12))
@example(bytes(12))
@example(b"\xff" * 12)
def test_any_12_octets_are_kept_or_refused(octets: bytes) -> None:
    try:
        read = CosemDateTime.decode(octets)
    except ValueError:
        return
    assert read.encode() == octets
    assert str(read)


@pytest.mark.clause("Blue Book 12, 4.1.6.1")
def test_the_deviation_is_added_to_local_time_to_get_utc() -> None:
    read = CosemDateTime.decode(WINTER)
    assert read.deviation == -60
    assert read.to_datetime() == datetime(2026, 1, 31, 12, 45, tzinfo=UTC)
    assert read.to_xs() == "2026-01-31T13:45:00+01:00"
    assert str(read) == "2026-01-31 (weekday 6) 13:45:00.00 +01:00"
    assert CosemDateTime.from_datetime(datetime(2026, 1, 31, 13, 45, tzinfo=BERLIN)).encode() == WINTER


@given(moments)
def test_moments_read_back(moment: datetime) -> None:
    cosem = CosemDateTime.from_datetime(moment)
    assert cosem.to_datetime() == moment
    assert CosemDateTime.from_xs(cosem.to_xs()).to_datetime() == moment
    assert datetime.fromisoformat(cosem.to_xs()) == moment


def test_daylight_saving() -> None:
    summer = CosemDateTime.from_datetime(datetime(2026, 7, 1, tzinfo=BERLIN))
    assert (summer.deviation, summer.status) == (-120, ClockStatus.DAYLIGHT_SAVING_ACTIVE)
    # 2026-10-25 02:30 comes twice; the status tells which
    date, time = CosemDate(2026, 10, 25), CosemTime(2, 30, 0)
    first = CosemDateTime(date, time, None, ClockStatus.DAYLIGHT_SAVING_ACTIVE).to_datetime(BERLIN)
    second = CosemDateTime(date, time, None, ClockStatus(0)).to_datetime(BERLIN)
    assert (first.astimezone(UTC).hour, second.astimezone(UTC).hour) == (0, 1)


def test_what_is_no_single_moment_has_no_datetime() -> None:
    whole = CosemDateTime.decode(WINTER)
    with pytest.raises(ValueError, match="zone of the device"):
        CosemDateTime(whole.date, whole.time).to_datetime()
    for partial in (
        CosemDateTime(),
        CosemDateTime(CosemDate(2026, None, 1), whole.time, 0),
        CosemDateTime(CosemDate(2026, 1, LAST_DAY_OF_MONTH), whole.time, 0),
        CosemDateTime(CosemDate(2026, 2, 30), whole.time, 0),
        CosemDateTime(whole.date, CosemTime(None, 5), 0),
    ):
        with pytest.raises(ValueError):
            partial.to_datetime()
        with pytest.raises(ValueError):
            partial.to_xs()
    assert str(CosemDateTime()) == "*-*-* *:*:*"
    with pytest.raises(ValueError, match="without a zone"):
        CosemDateTime.from_datetime(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("0000000000 00000000 0000 00", "month 0"),
        ("07EA201F06 0D2D0000 FFC4 00", "month 32"),
        ("07EA012006 0D2D0000 FFC4 00", "day 32"),
        ("07EA011F08 0D2D0000 FFC4 00", "weekday 8"),
        ("07EA011F06 182D0000 FFC4 00", "hour 24"),
        ("07EA011F06 0D3C0000 FFC4 00", "minute 60"),
        ("07EA011F06 0D2D3C00 FFC4 00", "second 60"),
        ("07EA011F06 0D2D0064 FFC4 00", "hundredths 100"),
        ("07EA011F06 0D2D0000 7FFF 00", "deviation 32767"),
    ],
)
def test_fields_out_of_range_are_named(octets: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        CosemDateTime.decode(bytes.fromhex(octets))


def test_wrong_sizes_are_refused() -> None:
    for decode in (CosemDate.decode, CosemTime.decode, CosemDateTime.decode):
        with pytest.raises(ValueError, match="not 11"):
            decode(bytes(11))


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("2026-01-31T13:45:00+01:00", "07EA011F060D2D0000FFC4FF"),
        ("2026-01-31T13:45:00.259-05:30", "07EA011F060D2D0019014AFF"),
        ("2026-01-31T13:45:00Z", "07EA011F060D2D00000000FF"),
        ("2026-01-31T13:45:00", "07EA011F060D2D00008000FF"),
        ("2026-01-31T24:00:00Z", "07EA020107000000000000FF"),
    ],
)
def test_from_xs(text: str, octets: str) -> None:
    assert CosemDateTime.from_xs(text).encode().hex().upper() == octets


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "20260131T134500Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00+15:00",
        "2026-01-01T24:00:01Z",
    ],
)
def test_other_text_is_no_xs_date_time(text: str) -> None:
    with pytest.raises(ValueError):
        CosemDateTime.from_xs(text)


NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("FFFEFFFFFFFFFFFFFFFFFFFF", datetime(2026, 3, 1, 1, 30)),
        ("FFFDFFFF01FFFFFFFFFFFFFF", datetime(2026, 2, 28, 1, 30)),
        ("FFFDFFFF1EFFFFFFFFFFFFFF", datetime(2026, 1, 30, 1, 30)),
        ("FFFDFFFFFF18FFFFFFFFFFFF", datetime(2026, 2, 28, 1, 30)),
        ("FFFDFFFFFF00FFFFFFFFFFFF", datetime(2026, 3, 1, 1, 30)),
    ],
)
def test_relative_times_become_the_devices_local_time(relative: str, expected: datetime) -> None:
    resolved = CosemDateTime.decode(resolve(bytes.fromhex(relative), NOW, deviation=-60))
    assert datetime.combine(resolved.date.to_date(), resolved.time.to_time()) == expected
    assert (resolved.deviation, resolved.date.weekday, resolved.status) == (-60, None, None)


@given(st.binary(max_size=14).filter(lambda octets: not is_relative(octets)))
def test_other_octets_stay_as_they_are(octets: bytes) -> None:
    assert resolve(octets, NOW, 0) == octets


@pytest.mark.parametrize(
    "octets",
    ["FFFDFFFFFFFFFFFFFFFFFFFF", "FFFD01FF01FFFFFFFFFFFFFF", "FFFDFFFF0101FFFFFFFFFFFF", "FFFE00000000000000000000"],
)
def test_unknown_relative_forms_are_refused(octets: str) -> None:
    with pytest.raises(ValueError, match="no relative time"):
        resolve(bytes.fromhex(octets), NOW, 0)


@given(moments.filter(lambda at: 2 < at.year < 9998), st.integers(-840, 840))
def test_at_deviation_is_the_same_moment(moment: datetime, deviation: int) -> None:
    cosem = CosemDateTime.decode(at_deviation(moment, deviation))
    assert cosem.deviation == deviation
    assert cosem.to_datetime() == moment


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
@pytest.mark.parametrize("deviation", [-120, 0, 300])
def test_at_deviation_has_all_moments_that_a_client_can_write(moment: datetime, deviation: int) -> None:
    cosem = CosemDateTime.decode(at_deviation(moment, deviation))
    assert cosem.deviation is not None
    local = moment.replace(tzinfo=None) - timedelta(minutes=cosem.deviation)
    assert (cosem.date.year, cosem.time.hour) == (local.year, local.hour)


def test_plus_keeps_what_is_not_specified() -> None:
    start = CosemDateTime(CosemDate(2026, 12, 31, 4), CosemTime(23, 45), None, ClockStatus(0))
    later = start.plus(timedelta(minutes=15))
    assert later == CosemDateTime(CosemDate(2027, 1, 1, 5), CosemTime(0, 0), None, ClockStatus(0))
