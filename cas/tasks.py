"""Ending tasks, so that they do end."""

import asyncio

# Seconds after which a task that goes on is canceled again.
AGAIN_AFTER = 1.0


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
