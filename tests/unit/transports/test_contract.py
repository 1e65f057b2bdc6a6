"""The contract suite over the media and framings that need no more than this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.contracts.transport_contract import Bench, TransportContract
from tests.unit.transports.benches import UdpMeter, hdlc_client, hdlc_server, tcp_meter, wrapper_server
from transports import open_transport
from transports.link import Link
from transports.media import memory
from transports.wrapper import WrapperFraming


@pytest.mark.clause("4.2")
class TestTcp(TransportContract):
    max_apdu = 65535

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with tcp_meter(wrapper_server) as (port, accepted):
            yield Bench(open_transport(f"tcp://127.0.0.1:{port}?timeout=0.2"), accepted)


@pytest.mark.clause("4.2")
class TestHdlcOverTcp(TransportContract):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        async with tcp_meter(hdlc_server) as (port, accepted):
            url = f"hdlc+tcp://127.0.0.1:{port}?timeout=0.2&window=3&frame-timeout=1"
            yield Bench(open_transport(url), accepted)


class TestWrapperInMemory(TransportContract):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        near, far = memory.pair()
        transport = Link(near, lambda: WrapperFraming(local=16, remote=1), response_timeout=0.2)

        async def accepted() -> Link:
            server = Link(far, wrapper_server, response_timeout=None)
            await server.connect()
            return server

        yield Bench(transport, accepted)


class TestHdlcInMemory(TransportContract):
    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        near, far = memory.pair()
        transport = Link(near, hdlc_client, response_timeout=0.2)

        async def accepted() -> Link:
            server = Link(far, hdlc_server, response_timeout=None)
            await server.connect()
            return server

        yield Bench(transport, accepted)


class TestUdp(TransportContract):
    notices_loss = False

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        meter = UdpMeter()
        port = await meter.listener.listen_udp("127.0.0.1", 0)

        async def accepted() -> UdpMeter:
            return meter

        try:
            yield Bench(open_transport(f"udp://127.0.0.1:{port}?timeout=0.2"), accepted)
        finally:
            await meter.listener.close()
