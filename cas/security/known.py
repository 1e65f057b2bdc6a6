"""What authorisation looks up, from the registry and the store."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from cas.access.model import DeviceAccess
from cas.access.ports import Store
from cas.devices.registry import find_devices_on
from cas.store.database import Pool, connected
from cas.store.queries import query

_OUTSIDE = query("devices_outside")
_MEMBERS = query("devices_of_groups")


class KnownHere:
    """`cas.security.authorisation.Known` on the service's own store and registry."""

    def __init__(self, pool: Pool, store: Store) -> None:
        self._pool = pool
        self._store = store

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        """DeviceIDs by name; unknown names are left out."""
        async with connected(self._pool) as connection:
            found = await find_devices_on(connection, names)
        return {name: registered.device.device_id for name, registered in found.items()}

    async def resources(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        """Resources by ID; those that do not exist are left out."""
        return await self._store.find(ids)

    async def outside(self, groups: Sequence[str], device_ids: Sequence[str]) -> bool:
        """Whether any of these devices belongs to none of these groups."""
        async with connected(self._pool) as connection:
            cursor = await connection.execute(_OUTSIDE, {"groups": list(groups), "device_ids": list(device_ids)})
            row = await cursor.fetchone()
        return row is None or bool(row[0])

    async def members(self, groups: Sequence[str]) -> Sequence[str]:
        """The devices of these groups as of now."""
        async with connected(self._pool) as connection:
            cursor = await connection.execute(_MEMBERS, {"groups": list(groups)})
            return [row[0] for row in await cursor.fetchall()]
