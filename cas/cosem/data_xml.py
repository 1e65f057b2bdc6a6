"""COSEM Data as XML and back, octets to text and text to octets with no objects between (COSEMpdu, XML mapping rules).

Text of visible-string and utf8-string: an octet that XML 1.0 cannot carry, or that is no character of the kind, is
written `\\xHH`; a backslash that would read as such an escape is written `\\x5C`. So every octet survives the way
through XML, and a text without control characters looks as it is.

Rows of equal shape share a template: one format string a shape, filled with what struct unpacks.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from cas.cosem import rows_xml
from cas.cosem.data import Data, encode_bits, read_bits
from cas.cosem.kinds import (
    ARRAY,
    BIT_STRING,
    COMPACT_ARRAY,
    DONT_CARE,
    KIND,
    NULL,
    OCTET_STRING,
    SIZE,
    STRUCTS,
    STRUCTURE,
    TAG,
    UTF8_STRING,
    VISIBLE_STRING,
    DataError,
)
from cas.cosem.scanning import MAX_DEPTH, ROWS_WORTH_IT, Row, equal_rows, length, read_length, row_shape, scan_type

NAMESPACE = "http://www.dlms.com/COSEMpdu"
_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_LOOKS_ESCAPED = re.compile(r"\\(?=x[0-9A-Fa-f]{2})")
_NOT_VISIBLE = re.compile(r"[^\t\n\x20-\x7e]")
# what XML 1.0 has no character for, lone surrogates (octets that are no UTF-8), and \r which a parser would change
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)
_BINARY_KINDS = frozenset((23, 24, 25, 26, 27))  # float32, float64, date-time, date, time: hexBinary


class Element(Protocol):
    """What is used of an XML element: lxml's and the standard library's both fit. Comments must have been dropped."""

    @property
    def tag(self) -> str: ...  # noqa: D102
    @property
    def text(self) -> str | None: ...  # noqa: D102
    @property
    def tail(self) -> str | None: ...  # noqa: D102
    def keys(self) -> Collection[str | bytes]: ...  # noqa: D102
    def __len__(self) -> int: ...
    def __iter__(self) -> "Iterator[Element]": ...


class TextError(DataError):
    """An element that is no COSEM Data; `element` is the one at fault."""

    def __init__(self, reason: str, element: object) -> None:
        super().__init__(reason)
        self.element = element


# ---------------------------------------------------------------- octets to XML


def text_of_visible(octets: bytes) -> str:
    """Text of a VisibleString, escaped as the module says, not yet as XML markup."""
    text = _LOOKS_ESCAPED.sub(r"\\x5C", octets.decode("latin-1"))
    return _NOT_VISIBLE.sub(lambda m: f"\\x{ord(m[0]):02X}", text)


def text_of_utf8(octets: bytes) -> str:
    """Text of a UTF8String, escaped as the module says, not yet as XML markup."""
    text = _LOOKS_ESCAPED.sub(r"\\x5C", octets.decode("utf-8", "surrogateescape"))
    return _NOT_XML.sub(lambda m: "".join(f"\\x{o:02X}" for o in m[0].encode("utf-8", "surrogateescape")), text)


def markup(text: str) -> str:
    """Escape what is markup in element content."""
    return text.translate(_MARKUP) if "&" in text or "<" in text or ">" in text else text


def to_xml(data: Data, prefix: str = "") -> str:
    """The element of the chosen alternative, as text; `prefix` is `cos:` or empty for a default namespace."""
    out: list[str] = []
    _write(data.octets, 0, 1, prefix, out.append)
    return "".join(out)


def _write(
    octets: bytes,
    pos: int,
    count: int,
    prefix: str,
    put: Callable[[str], None],
    leaf: Callable[[int, bytes, int, int], str] | None = None,
) -> int:
    """Write `count` values from `pos` on; `leaf` stands in for `_leaf` where a template is made."""
    for _ in range(count):
        tag = octets[pos]
        name = prefix + KIND[tag]
        if tag in (NULL, DONT_CARE):
            put(f"<{name}/>")
            pos += 1
        elif tag in (ARRAY, STRUCTURE):
            items, pos = read_length(octets, pos + 1)
            put(f"<{name}>")
            if tag == ARRAY and items >= ROWS_WORTH_IT and not leaf and (row := row_shape(octets, pos)):
                rows = equal_rows(octets, pos, items, row)
                _write_rows(octets, pos, rows, row, prefix, put)
                pos += rows * row.size
                items -= rows
            pos = _write(octets, pos, items, prefix, put, leaf)
            put(f"</{name}>")
        elif tag == COMPACT_ARRAY:
            put(f"<{name}><{prefix}contents-description>")
            pos = _write_type(octets, pos + 1, prefix, put)
            size, pos = read_length(octets, pos)
            put(f"</{prefix}contents-description><{prefix}array-contents>")
            put(f"{octets[pos : pos + size].hex().upper()}</{prefix}array-contents></{name}>")
            pos += size
        else:
            size, start = (SIZE[tag], pos + 1) if tag in SIZE else read_length(octets, pos + 1)
            pos = start + ((size + 7) // 8 if tag == BIT_STRING else size)
            put(f"<{name}>{(leaf or _leaf)(tag, octets, start, size)}</{name}>")
    return pos


def _leaf(tag: int, octets: bytes, start: int, size: int) -> str:
    if tag == OCTET_STRING or tag in _BINARY_KINDS:
        return octets[start : start + size].hex().upper()
    if tag == BIT_STRING:
        return read_bits(octets, start, size)
    if tag == 3:
        return "true" if octets[start] else "false"
    if tag in STRUCTS:
        return str(STRUCTS[tag].unpack_from(octets, start)[0])
    text = text_of_visible if tag == VISIBLE_STRING else text_of_utf8
    return markup(text(octets[start : start + size]))


def _write_type(octets: bytes, pos: int, prefix: str, put: Callable[[str], None]) -> int:
    tag = octets[pos]
    name = prefix + KIND[tag]
    if tag == ARRAY:
        put(f"<{name}><{prefix}number-of-elements>{int.from_bytes(octets[pos + 1 : pos + 3], 'big')}")
        put(f"</{prefix}number-of-elements><{prefix}type-description>")
        pos = _write_type(octets, pos + 3, prefix, put)
        put(f"</{prefix}type-description></{name}>")
        return pos
    if tag == STRUCTURE:
        count, pos = read_length(octets, pos + 1)
        put(f"<{name}>")
        for _ in range(count):
            pos = _write_type(octets, pos, prefix, put)
        put(f"</{name}>")
        return pos
    put(f"<{name}/>")
    return pos + 1


def _write_rows(octets: bytes, pos: int, rows: int, row: Row, prefix: str, put: Callable[[str], None]) -> None:
    """Rows of one shape: a template with a hole a leaf, and a column of texts for each hole."""
    end = pos + rows * row.size
    columns: list[list[str]] = []
    for tag, offset, size in row.leaves:
        if not size:
            continue
        if tag in STRUCTS and tag not in _BINARY_KINDS and tag != 3:
            # the column's octets side by side, unpacked in one go
            joined = bytearray(rows * size)
            for i in range(size):
                joined[i::size] = octets[pos + offset + i : end : row.size]
            coder = STRUCTS[tag]
            columns.append([str(value) for (value,) in coder.iter_unpack(joined)])
        elif tag == OCTET_STRING or tag in _BINARY_KINDS:
            upper = octets[pos:end].hex().upper()
            first, step, width = 2 * offset, 2 * row.size, 2 * size
            columns.append([upper[i : i + width] for i in range(first, len(upper), step)])
        else:
            columns.append([_leaf(tag, octets, at, size) for at in range(pos + offset, end, row.size)])
    template: list[str] = []
    _write(octets, pos, 1, prefix, template.append, lambda _tag, _octets, _start, size: "%s" if size else "")
    text = "".join(template)
    put("".join(map(text.__mod__, zip(*columns, strict=True))) if columns else text * rows)


# ---------------------------------------------------------------- XML to octets


def octets_of_visible(text: str) -> bytes:
    """The octets of a VisibleString from its text. Raises DataError for a character that is no octet."""
    try:
        return _ESCAPE.sub(lambda m: bytes.fromhex(m[1].decode()), text.encode("latin-1"))
    except UnicodeEncodeError as error:
        raise DataError(f"{text[error.start]!r} is no character of a visible string") from None


def octets_of_utf8(text: str) -> bytes:
    """The octets of a UTF8String from its text."""
    return _ESCAPE.sub(lambda m: bytes.fromhex(m[1].decode()), text.encode("utf-8", "surrogateescape"))


def from_xml(element: Element) -> Data:
    """Data from the element of the chosen alternative.

    Raises TextError, which carries the element at fault.
    """
    out: list[bytes] = []
    _read(element, out.append, 0)
    return Data(b"".join(out))


def _read(element: Element, put: Callable[[bytes], None], depth: int) -> None:
    reader = _READERS.get(element.tag)
    if element.keys():
        _refuse_attributes(element)
    if reader is None:
        _read_collection(element, put, depth + 1)
        return
    if len(element):
        raise TextError(f"{_local(element)} holds no elements", element)
    try:
        put(reader(element.text or ""))
    except DataError as error:
        raise TextError(f"{_local(element)}: {error.reason}", element) from None


def _read_collection(element: Element, put: Callable[[bytes], None], depth: int) -> None:
    tag = _COLLECTIONS.get(element.tag)
    if tag is None:
        raise TextError(f"{_local(element)} is no kind of Data", element)
    if depth > MAX_DEPTH:
        raise TextError(f"nested deeper than {MAX_DEPTH}", element)
    if tag == COMPACT_ARRAY:
        put(_compact_array(element))
        return
    children = _children(element)
    put(bytes((tag,)) + length(len(children)))
    if tag == ARRAY and len(children) >= rows_xml.ROWS_WORTH_IT and isinstance(element, rows_xml.Element):
        first: list[bytes] = []
        _read(children[0], first.append, depth)
        if (rows := rows_xml.read_rows(element, b"".join(first))) is not None:
            put(rows)
            del children[:-1]
    for child in children:
        _read(child, put, depth)


def _compact_array(element: Element) -> bytes:
    description, contents = _two(element, "contents-description", "array-contents")
    out = [bytes((COMPACT_ARRAY,))]
    _read_type(_only_child(description), out.append, 0)
    try:
        out.append(_counted(_hex(contents.text or "")))
    except DataError as error:
        raise TextError(f"{_local(contents)}: {error.reason}", contents) from None
    octets = b"".join(out)
    try:
        scan_type(octets, 1)
    except DataError as error:
        raise TextError(error.reason, description) from None
    return octets


def _read_type(element: Element, put: Callable[[bytes], None], depth: int) -> None:
    tag = _TAGS.get(element.tag)
    if tag is None:
        raise TextError(f"{_local(element)} is no type", element)
    if depth > MAX_DEPTH:
        raise TextError(f"nested deeper than {MAX_DEPTH}", element)
    put(bytes((tag,)))
    if tag == ARRAY:
        number, inner = _two(element, "number-of-elements", "type-description")
        try:
            count = _number(number.text or "")
        except DataError as error:
            raise TextError(f"{_local(number)}: {error.reason}", number) from None
        if not 0 <= count <= 0xFFFF:
            raise TextError(f"{_local(number)}: {count} is not in 0..65535", number)
        put(count.to_bytes(2, "big"))
        _read_type(_only_child(inner), put, depth + 1)
        return
    children = _children(element)
    if tag == STRUCTURE:
        put(length(len(children)))
        for child in children:
            _read_type(child, put, depth + 1)
    elif children:
        raise TextError(f"{_local(element)} holds no elements", element)


def _two(element: Element, *names: str) -> list[Element]:
    children = _children(element)
    if [child.tag for child in children] != [f"{{{NAMESPACE}}}{name}" for name in names]:
        raise TextError(f"{_local(element)} holds {' and '.join(names)}", element)
    return children


def _children(element: Element) -> list[Element]:
    """The elements inside, between which no text may stand."""
    children = list(element)
    for text in (element.text, *(child.tail for child in children)):
        if text and not text.isspace():
            raise TextError(f"{text.strip()[:40]!r} has no place in {_local(element)}", element)
    return children


def _refuse_attributes(element: Element) -> None:
    for key in map(str, element.keys()):
        if not key.startswith("{"):
            raise TextError(f"{_local(element)} has no attribute {key}", element)


def _only_child(element: Element) -> Element:
    children = _children(element)
    if len(children) != 1:
        raise TextError(f"{_local(element)} holds one element, not {len(children)}", element)
    return children[0]


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _hex(text: str) -> bytes:
    text = text.strip()
    if not _HEX.fullmatch(text):
        raise DataError(f"{text[:40]!r} is no hexBinary")
    return bytes.fromhex(text)


def _number(text: str) -> int:
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        raise DataError(f"{text[:40]!r} is no number")
    return int(text)


def _reader(tag: int) -> Callable[[str], bytes]:
    """The octets, tag included, from the text of an element of this kind."""
    head = bytes((tag,))
    if coder := STRUCTS.get(tag):
        if tag in _BINARY_KINDS:
            return lambda text: head + _sized(_hex(text), coder.size)
        if tag == 3:
            return lambda text: head + _boolean(text)
        signed = coder.unpack(b"\xff" * coder.size) == (-1,)
        low, high = _range(coder.size, signed)
        pack = coder.pack

        def integer(text: str) -> bytes:
            value = _number(text)
            if not low <= value <= high:
                raise DataError(f"{value} is not in {low}..{high}")
            return head + pack(value)

        return integer
    others: dict[int, Callable[[str], bytes]] = {
        OCTET_STRING: lambda text: head + _counted(_hex(text)),
        BIT_STRING: lambda text: head + encode_bits(text.strip()),
        VISIBLE_STRING: lambda text: head + _counted(octets_of_visible(text)),
        UTF8_STRING: lambda text: head + _counted(octets_of_utf8(text)),
    }
    return others.get(tag, lambda text: head + _nothing(text))


def _range(octets: int, signed: bool) -> tuple[int, int]:
    bits = 8 * octets - signed
    return (-(1 << bits) if signed else 0), (1 << bits) - 1


def _nothing(text: str) -> bytes:
    if text.strip():
        raise DataError(f"{text.strip()[:40]!r} stands where nothing may")
    return b""


def _counted(octets: bytes) -> bytes:
    return length(len(octets)) + octets


def _sized(octets: bytes, size: int) -> bytes:
    if len(octets) != size:
        raise DataError(f"{len(octets)} octets, not {size}")
    return octets


def _boolean(text: str) -> bytes:
    try:
        return {"true": b"\1", "1": b"\1", "false": b"\0", "0": b"\0"}[text.strip()]
    except KeyError:
        raise DataError(f"{text[:40]!r} is neither true nor false") from None


_TAGS: dict[str, int] = {f"{{{NAMESPACE}}}{kind}": tag for kind, tag in TAG.items()}
_COLLECTIONS = {name: tag for name, tag in _TAGS.items() if tag in (ARRAY, STRUCTURE, COMPACT_ARRAY)}
_READERS = {name: _reader(tag) for name, tag in _TAGS.items() if name not in _COLLECTIONS}
