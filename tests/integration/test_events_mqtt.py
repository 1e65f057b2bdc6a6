"""Events on a real MQTT broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiomqtt
import pytest
from structlog.testing import capture_logs

from cas.errors import ConfigurationError
from cas.push.broker import BrokerAddress
from cas.push.service import Receivers
from cas.push.targets import Targets
from cas.store.database import Pool
from tests.events_bench import REQUEST, Heard, Resources, delivery, receiving, resources
from tests.unit.transports.mqtt_bench import broker
from tests.unit.transports.test_link import unused_port

pytestmark = pytest.mark.clause("5.2.3")


@pytest.fixture
async def made(pool: Pool) -> AsyncIterator[Resources]:
    async with resources(pool) as opened:
        yield opened


def address(port: int, prefix: str = "") -> BrokerAddress:
    return BrokerAddress.parse(f"mqtt://cas:secret@127.0.0.1:{port}{prefix}")


@asynccontextmanager
async def listening(port: int, topic: str) -> AsyncIterator[asyncio.Queue[aiomqtt.Message]]:
    """A subscriber, and what it hears."""
    heard: asyncio.Queue[aiomqtt.Message] = asyncio.Queue()
    async with aiomqtt.Client("127.0.0.1", port, username="cas", password="secret") as client:
        await client.subscribe(topic, qos=1)

        async def hear() -> None:
            with suppress(aiomqtt.MqttError):  # the broker goes first
                async for message in client.messages:
                    heard.put_nowait(message)

        task = asyncio.create_task(hear())
        yield heard
        task.cancel()
        await asyncio.wait([task])


async def heard_of(messages: asyncio.Queue[aiomqtt.Message], count: int) -> list[tuple[str, bytes]]:
    async with asyncio.timeout(20):
        found = [await messages.get() for _ in range(count)]
    return [(message.topic.value, bytes(message.payload)) for message in found]


async def test_events_of_every_resource_are_published(pool: Pool, made: Resources) -> None:
    async with broker() as port, listening(port, "#") as messages:
        async with delivery(pool, receivers=Receivers(broker=address(port, "/site/7"))):
            access = await made.make(None, async_reply=False)
            await made.add(access, "A", 42)
            online, changed, status = await heard_of(messages, 3)
            await made.finish(access)
            closed, over = await heard_of(messages, 2)
            await made.store.delete([access.id])
            (gone,) = await heard_of(messages, 1)
            await made.delivered()
        (offline,) = await heard_of(messages, 1)
    base = f"site/7/resources/{access.id}"
    assert online == ("site/7/status", b"online")
    assert changed[0] == f"{base}/events/changed"
    event = Heard(changed[1], {})
    assert (event.verb, event.resource, event.values) == ("changed", str(access.id), ["42"])
    assert status[0] == f"{base}/status"
    assert json.loads(status[1]).items() >= {"state": "active", "verb": "changed"}.items()
    assert closed[0] == f"{base}/events/closed"
    assert json.loads(over[1]).items() >= {"state": "finished", "verb": "closed"}.items()
    assert gone == (f"{base}/status", b"")
    assert offline == ("site/7/status", b"offline")


async def test_the_status_stays_for_those_who_come_later(pool: Pool, made: Resources) -> None:
    async with broker() as port:
        async with delivery(pool, receivers=Receivers(broker=address(port))):
            access = await made.make(None)
            await made.add(access, "A", 42)
            await made.delivered()
        async with listening(port, "cas/resources/+/status") as messages:
            ((topic, payload),) = await heard_of(messages, 1)
    assert topic == f"cas/resources/{access.id}/status"
    assert json.loads(payload)["verb"] == "changed"


async def test_a_broker_that_is_down_holds_up_nobody(pool: Pool, made: Resources) -> None:
    port = unused_port()
    async with receiving() as receiver:
        receivers = Receivers(targets=Targets.parse([receiver.url]), broker=address(port))
        with capture_logs():
            async with delivery(pool, receivers=receivers):
                access = await made.make(receiver.url, requests=[REQUEST] * 3)
                for number in range(3):
                    await made.add(access, "A", number, request=number)
                    await receiver.until(number + 1)
                assert await made.waiting("mqtt") == 3


async def test_events_wait_for_the_broker_to_come_back(pool: Pool, made: Resources) -> None:
    port = unused_port()
    with capture_logs():
        async with delivery(pool, receivers=Receivers(broker=address(port))):
            access = await made.make(None, requests=[REQUEST, REQUEST])
            for number in range(2):
                async with broker(port=port), listening(port, "cas/resources/+/events/#") as messages:
                    await made.add(access, "A", number, request=number)
                    ((topic, payload),) = await heard_of(messages, 1)
                    await made.delivered()
                assert topic == f"cas/resources/{access.id}/events/changed"
                assert Heard(payload, {}).values == [str(number)]


async def test_without_a_broker_no_events_are_kept_for_one(pool: Pool, made: Resources) -> None:
    async with delivery(pool, receivers=Receivers(broker=address(unused_port()))):
        await made.make(None, async_reply=False)
    async with delivery(pool):
        access = await made.make(None, async_reply=False)
        await made.add(access, "A", 1)
    assert await made.waiting() == 0


def test_the_address_of_a_broker() -> None:
    full = BrokerAddress.parse("mqtts://us%40er:pa%2Fss@broker.example:9883/a/b/")
    assert full == BrokerAddress("broker.example", 9883, True, "a/b", "us@er", "pa/ss")
    assert "pa/ss" not in repr(full)
    assert BrokerAddress.parse("mqtt://broker.example") == BrokerAddress("broker.example", 1883, False)


@pytest.mark.parametrize(
    "text", ["http://host", "mqtt://", "mqtt://host:x", "mqtt://host/a/#", "mqtt://host/$SYS", "mqtt://secret@host?x=1"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        BrokerAddress.parse(text)
    assert "event_mqtt" in str(refused.value)
    assert "secret@" not in str(refused.value)
