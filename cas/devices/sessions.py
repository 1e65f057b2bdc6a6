"""Sessions: an association with a registered device, one at a time for each device.

async with sessions.open(device_id) as client:
    answer = await client.request(get_request)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from weakref import WeakValueDictionary

from cas.devices.counters import Counters
from cas.devices.errors import KeyMissing
from cas.devices.exclusion import Exclusion
from cas.devices.keys import Keyring
from cas.devices.model import Device
from cas.devices.opening import Opener
from cas.devices.registry import get_device
from cas.devices.settings import settings_of
from cas.dlms.client import Client
from cas.store.database import Pool
from transports.base import Transport
from transports.registry import open_transport

__all__ = ["Sessions", "settings_of"]


class Sessions:
    """Opens associations as the registry says. Nothing of a device is kept between two sessions."""

    def __init__(
        self,
        pool: Pool,
        keyring: Keyring,
        counters: Counters,
        client_title: bytes,
        transport: Callable[[Device], Transport] = lambda device: open_transport(device.url),
        exclusion: Exclusion | None = None,
    ) -> None:
        """`transport` makes the link to a device; `exclusion` keeps other processes away from it meanwhile."""
        self._pool = pool
        self._keyring = keyring
        self._counters = counters
        self._client_title = client_title
        self._transport = transport
        self._exclusion = exclusion
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def open(self, device_id: str) -> AsyncIterator[Client]:
        """Associate with the device once nobody else does, and release it in the end.

        Raises DeviceError when the registration does not allow it, TransportError, DlmsError.
        """
        # A meter has one association at a time for a client; two sessions would break each other's.
        lock = self._locks.setdefault(device_id, asyncio.Lock())
        async with lock, self._exclusion.hold(device_id) if self._exclusion else nullcontext():
            registered = await get_device(self._pool, device_id)
            device = registered.device
            if registered.missing_keys:
                raise KeyMissing(device.device_id, registered.missing_keys)
            title = device.client_system_title or self._client_title
            opener = Opener(device, registered.unseal(self._keyring), title, self._counters, self._transport)
            client = await opener.open()
            try:
                yield client
            finally:
                await opener.close(client)
