"""The calendar of a DeviceAccess: what is due, what was missed, what comes next (IEC TS 62056-9-1, 5.2.3).

Decisions (D): a repeating resource whose Activates is past is activated at once, then on the calendar that begins at
Activates. The window of an activation is Duration; without one it ends when the next activation is due, after the
default window at the latest. A time that is late is made up as long as its window is open, and only the newest one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cas.access.recurrence import Interval, activation, deadline, first_after
from cas.engine.model import Agenda, Due, Slot

# Times recorded as missed in one go: of a minute job after a week, the others are not worth their rows.
MOST_MISSED = 1000
# A time counts as late after this; planning takes its moment, and so does a restart.
PUNCTUAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A `cas.engine.model.Schedule`."""

    zone: tzinfo
    """In which days, months and years are counted."""
    window: timedelta
    """In which devices are accessed where a resource says no Duration."""
    make_up: bool = True
    """Whether the newest activation that was missed is made up inside its window."""

    def __call__(self, due: Due, now: datetime) -> Agenda:
        """What is to be planned of a resource at this time."""
        start = due.activates or due.created_at
        interval = None if due.repeating_interval is None else Interval.parse(due.repeating_interval)
        if due.next_k == 0 and start <= due.created_at:
            return self._first_at_once(due, start, interval)
        if interval is None:
            return self._single(due, start, now)
        newest = first_after(start, interval, now, self.zone) - 1
        newest = self._last_before(due.expires, start, interval, newest)
        slot, missed_to = None, newest
        at = activation(start, interval, newest, self.zone) if newest >= due.next_k else None
        if at is not None and self._is_open(due, at, interval, now):
            slot, missed_to = self._slot(due, at, interval), newest - 1
        missed = range(max(due.next_k, missed_to + 1 - MOST_MISSED), missed_to + 1)
        return Agenda(
            slot=slot,
            missed=tuple(self._times(start, interval, missed)),
            next_k=max(newest + 1, due.next_k),
            next_at=self._next(due, start, interval, max(newest + 1, due.next_k)),
        )

    def resume(self, due: Due, now: datetime) -> Agenda:
        """What comes next after the terms have changed; nothing that would have been before is made up."""
        start = due.activates or due.created_at
        if due.repeating_interval is None:
            waits = due.next_k == 0 and start > now
            return Agenda(slot=None, missed=(), next_k=due.next_k, next_at=start if waits else None)
        interval = Interval.parse(due.repeating_interval)
        k = first_after(start, interval, now, self.zone)
        return Agenda(slot=None, missed=(), next_k=k, next_at=self._next(due, start, interval, k))

    def _first_at_once(self, due: Due, start: datetime, interval: Interval | None) -> Agenda:
        if interval is None:
            return Agenda(slot=self._slot(due, due.created_at, None), missed=(), next_k=1, next_at=None)
        following = first_after(start, interval, due.created_at, self.zone)
        return Agenda(
            slot=self._slot(due, due.created_at, interval),
            missed=(),
            next_k=following,
            next_at=self._next(due, start, interval, following),
        )

    def _single(self, due: Due, start: datetime, now: datetime) -> Agenda:
        if due.next_k > 0:
            return Agenda(slot=None, missed=(), next_k=due.next_k, next_at=None)
        if now < start:
            return Agenda(slot=None, missed=(), next_k=0, next_at=start)
        if self._is_open(due, start, None, now):
            return Agenda(slot=self._slot(due, start, None), missed=(), next_k=1, next_at=None)
        return Agenda(slot=None, missed=(start,), next_k=1, next_at=None)

    def _is_open(self, due: Due, at: datetime, interval: Interval | None, now: datetime) -> bool:
        if now - at > PUNCTUAL and not self.make_up:
            return False
        return now < self._slot(due, at, interval).deadline

    def _slot(self, due: Due, at: datetime, interval: Interval | None) -> Slot:
        if due.duration is not None:
            end = deadline(at, Interval.parse(due.duration), self.zone)
            return Slot(at, end if end is not None else at + self.window)
        end = at + self.window
        following = None
        if interval is not None:
            start = due.activates or due.created_at
            following = activation(start, interval, first_after(start, interval, at, self.zone), self.zone)
        return Slot(at, end if following is None else min(end, following))

    def _last_before(self, expires: datetime | None, start: datetime, interval: Interval, newest: int) -> int:
        """No activation at or after Expires."""
        if expires is None:
            return newest
        # the first that is later than the moment before Expires
        return min(newest, first_after(start, interval, expires - timedelta.resolution, self.zone) - 1)

    def _next(self, due: Due, start: datetime, interval: Interval, k: int) -> datetime | None:
        at = activation(start, interval, k, self.zone)
        return at if at is not None and (due.expires is None or at < due.expires) else None

    def _times(self, start: datetime, interval: Interval, numbers: range) -> Iterator[datetime]:
        for k in numbers:
            at = activation(start, interval, k, self.zone)
            if at is not None:
                yield at
