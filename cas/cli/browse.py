"""`cas browse`: the objects of a device with their names, attributes and access rights."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from cas.cli._common import examples, print_json, print_table, progress, run
from cas.cli._meter import DEVICE_HELP, PASSWORD_HELP, open_reader
from cas.cli._values import fields, text_of
from cas.cosem.interface_classes import attribute_of, class_name, method_of
from cas.cosem.obis import Obis
from cas.cosem.obis_names import obis_name
from cas.cosem.selection import BUFFER, PROFILE_GENERIC
from cas.devices.browsing import CosemObject, Right, read_objects
from cas.devices.reading import Attribute, Reading

app = typer.Typer(add_completion=False, help="List the objects of a device.")

Values = Mapping[tuple[int, Obis, int], Reading]
_OBJECT_LISTS = {(12, 2), (12, 3), (15, 2)}
"""Attributes that are shown by this very command."""


@app.command(
    no_args_is_help=True,
    epilog=examples(
        "cas browse 53494D0000000001  # every object, by name",
        "cas browse 53494D0000000001 --values  # and what they hold",
        "cas browse 'tcp://192.0.2.7:4059?client=16&server=1' --rights  # not registered",
        "cas browse 53494D0000000001 --json | jq -r .logical_name",
    ),
)
def browse(
    device: Annotated[str, typer.Argument(help=DEVICE_HELP)],
    values: Annotated[bool, typer.Option("--values", help="Read all that may be read, but for buffers.")] = False,
    rights: Annotated[bool, typer.Option("--rights", help="Show attributes and methods with their rights.")] = False,
    password: Annotated[str | None, typer.Option(metavar="SOURCE", help=PASSWORD_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each object.")] = False,
) -> None:
    """List the objects that the association shows, with names of classes, codes, attributes and methods."""
    objects, readings = run(_browse(device, password, values=values))
    if as_json:
        for found in objects:
            print_json(_object_fields(found, readings))
    elif values or rights:
        print_table(*_long(objects, readings, values=values))
    else:
        print_table(("object", "class", "version", "name"), [_short(found) for found in objects])


async def _browse(device: str, password: str | None, *, values: bool) -> tuple[list[CosemObject], Values]:
    async with open_reader(device, password) as reader:
        objects = await read_objects(reader)
        if not values:
            return objects, {}
        wanted = [attribute for found in objects for attribute in _readable(found)]
        with progress("values", "attributes", len(wanted)) as bar:
            readings = await reader.read(wanted, bar.advance)
            readings = [await reader.complete(reading) for reading in readings]
    return objects, {(r.attribute.class_id, r.attribute.logical_name, r.attribute.number): r for r in readings}


def _readable(found: CosemObject) -> list[Attribute]:
    """What is worth reading: not the logical name, which is known, nor what is long by nature."""
    return [
        Attribute(found.class_id, found.logical_name, number, version=found.version)
        for number, right in sorted(found.attributes.items())
        if right.read and number > 1 and (found.class_id, number) not in {*_OBJECT_LISTS, (PROFILE_GENERIC, BUFFER)}
    ]


def _short(found: CosemObject) -> tuple[str, ...]:
    return (
        str(found.logical_name),
        class_name(found.class_id, found.version),
        str(found.version),
        obis_name(found.logical_name) or "",
    )


def _long(
    objects: Sequence[CosemObject], readings: Values, *, values: bool
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = []
    for found in objects:
        name = obis_name(found.logical_name) or class_name(found.class_id, found.version)
        rows.append((str(found.logical_name), name, "", ""))
        for number, right in sorted(found.attributes.items()):
            member = attribute_of(found.class_id, number, found.version).name
            reading = readings.get((found.class_id, found.logical_name, number))
            if not values:
                rows.append(("", f"{number} {member}", right.text, ""))
            elif reading is not None:
                rows.append(("", f"{number} {member}", right.text, text_of(reading)))
        if not values:
            for number, right in sorted(found.methods.items()):
                member = method_of(found.class_id, number, found.version).name
                rows.append(("", f"method {number} {member}", right.text, ""))
    if values:
        return ("object", "name", "access", "value"), rows
    return ("object", "name", "access"), [row[:3] for row in rows]


def _object_fields(found: CosemObject, readings: Values) -> dict[str, Any]:
    return {
        "class_id": found.class_id,
        "class": class_name(found.class_id, found.version),
        "version": found.version,
        "logical_name": str(found.logical_name),
        "name": obis_name(found.logical_name),
        "attributes": [_attribute_fields(found, right, readings) for _, right in sorted(found.attributes.items())],
        "methods": [
            {
                "method": number,
                "name": method_of(found.class_id, number, found.version).name,
                "access": list(right.names),
                "executable": right.execute,
            }
            for number, right in sorted(found.methods.items())
        ],
    }


def _attribute_fields(found: CosemObject, right: Right, readings: Values) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "attribute": right.number,
        "name": attribute_of(found.class_id, right.number, found.version).name,
        "access": list(right.names),
        "readable": right.read,
        "writable": right.write,
    }
    reading = readings.get((found.class_id, found.logical_name, right.number))
    if reading is not None:
        told = fields(reading)
        shown |= {name: told[name] for name in ("value", "unit", "data", "error") if name in told}
    return shown
