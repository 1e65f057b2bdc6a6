"""A month of a quarter-hourly load profile: 2880 rows of six cells, 17,280 leaves, coded and decoded."""

import struct
from collections.abc import Iterable

from lxml import etree

from cas import xml
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data, Value
from cas.cosem.kinds import Kind
from cas.dlms.apdu import decode_apdu, encode_apdu
from tests.benchmarks.measure import Peer, Row, compare, timed

ROWS = 2880
KINDS: tuple[Kind, ...] = ("octet-string", "unsigned", *("double-long-unsigned",) * 4)


def cells(rows: int = ROWS) -> list[tuple[Value, ...]]:
    """The values: a date-time, a status and four registers a row."""
    found: list[tuple[Value, ...]] = []
    for i in range(rows):
        day, minute = divmod(15 * i, 1440)
        stamp = struct.pack(
            ">HBBBBBBBHB", 2025, 1 + day // 28 % 12, 1 + day % 28, 255, minute // 60, minute % 60, 0, 0, 0, 0
        )
        found.append((stamp, 0, 1000000 + 37 * i, 2000 + i, 300000 + 5 * i, 40000 + 3 * i))
    return found


def response(data: Data) -> bytes:
    """The get-response that carries the profile."""
    return b"\xc4\x01\xc1\x00" + data.octets


def value_of(octets: bytes) -> Value:
    """What a user does: the APDU decoded, its value as Python sees it."""
    apdu = decode_apdu(octets)
    assert isinstance(apdu, cos.GetResponse)
    assert apdu.get_response_normal is not None
    assert apdu.get_response_normal.result.data is not None
    return apdu.get_response_normal.result.data.value


def document_of(octets: bytes) -> bytes:
    """Octets to COSEM XML."""
    return xml.document(decode_apdu(octets))


def octets_of(document: bytes) -> bytes:
    """COSEM XML to octets."""
    return encode_apdu(xml.read(cos.GetResponse, xml.parse(document)))


def irregular(table: list[tuple[Value, ...]]) -> Data:
    """The same, every other row with null-data for the time stamp."""
    return Data.array(
        Data.structure(
            Data.of("null-data") if i % 2 else Data.of("octet-string", row[0]),
            *(Data.of(kind, value) for kind, value in zip(KINDS[1:], row[1:], strict=True)),
        )
        for i, row in enumerate(table)
    )


def floor_decode(octets: bytes, pos: int) -> tuple[object, int]:
    """About what plain Python can do: values only, no classes, nothing checked."""
    tag = octets[pos]
    pos += 1
    if tag == 6:
        return int.from_bytes(octets[pos : pos + 4], "big"), pos + 4
    if tag == 0x11:
        return octets[pos], pos + 1
    if tag == 0:
        return None, pos
    size = octets[pos]
    pos += 1
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(octets[pos : pos + count], "big")
        pos += count
    if tag == 9:
        return octets[pos : pos + size], pos + size
    items = []
    for _ in range(size):
        item, pos = floor_decode(octets, pos)
        items.append(item)
    return items, pos


def floor_encode(table: Iterable[tuple[Value, ...]]) -> bytes:
    """Written by hand for these rows."""
    out = [b"\x01\x82" + struct.pack(">H", ROWS)]
    for stamp, status, *registers in table:
        assert isinstance(stamp, bytes)
        assert isinstance(status, int)
        out.append(b"\x02\x06\x09\x0c" + stamp + b"\x11" + bytes((status,)))
        out += (b"\x06" + value.to_bytes(4, "big") for value in registers if isinstance(value, int))
    return b"".join(out)


