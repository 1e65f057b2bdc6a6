"""Arrays of equal rows from XML at once, as profile buffers come: a pattern made of the first row, matched in C.

Only rows that are written like the first one, to the letter between their values, are taken; whatever differs is left
to `cas.cosem.data_xml`, which walks the elements and says what is wrong with which.
"""

import re
import struct
from typing import TypeAlias

from lxml import etree

from cas.cosem.kinds import NULL, OCTET_STRING, STRUCTS
from cas.cosem.scanning import Row, row_shape

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

ROWS_WORTH_IT = 32
"""Rows from which on making a pattern pays."""

_INTEGERS = (5, 6, 13, 15, 16, 17, 18, 20, 21, 22)
_CELL = {OCTET_STRING: "([0-9A-Fa-f]*)", **dict.fromkeys(_INTEGERS, "(-?[0-9]{1,20})")}
_DECLARATION = re.compile(r' xmlns(?::[\w.-]+)?="[^"]*"')
_FILLED = re.compile(r">([^<>\s][^<>]*)</")


def read_rows(array: Element, first: bytes) -> bytes | None:
    """The octets of all rows of an array element but the last; None where they are not alike.

    `first` is the octets of the first row, which has been read the long way.
    """
    row = row_shape(first, 0)
    if row is None or not row.flat or any(tag not in _CELL and tag != NULL for tag, *_ in row.leaves):
        return None
    # as it is written in the document, with what stands between it and the next one
    model = _DECLARATION.sub("", etree.tostring(array[0], encoding="unicode"))
    text = etree.tostring(array, encoding="unicode", with_tail=False)
    begin = text.index(">") + 1 + len(array.text or "")
    body = text[begin : text.rindex(model[: model.index(">")])]
    cells = [leaf for leaf in row.leaves if leaf[2]]
    pattern, fixed = _pattern(model, cells)
    if pattern is None or not body.startswith(model):
        return None
    found = pattern.findall(body)
    columns: list[tuple[str, ...]] = list(zip(*found, strict=True)) if len(cells) > 1 else [tuple(found)]
    if len(found) != len(array) - 1 or len(found) * fixed + sum(len("".join(column)) for column in columns) != len(
        body
    ):
        return None  # something else stood between
    return _fill(first, row, cells, columns)


def _pattern(model: str, cells: list[tuple[int, int, int]]) -> "tuple[re.Pattern[str] | None, int]":
    """What such a row looks like, with a group for each value, and how many characters are not values."""
    places = [found.span(1) for found in _FILLED.finditer(model)]
    if not cells or len(places) != len(cells):
        return None, 0
    out: list[str] = []
    at = 0
    for (start, end), (tag, *_) in zip(places, cells, strict=True):
        out += re.escape(model[at:start]), _CELL[tag]
        at = end
    out.append(re.escape(model[at:]))
    return re.compile("".join(out), re.ASCII), len(model) - sum(end - start for start, end in places)


def _fill(first: bytes, row: Row, cells: list[tuple[int, int, int]], columns: "list[tuple[str, ...]]") -> bytes | None:
    """The rows, column by column; None where a value does not have the size, or is beyond the range, of the first."""
    out = bytearray(first * len(columns[0]))
    for (tag, offset, size), column in zip(cells, columns, strict=True):
        if tag == OCTET_STRING:
            if any(len(cell) != 2 * size for cell in column):
                return None
            octets = bytes.fromhex("".join(column))
        else:
            try:
                octets = struct.pack(f">{len(column)}{STRUCTS[tag].format[1:]}", *map(int, column))
            except struct.error:
                return None
        for i in range(size):
            out[offset + i :: row.size] = octets[i::size]
    return bytes(out)
