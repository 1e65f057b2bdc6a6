"""The resources, activations and results of this room in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.rows import TupleRow

from cas.access.creation import New, as_json, insert, made_by_message, terms_columns
from cas.access.freshness import Fresh, fresh_answers
from cas.access.model import (
    DeviceAccess,
    Failure,
    NamedNotification,
    Octets,
    Origin,
    Result,
    Selection,
    State,
    Tally,
    Target,
    Terms,
)
from cas.access.notifications import notifications
from cas.access.results import count_results, insert_results, iterate_results, selected
from cas.access.schedule import Calendar
from cas.access.sealing import seal_requests
from cas.devices.keys import Keyring
from cas.engine.ending import count_stored, finish
from cas.engine.model import Ended
from cas.engine.planner import Planner
from cas.store.batch import Batcher
from cas.store.database import Connection, Pool, connected, conninfo_of
from cas.store.queries import query
from cas.store.standing import RECONNECT_AFTER, standing_connection

# Seconds after which a process that does not show that it lives is taken for dead.
CONFIRMED_AFTER = 5 * RECONNECT_AFTER

_RUNNER_NUMBER = query("runner_number")
_RUNNER_LIVE = query("runner_live")
_ACCESS_INSERT_DEVICES = query("access_insert_devices")
_ACCESS_INSERT_GROUPS = query("access_insert_groups")
_ACCESS_CHANGE = query("access_change")
_ACCESS_REMOVE_DEVICES = query("access_remove_devices")
_ACCESS_REMOVE_GROUPS = query("access_remove_groups")
_ACCESS_RETIRE_REQUESTS = query("access_retire_requests")
_ACCESS_FORGET_REQUESTS = query("access_forget_requests")
_ACCESS_RENEW_REQUESTS = query("access_renew_requests")
_ACCESS_REPLANNED = query("access_replanned")
_ACCESS_BY_ID = query("access_by_id")
_ACCESS_SET_STATE = query("access_set_state")
_ACCESS_DELETE = query("access_delete")
_ACCESS_HOLD = query("access_hold")
_ACTIVATION_EXECUTING = query("activation_executing")
_ACTIVATION_ABANDONED = query("activation_abandoned")
_ACCESS_PLANNED = query("access_planned")
_RESULT_FILL = query("result_fill")
_NOTIFICATION_PAGE = query("notification_page")

# What a change of makes the next activation another one.
_TIMES = frozenset({"activates", "repeating_interval", "expires", "accept_data_notification"})


class PostgresStore:
    """`cas.access.ports.Store` on a pool. `open_store` makes one."""

    def __init__(self, pool: Pool, keyring: Keyring, runner: int, planner: Planner) -> None:
        self._pool = pool
        self._keyring = keyring
        self._runner = runner
        self._planner = planner
        # what comes at the same time is stored together
        self._beginning: Batcher[New, bool] = Batcher(self._begin)
        self._finishing: Batcher[tuple[Ended, Sequence[Result]], bool] = Batcher(self._finish)

    async def create(
        self, access: DeviceAccess, digest: bytes, window: timedelta | None, *, queued: bool = False
    ) -> UUID:
        """Store a resource with its first activation, unless its message came before."""
        new = New(access, digest, window)
        while True:
            is_new = await (self._plan(new) if queued else self._beginning.add(new))
            if is_new:
                return access.id
            async with connected(self._pool) as connection:
                if (made := await made_by_message(connection, new)) is not None:
                    return made

    async def close(self) -> None:
        """Store what is on its way, whoever has ceased to wait for it."""
        await self._beginning.close()
        await self._finishing.close()

    async def change(self, access: DeviceAccess, changed: Collection[str], at: datetime) -> bool:
        """Change a resource that is still active; what runs goes on with the devices and requests that it has."""
        async with connected(self._pool) as connection, connection.transaction():
            parameters = {"id": access.id, **terms_columns(access.terms)}
            if await (await connection.execute(_ACCESS_CHANGE, parameters)).fetchone() is None:
                return False
            if "targets" in changed:
                await connection.execute(_ACCESS_REMOVE_DEVICES, {"id": access.id})
                await connection.execute(_ACCESS_REMOVE_GROUPS, {"id": access.id})
                for statement in (_ACCESS_INSERT_DEVICES, _ACCESS_INSERT_GROUPS):
                    await connection.execute(statement, {"id": access.id, **_devices(access)})
            if "requests" in changed:
                for statement in (_ACCESS_RETIRE_REQUESTS, _ACCESS_FORGET_REQUESTS):
                    await connection.execute(statement, {"id": access.id})
                requests = as_json(seal_requests(self._keyring, access.id, access.requests))
                await connection.execute(_ACCESS_RENEW_REQUESTS, {"id": access.id, "requests": requests})
            if not _TIMES.isdisjoint(changed):
                await self._planner.replan(connection, access.id, at, anew="activates" in changed)
                await connection.execute(_ACCESS_REPLANNED, {"id": access.id})
        return True

    async def add_results(self, results: Sequence[Result]) -> None:
        """Store results, each once."""
        await insert_results(self._pool, results)

    async def finish(self, ended: Ended, results: Sequence[Result] = ()) -> bool:
        """Store the last results of an activation with its end. False: it has been ended, or deleted."""
        return await self._finishing.add((ended, results))

    async def is_executing(self, access_id: UUID, activation: int) -> bool:
        """Whether nobody has ended an activation; others end those of a process that they take for dead."""
        async with connected(self._pool) as connection:
            parameters = {"access_id": access_id, "number": activation}
            return await (await connection.execute(_ACTIVATION_EXECUTING, parameters)).fetchone() is not None

    async def abandon(self, access_id: UUID, activation: int, failure: Failure, at: datetime) -> None:
        """End an activation with `failure` for every result that it lacks."""
        told = {"code": failure.code.value, "reason": failure.reason, "details": failure.details}
        async with connected(self._pool) as connection, connection.transaction():
            await connection.execute(_ACCESS_HOLD, {"access_id": access_id})
            await connection.execute(_RESULT_FILL, {"access_id": access_id, "number": activation, **told})
            results, failed = await count_stored(connection, access_id, activation)
            await finish(
                connection, [Ended(access_id=access_id, number=activation, at=at, results=results, failed=failed)]
            )

    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        """The resources of these IDs, secrets in their requests blanked; those that do not exist are left out."""
        async with connected(self._pool) as connection:
            cursor = await connection.execute(_ACCESS_BY_ID, {"ids": list(ids)}, binary=True)
            return {row[0]: _access(row) for row in await cursor.fetchall()}

    async def set_state(self, ids: Sequence[UUID], state: State) -> None:
        """Set the state of resources that are still active."""
        async with connected(self._pool) as connection:
            await connection.execute(_ACCESS_SET_STATE, {"ids": list(ids), "state": state.value})

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove resources and all that belongs to them."""
        async with connected(self._pool) as connection:
            await connection.execute(_ACCESS_DELETE, {"ids": list(ids)})

    async def tally(self, selection: Selection) -> Tally:
        """Count the results of a selection."""
        return await count_results(self._pool, selection)

    def results(self, access_id: UUID, selection: Selection) -> AsyncIterator[Result]:
        """The selected results of one resource; no connection is held between pages."""
        return iterate_results(self._pool, access_id, selection)

    async def fresh(self, access_id: UUID, device_ids: Sequence[str]) -> Fresh:
        """Stored answers that are fresh enough for a resource whose NotOlderThan is past."""
        return await fresh_answers(self._pool, access_id, device_ids)

    def notifications(self, access_id: UUID, selection: Selection) -> AsyncIterator[NamedNotification]:
        """The selected notifications that a resource accepted; no connection is held between pages."""
        return notifications(self._pool, _NOTIFICATION_PAGE, {**selected(selection), "id": access_id})

    async def recover(self, failure: Failure, at: datetime) -> int:
        """End the activations that dead processes left."""
        suspected = await self._abandoned()
        if not suspected:
            return 0
        # When the database restarts, a process that lives shows it again only when it has connected anew.
        await asyncio.sleep(CONFIRMED_AFTER)
        abandoned = suspected & await self._abandoned()
        for access_id, number in sorted(abandoned):
            await self.abandon(access_id, number, failure, at)
        return len(abandoned)

    async def _abandoned(self) -> set[tuple[UUID, int]]:
        async with connected(self._pool) as connection:
            rows = await (await connection.execute(_ACTIVATION_ABANDONED)).fetchall()
        return {(row[0], row[1]) for row in rows}

    async def _plan(self, new: New) -> bool:
        """Store a resource whose activations are the engine's. False: it is a repeat."""
        async with connected(self._pool) as connection, connection.transaction():
            if not await insert(connection, [new], self._keyring, None):
                return False
            await self._planner.plan(connection, new.access.id, new.access.created_at)
            await connection.execute(_ACCESS_PLANNED)
        return True

    async def _begin(self, new: Sequence[New]) -> list[bool]:
        """Store resources whose activation this process does by itself. False: it is a repeat."""
        async with connected(self._pool) as connection:
            inserted = await insert(connection, new, self._keyring, self._runner)
        return [each.access.id in inserted for each in new]

    async def _finish(self, endings: Sequence[tuple[Ended, Sequence[Result]]]) -> list[bool]:
        ended = [each for each, _ in endings]
        outcomes = await insert_results(self._pool, [result for _, results in endings for result in results], ended)
        return [(each.access_id, each.number) in outcomes for each in ended]


