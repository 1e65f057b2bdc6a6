"""The example of a custom framing runs the contract suite, found by its entry point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from tests.contracts.sfsk_llc import DL_DATA, LlcFraming
from tests.contracts.transport_contract import Bench, TransportContract
from transports import open_transport, registry
from transports.errors import ApduTooLong, URLError

ENTRY = EntryPoint("sfsk+udp", "tests.contracts.sfsk_llc:factory", registry.GROUP)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [ENTRY] if group == ENTRY.group else [])


class Gateway(asyncio.DatagramProtocol):
    """A gateway with one meter at L-SAP 1; it answers whoever spoke last."""

    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None
        self.client: tuple[str | Any, int] | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # asyncio's own
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        assert data[:3] == bytes((DL_DATA, 1, 16))
        self.client = addr
        self.arrivals.put_nowait(data[3:])

    async def send(self, apdu: bytes) -> None:
        assert self.transport is not None
        self.transport.sendto(bytes((DL_DATA, 16, 1)) + apdu, self.client)

    async def receive(self) -> bytes:
        return await self.arrivals.get()

    async def close(self) -> None: ...


@pytest.mark.clause("4.2")
class TestSfskLlc(TransportContract):
    max_apdu = 239
    notices_loss = False

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        endpoint, gateway = await asyncio.get_running_loop().create_datagram_endpoint(
            Gateway, local_addr=("127.0.0.1", 0)
        )
        port = endpoint.get_extra_info("sockname")[1]

        async def accepted() -> Gateway:
            return gateway

        yield Bench(open_transport(f"sfsk+udp://127.0.0.1:{port}?timeout=0.2"), accepted)
        endpoint.close()


def test_frames_of_other_sap_are_passed_over() -> None:
    framing = LlcFraming(local=16, remote=1)
    assert framing.receive(bytes((DL_DATA, 16, 2)) + b"x", 0.0) == []
    assert framing.receive(bytes((DL_DATA, 16, 1)), 0.0) == []
    assert framing.receive(bytes((DL_DATA, 16, 1)) + b"x", 0.0) == [b"x"]
    assert framing.ignored == 2
    with pytest.raises(ApduTooLong):
        framing.send(bytes(240), 0.0)


def test_its_url_is_checked_like_any_other() -> None:
    with pytest.raises(URLError, match="unknown parameter 'sever'"):
        open_transport("sfsk+udp://gateway?sever=1")
