"""Planning an activation of 1,000,000 devices, beside a COPY of as many rows, and the memory that it takes."""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import uvloop

from cas.access.model import DeviceAccess, Octets, Origin, Terms
from cas.access.postgres import open_store
from cas.access.schedule import Calendar
from cas.devices.keys import Keyring, Secret
from cas.engine.planner import Planner
from cas.log import configure_logging
from cas.store.database import open_pool
from tests.benchmarks.machine import allowed
from tests.benchmarks.measure import Row, compare
from tests.benchmarks.memory import peak
from tests.benchmarks.round_trips import RAW_GET
from tests.benchmarks.site import site

DEVICES, BLOCK = 1_000_000, 1000
KEYRING = Keyring([Secret(b"m" * 32)])
ROUNDS = 3
REGISTER = """
INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu)
SELECT name, name, 'tcp://127.0.0.1:4059?client=16&server=1', 'none', 0, 'none', 65535
FROM generate_series(1, %s) AS n CROSS JOIN LATERAL (SELECT 'M' || to_char(n, 'FM0000000')) AS named (name)
"""


def plan(dsn: str) -> float:
    """Seconds in which a resource for all devices is made and planned."""

    async def main() -> float:
        planner = Planner(Calendar(UTC, timedelta(hours=1)))
        now = datetime.now(UTC)
        access = DeviceAccess(
            id=uuid4(), created_at=now, origin=Origin(), terms=Terms(), targets=(), groups=("DG_ALL_METERS",),
            requests=(Octets(RAW_GET),),
        )  # fmt: skip
        async with open_pool(dsn) as pool, open_store(pool, KEYRING, planner) as store:
            began = time.perf_counter()
            await store.create(access, bytes(32), None, queued=True)
            return time.perf_counter() - began

    return uvloop.run(main())


def planned(dsn: str) -> None:
    """See that it is all there, and remove it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT sum(cardinality(device_ids)) FROM activation_chunk").fetchone()
        connection.execute("DELETE FROM device_access")
        connection.execute("TRUNCATE procrastinate_jobs, bare_plan CASCADE")
        connection.execute("VACUUM activation_chunk")
    assert row == (DEVICES,)


def blocks() -> Iterator[bytes]:
    """The rows as COPY takes them."""
    access = str(uuid4())
    for first in range(0, DEVICES, BLOCK):
        yield "".join(f"{access}\t1\tM{number:07}\n" for number in range(first, first + BLOCK)).encode()


def rows(_rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    configure_logging("warning", "console")
    with site() as opened:
        written = list(blocks())
        with psycopg.connect(opened.dsn) as connection:
            connection.execute("CREATE TABLE bare_plan (access_id uuid, number integer, device_id text)")
            connection.execute(REGISTER, [DEVICES])

        def ours() -> float:
            seconds = plan(opened.dsn)
            planned(opened.dsn)
            return seconds

        def copy() -> float:
            with psycopg.connect(opened.dsn, autocommit=True) as connection, connection.cursor() as cursor:
                began = time.perf_counter()
                with cursor.copy("COPY bare_plan FROM STDIN") as target:
                    for block in written:
                        target.write(block)
                return time.perf_counter() - began

        yield compare(
            f"planning {DEVICES:,} devices",
            {"ours": ours, "floor: COPY of the rows": copy, "allowed: 60 s": allowed(60.0)},
            {"allowed: 60 s": 1.0},
            ROUNDS,
        )
        yield compare(
            f"planning {DEVICES:,} devices: memory of the process",
            {
                "ours": lambda: peak(os.getpid(), ours),
                "the process at rest": lambda: peak(os.getpid(), lambda: asyncio.run(asyncio.sleep(0))),
            },
            {"the process at rest": 0.9},
            ROUNDS,
            is_memory=True,
        )
