"""A scheduled read of 10,000 simulated meters that answer after 200 ms: two workers, 1,000 permits, results stored.

The bound is what the meters take: three answers each (association, value, release), a thousand at a time.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from time import sleep

import psycopg

from tests.benchmarks.measure import Row, compare
from tests.benchmarks.site import DAILY, Service, Site, site
from tests.soap_messages import GET_ENERGY, access, request

METERS, LATENCY, ANSWERS, WORKERS, PERMITS = 10_000, 0.2, 3, 2, 1_000
BOUND = METERS * ANSWERS * LATENCY / PERMITS
ROUNDS = 3
"""More would tell little more, and each takes the time of ten of the others."""


def read_all(opened: Site, service: Service) -> float:
    """Seconds from the activation to its end, as the database has them."""
    everybody = '<dev:DevicesReferenceList><dev:GroupReference GroupID="DG_ALL_METERS"/></dev:DevicesReferenceList>'
    wanted = f"<dev:CosemAccessList>{access(GET_ENERGY)}</dev:CosemAccessList>"
    payload = f"<mes:Payload><mes:DeviceAccess>{everybody}{wanted}{DAILY}</mes:DeviceAccess></mes:Payload>"
    service.post(request("create", payload)).close()
    with psycopg.connect(opened.dsn, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM activation WHERE outcome = 'executing'").fetchone():
            sleep(0.1)
        row = connection.execute(
            "SELECT outcome, result_count, extract(epoch FROM finished_at - activated_at)::float8 FROM activation"
        ).fetchone()
        connection.execute("DELETE FROM device_access")
    assert row is not None
    assert row[:2] == ("ok", METERS)
    return float(row[2])


def rows(_rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    half = ("--meters", str(METERS // 2), "--authentication", "none", "--latency", str(1000 * LATENCY))
    other = (*half, "--first", str(METERS // 2 + 1))  # two, so that neither needs more files than are allowed
    at_once = str(PERMITS // WORKERS)
    with site(half, other, CAS_DEVICES_AT_ONCE=at_once) as opened, ExitStack() as stack:
        service = stack.enter_context(opened.serving("--no-worker"))
        for _ in range(WORKERS):
            stack.enter_context(opened.working())
        bound = "bound: 3 answers of 200 ms, 1,000 at a time"
        yield compare(
            f"scheduled read of {METERS:,} meters, results stored",
            {"ours": lambda: read_all(opened, service), bound: lambda: BOUND},
            {bound: 1 / 1.3},
            ROUNDS,
        )
