"""When a repeating DeviceAccess is activated: calendar arithmetic without drift (IEC TS 62056-9-1, 5.2.3).

The k-th activation is computed from Activates, never from the one before or from "now" (D). Years, months and days are
counted on the wall clock of the service's zone, so that "every night at 02:00" stays at 02:00 through summer time, and
the 31st plus a month is the month's last day, the next one the 31st again. Hours, minutes and seconds are elapsed time,
so that every hour means every hour. A wall clock time that a zone skips is taken as much later as is skipped; one that
comes twice is taken the first time.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_DURATION = re.compile(
    r"P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10}(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """An xs:duration that is not negative, as what it means to a calendar."""

    months: int
    days: int
    elapsed: timedelta

    @staticmethod
    def parse(text: str) -> "Interval":
        """Take P1D, P1M, PT15M and the like. Raises ValueError that says what is wrong."""
        found = _DURATION.fullmatch(text.strip())
        if found is None or text.strip() == "P":
            raise ValueError(f"{text!r} is no duration; P1D, P7D, P1M, PT15M, PT1H are")
        part = {name: value or "0" for name, value in found.groupdict().items()}
        elapsed = timedelta(hours=int(part["hours"]), minutes=int(part["minutes"]), seconds=float(part["seconds"]))
        return Interval(12 * int(part["years"]) + int(part["months"]), int(part["days"]), elapsed)


def activation(start: datetime, interval: Interval, k: int, zone: tzinfo) -> datetime | None:
    """The k-th activation, 0 being `start` itself, in UTC; None beyond the year 9998."""
    try:
        wall = in_zone(start, zone).replace(tzinfo=None)
        month = wall.year * 12 + wall.month - 1 + k * interval.months
        year, month = divmod(month, 12)
        day = min(wall.day, monthrange(year, month + 1)[1])
        wall = wall.replace(year=year, month=month + 1, day=day) + timedelta(days=k * interval.days)
        found = start.astimezone(UTC) if not (interval.months or interval.days) or k == 0 else _instant(wall, zone)
        found += k * interval.elapsed
    except (ValueError, OverflowError):
        return None
    return found if found < _LATEST else None


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """A moment on the clock of a zone; in UTC, if the zone has it in no year from 1 to 9999.

    So it may be with what clients write for "not set" and "never", the first moment of these years and the last.
    """
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    # PEP 495: with fold=0 a skipped time is read with the offset before the gap, which moves it behind the gap
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def first_after(start: datetime, interval: Interval, moment: datetime, zone: tzinfo) -> int:
    """The least k whose activation is later than `moment`. `interval` must be longer than nothing."""
    low, high = -1, 1  # activation(low) <= moment < activation(high)
    while not _is_after(start, interval, high, moment, zone):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _is_after(start, interval, middle, moment, zone):
            high = middle
        else:
            low = middle
    return high


def _is_after(start: datetime, interval: Interval, k: int, moment: datetime, zone: tzinfo) -> bool:
    found = activation(start, interval, k, zone)
    return found is None or found > moment


def deadline(start: datetime, window: Interval, zone: tzinfo) -> datetime | None:
    """The end of a window that begins at `start`, in UTC."""
    return activation(start, window, 1, zone)
