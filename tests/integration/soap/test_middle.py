"""A resource that is ended while a worker elsewhere is at its devices: front and worker meet in the database only."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from cas.app import open_service, open_worker
from cas.config import Settings
from cas.simulator import Simulator
from tests.events_bench import receiving
from tests.integration.soap.conftest import Service
from tests.integration.soap.test_meters import entry
from tests.soap_messages import GET_ENERGY, Answer, by_id, create

pytestmark = pytest.mark.clause("7.2.3")
REQUESTS = 12
REPEATED = "<dev:RepeatingInterval>PT1H</dev:RepeatingInterval>"


@dataclass
class Setting:
    service: Service
    simulator: Simulator

    async def begun(self) -> Answer:
        """A resource that a worker has begun with: the first answer is there."""
        meter = self.simulator.meter(0)
        made = await self.service.post(create([meter.device_id], [GET_ENERGY] * REQUESTS, terms=REPEATED))
        while not (await self.found(made)).all("//cos:get-response"):
            pass
        return made

    async def found(self, made: Answer) -> Answer:
        return await self.service.post(by_id("get", made.id))

    async def settled(self, made: Answer) -> Answer:
        """The resource when nothing of it is under way any more."""
        while "0.1" in (found := await self.found(made)).codes:
            pass
        return found


@pytest.fixture
async def setting(settings: Settings) -> AsyncIterator[Setting]:
    async with (
        Simulator(1, latency=0.1) as simulator,
        open_service(settings, work=False) as url,
        open_worker(settings),
    ):
        service = Service(url, settings)
        await service.register(entry(simulator, 0))
        yield Setting(service, simulator)


async def test_a_cancel_stops_at_the_next_apdu(setting: Setting) -> None:
    made = await setting.begun()
    assert (await setting.service.post(by_id("cancel", made.id))).result == "OK"
    found = await setting.settled(made)
    answered = len(found.all("//cos:get-response"))
    assert 1 <= answered < REQUESTS
    assert found.texts("//dev:CosemErrorResult/dev:code") == ["6.5"] * (REQUESTS - answered)


async def test_a_close_lets_finish_what_runs(setting: Setting) -> None:
    made = await setting.begun()
    assert (await setting.service.post(by_id("close", made.id))).result == "OK"
    found = await setting.settled(made)
    assert (found.result, len(found.all("//cos:get-response"))) == ("OK", REQUESTS)


async def test_a_cancel_after_a_close_stops_what_runs(setting: Setting) -> None:
    made = await setting.begun()
    await setting.service.post(by_id("close", made.id))
    await setting.service.post(by_id("cancel", made.id))
    found = await setting.settled(made)
    assert "6.5" in found.texts("//dev:CosemErrorResult/dev:code")


async def test_a_delete_stops_what_runs_and_leaves_nothing(setting: Setting) -> None:
    made = await setting.begun()
    assert (await setting.service.post(by_id("delete", made.id))).result == "OK"
    while setting.simulator.meter(0).open_associations:
        assert (await setting.found(made)).codes == ["2.15"]
    assert setting.simulator.counts.requests < REQUESTS


@pytest.mark.clause("5.2.3")
async def test_a_worker_delivers_the_events_of_what_a_front_took(settings: Settings) -> None:
    async with receiving() as receiver:
        told = settings.model_copy(update={"event_targets": (receiver.url,)})
        async with Simulator(1) as simulator, open_service(told, work=False) as url, open_worker(told):
            service = Service(url, told)
            await service.register(entry(simulator, 0))
            header = f"<mes:ReplyAddress>{receiver.url}</mes:ReplyAddress>"
            made = await service.post(create([simulator.meter(0).device_id], terms=REPEATED, header=header))
            (event,) = await receiver.until(1)
    assert (event.verb, event.resource) == ("changed", made.id)
    assert len(event.all("//cos:get-response")) == 1
