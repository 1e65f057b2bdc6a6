"""The registered devices behind this room's port: names by the registry, associations by the sessions."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from cas.access import groups
from cas.access.ports import Session
from cas.devices.registry import find_devices_on
from cas.devices.sessions import Sessions
from cas.store.database import Pool, connected


class RegisteredDevices:
    """`cas.access.ports.Devices` on the registry."""

    def __init__(self, pool: Pool, sessions: Sessions) -> None:
        self._pool = pool
        self._sessions = sessions

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        """DeviceIDs by the names that a client gave; unknown names are left out."""
        async with connected(self._pool) as connection:
            found = await find_devices_on(connection, names)
        return {name: registered.device.device_id for name, registered in found.items()}

    async def require_groups(self, group_ids: Sequence[str]) -> None:
        """See to it that these groups exist. Raises Refused, naming each that does not."""
        await groups.require_groups(self._pool, group_ids, "DevicesReferenceList")

    def session(self, device_id: str) -> AbstractAsyncContextManager[Session]:
        """An association with a device, one at a time in this process."""
        return self._sessions.open(device_id)
