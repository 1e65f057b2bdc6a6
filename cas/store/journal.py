"""The journal of system events in PostgreSQL: stored soon after they happen, by each process its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from psycopg import Error
from psycopg.rows import class_row

from cas.store.database import PROCESS, Pool, connected
from cas.store.errors import StoreError
from cas.store.queries import query
from cas.system_events import BY_NUMBER, Entry, Journal, Severity, SystemEvent, journal
from cas.tasks import end, endless

# Events in one statement, and the seconds in which they are gathered.
BATCH = 500
GATHER = 0.2
# Seconds before the database is tried again, and those that it has when the process ends.
AGAIN_AFTER = 2.0
LAST_WITHIN = 2.0

_ADD = query("system_events_add")
_NEWEST = query("system_events_newest")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A system event as the journal has it."""

    id: int
    at: datetime
    number: int
    subject: str
    process: str
    """Its name, host and number."""
    details: Mapping[str, Any]
    repeats: int
    message_id: UUID

    @property
    def entry(self) -> Entry:
        """What the catalogue says of it; a later release may know more numbers than this one."""
        return BY_NUMBER.get(self.number) or Entry(self.number, Severity.INFO, f"event {self.number}", "", "")

    @property
    def text(self) -> str:
        """Its details in one line."""
        told = [f"{name}: {value}" for name, value in self.details.items()]
        return "; ".join([*told, *([f"{self.repeats} times more before"] if self.repeats else [])])

    def document(self) -> str:
        """All of it as JSON."""
        entry = self.entry
        content = {
            "id": self.id,
            "at": self.at.isoformat(),
            "number": self.number,
            "severity": entry.severity.value,
            "title": entry.title,
            "subject": self.subject,
            "advice": entry.advice,
            "process": self.process,
            "details": self.details,
            "repeats": self.repeats,
            "message_id": str(self.message_id),
        }
        return json.dumps(content, ensure_ascii=False)


@asynccontextmanager
async def keeping_journal(pool: Pool) -> AsyncIterator[None]:
    """Store what is told in this context, tasks included, and in the end what is left, if the database is there."""
    news = asyncio.Event()
    kept = Journal(news.set)
    before = journal.get()
    journal.set(kept)
    task = asyncio.create_task(endless(partial(_keep, pool, kept, news), "journal"), name="journal")
    try:
        yield
    finally:
        journal.set(before)
        await end(task)
        with suppress(StoreError, Error, TimeoutError):
            async with asyncio.timeout(LAST_WITHIN):
                await _store(pool, kept)


async def newest_events(
    pool: Pool,
    limit: int,
    *,
    before: int | None = None,
    after: int | None = None,
    numbers: Sequence[int] | None = None,
    subject: str | None = None,
) -> list[StoredEvent]:
    """The newest events that fit, newest first; `before` and `after` are IDs. Raises DatabaseUnavailable."""
    chosen = {"limit": limit, "before": before, "after": after, "subject": subject}
    numbered = None if numbers is None else list(numbers)
    async with connected(pool) as connection, connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
        await cursor.execute(_NEWEST, {**chosen, "numbers": numbered})
        return await cursor.fetchall()


def numbers_from(severity: Severity) -> list[int]:
    """The numbers of the events that are at least so bad."""
    ranks = list(Severity)
    return [entry.number for entry in BY_NUMBER.values() if ranks.index(entry.severity) >= ranks.index(severity)]


async def _keep(pool: Pool, kept: Journal, news: asyncio.Event) -> None:
    while True:
        await news.wait()
        await asyncio.sleep(GATHER)
        news.clear()
        try:
            await _store(pool, kept)
        except (StoreError, Error) as problem:
            log.warning("system events wait for the database", problem=str(problem))
            await asyncio.sleep(AGAIN_AFTER)
            news.set()


async def _store(pool: Pool, kept: Journal) -> None:
    """Store all that wait. Raises StoreError, psycopg.Error; then none is lost."""
    while events := kept.take(BATCH):
        try:
            async with connected(pool) as connection:
                await connection.execute(_ADD, {"process": PROCESS, **_columns(events)})
        except BaseException:
            kept.give_back(events)
            raise


def _columns(events: Sequence[SystemEvent]) -> dict[str, object]:
    return {
        "ats": [event.at for event in events],
        "numbers": [event.number for event in events],
        "subjects": [_storable(event.subject) for event in events],
        "details": [_storable(json.dumps(event.details, default=str, ensure_ascii=False)) for event in events],
        "repeats": [event.repeats for event in events],
    }


def _storable(text: str) -> str:
    # PostgreSQL takes neither NUL nor half of a surrogate pair, which what a peer says of itself may have.
    return text.replace("\\u0000", "\ufffd").replace("\0", "\ufffd").encode("utf-8", "replace").decode()
