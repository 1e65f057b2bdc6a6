"""What came of the requests of a DeviceAccess, one line for each attribute of each device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.cosem.data import Data, Value
from cas.cosem.obis import Obis


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one device answered for one attribute, method, or other request."""

    device: str
    """The DeviceID, as it was asked for."""
    activated: datetime | None
    """When the device was accessed."""
    class_id: int | None = None
    obis: Obis | None = None
    number: int | None = None
    """Of the attribute or method."""
    data: Data | None = None
    """The value, or what a method or a device that pushes gave."""
    error: str | None = None
    """The device's data-access-result or action-result, or why it gave no answer."""
    error_code: str | None = None
    """The code of a CosemErrorResult: the device was not reached, or the exchange broke."""
    result: dev.CosemAccessResult
    """All of it."""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None

    @property
    def value(self) -> Value:
        """The value as Python has it; None for null-data, and where there is none."""
        return None if self.data is None else self.data.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A DeviceAccess as the service answers it."""

    id: str
    result: mes.Result = mes.Result.OK
    """PARTIAL: some devices failed, or are outstanding; `errors` says which of the two."""
    errors: tuple[mes.ErrorType, ...] = ()
    resource: dev.DeviceAccess | None = None
    """None where the answer has none."""

    @property
    def readings(self) -> list[Reading]:
        """What there is by now, in the order of the requests."""
        listed = None if self.resource is None else self.resource.cosem_access_list
        return [] if listed is None else [reading for each in listed.cosem_access for reading in readings_of(each)]


def readings_of(access: dev.CosemAccess) -> Iterator[Reading]:
    """The readings of one CosemAccess, device by device."""
    for result in access.cosem_access_result:
        yield from readings_of_result(access.cosem_access_descriptor, result)


def readings_of_result(
    descriptor: dev.CosemAccessDescriptor | None, result: dev.CosemAccessResult
) -> Iterator[Reading]:
    """The readings of one result: several where the request lists several attributes."""
    outcomes = list(_outcomes(result))
    objects = list(_objects(descriptor, result))
    if len(outcomes) == 1:
        outcomes *= max(len(objects), 1)  # one failure for all
    for place, outcome in enumerate(outcomes):
        named = objects[place] if place < len(objects) else _Object()
        yield Reading(
            device=result.device_id or "",
            activated=_time(result),
            class_id=named.class_id,
            obis=named.obis,
            number=named.number,
            data=outcome.data,
            error=outcome.error,
            error_code=outcome.code,
            result=result,
        )


@dataclass(frozen=True, slots=True)
class _Object:
    """What is asked of which object."""

    class_id: int | None = None
    obis: Obis | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    data: Data | None = None
    error: str | None = None
    code: str | None = None


def _objects(descriptor: dev.CosemAccessDescriptor | None, result: dev.CosemAccessResult) -> Iterator[_Object]:
    xdlms = None if descriptor is None else descriptor.cosem_xdlms_descriptor
    if descriptor is not None and descriptor.cosem_time_sync is not None:
        yield _attribute(descriptor.cosem_time_sync.cosem_object)
    elif xdlms is not None:
        yield from _requested(xdlms)
    elif (answer := result.cosem_xdlms_result) is not None and answer.event_notification_request is not None:
        yield _attribute(answer.event_notification_request.cosem_attribute_descriptor)


def _requested(xdlms: dev.CosemXdlmsDescriptor) -> Iterator[_Object]:
    if (get := xdlms.get_request) is not None:
        if get.get_request_normal is not None:
            yield _attribute(get.get_request_normal.cosem_attribute_descriptor)
        elif get.get_request_with_list is not None:
            yield from _listed(get.get_request_with_list.attribute_descriptor_list)
    elif (put := xdlms.set_request) is not None:
        if put.set_request_normal is not None:
            yield _attribute(put.set_request_normal.cosem_attribute_descriptor)
        elif put.set_request_with_list is not None:
            yield from _listed(put.set_request_with_list.attribute_descriptor_list)
    elif (action := xdlms.action_request) is not None:
        if action.action_request_normal is not None:
            yield _method(action.action_request_normal.cosem_method_descriptor)
        elif action.action_request_with_list is not None:
            listed = action.action_request_with_list.cosem_method_descriptor_list
            yield from map(_method, listed.cosem_method_descriptor)
    elif (access := xdlms.access_request) is not None:
        body = access.access_request_body
        yield from map(_specified, body.access_request_specification.access_request_specification)


def _attribute(named: cos.CosemAttributeDescriptor) -> _Object:
    return _Object(named.class_id, Obis(named.instance_id), named.attribute_id)


def _method(named: cos.CosemMethodDescriptor) -> _Object:
    return _Object(named.class_id, Obis(named.instance_id), named.method_id)


def _listed(listed: cos.ListOfCosemAttributeDescriptorWithSelection) -> Iterator[_Object]:
    for each in listed.cosem_attribute_descriptor_with_selection:
        yield _attribute(each.cosem_attribute_descriptor)


def _specified(each: cos.AccessRequestSpecification) -> _Object:
    if each.access_request_action is not None:
        return _method(each.access_request_action.cosem_method_descriptor)
    found = (
        each.access_request_get
        or each.access_request_set
        or each.access_request_get_with_selection
        or each.access_request_set_with_selection
    )
    return _Object() if found is None else _attribute(found.cosem_attribute_descriptor)


def _outcomes(result: dev.CosemAccessResult) -> Iterator[_Outcome]:
    if (failure := result.cosem_error_result) is not None:
        told = ": ".join(filter(None, (failure.reason, failure.details)))
        yield _Outcome(error=told, code=failure.code)
    elif (answer := result.cosem_xdlms_result) is None:
        yield _Outcome()
    elif answer.get_response is not None:
        yield from _of_get(answer.get_response)
    elif answer.set_response is not None:
        yield from _of_set(answer.set_response)
    elif answer.action_response is not None:
        yield from _of_action(answer.action_response)
    elif answer.access_response is not None:
        yield from _of_access(answer.access_response.access_response_body)
    else:
        yield from _of_others(answer)


def _of_get(answer: cos.GetResponse) -> Iterator[_Outcome]:
    if answer.get_response_normal is not None:
        yield _got(answer.get_response_normal.result)
    elif answer.get_response_with_list is not None:
        yield from map(_got, answer.get_response_with_list.result.get_data_result)


def _got(result: cos.GetDataResult) -> _Outcome:
    return _Outcome(result.data, _error(result.data_access_result))


def _of_set(answer: cos.SetResponse) -> Iterator[_Outcome]:
    if answer.set_response_normal is not None:
        yield _Outcome(error=_error(answer.set_response_normal.result))
    elif answer.set_response_with_list is not None:
        for each in answer.set_response_with_list.result.data_access_result:
            yield _Outcome(error=_error(each))


def _of_action(answer: cos.ActionResponse) -> Iterator[_Outcome]:
    responses: Sequence[cos.ActionResponseWithOptionalData] = ()
    if answer.action_response_normal is not None:
        responses = (answer.action_response_normal.single_response,)
    elif answer.action_response_with_list is not None:
        responses = answer.action_response_with_list.list_of_responses.action_response_with_optional_data
    for each in responses:
        returned = each.return_parameters or cos.GetDataResult()
        yield _Outcome(returned.data, _error(each.result) or _error(returned.data_access_result))


def _of_access(body: cos.AccessResponseBody) -> Iterator[_Outcome]:
    values = body.access_response_list_of_data.data
    for place, each in enumerate(body.access_response_specification.access_response_specification):
        found = each.access_response_get or each.access_response_set or each.access_response_action
        error = None if found is None else _error(found.result)
        yield _Outcome(values[place] if place < len(values) and error is None else None, error)


def _of_others(answer: dev.CosemXdlmsResult) -> Iterator[_Outcome]:
    if answer.data_notification is not None:
        yield _Outcome(answer.data_notification.notification_body.data_value)
    elif answer.event_notification_request is not None:
        yield _Outcome(answer.event_notification_request.attribute_value)
    elif answer.information_report_request is not None:
        yield from (_Outcome(data) for data in answer.information_report_request.list_of_data.data)
    elif answer.exception_response is not None:
        yield _Outcome(error="exception-response")
    elif answer.confirmed_service_error is not None:
        yield _Outcome(error="confirmedServiceError")
    else:
        yield _Outcome()  # of short names: `result` has it


def _error(code: cos.DataAccessResult | cos.ActionResult | None) -> str | None:
    return None if code is None or code.value == "success" else str(code.value)


def _time(result: dev.CosemAccessResult) -> datetime | None:
    if result.activated is None:
        return None
    at = result.activated.to_datetime()
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
