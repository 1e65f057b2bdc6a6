"""COSEM Data: every value survives both codings, and nothing but a value passes as one."""

import gc
import struct
import time
import tracemalloc
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cas.cosem.data import Data, Value, expand
from cas.cosem.data_xml import NAMESPACE, TextError, from_xml, to_xml
from cas.cosem.kinds import KIND, DataError, Kind
from cas.cosem.scanning import MAX_DEPTH, scan
from tests import strategies


def xml(data: Data) -> etree._Element:
    return etree.fromstring(f'<r xmlns:cos="{NAMESPACE}">{to_xml(data, "cos:")}</r>'.encode())[0]


def parse(text: str) -> Data:
    return from_xml(etree.fromstring(f"<{text.lstrip('<').replace('>', f' xmlns={chr(34)}{NAMESPACE}{chr(34)}>', 1)}"))


# Octets by hand, from the Data CHOICE of Green Book 8.3, 9.5
EXAMPLES: list[tuple[str, Value, str]] = [
    ("00", None, "<null-data/>"),
    ("0301", True, "<boolean>true</boolean>"),
    ("040CA5F0", "101001011111", "<bit-string>101001011111</bit-string>"),
    ("05FFFFFFFE", -2, "<double-long>-2</double-long>"),
    ("0600BC614E", 12345678, "<double-long-unsigned>12345678</double-long-unsigned>"),
    ("0903AB00CD", b"\xab\x00\xcd", "<octet-string>AB00CD</octet-string>"),
    ("0900", b"", "<octet-string></octet-string>"),
    ("0A03412642", "A&B", "<visible-string>A&amp;B</visible-string>"),
    ("0A024100", "A\x00", r"<visible-string>A\x00</visible-string>"),
    ("0A045C783431", r"\x41", r"<visible-string>\x5Cx41</visible-string>"),
    ("0C03E282AC", "€", "<utf8-string>€</utf8-string>"),
    ("0C01FF", "\udcff", r"<utf8-string>\xFF</utf8-string>"),
    ("0D99", -103, "<bcd>-103</bcd>"),
    ("0F80", -128, "<integer>-128</integer>"),
    ("10FF85", -123, "<long>-123</long>"),
    ("11FE", 254, "<unsigned>254</unsigned>"),
    ("12FFFF", 65535, "<long-unsigned>65535</long-unsigned>"),
    ("148000000000000000", -(2**63), "<long64>-9223372036854775808</long64>"),
    ("15FFFFFFFFFFFFFFFF", 2**64 - 1, "<long64-unsigned>18446744073709551615</long64-unsigned>"),
    ("161E", 30, "<enum>30</enum>"),
    ("1742480000", 50.0, "<float32>42480000</float32>"),
    ("184049000000000000", 50.0, "<float64>4049000000000000</float64>"),
    ("1A07E90101FF", bytes.fromhex("07E90101FF"), "<date>07E90101FF</date>"),
    ("1B0C0000FF", bytes.fromhex("0C0000FF"), "<time>0C0000FF</time>"),
    ("1CFF", -1, "<delta-integer>-1</delta-integer>"),
    ("1F05", 5, "<delta-unsigned>5</delta-unsigned>"),
    ("FF", None, "<dont-care/>"),
    ("01021101110A", [1, 10], "<array><unsigned>1</unsigned><unsigned>10</unsigned></array>"),
    ("0202110109010A", (1, b"\n"), "<structure><unsigned>1</unsigned><octet-string>0A</octet-string></structure>"),
]


@pytest.mark.parametrize(("octets", "value", "text"), EXAMPLES, ids=[text[:30] for *_, text in EXAMPLES])
def test_known_octets(octets: str, value: Value, text: str) -> None:
    data = Data.decode(bytes.fromhex(octets))
    assert data.value == value
    assert to_xml(data) == text
    if text.endswith("/>"):
        assert from_xml(xml(data)) == data
    else:
        assert parse(text) == data


def test_every_kind_has_an_example_or_a_strategy() -> None:
    seen = {int(octets[:2], 16) for octets, *_ in EXAMPLES}
    assert set(KIND) - seen <= {19, 25, 29, 30, 32, 33}


@given(strategies.data)
def test_octets_to_xml_to_octets_is_the_identity(data: Data) -> None:
    assert Data.decode(data.octets) == data
    assert from_xml(xml(data)) == data


@given(strategies.data, st.binary(min_size=1, max_size=3))
def test_a_value_ends_where_it_ends(data: Data, rest: bytes) -> None:
    assert scan(b"\x55" + data.octets + rest, 1) == 1 + len(data.octets)
    with pytest.raises(DataError):
        Data.decode(data.octets + rest)
    for cut in range(len(data.octets)):
        with pytest.raises(DataError):
            Data.decode(data.octets[:cut])


@given(st.binary(max_size=60))
def test_any_octets_are_a_value_or_an_error(octets: bytes) -> None:
    try:
        data = Data.decode(octets)
    except DataError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(octets)
        return
    to_xml(data)


