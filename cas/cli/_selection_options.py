"""The options of `cas read` that choose rows and columns of a profile."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer

from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.cosem.obis import Obis
from cas.cosem.selection import CaptureObject, Entries, Range, Selection
from cas.devices.reading import Attribute, Reader

_CLOCK = CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2)
_SORT_METHOD, _ENTRIES_IN_USE = 5, 7
_NEWEST_FIRST = 2
_NOW = bytes.fromhex("FFFEFFFFFFFFFFFFFFFFFFFF")
_BEGINNING = "2000-01-01T00:00:00"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MINUTE = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(Z|[+-]\d\d:\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was asked for; `columns` are numbers from 1 on or OBIS codes."""

    start: str | None = None
    end: str | None = None
    last: int | None = None
    days: int | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ways = [self.start is not None or self.end is not None, self.last is not None, self.days is not None]
        if sum(ways) > 1:
            raise typer.BadParameter("choose one of --from/--to, --last and --days")

    def __bool__(self) -> bool:
        return self != Choice()


async def selected(choice: Choice, buffer: Attribute, reader: Reader) -> Attribute:
    """The part of a profile's buffer that the options mean, with the times of its rows. Raises typer.BadParameter."""
    if not choice:
        return buffer
    captured = await reader.capture_objects(buffer.logical_name)
    clock = next((column for column in captured if column.is_clock), None)
    places = sorted({_place(text, captured) for text in choice.columns})
    columns = tuple(column for i, column in enumerate(captured) if places and (i in places or column == clock))
    selection: Selection
    if choice.last is not None:
        selection = await _last(choice.last, [captured.index(column) for column in columns], buffer, reader)
    else:
        end = Data.of("octet-string", _NOW) if choice.end is None else _time("--to", choice.end)
        if choice.days is not None:
            # nn days ago, resolved by the device's own clock when it is read
            start = Data.of("octet-string", b"\xff\xfd\xff\xff" + bytes((choice.days,)) + b"\xff" * 7)
        else:
            start = _time("--from", choice.start or _BEGINNING)
        selection = Range(clock or _CLOCK, start, end, columns)
    return replace(buffer, selection=selection, columns=columns)


def _time(option: str, text: str) -> Data:
    """A time without a zone is the device's own."""
    full = text.strip()
    if _DATE.fullmatch(full):
        full += "T00:00:00"
    elif match := _MINUTE.fullmatch(full):
        full = f"{match[1]}:00{match[2] or ''}"
    try:
        return Data.of("date-time", CosemDateTime.from_xs(full.replace(" ", "T")).encode())
    except ValueError:
        raise typer.BadParameter(f"{option} {text}: write it as 2026-01-31 or 2026-01-31T13:45:00+01:00") from None


def _place(text: str, captured: Sequence[CaptureObject]) -> int:
    if text.isdecimal():
        if 1 <= int(text) <= len(captured):
            return int(text) - 1
        raise typer.BadParameter(f"--columns {text}: the profile has {len(captured)} columns")
    try:
        octets = Obis.parse(text).octets
    except ValueError as error:
        raise typer.BadParameter(f"--columns: {error}") from None
    found = next((i for i, column in enumerate(captured) if column.logical_name == octets), None)
    if found is None:
        known = ", ".join(str(Obis(column.logical_name)) for column in captured)
        raise typer.BadParameter(f"--columns {text}: the profile captures {known}")
    return found


async def _last(count: int, places: list[int], buffer: Attribute, reader: Reader) -> Entries:
    """The newest rows, and the columns from the first to the last that is wanted."""
    first_column, last_column = (places[0] + 1, places[-1] + 1) if places else (1, 0)
    if await _number(reader, buffer, _SORT_METHOD) == _NEWEST_FIRST:
        return Entries(1, count, first_column, last_column)
    entries = await _number(reader, buffer, _ENTRIES_IN_USE)
    if entries is None:
        raise typer.BadParameter("--last: the device does not tell how many entries are in use; use --days")
    return Entries(max(1, entries - count + 1), 0, first_column, last_column)


async def _number(reader: Reader, profile: Attribute, attribute: int) -> int | None:
    data = await reader.value(replace(profile, number=attribute))
    value = data.simple if data else None
    return value if isinstance(value, int) else None
