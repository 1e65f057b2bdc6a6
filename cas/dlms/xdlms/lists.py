"""Lists cut to what the device takes: lists of GET, SET, ACTION, ACCESS, Read and Write in parts, or item by item.

A device need not know multiple references, may take fewer items than were asked for, or fewer octets. What was asked
as one list is answered as one list all the same. Items are done in their order; so is a SET or ACTION of a list, which
the standard never promised to be done all or none.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import NULL
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import EncodeError, RemoteProtocolError, UnexpectedApdu
from cas.dlms.xdlms.exchange import Exchange, alternative, raise_for_error

Serve: TypeAlias = Callable[[Request], Exchange[Response]]
Item: TypeAlias = tuple[Any, Data | None]
"""A descriptor or specification, and the value or parameter that goes with it."""

_WITHOUT_FORMS = (cos.ReadRequest, cos.WriteRequest, cos.AccessRequest)
"""Requests that are always lists, be it of one item."""
_NULL = Data.of("null-data")
_OTHER = cos.DataAccessResult.OTHER_REASON


def serve_in_parts(
    serve: Serve, request: Request, most: int | None, fits: Callable[[Request], bool]
) -> Exchange[Response]:
    """Ask for a list in requests of up to `most` items (1: no lists at all; None: any number), each of which fits.

    A part that the device answers with an exception-response or the like leaves other-reason in the places of its
    items; when no part had any other answer, that is the answer to the whole. Raises RequestTooLong before anything is
    sent when an item fits no request.
    """
    parts = _parts(request, most, fits)
    if len(parts) == 1 and parts[0] is request:
        return (yield from serve(request))
    if (unfit := next((part for part in parts if not fits(part)), None)) is not None:
        return (yield from serve(unfit))
    results: list[Any] = []
    error: Response | None = None
    is_over, any_done = False, False
    for part in parts:
        items = _items(part)
        count = len(items)
        found: Sequence[Any] | None = None
        if not is_over:
            answer = yield from serve(part)
            found = _results(answer)
            if found is None:
                error = error or answer
                is_over = _ends(answer)
            elif len(found) != count:
                raise UnexpectedApdu(f"an answer of {len(found)} results", f"{count}")
        any_done = any_done or found is not None
        results += found if found is not None else [_failed(request, item) for item in items]
    return error if error is not None and not any_done else _answer(request, results)


def _parts(request: Request, most: int | None, fits: Callable[[Request], bool]) -> list[Request]:
    items = _items(request)
    if (most is None or len(items) <= most != 1) and fits(request):
        return [request]
    if most == 1:
        return [_single(request, item) for item in items]
    parts: list[Request] = []
    pending: list[Item] = []
    whole: Request | None = None
    for item in items:
        longer = _listed(request, [*pending, item])
        if whole is not None and (len(pending) == most or not fits(longer)):
            parts.append(whole)
            pending, longer = [], _listed(request, [item])
        pending.append(item)
        whole = longer
    return [*parts, whole] if whole is not None else [request]


def _items(request: Request) -> list[Item]:
    chosen = request if isinstance(request, _WITHOUT_FORMS) else alternative(request)[1]
    match chosen:
        case cos.ReadRequest():
            return [(one, None) for one in chosen.variable_access_specification]
        case cos.WriteRequest():
            variables = chosen.variable_access_specification.variable_access_specification
            return _pairs(variables, chosen.list_of_data.data, "list-of-data")
        case cos.AccessRequest(access_request_body=body):
            accesses = body.access_request_specification.access_request_specification
            return _pairs(accesses, body.access_request_list_of_data.data, "access-request-list-of-data")
        case cos.GetRequestWithList():
            return [(one, None) for one in chosen.attribute_descriptor_list.cosem_attribute_descriptor_with_selection]
        case cos.SetRequestWithList():
            targets = chosen.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
            return _pairs(targets, chosen.value_list.data, "value-list")
        case cos.ActionRequestWithList():
            methods = chosen.cosem_method_descriptor_list.cosem_method_descriptor
            return _pairs(methods, chosen.method_invocation_parameters.data, "method-invocation-parameters")
        case _:
            return [(chosen, None)]


def _pairs(targets: Sequence[Any], values: Sequence[Data], path: str) -> list[Item]:
    if len(targets) != len(values):
        raise EncodeError(f"{len(values)} for {len(targets)} descriptors", path)
    return list(zip(targets, values, strict=True))


def _listed(request: Request, items: Sequence[Item]) -> Request:
    targets = tuple(target for target, _ in items)
    values = cos.ListOfData(data=tuple(value for _, value in items if value is not None))
    match request:
        case cos.ReadRequest():
            return cos.ReadRequest(variable_access_specification=targets)
        case cos.WriteRequest():
            variables = cos.ListOfVariableAccessSpecification(variable_access_specification=targets)
            return cos.WriteRequest(variable_access_specification=variables, list_of_data=values)
        case cos.AccessRequest():
            accesses = cos.ListOfAccessRequestSpecification(access_request_specification=targets)
            body = cos.AccessRequestBody(access_request_specification=accesses, access_request_list_of_data=values)
            return replace(request, access_request_body=body)
    ip = alternative(request)[1].invoke_id_and_priority
    if isinstance(request, cos.ActionRequest):
        methods = cos.ListOfCosemMethodDescriptor(cosem_method_descriptor=targets)
        listed = cos.ActionRequestWithList(
            invoke_id_and_priority=ip, cosem_method_descriptor_list=methods, method_invocation_parameters=values
        )
        return cos.ActionRequest(action_request_with_list=listed)
    attributes = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=targets)
    if isinstance(request, cos.SetRequest):
        setting = cos.SetRequestWithList(
            invoke_id_and_priority=ip, attribute_descriptor_list=attributes, value_list=values
        )
        return cos.SetRequest(set_request_with_list=setting)
    getting = cos.GetRequestWithList(invoke_id_and_priority=ip, attribute_descriptor_list=attributes)
    return cos.GetRequest(get_request_with_list=getting)


def _single(request: Request, item: Item) -> Request:
    if isinstance(request, _WITHOUT_FORMS):
        return _listed(request, [item])
    ip = alternative(request)[1].invoke_id_and_priority
    target, value = item
    if isinstance(request, cos.ActionRequest):
        # in a list, null-data stands for no parameters
        parameters = None if value is None or value.tag == NULL else value
        invoking = cos.ActionRequestNormal(
            invoke_id_and_priority=ip, cosem_method_descriptor=target, method_invocation_parameters=parameters
        )
        return cos.ActionRequest(action_request_normal=invoking)
    where: dict[str, Any] = {
        "invoke_id_and_priority": ip,
        "cosem_attribute_descriptor": target.cosem_attribute_descriptor,
        "access_selection": target.access_selection,
    }
    if value is not None:
        return cos.SetRequest(set_request_normal=cos.SetRequestNormal(**where, value=value))
    return cos.GetRequest(get_request_normal=cos.GetRequestNormal(**where))


def _results(answer: Response) -> Sequence[Any] | None:
    """The results of a part; None for an error of the device."""
    match answer:
        case cos.ExceptionResponse() | cos.ConfirmedServiceError():
            return None
        case cos.ReadResponse() | cos.WriteResponse():
            return answer.choice
        case cos.AccessResponse(access_response_body=body):
            done = body.access_response_specification.access_response_specification
            return _pairs(done, body.access_response_list_of_data.data, "access-response-list-of-data")
    chosen = alternative(answer)[1]
    match chosen:
        case cos.GetResponseNormal() | cos.SetResponseNormal():
            return (chosen.result,)
        case cos.ActionResponseNormal():
            return (chosen.single_response,)
        case cos.GetResponseWithList():
            return chosen.result.get_data_result
        case cos.SetResponseWithList():
            return chosen.result.data_access_result
        case cos.ActionResponseWithList():
            return chosen.list_of_responses.action_response_with_optional_data
        case _:
            raise UnexpectedApdu(type(chosen).__name__, "a whole answer")


def _failed(request: Request, item: Item) -> Any:
    match request:
        case cos.GetRequest():
            return cos.GetDataResult(data_access_result=_OTHER)
        case cos.SetRequest():
            return _OTHER
        case cos.ActionRequest():
            return cos.ActionResponseWithOptionalData(result=cos.ActionResult.OTHER_REASON)
        case cos.ReadRequest():
            return cos.ReadResponseChoice(data_access_error=_OTHER)
        case cos.WriteRequest():
            return cos.WriteResponseChoice(data_access_error=_OTHER)
    return _access_failed(item[0]), _NULL


def _access_failed(asked: cos.AccessRequestSpecification) -> cos.AccessResponseSpecification:
    if asked.access_request_action is not None:
        action = cos.AccessResponseAction(result=cos.ActionResult.OTHER_REASON)
        return cos.AccessResponseSpecification(access_response_action=action)
    if asked.access_request_set is not None or asked.access_request_set_with_selection is not None:
        return cos.AccessResponseSpecification(access_response_set=cos.AccessResponseSet(result=_OTHER))
    return cos.AccessResponseSpecification(access_response_get=cos.AccessResponseGet(result=_OTHER))


def _answer(request: Request, results: Sequence[Any]) -> Response:
    match request:
        case cos.ReadRequest():
            return cos.ReadResponse(choice=tuple(results))
        case cos.WriteRequest():
            return cos.WriteResponse(choice=tuple(results))
        case cos.AccessRequest():
            done = cos.ListOfAccessResponseSpecification(access_response_specification=tuple(one for one, _ in results))
            body = cos.AccessResponseBody(
                access_response_list_of_data=cos.ListOfData(data=tuple(data for _, data in results)),
                access_response_specification=done,
            )
            number = request.long_invoke_id_and_priority
            return cos.AccessResponse(long_invoke_id_and_priority=number, date_time=b"", access_response_body=body)
    ip = alternative(request)[1].invoke_id_and_priority
    if isinstance(request, cos.GetRequest):
        got = cos.ListOfGetDataResult(get_data_result=tuple(results))
        return cos.GetResponse(get_response_with_list=cos.GetResponseWithList(invoke_id_and_priority=ip, result=got))
    if isinstance(request, cos.SetRequest):
        codes = cos.ListOfDataAccessResult(data_access_result=tuple(results))
        return cos.SetResponse(set_response_with_list=cos.SetResponseWithList(invoke_id_and_priority=ip, result=codes))
    responses = cos.ListOfActionResponseWithOptionalData(action_response_with_optional_data=tuple(results))
    listed = cos.ActionResponseWithList(invoke_id_and_priority=ip, list_of_responses=responses)
    return cos.ActionResponse(action_response_with_list=listed)


def _ends(answer: Response) -> bool:
    """Whether the association is of no more use after this error."""
    try:
        raise_for_error(answer)
    except RemoteProtocolError as error:
        return not error.association_usable
    return False