@given(strategies.data)
def test_children_are_the_parts(data: Data) -> None:
    if data.kind in ("array", "structure"):
        made = Data.array(data.children()) if data.kind == "array" else Data.structure(*data.children())
        assert made == data
    else:
        with pytest.raises(DataError):
            data.children()


@given(strategies.rows())
def test_rows_read_at_once_equal_rows_read_one_by_one(table: Data) -> None:
    assert table.value == [child.value for child in table.children()]
    assert to_xml(table) == f"<array>{''.join(map(to_xml, table.children()))}</array>"


def test_a_profile_buffer_reads_as_rows() -> None:
    cells = [(bytes([i]) * 12, i % 3, 1000 + i) for i in range(200)]
    octets = b"".join(
        b"\x02\x03\x09\x0c" + t + b"\x11" + bytes((s,)) + b"\x06" + struct.pack(">I", v) for t, s, v in cells
    )
    assert Data.decode(b"\x01\x81\xc8" + octets).value == cells


def rows(*cells: str) -> bytes:
    return bytes((1, len(cells))) + b"".join(bytes.fromhex(cell) for cell in cells)


def test_rows_that_begin_like_others_are_read_as_they_are() -> None:
    one, other = ["0202110112000A"] * 4, ["020211010600000A0B"] * 4
    for _ in range(2):
        assert Data.decode(rows(*one)).value == [(1, 10)] * 4
        assert Data.decode(rows(*other)).value == [(1, 0xA0B)] * 4
        assert Data.decode(rows(*other[:2], *one[:2])).value == [(1, 0xA0B)] * 2 + [(1, 10)] * 2


def test_known_rows_are_judged_as_any() -> None:
    whole = rows(*["0203110112000A11FF"] * 4)
    assert Data.decode(whole).value == [(1, 10, 255)] * 4
    with pytest.raises(DataError, match="cut short"):
        Data.decode(whole[:-1])
    with pytest.raises(DataError, match="cut short"):
        Data.decode(whole[:10])
    deep = b"\x02\x01" * (MAX_DEPTH - 2)
    assert Data.decode(deep + whole).octets
    with pytest.raises(DataError, match="nested deeper"):
        Data.decode(b"\x02\x01" + deep + whole)


def test_any_number_of_row_shapes_is_read() -> None:
    for size in range(1, 600):
        cell = f"0201{'09' if size < 0x80 else '0982'}{size:0{2 if size < 0x80 else 4}x}" + "00" * size
        assert Data.decode(rows(*[cell] * 4)).value == [(bytes(size),)] * 4


def test_nothing_is_kept_of_long_rows_of_many_shapes() -> None:
    """Rows of 3,000 null-data, with an integer at another place in each of the first ones."""
    cells = ["02820BB8" + "00" * (2_999 - place) + "0F01" + "00" * place for place in (*range(8), *[8] * 72)]
    octets = rows(*cells)
    tracemalloc.start()
    try:
        Data.decode(octets)
        gc.collect()  # empties what Python keeps of small objects for the next ones
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000


SHAPES = [bytes.fromhex(f"02030601020304{cell}1105") for cell in ("00", "0301", "0F01", "12FFFF", "050A0B0C0D")]


@given(st.lists(st.sampled_from([*SHAPES, b"\x11\x07"]), min_size=64, max_size=200))
def test_rows_of_several_shapes_are_read_in_any_order(rows: list[bytes]) -> None:
    value = [Data(row).value for row in rows]
    octets = Data.array(map(Data, rows)).octets
    assert Data.decode(octets).value == value
    with pytest.raises(DataError):
        Data.decode(octets[:-1])


def test_rows_whose_shapes_change_with_each_array_cost_little_more_than_others() -> None:
    """Whoever crafts an answer can make each array begin with rows of as many shapes as are told apart."""
    rows = [
        Data.structure(*map(Data, cells))
        for cells in product((b"\0", b"\xff", b"\x0f\1", b"\x11\1", b"\3\1"), repeat=4)
    ]
    tables = [[*rows[at : at + 8], *[rows[at + 7]] * 70] for at in range(0, len(rows) - 8, 8)]
    crafted = Data.array(map(Data.array, tables))
    plain = Data.array(Data.structure(*table) for table in tables)
    assert cpu_of(crafted) < 3 * cpu_of(plain)


def cpu_of(data: Data) -> float:
    """Seconds to decode it."""
    took = []
    for _ in range(5):
        began = time.process_time()
        Data.decode(data.octets)
        took.append(time.process_time() - began)
    return min(took)


def test_compact_array_expands_to_its_elements() -> None:
    # structure of long-unsigned and octet-string, twice
    data = Data.decode(bytes.fromhex("130202120909000102AABB000201CC"))
    assert [item.value for item in expand(data)] == [(1, b"\xaa\xbb"), (2, b"\xcc")]
    assert data.value == [(1, b"\xaa\xbb"), (2, b"\xcc")]
    assert from_xml(xml(data)) == data


