"""The end of activations in PostgreSQL: of one, or of many in one statement."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from cas.engine.model import Ended
from cas.store.database import Connection
from cas.store.queries import query

_FINISH = query("activations_finish")
_COUNTED = query("activation_counted")


async def finish(connection: Connection, ended: Sequence[Ended]) -> Mapping[tuple[UUID, int], str]:
    """End activations, and with them the resources that have no further one; the outcomes of those that it ended."""
    return await outcomes(await send_end(connection, ended))


async def send_end(connection: Connection, ended: Sequence[Ended]) -> AsyncCursor[TupleRow]:
    """As `finish`, for a pipeline: what came of it `outcomes` reads when the pipeline is over."""
    parameters = {
        "access_ids": [each.access_id for each in ended],
        "numbers": [each.number for each in ended],
        "ats": [each.at for each in ended],
        "stopped": [each.stopped for each in ended],
        "results": [each.results for each in ended],
        "failed": [each.failed for each in ended],
    }
    return await connection.execute(_FINISH, parameters)


async def outcomes(sent: AsyncCursor[TupleRow]) -> Mapping[tuple[UUID, int], str]:
    """The outcomes, by resource and number, of activations that were not ended before, nor deleted."""
    return {(row[0], row[1]): row[2] for row in await sent.fetchall()}


async def count_stored(connection: Connection, access_id: UUID, number: int) -> tuple[int, int]:
    """How many results of an activation are stored, and how many of them failed."""
    row = await (await connection.execute(_COUNTED, {"access_id": access_id, "number": number})).fetchone()
    assert row is not None  # noqa: S101 - a count has one row
    return row[0], row[1]
