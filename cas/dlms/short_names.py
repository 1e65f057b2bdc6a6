"""Logical names on devices that know short names only (Green Book 8.3, 9.1.4.4.2; Blue Book 12, 4.1.3).

The object_list of Association SN tells each object's base name. Attribute n stands 8 * (n - 1) after it, and methods
where the Blue Book has them. With that, a GET, SET or ACTION becomes a Read or Write, and its answer what a device with
logical names would have given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import ARRAY, NULL, STRUCTURE, DataError
from cas.dlms.errors import DecodeError, EncodeError, UnexpectedApdu

ASSOCIATION_SN = 0xFA00
"""Base name of the current association, which a device need not list (Green Book 8.3, 9.1.4.4.2)."""
OBJECT_LIST = ASSOCIATION_SN + 8
"""Attribute 2 of the current association (Blue Book 12, 4.4.3)."""
STEP = 8
"""Octets of the address space from one attribute to the next."""

# where the first method of a class stands, and how many follow at distances of 8 (Blue Book 12, 4.3 to 4.8)
_FIRST_METHOD: Mapping[int, tuple[int, int]] = {
    3: (0x28, 1),
    4: (0x38, 1),
    5: (0x48, 2),
    6: (0x30, 3),
    7: (0x58, 2),
    8: (0x60, 6),
    9: (0x20, 1),
    10: (0x20, 3),
    11: (0x10, 2),
    12: (0x20, 8),
    17: (0x20, 1),
    18: (0x40, 4),
    20: (0x50, 1),
    61: (0x28, 2),
    68: (0x30, 2),
    70: (0x20, 2),
    104: (0x20, 11),
}

_CURRENT = (12, bytes((0, 0, 40, 0, 0, 255)))

LogicalRequest: TypeAlias = cos.GetRequest | cos.SetRequest | cos.ActionRequest
Names: TypeAlias = Mapping[tuple[int, bytes], int]
"""Base names by class and logical name."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A request by short names, and which of the items asked for it has; the others are not on the device."""

    request: cos.ReadRequest | cos.WriteRequest | None
    found: tuple[bool, ...]


def read_object_list() -> cos.ReadRequest:
    """The request for the objects of the current association."""
    return cos.ReadRequest(variable_access_specification=(_variable(OBJECT_LIST),))


def names_in(answer: object) -> Names:
    """Base names from the answer to it. Raises DecodeError, UnexpectedApdu."""
    data = answer.choice[0].data if isinstance(answer, cos.ReadResponse) and len(answer.choice) == 1 else None
    if data is None or data.tag != ARRAY:
        raise UnexpectedApdu(type(answer).__name__, "the object_list of Association SN")
    try:
        return {_CURRENT: ASSOCIATION_SN} | dict(_entry(item) for item in data.children())
    except DataError as error:
        raise DecodeError(error.reason, error.offset, "object_list") from None


def mapped(request: LogicalRequest, names: Names) -> Mapped:
    """The same by short names. Raises EncodeError for a method of a class whose short names are not known here."""
    specifications: list[cos.VariableAccessSpecification | None]
    values: Sequence[Data] = ()
    match request:
        case cos.GetRequest(get_request_normal=cos.GetRequestNormal() as normal):
            specifications = [_attribute(normal.cosem_attribute_descriptor, normal.access_selection, names)]
        case cos.GetRequest(get_request_with_list=cos.GetRequestWithList() as listed):
            specifications = _attributes(listed.attribute_descriptor_list, names)
        case cos.SetRequest(set_request_normal=cos.SetRequestNormal() as setting):
            specifications = [_attribute(setting.cosem_attribute_descriptor, setting.access_selection, names)]
            values = (setting.value,)
        case cos.SetRequest(set_request_with_list=cos.SetRequestWithList() as settings):
            specifications = _attributes(settings.attribute_descriptor_list, names)
            values = settings.value_list.data
        case cos.ActionRequest(action_request_normal=cos.ActionRequestNormal() as action):
            specifications = [_method(action.cosem_method_descriptor, names)]
            values = (_parameter(action.method_invocation_parameters),)
        case cos.ActionRequest(action_request_with_list=cos.ActionRequestWithList() as actions):
            methods = actions.cosem_method_descriptor_list.cosem_method_descriptor
            specifications = [_method(one, names) for one in methods]
            values = tuple(map(_parameter, actions.method_invocation_parameters.data))
        case _:
            raise EncodeError("a block of a request has no short name: ask for the whole", type(request).__name__)
    found = tuple(one is not None for one in specifications)
    known = tuple(one for one in specifications if one is not None)
    if not known:
        return Mapped(None, found)
    if isinstance(request, cos.GetRequest):
        return Mapped(cos.ReadRequest(variable_access_specification=known), found)
    data = tuple(value for value, is_known in zip(values, found, strict=True) if is_known)
    return Mapped(
        cos.WriteRequest(
            variable_access_specification=cos.ListOfVariableAccessSpecification(variable_access_specification=known),
            list_of_data=cos.ListOfData(data=data),
        ),
        found,
    )


def answered(request: LogicalRequest, done: Mapped, answer: object) -> object:
    """The answer as with logical names; an error of the device is its own. Raises UnexpectedApdu.

    `answer` is None where no item was on the device.
    """
    expected = cos.ReadResponse if isinstance(request, cos.GetRequest) else cos.WriteResponse
    if answer is not None and not isinstance(answer, expected):
        return answer
    choices = iter(answer.choice if answer is not None else ())
    if answer is not None and len(answer.choice) != sum(done.found):
        raise UnexpectedApdu(f"an answer of {len(answer.choice)} results", str(sum(done.found)))
    undefined = cos.DataAccessResult.OBJECT_UNDEFINED
    results: list[Any] = [next(choices) if is_found else None for is_found in done.found]
    if isinstance(request, cos.GetRequest):
        return _got(request, [_got_one(one) for one in results])
    codes = [undefined if one is None else one.data_access_error or cos.DataAccessResult.SUCCESS for one in results]
    if isinstance(request, cos.SetRequest):
        return _set(request, codes)
    return _acted(request, [cos.ActionResult(code.value) for code in codes])


