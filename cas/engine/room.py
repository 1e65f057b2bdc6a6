"""Room for further chunks: a process takes one as long as it could begin its devices, and no more than that.

A chunk has any number of devices, from one to thousands; so it is devices that count, not chunks. What a process takes
beyond what it can begin, it keeps from the others.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """Room for the chunks of one queue: there is some while fewer than `enough` devices wait to be begun."""

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._waiting = 0
        self._changed = asyncio.Event()
        self._is_closed = False

    async def free(self) -> None:
        """Wait until there is room, or there will be none any more."""
        while self._waiting >= self._enough and not self._is_closed:
            self._changed.clear()
            await self._changed.wait()

    def wait(self, devices: int) -> None:
        """So many devices more wait to be begun; fewer, if negative."""
        self._waiting += devices
        self._changed.set()

    def close(self) -> None:
        """Nobody is to wait any more."""
        self._is_closed = True
        self._changed.set()

    @contextmanager
    def unknown(self) -> Iterator[None]:
        """Meanwhile it is not known how many devices come along: there is no room."""
        self.wait(self._enough)
        try:
            yield
        finally:
            self.wait(-self._enough)
