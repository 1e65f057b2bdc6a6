"""What a person orders, as the use cases have it: authorised and recorded as the SOAP request that means the same."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from aiohttp import web

from cas.access.model import DeviceAccess, Origin
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.console.asking import SOURCE, message_about, message_of
from cas.console.site import Site


async def order(
    site: Site, request: web.Request, noun: dev.DeviceAccess, correlation_id: str | None = None
) -> DeviceAccess:
    """Make a DeviceAccess, without waiting for its devices. Raises Refused, RequestDenied, StoreError."""
    message_id = str(uuid4())
    origin = Origin(source=SOURCE, message_id=message_id, correlation_id=correlation_id or message_id)

    async def create(outcome: dict[str, object]) -> DeviceAccess:
        made = await site.access.create(noun, origin, wait=False)
        outcome["ids"] = [str(made.id)]
        return made

    made = await site.perform(request, message_of(noun, message_id), create)
    site.hub.changed("activations")
    return made


async def command(
    site: Site, request: web.Request, verb: mes.Verb, access_id: str, do: Callable[[Sequence[str]], Awaitable[object]]
) -> None:
    """Cancel, close or delete a DeviceAccess. Raises Refused, RequestDenied, StoreError."""
    await site.perform(request, message_about(verb, [access_id]), lambda _: do([access_id]))
    site.hub.changed("activations", f"access:{access_id}")
