"""Gateways behind an MQTT broker."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import hdlc_server, wrapper_server
from tests.unit.transports.certificates import Authority
from tests.unit.transports.mqtt_bench import broker
from tests.unit.transports.test_link import unused_port
from transports import Transport, open_transport
from transports.base import Framing
from transports.errors import CertificateError, LinkLost, NotAuthorised, Refused, URLError
from transports.link import Link
from transports.media import mqtt
from transports.media.mqtt import MqttMedium
from transports.plain import PlainFraming
from transports.wrapper import encode


def gateway(port: int, framing: "type[Framing] | object" = wrapper_server, base: str = "site/gw1") -> Link:
    """The other side: it reads where we write."""
    medium = MqttMedium(
        mqtt.Broker("127.0.0.1", port, "cas", "secret"), request=f"{base}/response", response=f"{base}/request"
    )
    return Link(medium, framing, response_timeout=None)  # type: ignore[arg-type] # any maker of a framing


class MqttContract(TransportContract):
    notices_loss = False
    scheme, query = "mqtt", ""

    def framing(self) -> Framing:
        return wrapper_server()

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with broker() as port:
            far = gateway(port, self.framing)

            async def accepted() -> Link:
                await far.connect()
                return far

            url = f"{self.scheme}://cas:secret@127.0.0.1:{port}/site/gw1?timeout=0.3{self.query}"
            yield Bench(open_transport(url), accepted, patience=0.3)
            await far.close()


class TestMqtt(MqttContract):
    pass


class TestMqttWithoutFraming(MqttContract):
    query = "&framing=none"

    def framing(self) -> Framing:
        return PlainFraming()


class TestHdlcMqtt(MqttContract):
    scheme, query = "hdlc+mqtt", "&frame-timeout=0.2&retries=5"
    max_apdu = 3000

    def framing(self) -> Framing:
        return hdlc_server()


async def linked(transport: Transport, far: Link) -> None:
    await asyncio.gather(transport.connect(), far.connect())


async def test_links_share_one_connection_and_keep_apart() -> None:
    async with broker() as port:
        urls = [f"mqtt://cas:secret@127.0.0.1:{port}/site/gw{number}" for number in (1, 2)]
        urls += [f"{urls[0]}?server=2"]
        near = [open_transport(url) for url in urls]
        for transport in near:
            await transport.connect()
        assert len(mqtt._SHARED) == 1
        far = gateway(port)
        await far.connect()
        await near[0].send(b"request")
        assert await far.receive() == b"request"
        await far.send(b"answer")
        assert await near[0].receive() == b"answer"
        for transport in near[1:]:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await transport.receive()
        for transport in (*near, far):
            await transport.close()
        assert not mqtt._SHARED


async def test_what_the_broker_kept_answers_nobody() -> None:
    async with broker() as port:
        async with aiomqtt.Client("127.0.0.1", port, username="cas", password="secret") as client:
            await client.publish("site/gw1/response", encode(1, 16, b"stale"), qos=1, retain=True)
        transport = open_transport(f"mqtt://cas:secret@127.0.0.1:{port}/site/gw1?timeout=0.1")
        far = gateway(port)
        await linked(transport, far)
        await far.send(b"fresh")
        assert await transport.receive() == b"fresh"
        await transport.close()
        await far.close()


async def test_a_broker_that_goes_away() -> None:
    async with broker() as port:
        transport = open_transport(f"mqtt://cas:secret@127.0.0.1:{port}/site/gw1")
        await transport.connect()
        waiting = asyncio.create_task(transport.receive())
        await asyncio.sleep(0)
    with pytest.raises(LinkLost):
        await waiting
    with pytest.raises(LinkLost):
        await transport.send(b"anyone?")
    await transport.close()
    assert not mqtt._SHARED


@pytest.mark.parametrize("credentials", ["", "cas:wrong@", "other:secret@"])
async def test_credentials_that_the_broker_does_not_accept(credentials: str) -> None:
    async with broker() as port:
        with pytest.raises(NotAuthorised) as caught:
            await open_transport(f"mqtt://{credentials}127.0.0.1:{port}/site/gw1").connect()
        assert "secret" not in str(caught.value)
        assert not mqtt._SHARED


async def test_no_broker() -> None:
    with pytest.raises(Refused):
        await open_transport(f"mqtt://127.0.0.1:{unused_port()}/site/gw1").connect()
    assert not mqtt._SHARED


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket"
)  # paho leaves a refused socket to the collector
async def test_tls(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    other = Authority.make(tmp_path, "other")
    async with broker(certificate=authority.issue("broker"), authority=authority.path) as port:
        transport = open_transport(f"mqtts://cas:secret@127.0.0.1:{port}/site/gw1?ca={authority.path}")
        await transport.connect()
        await transport.send(b"request")
        await transport.close()
        with pytest.raises(CertificateError) as caught:
            await open_transport(f"mqtts://cas:secret@127.0.0.1:{port}/site/gw1?ca={other.path}").connect()
        del caught
        gc.collect()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mqtt://broker/a?request=x&response=x", "two different topics"),
        ("mqtt://broker/a/%23", "without wildcards"),
        ("mqtt://broker/a?request=%2B", "without wildcards"),
        ("mqtt://broker/a?qos=2", "'qos' must be one of 0, 1"),
        ("mqtt://broker/a?framing=hdlc", "'framing' must be one of wrapper, none"),
        ("mqtts://broker/a?server-name=x", "'server-name' is not supported"),
        ("mqtt:///a", "the host is missing"),
    ],
)
def test_what_is_wrong_is_named(url: str, message: str) -> None:
    with pytest.raises(URLError, match=message):
        open_transport(url)


def test_topics() -> None:
    assert open_transport("mqtt://broker/site/gw1").endpoint == "broker:1883/site/gw1/request"
    assert open_transport("mqtts://broker/site/gw1?request=down&response=up").endpoint == "broker:8883/site/gw1/down"
    assert "secret" not in repr(mqtt.Broker("broker", 1883, "cas", "secret"))
