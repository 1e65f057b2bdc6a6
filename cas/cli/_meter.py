"""A session with a meter for the commands that read: a registered device, or one given by its URL alone."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeAlias

from cas.cli._key_input import read_key
from cas.config import load_settings
from cas.devices.counters import Counters
from cas.devices.exclusion import open_exclusion
from cas.devices.master_key import load_keyring
from cas.devices.model import Device, Quirks, without_password
from cas.devices.opening import Means
from cas.devices.reading import LIST_SIZE, Reader
from cas.devices.registry import get_device
from cas.devices.selection import SelectiveSession, ways_of
from cas.devices.sessions import Sessions
from cas.dlms.acse import Settings
from cas.dlms.client import Client
from cas.dlms.conformance import Conformance
from cas.dlms.errors import DlmsError
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.keys import Secret
from cas.errors import CasError
from cas.store.database import Pool, conninfo_of, open_database
from transports.base import Transport
from transports.errors import TransportError
from transports.registry import open_transport

DEVICE_HELP = "DeviceID, system title, alias, or a URL such as tcp://host:4059?client=16"
PASSWORD_HELP = "With a URL: password of low level security, from file:PATH, env:NAME, or - for standard input."  # noqa: S105 - a help text


class ReadFailed(CasError):
    """The device was not reached, or the exchange with it broke."""


Heard: TypeAlias = Callable[[int], None]
"""Is told of the octets of each APDU that comes."""


@asynccontextmanager
async def open_reader(device: str, password: str | None = None, heard: Heard = lambda _: None) -> AsyncIterator[Reader]:
    """Associate with the device and read. Raises CasError, whatever goes wrong with the device."""
    try:
        if "://" in device:
            async with Client(_Counted(open_transport(device), heard), _adhoc(password)) as client:
                yield _reader(client, Quirks())
        else:
            async with _registered(device, heard) as (client, quirks):
                yield _reader(client, quirks)
    except (DlmsError, TransportError) as error:
        raise ReadFailed(f"{without_password(device)}: {str(error) or type(error).__name__}") from error


class _Counted:
    """A transport whose octets are counted."""

    def __init__(self, transport: Transport, heard: Heard) -> None:
        self._transport = transport
        self._heard = heard

    @property
    def endpoint(self) -> str:
        return self._transport.endpoint

    async def connect(self) -> None:
        await self._transport.connect()

    async def send(self, apdu: bytes) -> None:
        await self._transport.send(apdu)

    async def receive(self) -> bytes:
        apdu = await self._transport.receive()
        self._heard(len(apdu))
        return apdu

    async def close(self) -> None:
        await self._transport.close()


@asynccontextmanager
async def open_sessions(name: str, heard: Heard = lambda _: None) -> AsyncIterator[tuple[Pool, Device, Sessions]]:
    """A registered device, and sessions, during which no process of the service has it. Raises CasError."""
    settings = load_settings()
    async with open_database(settings) as pool, open_exclusion(conninfo_of(pool)) as exclusion:
        found = (await get_device(pool, name)).device
        means = Means(Counters(pool), settings.client_title, lambda device: _Counted(open_transport(device.url), heard))
        yield pool, found, Sessions(pool, load_keyring(settings), means, exclusion)


@asynccontextmanager
async def _registered(name: str, heard: Heard) -> AsyncIterator[tuple[Client, Quirks]]:
    async with open_sessions(name, heard) as (_, device, sessions), sessions.open(device.device_id) as client:
        yield client, device.quirks


def _adhoc(password: str | None) -> Settings:
    if password is None:
        return Settings()
    return Settings(mechanism=Mechanism.LOW, password=Secret(read_key("password", password).encode()))


def _reader(client: Client, quirks: Quirks) -> Reader:
    agreed = client.negotiated
    lists = agreed is not None and Conformance.MULTIPLE_REFERENCES in agreed.conformance
    size = min(quirks.list_size or LIST_SIZE, LIST_SIZE) if lists else 1
    return Reader(SelectiveSession(client, ways_of(quirks), lambda: datetime.now(UTC)), size)
