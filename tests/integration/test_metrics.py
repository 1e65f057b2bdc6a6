"""What an operator sees of a service at work: the metrics of a front and of a worker."""

import aiohttp

from cas.simulator import Fault, FaultKind, Simulator
from tests.integration.soap.conftest import Service, service, settings
from tests.processes import cas, running
from tests.soap_messages import GET_ENERGY, create
from tests.unit.transports.test_link import unused_port


async def metrics(url: str) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = [line for line in (await response.text()).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_results_round_trips_and_errors_are_counted_by_segment(service: Service) -> None:
    where = service.url.removesuffix("/cas") + "/metrics"
    async with Simulator(2) as simulator:
        labels = {"label": {"segment": "north"}}
        await service.register(*({**simulator.device(index), **labels} for index in range(2)))
        before = await metrics(where)
        simulator.meter(1).fault = Fault(FaultKind.OFF)
        await service.post(create([meter.device_id for meter in simulator.meters], [GET_ENERGY]))
        after = await metrics(where)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown('cas_results_total{outcome="ok"}') == 1
    assert grown('cas_results_total{outcome="connection lost"}') == 1
    assert grown('cas_round_trip_seconds_count{segment="north"}') >= 3
    assert grown('cas_permit_wait_seconds_count{kind="on-demand"}') == 2
    assert grown('cas_link_errors_total{error="ClosedByPeer",segment="north"}') == 1
    assert after["cas_activations_under_way"] == 0
    assert after['cas_jobs{queue="cas_bulk",status="todo"}'] == 0


async def test_a_worker_has_metrics_of_its_own(dsn: str) -> None:
    port = unused_port()
    environment = {"CAS_DSN": dsn, "CAS_MASTER_KEY": "5A" * 32, "CAS_METRICS_PORT": str(port)}
    with running(cas("worker"), environment):
        found = await metrics(f"http://127.0.0.1:{port}/metrics")
    assert "cas_links_open" in found
    assert found['cas_system_events_total{number="602",severity="error"}'] == 0, "alerts tell the first one by it"


__all__ = ["service", "settings"]  # the fixtures
