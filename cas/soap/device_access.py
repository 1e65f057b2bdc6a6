"""The noun DeviceAccess: from the message to the use case, and its outcome to an answer (IEC TS 62056-9-1, 7.2.3)."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from xsdata.models.datatype import XmlDateTime

from cas.access.codes import Code
from cas.access.document import cosem_accesses, notified, opening_tag, written_terms
from cas.access.errors import Problem, Refused
from cas.access.model import DeviceAccess, Origin, Result, Selection, Tally
from cas.access.order import instant
from cas.access.service import AccessService
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.soap.answer import Answer, done, written
from cas.soap.desk import Desk, Handler
from cas.soap.message import Message
from cas.soap.problems import error
from cas.xml import write


async def create(desk: Desk, message: Message) -> Answer:
    """Make a resource; if it is on-demand, and no asynchronous reply is wanted, answer with the results."""
    header = message.header
    origin = Origin(
        source=header.source,
        message_id=header.message_id,
        correlation_id=header.correlation_id,
        timestamp=_instant(header.timestamp, "/Header/Timestamp"),
        reply_address=header.reply_address,
        async_reply=bool(header.async_reply_flag),
        dev_form=message.dev_form,
        ack_required=bool(header.ack_required),
    )
    made = await desk.access.perform(_noun(message), origin)
    access = made.access
    if access.origin.async_reply or not access.is_on_demand:
        return done([access.id])
    selection = Selection(ids=(access.id,))
    if made.results is None:
        return await _with_results(desk.access, [access], selection, dev_form=message.dev_form)
    found = _in_order(made.results)
    return _answer(desk.access, [access], selection, Tally.of(made.results), lambda _: found, dev_form=message.dev_form)


async def get(desk: Desk, message: Message) -> Answer:
    """Answer with resources and their results, as far as the request selects them."""
    found = await desk.access.get(_ids(message))
    request = message.content.request or mes.RequestType()
    selection = Selection(
        ids=tuple(access.id for access in found),
        start=_instant(request.start_time, "/Request/StartTime"),
        end=_instant(request.end_time, "/Request/EndTime"),
        last_valid=bool(request.last_valid_data),
    )
    if selection.start and selection.end and selection.start >= selection.end:
        raise Refused([Problem(Code.RELATIONSHIP, "EndTime is not after StartTime", "/Request/EndTime")])
    if message.noun is not None:
        selection = await desk.access.narrow(selection, message.noun)
    dev_form = message.dev_form if message.noun is not None else found[0].origin.dev_form
    return await _with_results(desk.access, found, selection, dev_form=dev_form)


async def change(desk: Desk, message: Message) -> Answer:
    """Change resources; the ID may stand in the Request, in the DeviceAccess, or in both."""
    noun = _noun(message)
    ids = list(dict.fromkeys(text.strip() for text in _ids(message) if text.strip()))
    if noun.id is not None and ids and noun.id.strip() not in ids:
        details = f"{noun.id} is none of the resources that Request/ID names"
        raise Refused([Problem(Code.RELATIONSHIP, details, "/Payload/DeviceAccess")])
    return done(await desk.access.change(ids or ([noun.id] if noun.id is not None else []), noun))


async def cancel(desk: Desk, message: Message) -> Answer:
    """Stop resources at the next APDU boundary."""
    return done(await desk.access.cancel(_ids(message)))


async def close(desk: Desk, message: Message) -> Answer:
    """Let resources activate no further."""
    return done(await desk.access.close(_ids(message)))


async def delete(desk: Desk, message: Message) -> Answer:
    """Remove resources with their results."""
    return done(await desk.access.delete(_ids(message)))


HANDLERS: Mapping[str, Handler] = {
    "create": create,
    "change": change,
    "cancel": cancel,
    "close": close,
    "delete": delete,
    "get": get,
}
"""What each verb does."""


def _noun(message: Message) -> dev.DeviceAccess:
    if message.noun is None:
        raise Refused([Problem(Code.MANDATORY, "the payload must hold a DeviceAccess", "/Payload/DeviceAccess")])
    return message.noun


def _ids(message: Message) -> Sequence[str]:
    return [named.value for named in message.content.request.id] if message.content.request else []


def _instant(value: XmlDateTime | None, element: str) -> datetime | None:
    try:
        return instant(value)
    except (ValueError, OverflowError):
        raise Refused([Problem(Code.REQUEST, f"{value} is outside of the years 1 to 9999", element)]) from None


Results: TypeAlias = Callable[[UUID], AsyncIterator[Result]]
"""The results of a resource by request, activation and device."""


async def _with_results(
    service: AccessService, found: Sequence[DeviceAccess], selection: Selection, *, dev_form: bool
) -> Answer:
    tally = await service.store.tally(selection)

    def results(access_id: UUID) -> AsyncIterator[Result]:
        return service.store.results(access_id, selection)

    return _answer(service, found, selection, tally, results, dev_form=dev_form)


def _answer(
    service: AccessService,
    found: Sequence[DeviceAccess],
    selection: Selection,
    tally: Tally,
    results: Results,
    *,
    dev_form: bool,
) -> Answer:
    reply = mes.ReplyType(
        result=mes.Result.OK if tally.complete else mes.Result.PARTIAL,
        error=tuple(_shortfalls(tally)),
        id=written(selection.ids),
    )
    return Answer(reply, _written_accesses(service, found, selection, results, "dev" if dev_form else "mes"))


async def _written_accesses(
    service: AccessService, found: Sequence[DeviceAccess], selection: Selection, results: Results, prefix: str
) -> AsyncIterator[str]:
    for access in found:
        names = {target.device_id: target.name for target in access.targets}
        yield opening_tag(dev.DeviceAccess(id=str(access.id)), f"{prefix}:DeviceAccess")
        references = dev.DevicesReferenceList(
            device_reference=tuple(dev.DeviceReference(device_id=target.name) for target in access.targets),
            group_reference=tuple(dev.GroupReference(group_id=group_id) for group_id in access.groups),
        )
        yield write(references, "dev:DevicesReferenceList")
        yield "<dev:CosemAccessList>"
        named = ((result, names.get(result.device_id, result.device_id)) async for result in results(access.id))
        requests = enumerate((*access.retired, *access.requests))
        async for piece in cosem_accesses(requests, named, retired=len(access.retired)):
            yield piece
        if access.terms.accept_data_notification:
            async for piece in notified(service.store.notifications(access.id, selection)):
                yield piece
        yield "</dev:CosemAccessList>"
        yield written_terms(access.terms)
        yield f"</{prefix}:DeviceAccess>"


async def _in_order(results: Sequence[Result]) -> AsyncIterator[Result]:
    for result in sorted(results, key=lambda each: (each.request, each.activation, each.device_id)):
        yield result


def _shortfalls(tally: Tally) -> list[mes.ErrorType]:
    told = []
    if tally.failed:
        details = f"accesses that failed: {tally.failed}; each has a CosemErrorResult"
        told.append(error(Code.PARTIAL, details, level=mes.ErrorLevel.WARNING))
    if tally.outstanding:
        details = f"accesses that are outstanding: {tally.outstanding}; get shows them when they are done"
        told.append(error(Code.PARTIAL_MORE, details, level=mes.ErrorLevel.INFORM))
    return told
