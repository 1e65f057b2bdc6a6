"""Data notifications to the resources that accept them: figure 6, pushed by meters over real sockets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from cas.simulator import Simulator, pushing
from cas.store.database import Pool
from tests.events_bench import Receiver, delivery, receiving
from tests.moved_time import Moved, moved
from tests.soap_messages import GET_ENERGY, Answer, by_id, create, device_access, request

pytestmark = pytest.mark.clause("5.2.4")
ACCEPT = "<dev:AcceptDataNotification>true</dev:AcceptDataNotification>"
BODY = "//dev:CosemXDLMSResult/cos:data-notification"


@dataclass
class Setting:
    service: Moved
    simulator: Simulator
    receiver: Receiver
    names: list[str]

    async def listen(self, payload: str) -> Answer:
        header = (
            f"<mes:ReplyAddress>{self.receiver.url}</mes:ReplyAddress><mes:CorrelationID>pushes</mes:CorrelationID>"
        )
        inside = f"<mes:Payload><mes:DeviceAccess>{payload}{ACCEPT}</mes:DeviceAccess></mes:Payload>"
        return await self.service.post(request("create", inside, header=header))

    async def push(self, index: int) -> bool:
        return await pushing.push(self.simulator.meter(index), "127.0.0.1", self.service.push_port)


@pytest.fixture
async def setting(pool: Pool) -> AsyncIterator[Setting]:
    async with receiving() as receiver:
        origin = receiver.url.removesuffix("/events")
        async with (
            moved(pool, allowed=(origin,)) as service,
            delivery(pool, receiver.url),
            Simulator(2, authentication="hls-gmac") as simulator,
        ):
            yield Setting(service, simulator, receiver, await service.register_all(simulator))


@pytest.mark.clause("7.2.3")
async def test_figure_6_a_notification_is_kept_and_told(setting: Setting) -> None:
    made = await setting.listen(
        f'<dev:DevicesReferenceList><dev:DeviceReference DeviceID="{setting.names[0]}"/></dev:DevicesReferenceList>'
    )
    assert made.result == "OK", made.octets
    assert await setting.push(1)  # taken, and accepted by no resource
    assert await setting.push(0)
    (event,) = await setting.receiver.until(1)
    assert (event.verb, event.resource, event.text("//mes:CorrelationID")) == ("created", made.id, "pushes")
    found = await setting.service.post(by_id("get", made.id))
    assert found.result == "OK"
    for told in (event, found):
        assert told.texts("//dev:CosemAccessResult/@DeviceID") == setting.names[:1]
        assert int(told.texts(f"{BODY}//cos:double-long-unsigned")[0]) > 0
    directory = await setting.service.post(request("get", noun="ResourceDirectory"))
    assert directory.text("//mes:ResourceType") == "DATA-NOTIFICATION"
    assert directory.text("//mes:AcceptDataNotification") == "true"


async def test_without_devices_it_accepts_those_of_all(setting: Setting) -> None:
    made = await setting.listen("")
    assert await setting.push(0)
    assert await setting.push(1)
    found = await setting.service.post(by_id("get", made.id))
    assert found.texts("//dev:CosemAccessResult/@DeviceID") == setting.names
    assert (await setting.service.post(by_id("close", made.id))).result == "OK"
    assert await setting.push(0)
    assert (await setting.receiver.until(2))[-1].verb in ("created", "closed")
    later = await setting.service.post(by_id("get", made.id))
    assert len(later.all(BODY)) == 2


async def test_an_access_may_be_done_and_its_notifications_taken(setting: Setting) -> None:
    made = await setting.service.post(create(setting.names[:1], [GET_ENERGY], terms=ACCEPT))
    assert len(made.all("//dev:CosemXDLMSResult/cos:get-response")) == 1
    assert await setting.push(0)
    found = await setting.service.post(by_id("get", made.id))
    assert len(found.all("//dev:CosemXDLMSResult/cos:get-response")) == 1
    assert len(found.all(BODY)) == 1


async def test_a_change_gives_it_something_to_do_now(setting: Setting) -> None:
    made = await setting.listen("")
    payload = device_access(setting.names[:1])
    assert (await setting.service.post(by_id("change", made.id, payload=payload))).result == "OK"
    await setting.service.look()
    await setting.service.work()
    assert await setting.push(0)
    assert await setting.push(1)  # its devices were changed as well
    found = await setting.service.post(by_id("get", made.id))
    assert found.texts("//dev:CosemAccessResult/@DeviceID") == setting.names[:1] * 2
    off = "<mes:Payload><mes:DeviceAccess>"
    off += "<dev:AcceptDataNotification>false</dev:AcceptDataNotification></mes:DeviceAccess></mes:Payload>"
    assert (await setting.service.post(by_id("change", made.id, payload=off))).result == "OK"
    directory = await setting.service.post(request("get", noun="ResourceDirectory"))
    assert directory.text("//mes:ResourceStatus") == "FINISHED"


async def test_a_replay_is_not_believed_even_after_a_restart(setting: Setting, pool: Pool) -> None:
    made = await setting.listen("")
    meter = setting.simulator.meter(0)
    replayed = pushing.protected(meter, pushing.data_notification(meter, 1))
    where = ("127.0.0.1", setting.service.push_port)
    assert await pushing.send(replayed, *where)
    async with moved(pool) as restarted:
        assert not await pushing.send(replayed, "127.0.0.1", restarted.push_port, patience=0.3)
    found = await setting.service.post(by_id("get", made.id))
    assert len(found.all(BODY)) == 1
