"""Links on a bad network: the right answer or a typed error within the deadline, and the next link works."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tests.unit.transports.benches import hdlc_client, hdlc_server, wrapper_server
from tests.unit.transports.test_link import wrapper_client
from transports.base import Framing
from transports.errors import TransportError
from transports.link import Link
from transports.media import memory
from transports.media.memory import Piece, Side

REQUESTS = [b"%d:" % n + bytes(n * 13 % 90) for n in range(5)]
DEADLINE = 5.0
Fault = Callable[[bytes], Iterable[Piece]]


class Nth:
    """Mangles the n-th write, of either side, and no other."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.left = number
        self.fault = fault

    def __call__(self, side: Side, octets: bytes) -> Iterable[Piece]:
        self.left -= 1
        return self.fault(octets) if self.left == -1 else (Piece(octets),)


async def serve(link: Link) -> None:
    """Answer every request with itself backwards behind its number, for one link after the other."""
    while True:
        try:
            await link.connect()
            while True:
                request = await link.receive()
                await link.send(request.partition(b":")[0] + b":" + request[::-1])
        except TransportError:
            await link.close()


@asynccontextmanager
async def line(mangle: Nth, client: Callable[[], Framing], server: Callable[[], Framing]) -> AsyncIterator[Link]:
    near, far = memory.pair(mangle)
    link = Link(near, client, connect_timeout=4.0, response_timeout=0.3)
    serving = asyncio.create_task(serve(Link(far, server, connect_timeout=60.0, response_timeout=None)))
    try:
        yield link
    finally:
        await link.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def ask(link: Link, request: bytes) -> bytes:
    """As a DLMS client does by its invoke-id: pass over answers to earlier requests."""
    number = request.partition(b":")[0] + b":"
    await link.send(request)
    while True:
        answer = await link.receive()
        if answer.startswith(number):
            return answer


async def job(link: Link) -> None:
    """Connect, make every request, close: as far as it goes."""
    try:
        await link.connect()
        for request in REQUESTS:
            assert await ask(link, request) == request.partition(b":")[0] + b":" + request[::-1]
    except TransportError as error:
        assert type(error) is not TransportError
    finally:
        await link.close()


async def survives(mangle: Nth, client: Callable[[], Framing], server: Callable[[], Framing]) -> None:
    async with line(mangle, client, server) as link:
        async with asyncio.timeout(DEADLINE):
            await job(link)
        mangle.left = -2  # from here on nothing is mangled
        async with asyncio.timeout(DEADLINE):
            await link.connect()
            assert await ask(link, b"last") == b"last:tsal"


def lose(octets: bytes) -> list[Piece]:
    return []


def repeat(octets: bytes) -> list[Piece]:
    return [Piece(octets), Piece(octets)]


def late(octets: bytes) -> list[Piece]:
    return [Piece(octets, 0.4)]


def slow(octets: bytes) -> list[Piece]:
    return [Piece(bytes((octet,)), n * 1e-4) for n, octet in enumerate(octets)]


def garbage(octets: bytes) -> list[Piece]:
    return [Piece(b"\x00\x7e\xa0"), Piece(octets)]


@pytest.mark.parametrize("fault", [lose, repeat, late, slow, garbage])
@pytest.mark.parametrize("number", range(5))
async def test_the_wrapper_survives(number: int, fault: Fault) -> None:
    await survives(Nth(number, fault), wrapper_client, wrapper_server)


@pytest.mark.parametrize("fault", [lose, repeat, late, slow, garbage])
@pytest.mark.parametrize("number", range(5))
async def test_hdlc_survives(number: int, fault: Fault) -> None:
    await survives(Nth(number, fault), hdlc_client, hdlc_server)


async def test_the_wrapper_survives_any_flipped_bit_of_its_header() -> None:
    def flip(octets: bytes, bit: int) -> list[Piece]:
        broken = bytearray(octets)
        broken[bit // 8] ^= 1 << bit % 8
        return [Piece(bytes(broken))]

    await asyncio.gather(
        *(survives(Nth(1, partial(flip, bit=bit)), wrapper_client, wrapper_server) for bit in range(64))
    )


async def test_the_wrapper_survives_a_cut_at_any_octet() -> None:
    def cut(octets: bytes, end: int) -> list[Piece]:
        return [Piece(octets[:end])]

    await asyncio.gather(
        *(survives(Nth(1, partial(cut, end=end)), wrapper_client, wrapper_server) for end in range(12))
    )
