"""Permits: how many devices a process accesses at the same time, and who goes first.

A request without a permit waits its turn; that is no failure. What a client waits for goes before bulk work, and a part
of the permits is kept for it, so that it does not wait for the timeouts of silent devices.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from cas import metrics

ON_DEMAND = -1
"""The rank of what a client waits for; bulk work has the Priority of its resource, 0 to 255."""
_WAITED = {on_demand: metrics.PERMIT_WAIT.labels("on-demand" if on_demand else "bulk") for on_demand in (True, False)}


class Permits:
    """At most `limit` holders, of which bulk work may be all but `reserve`."""

    def __init__(self, limit: int, reserve: int | None = None) -> None:
        """By default a tenth of the permits is kept for on-demand accesses, if there are two or more."""
        self.limit = limit
        self._bulk_limit = max(1, limit - (-(-limit // 10) if reserve is None else reserve))
        self._held = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @property
    def held(self) -> int:
        """How many are in use."""
        return self._held

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return sum(not turn.cancelled() for _, _, turn in self._waiting)

    def permit(self, rank: int) -> AbstractAsyncContextManager[None]:
        """Hold a permit; the least rank goes first, and equal ones in turn."""
        return _Permit(self._take, self._return, rank)

    async def _take(self, rank: int) -> None:
        loop = asyncio.get_running_loop()
        turn, asked_at = loop.create_future(), loop.time()
        heapq.heappush(self._waiting, (rank, next(self._numbers), turn))
        self._give()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._return()
            raise
        _WAITED[rank == ON_DEMAND].observe(loop.time() - asked_at)

    def _return(self) -> None:
        self._held -= 1
        self._give()

    def _give(self) -> None:
        while self._waiting:
            rank, _, turn = self._waiting[0]
            if turn.cancelled():
                heapq.heappop(self._waiting)
                continue
            if self._held >= (self.limit if rank == ON_DEMAND else self._bulk_limit):
                return
            heapq.heappop(self._waiting)
            self._held += 1
            turn.set_result(None)


class _Permit(AbstractAsyncContextManager[None]):
    """A permit while it is held. A class, as each device needs one, and a generator costs three times as much."""

    __slots__ = ("_give_back", "_rank", "_take")

    def __init__(self, take: Callable[[int], Awaitable[None]], give_back: Callable[[], None], rank: int) -> None:
        self._take = take
        self._give_back = give_back
        self._rank = rank

    async def __aenter__(self) -> None:
        await self._take(self._rank)

    async def __aexit__(self, *_error: object) -> None:
        self._give_back()
