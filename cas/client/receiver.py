"""A receiver of events (IEC TS 62056-9-1, 5.2.3): for the ReplyAddress of a client, as part of an aiohttp application.

    async def take(event: ReceivedEvent) -> None:
        for reading in event.readings: ...

    application.add_routes(EventReceiver(take).routes("/events"))

Events are taken one at a time. Each is acknowledged with a ResponseMessage when `take` returns, and comes again later
when it raises. A repeat of one that was taken is acknowledged and dropped, by its MessageID.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from aiohttp import web
from xsdata.models.datatype import XmlDateTime

from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.client.errors import ClientError
from cas.client.messages import body_of, envelope
from cas.client.readings import Reading, readings_of
from cas.push.signature import HEADER, signature_fits
from cas.xml import XmlError, read, write

MOST_OCTETS = 64 << 20
"""Of one event."""
# MessageIDs that are remembered.
_REMEMBERED = 100_000
_EVENT = "{http://iec.ch/TC57/2011/schema/message}EventMessage"


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event that came."""

    message: mes.EventMessageType
    octets: bytes
    """The SOAP message."""

    @property
    def verb(self) -> str:
        """`changed`: new results; `closed`, `canceled`: the last event; `created`: data notifications."""
        return self.message.header.verb.value

    @property
    def message_id(self) -> str | None:
        """The same in a repeat."""
        return self.message.header.message_id

    @property
    def correlation_id(self) -> str | None:
        """That of the request that made the resource, or its MessageID where it had none."""
        return self.message.header.correlation_id

    @property
    def resource(self) -> dev.DeviceAccess | None:
        """The DeviceAccess, of which only the new results are there."""
        payload = self.message.payload
        found = () if payload is None else (*payload.device_access, *payload.device_access_of_dev)
        return found[0] if found else None

    @property
    def access_id(self) -> str | None:
        """The ID of the resource."""
        return None if self.resource is None else self.resource.id

    @property
    def readings(self) -> list[Reading]:
        """The new results."""
        listed = None if self.resource is None else self.resource.cosem_access_list
        return [] if listed is None else [reading for each in listed.cosem_access for reading in readings_of(each)]


class EventReceiver:
    """Gives events to `take`, each once. With a `signing_key` only those that are signed with it."""

    def __init__(
        self,
        take: Callable[[ReceivedEvent], Awaitable[None]],
        *,
        signing_key: bytes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._take = take
        self._signing_key = signing_key
        self._clock = clock
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self.repeats = 0
        """Events that came again."""

    def routes(self, path: str = "/{tail:.*}") -> list[web.AbstractRouteDef]:
        """What is to be added to an application, whose `client_max_size` bounds an event (`MOST_OCTETS`)."""
        return [web.post(path, self._post)]

    async def _post(self, request: web.Request) -> web.Response:
        octets = await request.read()
        key = self._signing_key
        if key is not None and not signature_fits(key, request.headers.get(HEADER, ""), octets, now=self._clock()):
            raise web.HTTPForbidden(text="the signature does not fit\n")
        try:
            body = body_of(octets, 200)
            if body.tag != _EVENT:
                raise web.HTTPBadRequest(text="an EventMessage is expected\n")
            event = ReceivedEvent(read(mes.EventMessageType, body), octets)
        except (ClientError, XmlError) as problem:
            raise web.HTTPBadRequest(text=f"{problem}\n") from None
        async with self._one_at_a_time:
            await self._take_once(event)
        return web.Response(body=_acknowledgement(event), content_type="application/soap+xml", charset="utf-8")

    async def _take_once(self, event: ReceivedEvent) -> None:
        if event.message_id is not None and event.message_id in self._taken:
            self.repeats += 1
            return
        await self._take(event)
        if event.message_id is not None:
            self._taken[event.message_id] = None
            if len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)


def _acknowledgement(event: ReceivedEvent) -> bytes:
    header = mes.HeaderType(
        verb=mes.Verb.REPLY,
        noun=event.message.header.noun,
        timestamp=XmlDateTime.from_datetime(datetime.now(UTC)),
        message_id=str(uuid4()),
        correlation_id=event.correlation_id or event.message_id,
    )
    response = mes.ResponseMessageType(header=header, reply=mes.ReplyType(result=mes.Result.OK))
    return envelope(write(response, "mes:ResponseMessage"))
