"""Values as people and scripts read them."""

import json
from decimal import Decimal

import pytest
from hypothesis import given

from cas.cosem.data import Data
from cas.cosem.interface_classes import attribute_of
from cas.cosem.readable import Readable, ScalerUnit, plain, readable
from tests.strategies import data


def _typed(class_id: int, attribute: int, octets: str, version: int | None = None) -> Readable:
    return readable(Data.decode(bytes.fromhex(octets)), attribute_of(class_id, attribute, version).type)


def test_a_clock_reads_as_a_time() -> None:
    assert _typed(8, 2, "090C07E9011F050D2D0000FFC400") == "2025-01-31T13:45:00+01:00"
    assert _typed(8, 2, "090C07E9FFFFFF0D2D0000800000") == "2025-*-* 13:45:00.00"
    assert _typed(8, 4, "1181") == ["invalid value", "daylight saving active"]


def test_structures_read_by_the_names_of_their_fields() -> None:
    assert _typed(3, 3, "02020FFF1623") == {"scaler": -1, "unit": "V"}
    assert _typed(7, 3, "010102041200080906000001 0000FF0F02120000".replace(" ", "")) == [
        {"class_id": 8, "logical_name": "0.0.1.0.0.255", "attribute_index": 2, "data_index": 0}
    ]


def test_enumerations_and_bits_read_by_name() -> None:
    assert _typed(70, 3, "1601") == "connected"
    assert _typed(70, 3, "1609") == 9
    assert _typed(64, 2, "1603", 0) == "all messages authenticated and encrypted"
    assert _typed(64, 2, "166C", 1) == [
        "authenticated request", "encrypted request", "authenticated response", "encrypted response",
    ]  # fmt: skip
    assert _typed(42, 3, "06C0A80001") == "192.168.0.1"


def test_octets_of_no_known_meaning() -> None:
    assert readable(Data.of("octet-string", b"GRX0001")) == "GRX0001"
    assert readable(Data.of("octet-string", b"\x00\x01")) == "0001"
    assert readable(Data.of("octet-string", b"")) == ""


def test_what_does_not_fit_its_type_is_shown_as_it_came() -> None:
    assert _typed(8, 2, "09020102") == "0102"
    assert _typed(3, 3, "02010F01") == [1]
    assert _typed(8, 2, "0600000001") == 1


@pytest.mark.parametrize(
    ("scaler", "value", "expected"),
    [(-2, 1234, Decimal("12.34")), (3, 5, Decimal(5000)), (0, -7, Decimal(-7)), (-1, None, None), (-1, "x", "x")],
)
def test_registers_are_scaled_exactly(scaler: int, value: int | str | None, expected: object) -> None:
    assert ScalerUnit(scaler, 35).apply(value) == expected


def test_scaler_and_unit_from_the_attribute() -> None:
    found = ScalerUnit.from_data(Data.decode(bytes.fromhex("02020FFE1621")))
    assert found == ScalerUnit(-2, 33)
    assert found is not None
    assert found.symbol == "A"
    assert ScalerUnit.from_data(Data.of("integer", 3)) is None


def test_cells_for_json() -> None:
    assert [plain(x) for x in (Decimal("12.30"), Decimal(5000), b"\x01", None, "a", True)] == [
        12.3, 5000, "01", None, "a", True,
    ]  # fmt: skip


@given(data)
def test_any_value_can_be_read_and_written_as_json(value: Data) -> None:
    json.dumps(readable(value), ensure_ascii=False, allow_nan=False).encode()
    json.dumps(readable(value, attribute_of(15, 2).type))
