"""Types of attributes as the interface classes' tables write them: what a COSEM Data value means to people.

any                               whatever the device sends
long-unsigned                     a simple kind of Data
enum:control_state                a simple kind and its meaning: a table of names, `obis`, `date_time`, `text`, ...
[T]                               an array of T
{script_selector long-unsigned}   a structure of named fields
scaler_unit                       a type defined elsewhere, by its name
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from cas.cosem.kinds import Kind

_TOKEN = re.compile(r"\s*([A-Za-z0-9_:-]+|[\[\]{},])")
_KINDS = frozenset(get_args(Kind))


@dataclass(frozen=True, slots=True)
class ValueType:
    """The type of a value. `element` is set for an array, `fields` for a structure."""

    kind: str = "any"
    meaning: str = ""
    element: "ValueType | None" = None
    fields: tuple[tuple[str, "ValueType"], ...] = ()


ANY = ValueType()


def parse_type(text: str, named: Callable[[str], ValueType | None]) -> ValueType:
    """Read a type; `named` gives those that are defined elsewhere. Raises ValueError."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise ValueError(f"{text!r} is no type")
    found, rest = _parse(tokens, named)
    if rest:
        raise ValueError(f"{text!r}: {rest[0]!r} is too much")
    return found


def _parse(tokens: list[str], named: Callable[[str], ValueType | None]) -> tuple[ValueType, list[str]]:
    if not tokens:
        raise ValueError("a type is missing")
    head, rest = tokens[0], tokens[1:]
    if head == "[":
        element, rest = _parse(rest, named)
        return ValueType("array", element=element), _take("]", rest)
    if head == "{":
        fields = []
        while True:
            name, rest = rest[0], rest[1:]
            field, rest = _parse(rest, named)
            fields.append((name, field))
            if rest[:1] != [","]:
                return ValueType("structure", fields=tuple(fields)), _take("}", rest)
            rest = rest[1:]
    kind, _, meaning = head.partition(":")
    if kind in _KINDS or kind == "any":
        return ValueType(kind, meaning), rest
    if (defined := named(head)) is not None:
        return defined, rest
    raise ValueError(f"no type is called {head!r}")


def _take(token: str, tokens: list[str]) -> list[str]:
    if tokens[:1] != [token]:
        raise ValueError(f"{token!r} is missing")
    return tokens[1:]
