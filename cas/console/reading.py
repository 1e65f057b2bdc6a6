"""Reading a device now, for a person who waits: one association, and a failure told in words."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import uuid4

from aiohttp import web

from cas.access.failures import INTERNAL, describe
from cas.console.asking import Asked, Plan, device_access, message_of
from cas.console.site import Site, Told
from cas.cosem.kinds import DataError
from cas.devices.reading import Reader
from cas.devices.registry import get_device
from cas.devices.selection import SelectiveSession, ways_of
from cas.dlms.errors import DlmsError
from cas.errors import CasError
from transports.errors import TransportError

T = TypeVar("T")

# Seconds that a person waits at most, also for the turn of a device that others access.
PATIENCE = 60.0


async def ask(
    site: Site, request: web.Request, device_id: str, asked: Sequence[Asked], what: Callable[[Reader], Awaitable[T]]
) -> T:
    """Do something with a reader of the device, which counts as a create that asks for the same.

    Raises Told, which says why it did not come to that; RequestDenied, StoreError.
    """
    noun = device_access(Plan(asked=tuple(asked), devices=(device_id,)))
    return await site.perform(request, message_of(noun, str(uuid4())), lambda _: _ask(site, device_id, what))


async def _ask(site: Site, device_id: str, what: Callable[[Reader], Awaitable[T]]) -> T:
    registered = await get_device(site.pool, device_id)
    quirks = registered.device.quirks
    try:
        async with asyncio.timeout(PATIENCE), site.open_device(device_id) as session:
            selective = SelectiveSession(session, ways_of(quirks), site.clock)
            return await what(Reader(selective, quirks.list_size or 1))
    except (CasError, DlmsError, TransportError, TimeoutError, DataError) as error:
        failure = describe(error) or INTERNAL
        raise Told(502, f"{device_id}: {failure.reason}", failure.details) from error
