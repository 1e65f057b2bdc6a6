"""A session with a meter for the commands that read: a registered device, or one given by its URL alone."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

from cas.cli._common import console
from cas.cli._key_input import read_key
from cas.config import load_settings
from cas.devices.counters import Counters
from cas.devices.master_key import load_keyring
from cas.devices.model import Quirks, without_password
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
from cas.store.database import open_database
from transports.errors import TransportError
from transports.registry import open_transport

DEVICE_HELP = "DeviceID, system title, alias, or a URL such as tcp://host:4059?client=16"
PASSWORD_HELP = "With a URL: password of low level security, from file:PATH, env:NAME, or - for standard input."  # noqa: S105 - a help text


class ReadFailed(CasError):
    """The device was not reached, or the exchange with it broke."""


@asynccontextmanager
async def open_reader(device: str, password: str | None = None) -> AsyncIterator[Reader]:
    """Associate with the device and read. Raises CasError, whatever goes wrong with the device."""
    try:
        if "://" in device:
            async with Client(open_transport(device), _adhoc(password)) as client:
                yield _reader(client, Quirks())
        else:
            async with _registered(device) as (client, quirks):
                yield _reader(client, quirks)
    except (DlmsError, TransportError) as error:
        raise ReadFailed(f"{without_password(device)}: {str(error) or type(error).__name__}") from error


@contextmanager
def progress(total: int | None, show: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, if somebody looks; what is yielded is told how many more are done."""
    if not show or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)


@asynccontextmanager
async def _registered(name: str) -> AsyncIterator[tuple[Client, Quirks]]:
    settings = load_settings()
    async with open_database(settings) as pool:
        device = (await get_device(pool, name)).device
        sessions = Sessions(pool, load_keyring(settings), Counters(pool), settings.client_title)
        async with sessions.open(device.device_id) as client:
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
