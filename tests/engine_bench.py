"""The engine on a real database, with devices in memory and a clock that tests move: no process, no waiting."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from cas.access.bulk import Bulk
from cas.access.chunks import Chunks
from cas.access.model import DeviceAccess, Failure, Octets, Origin, Result, Selection, Target, Terms
from cas.access.postgres import PostgresStore
from cas.access.retry import RetryPolicy
from cas.access.schedule import Calendar
from cas.access.writer import ResultWriter
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.engine.jobs import HandedBack
from cas.engine.model import ChunkId
from cas.engine.permits import Permits
from cas.engine.planner import Planner
from cas.engine.worker import look
from cas.store.database import Pool
from tests.access_fakes import KEYRING, FakeDevices, get_request, get_response

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
VALUE = get_response(Data.of("double-long-unsigned", 1234))
WRITTEN = cos.SetResponse(
    set_response_normal=cos.SetResponseNormal(invoke_id_and_priority=0xC1, result=cos.DataAccessResult.SUCCESS)
)
GET = Octets(encode_apdu(get_request()))
SET = Octets(
    encode_apdu(
        cos.SetRequest(
            set_request_normal=cos.SetRequestNormal(
                invoke_id_and_priority=0xC1,
                cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
                    class_id=1, instance_id=bytes.fromhex("0000600100FF"), attribute_id=2
                ),
                value=Data.of("unsigned", 1),
            )
        )
    )
)


class Bench:
    """One process of the engine. A second one on the same pool is another process."""

    def __init__(
        self,
        pool: Pool,
        devices: FakeDevices,
        *,
        chunk_size: int = 3,
        limit: int = 10,
        window: timedelta = HOUR,
        make_up: bool = True,
    ) -> None:
        self.pool = pool
        self.devices = devices
        self.now = NOON
        self.planner = Planner(Calendar(UTC, window, make_up=make_up), chunk_size=chunk_size)
        self.store = PostgresStore(pool, KEYRING, 1, self.planner)
        self.chunks = Chunks(pool, KEYRING)
        self.bulk = Bulk(
            self.chunks,
            ResultWriter(self.store),
            devices,
            Permits(limit, 0),
            clock=lambda: self.now,
            policy=RetryPolicy(jitter=0),
            entropy=lambda: 0.0,
        )

    async def create(
        self, *names: str, requests: Sequence[Octets] = (GET,), groups: Sequence[str] = (), **terms: object
    ) -> UUID:
        access = DeviceAccess(
            id=uuid4(),
            created_at=self.now,
            origin=Origin(),
            terms=Terms(**terms),  # type: ignore[arg-type]  # the tests give what the fields take
            targets=tuple(Target(name, name) for name in names),
            requests=tuple(requests),
            groups=tuple(groups),
        )
        return await self.store.create(access, bytes(32), None, queued=True)

    async def look(self) -> float:
        """What a worker does when it is woken."""
        return await look(self.pool, self.planner, self.bulk, self.now)

    async def jobs(self) -> list[tuple[int, int, ChunkId]]:
        """Number, priority and chunk of the jobs that are due, in the order in which they are served."""
        rows = await self.rows(
            "SELECT id, priority, args FROM procrastinate_jobs "
            "WHERE status = 'todo' AND coalesce(scheduled_at, %s) <= %s "
            "ORDER BY queue_name DESC, priority DESC, id",
            self.now,
            self.now,
        )
        return [(row[0], row[1], ChunkId(UUID(row[2]["access_id"]), row[2]["number"], row[2]["chunk"])) for row in rows]

    async def work(self) -> int:
        """Do the jobs that are due, one after another; return how many."""
        done = 0
        while jobs := await self.jobs():
            number, _, chunk_id = jobs[0]
            await self.run("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", number)
            try:
                await self.bulk.do(chunk_id)
            except HandedBack:
                await self.run("UPDATE procrastinate_jobs SET status = 'todo' WHERE id = %s", number)
                return done
            await self.run("DELETE FROM procrastinate_jobs WHERE id = %s", number)
            done += 1
        return done

    async def pass_time(self, span: timedelta) -> None:
        """Let time pass, and whoever is due work."""
        self.now += span
        await self.look()
        await self.work()

    async def results(self, access_id: UUID) -> dict[tuple[str, int, int], object]:
        """Answers and reasons of failures by device, activation and request."""
        return {
            (result.device_id, result.activation, result.request): result.answer.reason
            if isinstance(result.answer, Failure)
            else decode_apdu(result.answer)
            for result in await self.stored(access_id)
        }

    async def stored(self, access_id: UUID) -> list[Result]:
        return [result async for result in self.store.results(access_id, Selection(ids=(access_id,)))]

    async def outcomes(self, access_id: UUID) -> list[tuple[int, str]]:
        rows = await self.rows("SELECT number, outcome FROM activation WHERE access_id = %s ORDER BY number", access_id)
        return [(row[0], row[1]) for row in rows]

    async def state(self, access_id: UUID) -> str:
        return (await self.store.find([access_id]))[access_id].state.value

    async def rows(self, statement: str, *parameters: object) -> list[TupleRow]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(statement.encode(), parameters)).fetchall()

    async def count(self, table: str) -> int:
        statement = SQL("SELECT count(*) FROM {}").format(Identifier(table))
        async with self.pool.connection() as connection:
            (row,) = await (await connection.execute(statement)).fetchall()
        return int(row[0])

    async def run(self, statement: str, *parameters: object) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(statement.encode(), parameters)
