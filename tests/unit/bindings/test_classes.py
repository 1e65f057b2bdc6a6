"""What code that uses the generated classes relies on."""

import dataclasses
import typing
from types import ModuleType

import pytest

from cas.bindings import cosempdu, device_access, message
from cas.cosem.data import Data
from cas.cosem.record import Record

MODULES = [cosempdu, device_access, message]


def classes(module: ModuleType) -> list[type]:
    return [cls for cls in vars(module).values() if dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__]  # type: ignore[misc]  # a class, not an object, of a dataclass


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_classes_are_frozen_slotted_and_hashable(module: ModuleType) -> None:
    for cls in classes(module):
        assert "__slots__" in vars(cls)
        assert issubclass(cls, Record)
        assert not {"__setattr__", "__delattr__", "__hash__"} & vars(cls).keys()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_annotations_resolve_and_every_field_says_what_it_is_in_xml(module: ModuleType) -> None:
    for cls in classes(module):
        assert typing.get_type_hints(cls).keys() >= {field.name for field in dataclasses.fields(cls)}
        for field in dataclasses.fields(cls):
            assert field.metadata.get("type") in {"Element", "Attribute", "Wildcard"} or field.name == "value"


def test_data_is_our_own_and_null_is_true() -> None:
    hints = typing.get_type_hints
    assert hints(cosempdu.SetRequestNormal)["value"] is Data
    assert hints(cosempdu.ListOfData)["data"] == tuple[Data, ...]
    assert hints(cosempdu.WriteResponseChoice)["success"] == typing.Literal[True] | None
    assert not hasattr(cosempdu, "TypeDescription")


def test_octets_are_hexadecimal_in_xml() -> None:
    for module in MODULES:
        for cls in classes(module):
            for name, hint in typing.get_type_hints(cls).items():
                if hint in {bytes, bytes | None}:
                    (field,) = (field for field in dataclasses.fields(cls) if field.name == name)
                    assert field.metadata["format"] == "base16", f"{cls.__name__}.{name}"


def test_names_read_as_the_asn1_does() -> None:
    request = cosempdu.GetRequestNormal(
        invoke_id_and_priority=0xC1,
        cosem_attribute_descriptor=cosempdu.CosemAttributeDescriptor(
            class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2
        ),
    )
    descriptor = device_access.CosemXdlmsDescriptor(get_request=cosempdu.GetRequest(get_request_normal=request))
    assert descriptor.get_request is not None
    assert descriptor.get_request.get_request_normal is request
    assert request.access_selection is None
