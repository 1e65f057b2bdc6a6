"""The order of jobs, and the schema that Procrastinate wants."""

import asyncio
import gc
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from procrastinate.exceptions import ConnectorException
from procrastinate.schema import SchemaManager
from structlog.testing import capture_logs

from cas.engine.jobs import ends_may_be_lost, job_priority


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


async def test_a_job_whose_end_the_database_did_not_take_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(problem: Exception) -> None:
        raise problem

    with ends_may_be_lost(), capture_logs() as logs:
        for problem in (ConnectorException("the connection is closed"), ZeroDivisionError("a fault")):
            await asyncio.wait([asyncio.create_task(fail(problem))])
        del problem
        gc.collect()
    assert [(line["log_level"], line["problem"]) for line in logs] == [("warning", "the connection is closed")]
    (error,) = caplog.records
    assert error.exc_info
    assert error.exc_info[0] is ZeroDivisionError
