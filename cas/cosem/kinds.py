"""The kinds of COSEM Data: their names, tags and sizes (Green Book 8.3, 9.5, type Data; IEC 61334-6)."""

import struct
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "null-data", "array", "structure", "boolean", "bit-string", "double-long", "double-long-unsigned", "octet-string",
    "visible-string", "utf8-string", "bcd", "integer", "long", "unsigned", "long-unsigned", "compact-array", "long64",
    "long64-unsigned", "enum", "float32", "float64", "date-time", "date", "time", "delta-integer", "delta-long",
    "delta-double-long", "delta-unsigned", "delta-long-unsigned", "delta-double-long-unsigned", "dont-care",
]  # fmt: skip

NULL, ARRAY, STRUCTURE, BIT_STRING, OCTET_STRING, VISIBLE_STRING, UTF8_STRING = 0, 1, 2, 4, 9, 10, 12
COMPACT_ARRAY, DONT_CARE = 19, 255
DELTAS = range(28, 34)
"""The delta types: a difference to the value before it."""

# Data CHOICE tags (Green Book 8.3, 9.5); for fixed sizes the struct code of the octets after the tag
CODES: dict[int, tuple[Kind, str]] = {
    NULL: ("null-data", ""),
    ARRAY: ("array", ""),
    STRUCTURE: ("structure", ""),
    3: ("boolean", "?"),
    BIT_STRING: ("bit-string", ""),
    5: ("double-long", "i"),
    6: ("double-long-unsigned", "I"),
    OCTET_STRING: ("octet-string", ""),
    VISIBLE_STRING: ("visible-string", ""),
    UTF8_STRING: ("utf8-string", ""),
    13: ("bcd", "b"),
    15: ("integer", "b"),
    16: ("long", "h"),
    17: ("unsigned", "B"),
    18: ("long-unsigned", "H"),
    COMPACT_ARRAY: ("compact-array", ""),
    20: ("long64", "q"),
    21: ("long64-unsigned", "Q"),
    22: ("enum", "B"),
    23: ("float32", "f"),
    24: ("float64", "d"),
    25: ("date-time", "12s"),
    26: ("date", "5s"),
    27: ("time", "4s"),
    28: ("delta-integer", "b"),
    29: ("delta-long", "h"),
    30: ("delta-double-long", "i"),
    31: ("delta-unsigned", "B"),
    32: ("delta-long-unsigned", "H"),
    33: ("delta-double-long-unsigned", "I"),
    DONT_CARE: ("dont-care", ""),
}
KIND: dict[int, Kind] = {tag: kind for tag, (kind, _) in CODES.items()}
TAG: dict[Kind, int] = {kind: tag for tag, kind in KIND.items()}
STRUCTS: dict[int, struct.Struct] = {tag: struct.Struct(f">{code}") for tag, (_, code) in CODES.items() if code}
SIZE: dict[int, int] = {tag: s.size for tag, s in STRUCTS.items()}
"""Octets after the tag, of the kinds whose size is fixed and not 0."""


class DataError(ValueError):
    """Octets or text that are no COSEM Data: `offset` is where, in octets from the start of what was given."""

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"octet {offset}: {reason}")
        self.reason = reason
        self.offset = offset


if set(KIND.values()) != set(get_args(Kind)):  # pragma: no cover - a slip of the pen in the two lists above
    raise AssertionError("Kind and CODES differ")
