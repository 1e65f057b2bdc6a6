"""Schedules in words, against the clock of a zone with summer time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cas.access.model import Terms
from cas.console.words import EXAMPLES, Schedule, WordsError, describe_schedule, parse_schedule

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)  # Tuesday, 12:00 in Amsterdam


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("", Schedule()),
        ("now", Schedule()),
        ("in 20 minutes", Schedule(at("2026-03-10T12:20+01:00"))),
        ("today at 18:00", Schedule(at("2026-03-10T18:00+01:00"))),
        ("at 11:59", Schedule(at("2026-03-11T11:59+01:00"))),
        ("Tomorrow 3:00", Schedule(at("2026-03-11T03:00+01:00"))),
        ("2026-05-01 06:30", Schedule(at("2026-05-01T06:30+02:00"))),
        ("2026-05-01T06:30", Schedule(at("2026-05-01T06:30+02:00"))),
        ("every 15 minutes", Schedule(repeating_interval="PT15M")),
        ("hourly", Schedule(repeating_interval="PT1H")),
        ("every 2 years", Schedule(repeating_interval="P2Y")),
        ("every day at 02:00", Schedule(at("2026-03-11T02:00+01:00"), "P1D")),
        ("daily at 13:00", Schedule(at("2026-03-10T13:00+01:00"), "P1D")),
        ("every Tuesday at 06:00", Schedule(at("2026-03-17T06:00+01:00"), "P7D")),
        ("every month on the 31st at 0:30", Schedule(at("2026-03-31T00:30+02:00"), "P1M")),
        ("every day at 02:00 from 2026-04-01", Schedule(at("2026-04-01T02:00+02:00"), "P1D")),
        (
            "every day at 02:00, within 4 hours, until 2027-01-01",
            Schedule(at("2026-03-11T02:00+01:00"), "P1D", "PT4H", at("2027-01-01T00:00+01:00")),
        ),
        ("every 2 weeks within 3 days", Schedule(repeating_interval="P14D", duration="P3D")),
    ],
)
def test_words_mean(words: str, meant: Schedule) -> None:
    assert parse_schedule(words, NOW, ZONE) == meant


@pytest.mark.parametrize("words", EXAMPLES)
def test_what_is_said_back_means_the_same(words: str) -> None:
    meant = parse_schedule(words, NOW, ZONE)
    assert parse_schedule(describe_schedule(meant, ZONE), NOW, ZONE) == meant


@pytest.mark.parametrize(
    "words",
    [
        "soon",
        "every 0 days",
        "every day at 25:00",
        "within 3 parsecs",
        "2026-02-30",
        "in 2 months",
        "every day on the 32nd",
    ],
)
def test_what_is_not_understood_is_told_with_an_example(words: str) -> None:
    with pytest.raises(WordsError):
        parse_schedule(words, NOW, ZONE)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Amsterdam"])
def test_the_first_and_the_last_moment_that_clients_write_are_told(zone: str) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    for each in (Terms(activates=first), Terms(repeating_interval="P1D", activates=first, expires=last)):
        assert describe_schedule(each, ZoneInfo(zone))
