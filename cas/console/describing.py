"""Requests and answers as people read them, from the octets that are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cas.access.errors import AccessError
from cas.access.model import Octets
from cas.access.steps import step_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.console.asking import SCALER_UNIT
from cas.console.filters import THIN
from cas.console.views import StoredResult
from cas.cosem.data import Data
from cas.cosem.interface_classes import attribute_of, class_name, method_of
from cas.cosem.kinds import DataError
from cas.cosem.obis import Obis
from cas.cosem.obis_names import obis_name
from cas.cosem.profile import Column
from cas.cosem.readable import Readable, ScalerUnit, as_text, plain, readable
from cas.cosem.selection import BUFFER, PROFILE_GENERIC
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import DlmsError

_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a resource: what it is about, and what it does there."""

    kind: str
    """get, set, action, ..."""
    name: str
    """The object in words, or its code; what a list asks for, or the name of a procedure."""
    member: str = ""
    """Attribute or method."""
    class_id: int = 0
    code: Obis | None = None
    attribute: int = 0

    @property
    def is_buffer(self) -> bool:
        """Whether it is about the rows of a profile."""
        return (self.class_id, self.attribute) == (PROFILE_GENERIC, BUFFER)

    @property
    def key(self) -> tuple[int, Obis | None, int]:
        """Class, object and attribute."""
        return self.class_id, self.code, self.attribute


@dataclass(frozen=True, slots=True)
class Value:
    """What came of a request: a text, in which case it may be an error of the device, or the rows of a profile."""

    text: str
    is_error: bool = False


def describe_request(octets: bytes) -> Request:
    """A stored request in words; never fails, since what is stored was accepted once."""
    try:
        step = step_of(Octets(octets))
    except (ValueError, DlmsError, AccessError):
        return Request("other", "not readable here")
    match step:
        case dev.CosemTimeSync():
            return Request("time sync", "Clock", f"if it is {step.min_time_diff} to {step.max_time_diff} s off")
        case dev.CosemUpgrade():
            return Request("upgrade", "Image transfer", str(step.upgrade_file))
        case cos.AarqApdu():
            return Request("associate", "Association")
        case cos.RlrqApdu():
            return Request("release", "Association")
    return _describe_xdlms(step)


def _describe_xdlms(apdu: object) -> Request:
    match apdu:
        case cos.GetRequest(get_request_normal=cos.GetRequestNormal() as normal):
            return _attribute("get", normal.cosem_attribute_descriptor)
        case cos.GetRequest(get_request_with_list=cos.GetRequestWithList() as listed):
            items = listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
            return _several("get", [item.cosem_attribute_descriptor for item in items])
        case cos.SetRequest(set_request_normal=cos.SetRequestNormal() as normal):
            return _attribute("set", normal.cosem_attribute_descriptor)
        case cos.SetRequest(set_request_with_list=cos.SetRequestWithList() as listed):
            items = listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
            return _several("set", [item.cosem_attribute_descriptor for item in items])
        case cos.ActionRequest(action_request_normal=cos.ActionRequestNormal() as normal):
            method = normal.cosem_method_descriptor
            code = Obis(method.instance_id)
            member = method_of(method.class_id, method.method_id).name
            return Request("action", _object(code, method.class_id), member, method.class_id, code)
    return Request(_KINDS.get(type(apdu).__name__, "other"), type(apdu).__name__)


_KINDS = {"AccessRequest": "access", "ReadRequest": "read", "WriteRequest": "write", "ActionRequest": "action"}


def _attribute(kind: str, descriptor: cos.CosemAttributeDescriptor) -> Request:
    class_id, number, code = descriptor.class_id, descriptor.attribute_id, Obis(descriptor.instance_id)
    member = attribute_of(class_id, number).name
    return Request(kind, _object(code, class_id), member, class_id, code, number)


def _several(kind: str, descriptors: Sequence[cos.CosemAttributeDescriptor]) -> Request:
    named = [_attribute(kind, descriptor) for descriptor in descriptors]
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return Request(kind, f"{named[0].name}{more}" if named else "an empty list", named[0].member if named else "")


def _object(code: Obis, class_id: int) -> str:
    return obis_name(code) or f"{class_name(class_id)} {code}"


def summary(asked: Sequence[bytes], count: int) -> str:
    """What a resource asks for, in a line; `asked` are its first requests, of `count`. A profile tells most."""
    if not asked:
        return "Listen to notifications"
    requests = [describe_request(octets) for octets in asked]
    first = next((each for each in requests if each.is_buffer), requests[0])
    more = len({(request.class_id, request.code, request.name) for request in requests}) - 1
    known = f" and {more} more" if more else ""
    return f"{_sentence(first)}{' and more' if count > len(asked) else known}"


