"""Every class of the message and the DeviceAccess schema: written, and read as xsdata itself reads it."""

import dataclasses
import json
import typing
from enum import Enum
from pathlib import Path
from random import Random
from types import UnionType
from typing import Any
from xml.etree.ElementTree import QName

import pytest
from lxml import etree
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings import device_access, message
from cas.dlms.apdu import decode_apdu
from tests import oracle

ROOT = Path(__file__).parents[2]
CLASSES = [
    cls
    for module in (message, device_access)
    for cls in vars(module).values()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
]
APDUS = [
    decode_apdu(bytes.fromhex(v["hex"])) for v in json.loads((ROOT / "tests/vectors/apdus.json").read_text())["apdus"]
]
DESCRIPTOR = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes((0, 0, 1, 0, 0, 255)), attribute_id=2)

CHARACTERS = "aZ09 \t\n\r<>&\"'\x85\xa0é€\u2028\ufffd\U0001f600]]>"
TEXTS = ["", " ", "]]>", "a & b < c", "  spaces\t\r\n around  ", "\x85\u2028", *CHARACTERS]
BASIC: dict[Any, list[Any]] = {
    str: TEXTS,
    int: [0, 1, 255],
    bool: [True, False],
    bytes: [b"", b"\x00\xff"],
    XmlDateTime: [
        XmlDateTime.from_string(text)
        for text in (
            "2026-07-31T06:45:00Z",
            "2026-12-31T23:59:59.123+05:30",
            "0001-01-01T00:00:00",
            "2026-02-28T24:00:00-00:30",
        )
    ],
    XmlDuration: [XmlDuration(text) for text in ("P1D", "P1M", "PT15M", "P1Y2M3DT4H5M6S", "PT0.5S")],
    QName: [QName(namespace, "Header") for namespace in xml.PREFIX],
    cos.CosemAttributeDescriptor: [DESCRIPTOR],
}


ANY: set[str] = set()


def _choices() -> dict[str, list[set[str]]]:
    """For each complex type, its choices between elements; they show in no field of the classes."""
    found: dict[str, list[set[str]]] = {}
    for schema in ("Message", "DeviceAccess"):
        for kind in etree.parse(ROOT / f"schemas/{schema}.xsd").iter("{*}complexType"):
            parent = kind.getparent()
            owner = kind.get("name") or (parent.get("name") if parent is not None else "")
            if kind.find(".//{*}group") is not None:
                found[str(owner)] = [ANY]
                continue
            for choice in kind.iterfind(".//{*}choice"):
                if choice.get("maxOccurs") is None:
                    names = {
                        str(e.get("name") or e.get("ref")).rpartition(":")[2] for e in choice.iterfind("{*}element")
                    }
                    found.setdefault(str(owner), []).append(names)
    return found


CHOICES = _choices()


def value_of(hint: Any, metadata: typing.Mapping[str, Any], random: Random, depth: int) -> Any:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return tuple(value_of(arguments[0], metadata, random, depth) for _ in range(random.randrange(3)))
    if typing.get_origin(hint) in (typing.Union, UnionType):
        return value_of(arguments[0], metadata, random, depth) if random.random() < 0.7 - 0.1 * depth else None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return random.choice(list(hint))
    if hint in BASIC:
        if hint is bytes and "length" in metadata:
            return random.randbytes(metadata["length"])
        if hint is str and random.random() < 0.5:
            return "".join(random.choices(CHARACTERS, k=8))
        return random.choice(BASIC[hint])
    if hint.__module__ == cos.__name__:
        return random.choice([apdu for apdu in APDUS if isinstance(apdu, hint)])
    return make(hint, random, depth + 1)


def make(cls: type, random: Random, depth: int = 0) -> Any:
    """An object of a class of the bindings, made from its fields; foreign elements are left out."""
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.metadata.get("type") != "Wildcard"}
    chosen = dict(fields)
    for names in CHOICES.get(getattr(cls.__dict__.get("Meta"), "name", None) or cls.__name__, []):
        group = [n for n, f in fields.items() if not names or f.metadata.get("name", n) in names]
        for dropped in set(group) - {random.choice(group)}:
            chosen.pop(dropped)
    return cls(**{n: value_of(hints[n], f.metadata, random, depth) for n, f in chosen.items()})


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_is_written_is_read_again_by_us_and_by_xsdata(cls: type) -> None:
    for seed in range(12):
        thing = make(cls, Random(f"{cls.__name__} {seed}"))
        document = xml.document(thing)
        assert xml.read(cls, xml.parse(document)) == thing
        theirs = oracle.render(oracle.parse(document))
        assert xml.read(cls, xml.parse(theirs)) == thing
