"""Writing answers in pieces: what is large is read from the store and written as it goes, never held as a whole."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from cas.access.document import xml_time
from cas.bindings import message as mes
from cas.soap.envelope import CLOSING, Version, opening
from cas.soap.errors import MessageRefused
from cas.xml import write


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: the reply, and what stands in the payload, in pieces."""

    reply: mes.ReplyType
    payload: AsyncIterator[str] | None = None


def done(ids: Iterable[UUID | str], payload: AsyncIterator[str] | None = None) -> Answer:
    """All went well with these resources or groups."""
    return Answer(mes.ReplyType(result=mes.Result.OK, id=written(ids)), payload)


def written(ids: Iterable[UUID | str]) -> tuple[mes.IdType, ...]:
    """IDs as a reply has them."""
    return tuple(mes.IdType(value=str(each)) for each in ids)


async def response(version: Version, request: mes.HeaderType, answer: Answer) -> AsyncIterator[str]:
    """A ResponseMessage in its SOAP envelope, piece by piece."""
    yield (
        f"{opening(version)}<mes:ResponseMessage>{write(reply_header(request), 'mes:Header')}"
        f"{write(answer.reply, 'mes:Reply')}"
    )
    if answer.payload is not None:
        yield "<mes:Payload>"
        async for piece in answer.payload:
            yield piece
        yield "</mes:Payload>"
    yield f"</mes:ResponseMessage>{CLOSING}"


async def enveloped(version: Version, body: AsyncIterator[str]) -> AsyncIterator[str]:
    """Another message in its SOAP envelope, piece by piece."""
    yield opening(version)
    async for piece in body:
        yield piece
    yield CLOSING


def fault_message(refused: MessageRefused) -> str:
    """The FaultMessage for the detail of a SOAP fault."""
    reply = mes.ReplyType(result=mes.Result.FAILED, error=refused.errors)
    return write(mes.FaultMessageType(reply=reply), "mes:FaultMessage")


def reply_header(request: mes.HeaderType) -> mes.HeaderType:
    """The header of a reply: the correlation of the request, which is its MessageID where it names none."""
    return mes.HeaderType(
        verb=mes.Verb.REPLY,
        noun=request.noun,
        timestamp=xml_time(datetime.now(UTC)),
        message_id=str(uuid4()),
        correlation_id=request.correlation_id or request.message_id,
    )
