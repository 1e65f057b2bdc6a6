"""The device registry as a directory of senders, kept in memory for a while: who is there, and who is not.

Whoever sends an unknown title or from an unknown address must not cause a query for each datagram. A device that is
registered, or whose keys change, is known as such after `LIFETIME` at the latest.
"""

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from cas.devices.counters import Counters, counter_scope
from cas.devices.keys import KeyKind, Keyring
from cas.devices.registry import Registered, find_devices
from cas.devices.settings import settings_of
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.suites import TITLE_LENGTH
from cas.dlms.security.wrapping import wrap_general
from cas.push.model import Sender
from cas.store.database import Pool
from cas.store.queries import query
from transports.registry import SERVER

LIFETIME = 60.0
"""Seconds that an answer of the registry is good for."""
SIZE = 20_000
"""Answers that are kept."""
NEIGHBOURS = 1000
"""Devices at one address that are looked through; a concentrator has no more."""

_BY_HOST = query("devices_by_host")


class RegistryDirectory:
    """A Directory of the registered devices. `client_title` is the service's, for confirmations that are ciphered."""

    def __init__(self, pool: Pool, keyring: Keyring, counters: Counters, client_title: bytes) -> None:
        self._pool = pool
        self._keyring = keyring
        self._counters = counters
        self._client_title = client_title
        self._answers: OrderedDict[Hashable, tuple[float, Sender | None]] = OrderedDict()

    def forget(self) -> None:
        """Ask the registry again from now on."""
        self._answers.clear()

    async def by_title(self, title: bytes) -> Sender | None:
        """The device with this system title. Raises DeviceError when its keys cannot be read."""
        if len(title) != TITLE_LENGTH:
            return None
        return await self._kept(title, lambda: self._by_name(title.hex().upper()))

    async def by_address(self, host: str, source: int) -> Sender | None:
        """The one device whose URL names this address and, as `server`, this wPort or HDLC address."""
        return await self._kept((host, source), lambda: self._by_address(host, source))

    async def seal(self, sender: Sender, plain: bytes, control: SecurityControl) -> bytes:
        """An APDU to this device in general-glo-ciphering, with a fresh counter. Raises DeviceError, DlmsError."""
        registered = (await find_devices(self._pool, [sender.device_id]))[sender.device_id]
        title = registered.device.client_system_title or self._client_title
        keys = registered.unseal(self._keyring)
        settings = settings_of(registered.device, keys, title)
        assert settings.ciphering is not None  # noqa: S101 - its notification was opened with it
        scope = counter_scope(keys[KeyKind.ENCRYPTION], title)
        (counter,) = await self._counters.reserve(scope, 1, sender.device_id)
        return wrap_general(title, settings.ciphering.protect(plain, title, counter, control))

    async def _kept(self, key: Hashable, ask: Callable[[], Awaitable[Sender | None]]) -> Sender | None:
        time = asyncio.get_running_loop().time()
        kept = self._answers.get(key)
        if kept is not None and time < kept[0]:
            return kept[1]
        sender = await ask()
        self._answers[key] = time + LIFETIME, sender
        self._answers.move_to_end(key)
        if len(self._answers) > SIZE:
            self._answers.popitem(last=False)
        return sender

    async def _by_name(self, name: str) -> Sender | None:
        registered = (await find_devices(self._pool, [name])).get(name)
        return self._sender(registered) if registered is not None else None

    async def _by_address(self, host: str, source: int) -> Sender | None:
        written = f"[{host}]" if ":" in host else host
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_BY_HOST, {"host": written, "limit": NEIGHBOURS})
            there = [device_id for device_id, url in await cursor.fetchall() if server_of(url) == source]
        return await self._by_name(there[0]) if len(there) == 1 else None

    def _sender(self, registered: Registered) -> Sender:
        device = registered.device
        keys = registered.unseal(self._keyring)
        settings = settings_of(device, keys, device.client_system_title or self._client_title)
        key = keys.get(KeyKind.ENCRYPTION)
        return Sender(
            device_id=device.device_id,
            title=device.system_title,
            host=host_of(device.url),
            required=settings.required,
            ciphering=settings.ciphering,
            counter_scope=partial(counter_scope, key) if key is not None else None,
        )


def host_of(url: str) -> str | None:
    """The address of a device, or its name; None where it dials in from anywhere."""
    host = urlsplit(url).hostname
    if not host or host == "*":
        return None
    address = plain_address(host)
    return None if address in ("0.0.0.0", "::") else address  # noqa: S104 - as a URL's host


def server_of(url: str) -> int:
    """The wPort or logical HDLC address of a device."""
    text = dict(parse_qsl(urlsplit(url).query)).get("server")
    return int(text, 0) if text else SERVER


def plain_address(host: str) -> str:
    """An IP address in its usual writing, an IPv4 address also where it comes in IPv6; other names as they are."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
