"""Plan an activation of very many devices, on a durable PostgreSQL: `python -m tests.faults.planning [DEVICES]`.

Ends with status 1 when it takes a minute or more, or memory in this process.
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from cas.store.database import open_pool
from cas.store.embedded import embedded_server
from cas.store.migrate import migrate
from tests.access_fakes import FakeDevices
from tests.engine_bench import HOUR, NOON, Bench

DEVICES = 1_000_000
WITHIN = 60.0
"""Seconds."""
MEMORY = 20
"""MB by which this process may grow."""

_REGISTER = (
    "INSERT INTO device (device_id, alias, url, authentication, suite, protection, max_pdu) "
    "SELECT name, name, 'tcp://meter:4059', 'none', 0, 'none', 65535 "
    "FROM (SELECT 'M' || lpad(n::text, 9, '0') AS name FROM generate_series(1, {}) AS n) AS new"
)
_SIZES = "SELECT pg_total_relation_size('activation_chunk'), pg_total_relation_size('procrastinate_jobs')"


async def _plan(dsn: str, devices: int) -> bool:
    async with open_pool(dsn) as pool:
        bench = Bench(pool, FakeDevices({}), chunk_size=500)
        await bench.run(_REGISTER.format(devices))
        await bench.create(groups=["DG_ALL_METERS"], activates=NOON + HOUR)
        before, began = _memory(), time.monotonic()
        planned = await bench.planner.plan_due(pool, NOON + HOUR)
        took, grown = time.monotonic() - began, _memory() - before
        chunks, jobs = (await bench.rows(_SIZES))[0]
    assert planned is not None
    print(f"{planned.devices:,} devices in {planned.chunks:,} chunks: {took:.2f} s, {grown:.1f} MB in this process")
    print(f"in the database {chunks / 1e6:.1f} MB of chunks, {jobs / 1e6:.1f} MB of jobs")
    return planned.devices == devices and took < WITHIN and grown < MEMORY


def _memory() -> float:
    """The most that this process ever took, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Plan, and tell."""
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else DEVICES
    with tempfile.TemporaryDirectory(prefix="cas-planning-") as directory, embedded_server(Path(directory)) as dsn:
        migrate(dsn)
        return 0 if asyncio.run(_plan(dsn, devices)) else 1


if __name__ == "__main__":
    sys.exit(main())
