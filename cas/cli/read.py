"""`cas read`: attributes of a device, named, scaled and typed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from cas.cli._common import examples, print_json, print_table, progress, run
from cas.cli._meter import DEVICE_HELP, PASSWORD_HELP, ReadFailed, open_reader
from cas.cli._selection_options import Choice, selected
from cas.cli._values import attribute_name, fields, table_of, text_of
from cas.cosem.data_xml import to_xml
from cas.cosem.interface_classes import class_name, find_class
from cas.cosem.obis import Obis
from cas.cosem.obis_names import obis_name, usual_class
from cas.cosem.selection import BUFFER, PROFILE_GENERIC
from cas.devices.browsing import CosemObject, read_objects
from cas.devices.reading import Attribute, Reader, Reading

app = typer.Typer(add_completion=False, help="Read attributes of a device.")

_VALUE = 2
_MISPLACED = frozenset({"object-undefined", "object-class-inconsistent", "object-unavailable"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|\d{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """What one argument names."""

    code: Obis
    attribute: str = ""


@app.command(
    no_args_is_help=True,
    epilog=examples(
        "cas read 53494D0000000001 1.0.1.8.0.255  # energy, with scaler and unit",
        "cas read 53494D0000000001 0.0.1.0.0.255 1.0.32.7.0.255:scaler_unit  # several, in one association",
        "cas read 53494D0000000001 1.0.99.1.0.255 --days 2 --plot  # a load profile, drawn",
        "cas read 53494D0000000001 1.0.99.1.0.255 --from 2026-11-01 --to 2026-11-02 --columns 1,2 --json",
        "cas read 'udp://192.0.2.7:4059?client=16&server=1' 0.0.42.0.0.255  # not registered",
    ),
)
def read(
    device: Annotated[str, typer.Argument(help=DEVICE_HELP)],
    objects: Annotated[
        list[str], typer.Argument(metavar="OBIS[:ATTRIBUTE]...", help="Number or name; default: the value.")
    ],
    class_id: Annotated[
        int | None, typer.Option("--class", help="Interface class; default: by the code, or the object list.", min=1)
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First row of a profile.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Last row of a profile; default: now.")
    ] = None,
    last: Annotated[int | None, typer.Option(help="The newest so many rows.", min=1)] = None,
    days: Annotated[int | None, typer.Option(help="The rows of the last so many days.", min=1, max=254)] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of a profile: numbers or OBIS codes, by commas.")] = None,
    password: Annotated[str | None, typer.Option(metavar="SOURCE", help=PASSWORD_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each object.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Print the octets of each value in hex.")] = False,
    as_xml: Annotated[bool, typer.Option("--xml", help="Print the COSEM XML of each value.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw profiles instead of listing their rows.")] = False,
) -> None:
    """Read attributes in one association. A time without a zone is the device's own.

    Exit status 1 if the device answered any of them with an error.
    """
    if as_json + raw + as_xml + plot > 1:
        raise typer.BadParameter("choose one of --json, --raw, --xml and --plot")
    targets = [_target(text) for text in objects]
    choice = Choice(start, end, last, days, tuple(filter(None, (columns or "").split(","))))
    readings = run(_read(device, targets, class_id, choice, password, complete=not (raw or as_xml)))
    if as_json:
        for reading in readings:
            print_json(fields(reading))
    elif raw or as_xml:
        for reading in readings:
            _print_plain(reading, as_xml=as_xml)
    else:
        _print(readings, plot=plot)
    if any(reading.data is None for reading in readings):
        raise typer.Exit(1)


def _target(text: str) -> Target:
    try:
        return Target(Obis.parse(text))  # which may have a colon of its own: 1-0:1.8.0
    except ValueError:
        code, colon, attribute = text.rpartition(":")
        if not colon:
            raise typer.BadParameter(f"{text!r} is no OBIS code: write it as 1.0.1.8.0.255") from None
    try:
        target = Target(Obis.parse(code), attribute)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not _NAME.fullmatch(attribute):
        raise typer.BadParameter(f"{text}: an attribute is given by its number or name, not {attribute!r}")
    return target


async def _read(
    device: str,
    targets: Sequence[Target],
    class_id: int | None,
    choice: Choice,
    password: str | None,
    *,
    complete: bool,
) -> list[Reading]:
    with progress("reading", "octets") as bar:
        async with open_reader(device, password, bar.advance) as reader:
            attributes = await _attributes(reader, targets, class_id, choice)
            readings = await reader.read(attributes)
            if class_id is None:
                readings = await _look_up(reader, targets, choice, readings)
            if complete:
                readings = [await reader.complete(reading) for reading in readings]
    return readings


async def _attributes(
    reader: Reader, targets: Sequence[Target], class_id: int | None, choice: Choice
) -> list[Attribute]:
    """The attributes meant; the class by the code where that suggests one, else from the object list."""
    classes = [class_id or usual_class(target.code) for target in targets]
    known = _by_name(await read_objects(reader)) if None in classes else {}
    found = []
    for target, cls in zip(targets, classes, strict=True):
        listed = known.get(target.code)
        if cls is None and listed is None:
            raise ReadFailed(f"{target.code}: the device lists no such object; give its class by --class")
        found.append(await _attribute(reader, target, cls or listed, choice))
    return found


async def _look_up(
    reader: Reader,
    targets: Sequence[Target],
    choice: Choice,
    readings: list[Reading],
) -> list[Reading]:
    """Ask again, with the class of the object list, for what the device has not under the class supposed."""
    wrong = [i for i, reading in enumerate(readings) if reading.error in _MISPLACED]
    if not wrong:
        return readings
    known = _by_name(await read_objects(reader))
    for i in wrong:
        listed = known.get(targets[i].code)
        if listed is not None and listed.class_id != readings[i].attribute.class_id:
            attribute = await _attribute(reader, targets[i], listed, choice)
            (readings[i],) = await reader.read([attribute])
    return readings


async def _attribute(reader: Reader, target: Target, found: "int | CosemObject | None", choice: Choice) -> Attribute:
    class_id = found.class_id if isinstance(found, CosemObject) else found or 0
    version = found.version if isinstance(found, CosemObject) else None
    attribute = Attribute(class_id, target.code, _number(target, class_id, version), version=version)
    if (class_id, attribute.number) == (PROFILE_GENERIC, BUFFER):
        return await selected(choice, attribute, reader)
    return attribute


def _number(target: Target, class_id: int, version: int | None) -> int:
    if not target.attribute:
        return _VALUE
    if target.attribute.isdecimal():
        if int(target.attribute) <= 127:  # Integer8
            return int(target.attribute)
        raise typer.BadParameter(f"{target.code}: attribute {target.attribute} is more than 127")
    cls = find_class(class_id, version)
    number = cls.attribute(target.attribute) if cls else None
    if number is None:
        known = ", ".join(member.name for member in cls.attributes.values()) if cls else "none"
        name = class_name(class_id, version)
        raise typer.BadParameter(f"{target.code}: {name} has no attribute {target.attribute!r}; known are {known}")
    return number


def _by_name(objects: Sequence[CosemObject]) -> dict[Obis, CosemObject]:
    return {found.logical_name: found for found in objects}


def _print(readings: Sequence[Reading], *, plot: bool) -> None:
    single = [reading for reading in readings if reading.table is None]
    if single:
        print_table(
            ("object", "name", "attribute", "value"),
            [
                (
                    str(reading.attribute.logical_name),
                    obis_name(reading.attribute.logical_name) or class_name(reading.attribute.class_id),
                    attribute_name(reading.attribute),
                    text_of(reading),
                )
                for reading in single
            ],
        )
    for reading in readings:
        if reading.table is not None:
            name = reading.attribute.logical_name
            typer.echo(f"{name} {obis_name(name) or class_name(PROFILE_GENERIC)}: {text_of(reading)}")
            if plot:
                from cas.cli._plot import print_plot

                print_plot(reading)
            else:
                print_table(*table_of(reading))


def _print_plain(reading: Reading, *, as_xml: bool) -> None:
    if reading.data is None:
        typer.echo(f"cas: {reading.attribute.logical_name}: {reading.error}", err=True)
    elif as_xml:
        typer.echo(to_xml(reading.data))
    else:
        typer.echo(reading.data.octets.hex().upper())
