"""Sessions: an association with a registered device, one at a time for each device.

async with sessions.open(device_id) as client:
    answer = await client.request(get_request)
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import lru_cache
from weakref import WeakValueDictionary

from cas.devices.counters import Counters
from cas.devices.errors import KeyMissing
from cas.devices.exclusion import Exclusion
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.model import Authentication, Device, Protection
from cas.devices.registry import get_device
from cas.dlms.acse import Settings
from cas.dlms.client import Client
from cas.dlms.security.authentication import Credentials, Mechanism
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.keys import Secret as Password
from cas.dlms.security.policy import Protection as Required
from cas.dlms.security.suites import SUITES
from cas.store.database import Pool
from transports.base import Transport
from transports.registry import open_transport

_MECHANISMS = {
    Authentication.NONE: Mechanism.LOWEST,
    Authentication.LLS: Mechanism.LOW,
    Authentication.HLS: Mechanism.HIGH,
    Authentication.HLS_MD5: Mechanism.HIGH_MD5,
    Authentication.HLS_SHA1: Mechanism.HIGH_SHA1,
    Authentication.HLS_GMAC: Mechanism.HIGH_GMAC,
    Authentication.HLS_SHA256: Mechanism.HIGH_SHA256,
}
_PROTECTIONS = {
    Protection.NONE: Required(),
    Protection.AUTHENTICATED: Required(authentication=True),
    Protection.ENCRYPTED: Required(encryption=True),
    Protection.BOTH: Required(authentication=True, encryption=True),
}


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
            keys = registered.unseal(self._keyring)
            title = device.client_system_title or self._client_title
            lease = None
            if (encryption := keys.get(KeyKind.ENCRYPTION)) is not None:
                lease = await self._counters.lease(encryption, title, device.device_id)
            async with Client(self._transport(device), settings_of(device, keys, title), lease) as client:
                yield client


def settings_of(device: Device, keys: Mapping[KeyKind, Secret], client_title: bytes) -> Settings:
    """How to associate with a device. Raises KeyUnusable when a key has not the length that the suite asks for."""
    ciphering: Ciphering | None = None
    if KeyKind.ENCRYPTION in keys and KeyKind.AUTHENTICATION in keys:
        ciphering = _ciphering(device.suite, keys[KeyKind.ENCRYPTION], keys[KeyKind.AUTHENTICATION])
    secret = Password(keys[KeyKind.SECRET].reveal()) if KeyKind.SECRET in keys else None
    required = _PROTECTIONS[device.protection]
    control = None
    if device.protection is not Protection.NONE:
        control = SecurityControl(device.suite, required.authentication, required.encryption)
    return Settings(
        mechanism=_MECHANISMS[device.authentication],
        password=secret,
        credentials=Credentials(secret=secret, ciphering=ciphering),
        client_title=client_title,
        server_title=device.system_title,
        ciphering=ciphering,
        control=control,
        # the answer must be protected as the request is: what a device sends in the clear may be anybody's
        required=required,
        max_pdu=device.max_pdu,
        release=device.quirks.release,
    )


@lru_cache(maxsize=10_000)
def _ciphering(suite: int, encryption: Secret, authentication: Secret) -> Ciphering:
    """Setting up AES costs more than an APDU; a device that is read often keeps its own."""
    return Ciphering(SUITES[suite], encryption.reveal(), authentication.reveal())