def as_object_name(name: int) -> int:
    """A short name as it is coded: 16 bits, signed."""
    return name - 0x1_0000 if name & 0x8000 else name


def method_offset(class_id: int, method: int) -> int | None:
    """Where a method stands after its object's base name; None where it is not known."""
    first, count = _FIRST_METHOD.get(class_id, (0, 0))
    return first + STEP * (method - 1) if 1 <= method <= count else None


def method_at(class_id: int, offset: int) -> int | None:
    """Which method stands there."""
    first, count = _FIRST_METHOD.get(class_id, (0, 0))
    number = (offset - first) // STEP + 1
    return number if count and offset % STEP == 0 and 1 <= number <= count else None


def _entry(item: Data) -> tuple[tuple[int, bytes], int]:
    match item.value if item.tag == STRUCTURE else None:
        case (int() as base, int() as class_id, int(), bytes() as name) if len(name) == 6:
            return (class_id, name), base & 0xFFFF
        case _:
            raise DecodeError("an entry is no structure of base name, class, version, logical name", path="object_list")


def _variable(name: int) -> cos.VariableAccessSpecification:
    return cos.VariableAccessSpecification(variable_name=as_object_name(name))


def _attribute(
    descriptor: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None, names: Names
) -> cos.VariableAccessSpecification | None:
    base = names.get((descriptor.class_id, descriptor.instance_id))
    if base is None or descriptor.attribute_id < 1:
        return None
    name = base + STEP * (descriptor.attribute_id - 1)
    if selection is None:
        return _variable(name)
    return cos.VariableAccessSpecification(
        parameterized_access=cos.ParameterizedAccess(
            variable_name=as_object_name(name),
            selector=selection.access_selector,
            parameter=selection.access_parameters,
        )
    )


def _attributes(
    listed: cos.ListOfCosemAttributeDescriptorWithSelection, names: Names
) -> list[cos.VariableAccessSpecification | None]:
    return [
        _attribute(one.cosem_attribute_descriptor, one.access_selection, names)
        for one in listed.cosem_attribute_descriptor_with_selection
    ]


def _method(descriptor: cos.CosemMethodDescriptor, names: Names) -> cos.VariableAccessSpecification | None:
    base = names.get((descriptor.class_id, descriptor.instance_id))
    if base is None:
        return None
    offset = method_offset(descriptor.class_id, descriptor.method_id)
    if offset is None:
        raise EncodeError(f"method {descriptor.method_id} of class {descriptor.class_id} has no short name here")
    return _variable(base + offset)


def _parameter(parameters: Data | None) -> Data:
    """What is written to a method; one without parameters is given integer 0."""
    return Data.of("integer", 0) if parameters is None or parameters.tag == NULL else parameters


def _got_one(choice: cos.ReadResponseChoice | None) -> cos.GetDataResult:
    if choice is None:
        return cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNDEFINED)
    if choice.data is None and choice.data_access_error is None:
        raise UnexpectedApdu("a block", "data or an error")
    return cos.GetDataResult(data=choice.data, data_access_result=choice.data_access_error)


def _got(request: cos.GetRequest, results: Sequence[cos.GetDataResult]) -> cos.GetResponse:
    if (normal := request.get_request_normal) is not None:
        single = cos.GetResponseNormal(invoke_id_and_priority=normal.invoke_id_and_priority, result=results[0])
        return cos.GetResponse(get_response_normal=single)
    assert request.get_request_with_list is not None  # noqa: S101 - mapped
    listed = cos.GetResponseWithList(
        invoke_id_and_priority=request.get_request_with_list.invoke_id_and_priority,
        result=cos.ListOfGetDataResult(get_data_result=tuple(results)),
    )
    return cos.GetResponse(get_response_with_list=listed)


def _set(request: cos.SetRequest, codes: Sequence[cos.DataAccessResult]) -> cos.SetResponse:
    if (normal := request.set_request_normal) is not None:
        single = cos.SetResponseNormal(invoke_id_and_priority=normal.invoke_id_and_priority, result=codes[0])
        return cos.SetResponse(set_response_normal=single)
    assert request.set_request_with_list is not None  # noqa: S101 - mapped
    listed = cos.SetResponseWithList(
        invoke_id_and_priority=request.set_request_with_list.invoke_id_and_priority,
        result=cos.ListOfDataAccessResult(data_access_result=tuple(codes)),
    )
    return cos.SetResponse(set_response_with_list=listed)


def _acted(request: cos.ActionRequest, codes: Sequence[cos.ActionResult]) -> cos.ActionResponse:
    responses = tuple(cos.ActionResponseWithOptionalData(result=code) for code in codes)
    if (normal := request.action_request_normal) is not None:
        single = cos.ActionResponseNormal(
            invoke_id_and_priority=normal.invoke_id_and_priority, single_response=responses[0]
        )
        return cos.ActionResponse(action_response_normal=single)
    assert request.action_request_with_list is not None  # noqa: S101 - mapped
    listed = cos.ActionResponseWithList(
        invoke_id_and_priority=request.action_request_with_list.invoke_id_and_priority,
        list_of_responses=cos.ListOfActionResponseWithOptionalData(action_response_with_optional_data=responses),
    )
    return cos.ActionResponse(action_response_with_list=listed)
