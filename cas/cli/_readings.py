"""Readings of a client as a table, or for scripts."""

from collections.abc import Sequence
from typing import Any

from cas.cli._common import print_table
from cas.client import Reading
from cas.cosem.interface_classes import attribute_of
from cas.cosem.obis_names import obis_name
from cas.cosem.readable import Readable, as_text, readable


def reading_fields(reading: Reading) -> dict[str, Any]:
    """A reading for JSON; `data` are the octets of the value (A-XDR) in hex."""
    fields: dict[str, Any] = {
        "device": reading.device,
        "activated": reading.activated and reading.activated.isoformat(),
        "class_id": reading.class_id,
        "logical_name": None if reading.obis is None else str(reading.obis),
        "number": reading.number,
    }
    if not reading.ok:
        return fields | {"error": reading.error, "error_code": reading.error_code}
    data = None if reading.data is None else reading.data.octets.hex().upper()
    return fields | {"value": _value(reading), "data": data}


def print_readings(readings: Sequence[Reading]) -> None:
    """A table with a line for each reading."""
    print_table(
        ("device", "time", "object", "name", "value"),
        [
            (
                reading.device,
                "" if reading.activated is None else reading.activated.isoformat(" ", "seconds"),
                "" if reading.obis is None else f"{reading.obis}:{reading.number}",
                "" if reading.obis is None else obis_name(reading.obis) or "",
                as_text(_value(reading)) if reading.ok else f"({reading.error})",
            )
            for reading in readings
        ],
    )


def _value(reading: Reading) -> Readable:
    if reading.data is None:
        return None
    if reading.class_id is None or reading.number is None:
        return readable(reading.data)
    return readable(reading.data, attribute_of(reading.class_id, reading.number).type)
