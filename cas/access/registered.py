"""The registered devices behind this room's port: names by the registry, conversations over its lines."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain

from cas.access import groups
from cas.access.conversation import Workshop, converse
from cas.access.ports import Dialogue, Session
from cas.devices.lines import Lines
from cas.devices.registry import find_device_ids
from cas.store.batch import Batcher
from cas.store.database import Pool


class RegisteredDevices:
    """`cas.access.ports.Devices` on the registry."""

    def __init__(self, pool: Pool, lines: Lines, workshop: Workshop) -> None:
        self._pool = pool
        self._lines = lines
        self._workshop = workshop
        # what is asked at the same time is looked up together
        self._resolving: Batcher[Sequence[str], Mapping[str, str]] = Batcher(self._resolve)

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        """DeviceIDs by the names that a client gave; unknown names are left out."""
        return await self._resolving.add(names)

    async def require_groups(self, group_ids: Sequence[str]) -> None:
        """See to it that these groups exist. Raises Refused, naming each that does not."""
        await groups.require_groups(self._pool, group_ids, "DevicesReferenceList")

    def session(self, device_id: str) -> AbstractAsyncContextManager[Session]:
        """An association with a device as the registry says, for one caller at a time among all processes."""
        return self._lines.open(device_id)

    def converse(self, device_id: str, is_stopped: Callable[[], bool]) -> AbstractAsyncContextManager[Dialogue]:
        """A device, for one caller at a time among all processes."""
        return converse(self._lines, device_id, self._workshop, is_stopped)

    async def _resolve(self, lists: Sequence[Sequence[str]]) -> list[Mapping[str, str]]:
        found = await find_device_ids(self._pool, chain.from_iterable(lists))
        return [{name: found[name] for name in names if name in found} for names in lists]
