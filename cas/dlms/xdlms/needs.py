"""Which services a request needs the device to have agreed to (Green Book 8.3, 9.4.6.1).

As bits of `Conformance` in a number: they are looked at for each request, and operations on flags take five times as
long.
"""

from collections.abc import Iterator
from typing import Any

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import Request, Unanswered
from cas.dlms.conformance import Conformance
from cas.dlms.xdlms.exchange import alternative

_SERVICE: dict[type, int] = {
    cos.GetRequest: Conformance.GET.value,
    cos.SetRequest: Conformance.SET.value,
    cos.ActionRequest: Conformance.ACTION.value,
    cos.AccessRequest: Conformance.ACCESS.value,
    cos.ReadRequest: Conformance.READ.value,
    cos.WriteRequest: Conformance.WRITE.value,
    cos.UnconfirmedWriteRequest: Conformance.UNCONFIRMED_WRITE.value,
}
_BLOCKS: dict[type, int] = {
    cos.SetRequest: Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE.value,
    cos.ActionRequest: Conformance.BLOCK_TRANSFER_WITH_ACTION.value,
    cos.ReadRequest: Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ.value,
    cos.WriteRequest: Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE.value,
}
_SELECTIVE, _PARAMETERIZED = Conformance.SELECTIVE_ACCESS.value, Conformance.PARAMETERIZED_ACCESS.value
_GET, _GET_SELECTED = Conformance.GET.value, Conformance.GET.value | _SELECTIVE
_BREAK_ON_ERROR = 1 << 29
"""Bit of long-invoke-id-and-priority: the device stops at the first item that fails (Green Book 8.3, 9.5)."""
_ALL = 0
"""The attribute-id that means all attributes of an object."""


def needs(body: Request | Unanswered) -> int:
    """The bits of what the device must have agreed to; multiple references apart, as a list may go item by item."""
    normal = body.get_request_normal if isinstance(body, cos.GetRequest) else None
    if normal and normal.cosem_attribute_descriptor.attribute_id != _ALL:  # most requests are one of these
        return _GET if normal.access_selection is None else _GET_SELECTED
    needed = _SERVICE[type(body)]
    whole_object = (
        Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET
        if isinstance(body, cos.GetRequest)
        else Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET
    ).value
    for item in _items(body):
        if getattr(item, "access_selection", None) is not None:
            needed |= _SELECTIVE
        attribute = getattr(item, "cosem_attribute_descriptor", None)
        if attribute is not None and attribute.attribute_id == _ALL and not isinstance(body, cos.AccessRequest):
            needed |= whole_object
    if isinstance(body, cos.ReadRequest):
        specifications = body.variable_access_specification
    elif isinstance(body, cos.WriteRequest | cos.UnconfirmedWriteRequest):
        specifications = body.variable_access_specification.variable_access_specification
    else:
        return needed
    if any(one.parameterized_access for one in specifications):
        needed |= _PARAMETERIZED
    return needed


def block_service(request: type) -> int:
    """The service with which a long request of this class goes in blocks of its own; 0 for most."""
    return _BLOCKS.get(request, 0)


def is_list(body: Request) -> bool:
    """Whether it has several items, which may as well be asked for in several requests."""
    if isinstance(body, cos.GetRequest):
        return body.get_request_with_list is not None
    match body:
        case cos.ReadRequest():
            return len(body.variable_access_specification) > 1
        case cos.WriteRequest():
            return len(body.variable_access_specification.variable_access_specification) > 1
        case cos.AccessRequest():
            items = body.access_request_body.access_request_specification.access_request_specification
            return len(items) > 1 and not body.long_invoke_id_and_priority & _BREAK_ON_ERROR
        case _:
            return "with_list" in alternative(body)[0]


def takes_lists(request: type, agreed: int) -> bool:
    """Whether a device takes several items in a request of this class; ACCESS is made for it."""
    return request is cos.AccessRequest or bool(Conformance.MULTIPLE_REFERENCES.value & agreed)


def _items(body: Request | Unanswered) -> Iterator[Any]:
    """Whatever may hold an attribute descriptor and a selection."""
    if isinstance(body, cos.AccessRequest):
        for one in body.access_request_body.access_request_specification.access_request_specification:
            yield alternative(one)[1]
    elif isinstance(body, cos.GetRequest | cos.SetRequest):
        chosen = alternative(body)[1]
        listed = getattr(chosen, "attribute_descriptor_list", None)
        if listed is None:
            yield chosen
        else:
            yield from listed.cosem_attribute_descriptor_with_selection
