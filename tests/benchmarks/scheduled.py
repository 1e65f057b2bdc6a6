"""A scheduled read of 10,000 simulated meters that answer after 200 ms: two workers, 1,000 permits, results stored.

The bound is what the meters take: three answers each (association, value, release), a thousand at a time; under
HLS-GMAC one more, its proof. On few cores it is CPU that keeps us from it, which the simulated meters take their part
of: the rows that follow tell how much. So that a slow machine does not make it another task, the meters are as slow as
it is (`tests.benchmarks.machine`).
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from time import sleep

import psycopg

from tests.benchmarks.machine import here
from tests.benchmarks.measure import Row, Spread, compare
from tests.benchmarks.site import DAILY, Service, Site, site
from tests.soap_messages import GET_ENERGY, access, request

METERS, LATENCY, WORKERS, PERMITS = 10_000, 0.2, 2, 1_000
ANSWERS = {"none": 3, "hls-gmac": 4}
"""Of each meter, by the authentication."""
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


def cpu(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes have taken since they began, for each of the meters."""
    ticks = 0
    for pid in pids:
        _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        ticks += sum(map(int, fields.split()[11:13]))  # in user mode and in the kernel
    return ticks / os.sysconf("SC_CLK_TCK") / METERS


def rows(_rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    yield from scheduled("none", f"scheduled read of {METERS:,} meters", {_bound("none"): 1 / 1.3})
    yield from scheduled("hls-gmac", "the same under GMAC", {})


def _bound(authentication: str) -> str:
    return f"bound: {ANSWERS[authentication]} answers of 200 ms, 1,000 at a time"


def scheduled(authentication: str, work: str, hopes: Mapping[str, float]) -> Iterable[Row]:
    """The time of a run, and the CPU that it takes."""
    latency = here(LATENCY)
    half = ("--meters", str(METERS // 2), "--authentication", authentication, "--latency", f"{1000 * latency:.0f}")
    other = (*half, "--first", str(METERS // 2 + 1))  # two, so that neither needs more files than are allowed
    at_once = str(PERMITS // WORKERS)
    with site(half, other, CAS_DEVICES_AT_ONCE=at_once) as opened, ExitStack() as stack:
        service = stack.enter_context(opened.serving("--no-worker"))
        kinds = {
            "workers": [stack.enter_context(opened.working()) for _ in range(WORKERS)],
            "simulated meters": opened.simulators,
        }
        spent: dict[str, list[float]] = {kind: [] for kind in kinds}

        def ours() -> float:
            before = {kind: cpu(pids) for kind, pids in kinds.items()}
            seconds = read_all(opened, service)
            for kind, pids in kinds.items():
                spent[kind].append(cpu(pids) - before[kind])
            return seconds

        bound = METERS * ANSWERS[authentication] * latency / PERMITS
        yield compare(f"{work}, results stored", {"ours": ours, _bound(authentication): lambda: bound}, hopes, ROUNDS)
        for kind, costs in spent.items():
            yield Row(f"{work}: CPU of the {kind}, a meter", {"ours": Spread.of(costs[1:])}, {}, {})
