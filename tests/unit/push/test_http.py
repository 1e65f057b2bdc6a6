"""Posting an event: where the connection goes, what is believed of the other side, and what is bounded."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from cas.push.errors import NotAcknowledged, PushError, TargetRefused, TargetUnreachable
from cas.push.events import DeliverySettings, Event
from cas.push.http import open_http_sender
from cas.push.targets import Targets
from tests.events_bench import an_event
from tests.unit.transports.certificates import Authority
from tests.unit.transports.test_link import unused_port

QUICK = DeliverySettings(timeout=5, connect_timeout=0.5)


class Names(AbstractResolver):
    """A name server under somebody else's control."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.answers.pop(0)
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def written(_event: Event) -> AsyncIterator[str]:
    yield "<x>"
    yield "ä" * 3_000_000
    yield "</x>"


class Heard:
    """A receiver that counts."""

    def __init__(self) -> None:
        self.posts = 0
        self.octets = 0

    async def take(self, request: web.Request) -> web.Response:
        self.posts += 1
        self.octets = len(await request.read())
        return web.Response(status=204)


async def send(address: str, *allowed: str, names: Names | None = None, **more: object) -> None:
    async with open_http_sender(Targets.parse(allowed), written, QUICK, resolver=names) as sender:
        await sender.send(an_event(address, **more))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def server(heard: Heard) -> AsyncIterator[TestServer]:
    application = web.Application(client_max_size=10_000_000)
    application.router.add_post("/events", heard.take)
    running = TestServer(application, host="127.0.0.1")
    async with running:
        yield running


async def test_a_large_event_goes_through_in_pieces(server: TestServer, heard: Heard) -> None:
    url = str(server.make_url("/events"))
    await send(url, url)
    assert (heard.posts, heard.octets) == (1, 6_000_007)


async def test_a_name_that_leads_to_this_machine_is_not_followed(server: TestServer, heard: Heard) -> None:
    address = f"http://mdm.example:{server.port}/events"
    with pytest.raises(TargetRefused, match=r"mdm\.example resolves to 127\.0\.0\.1"):
        await send(address, address, names=Names("127.0.0.1"))
    assert heard.posts == 0
    await send(address, address, "127.0.0.0/8", names=Names("127.0.0.1"))
    assert heard.posts == 1


async def test_a_name_is_checked_for_every_connection(server: TestServer, heard: Heard) -> None:
    # The first answer is good, and nobody is there; the second leads to this machine.
    address = f"http://mdm.example:{server.port}/events"
    names = Names("192.0.2.1", "127.0.0.1")
    async with open_http_sender(Targets.parse([address, "192.0.2.0/24"]), written, QUICK, resolver=names) as sender:
        with pytest.raises(TargetUnreachable):
            await sender.send(an_event(address))
        with pytest.raises(TargetRefused):
            await sender.send(an_event(address))
    assert heard.posts == 0


@pytest.mark.parametrize("host", ["127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost", "2130706433", "127.1"])
async def test_other_names_of_this_machine_lead_nowhere(server: TestServer, heard: Heard, host: str) -> None:
    with pytest.raises(PushError):
        await send(f"http://{host}:{server.port}/events", "http://127.0.0.9/events", "mdm.example")
    assert heard.posts == 0


async def test_the_environment_names_no_proxy(
    server: TestServer, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    url = str(server.make_url("/events"))
    await send(url, url)
    assert heard.posts == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path, heard: Heard) -> None:
    application = web.Application()
    application.router.add_post("/events", heard.take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        context = Authority.make(tmp_path).server_context(host="localhost")
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        address = f"https://localhost:{runner.addresses[0][1]}/events"
        with pytest.raises(TargetUnreachable, match=r"CERTIFICATE_VERIFY_FAILED"):
            await send(address, address)
    finally:
        await runner.cleanup()
    assert heard.posts == 0


async def test_an_answer_without_end_is_cut_off() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(65_536))
        except ConnectionError:
            pass
        return response

    application = web.Application(client_max_size=10_000_000)
    application.router.add_post("/events", endless)
    async with TestServer(application, host="127.0.0.1") as server:
        url = str(server.make_url("/events"))
        async with asyncio.timeout(5):
            with pytest.raises(NotAcknowledged, match="longer than 65536"):
                await send(url, url, ack_required=True)
            await send(url, url)  # nobody reads it


async def test_who_hangs_up_or_is_not_there_is_unreachable() -> None:
    url = f"http://127.0.0.1:{unused_port()}/events"
    with pytest.raises(TargetUnreachable):
        await send(url, url)
