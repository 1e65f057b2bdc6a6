"""A front and workers as operators run them, with simulated meters over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from cas.app import open_service
from cas.config import Settings
from cas.simulator import Simulator
from cas.store.database import Pool
from tests.integration.soap.conftest import Service, settings
from tests.processes import cas, running
from tests.soap_messages import GET_ENERGY, Answer, access, by_id, create, request

PATIENCE = 60
ALL_METERS = (
    "<mes:Payload><mes:DeviceAccess><dev:DevicesReferenceList><dev:GroupReference GroupID='{group}'/>"
    f"</dev:DevicesReferenceList><dev:CosemAccessList>{access(GET_ENERGY)}</dev:CosemAccessList>"
    "{terms}</mes:DeviceAccess></mes:Payload>"
)
EVERY_SECOND = "<dev:RepeatingInterval>PT1S</dev:RepeatingInterval>"


@pytest.fixture
async def front(settings: Settings) -> AsyncIterator[Service]:
    async with open_service(settings, work=False) as url:
        yield Service(url, settings)


@pytest.fixture
def environment(dsn: str) -> dict[str, str]:
    return {"CAS_DSN": dsn, "CAS_MASTER_KEY": "5A" * 32, "CAS_STOP_GRACE": "2"}


async def get_until(front: Service, access_id: str, is_there: Callable[[Answer], bool]) -> Answer:
    async with asyncio.timeout(PATIENCE):
        while not is_there(answer := await front.post(by_id("get", access_id))):  # noqa: ASYNC110 - no event reaches us
            await asyncio.sleep(0.1)
    return answer


@pytest.mark.clause("5.2.3")
async def test_a_repeating_access_to_all_meters_is_done_by_a_worker_of_its_own(
    front: Service, environment: dict[str, str]
) -> None:
    async with Simulator(3, authentication="hls-gmac") as simulator:
        await front.register(*(simulator.device(index) for index in range(3)))
        names = [meter.device_id for meter in simulator.meters]
        with running(cas("worker", "--concurrency", "10"), environment) as said:
            assert said.startswith("READY 10 devices")
            made = await front.post(request("create", ALL_METERS.format(group="DG_ALL_METERS", terms=EVERY_SECOND)))
            assert made.result == "OK"
            assert made.all("//mes:Payload") == []
            answer = await get_until(
                front, made.id, lambda answer: len(answer.texts("//dev:CosemAccessResult/@DeviceID")) >= 9
            )
            assert answer.texts("//dev:GroupReference/@GroupID") == ["DG_ALL_METERS"]
            assert set(answer.texts("//dev:CosemAccessResult/@DeviceID")) == set(names)
            assert not answer.all("//dev:CosemErrorResult")
            assert (await front.post(by_id("cancel", made.id))).result == "OK"
        assert not list(simulator.violations())


@pytest.mark.clause("5.2.2")
async def test_two_workers_and_a_front_never_meet_at_a_meter(
    front: Service, environment: dict[str, str], pool: Pool
) -> None:
    async with Simulator(4) as simulator:
        await front.register(*(simulator.device(index) for index in range(4)))
        names = [meter.device_id for meter in simulator.meters]
        with running(cas("worker"), environment), running(cas("worker"), environment):
            repeating = [await front.post(create(names, [GET_ENERGY] * 3, terms=EVERY_SECOND)) for _ in range(3)]
            once = await asyncio.gather(*(front.post(create(names, [GET_ENERGY] * 3)) for _ in range(5)))
            assert [answer.result for answer in once] == ["OK"] * 5
            await front.post(by_id("close", *(made.id for made in repeating)))
        assert not list(simulator.violations())
    async with pool.connection() as connection:
        failed = await (await connection.execute("SELECT reason FROM result WHERE code IS NOT NULL")).fetchall()
    # a second may be too short on a busy machine; that a meter refuses a second association may never be
    assert {reason for (reason,) in failed} <= {"window over"}


async def test_an_unknown_group_is_told(front: Service) -> None:
    answer = await front.post(request("create", ALL_METERS.format(group="DG_NONE", terms="")))
    assert answer.result == "FAILED"
    assert "DG_NONE" in answer.octets.decode()


__all__ = ["settings"]  # the fixture
