"""The interface classes: names and types of attributes and methods, from the tables beside (Blue Book 12, 4).

The tables are data: `classes/*.toml`. A class or version that they do not have is not an error of the device.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cas.cosem.value_type import ANY, ValueType, parse_type

LOGICAL_NAME = 1
"""The attribute that every class begins with."""

WHOLE_OBJECT = 0
"""The attribute-id that means all attributes of an object, as a structure (Green Book 8.3, 9.3.6)."""

_TABLES = ("access", "control", "data", "payment", "plc", "ports", "radio")
_OBIS = ValueType("octet-string", "obis")


@dataclass(frozen=True, slots=True)
class Member:
    """An attribute or a method: its number, name, and the type of its value or parameter."""

    number: int
    name: str
    type: ValueType


@dataclass(frozen=True, slots=True)
class InterfaceClass:
    """One version of an interface class; attributes and methods by their number."""

    id: int
    version: int
    name: str
    attributes: Mapping[int, Member]
    methods: Mapping[int, Member]

    def attribute(self, text: str) -> int | None:
        """The number of the attribute that is called so; case does not matter."""
        wanted = text.lower()
        return next((n for n, member in self.attributes.items() if member.name.lower() == wanted), None)


def find_class(class_id: int, version: int | None = None) -> InterfaceClass | None:
    """The class of this number: this version, else the newest before it, else the oldest; without one, the newest."""
    versions = interface_classes().get(class_id)
    if not versions:
        return None
    if version is None:
        return versions[max(versions)]
    return versions[max((known for known in versions if known <= version), default=min(versions))]


def class_name(class_id: int, version: int | None = None) -> str:
    """The name of a class, or `class 8192` for one that is not known."""
    found = find_class(class_id, version)
    return found.name if found else f"class {class_id}"


def attribute_of(class_id: int, number: int, version: int | None = None) -> Member:
    """An attribute; one that is not known is called by its number and may be anything. 0 are all of the object."""
    found = find_class(class_id, version)
    if number == WHOLE_OBJECT and found:
        fields = tuple((member.name, member.type) for member in found.attributes.values())
        return Member(number, "all attributes", ValueType("structure", fields=fields))
    member = found.attributes.get(number) if found else None
    if member is not None:
        return member
    return Member(number, f"attribute {number}", _OBIS if number == LOGICAL_NAME else ANY)


def method_of(class_id: int, number: int, version: int | None = None) -> Member:
    """A method; one that is not known is called by its number and may take anything."""
    found = find_class(class_id, version)
    member = found.methods.get(number) if found else None
    return member or Member(number, f"method {number}", ANY)


@cache
def interface_classes() -> Mapping[int, Mapping[int, InterfaceClass]]:
    """All classes: by number, then by version."""
    found: dict[int, dict[int, InterfaceClass]] = {}
    for table in _TABLES:
        for entry in _load(table)["class"]:
            cls = _interface_class(entry)
            if cls.version in found.setdefault(cls.id, {}):
                raise ValueError(f"{table}.toml: class {cls.id} version {cls.version} stands twice")
            found[cls.id][cls.version] = cls
    return found


@cache
def names_of_values(enumeration: str) -> Mapping[int, str]:
    """The names of the values of an enumeration; none for one that is not known."""
    return {int(number): name for number, name in _load("enumerations").get(enumeration, {}).items()}


@cache
def names_of_bits(table: str) -> Mapping[int, str]:
    """The names of bits; none for a table that is not known."""
    return {int(number): name for number, name in _load("bits").get(table, {}).items()}


@cache
def _load(table: str) -> dict[str, Any]:
    return tomllib.loads((files("cas.cosem") / "classes" / f"{table}.toml").read_text("utf-8"))


@cache
def _named_type(name: str) -> ValueType | None:
    text = _load("types").get(name)
    return None if text is None else parse_type(text, _named_type)


def _interface_class(entry: dict[str, Any]) -> InterfaceClass:
    attributes = {LOGICAL_NAME: Member(LOGICAL_NAME, "logical_name", _OBIS)}
    attributes |= _members(entry.get("attributes", ()), LOGICAL_NAME + 1)
    return InterfaceClass(entry["id"], entry["version"], entry["name"], attributes, _members(entry.get("methods", ())))


def _members(rows: list[list[str]], first: int = 1) -> dict[int, Member]:
    return {
        number: Member(number, name, parse_type(kind, _named_type)) for number, (name, kind) in enumerate(rows, first)
    }
