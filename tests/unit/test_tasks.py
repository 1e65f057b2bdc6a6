"""Tasks behind the scenes: what fails is begun anew and told, and ends when it is canceled; pauses are cut short."""

import asyncio

import pytest
from structlog.testing import capture_logs

from cas import tasks
from cas.system_events import Kind
from cas.tasks import end, endless, wait_within


async def test_what_has_no_end_is_begun_anew_whenever_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "ANEW_AFTER", 0.0)
    attempts = 0
    goes_on = asyncio.Event()

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ValueError("a fault")
        goes_on.set()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        task = asyncio.create_task(endless(work, "looking"))
        await asyncio.wait_for(goes_on.wait(), 10)
        await end(task)
    assert task.cancelled()
    assert attempts == 3
    told = [line for line in logs if line["event"] == Kind.FAULT.value.title]
    assert [line["subject"] for line in told] == ["looking", "looking"]


async def test_an_event_is_waited_for_so_long_and_no_longer() -> None:
    event = asyncio.Event()
    assert not await wait_within(event, 0.01)
    waiting = asyncio.create_task(wait_within(event, 10))
    await asyncio.sleep(0)
    event.set()
    assert await waiting
