"""A simulator in a thread of its own, for commands, which have a loop of their own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cas.simulator import Simulator


@contextmanager
def in_thread(simulator: Simulator) -> Iterator[Simulator]:
    """The simulator, serving until the end."""
    stop, started = asyncio.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with simulator:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield simulator
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
