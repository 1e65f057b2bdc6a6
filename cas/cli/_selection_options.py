"""The options of `cas read` that choose rows and columns of a profile."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.cosem.obis import Obis
from cas.cosem.selection import PROFILE_GENERIC, CaptureObject, Entries, Range, Selection
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


async def selection_of(choice: Choice, profile: Obis, reader: Reader) -> Selection | None:
    """The selection that the options mean for a profile; None for all of it. Raises typer.BadParameter."""
    if not choice:
        return None
    columns: tuple[CaptureObject, ...] = ()
    places: list[int] = []
    if choice.columns:
        captured = await reader.capture_objects(profile)
        places = [_place(text, captured) for text in choice.columns]
        columns = tuple(captured[i] for i in sorted(set(places)))
    if choice.last is not None:
        return await _last(choice.last, sorted(set(places)), profile, reader)
    end = Data.of("octet-string", _NOW) if choice.end is None else _time("--to", choice.end)
    if choice.days is not None:
        # nn days ago, resolved by the device's own clock when it is read
        start = Data.of("octet-string", b"\xff\xfd\xff\xff" + bytes((choice.days,)) + b"\xff" * 7)
    else:
        start = _time("--from", choice.start or _BEGINNING)
    return Range(_CLOCK, start, end, columns)


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


async def _last(count: int, places: list[int], profile: Obis, reader: Reader) -> Entries:
    first_column, last_column = 1, 0
    if places:
        first_column, last_column = places[0] + 1, places[-1] + 1
        if last_column - first_column + 1 != len(places):
            raise typer.BadParameter("--columns with --last must be next to one another")
    method = await _number(reader, profile, _SORT_METHOD)
    if method == _NEWEST_FIRST:
        return Entries(1, count, first_column, last_column)
    entries = await _number(reader, profile, _ENTRIES_IN_USE)
    if entries is None:
        raise typer.BadParameter("--last: the device does not tell how many entries are in use; use --days")
    return Entries(max(1, entries - count + 1), 0, first_column, last_column)


async def _number(reader: Reader, profile: Obis, attribute: int) -> int | None:
    data = await reader.value(Attribute(PROFILE_GENERIC, profile, attribute))
    value = data.value if data else None
    return value if isinstance(value, int) else None
