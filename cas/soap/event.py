"""EventMessages: what happened to a resource, for the receiver at its ReplyAddress (IEC TS 62056-9-1, 7.3).

An event names its resource, and of what was asked only that which has new results; it repeats neither the devices nor
the terms (D). Its Timestamp is the time of what it tells, so that a repeat is the same message.
"""

from collections.abc import AsyncIterator

from cas.access.document import cosem_accesses, notified, opening_tag, xml_time
from cas.access.events import EventContent
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.push.errors import EventGone
from cas.push.events import Event, EventVerb
from cas.soap.envelope import CLOSING, Version, opening
from cas.xml import DECLARATIONS, write


class EventWriter:
    """Writes events; its methods are `cas.push.events.Writer`. `source` is the Source in their headers."""

    def __init__(self, content: EventContent, *, source: str | None = None) -> None:
        self._content = content
        self._source = source

    async def soap(self, event: Event) -> AsyncIterator[str]:
        """The message in an envelope of SOAP 1.2 (D). Raises EventGone."""
        if event.state is None:
            raise EventGone(f"the resource {event.access_id} was deleted")
        yield f"{opening(Version.V12)}<mes:EventMessage>"
        async for piece in self._inside(event):
            yield piece
        yield f"</mes:EventMessage>{CLOSING}"

    async def plain(self, event: Event) -> AsyncIterator[str]:
        """The message as a document of its own. Raises EventGone."""
        yield f'<?xml version="1.0" encoding="UTF-8"?>\n<mes:EventMessage{DECLARATIONS}>'
        async for piece in self._inside(event):
            yield piece
        yield "</mes:EventMessage>\n"

    async def _inside(self, event: Event) -> AsyncIterator[str]:
        element = "dev:DeviceAccess" if event.dev_form else "mes:DeviceAccess"
        yield write(self._header(event), "mes:Header")
        yield "<mes:Payload>"
        yield opening_tag(dev.DeviceAccess(id=str(event.access_id)), element)
        if event.verb in (EventVerb.CHANGED, EventVerb.CREATED):
            yield "<dev:CosemAccessList>"
            accesses = (
                cosem_accesses(await self._content.requests(event), self._content.results(event))
                if event.verb is EventVerb.CHANGED
                else notified(self._content.notifications(event))
            )
            async for piece in accesses:
                yield piece
            await self._content.check(event)
            yield "</dev:CosemAccessList>"
        yield f"</{element}></mes:Payload>"

    def _header(self, event: Event) -> mes.HeaderType:
        return mes.HeaderType(
            verb=mes.Verb(event.verb.value),
            noun="DeviceAccess",
            timestamp=xml_time(event.created_at),
            source=self._source,
            ack_required=event.ack_required or None,
            message_id=str(event.message_id),
            correlation_id=event.correlation_id,
        )
