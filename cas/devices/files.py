"""Import files: CSV with one device a line, TOML with one table `[[device]]` each. The fields are those of `Entry`.

CSV: the first line names the columns, in any order, with `,` or `;` between; an empty cell is a field not given.
Quirks and labels are columns `quirk.release`, `label.region`. TOML: tables `quirk` and `label` inside the device.
"""

import csv
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from cas.devices.entry import Entry
from cas.devices.errors import DeviceRefused
from cas.devices.registration import Row

_GROUPS = ("quirk", "label")
_TABLE = re.compile(r"^\s*\[\[\s*device\s*\]\]", re.MULTILINE)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file, by the kind that its name tells. Raises DeviceRefused, naming file and line."""
    kind = path.suffix.lower()
    if kind not in (".csv", ".toml"):
        raise DeviceRefused([f"{path}: the name must end in .csv or .toml"])
    try:
        # utf-8-sig: spreadsheets begin a file with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _csv_rows(file, str(path)) if kind == ".csv" else _toml_rows(file.read(), str(path))
    except OSError as problem:
        raise DeviceRefused([f"{path}: {problem.strerror}"]) from None
    except UnicodeDecodeError as problem:
        raise DeviceRefused([f"{path}: not UTF-8 at octet {problem.start}"]) from None


def count_rows(path: Path) -> int | None:
    """About how many devices a file has, to show how far one is; None if it cannot be read."""
    mark = b"[[" if path.suffix.lower() == ".toml" else b""
    try:
        with path.open("rb") as file:
            return sum(line.lstrip().startswith(mark) for line in file if line.strip()) - (not mark)
    except OSError:
        return None


def _csv_rows(file: TextIO, name: str) -> Iterator[Row]:
    header = file.readline()
    delimiter = ";" if header.count(";") > header.count(",") else ","
    columns = [column.strip() for column in next(csv.reader([header], delimiter=delimiter), [])]
    _check_columns(columns, name)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            place = f"{name}:{reader.line_num + 1}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(columns):
                raise DeviceRefused([f"{place}: {len(cells)} cells, but the first line names {len(columns)} columns"])
            fields = zip(columns, (cell.strip() for cell in cells), strict=False)
            yield Row(_nested({column: cell for column, cell in fields if cell}), place)
    except csv.Error as problem:
        raise DeviceRefused([f"{name}:{reader.line_num + 1}: {problem}"]) from None


def _check_columns(columns: list[str], name: str) -> None:
    known = [field for field in Entry.model_fields if field not in _GROUPS]
    problems = [
        f"{name}:1: column {column or '(empty)'}: unknown; known are {', '.join(known)}, quirk.*, label.*"
        for column in columns
        if column not in known and column.partition(".")[0] not in _GROUPS
    ]
    problems += [f"{name}:1: column {twice} is there twice" for twice in {c for c in columns if columns.count(c) > 1}]
    problems += [f"{name}:1: column {needed} is missing" for needed in ("device_id", "url") if needed not in columns]
    if problems:
        raise DeviceRefused(problems)


def _nested(cells: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for column, cell in cells.items():
        group, dot, rest = column.partition(".")
        if dot:
            fields.setdefault(group, {})[rest] = cell
        else:
            fields[column] = cell
    return fields


def _toml_rows(text: str, name: str) -> Iterator[Row]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise DeviceRefused([f"{name}: {problem}"]) from None
    unknown = [key for key in document if key != "device"]
    devices = document.get("device", [])
    if unknown or not isinstance(devices, list) or not all(isinstance(device, dict) for device in devices):
        raise DeviceRefused(
            [f"{name}: only tables [[device]] may stand here{': ' if unknown else ''}{', '.join(unknown)}"]
        )
    lines = [text.count("\n", 0, match.end()) + 1 for match in _TABLE.finditer(text)]
    exact = len(lines) == len(devices)
    for number, fields in enumerate(devices):
        yield Row(fields, f"{name}:{lines[number]}" if exact else f"{name}: device {number + 1}")
