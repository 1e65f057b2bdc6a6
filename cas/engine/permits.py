"""Permits: how many devices a process accesses at the same time, and who goes first.

A request without a permit waits its turn; that is no failure. What a client waits for goes before bulk work, and a part
of the permits is kept for it, so that it does not wait for the timeouts of silent devices. Of those who want the same
device one has a permit, and the others wait without: else the queue before a silent device would have them all.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from itertools import chain, count
from typing import TypeAlias

from cas import metrics

ON_DEMAND = -1
"""The rank of what a client waits for; bulk work has the Priority of its resource, 0 to 255."""
_Waiting: TypeAlias = tuple[int, int, str, asyncio.Future[None]]
"""Rank and number of a request, its device, and what tells it that it has its permit."""
_WAITED = {on_demand: metrics.PERMIT_WAIT.labels("on-demand" if on_demand else "bulk") for on_demand in (True, False)}


class Permits:
    """At most `limit` holders, of which bulk work may be all but `reserve`."""

    def __init__(self, limit: int, reserve: int | None = None) -> None:
        """By default a tenth of the permits is kept for on-demand accesses, if there are two or more."""
        self.limit = limit
        self._bulk_limit = max(1, limit - (-(-limit // 10) if reserve is None else reserve))
        self._held = 0
        self._devices: set[str] = set()
        self._waiting: list[_Waiting] = []
        # for a device that somebody else holds a permit for
        self._behind: dict[str, list[_Waiting]] = {}
        self._numbers = count()

    @property
    def held(self) -> int:
        """How many are in use."""
        return self._held

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(not turn.cancelled() for _, _, _, turn in chain(self._waiting, *self._behind.values()))

    def permit(self, rank: int, device_id: str) -> AbstractAsyncContextManager[None]:
        """Hold a permit for a device, the only one here; the least rank goes first, and equal ones in turn."""
        return _Permit(self._take, self._return, rank, device_id)

    async def _take(self, rank: int, device_id: str) -> None:
        loop = asyncio.get_running_loop()
        turn, asked_at = loop.create_future(), loop.time()
        heapq.heappush(self._waiting, (rank, next(self._numbers), device_id, turn))
        self._give()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._return(device_id)
            raise
        _WAITED[rank == ON_DEMAND].observe(loop.time() - asked_at)

    def _return(self, device_id: str) -> None:
        self._held -= 1
        self._devices.discard(device_id)
        self._call_next(device_id)
        self._give()

    def _call_next(self, device_id: str) -> None:
        """Let the next of those who wait for a device ask for a permit."""
        if behind := self._behind.get(device_id):
            heapq.heappush(self._waiting, heapq.heappop(behind))
            if not behind:
                del self._behind[device_id]

    def _give(self) -> None:
        while self._waiting:
            rank, _, device_id, turn = self._waiting[0]
            if turn.cancelled():
                heapq.heappop(self._waiting)
                self._call_next(device_id)
            elif device_id in self._devices:
                heapq.heappush(self._behind.setdefault(device_id, []), heapq.heappop(self._waiting))
            elif self._held >= (self.limit if rank == ON_DEMAND else self._bulk_limit):
                return
            else:
                heapq.heappop(self._waiting)
                self._held += 1
                self._devices.add(device_id)
                turn.set_result(None)


class _Permit(AbstractAsyncContextManager[None]):
    """A permit while it is held. A class, as each device needs one, and a generator costs three times as much."""

    __slots__ = ("_device_id", "_give_back", "_rank", "_take")

    def __init__(
        self,
        take: Callable[[int, str], Awaitable[None]],
        give_back: Callable[[str], None],
        rank: int,
        device_id: str,
    ) -> None:
        self._take = take
        self._give_back = give_back
        self._rank = rank
        self._device_id = device_id

    async def __aenter__(self) -> None:
        await self._take(self._rank, self._device_id)

    async def __aexit__(self, *_error: object) -> None:
        self._give_back(self._device_id)
