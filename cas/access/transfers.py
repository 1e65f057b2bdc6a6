"""The images under way on devices, in PostgreSQL: `cas.access.upgrade.Transfers`."""

from cas.access.upgrade import Phase, Transfer
from cas.store.database import Pool
from cas.store.queries import query

_FIND = query("image_transfer_find")
_NOTE = query("image_transfer_note")
_FORGET = query("image_transfer_forget")


class PostgresTransfers:
    """`Transfers` on a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, device_id: str) -> Transfer | None:
        """What was noted of this device."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_FIND, {"device_id": device_id})).fetchone()
        return None if row is None else Transfer(row[0], Phase(row[1]))

    async def note(self, device_id: str, transfer: Transfer) -> None:
        """Note how far a device is."""
        async with self._pool.connection() as connection:
            parameters = {"device_id": device_id, "digest": transfer.digest, "phase": transfer.phase.value}
            await connection.execute(_NOTE, parameters)

    async def forget(self, device_id: str) -> None:
        """The image is no longer under way."""
        async with self._pool.connection() as connection:
            await connection.execute(_FORGET, {"device_id": device_id})
