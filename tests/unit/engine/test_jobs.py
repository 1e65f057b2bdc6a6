"""The order of jobs, and the schema that Procrastinate wants."""

from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st
from procrastinate.schema import SchemaManager

from cas.engine.jobs import job_priority


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
