"""What meters send unasked."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from transports.errors import FramingError, PortUnavailable, TransportError
from transports.hdlc.address import Address
from transports.hdlc.frame import Frame, FrameDecoder, Kind
from transports.listener import Arrival, Listener
from transports.wrapper import encode

LLC = bytes.fromhex("e6e700")


class Heard:
    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.faults: asyncio.Queue[tuple[str, TransportError]] = asyncio.Queue()
        self.listener = Listener(
            self.arrivals.put_nowait, on_fault=lambda peer, fault: self.faults.put_nowait((peer, fault))
        )


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    heard = Heard()
    yield heard
    await heard.listener.close()


async def test_wrapper_over_tcp(heard: Heard) -> None:
    port = await heard.listener.listen_tcp("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    push = encode(1, 103, b"\x0f push")
    writer.write(push + push[:5])
    first = await heard.arrivals.get()
    writer.write(push[5:])
    second = await heard.arrivals.get()
    for arrival in (first, second):
        assert (arrival.source, arrival.destination, arrival.apdu) == (1, 103, b"\x0f push")
        assert arrival.peer == f"127.0.0.1:{writer.get_extra_info('sockname')[1]}"
        arrival.reply(b"thanks")
        assert await reader.readexactly(14) == encode(103, 1, b"thanks")
    writer.close()
    await writer.wait_closed()
    first.reply(b"too late")


async def test_wrapper_over_udp(heard: Heard) -> None:
    port = await heard.listener.listen_udp("127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as meter:
        meter.connect(("127.0.0.1", port))
        meter.send(encode(1, 103, b"one") + encode(1, 103, b"two"))
        assert [(await heard.arrivals.get()).apdu for _ in range(2)] == [b"one", b"two"]
        meter.send(encode(1, 103, b"three")[:-1])
        assert isinstance((await heard.faults.get())[1], FramingError)
        meter.send(b"garbage!")
        assert isinstance((await heard.faults.get())[1], FramingError)
        meter.send(encode(1, 103, b"four"))
        (await heard.arrivals.get()).reply(b"thanks")
        assert meter.recv(100) == encode(103, 1, b"thanks")


async def test_hdlc_over_tcp_in_segments_and_from_several_meters(heard: Heard) -> None:
    port = await heard.listener.listen_tcp("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    one, other, us = Address(1, 17), Address(1, 18), Address(103)
    for part in (
        Frame(us, one, Kind.UI, poll=False, segmented=True, information=LLC + b"\x0f lo"),
        Frame(us, other, Kind.UI, poll=False, information=LLC + b"\x0f short"),
        Frame(us, one, Kind.UI, poll=False, segmented=True, information=b"ng pu"),
        Frame(us, one, Kind.UI, poll=True, information=b"sh"),
        Frame(us, one, Kind.UI, poll=True, information=b"no LLC header"),
        Frame(us, one, Kind.DM),
        Frame(us, one, Kind.UI, information=LLC + b"last"),
    ):
        writer.write(b"~noise" + part.encode())
    arrivals = [await heard.arrivals.get() for _ in range(3)]
    assert [arrival.apdu for arrival in arrivals] == [b"\x0f short", b"\x0f long push", b"last"]
    assert {(arrival.source, arrival.destination) for arrival in arrivals} == {(1, 103)}
    arrivals[1].reply(b"thanks")
    (frame,) = FrameDecoder().feed(await reader.read(100))
    assert (frame.destination, frame.source, frame.kind) == (one, us, Kind.UI)
    assert frame.information.endswith(b"thanks")
    writer.close()
    await writer.wait_closed()


async def test_a_push_of_a_real_meter(heard: Heard) -> None:
    # Posted by the owner of a Norwegian meter: an I frame, the source address of 2 octets.
    push = "7ea027010201105a87e6e7000f40000000090c07e1090c0217122aff80000002010600000528b80c7e"
    port = await heard.listener.listen_tcp("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes.fromhex(push))
    arrival = await heard.arrivals.get()
    assert arrival.apdu.hex() == "0f40000000090c07e1090c0217122aff80000002010600000528"
    assert (arrival.source, arrival.destination) == (1, 0)
    writer.close()
    await writer.wait_closed()


async def test_nonsense_costs_its_sender_the_connection_and_nobody_else(heard: Heard) -> None:
    port = await heard.listener.listen_tcp("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    _, bystander = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    peer, fault = await heard.faults.get()
    assert isinstance(fault, FramingError)
    assert peer.startswith("127.0.0.1:")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    bystander.write(encode(1, 103, b"fine"))
    assert (await heard.arrivals.get()).apdu == b"fine"
    for each in (writer, bystander):
        each.close()
        await asyncio.gather(each.wait_closed(), return_exceptions=True)


async def test_silence_and_crowds_are_cut_off(heard: Heard) -> None:
    heard.listener.idle = 0.05
    heard.listener.max_connections = 1
    port = await heard.listener.listen_tcp("127.0.0.1", 0)
    both = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    for reader, writer in both:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert not heard.listener.connections


async def test_a_port_in_use_is_told(heard: Heard) -> None:
    port = await heard.listener.listen_tcp("127.0.0.1", 0)
    with pytest.raises(PortUnavailable, match=str(port)):
        await heard.listener.listen_tcp("127.0.0.1", port)
    port = await heard.listener.listen_udp("127.0.0.1", 0)
    with pytest.raises(PortUnavailable, match=str(port)):
        await heard.listener.listen_udp("127.0.0.1", port)
