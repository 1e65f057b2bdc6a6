"""The calendar of activations: what is due, missed and next, for any start, interval, zone and moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cas.access.recurrence import Interval, activation
from cas.access.schedule import Calendar
from cas.engine.model import Agenda, Due, Slot

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALENDAR = Calendar(UTC, HOUR)


def due(**terms: object) -> Due:
    given: dict[str, object] = {
        "access_id": UUID(int=1),
        "created_at": NOON,
        "activates": None,
        "repeating_interval": None,
        "duration": None,
        "expires": None,
        "next_k": 0,
        "priority": 255,
        "accept_data_notification": False,
        "last_number": 0,
    }
    return Due(**{**given, **terms})  # type: ignore[arg-type]  # the tests give what the fields take


@pytest.mark.clause("5.2.2")
@pytest.mark.parametrize("activates", [None, NOON - HOUR, NOON])
def test_without_a_time_or_with_a_past_one_it_is_done_now(activates: datetime | None) -> None:
    agenda = CALENDAR(due(activates=activates), NOON)
    assert agenda == Agenda(slot=Slot(NOON, NOON + HOUR), missed=(), next_k=1, next_at=None)


@pytest.mark.clause("5.2.3")
def test_a_past_activates_is_done_now_and_then_on_its_own_calendar() -> None:
    agenda = CALENDAR(due(activates=datetime(2024, 1, 31, 2, 0, tzinfo=UTC), repeating_interval="P1M"), NOON)
    assert agenda.slot is not None
    assert agenda.slot.scheduled_at == NOON
    assert agenda.next_at == datetime(2025, 3, 31, 2, 0, tzinfo=UTC)


@pytest.mark.clause("5.2.3")
def test_the_window_is_the_duration_else_it_ends_with_the_next_activation() -> None:
    def window(**terms: object) -> timedelta:
        slot = CALENDAR(due(**terms), NOON).slot
        assert slot is not None
        return slot.deadline - slot.scheduled_at

    assert window(duration="P1D") == timedelta(days=1)
    assert window(duration="P1D", repeating_interval="PT1H") == timedelta(days=1)
    assert window(repeating_interval="PT15M") == timedelta(minutes=15)
    assert window(repeating_interval="P1D") == HOUR
    assert window(duration="P9000Y") == HOUR, "beyond the calendar"


@pytest.mark.clause("5.2.3")
def test_nothing_is_activated_at_or_after_expires() -> None:
    expiring = due(activates=NOON, repeating_interval="PT1H", expires=NOON + 2 * HOUR, next_k=1)
    assert CALENDAR(expiring, NOON + HOUR).next_at is None
    late = CALENDAR(expiring, NOON + 5 * HOUR)
    assert (late.slot, late.missed, late.next_at) == (None, (NOON + HOUR,), None)


def test_a_long_standstill_leaves_a_bounded_record() -> None:
    agenda = CALENDAR(due(activates=NOON + HOUR, repeating_interval="PT1S"), NOON + timedelta(days=30))
    assert len(agenda.missed) == 1000
    assert agenda.slot is not None
    assert agenda.slot.scheduled_at == NOON + timedelta(days=30)


_INTERVALS = st.sampled_from(["PT1M", "PT15M", "PT1H", "P1D", "P7D", "P1M", "P1Y", "P1M1DT1H", "PT7M30S"])
_MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@pytest.mark.clause("5.2.3")
@given(
    created=_MOMENTS,
    ahead=st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    looks=st.lists(st.timedeltas(timedelta(0), timedelta(days=40)), min_size=1, max_size=6),
    text=_INTERVALS,
    zone=st.sampled_from(["UTC", "Europe/Amsterdam", "America/St_Johns", "Australia/Lord_Howe"]),
    duration=st.sampled_from([None, "PT10M", "P1D", "P1M"]),
    life=st.none() | st.timedeltas(timedelta(days=1), timedelta(days=500)),
)
@example(
    created=datetime(2025, 3, 29, 1, 30, tzinfo=UTC), ahead=timedelta(0), looks=[timedelta(days=2)], text="P1D",
    zone="Europe/Amsterdam", duration=None, life=None,
)  # fmt: skip
def test_every_time_is_activated_or_missed_exactly_once(
    created: datetime,
    ahead: timedelta,
    looks: list[timedelta],
    text: str,
    zone: str,
    duration: str | None,
    life: timedelta | None,
) -> None:
    calendar, interval = Calendar(ZoneInfo(zone), HOUR), Interval.parse(text)
    activates = created + ahead
    expires = None if life is None else max(activates, created) + life
    assume(abs(ahead) < timedelta(days=60) or interval.days or interval.months)
    resource = due(created_at=created, activates=activates, repeating_interval=text, duration=duration, expires=expires)
    now, next_k = created, 0
    seen: list[datetime] = []
    whole = True
    for wait in [timedelta(0), *looks]:
        now += wait
        agenda = calendar(replace(resource, next_k=next_k), now)
        assert agenda.next_k >= next_k
        times = [*agenda.missed, *([agenda.slot.scheduled_at] if agenda.slot else [])]
        assert times == sorted(times)
        assert all(at <= now for at in times)
        if agenda.slot:
            assert now < agenda.slot.deadline
        if agenda.next_at is not None:
            assert agenda.next_at > now
        # what lies before the bound of the record is not compared
        if len(agenda.missed) == 1000:
            seen, whole = [], False
        seen += [at for at in times if not (activates <= created and at == created)]
        next_k = agenda.next_k
    assert len(set(seen)) == len(seen)
    last = now if expires is None else min(now, expires - timedelta.resolution)
    on_calendar = [
        at
        for k in range(next_k)
        if (at := activation(activates, interval, k, ZoneInfo(zone))) is not None and created < at <= last
    ]
    later = [at for at in seen if at > created]
    assert later == (on_calendar if whole else on_calendar[len(on_calendar) - len(later) :])
