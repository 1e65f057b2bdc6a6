"""Memory: of a session under way, an idle association, a stored result; and of a service whose answers are large.

Of the process, as the kernel counts it (resident, not shared with files); the kernel's own for a socket comes on top.
"""

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from cas.cosem.data import Data
from tests.benchmarks.load_profile import KINDS, cells, response
from tests.benchmarks.measure import Case, Row, compare
from tests.benchmarks.round_trips import RAW_GET
from tests.benchmarks.site import DAILY, Service, Site, entries_in, site
from tests.processes import run
from tests.soap_messages import by_id, create

SESSIONS = 1000
RESULTS, PROFILES = 1_000_000, 80
ROUNDS = 3
REGISTER = response(Data.of("double-long-unsigned", 1234567))
PROFILE = response(Data.array(Data.structure(*map(Data.of, KINDS, row)) for row in cells()))


def resident(pid: int | str = "self", name: str = "RssAnon") -> int:
    """Octets that a process has in memory now; with VmHWM, that it had at the most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise AssertionError(name)


def peak(pid: int, work: Callable[[], object]) -> float:
    """The most that a process has in memory while the work is done."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    work()
    return float(resident(pid, "VmHWM"))


def held(kind: str, devices: Path) -> Case:
    """What one of many takes, in a new process."""
    return lambda: float(run([sys.executable, "-m", "tests.benchmarks.held", kind, devices]))


def under_way(opened: Site) -> float:
    """What a session takes in `cas serve` while its meter does not answer; a first one makes the process warm."""
    first, *others = [entry.device.device_id for entry in entries_in(opened.devices)]
    with opened.serving() as service:
        before = waiting(service, [first], 1)
        taken = waiting(service, others, SESSIONS) - before
    with psycopg.connect(opened.dsn) as connection:
        connection.execute("DELETE FROM device_access")  # nobody goes on with it
    return taken / len(others)


def waiting(service: Service, devices: list[str], count: int) -> float:
    """Begin sessions; the memory of the service once `count` of them stand and wait."""
    service.post(create(devices, terms=DAILY)).close()
    while f"cas_links_open {count}.0" not in service.get("/metrics"):
        time.sleep(0.1)
    time.sleep(2)  # the last ones have yet to ask
    return float(resident(service.pid))


FINISHED = """
WITH resource AS (
    INSERT INTO device_access (
        id, created_at, state, async_reply, dev_form, priority, accept_data_notification
    ) VALUES (%(id)s, now(), 'finished', false, false, 0, false)
) INSERT INTO access_request (access_id, position, apdu) VALUES (%(id)s, 0, %(request)s)
"""
ENDED = """
INSERT INTO activation (access_id, number, scheduled_at, activated_at, finished_at, outcome)
VALUES (%s, 1, now(), now(), now(), 'ok')
"""
ANSWERED = """
INSERT INTO result (access_id, activation, request, device_id, activated, apdu, attempts, kept_until)
SELECT access_id, 1, 0, to_char(n, 'FM0000000000000000'), activated_at, %(apdu)s, 1, kept_until
FROM activation CROSS JOIN generate_series(1, %(count)s) AS n WHERE access_id = %(id)s
"""


BARE = "CREATE TABLE bare_result AS SELECT device_id, activated, apdu FROM result WHERE access_id = %s"


def resource(dsn: str, count: int, apdu: bytes) -> UUID:
    """A resource that is done, with as many results."""
    given = {"id": uuid4(), "request": RAW_GET, "apdu": apdu, "count": count}
    with psycopg.connect(dsn) as connection:
        connection.execute(FINISHED, given)
        connection.execute(ENDED, [given["id"]])
        connection.execute(ANSWERED, given)
    return UUID(str(given["id"]))


def fetched(service: Service, access_id: UUID) -> Case:
    """The most memory that the service has while a client gets a resource."""

    def get() -> None:
        with service.post(by_id("get", str(access_id))) as answer:
            while answer.read(1 << 20):
                pass

    return lambda: peak(service.pid, get)


def stored(dsn: str, tables: str) -> Case:
    """Octets of a row in tables of this pattern, with their indexes."""
    statement = "SELECT sum(pg_total_relation_size(oid))::float8 FROM pg_class WHERE relkind = 'r' AND relname ~ %s"

    def measure() -> float:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(statement, [tables]).fetchone()
        assert row is not None
        return float(row[0]) / RESULTS

    return measure


def rows(_rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    fault = ("--meters", str(SESSIONS), "--authentication", "none", "--fault", "hang")
    many = {"CAS_DEVICES_AT_ONCE": str(2 * SESSIONS), "CAS_CONNECTIONS": str(2 * SESSIONS), "CAS_STOP_GRACE": "0"}
    with site(fault, **many) as opened:
        with psycopg.connect(opened.dsn) as connection:
            connection.execute("UPDATE device SET url = url || '&timeout=900'")
        floor = held("socket", opened.devices)
        yield compare(
            "memory of a session under way",
            {"ours": lambda: under_way(opened), "floor: socket and task": floor, "allowed: 25 KiB": lambda: 25 * 1024},
            {"allowed: 25 KiB": 1.0},
            ROUNDS,
            is_memory=True,
        )
        yield compare(
            "memory of an idle association",
            {"ours": held("idle", opened.devices), "floor: socket and task": floor},
            {},
            ROUNDS,
            is_memory=True,
        )
    with site() as opened, opened.serving() as service:
        small, large = (resource(opened.dsn, count, REGISTER) for count in (RESULTS // 100, RESULTS))
        with psycopg.connect(opened.dsn, autocommit=True) as connection:
            connection.execute(BARE, [large])
        yield compare(
            "database of a stored result, of 11 octets",
            {
                "ours": stored(opened.dsn, "^result"),
                "floor: device, time and octets without an index": stored(opened.dsn, "^bare"),
            },
            {},
            2,
            is_memory=True,
        )
        yield compare(
            f"get of {RESULTS:,} results: memory of the service",
            {"ours": fetched(service, large), "a hundredth of it": fetched(service, small)},
            {"a hundredth of it": 0.9},
            2,
            is_memory=True,
        )
        few, profiles = (resource(opened.dsn, count, PROFILE) for count in (PROFILES // 20, PROFILES))
        yield compare(
            "get of 100 MB, profiles of 1.3 MB each: memory of the service",
            {"ours": fetched(service, profiles), "a twentieth of it": fetched(service, few)},
            {"a twentieth of it": 0.9},
            ROUNDS,
            is_memory=True,
        )
