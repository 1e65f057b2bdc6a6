"""Writing answers in pieces: what is large is read from the store and written as it goes, never held as a whole."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.access.model import DeviceAccess, Failure, Octets, Result, Terms
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.dlms.apdu import decode_apdu
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


def xml_time(instant: datetime) -> XmlDateTime:
    """An instant as xs:dateTime, in UTC."""
    return XmlDateTime.from_datetime(instant.astimezone(UTC))


def _optional_time(instant: datetime | None) -> XmlDateTime | None:
    return None if instant is None else xml_time(instant)


async def _device_access(element: str, access: DeviceAccess, results: AsyncIterator[Result]) -> AsyncIterator[str]:
    names = {target.device_id: target.name for target in access.targets}
    identity = dev.DeviceAccess(id=str(access.id))
    yield write(identity, element).removesuffix(f"</{element}>")
    references = dev.DevicesReferenceList(
        device_reference=tuple(dev.DeviceReference(device_id=target.name) for target in access.targets),
        group_reference=tuple(dev.GroupReference(group_id=group_id) for group_id in access.groups),
    )
    yield write(references, "dev:DevicesReferenceList")
    yield "<dev:CosemAccessList>"
    result = await anext(results, None)
    for number, request in enumerate(access.requests):
        yield f"<dev:CosemAccess>{write(_descriptor(request), 'dev:CosemAccessDescriptor')}"
        while result is not None and result.request == number:
            yield write(_result(result, names.get(result.device_id, result.device_id)), "dev:CosemAccessResult")
            result = await anext(results, None)
        yield "</dev:CosemAccess>"
    yield "</dev:CosemAccessList>"
    yield "".join(_terms(access.terms))
    yield f"</{element}>"


def _terms(terms: Terms) -> Iterable[str]:
    noun = dev.DeviceAccess(
        priority=terms.priority,
        activates=_optional_time(terms.activates),
        repeating_interval=XmlDuration(terms.repeating_interval) if terms.repeating_interval else None,
        duration=XmlDuration(terms.duration) if terms.duration else None,
        expires=_optional_time(terms.expires),
        not_older_than=_optional_time(terms.not_older_than),
        accept_data_notification=terms.accept_data_notification or None,
    )
    whole = write(noun, "x")
    yield whole.removeprefix("<x>").removesuffix("</x>")


def _descriptor(request: Octets) -> dev.CosemAccessDescriptor:
    apdu = decode_apdu(request)
    chosen: dict[str, Any] = {_REQUEST_ATTRIBUTE[type(apdu).__name__]: apdu}
    return dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(**chosen))


def _result(result: Result, device: str) -> dev.CosemAccessResult:
    activated = xml_time(result.activated)
    if isinstance(result.answer, Failure):
        failure = dev.CosemErrorResult(
            code=result.answer.code.value, reason=result.answer.reason, details=result.answer.details
        )
        return dev.CosemAccessResult(device_id=device, activated=activated, cosem_error_result=failure)
    apdu = decode_apdu(result.answer)
    chosen: dict[str, Any] = {_RESPONSE_ATTRIBUTE[type(apdu).__name__]: apdu}
    return dev.CosemAccessResult(
        device_id=device, activated=activated, cosem_xdlms_result=dev.CosemXdlmsResult(**chosen)
    )


def _attribute_of_class(choice: type) -> dict[str, str]:
    """The attributes of a class of the bindings by the class of what they hold: `GetResponse | None`."""
    return {
        field.type.partition(" ")[0]: name
        for name, field in choice.__dataclass_fields__.items()  # type: ignore[attr-defined]  # classes of the bindings
    }


_REQUEST_ATTRIBUTE = _attribute_of_class(dev.CosemXdlmsDescriptor)
_RESPONSE_ATTRIBUTE = _attribute_of_class(dev.CosemXdlmsResult)
