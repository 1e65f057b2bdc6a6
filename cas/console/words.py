"""Schedules in words: `every day at 02:00 within 4 hours until 2027-01-01` to terms, and terms to words.

    now                                            once, at once
    in 20 minutes | today at 18:00 | tomorrow 3:00 | 2026-05-01 06:30
    every 15 minutes | every hour | daily at 2:00 | every Monday at 6:00 | every month on the 31st
    ... within 4 hours                             the window of each activation (Duration)
    ... until 2027-01-01                           no activation from then on (Expires)
    ... from 2026-05-01                            the first activation of a repeated one (Activates)

A time is one of the zone that is given; a `WordsError` says which part was not understood.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from cas.access.model import Terms
from cas.access.recurrence import Interval, in_zone

_UNITS = {"minute": "PT{}M", "hour": "PT{}H", "day": "P{}D", "week": "P{}D", "month": "P{}M", "year": "P{}Y"}
_SHORT = {"min": "minute", "h": "hour", "d": "day"}
_ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNIT = r"(?P<unit>minutes?|min|hours?|h|days?|d|weeks?|months?|years?)"
_CLAUSE = re.compile(r"\b(within|until|from)\b")
_SPAN = re.compile(rf"(?:(?P<count>\d{{1,4}})\s*)?{_UNIT}")
_EVERY = re.compile(rf"every (?:(?P<count>\d{{1,4}})\s*)?(?:{_UNIT}|(?P<weekday>{'|'.join(_WEEKDAYS)}))")
_DAY_OF_MONTH = re.compile(r"\bon the (\d{1,2})(?:st|nd|rd|th)?\b")
_TIME = re.compile(r"(?:\bat )?\b(\d{1,2})[:.](\d\d)\b")
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)(?:t|\b)")
_NOTHING = ("", "now", "once", "once now", "at once")

EXAMPLES = (
    "now",
    "tomorrow at 03:00",
    "every 15 minutes",
    "every day at 02:00 within 4 hours",
    "every Monday at 06:00",
    "every month on the 1st at 00:30",
)
"""What a form suggests."""


class WordsError(ValueError):
    """A schedule that is not understood; the text says which part, and gives an example."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the words mean, as a DeviceAccess has it."""

    activates: datetime | None = None
    repeating_interval: str | None = None
    duration: str | None = None
    expires: datetime | None = None


def parse_schedule(text: str, now: datetime, zone: tzinfo) -> Schedule:
    """What a schedule in words means. Raises WordsError."""
    head, *clauses = _CLAUSE.split(" ".join(text.lower().replace(",", " ").split()))
    given = dict(zip(clauses[::2], (part.strip() for part in clauses[1::2]), strict=True))
    local = now.astimezone(zone)
    first = _moment(given["from"], local) if "from" in given else None
    schedule = _repeated(head.strip(), local, first) or _once(head.strip(), local)
    if first is not None and schedule.repeating_interval is None:
        schedule = replace(schedule, activates=first)
    return replace(
        schedule,
        duration=_duration(given["within"]) if "within" in given else None,
        expires=_moment(given["until"], local) if "until" in given else None,
    )


def _once(text: str, local: datetime) -> Schedule:
    if text in _NOTHING:
        return Schedule()
    if text.startswith("in "):
        return Schedule(activates=local + _elapsed(text[3:]))
    return Schedule(activates=_moment(text, local))


def _repeated(text: str, local: datetime, first: datetime | None) -> Schedule | None:
    for adverb, unit in _ADVERBS.items():
        text = re.sub(rf"^{adverb}\b", f"every {unit}", text)
    found = _EVERY.match(text)
    if found is None:
        return None
    rest = text[found.end() :].strip()
    on_day = _DAY_OF_MONTH.search(rest)
    rest = _DAY_OF_MONTH.sub("", rest).strip()
    at = _time(rest) if rest else None
    unit, count = _unit(found["unit"] or "week"), int(found["count"] or 1)
    start: datetime | None
    if not count:
        raise WordsError("every 0 is no interval: write `every 15 minutes`")
    interval = _UNITS[unit].format(count * 7 if unit == "week" else count)
    if found["weekday"]:
        start = _next_weekday(local, _WEEKDAYS.index(found["weekday"]), at)
    elif on_day:
        start = _next_day_of_month(local, int(on_day[1]), at)
    elif at is not None:
        start = _next_time(local, at)
    else:
        start = first
    if first is not None and start is not None:
        while start < first:
            start += timedelta(days=7 if found["weekday"] else 1)
    return Schedule(activates=start, repeating_interval=interval)


def _unit(text: str) -> str:
    return _SHORT.get(text, text if text in _SHORT else text.rstrip("s"))


