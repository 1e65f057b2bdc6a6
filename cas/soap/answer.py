"""Writing answers in pieces: what is large is read from the store and written as it goes, never held as a whole."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from cas.access.document import cosem_accesses, opening_tag, written_terms, xml_time
from cas.access.model import DeviceAccess, Result
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.soap.envelope import CLOSING, Version, opening
from cas.soap.errors import MessageRefused
from cas.xml import write

Results = Callable[[DeviceAccess], AsyncIterator[Result]]
"""The selected results of a resource, by request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: the reply, and the resources to write into the payload."""

    reply: mes.ReplyType
    resources: tuple[DeviceAccess, ...] = ()
    results: Results | None = None
    dev_form: bool = False


async def response(version: Version, request: mes.HeaderType, answer: Answer) -> AsyncIterator[str]:
    """A ResponseMessage in its SOAP envelope, piece by piece."""
    yield (
        f"{opening(version)}<mes:ResponseMessage>{write(reply_header(request), 'mes:Header')}"
        f"{write(answer.reply, 'mes:Reply')}"
    )
    if answer.results is not None:
        yield "<mes:Payload>"
        element = "dev:DeviceAccess" if answer.dev_form else "mes:DeviceAccess"
        for access in answer.resources:
            async for piece in _device_access(element, access, answer.results(access)):
                yield piece
        yield "</mes:Payload>"
    yield f"</mes:ResponseMessage>{CLOSING}"


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


async def _device_access(element: str, access: DeviceAccess, results: AsyncIterator[Result]) -> AsyncIterator[str]:
    names = {target.device_id: target.name for target in access.targets}
    yield opening_tag(dev.DeviceAccess(id=str(access.id)), element)
    references = dev.DevicesReferenceList(
        device_reference=tuple(dev.DeviceReference(device_id=target.name) for target in access.targets),
        group_reference=tuple(dev.GroupReference(group_id=group_id) for group_id in access.groups),
    )
    yield write(references, "dev:DevicesReferenceList")
    yield "<dev:CosemAccessList>"
    named = ((result, names.get(result.device_id, result.device_id)) async for result in results)
    async for piece in cosem_accesses(enumerate(access.requests), named):
        yield piece
    yield "</dev:CosemAccessList>"
    yield written_terms(access.terms)
    yield f"</{element}>"
