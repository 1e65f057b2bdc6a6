"""The outbox in PostgreSQL. Rows come from triggers, in the transaction that stores what they tell.

A message is sealed before it is sent for the first time: which rows go in it, and its MessageID. So a repeat, also by
another process after a crash, has the same identity and content.
"""

from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from psycopg.rows import TupleRow, class_row

from cas.push.events import BROKER, DeliverySettings, Event, EventVerb
from cas.store.database import Pool, connected
from cas.store.journal import StoredEvent
from cas.store.queries import query

_BROKERS = query("event_brokers_set")
_TARGETS = query("event_targets_waiting")
_NEXT = query("event_next")
_SEAL = query("event_seal")
_MESSAGE = query("event_message")
_ACKNOWLEDGE = query("event_acknowledge")
_CLOSE = query("event_close")
_SYSTEM_SET = query("system_events_set")
_SYSTEM_NEXT = query("system_event_unpublished")
_SYSTEM_DONE = query("system_event_publish")
# What stands for the resource of an event of the service itself.
_NO_RESOURCE = UUID(int=0)


class PostgresOutbox:
    """`cas.push.events.Outbox` on a pool."""

    def __init__(self, pool: Pool, settings: DeliverySettings | None = None) -> None:
        self._pool = pool
        self._settings = settings or DeliverySettings()

    async def set_brokers(self, targets: Sequence[str]) -> None:
        """The targets that get the events of every resource made from now on. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            await connection.execute(_BROKERS, {"targets": list(targets)})
            await connection.execute(_SYSTEM_SET)

    async def close_finished(self) -> None:
        """Make the last event of resources that are over. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            await connection.execute(_CLOSE)

    async def targets(self) -> list[str]:
        """The targets for which there are events. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            return [row[0] for row in await (await connection.execute(_TARGETS)).fetchall()]

    async def next(self, target: str, waiting: Collection[UUID]) -> Event | float | None:
        """The oldest event of a target, but for resources that are waiting. Raises DatabaseUnavailable."""
        if target == BROKER and (system := await self._next_of_system()) is not None:
            return system
        chosen: dict[str, object] = {"target": target, "waiting": list(waiting), "gather": self._settings.gather}
        async with connected(self._pool) as connection:
            found = await (await connection.execute(_NEXT, chosen)).fetchone()
            if found is None:
                return None
            access_id, message_id, seconds = found
            if seconds > 0:
                return float(seconds)
            key = {"target": target, "access_id": access_id, "message_id": message_id or uuid4()}
            if message_id is None:
                await connection.execute(_SEAL, {**key, "most": self._settings.most_results})
            row = await (await connection.execute(_MESSAGE, key)).fetchone()
        # Deleted in this moment: there may be others.
        return 0.0 if row is None else _event(row, target, key["message_id"])

    async def acknowledge(self, event: Event) -> None:
        """The target has taken it. Raises DatabaseUnavailable."""
        async with connected(self._pool) as connection:
            if event.verb is EventVerb.SYSTEM:
                await connection.execute(_SYSTEM_DONE, {"id": event.rows[0]})
            else:
                await connection.execute(_ACKNOWLEDGE, {"rows": list(event.rows)})

    async def _next_of_system(self) -> Event | None:
        async with connected(self._pool) as connection, connection.cursor(row_factory=class_row(StoredEvent)) as cursor:
            await cursor.execute(_SYSTEM_NEXT)
            stored = await cursor.fetchone()
        if stored is None:
            return None
        return Event(
            rows=(stored.id,),
            target=BROKER,
            access_id=_NO_RESOURCE,
            verb=EventVerb.SYSTEM,
            message_id=stored.message_id,
            created_at=stored.at,
            number=stored.number,
            document=stored.document(),
        )


def _event(row: TupleRow, target: str, message_id: UUID) -> Event:
    return Event(
        rows=tuple(sorted(row[0])),
        target=target,
        access_id=row[1],
        verb=EventVerb(row[2]),
        message_id=message_id,
        created_at=row[3],
        size=row[4],
        address=row[5] or "",
        correlation_id=row[6],
        ack_required=row[7],
        dev_form=row[8],
        state=row[9],
    )
