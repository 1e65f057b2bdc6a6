"""Selective access in requests of every form, and what is completed in their answers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.selecting import Layout
from cas.cosem.selection import CaptureObject, Range
from cas.dlms.apdu import Request
from cas.dlms.errors import EncodeError
from cas.dlms.selection import Ways, complete, needs_deviation, resolve_request

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PROFILE = bytes((1, 0, 99, 1, 0, 255))
CLOCK = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2)
ENERGY = CaptureObject(3, bytes((1, 0, 1, 8, 0, 255)), 2)
BUFFER = cos.CosemAttributeDescriptor(class_id=7, instance_id=PROFILE, attribute_id=2)
REGISTER = cos.CosemAttributeDescriptor(class_id=3, instance_id=ENERGY.logical_name, attribute_id=2)
YESTERDAY = bytes.fromhex("FFFDFFFF01FFFFFFFFFFFFFF")
TODAY = bytes.fromhex("FFFEFFFFFFFFFFFFFFFFFFFF")
RESOLVED = Range(
    CLOCK,
    Data.of("octet-string", bytes.fromhex("07EA061EFF0D000000FFC4FF")),
    Data.of("octet-string", bytes.fromhex("07EA0701FF0D000000FFC4FF")),
    (ENERGY,),
)
# as a client may write it: fields out of order, no selected_values
SLOPPY = Data.structure(
    Data.structure(*reversed(CLOCK.encode().children()[1:]), CLOCK.encode().children()[0]),
    Data.of("octet-string", YESTERDAY),
    Data.of("octet-string", TODAY),
)
ROWS = Data.array(
    Data.structure(Data.of("octet-string", bytes.fromhex(time)), Data.of("double-long-unsigned", energy))
    for time, energy in (("07EA0601FF0D000000FFC4FF", 1), ("07EA061EFF0E000000FFC4FF", 2))
)
LAYOUTS = {PROFILE: Layout((CLOCK, ENERGY), 900)}


def _access(columns: tuple[CaptureObject, ...] = ()) -> cos.SelectiveAccessDescriptor:
    parameters = SLOPPY
    if columns:
        parameters = Data.structure(*SLOPPY.children(), Data.array(c.encode() for c in columns))
    return cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=parameters)


def _normal(access: cos.SelectiveAccessDescriptor | None) -> cos.GetRequest:
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(
            invoke_id_and_priority=193, cosem_attribute_descriptor=BUFFER, access_selection=access
        )
    )


def _with_list(access: cos.SelectiveAccessDescriptor | None) -> cos.GetRequest:
    items = (
        cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=REGISTER),
        cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=BUFFER, access_selection=access),
    )
    listed = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=items)
    return cos.GetRequest(
        get_request_with_list=cos.GetRequestWithList(invoke_id_and_priority=193, attribute_descriptor_list=listed)
    )


def _access_request(access: cos.SelectiveAccessDescriptor | None) -> cos.AccessRequest:
    get = (
        cos.AccessRequestSpecification(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=BUFFER))
        if access is None
        else cos.AccessRequestSpecification(
            access_request_get_with_selection=cos.AccessRequestGetWithSelection(
                cosem_attribute_descriptor=BUFFER, access_selection=access
            )
        )
    )
    first = cos.AccessRequestSpecification(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=REGISTER))
    return cos.AccessRequest(
        long_invoke_id_and_priority=1,
        date_time=b"",
        access_request_body=cos.AccessRequestBody(
            access_request_specification=cos.ListOfAccessRequestSpecification(
                access_request_specification=(first, get)
            ),
            access_request_list_of_data=cos.ListOfData(data=(Data.of("null-data"),) * 2),
        ),
    )


FORMS = [_normal, _with_list, _access_request]


@pytest.mark.parametrize("form", FORMS)
def test_relative_ranges_are_resolved_in_every_form(form: type) -> None:
    request: Request = form(_access((ENERGY,)))
    assert needs_deviation(request)
    resolved = resolve_request(request, NOW, -60)
    expected = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=RESOLVED.encode())
    assert resolved.request == form(expected)
    assert not resolved.left
    assert not needs_deviation(resolved.request)


@pytest.mark.parametrize("form", FORMS)
def test_without_selective_access_the_whole_is_asked_for_and_selected_here(form: type) -> None:
    resolved = resolve_request(form(_access((ENERGY,))), NOW, -60, Ways(selective_access=False))
    assert resolved.request == form(None)
    ((place, left),) = resolved.left.items()
    assert left.profile == PROFILE
    answers = [Data.of("double-long-unsigned", 7)] * place + [ROWS]
    expected = [*answers[:-1], Data.array([Data.structure(Data.of("double-long-unsigned", 2))])]
    results = tuple(cos.GetDataResult(data=data) for data in answers)
    if form is _normal:
        normal = cos.GetResponseNormal(invoke_id_and_priority=193, result=results[0])
        answer = complete(cos.GetResponse(get_response_normal=normal), resolved.left, LAYOUTS, -60)
        assert isinstance(answer, cos.GetResponse)
        assert answer.get_response_normal
        assert [answer.get_response_normal.result.data] == expected
    elif form is _with_list:
        listed = cos.GetResponseWithList(
            invoke_id_and_priority=193, result=cos.ListOfGetDataResult(get_data_result=results)
        )
        answer = complete(cos.GetResponse(get_response_with_list=listed), resolved.left, LAYOUTS, -60)
        assert isinstance(answer, cos.GetResponse)
        assert answer.get_response_with_list
        assert [r.data for r in answer.get_response_with_list.result.get_data_result] == expected
    else:
        body = cos.AccessResponseBody(
            access_response_list_of_data=cos.ListOfData(data=tuple(answers)),
            access_response_specification=cos.ListOfAccessResponseSpecification(),
        )
        answer = complete(
            cos.AccessResponse(long_invoke_id_and_priority=1, date_time=b"", access_response_body=body),
            resolved.left, LAYOUTS, -60,
        )  # fmt: skip
        assert isinstance(answer, cos.AccessResponse)
        assert list(answer.access_response_body.access_response_list_of_data.data) == expected


def test_columns_are_chosen_here_where_the_device_takes_no_selected_values() -> None:
    resolved = resolve_request(_normal(_access((ENERGY,))), NOW, -60, Ways(selected_values=False))
    sent = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=replace(RESOLVED, columns=()).encode())
    assert resolved.request == _normal(sent)
    normal = cos.GetResponseNormal(invoke_id_and_priority=193, result=cos.GetDataResult(data=ROWS))
    answer = complete(cos.GetResponse(get_response_normal=normal), resolved.left, LAYOUTS)
    assert isinstance(answer, cos.GetResponse)
    assert answer.get_response_normal
    assert answer.get_response_normal.result.data
    assert answer.get_response_normal.result.data.value == [(1,), (2,)]


def test_an_error_of_the_device_stays() -> None:
    resolved = resolve_request(_normal(_access()), NOW, 0, Ways(selective_access=False))
    result = cos.GetDataResult(data_access_result=cos.DataAccessResult.READ_WRITE_DENIED)
    answer = cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=193, result=result))
    assert complete(answer, resolved.left, LAYOUTS) == answer


def test_short_names() -> None:
    access = cos.ParameterizedAccess(variable_name=0x1008, selector=1, parameter=SLOPPY)
    request = cos.ReadRequest(
        variable_access_specification=(
            cos.VariableAccessSpecification(variable_name=8),
            cos.VariableAccessSpecification(parameterized_access=access),
        )
    )
    assert needs_deviation(request)
    resolved = resolve_request(request, NOW, -60).request
    assert isinstance(resolved, cos.ReadRequest)
    found = resolved.variable_access_specification[1].parameterized_access
    assert found
    assert found.parameter == replace(RESOLVED, columns=()).encode()


def test_what_is_no_selection_of_a_buffer_is_not_touched() -> None:
    for access in (None, cos.SelectiveAccessDescriptor(access_selector=9, access_parameters=Data.of("null-data"))):
        request = _normal(access)
        assert resolve_request(request, NOW, -60, Ways(selective_access=False)).request is request
        assert not needs_deviation(request)


def test_a_relative_time_that_does_not_exist_is_our_error() -> None:
    wrong = Range(CLOCK, Data.of("octet-string", bytes.fromhex("FFFD" + "00" * 10)), Data.of("octet-string", TODAY))
    access = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=wrong.encode())
    with pytest.raises(EncodeError, match="access-selection: FFFD"):
        resolve_request(_normal(access), NOW)
