"""Local time, against the zone data of the system."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.cosem.date_time import CosemDateTime
from cas.simulator.zone import Zone

BERLIN = ZoneInfo("Europe/Berlin")
ZONE = Zone(-60, daylight_saving=True)
times = st.integers(
    int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2037, 1, 1, tzinfo=UTC).timestamp())
)


@given(times)
def test_agrees_with_central_europe(at: int) -> None:
    assert ZONE.octets(at) == CosemDateTime.from_datetime(datetime.fromtimestamp(at, BERLIN)).encode()


@given(times)
def test_a_time_comes_back(at: int) -> None:
    assert ZONE.moment(ZONE.octets(at)) == at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("07EA0301FF0C0000008000FF", datetime(2026, 3, 1, 11, tzinfo=UTC)),
        ("07EA0701FF0C0000008000FF", datetime(2026, 7, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_time_without_deviation_is_local(text: str, at: datetime) -> None:
    assert ZONE.moment(bytes.fromhex(text)) == at.timestamp()


@given(times)
def test_midnight_begins_the_day(at: int) -> None:
    local = datetime.fromtimestamp(at, BERLIN)
    assert ZONE.midnight(ZONE.day(at)) == local.replace(hour=0, minute=0, second=0).timestamp()
