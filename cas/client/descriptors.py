"""Descriptors of what is to be done on devices, from OBIS codes; anything else is built from `cas.bindings`."""

from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.cosem.obis_names import usual_class
from cas.cosem.selection import Selection, selector_of

_CONFIRMED = 0xC1
_CLOCK, _TIME = 8, 2


def attribute(
    code: str | Obis, number: int = 2, *, class_id: int | None = None, selection: Selection | None = None
) -> dev.CosemAccessDescriptor:
    """Read an attribute: `attribute("1-0:1.8.0")`, `attribute("1.0.99.1.0.255", class_id=7, selection=...)`.

    `class_id`: by default the one that is usual for the code. Raises ValueError if there is none.
    """
    request = cos.GetRequestNormal(
        invoke_id_and_priority=_CONFIRMED,
        cosem_attribute_descriptor=_attribute(code, number, class_id),
        access_selection=None if selection is None else _selective(selection),
    )
    return _of(dev.CosemXdlmsDescriptor(get_request=cos.GetRequest(get_request_normal=request)))


def write_attribute(
    code: str | Obis, value: Data, number: int = 2, *, class_id: int | None = None
) -> dev.CosemAccessDescriptor:
    """Write an attribute. Raises ValueError as `attribute`."""
    request = cos.SetRequestNormal(
        invoke_id_and_priority=_CONFIRMED, cosem_attribute_descriptor=_attribute(code, number, class_id), value=value
    )
    return _of(dev.CosemXdlmsDescriptor(set_request=cos.SetRequest(set_request_normal=request)))


def invoke(
    code: str | Obis, method: int, parameters: Data | None = None, *, class_id: int | None = None
) -> dev.CosemAccessDescriptor:
    """Invoke a method. Raises ValueError as `attribute`."""
    obis, cls = _named(code, class_id)
    request = cos.ActionRequestNormal(
        invoke_id_and_priority=_CONFIRMED,
        cosem_method_descriptor=cos.CosemMethodDescriptor(class_id=cls, instance_id=obis.octets, method_id=method),
        method_invocation_parameters=parameters,
    )
    return _of(dev.CosemXdlmsDescriptor(action_request=cos.ActionRequest(action_request_normal=request)))


def time_sync(least: int, most: int, code: str | Obis = "0-0:1.0.0") -> dev.CosemAccessDescriptor:
    """Set a clock that is off by `least` seconds or more, and by `most` at the most."""
    clock = cos.CosemAttributeDescriptor(class_id=_CLOCK, instance_id=_obis(code).octets, attribute_id=_TIME)
    return dev.CosemAccessDescriptor(
        cosem_time_sync=dev.CosemTimeSync(cosem_object=clock, min_time_diff=least, max_time_diff=most)
    )


def _of(descriptor: dev.CosemXdlmsDescriptor) -> dev.CosemAccessDescriptor:
    return dev.CosemAccessDescriptor(cosem_xdlms_descriptor=descriptor)


def _attribute(code: str | Obis, number: int, class_id: int | None) -> cos.CosemAttributeDescriptor:
    obis, cls = _named(code, class_id)
    return cos.CosemAttributeDescriptor(class_id=cls, instance_id=obis.octets, attribute_id=number)


def _selective(selection: Selection) -> cos.SelectiveAccessDescriptor:
    return cos.SelectiveAccessDescriptor(access_selector=selector_of(selection), access_parameters=selection.encode())


def _named(code: str | Obis, class_id: int | None) -> tuple[Obis, int]:
    obis = _obis(code)
    cls = class_id or usual_class(obis)
    if cls is None:
        raise ValueError(f"{obis} suggests no interface class: give class_id")
    return obis, cls


def _obis(code: str | Obis) -> Obis:
    return code if isinstance(code, Obis) else Obis.parse(code)
