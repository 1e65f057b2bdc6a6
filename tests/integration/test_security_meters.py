"""Hostile meters on real sockets: whatever one sends, the client ends in time, with a typed error, in little memory."""

import asyncio
import resource
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from cas.dlms.acse import Settings
from cas.dlms.client import Client
from cas.dlms.errors import AuthenticationFailed, DlmsError
from tests.unit.dlms.device import AARE, PASS_3, Counter, ciphered, get, gmac, plain
from transports.errors import TransportError
from transports.registry import open_transport

SECONDS = 60.0
"""What an answer of 65 535 blocks takes on a busy machine; all others end in two."""
MEGABYTES = 200
NOTIFICATION = bytes.fromhex("0F00000001000200")

Write = Callable[[bytes], Awaitable[None]]
Conduct = Callable[[asyncio.StreamReader, Write, bytes], Awaitable[None]]


def frame(apdu: bytes) -> bytes:
    return struct.pack(">HHHH", 1, 1, 16, len(apdu)) + apdu


@asynccontextmanager
async def meter(conduct: Conduct, *before: str | bytes) -> AsyncIterator[str]:
    """A meter that answers with `before`, one after the other, and then conducts itself badly; yields its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]  # it runs in one

        async def write(octets: bytes) -> None:
            writer.write(octets)
            await writer.drain()

        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                for answer in before:
                    await read(reader)
                    await write(frame(bytes.fromhex(answer) if isinstance(answer, str) else answer))
                await conduct(reader, write, await read(reader))
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"tcp://127.0.0.1:{port}?client=16&server=1&timeout=1"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(8)
    return await reader.readexactly(struct.unpack(">H", head[6:])[0])


def says(*apdus: bytes) -> Conduct:
    async def conduct(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
        for apdu in apdus:
            await write(frame(apdu))
        await asyncio.Event().wait()

    return conduct


async def floods_with_notifications(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    while True:
        await write(frame(NOTIFICATION) * 500)


async def notifies_and_never_answers(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    while True:
        await write(frame(NOTIFICATION))
        await asyncio.sleep(0.01)


async def floods_with_frames_for_others(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    while True:
        await write(struct.pack(">HHHH", 1, 7, 7, 1000) + bytes(1000))


async def floods_with_empty_frames(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    while True:
        await write(frame(b"") * 1000)


async def floods_with_zeros(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    while True:
        await write(bytes(100_000))


async def floods_with_old_answers(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    while True:
        await write(frame(bytes.fromhex("C401C7000600003039")) * 500)


async def drips(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    for octet in frame(bytes(60_000)):
        await write(bytes((octet,)))
        await asyncio.sleep(0.02)


async def announces_and_is_silent(_reader: asyncio.StreamReader, write: Write, _request: bytes) -> None:
    await write(struct.pack(">HHHH", 1, 1, 16, 0xFFFF))
    await asyncio.Event().wait()


def sends_blocks(raw: bytes) -> Conduct:
    async def conduct(reader: asyncio.StreamReader, write: Write, request: bytes) -> None:
        number = 0
        while True:
            number += 1
            head = bytes((0xC4, 2, request[2], 0)) + number.to_bytes(4, "big") + b"\0"
            await write(frame(head + bytes((0x82,)) + len(raw).to_bytes(2, "big") + raw))
            request = await read(reader)

    return conduct


DATA = bytes.fromhex("C401C100")
BOMBS = {
    "an octet-string of 4 GB": DATA + bytes.fromhex("0984FFFFFFFF"),
    "a length of 127 octets": DATA + bytes.fromhex("09FF") + b"\xff" * 127,
    "an array of 4 billion": DATA + bytes.fromhex("0184FFFFFFFF00"),
    "a bit-string of 4 GB": DATA + bytes.fromhex("0484FFFFFFFF00"),
    "deep structures": DATA + b"\x02\x01" * 30_000 + b"\x00",
    "deep arrays that are not closed": DATA + b"\x01\x01" * 30_000,
    "a compact-array of nothings": DATA + bytes.fromhex("130284FFFFFFFF0084FFFFFFFF"),
    "a compact-array of deep types": DATA + b"\x13" + b"\x01\xff\xff" * 20_000 + b"\x00",
    "a compact-array that grows by itself": DATA + b"\x13" + b"\x01\xff\xff" * 30 + b"\x00\x01\x00",
    "another service": bytes.fromhex("C501C100"),
    "nothing known": b"\xff" * 1000,
    "an association": bytes.fromhex(AARE),
}
CONDUCTS: dict[str, Conduct] = {
    "floods with notifications": floods_with_notifications,
    "notifies and never answers": notifies_and_never_answers,
    "floods with frames for others": floods_with_frames_for_others,
    "floods with empty frames": floods_with_empty_frames,
    "floods with zeros": floods_with_zeros,
    "floods with old answers": floods_with_old_answers,
    "drips": drips,
    "announces and is silent": announces_and_is_silent,
    "sends empty blocks": sends_blocks(b""),
    "sends blocks of one octet": sends_blocks(b"\x00"),
    "sends large blocks": sends_blocks(bytes(60_000)),
    **{name: says(apdu) for name, apdu in BOMBS.items()},
}


async def try_to_read(url: str, settings: Settings) -> None:
    counter = Counter()

    class Counters:
        def take(self) -> int:
            return counter()

        async def ensure(self, count: int = 1) -> None:
            pass

    async with Client(open_transport(url), settings, Counters()) as client:
        await client.request(get())


async def assert_it_ends(url: str, settings: Settings) -> BaseException:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with asyncio.timeout(SECONDS):
        with pytest.raises((DlmsError, TransportError)) as caught:
            await try_to_read(url, settings)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024
    return caught.value


@pytest.mark.parametrize("name", CONDUCTS)
async def test_a_meter_that_answers_like_that_is_left(name: str) -> None:
    async with meter(CONDUCTS[name], AARE) as url:
        await assert_it_ends(url, plain())


@pytest.mark.parametrize("name", [name for name in CONDUCTS if name != "an association"])
async def test_a_meter_that_associates_like_that_is_left(name: str) -> None:
    async with meter(CONDUCTS[name]) as url:
        await assert_it_ends(url, plain())


async def test_others_are_served_while_one_floods() -> None:
    async with meter(floods_with_frames_for_others, AARE) as bad, meter(says(DATA + b"\x11\x2a"), AARE) as good:
        hostile = asyncio.create_task(assert_it_ends(bad, plain()))
        async with asyncio.timeout(SECONDS):
            await try_to_read(good, plain())
        hostile.cancel()
        with suppress(asyncio.CancelledError):
            await hostile


# ---------------------------------------------------------------- who it says it is


async def test_a_meter_cannot_lower_the_authentication() -> None:
    async with meter(says(DATA + b"\x11\x2a"), AARE) as url:
        assert isinstance(await assert_it_ends(url, gmac()), DlmsError)


async def test_a_meter_cannot_answer_in_the_clear_where_ciphering_is_asked_for() -> None:
    async with meter(says(DATA + b"\x11\x2a"), AARE) as url:
        assert isinstance(await assert_it_ends(url, ciphered()), DlmsError)


async def test_what_we_proved_proves_nothing_of_the_meter() -> None:
    """Reflection: the meter sends our own challenge as its own, and our own proof back."""

    async def reflects(_reader: asyncio.StreamReader, write: Write, request: bytes) -> None:
        at = request.find(b"\xac")
        challenge = request[at + 4 : at + 4 + request[at + 3]]
        title = bytes.fromhex("A40A04084D4D4D0000BC614E")
        value = bytes((0xAA, len(challenge) + 2, 0x80, len(challenge))) + challenge
        body = (
            bytes.fromhex("A109060760857405080101A203020100A305A10302010E")
            + title
            + bytes.fromhex("88020780890760857405080205")
            + value
            + bytes.fromhex("BE10040E0800065F1F040000501F01F40007")
        )
        await write(frame(bytes((0x61, 0x81, len(body))) + body))
        proof = await read(_reader)
        start = proof.find(b"\x10", 12)
        mine = proof[start : start + 17] if start > 0 else PASS_3
        await write(frame(bytes.fromhex("C701") + proof[2:3] + bytes.fromhex("000100") + b"\x09\x11" + mine))
        await asyncio.Event().wait()

    async with meter(reflects) as url:
        found = await assert_it_ends(url, gmac())
    assert isinstance(found, AuthenticationFailed), repr(found)
