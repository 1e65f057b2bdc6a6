"""The noun DeviceAccess: from the message to the use case, and its outcome to an answer (IEC TS 62056-9-1, 7.2.3)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from xsdata.models.datatype import XmlDateTime

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.access.model import DeviceAccess, Origin, Result, Selection, Tally
from cas.access.order import instant
from cas.access.service import AccessService
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.soap.answer import Answer
from cas.soap.message import Message
from cas.soap.problems import error

Handler = Callable[[AccessService, Message], Awaitable[Answer]]


async def create(service: AccessService, message: Message) -> Answer:
    """Make a resource; if it is on-demand answer with the results when all have come or the wait ends."""
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
    access = await service.create(_noun(message), origin)
    if not access.is_on_demand:
        return _done([access.id])
    return await _with_results(service, [access], Selection(ids=(access.id,)), dev_form=message.dev_form)


async def get(service: AccessService, message: Message) -> Answer:
    """Answer with resources and their results, as far as the request selects them."""
    found = await service.get(_ids(message))
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
        selection = await service.narrow(selection, message.noun)
    dev_form = message.dev_form if message.noun is not None else found[0].origin.dev_form
    return await _with_results(service, found, selection, dev_form=dev_form)


async def cancel(service: AccessService, message: Message) -> Answer:
    """Stop resources at the next APDU boundary."""
    return _done(await service.cancel(_ids(message)))


async def close(service: AccessService, message: Message) -> Answer:
    """Let resources activate no further."""
    return _done(await service.close(_ids(message)))


async def delete(service: AccessService, message: Message) -> Answer:
    """Remove resources with their results."""
    return _done(await service.delete(_ids(message)))


HANDLERS: Mapping[str, Handler] = {"create": create, "get": get, "cancel": cancel, "close": close, "delete": delete}
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


def _done(ids: Sequence[UUID]) -> Answer:
    return Answer(mes.ReplyType(result=mes.Result.OK, id=_written(ids)))


def _written(ids: Sequence[UUID]) -> tuple[mes.IdType, ...]:
    return tuple(mes.IdType(value=str(access_id)) for access_id in ids)


async def _with_results(
    service: AccessService, found: Sequence[DeviceAccess], selection: Selection, *, dev_form: bool
) -> Answer:
    def results(access: DeviceAccess) -> AsyncIterator[Result]:
        return service.store.results(access.id, selection)

    tally = await service.store.tally(selection)
    reply = mes.ReplyType(
        result=mes.Result.OK if tally.complete else mes.Result.PARTIAL,
        error=tuple(_shortfalls(tally)),
        id=_written(selection.ids),
    )
    return Answer(reply, tuple(found), results, dev_form)


def _shortfalls(tally: Tally) -> list[mes.ErrorType]:
    told = []
    if tally.failed:
        details = f"{tally.failed} accesses failed: see their CosemErrorResult"
        told.append(error(Code.PARTIAL, details, level=mes.ErrorLevel.WARNING))
    if tally.outstanding:
        details = f"{tally.outstanding} accesses are outstanding: get shows them when they are done"
        told.append(error(Code.PARTIAL_MORE, details, level=mes.ErrorLevel.INFORM))
    return told