@pytest.mark.parametrize(
    "octets",
    [
        "01847FFFFFFF00",  # a count beyond the octets
        "0984FFFFFFFF",  # a length beyond them
        "0985000000000100",  # a length of five octets
        "0980",  # a length of none
        "07",  # no such tag
        "13" + "01FFFF" * 5 + "00" + "00",  # 65535^5 nulls
        "1301000000",
    ],
)
def test_bombs_are_refused_at_once(octets: str) -> None:
    began = time.perf_counter()
    with pytest.raises(DataError):
        _ = Data.decode(bytes.fromhex(octets)).value
    assert time.perf_counter() - began < 1


def test_nesting_is_bounded() -> None:
    assert Data.decode(b"\x02\x01" * MAX_DEPTH + b"\x00").value
    with pytest.raises(DataError, match="nested deeper"):
        Data.decode(b"\x02\x01" * (MAX_DEPTH + 1) + b"\x00")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<unsigned>256</unsigned>", "not in 0..255"),
        ("<long>12_3</long>", "no number"),
        ("<long>٣</long>", "no number"),
        ("<octet-string>ABC</octet-string>", "hexBinary"),
        ("<date-time>00</date-time>", "1 octets, not 12"),
        ("<boolean>yes</boolean>", "neither true nor false"),
        ("<bit-string>012</bit-string>", "0 and 1"),
        ("<visible-string>€</visible-string>", "no character"),
        ("<word>1</word>", "no kind of Data"),
        ("<structure><word/></structure>", "word is no kind of Data"),
    ],
)
def test_text_that_is_no_value_names_the_element(text: str, reason: str) -> None:
    with pytest.raises(TextError, match=reason) as caught:
        parse(text)
    assert isinstance(caught.value.element, etree._Element)


@pytest.mark.parametrize(
    ("kind", "value"), [("unsigned", 256), ("octet-string", "text"), ("date", b"1"), ("null-data", 1)]
)
def test_of_refuses_what_does_not_fit(kind: str, value: Value) -> None:
    with pytest.raises(DataError):
        Data.of(kind, value)  # type: ignore[arg-type]


_CELLS: dict[Kind, st.SearchStrategy[Value]] = {
    "octet-string": st.binary(max_size=3) | st.binary(min_size=12, max_size=12),
    "unsigned": st.integers(0, 255),
    "long64": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "visible-string": st.text("abc", max_size=3),
    "date-time": st.binary(min_size=12, max_size=12),
    "null-data": st.none(),
}


@given(st.lists(st.sampled_from(sorted(_CELLS)), min_size=1, max_size=4).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.lists(st.tuples(*(_CELLS[kind] for kind in kinds)), max_size=6))
))  # fmt: skip
def test_a_table_is_the_array_of_its_rows(given_: tuple[list[Kind], list[tuple[Value, ...]]]) -> None:
    kinds, rows = given_
    structures = [Data.structure(*(Data.of(k, v) for k, v in zip(kinds, row, strict=True))) for row in rows]
    assert Data.table(kinds, rows) == Data.array(structures)


@pytest.mark.parametrize("rows", [[(1, 2)], [(256,)], [("x",)], [(1,), (None,)]])
def test_a_table_refuses_what_does_not_fit(rows: list[tuple[Value, ...]]) -> None:
    with pytest.raises(DataError):
        Data.table(["unsigned"], rows)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """An array of some fifty rows as text, alike or not quite: other layout, empty cells, foreign text in between."""
    count = draw(st.integers(30, 50))
    between = draw(st.sampled_from(["", "\n  ", " "]))
    cells = draw(
        st.lists(
            st.sampled_from(["octet-string", "long", "unsigned", "null-data", "visible-string"]), min_size=1, max_size=4
        )
    )
    texts = {"octet-string": "0A0b", "long": "-12", "unsigned": "7", "null-data": "", "visible-string": " x "}
    row = "<structure>" + between + between.join(f"<{c}>{texts[c]}</{c}>" for c in cells) + between + "</structure>"
    rows = [row] * count
    odd = draw(
        st.sampled_from(
            [
                "",
                row.replace("7", "8"),
                row.replace("0A0b", ""),
                row.replace("0A0b", "FF"),
                row.replace("-12", "70000"),
                row.replace("7", "0_1"),
                row.replace(">7", "> 7"),
                row.replace("<long>", "<long x='1'>"),
                row.replace("-12", "&#45;12"),
                "<null-data/>",
                "words",
            ]
        )
    )
    rows.insert(draw(st.integers(0, count)), odd)
    return "<array>" + between + between.join(rows) + between + "</array>"


@given(documents())
def test_rows_taken_at_once_are_the_rows_taken_one_by_one(document: str) -> None:
    element = etree.fromstring(document.replace("<array>", f'<array xmlns="{NAMESPACE}">', 1))
    try:
        one_by_one: Data | None = Data.array([from_xml(child) for child in element])
        if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
            one_by_one = None
    except DataError:
        one_by_one = None
    if one_by_one is None:
        with pytest.raises(TextError):
            from_xml(element)
    else:
        assert from_xml(element) == one_by_one