def _sentence(request: Request) -> str:
    match request.kind:
        case "time sync":
            return "Synchronise clock"
        case "upgrade":
            return f"Upgrade to {request.member}"
        case "action":
            return f"Run {request.member}, {short_name(request.name)}"
    verb = {"get": "Read", "set": "Write"}.get(request.kind, request.kind.capitalize())
    return f"{verb} {short_name(request.name)}"


def by_object(requests: Sequence[Request]) -> list[tuple[Request, list[str]]]:
    """Requests in their order, those of one kind to one object that follow each other together, with their members."""
    found: list[tuple[Request, list[str]]] = []
    for request in requests:
        last = found[-1][0] if found else None
        if last is not None and (last.kind, last.name, last.code) == (request.kind, request.name, request.code):
            found[-1][1].append(request.member)
        else:
            found.append((request, [request.member]))
    return found


def short_name(name: str) -> str:
    """A name without what goes without saying."""
    return name.replace(", time integral 1", "").replace(", instantaneous value", "")


# ---------------------------------------------------------------- answers


def value_of(request: Request, result: StoredResult, scale: ScalerUnit | None = None) -> Value | None:
    """What came of a request; None: nothing yet."""
    if result.activated is None:
        return None
    if result.answer is None:
        return Value(f"{result.reason}: {result.details}", is_error=True)
    try:
        answer = decode_apdu(result.answer)
    except (ValueError, DlmsError):
        return Value(result.answer.hex().upper())
    return _answer(request, answer, scale)


def _answer(request: Request, answer: object, scale: ScalerUnit | None) -> Value:
    match answer:
        case cos.GetResponse(get_response_normal=cos.GetResponseNormal(result=found)):
            return _get_result(request, found, scale)
        case cos.GetResponse(get_response_with_list=cos.GetResponseWithList() as listed):
            values = [_get_result(Request("get", ""), item, None) for item in listed.result.get_data_result]
            return Value("\n".join(value.text for value in values), any(value.is_error for value in values))
        case cos.SetResponse(set_response_normal=cos.SetResponseNormal(result=outcome)):
            return Value(outcome.value, is_error=outcome.value != "success")
        case cos.ActionResponse(action_response_normal=cos.ActionResponseNormal() as normal):
            outcome_of = normal.single_response.result
            return Value(outcome_of.value, is_error=outcome_of.value != "success")
    return Value(type(answer).__name__, is_error=isinstance(answer, cos.ExceptionResponse | cos.ConfirmedServiceError))


def _get_result(request: Request, found: cos.GetDataResult, scale: ScalerUnit | None) -> Value:
    if found.data is None:
        error = found.data_access_result
        return Value(error.value if error else "no value", is_error=True)
    return Value(_shown(request, found.data, scale))


def _shown(request: Request, data: Data, scale: ScalerUnit | None) -> str:
    try:
        if scale is not None:
            return scaled_text(data, scale)
        if request.is_buffer:
            return f"{len(data.children())} rows"
        return show(readable(data, attribute_of(request.class_id, request.attribute).type))[:_LONGEST]
    except (DataError, ValueError):
        return data.octets.hex().upper()[:_LONGEST]


def scaled_text(data: Data, scale: ScalerUnit) -> str:
    """The physical value with its unit."""
    scaled = scale.apply(data.value)
    text = _apart(f"{scaled:,f}") if isinstance(scaled, Decimal) else show(plain(scaled))
    return f"{text} {scale.symbol}".rstrip()


def show(value: Readable) -> str:
    """A readable value as text, large numbers with their thousands set apart."""
    return as_text(value, lambda number: _apart(f"{number:,}") if abs(number) >= 100_000 else str(number))


def _apart(text: str) -> str:
    """Thousands set apart as in all numbers of the console."""
    return text.replace(",", THIN)


def data_of(answer: bytes) -> Data | None:
    """The value of a plain get; None where the answer is something else."""
    try:
        apdu = decode_apdu(answer)
    except (ValueError, DlmsError):
        return None
    normal = apdu.get_response_normal if isinstance(apdu, cos.GetResponse) else None
    return normal.result.data if normal else None


def scales_of(pairs: Sequence[tuple[Request, bytes | None]]) -> dict[tuple[int, Obis | None, int], ScalerUnit]:
    """Scaler and unit of the attributes for which some of these answers tell them."""
    read = {request.key: answer for request, answer in pairs if answer is not None}
    found = {}
    for (class_id, attribute), number in SCALER_UNIT.items():
        for (cls, code, at), answer in read.items():
            if (cls, at) != (class_id, number):
                continue
            data = data_of(answer)
            scale = ScalerUnit.from_data(data) if data else None
            if scale is not None:
                found[class_id, code, attribute] = scale
    return found


def column_name(column: Column) -> str:
    """A column of a profile: its object, and its attribute where that is not the value."""
    name = obis_name(column.logical_name) or str(column.logical_name)
    if column.is_clock:
        return "Time"
    if column.attribute != 2:
        name = f"{name}, {attribute_of(column.class_id, column.attribute).name}"
    return name
