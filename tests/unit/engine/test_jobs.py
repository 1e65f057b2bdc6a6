"""The order of jobs, and the schema that Procrastinate wants."""

import asyncio
from importlib.resources import files
from unittest.mock import AsyncMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from cas.engine.jobs import TASK, chunk_app, job_priority
from cas.tasks import end


@given(st.integers(0, 255), st.integers(0, 255))
def test_the_urgent_goes_before_and_a_retry_behind_its_equals(one: int, other: int) -> None:
    first = job_priority(one)
    retry = job_priority(one, retry=True)
    assert first > retry
    if one < other:
        assert retry > job_priority(other)


def test_the_job_queue_has_the_schema_of_the_library_that_is_installed() -> None:
    migration = (files("cas.store") / "migrations" / "0003_procrastinate.pre.sql").read_text("utf-8")
    assert migration.endswith(SchemaManager.get_schema()), (
        "Procrastinate changed its schema: add its migrations as a migration of ours, and compare with both"
    )


async def test_a_process_that_leaves_does_not_wait_for_a_database_that_is_away() -> None:
    leaving = asyncio.Event()
    away = AsyncConnectionPool("", open=False)
    app = chunk_app(away, AsyncMock(), {}, leaving)
    job = Job(id=1, queue="q", lock=None, queueing_lock=None, task_name=TASK)
    ends = asyncio.create_task(app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True))
    with capture_logs() as logs:
        done, _ = await asyncio.wait([ends], timeout=0.1)
        assert not done
        leaving.set()
        await asyncio.wait_for(ends, 10)
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("warning", "the end of a job waits for the database"),
        ("warning", "the database did not take the end of a job, which is done again"),
    ]


async def test_a_worker_listens_again_when_it_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.engine.jobs.TOLD_AGAIN_AFTER", 0.0)
    attempts: list[list[str]] = []
    listens = asyncio.Event()

    async def listen(_jobs: JobManager, *, queues: list[str], **_more: object) -> None:
        attempts.append(queues)
        if len(attempts) < 3:
            raise ConnectorException("the database is away")
        listens.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(JobManager, "listen_for_jobs", listen)
    app = chunk_app(AsyncConnectionPool("", open=False), AsyncMock(), {}, asyncio.Event())
    task = asyncio.create_task(app.job_manager.listen_for_jobs(on_notification=AsyncMock(), queues=["q"]))
    await asyncio.wait_for(listens.wait(), 10)
    await end(task)
    assert attempts == [["q"]] * 3
