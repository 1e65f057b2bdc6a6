"""Planning: what is due becomes an activation with chunks and jobs, in one transaction (IEC TS 62056-9-1, 5.2.3).

Any number of processes may plan at the same time: a resource is locked while one plans it, and the others skip it. An
activation never overlaps the one before of its resource (D): while that is under way the resource waits; of the times
that came meanwhile the newest is made up if its window is still open, the others are recorded as missed. The same
happens to times that came while no process was there to plan.
"""

from datetime import datetime
from uuid import UUID

import structlog
from psycopg.rows import TupleRow

from cas.engine.ending import finish
from cas.engine.jobs import TASK, job_priority, queue_of
from cas.engine.model import Due, Ended, Planned, Schedule
from cas.store.database import Connection, Pool, connected
from cas.store.queries import query
from cas.system_events import Kind, tell

CHUNK_SIZE = 500

_DUE = query("resource_due")
_TO_PLAN = query("resource_to_plan")
_PLAN_NEXT = query("resource_plan_next")
_MISSED = query("activations_missed")
_PLAN = query("activation_plan")
_FAN_OUT = query("activation_fan_out")

log = structlog.get_logger(__name__)


class Planner:
    """Plans activations by a calendar, in chunks of `chunk_size` devices."""

    def __init__(self, schedule: Schedule, *, chunk_size: int = CHUNK_SIZE) -> None:
        self._schedule = schedule
        self._chunk_size = chunk_size

    async def plan_due(self, pool: Pool, now: datetime) -> Planned | None:
        """Plan the most urgent of the resources that are due; None: none is, or others are planning them.

        Raises DatabaseUnavailable.
        """
        async with connected(pool) as connection, connection.transaction():
            row = await (await connection.execute(_DUE, {"now": now}, binary=True)).fetchone()
            return None if row is None else await self._plan(connection, _due(row), now)

    async def plan(self, connection: Connection, access_id: UUID, now: datetime) -> Planned | None:
        """Plan one resource in the caller's transaction: a new one, or one whose terms have changed."""
        row = await (await connection.execute(_TO_PLAN, {"access_id": access_id}, binary=True)).fetchone()
        return None if row is None else await self._plan(connection, _due(row), now)

    async def replan(self, connection: Connection, access_id: UUID, now: datetime, *, anew: bool) -> None:
        """Find the next activation of a resource whose terms have changed; what runs is left alone.

        `anew`: it begins again on the calendar of its Activates, or at once if that has passed.
        """
        row = await (await connection.execute(_TO_PLAN, {"access_id": access_id}, binary=True)).fetchone()
        if row is None:
            return
        due = _due(row)
        if anew:
            upcoming: dict[str, object] = {"next_k": 0, "next_at": max(due.activates or now, now)}
        else:
            agenda = self._schedule.resume(due, now)
            upcoming = {"next_k": agenda.next_k, "next_at": agenda.next_at}
        await connection.execute(_PLAN_NEXT, {"access_id": access_id, **upcoming})

    async def _plan(self, connection: Connection, due: Due, now: datetime) -> Planned:
        agenda = self._schedule(due, now)
        number = due.last_number
        if agenda.missed:
            numbers = range(number + 1, number + 1 + len(agenda.missed))
            number = numbers[-1]
            parameters = {"numbers": list(numbers), "moments": list(agenda.missed), "now": now}
            await connection.execute(_MISSED, {"access_id": due.access_id, **parameters})
            tell(Kind.ACTIVATION_MISSED, str(due.access_id), activations=len(agenda.missed))
        chunks = devices = 0
        if agenda.slot is not None:
            number += 1
            parameters = {"scheduled_at": agenda.slot.scheduled_at, "deadline": agenda.slot.deadline, "now": now}
            await connection.execute(_PLAN, {"access_id": due.access_id, "number": number, **parameters})
            chunks, devices = await self._fan_out(connection, due, number)
        upcoming = {"next_k": agenda.next_k, "next_at": agenda.next_at}
        await connection.execute(_PLAN_NEXT, {"access_id": due.access_id, **upcoming})
        if agenda.slot is not None and not chunks:
            await finish(connection, [Ended(access_id=due.access_id, number=number, at=now, results=0, failed=0)])
        planned = Planned(due.access_id, number if agenda.slot else None, chunks, devices, len(agenda.missed))
        log.info(
            "activation planned",
            access_id=str(due.access_id),
            activation=planned.number,
            devices=devices,
            chunks=chunks,
            missed=planned.missed,
            next_at=agenda.next_at and agenda.next_at.isoformat(),
        )
        return planned

    async def _fan_out(self, connection: Connection, due: Due, number: int) -> tuple[int, int]:
        cursor = await connection.execute(
            _FAN_OUT,
            {
                "access_id": due.access_id,
                "number": number,
                "chunk_size": self._chunk_size,
                "queue": queue_of(on_demand=due.on_demand),
                "task": TASK,
                "job_priority": job_priority(due.priority),
            },
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - the statement has one row
        return row[0], row[1]


def _due(row: TupleRow) -> Due:
    return Due(
        access_id=row[0],
        created_at=row[1],
        activates=row[2],
        repeating_interval=row[3],
        duration=row[4],
        expires=row[5],
        next_k=row[6],
        priority=row[7],
        accept_data_notification=row[8],
        last_number=row[9],
    )
