"""zeep, a SOAP client that is not ours, with the whole interface: schedules, groups, changes, listings."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from cas.simulator import Simulator, pushing
from cas.store.database import Pool
from tests.engine_bench import NOON
from tests.integration.soap.test_zeep import Foreign, order
from tests.moved_time import Moved, moved

HOUR = timedelta(hours=1)
PORTS = pytest.mark.parametrize("port", ["CAS12", "CAS11"])


@pytest.fixture
async def service(pool: Pool) -> AsyncIterator[Moved]:
    async with moved(pool) as opened:
        yield opened


def header(verb: str, noun: str = "DeviceAccess") -> dict[str, Any]:
    return {"Verb": verb, "Noun": noun, "CorrelationID": "zeep"}


class Asking:
    """Requests by zeep."""

    def __init__(self, service: Moved, port: str) -> None:
        self._foreign = Foreign(service.url, port)

    async def ask(self, verb: str, noun: str = "DeviceAccess", **more: Any) -> Any:
        return await self._foreign.call(lambda cas: cas.Request(Header=header(verb, noun), **more))

    async def get(self, access_id: str, **more: Any) -> Any:
        answer = await self.ask("get", Request={"ID": [access_id], **more})
        (noun,) = answer.Payload.DeviceAccess
        return noun

    async def statistics(self) -> Any:
        return await self._foreign.call(lambda cas: cas.DeviceStatistic())


def results(noun: Any) -> list[tuple[str, str]]:
    """Which device, when."""
    return [
        (result.DeviceID, result.Activated.isoformat())
        for access in noun.CosemAccessList.CosemAccess
        for result in access.CosemAccessResult
    ]


@PORTS
@pytest.mark.clause("5.2.3", "7.2.3")
async def test_a_schedule_is_made_changed_and_read(service: Moved, port: str) -> None:
    zeep = Asking(service, port)
    async with Simulator(2) as simulator:
        names = await service.register_all(simulator)
        scheduled = {
            **order(*names),
            "Priority": 3,
            "Activates": NOON + HOUR,
            "RepeatingInterval": HOUR,
            "Duration": HOUR,
        }
        made = await zeep.ask("create", Payload={"DeviceAccess": [scheduled]})
        assert (made.Reply.Result, made.Payload) == ("OK", None)
        access_id = made.Reply.ID[0]["_value_1"]
        await service.pass_time(HOUR)
        change = {
            "ID": access_id,
            "RepeatingInterval": 2 * HOUR,
            "DevicesReferenceList": order(names[1])["DevicesReferenceList"],
        }
        changed = await zeep.ask("change", Request={"ID": [access_id]}, Payload={"DeviceAccess": [change]})
        assert changed.Reply.Result == "OK"
        for _ in range(2):
            await service.pass_time(HOUR)
        noun = await zeep.get(access_id)
    assert results(noun) == [
        (names[0], "2025-03-01T13:00:00+00:00"),
        (names[1], "2025-03-01T13:00:00+00:00"),
        (names[1], "2025-03-01T15:00:00+00:00"),
    ]
    assert (noun.Priority, noun.RepeatingInterval) == (3, 2 * HOUR)
    late = await zeep.get(access_id, StartTime=NOON + 2 * HOUR)
    assert len(results(late)) == 1


@PORTS
@pytest.mark.clause("5.3", "7.2.4")
async def test_groups_the_directory_and_statistics(service: Moved, port: str) -> None:
    zeep = Asking(service, port)
    async with Simulator(2) as simulator:
        names = await service.register_all(simulator)
        group = {"GroupID": "street", "DeviceReference": [{"DeviceID": name} for name in names]}
        await zeep.ask("create", "DeviceGroups", Payload={"DeviceGroups": {"DeviceGroup": [group]}})
        shown = await zeep.ask("get", "DeviceGroups", Request={"ID": ["street"]})
        (entry,) = shown.Payload.DeviceGroups.DeviceGroup
        assert [reference.DeviceID for reference in entry.DeviceReference] == names
        wanted = {
            **order(),
            "DevicesReferenceList": {"GroupReference": [{"GroupID": "street"}]},
            "RepeatingInterval": HOUR,
        }
        made = await zeep.ask("create", Payload={"DeviceAccess": [wanted]})
        await service.work()
    noun = await zeep.get(made.Reply.ID[0]["_value_1"])
    assert [device for device, _ in results(noun)] == names
    directory = await zeep.ask("get", "ResourceDirectory", Request={"WithData": True})
    (resource,) = directory.Payload.ResourceDirectory.Resource
    assert (resource.ResourceType, resource.ResourceStatus) == ("GET", "ITERATION-OK")
    assert [reference.GroupID for reference in resource.GroupReference] == ["street"]
    statistics = await zeep.statistics()
    assert [each["meter-id"] for each in statistics] == names
    assert {each["meter-state"] for each in statistics} == {"METER-ACTIVE"}


@PORTS
@pytest.mark.clause("5.2.4")
async def test_a_notification_is_read(service: Moved, port: str) -> None:
    zeep = Asking(service, port)
    async with Simulator(1, authentication="hls-gmac") as simulator:
        names = await service.register_all(simulator)
        made = await zeep.ask("create", Payload={"DeviceAccess": [{"AcceptDataNotification": True}]})
        assert await pushing.push(simulator.meter(0), "127.0.0.1", service.push_port)
    noun = await zeep.get(made.Reply.ID[0]["_value_1"])
    (access,) = noun.CosemAccessList.CosemAccess
    (result,) = access.CosemAccessResult
    assert result.DeviceID == names[0]
    assert result.CosemXDLMSResult["data-notification"]["notification-body"]
