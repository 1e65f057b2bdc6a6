"""A DeviceAccess as XML, in pieces: what an answer and an event both write (IEC TS 62056-9-1, 7.2.6)."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeAlias

from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.access.model import Failure, NamedNotification, Octets, Result, Terms
from cas.access.steps import result_of, shown_descriptor
from cas.bindings import device_access as dev
from cas.xml import write

NamedResult: TypeAlias = tuple[Result, str]
"""A result, and the name that the client has for its device."""


def xml_time(instant: datetime) -> XmlDateTime:
    """An instant as xs:dateTime, in UTC."""
    return XmlDateTime.from_datetime(instant.astimezone(UTC))


def opening_tag(noun: dev.DeviceAccess, element: str) -> str:
    """The start tag of a DeviceAccess, of which only the attributes are written."""
    return write(noun, element).removesuffix(f"</{element}>")


async def cosem_accesses(
    requests: Iterable[tuple[int, Octets]], results: AsyncIterator[NamedResult], *, retired: int = 0
) -> AsyncIterator[str]:
    """A CosemAccess for each request, by number, with its results; these come by the number of their request.

    Requests below the number `retired` are written only if they have results.
    """
    found = await anext(results, None)
    for number, request in requests:
        if number < retired and (found is None or found[0].request != number):
            continue
        yield f"<dev:CosemAccess>{write(shown_descriptor(request), 'dev:CosemAccessDescriptor')}"
        while found is not None and found[0].request == number:
            yield write(_result(*found), "dev:CosemAccessResult")
            found = await anext(results, None)
        yield "</dev:CosemAccess>"


async def notified(notifications: AsyncIterator[NamedNotification]) -> AsyncIterator[str]:
    """A CosemAccess without a descriptor that has the notifications as results; nothing if there are none (D)."""
    end = ""
    async for notification in notifications:
        if not end:
            yield "<dev:CosemAccess>"
            end = "</dev:CosemAccess>"
        result = _answer(notification.apdu, notification.name, notification.received_at)
        yield write(result, "dev:CosemAccessResult")
    yield end


def written_terms(terms: Terms) -> str:
    """The children of a DeviceAccess behind its lists."""
    noun = dev.DeviceAccess(
        priority=terms.priority,
        activates=_optional_time(terms.activates),
        repeating_interval=XmlDuration(terms.repeating_interval) if terms.repeating_interval else None,
        duration=XmlDuration(terms.duration) if terms.duration else None,
        expires=_optional_time(terms.expires),
        not_older_than=_optional_time(terms.not_older_than),
        accept_data_notification=terms.accept_data_notification or None,
    )
    return write(noun, "x").removeprefix("<x>").removesuffix("</x>")


def _optional_time(instant: datetime | None) -> XmlDateTime | None:
    return None if instant is None else xml_time(instant)


def _result(result: Result, device: str) -> dev.CosemAccessResult:
    if isinstance(result.answer, Failure):
        failure = dev.CosemErrorResult(
            code=result.answer.code.value, reason=result.answer.reason, details=result.answer.details
        )
        return dev.CosemAccessResult(device_id=device, activated=xml_time(result.activated), cosem_error_result=failure)
    return _answer(result.answer, device, result.activated)


def _answer(octets: Octets, device: str, at: datetime) -> dev.CosemAccessResult:
    return replace(result_of(octets), device_id=device, activated=xml_time(at))
