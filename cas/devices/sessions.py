"""Sessions: an association with a registered device, one at a time for each device.

async with sessions.open(device_id) as client:
    answer = await client.request(get_request)
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from weakref import WeakValueDictionary

from cas.devices.errors import KeyMissing, UnknownDevice
from cas.devices.exclusion import Exclusion
from cas.devices.key_change import KeyChange, candidates_in, key_change_lock
from cas.devices.keys import KeyKind, Keyring
from cas.devices.opening import Means, Opener
from cas.devices.registry import Registered, get_device
from cas.dlms.client import Client
from cas.store.database import Pool


class Sessions:
    """Opens associations as the registry says. Nothing of a device is kept between two sessions."""

    def __init__(self, pool: Pool, keyring: Keyring, means: Means, exclusion: Exclusion | None = None) -> None:
        """`exclusion` keeps other processes away from a device meanwhile."""
        self._pool = pool
        self._keyring = keyring
        self._means = means
        self._exclusion = exclusion
        self._key_change = KeyChange(pool, keyring, means)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def open(self, device_id: str) -> AsyncIterator[Client]:
        """Associate with the device once nobody else does, and release it in the end.

        Raises DeviceError when the registration does not allow it, TransportError, DlmsError.
        """
        async with self.alone(device_id) as found:
            registered = await self.settled(found)
            device = registered.device
            if registered.missing_keys:
                raise KeyMissing(device.device_id, registered.missing_keys)
            opener = Opener(device, registered.unseal(self._keyring), self._means)
            client = await opener.open()
            try:
                yield client
            finally:
                await opener.close(client)

    def alone(self, device_id: str) -> "Alone":
        """Have the device once nobody else does. Raises UnknownDevice."""
        # A meter has one association at a time for a client; two sessions would break each other's.
        lock = self._locks.setdefault(device_id, asyncio.Lock())
        return Alone(device_id, lock, self._exclusion or self._pool)

    async def settled(self, registered: Registered) -> Registered:
        """A device that is the caller's alone, with the keys that it has. Raises DeviceError, TransportError."""
        return await self._key_change.settle(registered) if candidates_in(registered) else registered

    async def change_keys(self, device_id: str, kinds: Collection[KeyKind], *, agree: bool = False) -> None:
        """Give the device new keys of these kinds, or `agree` on them (`cas.devices.key_change`).

        Raises KeyChangeRunning while somebody else changes its keys, SetupRefused, KeyChangeFailed, DeviceError,
        TransportError, DlmsError.
        """
        async with self._changing(device_id) as change:
            await (change.agree if agree else change.transfer)(device_id, kinds)

    async def give_certificate(self, device_id: str, kind: KeyKind, certificate: bytes) -> None:
        """Give the device a certificate (DER) of its own, and keep the key in it as the device's.

        `kind`: DEVICE_SIGNING or DEVICE_AGREEMENT. Raises as `change_keys`.
        """
        async with self._changing(device_id) as change:
            await change.give_certificate(device_id, kind, certificate)

    @asynccontextmanager
    async def _changing(self, device_id: str) -> AsyncIterator[KeyChange]:
        async with key_change_lock(self._pool, device_id), self.alone(device_id):
            yield self._key_change


class Alone(AbstractAsyncContextManager[Registered]):
    """A device that nobody else has: by a lock in this process, and in others where there is an exclusion.

    A class, as each access of a device needs one, and a generator costs three times as much.
    """

    __slots__ = ("_device_id", "_lock", "_source")

    def __init__(self, device_id: str, lock: asyncio.Lock, source: Exclusion | Pool) -> None:
        """`source` says what the registry says of the device."""
        self._device_id = device_id
        self._lock = lock
        self._source = source

    async def __aenter__(self) -> Registered:
        await self._lock.acquire()
        try:
            if not isinstance(self._source, Exclusion):
                return await get_device(self._source, self._device_id)
            registered = await self._source.take(self._device_id)
        except BaseException:
            self._lock.release()
            raise
        if registered is None:
            await self.__aexit__()
            raise UnknownDevice([self._device_id])
        return registered

    async def __aexit__(self, *_error: object) -> None:
        if isinstance(self._source, Exclusion):
            self._source.give_back(self._device_id)
        self._lock.release()