@asynccontextmanager
async def open_store(pool: Pool, keyring: Keyring, planner: Planner | None = None) -> AsyncIterator[PostgresStore]:
    """A store whose activations count as this process's; a connection of its own shows others that it lives.

    `planner` plans what the engine is to do; by default in UTC, with a window of an hour. Raises DatabaseUnavailable.
    """
    async with connected(pool) as connection:
        row = await (await connection.execute(_RUNNER_NUMBER)).fetchone()
    assert row is not None  # noqa: S101 - the statement has one row
    number = {"number": row[0]}

    async def live(connection: Connection) -> None:
        await connection.execute(_RUNNER_LIVE, number)

    async with standing_connection(conninfo_of(pool), live):
        store = PostgresStore(pool, keyring, row[0], planner or Planner(Calendar(UTC, timedelta(hours=1))))
        try:
            yield store
        finally:
            await store.close()


def _devices(access: DeviceAccess) -> dict[str, object]:
    return {
        "device_ids": [target.device_id for target in access.targets],
        "names": [target.name for target in access.targets],
        "group_ids": list(access.groups),
    }


def _access(row: TupleRow) -> DeviceAccess:
    return DeviceAccess(
        id=row[0],
        created_at=row[1],
        state=State(row[2]),
        origin=Origin(
            source=row[3],
            message_id=row[4],
            correlation_id=row[5],
            timestamp=row[6],
            reply_address=row[7],
            async_reply=row[8],
            dev_form=row[9],
            ack_required=row[21],
        ),
        terms=Terms(
            priority=row[10],
            activates=row[11],
            repeating_interval=row[12],
            duration=row[13],
            expires=row[14],
            not_older_than=row[15],
            accept_data_notification=row[16],
        ),
        targets=tuple(Target(name, device_id) for name, device_id in zip(row[17], row[18], strict=True)),
        requests=tuple(Octets(apdu) for apdu in row[19]),
        groups=tuple(row[20]),
        retired=tuple(Octets(apdu) for apdu in row[22]),
    )