def floor_walk(document: bytes) -> bytes:
    """lxml parses, plain Python walks: no schema, no types."""
    root = etree.fromstring(document)
    out: list[bytes] = []

    def walk(element: etree._Element) -> None:
        tag = element.tag.rpartition("}")[2]
        if tag == "double-long-unsigned":
            out.append(b"\x06" + int(element.text or "").to_bytes(4, "big"))
        elif tag == "unsigned":
            out.append(bytes((0x11, int(element.text or ""))))
        elif tag == "octet-string":
            value = bytes.fromhex(element.text or "")
            out.append(b"\x09" + bytes((len(value),)) + value)
        else:
            size = len(element)
            out.append(
                (b"\x01" if tag == "array" else b"\x02")
                + (bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big"))
            )
            for child in element:
                walk(child)

    walk(next(root.iter("{http://www.dlms.com/COSEMpdu}data"))[0])
    return b"".join(out)


def floor_text(octets: bytes) -> str:
    """A plain string builder."""
    out: list[str] = []

    def walk(pos: int) -> int:
        tag = octets[pos]
        pos += 1
        if tag == 6:
            out.append(
                f"<cos:double-long-unsigned>{int.from_bytes(octets[pos : pos + 4], 'big')}</cos:double-long-unsigned>"
            )
            return pos + 4
        if tag == 0x11:
            out.append(f"<cos:unsigned>{octets[pos]}</cos:unsigned>")
            return pos + 1
        size = octets[pos]
        pos += 1
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(octets[pos : pos + count], "big")
            pos += count
        if tag == 9:
            out.append(f"<cos:octet-string>{octets[pos : pos + size].hex().upper()}</cos:octet-string>")
            return pos + size
        name = "array" if tag == 1 else "structure"
        out.append(f"<cos:{name}>")
        for _ in range(size):
            pos = walk(pos)
        out.append(f"</cos:{name}>")
        return pos

    walk(4)
    return "".join(out)


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    table = cells()
    data = Data.table(KINDS, table)
    octets, odd = response(data), response(irregular(table))
    document = document_of(octets)
    assert value_of(octets) == table
    assert octets_of(document) == octets
    assert floor_walk(document) == floor_encode(table) == data.octets
    with Peer("load_profile.py") as peer:
        yield compare(
            "decode a profile of 2880 x 6",
            {
                "ours": timed(lambda: value_of(octets)),
                "floor: plain Python": timed(lambda: floor_decode(octets, 4)),
                "gurux-dlms": peer.case("decode gurux-dlms"),
                "dlms-cosem": peer.case("decode dlms-cosem"),
            },
            {"floor: plain Python": 4.9 / 2.5, "dlms-cosem": 26 / 2.5},
            rounds,
        )
        yield compare(
            "decode the same, rows irregular",
            {"ours": timed(lambda: value_of(odd)), "floor: plain Python": timed(lambda: floor_decode(odd, 4))},
            {"floor: plain Python": 4.9 / 8},
            rounds,
        )
        yield compare(
            "encode a profile of 2880 x 6",
            {
                "ours": timed(lambda: Data.table(KINDS, table)),
                "floor: plain Python": timed(lambda: floor_encode(table)),
                "gurux-dlms": peer.case("encode gurux-dlms"),
                "dlms-cosem": peer.case("encode dlms-cosem"),
            },
            {"floor: plain Python": 1.9 / 2, "dlms-cosem": 9.3 / 2},
            rounds,
        )
        yield compare(
            "octets to COSEM XML, the same",
            {
                "ours": timed(lambda: document_of(octets)),
                "floor: string builder": timed(lambda: floor_text(octets)),
                "gurux-dlms, 96 rows x 30": peer.case("to xml gurux-dlms"),
            },
            {"floor: string builder": 10 / 12},
            rounds,
        )
        yield compare(
            "COSEM XML to octets, the same",
            {
                "ours": timed(lambda: octets_of(document)),
                "floor: lxml and a walk": timed(lambda: floor_walk(document)),
                "gurux-dlms": peer.case("from xml gurux-dlms"),
            },
            {"floor: lxml and a walk": 23 / 25, "gurux-dlms": 200 / 25},
            rounds,
        )
