"""Rows of the database as what the pages show."""

from collections.abc import Mapping
from typing import TypeVar

from psycopg.rows import class_row

from cas.store.database import Pool, connected

T = TypeVar("T")

PAGE = 50
"""Rows of a list."""


async def fetch(pool: Pool, cls: type[T], statement: bytes, parameters: Mapping[str, object]) -> list[T]:
    """All rows of a query, each an instance of the class. Raises StoreError."""
    async with connected(pool) as connection, connection.cursor(row_factory=class_row(cls)) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()
