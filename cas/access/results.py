"""Results in PostgreSQL: stored in batches, counted, and read page by page in constant memory.

Nothing is held between pages, neither a connection nor a snapshot: a client may take its answer as slowly as it likes.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

from psycopg.rows import TupleRow

from cas.access.codes import Code
from cas.access.model import Failure, Octets, Result, Selection, Tally
from cas.access.statistics import kind_of
from cas.engine.ending import outcomes, send_end
from cas.engine.model import Ended
from cas.store.database import Connection, Pool, connected
from cas.store.queries import query
from cas.system_events import Kind, tell

# Results in one page, and the octets of their APDUs in all: a result may be a whole load profile.
PAGE = 1000
PAGE_OCTETS = 1_000_000

_INSERT = query("result_insert")
_SPAN = query("result_span")
_PAGE = query("result_page")
_PAGE_LAST_VALID = query("result_page_last_valid")
_TALLY = query("result_tally")


async def insert_results(
    pool: Pool, results: Sequence[Result], ended: Sequence[Ended] = ()
) -> Mapping[tuple[UUID, int], str]:
    """Store results, each once, and count the new ones in the statistics of their devices. Raises DatabaseUnavailable.

    Those of resources that are gone are dropped. The ends of activations are stored with them, all or nothing: the
    outcomes, by resource and number, of those that were not ended before, nor deleted.
    """
    async with connected(pool) as connection:
        # Without a transaction around it, a pipeline is one.
        async with connection.pipeline():
            # The end first: who deletes the resource locks it before its activations, too.
            sent = await send_end(connection, ended) if ended else None
            inserted = await connection.execute(_INSERT, _columns(results)) if results else None
        if inserted is not None:
            for (device_id,) in await inserted.fetchall():
                tell(Kind.KEYS_REFUSED, device_id)
        return await outcomes(sent) if sent is not None else {}


def _columns(results: Sequence[Result]) -> dict[str, object]:
    failures = [result.answer if isinstance(result.answer, Failure) else None for result in results]
    return {
        "access_ids": [result.access_id for result in results],
        "activations": [result.activation for result in results],
        "requests": [result.request for result in results],
        "device_ids": [result.device_id for result in results],
        "activated": [result.activated for result in results],
        "apdus": [None if isinstance(result.answer, Failure) else result.answer for result in results],
        "codes": [failure and failure.code.value for failure in failures],
        "reasons": [failure and failure.reason for failure in failures],
        "details": [failure and failure.details for failure in failures],
        "attempts": [result.attempts for result in results],
        "kinds": [kind_of(result.answer) for result in results],
    }


async def count_results(pool: Pool, selection: Selection) -> Tally:
    """Count the results of a selection; only the newest good ones: none of them failed, nor is outstanding.

    Raises DatabaseUnavailable.
    """
    parameters = {**selected(selection), "ids": list(selection.ids)}
    async with connected(pool) as connection:
        parameters |= await _span(connection, parameters)
        counted = await (await connection.execute(_TALLY, parameters)).fetchone()
    assert counted is not None  # noqa: S101 - a count has one row
    return Tally(counted[0], 0, 0) if selection.last_valid else Tally(*counted)


async def iterate_results(pool: Pool, access_id: UUID, selection: Selection) -> AsyncIterator[Result]:
    """The selected results of one resource by request, activation and device. Raises DatabaseUnavailable."""
    statement = _PAGE_LAST_VALID if selection.last_valid else _PAGE
    parameters = {**selected(selection), "page": PAGE, "octets": PAGE_OCTETS, "id": access_id}
    after: tuple[int, int, str] = (-1, 0, "")
    while True:
        behind = dict(zip(("after_request", "after_activation", "after_device_id"), after, strict=True))
        async with connected(pool) as connection:
            if "first" not in parameters:
                parameters |= await _span(connection, {**parameters, "ids": [access_id]})
            rows = await (await connection.execute(statement, {**parameters, **behind}, binary=True)).fetchall()
        for row in rows:
            yield read_result(row)
        if not rows or len(rows) == rows[-1][10] < PAGE:
            return
        last = rows[-1]
        after = (last[2], last[1], last[3])


def selected(selection: Selection) -> dict[str, object]:
    """The parameters of a query that a selection makes, but for the resources."""
    devices = None if selection.device_ids is None else list(selection.device_ids)
    return {
        "start": selection.start,
        "end": selection.end,
        "device_ids": devices,
        "groups": list(selection.groups),
    }


def read_result(row: TupleRow) -> Result:
    """A result of the columns that every query of results has in front."""
    return Result(
        access_id=row[0],
        activation=row[1],
        request=row[2],
        device_id=row[3],
        activated=row[4],
        answer=Octets(row[5]) if row[5] is not None else Failure(Code(row[6]), row[7], row[8]),
        attempts=row[9],
    )


async def _span(connection: Connection, parameters: dict[str, object]) -> dict[str, object]:
    """Where the results of a selection can be: of which activations, in which partitions."""
    row = await (await connection.execute(_SPAN, parameters)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return dict(zip(("first", "last", "first_kept", "last_kept"), row, strict=True))
