"""What a receiver answers to an event that asks for it: a ResponseMessage (IEC 61968-100)."""

from lxml import etree

from cas.bindings import message as mes
from cas.push.errors import NotAcknowledged
from cas.push.events import Event
from cas.xml import XmlError, parse, read

_MESSAGE = "{http://iec.ch/TC57/2011/schema/message}ResponseMessage"


def check_acknowledgement(octets: bytes, event: Event) -> None:
    """Whether a receiver has taken an event: Result OK, and the correlation is the event's or its MessageID.

    Raises NotAcknowledged.
    """
    try:
        root = parse(octets)
        found = root if root.tag == _MESSAGE else root.find(f"{{*}}Body/{_MESSAGE}")
        if found is None:
            raise NotAcknowledged(f"a ResponseMessage is expected, the receiver sends {etree.QName(root).localname}")
        message = read(mes.ResponseMessageType, found)
    except XmlError as problem:
        raise NotAcknowledged(f"a ResponseMessage is expected, the receiver sends none: {problem}") from None
    correlation = message.header.correlation_id
    if correlation not in (event.correlation_id, str(event.message_id)) or correlation is None:
        raise NotAcknowledged(f"the receiver's CorrelationID {correlation!r} is neither the event's nor its MessageID")
    if message.reply.result is not mes.Result.OK:
        errors = "; ".join(filter(None, (error.details or error.reason for error in message.reply.error)))
        raise NotAcknowledged(f"the receiver's Result is {message.reply.result.value}: {errors[:500]}")
