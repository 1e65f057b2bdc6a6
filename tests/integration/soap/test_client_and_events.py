"""The whole service with its own client: asynchronous and scheduled accesses, their events, groups, notifications."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cas.bindings import cosempdu as cos
from cas.client import CasClient, CasFault, attribute
from cas.client.receiver import EventReceiver, ReceivedEvent
from cas.config import Settings
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.simulator import Simulator
from tests.integration.soap.conftest import Service, serving
from tests.integration.soap.test_meters import entry
from tests.unit.transports.test_link import unused_port
from transports.wrapper import encode

ENERGY = attribute("1-0:1.8.0")


class Events:
    """Events that came, in order."""

    def __init__(self) -> None:
        self.url = ""
        self._queue: asyncio.Queue[ReceivedEvent] = asyncio.Queue()

    async def take(self, event: ReceivedEvent) -> None:
        self._queue.put_nowait(event)

    async def until(self, wanted: Callable[[ReceivedEvent], bool]) -> list[ReceivedEvent]:
        """Those up to the first that is wanted."""
        found: list[ReceivedEvent] = []
        async with asyncio.timeout(30):
            while not found or not wanted(found[-1]):
                found.append(await self._queue.get())
        return found


@asynccontextmanager
async def receiving() -> AsyncIterator[Events]:
    events = Events()
    application = web.Application()
    application.add_routes(EventReceiver(events.take).routes())
    async with TestServer(application, host="127.0.0.1") as server:
        events.url = str(server.make_url("/events"))
        yield events


class Whole:
    """A service, three meters, a receiver of events and a client."""

    def __init__(self, service: Service, client: CasClient, events: Events, simulator: Simulator, push: int) -> None:
        self.service = service
        self.client = client
        self.events = events
        self.meters = [meter.device_id for meter in simulator.meters]
        self.push = push


@pytest.fixture
async def whole(settings: Settings) -> AsyncIterator[Whole]:
    push = unused_port()
    async with receiving() as events, Simulator(3) as simulator:
        listed = settings.model_copy(update={"event_targets": (events.url,), "push_port": push})
        async with serving(listed) as service, CasClient(service.url, source="MDM") as client:
            await service.register(*(entry(simulator, index) for index in range(3)))
            yield Whole(service, client, events, simulator, push)


@pytest.mark.clause("5.2.2")
async def test_an_asynchronous_access_is_answered_at_once_and_told_by_events(whole: Whole) -> None:
    access = await whole.client.create(
        whole.meters,
        [ENERGY],
        reply_address=whole.events.url,
        async_reply=True,
        ack_required=True,
        correlation_id="order 66",
    )
    assert access.readings == []
    told = await whole.events.until(lambda event: event.verb == "closed")
    assert {event.access_id for event in told} == {access.id}
    assert {event.correlation_id for event in told} == {"order 66"}
    readings = [reading for event in told for reading in event.readings]
    assert sorted(reading.device for reading in readings) == whole.meters
    assert all(reading.ok for reading in readings)
    (same,) = await whole.client.get(access.id)
    assert sorted(map(repr, same.readings)) == sorted(map(repr, readings))


@pytest.mark.clause("5.2.3")
async def test_a_repeated_access_is_told_activation_by_activation_until_it_is_closed(whole: Whole) -> None:
    access = await whole.client.create(
        whole.meters[:1], [ENERGY], repeating_interval=timedelta(seconds=1), reply_address=whole.events.url
    )
    told: list[ReceivedEvent] = []
    for _ in range(2):
        told += await whole.events.until(lambda event: event.verb == "changed")
    times = [str(reading.activated) for event in told for reading in event.readings]
    assert times == sorted(times)
    await whole.client.close(access.id)
    rest = await whole.events.until(lambda event: event.verb == "closed")
    assert all(event.access_id == access.id for event in rest)
    await whole.client.delete(access.id)


@pytest.mark.clause("5.2.4")
async def test_a_notification_of_a_meter_is_told(whole: Whole) -> None:
    # Known by its address and wPort.
    await whole.service.register({"device_id": "door-7", "url": "tcp://127.0.0.1:4059?server=7"})
    access = await whole.client.create(["door-7"], accept_data_notification=True, reply_address=whole.events.url)
    notification = cos.DataNotification(
        long_invoke_id_and_priority=7,
        date_time=b"",
        notification_body=cos.NotificationBody(data_value=Data.of("visible-string", "cover open")),
    )
    _, writer = await asyncio.open_connection("127.0.0.1", whole.push)
    writer.write(encode(7, 1, encode_apdu(notification)))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    (event,) = await whole.events.until(lambda _: True)
    assert (event.verb, event.access_id) == ("created", access.id)
    (reading,) = event.readings
    assert (reading.device, reading.value) == ("door-7", "cover open")
    (kept,) = await whole.client.get(access.id)
    assert [each.value for each in kept.readings] == ["cover open"]


@pytest.mark.clause("5.3")
async def test_groups_by_the_client(whole: Whole) -> None:
    await whole.client.create_group("street", whole.meters[:2])
    await whole.client.create_group("all-of-them", prefix=whole.meters[0][:8])
    assert {group.group_id for group in await whole.client.groups()} >= {"DG_ALL_METERS", "street", "all-of-them"}
    (street,) = await whole.client.groups("street")
    assert [each.device_id for each in street.device_reference] == whole.meters[:2]
    await whole.client.change_group("street", whole.meters[2:])
    access = await whole.client.create([], [ENERGY], groups=["street"])
    assert [reading.device for reading in access.readings] == whole.meters[2:]
    assert access.id in [resource.id for resource in await whole.client.directory()]
    assert {each.meter_id for each in await whole.client.statistics()} == set(whole.meters)
    await whole.client.delete_group("street")


async def test_a_receiver_that_is_not_listed_is_refused_at_once(whole: Whole) -> None:
    with pytest.raises(CasFault) as fault:
        await whole.client.create(
            whole.meters, [ENERGY], async_reply=True, reply_address="http://169.254.169.254/latest"
        )
    assert (fault.value.code, fault.value.element) == (
        "7.7",
        "/soap:Envelope/soap:Body/mes:RequestMessage/mes:Header/mes:ReplyAddress",
    )
    assert "169.254.169.254 is not among" in str(fault.value)
