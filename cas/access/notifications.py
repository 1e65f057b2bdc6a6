"""The notifications that resources accepted, read from the database page by page."""

from collections.abc import AsyncIterator, Mapping

from cas.access.model import NamedNotification, Octets
from cas.store.database import Pool, connected

PAGE = 64


async def notifications(
    pool: Pool, statement: bytes, parameters: Mapping[str, object]
) -> AsyncIterator[NamedNotification]:
    """The rows of a query for a page of notifications; no connection is held between pages."""
    after = 0
    while True:
        async with connected(pool) as connection:
            cursor = await connection.execute(statement, {**parameters, "after": after, "page": PAGE}, binary=True)
            rows = await cursor.fetchall()
        for row in rows:
            yield NamedNotification(device_id=row[1], received_at=row[2], apdu=Octets(row[3]), name=row[4])
        if len(rows) < PAGE:
            return
        after = rows[-1][0]
