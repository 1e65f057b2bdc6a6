"""What there is besides DeviceAccess, for clients: groups, a summary of every resource, the devices' statistics."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from cas.access import directory, groups, statistics
from cas.access.groups import Group, Listed
from cas.bindings import message as mes
from cas.devices.keys import Keyring
from cas.store.database import Pool


class Inventory:
    """The use cases of these nouns on a database. `path` is where the payload of a request stands."""

    def __init__(self, pool: Pool, keyring: Keyring, client_title: bytes, clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._keyring = keyring
        self._client_title = client_title
        self._clock = clock

    async def create_groups(self, made: Sequence[Group], path: str) -> list[str]:
        """Make new groups; return their GroupIDs. Raises Refused."""
        return await groups.create_groups(self._pool, made, path)

    async def change_groups(self, changed: Sequence[Group], path: str) -> list[str]:
        """Replace what makes up groups; return their GroupIDs. Raises Refused."""
        return await groups.change_groups(self._pool, changed, path)

    async def delete_groups(self, group_ids: Sequence[str], path: str) -> list[str]:
        """Remove groups; return their GroupIDs. Raises Refused."""
        return await groups.delete_groups(self._pool, group_ids, path)

    async def group(self, group_id: str, path: str) -> Group:
        """One group without its members. Raises Refused."""
        return await groups.get_group(self._pool, group_id, path)

    def groups(self) -> AsyncIterator[Listed]:
        """All groups, in constant memory."""
        return groups.iterate_groups(self._pool)

    def members(self, group_id: str) -> AsyncIterator[str]:
        """The DeviceIDs of a group as of now, in constant memory."""
        return groups.iterate_members(self._pool, group_id)

    def directory(self) -> AsyncIterator[mes.Resource]:
        """The summaries of all resources, in constant memory."""
        return directory.iterate_directory(self._pool)

    def statistics(self) -> AsyncIterator[mes.CosemDeviceStatistics]:
        """The statistics of all devices as of now, in constant memory."""
        return statistics.iterate_statistics(self._pool, self._keyring, self._client_title, self._clock())
