"""Values of a device as the terminal and scripts show them."""

from collections.abc import Sequence
from typing import Any

from cas.cosem.interface_classes import attribute_of, class_name
from cas.cosem.obis_names import obis_name
from cas.cosem.profile import Column
from cas.cosem.readable import Readable, as_text, plain, readable
from cas.devices.reading import Attribute, Reading


def fields(reading: Reading) -> dict[str, Any]:
    """A reading for JSON; `data` are the octets of the value (A-XDR) in hex."""
    attribute = reading.attribute
    found: dict[str, Any] = {
        "class_id": attribute.class_id,
        "class": class_name(attribute.class_id, attribute.version),
        "logical_name": str(attribute.logical_name),
        "name": obis_name(attribute.logical_name),
        "attribute": attribute.number,
        "attribute_name": attribute_name(attribute),
    }
    if reading.data is None:
        return found | {"error": reading.error}
    if reading.table is not None:
        columns = [_column(column) for column in reading.table.columns]
        rows = [[plain(cell) for cell in row.cells] for row in reading.table.rows]
        return found | {"columns": columns, "rows": rows}
    found["value"] = value_of(reading)
    if reading.scaler_unit is not None:
        found["unit"] = reading.scaler_unit.symbol
    return found | {"data": reading.data.octets.hex().upper()}


def attribute_name(attribute: Attribute) -> str:
    """The name of an attribute in its class."""
    return attribute_of(attribute.class_id, attribute.number, attribute.version).name


def value_of(reading: Reading) -> Readable:
    """The value, scaled where that is known."""
    if reading.data is None:
        return None
    if reading.scaler_unit is not None:
        return plain(reading.scaler_unit.apply(reading.data.value))
    attribute = reading.attribute
    return readable(reading.data, attribute_of(attribute.class_id, attribute.number, attribute.version).type)


def text_of(reading: Reading) -> str:
    """The value or the error as one cell of a table."""
    if reading.data is None:
        return f"({reading.error})"
    if reading.table is not None:
        return f"{len(reading.table.rows)} rows of {len(reading.table.columns)} columns"
    if reading.scaler_unit is not None:
        value = reading.scaler_unit.apply(reading.data.value)
        shown = format(value, "f") if hasattr(value, "scaleb") else as_text(plain(value))
        return f"{shown} {reading.scaler_unit.symbol}".rstrip()
    return as_text(value_of(reading))


def table_of(reading: Reading) -> tuple[Sequence[str], list[list[str]]]:
    """Head and rows of a profile's table."""
    table = reading.table
    if table is None:
        return [], []
    head = [_head(column) for column in table.columns]
    rows = [["-" if cell is None else _cell(cell) for cell in row.cells] for row in table.rows]
    return head, rows


def _cell(cell: object) -> str:
    return format(cell, "f") if hasattr(cell, "scaleb") else as_text(plain(cell)).replace("T", " ", 1)


def _head(column: Column) -> str:
    name = "time" if column.is_clock else str(column.logical_name)
    if column.attribute != 2 or column.data_index:
        name += f":{column.attribute}" + (f"[{column.data_index}]" if column.data_index else "")
    return f"{name}\n{column.unit_symbol}" if column.unit_symbol else name


def _column(column: Column) -> dict[str, Any]:
    return {
        "class_id": column.class_id,
        "logical_name": str(column.logical_name),
        "name": obis_name(column.logical_name),
        "attribute": column.attribute,
        "data_index": column.data_index,
        "unit": column.unit_symbol,
    }
