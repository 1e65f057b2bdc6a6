"""The service at a glance: what the overview shows, and what changes on it while somebody looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cas.console.filters import number
from cas.console.rows import fetch
from cas.engine.permits import Permits
from cas.store.database import Pool
from cas.store.queries import query

HOURS = 24
"""How far back the overview looks."""

_COUNTS = query("console_counts")
_HOURS = query("console_hours")
_FAILING = query("console_failing")
_SLOWEST = query("console_slowest")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is."""

    resources: int
    activations: int
    devices: int
    troubled: int
    waiting: int
    doing: int
    workers: int


@dataclass(frozen=True, slots=True)
class Hour:
    """What the activations came to that began in an hour, in requests on devices."""

    hour: datetime
    results: int
    failures: int


@dataclass(frozen=True, slots=True)
class Failing:
    """The newest activation of a resource, that failed on some devices or tries them again."""

    access_id: UUID
    number: int
    activated_at: datetime
    deadline: datetime | None
    outcome: str
    source: str | None
    asked: list[bytes]
    """The first requests."""
    requests: int


@dataclass(frozen=True, slots=True)
class Slow:
    """A segment with the average time that its devices took; a device without a segment is one of its own."""

    segment: str
    seconds: float
    devices: int


async def counts(pool: Pool) -> Counts:
    """How much there is."""
    (found,) = await fetch(pool, Counts, _COUNTS, {})
    return found


def figures(found: Counts, permits: Permits) -> Mapping[str, str]:
    """The numbers of the overview, by name, as they are written; permits are those of this process."""
    return {
        "running": number(found.activations),
        "resources": number(found.resources),
        "waiting": number(found.waiting),
        "doing": number(found.doing),
        "held": number(permits.held),
        "permits": number(permits.limit),
        "queued": number(permits.waiting),
        "devices": number(found.devices),
        "troubled": number(found.troubled),
    }


async def hours(pool: Pool, now: datetime) -> list[Hour]:
    """The last hours in the order of time, the one under way last."""
    this = now.replace(minute=0, second=0, microsecond=0)
    wanted = [this - timedelta(hours=back) for back in reversed(range(HOURS))]
    found = {each.hour: each for each in await fetch(pool, Hour, _HOURS, {"since": wanted[0]})}
    return [found.get(hour, Hour(hour, 0, 0)) for hour in wanted]


def success_rate(found: Sequence[Hour]) -> float | None:
    """The share of requests that were answered; None where there were none."""
    total = sum(each.results for each in found)
    return None if not total else 1 - sum(each.failures for each in found) / total


async def failing(pool: Pool, since: datetime, limit: int) -> list[Failing]:
    """What failed last, newest first; not what a later activation mended, or was retried as a whole."""
    return await fetch(pool, Failing, _FAILING, {"since": since, "limit": limit})


async def slowest(pool: Pool, since: datetime, limit: int) -> list[Slow]:
    """The segments whose devices took longest in the newest activations."""
    return await fetch(pool, Slow, _SLOWEST, {"since": since, "limit": limit})
