"""Numbered events of the service itself: what an operator should know of, told where it happens.

`tell` writes a line of the log and counts the event. In a service it also goes to the journal, which stores it
(`cas.store.journal`), so that the console, `cas events` and the broker tell of it as well. The catalogue below is all
there is; a number keeps its meaning for ever, and a new event takes a new one.

    tell(Kind.WORKER_LOST, "chunk 7", access_id=str(access_id))
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum

import structlog

from cas import metrics
from cas.log import blank_secrets

REPEATED_WITHIN = 60.0
"""Seconds in which the same event of the same subject is stored once: what repeats is counted."""
REMEMBERED = 10_000
"""Subjects that are remembered for it."""
MOST_WAITING = 10_000
"""Events that wait while the database is away; more are lost, and that is told."""

log = structlog.get_logger(__name__)


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    """Somebody should look, there is time."""
    ERROR = "error"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says of an event."""

    number: int
    severity: Severity
    title: str
    subject: str
    """What its subject is; empty: it has none."""
    advice: str
    """What to do; empty: nothing."""


def _info(number: int, title: str, subject: str = "", advice: str = "") -> Entry:
    return Entry(number, Severity.INFO, title, subject, advice)


def _warning(number: int, title: str, subject: str, advice: str) -> Entry:
    return Entry(number, Severity.WARNING, title, subject, advice)


def _error(number: int, title: str, subject: str, advice: str) -> Entry:
    return Entry(number, Severity.ERROR, title, subject, advice)


class Kind(Enum):
    """The catalogue: 1xx processes, 2xx activations, 3xx devices, 4xx events, notifications, 5xx clients, 6xx data."""

    STARTED = _info(101, "a process has started", "front, worker, or both")
    STOPPED = _info(102, "a process has stopped in order", "front, worker, or both")
    DATABASE_AWAY = _error(103, "the database is away", "", "nothing is lost; see that PostgreSQL runs and is reached")
    DATABASE_BACK = _info(104, "the database is back")
    EVENTS_LOST = _warning(105, "system events were not stored", "", "the log has them: there were too many at a time")
    FAULT = _error(106, "a fault of this program", "where", "report it with the lines of the log around it")
    ACTIVATION_FAILED = _warning(
        201,
        "no device of an activation answered",
        "resource",
        "see the reasons in its results; the network, or the keys",
    )
    ACTIVATION_INCOMPLETE = _info(202, "some devices of an activation did not answer", "resource")
    ACTIVATION_MISSED = _warning(
        203,
        "activations were missed",
        "resource",
        "add workers, or make RepeatingInterval longer: the one before was late",
    )
    WORKER_LOST = _warning(
        204, "a chunk of a dead worker was taken over", "resource", "see why the worker died or stood still"
    )
    ACTIVATION_LEFT = _warning(
        205, "activations that a dead process left were ended", "", "their clients were told; see why the process died"
    )
    SESSIONS_ENDED = _warning(
        206, "the database sessions of a process that stands still were ended", "process", "see why it does not go on"
    )
    COUNTER_NEAR_TOP = _warning(
        301, "invocation counter near its end", "device", "replace its encryption key: cas device rekey"
    )
    COUNTER_PUT_RIGHT = _warning(
        302, "invocation counter was behind the device's, and put right", "device", "is another client using its keys?"
    )
    KEYS_SETTLED = _info(303, "a change of keys that was left half done is settled", "device")
    KEYS_REFUSED = _error(304, "a device and the service do not share keys", "device", "register the keys that it has")
    LOCKS_LOST = _warning(
        305, "locks on devices were interrupted", "", "a device may have been asked for two associations"
    )
    RECEIVER_AWAY = _warning(
        401, "a receiver of events does not take them", "receiver", "they wait, and are sent again"
    )
    RECEIVER_BACK = _info(402, "a receiver of events takes them again", "receiver")
    NOTIFICATION_REFUSED = _warning(
        403, "a notification was refused", "sender", "register the device or its keys, or find out who sends it"
    )
    NOT_AUTHENTICATED = _warning(501, "authentication failed", "peer", "find out who tries")
    NOT_AUTHORISED = _warning(
        502, "a client asked for what it may not", "client", "change its roles, or ask why it does"
    )
    TOO_MANY_REQUESTS = _warning(
        503, "a client asks faster than it may", "client", "raise its rate, or ask why it does"
    )
    DEFINITIONS_INVALID = _error(
        504, "definitions of clients or keys are not valid", "", "the last good ones hold: mend them"
    )
    AUDIT_INCOMPLETE = _error(505, "the end of a change is not in the audit log", "", "note it: the database was away")
    RESULTS_DROPPED = _info(601, "results are no longer kept", "partition")
    TIDYING_FAILED = _error(602, "tidying up failed", "", "it is tried again; see that the disk does not fill up")


for _entry in (kind.value for kind in Kind):  # known from the start: else the first one would be no increase
    metrics.SYSTEM_EVENTS.labels(_entry.number, _entry.severity)

BY_NUMBER: Mapping[int, Entry] = {kind.value.number: kind.value for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemEvent:
    """An event as it happened; `repeats`: how often before, since it was stored last."""

    number: int
    at: datetime
    subject: str
    details: Mapping[str, object]
    repeats: int = 0


class Journal:
    """Events of this process that wait to be stored. `wake` is called when there are some."""

    def __init__(self, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._wake = wake
        self._clock = clock
        self._waiting: deque[SystemEvent] = deque()
        self._told: OrderedDict[tuple[int, str], tuple[float, int]] = OrderedDict()
        self._lost = 0

    def add(self, entry: Entry, subject: str, details: Mapping[str, object]) -> None:
        """Have it stored, unless the same was a moment ago."""
        now, key = self._clock(), (entry.number, subject)
        told_at, repeats = self._told.pop(key, (None, 0))
        if told_at is not None and now - told_at < REPEATED_WITHIN:
            self._told[key] = (told_at, repeats + 1)
            return
        self._told[key] = (now, 0)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        event = SystemEvent(
            number=entry.number, at=datetime.now(UTC), subject=subject, details=dict(details), repeats=repeats
        )
        self._waiting.append(event)
        self._wake()

    def take(self, most: int) -> list[SystemEvent]:
        """The oldest events; who takes some and cannot store them gives them back."""
        if self._lost and len(self._waiting) < MOST_WAITING:
            lost, self._lost = self._lost, 0
            tell(Kind.EVENTS_LOST, events=lost)
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def give_back(self, events: list[SystemEvent]) -> None:
        """Keep events that could not be stored, in their order."""
        self._waiting.extendleft(reversed(events))


journal: ContextVar[Journal | None] = ContextVar("journal", default=None)
"""That of the service whose context it is."""


def tell(kind: Kind, subject: str = "", **details: object) -> None:
    """It has happened. Never raises, never waits; details named like a secret are blanked."""
    entry = kind.value
    metrics.SYSTEM_EVENTS.labels(entry.number, entry.severity).inc()
    told = {name: value for name, value in details.items() if value is not None}
    about = {"subject": subject} if subject else {}
    getattr(log, entry.severity)(entry.title, number=entry.number, **about, **told)
    if (kept := journal.get()) is not None:
        kept.add(entry, subject, blank_secrets(log, entry.severity, told))