def _duration(text: str) -> str:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise WordsError(f"`within {text}` is not understood: write `within 4 hours`")
    unit, count = _unit(found["unit"]), int(found["count"] or 1)
    return _UNITS[unit].format(count * 7 if unit == "week" else count)


def _elapsed(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    unit = _unit(found["unit"]) if found else ""
    if found is None or unit in ("month", "year"):
        raise WordsError(f"`in {text}` is not understood: write `in 20 minutes`")
    count = int(found["count"] or 1)
    return timedelta(**{f"{unit}s": count})


def _moment(text: str, local: datetime) -> datetime:
    """A day, a time, or both; a day alone begins at midnight, a time alone is the next one."""
    rest, day = text, None
    if found := _DATE.search(rest):
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            raise WordsError(f"{found[0]} is no day of the calendar") from None
        rest = _DATE.sub("", rest)
    for word, ahead in (("today", 0), ("tomorrow", 1)):
        if re.search(rf"\b{word}\b", rest):
            day = local.date() + timedelta(days=ahead)
            rest = re.sub(rf"\b{word}\b", "", rest)
    rest = rest.strip()
    if day is None:
        return _next_time(local, _time(rest))
    return datetime.combine(day, _time(rest) if rest else time(), local.tzinfo)


def _time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise WordsError(f"`{text}` is not understood: write `every day at 02:00`, `tomorrow at 03:00` or `now`")
    return time(int(found[1]), int(found[2]))


def _next_time(local: datetime, at: time) -> datetime:
    today = datetime.combine(local.date(), at, local.tzinfo)
    return today if today > local else datetime.combine(local.date() + timedelta(days=1), at, local.tzinfo)


def _next_weekday(local: datetime, weekday: int, at: time | None) -> datetime:
    day = local.date() + timedelta(days=(weekday - local.weekday()) % 7)
    found = datetime.combine(day, at or time(), local.tzinfo)
    return found if found > local else datetime.combine(day + timedelta(days=7), at or time(), local.tzinfo)


def _next_day_of_month(local: datetime, wanted: int, at: time | None) -> datetime:
    """The next such day; the first activation decides the day of all, so one is taken that has it."""
    if not 1 <= wanted <= 31:
        raise WordsError(f"no month has a day {wanted}")
    year, month = local.year, local.month
    while True:
        if wanted <= monthrange(year, month)[1]:
            found = datetime.combine(date(year, month, wanted), at or time(), local.tzinfo)
            if found > local:
                return found
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def describe_schedule(terms: Terms | Schedule, zone: tzinfo) -> str:
    """A schedule as a person says it; `parse_schedule` reads it, but for intervals that only machines write."""
    parts = []
    if terms.repeating_interval is not None:
        parts.append(_recurrence(terms.repeating_interval, terms.activates and in_zone(terms.activates, zone)))
    else:
        parts.append(moment(terms.activates, zone) if terms.activates else "once, now")
    if terms.duration is not None:
        parts.append(f"within {_span(terms.duration)}")
    if terms.expires is not None:
        parts.append(f"until {moment(terms.expires, zone)}")
    return " ".join(parts)


def _recurrence(text: str, start: datetime | None) -> str:
    every = describe_interval(text)
    if start is None:
        return every
    at = f"at {start:%H:%M}"
    match every:
        case "every day":
            return f"{every} {at}"
        case "every week":
            return f"every {_WEEKDAYS[start.weekday()].capitalize()} {at}"
        case "every month":
            return f"{every} on the {_ordinal(start.day)} {at}"
    return f"{every} from {start:%Y-%m-%d %H:%M}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number // 10 != 1 else "th"
    return f"{number}{ending}"


def describe_interval(text: str) -> str:
    """An xs:duration as an interval: `every day`, `every 15 minutes`."""
    return f"every {_span(text).removeprefix('1 ')}"


def _span(text: str) -> str:
    try:
        interval = Interval.parse(text)
    except ValueError:
        return text
    seconds = int(interval.elapsed.total_seconds())
    weeks = interval.days // 7 if interval.days % 7 == 0 else 0
    amounts = (
        (interval.months // 12, "year"),
        (interval.months % 12, "month"),
        (weeks, "week"),
        (0 if weeks else interval.days, "day"),
        (seconds // 3600, "hour"),
        (seconds % 3600 // 60, "minute"),
        (seconds % 60, "second"),
    )
    named = [f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in amounts if count]
    return " ".join(named)


def moment(at: datetime, zone: tzinfo) -> str:
    """An instant as the console writes it: 2026-05-01 06:30."""
    local = in_zone(at, zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M")
