"""Opens the clients of one device: with fresh invocation counters, and with those of the device remembered.

Counters out of step are put right once: after an invocation-counter-error the client's is raised to what the device
says that it expects, or to what its public client reads, and the association is tried a second time, never a third.
Nothing of what a device says of itself in the clear is proven; so a counter is never lowered, and a leap to the end of
its range is refused, which would make the key useless.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
import structlog

from cas.bindings import cosempdu as cos
from cas.cosem.obis import Obis
from cas.devices.counters import HIGHEST, NEAR_TOP, Counters, Lease, counter_scope
from cas.devices.errors import CounterDoubtful
from cas.devices.keys import KeyKind, Secret
from cas.devices.model import Device
from cas.devices.settings import settings_of
from cas.dlms.acse import Settings
from cas.dlms.association import Notification
from cas.dlms.client import Client
from cas.dlms.errors import ExceptionResponse
from cas.dlms.requested import requested
from cas.dlms.security.authentication import Mechanism
from cas.dlms.xdlms.exchange import raise_for_error
from cas.system_events import Kind, tell
from transports.base import Transport
from transports.registry import open_transport

_DATA, _VALUE = 1, 2
_CONFIRMED = 0xC1
log = structlog.get_logger(__name__)


Heard: TypeAlias = Callable[[str, Notification], Awaitable[bool]]
"""Takes what the device of this DeviceID sends unasked in an association, and says whether it did."""


def _by_url(device: Device) -> Transport:
    return open_transport(device.url)


@dataclass(frozen=True, slots=True)
class Means:
    """What associations are opened with, whatever the device."""

    counters: Counters
    client_title: bytes
    transport: Callable[[Device], Transport] = _by_url
    """Makes the link to a device."""
    heard: Heard | None = None
    """Without it, what devices send unasked in their associations is dropped, and not confirmed."""

    def title(self, device: Device) -> bytes:
        """Our system title, as this device knows it."""
        return device.client_system_title or self.client_title


class Opener:
    """Opens and closes clients of one device, one at a time."""

    def __init__(self, device: Device, keys: Mapping[KeyKind, Secret], means: Means) -> None:
        self._device = device
        self._keys = keys
        self._means = means
        self.tried: Client | None = None

    async def open(self, aarq: cos.AarqApdu | None = None) -> Client:
        """Associate. Raises DeviceError, TransportError, DlmsError; then nothing is left open.

        What was tried last is `tried`, also when it failed.
        """
        settings = self._settings(aarq)
        lease = None
        if (encryption := self._keys.get(KeyKind.ENCRYPTION)) is not None:
            settings = replace(settings, last_counter=await self._last_counter(settings))
            # Under the title that the AARQ names: it is part of the initialization vector. Nothing waits for
            # the database from then on: the device may be another process's when that is back, with higher counters.
            lease = await self._means.counters.lease(encryption, settings.client_title, self._device.device_id)
            when = self._device.quirks.read_counter
            if when == "always" or (when == "first" and lease.next == 1):
                await self._recover(lease, None)
        try:
            return await self._try(settings, lease)
        except ExceptionResponse as error:
            may_read = self._device.quirks.read_counter != "never"
            if lease is None or error.error != "invocation-counter-error" or not may_read:
                raise
            await self._pause()
            await self._recover(lease, error.counter)
        return await self._try(settings, lease)

    async def _try(self, settings: Settings, lease: Lease | None) -> Client:
        heard = partial(self._means.heard, self._device.device_id) if self._means.heard else None
        self.tried = client = Client(self._means.transport(self._device), settings, lease, heard)
        await client.open()
        return client

    def _settings(self, aarq: cos.AarqApdu | None) -> Settings:
        settings = settings_of(self._device, self._keys, self._means.title(self._device))
        return settings if aarq is None else requested(aarq, settings)

    async def close(self, client: Client) -> None:
        """Release and close it, remember how far the device's counter has come, let the device rest. Never raises."""
        await client.close()
        scope = self._scope(client.settings)
        last = client.last_counter
        if scope is not None and last is not None and last != client.settings.last_counter:
            try:
                await self._means.counters.raise_to(scope, min(last + 1, HIGHEST))
            except psycopg.Error as problem:
                log.warning("counter of the device not remembered", device=self._device.device_id, problem=str(problem))
        await self._pause()

    async def _pause(self) -> None:
        if self._device.quirks.pause:
            await asyncio.sleep(self._device.quirks.pause)

    def _scope(self, settings: Settings) -> bytes | None:
        """What the device's own counter belongs to; None where it has none, or begins anew each time."""
        encryption = self._keys.get(KeyKind.ENCRYPTION)
        ciphered = settings.control is not None or settings.mechanism is Mechanism.HIGH_GMAC
        if encryption is None or settings.server_title is None or not ciphered or self._device.quirks.counter_restarts:
            return None
        return counter_scope(encryption, settings.server_title)

    async def _last_counter(self, settings: Settings) -> int | None:
        """The device's last counter that was accepted in any association."""
        scope = self._scope(settings)
        if scope is None:
            return None
        known = await self._means.counters.next_of(scope)
        return None if known is None else known - 1

    async def _recover(self, lease: Lease, told: int | None) -> None:
        """Raise our counter to what the device expects. Raises CounterDoubtful, TransportError, DlmsError."""
        value = told if told is not None else await self._read_counter() + 1
        device_id = self._device.device_id
        if value > NEAR_TOP:
            raise CounterDoubtful(device_id, value)
        tell(Kind.COUNTER_PUT_RIGHT, device_id, ours=lease.next, device_expects=value)
        await lease.raise_to(value)

    async def _read_counter(self) -> int:
        """The last counter that the device accepted, by its public client. Raises CounterDoubtful."""
        quirks = self._device.quirks
        public = replace(self._device, url=with_client(self._device.url, quirks.counter_client))
        settings = Settings(release=quirks.release, pre_established=not quirks.counter_associates)
        name = Obis.parse(quirks.counter_object).octets
        async with Client(self._means.transport(public), settings) as client:
            answer = await client.request(_get(name))
        raise_for_error(answer)
        normal = answer.get_response_normal if isinstance(answer, cos.GetResponse) else None
        value = normal.result.data.simple if normal and normal.result.data else None
        await self._pause()
        if not isinstance(value, int) or not 0 <= value <= HIGHEST:
            raise CounterDoubtful(self._device.device_id, None)
        return value


def with_client(url: str, sap: int) -> str:
    """The URL of the same device for the client with this SAP."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "client"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("client", str(sap))])))


def _get(name: bytes) -> cos.GetRequest:
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(
            invoke_id_and_priority=_CONFIRMED,
            cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
                class_id=_DATA, instance_id=name, attribute_id=_VALUE
            ),
        )
    )
