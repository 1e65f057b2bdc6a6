"""What every transport must do. Subclass `TransportContract`, provide `bench`, and run pytest on it.

The transport of a bench must wait for an answer no longer than `Bench.patience` seconds (`timeout=` in most URLs).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

import pytest

from transports import Transport, TransportError
from transports.errors import LinkLost, NotConnected, ResponseTimeout


class FarEnd(Protocol):
    """The meter's side of one link."""

    async def send(self, apdu: bytes) -> None: ...
    async def receive(self) -> bytes: ...
    async def close(self) -> None: ...


@dataclass
class Bench:
    """A transport not yet connected; `accepted` awaits the meter's side of the link that `connect` makes."""

    transport: Transport
    accepted: Callable[[], Awaitable[FarEnd]]
    patience: float = 0.2


class TransportContract:
    """The suite. Class variables waive or bound what a medium cannot do."""

    max_apdu: ClassVar[int] = 20000
    notices_loss: ClassVar[bool] = True
    """Whether `receive` learns that the peer has gone."""

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        """Set up a meter's side and a transport that leads to it; tear both down."""
        raise NotImplementedError

    async def test_apdus_pass_both_ways_whole_and_in_order(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, far):
            for size in (
                1,
                2,
                7,
                125,
                126,
                127,
                128,
                247,
                *range(255, 264),
                *range(510, 520),
                2027,
                2028,
                self.max_apdu,
            ):
                if size <= self.max_apdu:
                    apdu = bytes(n * 7 % 256 for n in range(size))
                    await near.send(apdu)
                    assert await far.receive() == apdu
                    await far.send(apdu[::-1])
                    assert await near.receive() == apdu[::-1]

    async def test_any_octets_pass(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, far):
            for apdu in (
                b"\x7e" * 40,
                b"\xff" * 40,
                b"\x00\x01\x00\x10\x00\x01\x00\x05",
                b"\x7e\xa0\x07",
                bytes(range(200, 256)) + bytes(range(100)),
            ):
                await near.send(apdu)
                assert await far.receive() == apdu
                await far.send(apdu)
                assert await near.receive() == apdu

    async def test_several_apdus_in_a_row_keep_their_order(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, far):
            await near.send(b"request")
            assert await far.receive() == b"request"
            for number in range(5):
                await far.send(b"%d" % number)
            assert [await near.receive() for _ in range(5)] == [b"%d" % number for number in range(5)]

    async def test_a_silent_peer_is_a_time_out_and_the_link_stands(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, far):
            await near.send(b"first")
            assert await far.receive() == b"first"
            with pytest.raises(ResponseTimeout):
                await near.receive()
            await far.send(b"late")
            assert await near.receive() == b"late"

    async def test_cancelling_a_wait_loses_nothing(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, far):
            await near.send(b"first")
            assert await far.receive() == b"first"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(bench.patience / 4):
                    await near.receive()
            await far.send(b"still here")
            assert await near.receive() == b"still here"

    async def test_connecting_can_be_cancelled_and_tried_again(self) -> None:
        async with self.bench() as bench:
            for rounds in range(4):
                task = asyncio.create_task(bench.transport.connect())
                for _ in range(rounds):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await bench.transport.close()

    async def test_close_may_be_called_at_any_time_and_again(self) -> None:
        async with self.bench() as bench:
            await bench.transport.close()
            async with linked(bench) as (near, _):
                await near.close()
                await near.close()

    async def test_a_closed_transport_says_so(self) -> None:
        async with self.bench() as bench:
            with pytest.raises(NotConnected):
                await bench.transport.send(b"early")
            with pytest.raises(NotConnected):
                await bench.transport.receive()
            async with linked(bench) as (near, _):
                await near.close()
                with pytest.raises(NotConnected):
                    await near.send(b"late")
                with pytest.raises(NotConnected):
                    await near.receive()

    async def test_closing_wakes_whoever_waits(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, _):
            waiting = asyncio.create_task(near.receive())
            await asyncio.sleep(0)
            await near.close()
            with pytest.raises(TransportError):
                await waiting

    async def test_it_can_be_connected_again(self) -> None:
        async with self.bench() as bench:
            for number in range(3):
                async with linked(bench) as (near, far):
                    await near.send(b"%d" % number)
                    assert await far.receive() == b"%d" % number
                    await far.send(b"answer")
                    assert await near.receive() == b"answer"

    async def test_a_peer_that_leaves_is_noticed_after_what_it_said(self) -> None:
        async with self.bench() as bench, linked(bench) as (near, far):
            await near.send(b"request")
            assert await far.receive() == b"request"
            await far.send(b"last words")
            assert await near.receive() == b"last words"
            await far.close()
            with pytest.raises(LinkLost if self.notices_loss else ResponseTimeout):
                await near.receive()
            if self.notices_loss:
                with pytest.raises(TransportError):
                    await near.send(b"anyone?")

    async def test_nothing_is_left_running(self) -> None:
        async with self.bench() as bench:
            counts: list[int] = []
            for _ in range(2):  # what serves the other side may start tasks of its own with the first link
                async with linked(bench) as (near, _):
                    await near.close()
                await asyncio.sleep(0.1)
                counts.append(len(asyncio.all_tasks()))
            assert counts[1] <= counts[0]

    def test_the_endpoint_is_named(self) -> None:
        async def look() -> str:
            async with self.bench() as bench:
                return bench.transport.endpoint

        assert asyncio.run(look())


class linked:  # noqa: N801 - used as a function, like asyncio.timeout
    """Connect both sides of a bench; close both at the end."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._far: FarEnd | None = None

    async def __aenter__(self) -> tuple[Transport, FarEnd]:
        accepting = asyncio.ensure_future(self._bench.accepted())
        await self._bench.transport.connect()
        self._far = await accepting
        return self._bench.transport, self._far

    async def __aexit__(self, *exc: object) -> None:
        await self._bench.transport.close()
        if self._far is not None:
            await self._far.close()
