"""A worker that outlives what goes wrong around it."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from unittest.mock import AsyncMock, Mock

import pytest
from procrastinate import App
from psycopg_pool import AsyncConnectionPool

from cas.engine.clock import DatabaseClock
from cas.engine.jobs import BULK, ON_DEMAND
from cas.engine.worker import Worker, WorkerSettings


async def test_a_queue_is_served_again_whatever_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.engine.worker.PAUSE_AFTER_ERROR", 0.0)
    served: Counter[str] = Counter()
    stop = asyncio.Event()

    async def run_worker(_app: App, *, queues: list[str], **_options: object) -> None:
        (queue,) = queues
        served[queue] += 1
        if served[queue] == 1:
            raise ValueError("a fault of the library")
        if min(served[BULK], served[ON_DEMAND]) == 2:
            stop.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(App, "run_worker_async", run_worker)
    away = AsyncConnectionPool("", open=False)
    clock = DatabaseClock(datetime(2025, 3, 1, tzinfo=UTC))
    settings = WorkerSettings(grace=0.0)
    worker = Worker(away, Mock(), Mock(), Mock(work=asyncio.Event()), clock, settings, AsyncMock())
    await asyncio.wait_for(worker.run(stop), 10)
    assert served == {BULK: 2, ON_DEMAND: 2}
