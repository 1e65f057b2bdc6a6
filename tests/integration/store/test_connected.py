"""A database that goes away is told as such."""

import pytest

from cas.store.database import Pool, connected
from cas.store.errors import DatabaseUnavailable


async def test_a_connection_that_breaks_is_told(pool: Pool) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with connected(pool) as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    async with connected(pool) as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_a_client_is_told_the_problem_and_no_details_of_the_server(pool: Pool) -> None:
    with pytest.raises(DatabaseUnavailable) as told:
        async with connected(pool) as connection:
            await connection.execute(
                "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected'"
                " USING ERRCODE = '40P01', DETAIL = 'Process 17 waits'; END $$"
            )
    assert str(told.value) == "the database cannot be reached: deadlock detected"


async def test_other_errors_pass(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with connected(pool):
            raise ZeroDivisionError
