"""COSEM Data as people and scripts read it: names for numbers, times for octets, scaled numbers with units.

What comes out is made of dict, list, str, int, float, bool and None, ready for JSON. What does not fit the type that
the interface class says is shown as it came: a value is never hidden because it surprises.
"""

import ipaddress
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from cas.cosem.data import Data, Value, expand
from cas.cosem.date_time import CosemDate, CosemDateTime, CosemTime
from cas.cosem.interface_classes import names_of_bits, names_of_values
from cas.cosem.kinds import ARRAY, COMPACT_ARRAY, STRUCTURE, DataError
from cas.cosem.obis import Obis
from cas.cosem.units import symbol
from cas.cosem.value_type import ANY, ValueType

Readable: TypeAlias = "dict[str, Readable] | list[Readable] | str | int | float | bool | None"

_DATE_TIME, _DATE, _TIME, _BIT_STRING = 25, 26, 27, 4
_SCALER_RANGE = range(-128, 128)


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """What makes a physical value of a register's number: value x 10^scaler, in the unit (Blue Book 12, 4.3.2)."""

    scaler: int
    unit: int

    @classmethod
    def from_data(cls, data: Data) -> "ScalerUnit | None":
        """From the attribute scaler_unit; None where it is none."""
        parts = data.children() if data.tag == STRUCTURE else []
        if len(parts) != 2:
            return None
        scaler, unit = parts[0].simple, parts[1].simple
        if isinstance(scaler, int) and isinstance(unit, int) and scaler in _SCALER_RANGE and 0 <= unit <= 255:
            return cls(int(scaler), int(unit))
        return None

    @property
    def symbol(self) -> str:
        """The symbol of the unit; empty where there is none."""
        return symbol(self.unit)

    def apply(self, value: Value) -> "Value | Decimal":
        """The physical value of a number, exactly; anything else as it is."""
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        return Decimal(value).scaleb(self.scaler)


def readable(data: Data, kind: ValueType = ANY) -> Readable:
    """What a value says, its type being known or not."""
    if data.tag == STRUCTURE:
        return _structure(data, kind)
    if data.tag == ARRAY:
        element = kind.element or ANY
        return [readable(item, element) for item in data.children()]
    if data.tag == COMPACT_ARRAY:
        return _compact_array(data, kind.element or ANY)
    value = data.value
    if isinstance(value, bytes):
        return _octets(value, data.tag, kind.meaning)
    if data.tag == _BIT_STRING and isinstance(value, str):
        names = names_of_bits(kind.meaning)
        return [names.get(i, f"bit {i}") for i, bit in enumerate(value) if bit == "1"] if names else value
    return _number(value, kind.meaning) if isinstance(value, int) else plain(value)


def plain(value: object) -> Readable:
    """A cell of a profile row, or a scaled value, as JSON takes it: whole numbers as int, the others as float."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, CosemDateTime):
        return moment(value)
    if isinstance(value, bytes):
        return _octets(value, 0, "")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no number for it
    return value if isinstance(value, int | float) else None


def moment(at: CosemDateTime) -> str:
    """A date-time as xs:dateTime where it is a single one, else with its wildcards."""
    try:
        return at.to_xs()
    except ValueError:
        return str(at)


def _structure(data: Data, kind: ValueType) -> Readable:
    children = data.children()
    if len(children) != len(kind.fields):
        return [readable(child) for child in children]
    return {name: readable(child, field) for child, (name, field) in zip(children, kind.fields, strict=True)}


def _compact_array(data: Data, element: ValueType) -> Readable:
    try:
        return [readable(item, element) for item in expand(data)]
    except DataError:  # its contents are judged only when they are looked at
        return data.octets.hex().upper()


def _number(value: int, meaning: str) -> Readable:
    if not meaning:
        return value
    if meaning == "unit":
        return symbol(value)
    if meaning == "ipv4":
        return str(ipaddress.IPv4Address(value & 0xFFFF_FFFF))
    if bits := names_of_bits(meaning):
        return [bits.get(i, f"bit {i}") for i in range(value.bit_length()) if value >> i & 1]
    return names_of_values(meaning).get(value, value)


def _octets(octets: bytes, tag: int, meaning: str) -> Readable:
    reader = _BY_TAG.get(tag) or _BY_MEANING.get(meaning) or _unknown
    try:
        return reader(octets)
    except ValueError:
        return octets.hex().upper()


def _unknown(octets: bytes) -> str:
    """Octets that may be text: shown so if every one of them is a printable character of ASCII."""
    if octets and all(0x20 <= octet < 0x7F for octet in octets):
        return octets.decode("ascii")
    return octets.hex().upper()


def _text(octets: bytes) -> str:
    text = octets.decode("utf-8")
    if not text.isprintable():
        raise ValueError("no text")
    return text


def as_text(value: Readable, number: Callable[[int], str] = str) -> str:
    """A readable value as people read it: the simple as it stands, the rest as JSON does, numbers as `number` says."""
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_inner(item, number)}" for name, item in value.items())
    if isinstance(value, list):
        simple = not any(isinstance(item, dict | list) for item in value)
        return (", " if simple else "\n").join(as_text(item, number) for item in value)
    return number(value) if isinstance(value, int) else str(value)


def _inner(value: Readable, number: Callable[[int], str]) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else as_text(value, number)


def _obis(octets: bytes) -> str:
    return str(Obis(octets))


def _moment(octets: bytes) -> str:
    return moment(CosemDateTime.decode(octets))


def _date(octets: bytes) -> str:
    return str(CosemDate.decode(octets))


def _time(octets: bytes) -> str:
    return str(CosemTime.decode(octets))


def _ipv6(octets: bytes) -> str:
    return str(ipaddress.IPv6Address(octets))


_BY_TAG: dict[int, Callable[[bytes], str]] = {_DATE_TIME: _moment, _DATE: _date, _TIME: _time}
_BY_MEANING: dict[str, Callable[[bytes], str]] = {
    "obis": _obis,
    "date_time": _moment,
    "date": _date,
    "time": _time,
    "text": _text,
    "hex": lambda octets: octets.hex().upper(),
    "ipv6": _ipv6,
}
