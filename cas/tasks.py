"""Tasks behind the scenes: those that shall never end do not, the others do, and a pause may be cut short."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cas.system_events import Kind, tell

# Seconds after which a task that goes on is canceled again.
AGAIN_AFTER = 1.0
# Seconds after which work that failed is begun anew.
ANEW_AFTER = 2.0

log = structlog.get_logger(__name__)


async def endless(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Do work that has no end, anew whenever it fails, until canceled: nobody waits for it who would notice."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("the service failed in something that it does all the time, and begins it anew", what=what)
            tell(Kind.FAULT, what)
        await asyncio.sleep(ANEW_AFTER)


async def wait_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but no longer than so many seconds; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks, and wait until all are done; what they raise is dropped.

    In Python 3.11 `asyncio.wait_for`, which the pool of connections uses, can swallow a cancellation that comes in the
    moment in which what is waited for is there (CPython issue 86296): the task goes on, and is canceled again.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_AFTER)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at
