"""COSEM date-time, date and time: octets with wildcards, and what Python and XML make of them (Blue Book 12, 4.1.6.1).

    year (2) month day weekday | hour minute second hundredths | deviation (2) clock-status

A field that is not specified is FF (year FFFF, deviation 8000), here None. The deviation is in minutes, of local time
to UTC: UTC = local time + deviation, so Central Europe's winter has -60.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import IntFlag

DAYLIGHT_SAVINGS_END, DAYLIGHT_SAVINGS_BEGIN = 0xFD, 0xFE
"""Values of month."""
SECOND_LAST_DAY_OF_MONTH, LAST_DAY_OF_MONTH = 0xFD, 0xFE
"""Values of day."""

_UNSPECIFIED = 0xFF
_UNSPECIFIED_YEAR = 0xFFFF
_UNSPECIFIED_DEVIATION = -0x8000
_DEVIATION = (-840, 840)
_XS_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?", re.ASCII
)


class ClockStatus(IntFlag):
    """The clock status octet."""

    INVALID_VALUE = 0x01
    DOUBTFUL_VALUE = 0x02
    DIFFERENT_CLOCK_BASE = 0x04
    INVALID_CLOCK_STATUS = 0x08
    DAYLIGHT_SAVING_ACTIVE = 0x80


def _within(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise ValueError(f"{name} {value} is not within {least} to {most}")


def _specified(octet: int) -> int | None:
    return None if octet == _UNSPECIFIED else octet


def _octet(value: int | None) -> int:
    return _UNSPECIFIED if value is None else value


def _text(value: int | None, digits: int) -> str:
    return "*" if value is None else f"{value:0{digits}}"


@dataclass(frozen=True, slots=True)
class CosemDate:
    """Year, month, day of month, weekday (1 Monday to 7); None: not specified. Raises ValueError out of range."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    def __post_init__(self) -> None:
        _within("year", self.year, 0, 0xFFFE)
        if self.month not in (DAYLIGHT_SAVINGS_END, DAYLIGHT_SAVINGS_BEGIN):
            _within("month", self.month, 1, 12)
        if self.day not in (SECOND_LAST_DAY_OF_MONTH, LAST_DAY_OF_MONTH):
            _within("day", self.day, 1, 31)
        _within("weekday", self.weekday, 1, 7)

    @classmethod
    def decode(cls, octets: bytes) -> "CosemDate":
        """From 5 octets. Raises ValueError."""
        if len(octets) != 5:
            raise ValueError(f"a COSEM date has 5 octets, not {len(octets)}")
        year = int.from_bytes(octets[:2], "big")
        return cls(None if year == _UNSPECIFIED_YEAR else year, *map(_specified, octets[2:]))

    def encode(self) -> bytes:
        """The 5 octets."""
        year = _UNSPECIFIED_YEAR if self.year is None else self.year
        return year.to_bytes(2, "big") + bytes(map(_octet, (self.month, self.day, self.weekday)))

    def to_date(self) -> date:
        """The calendar day. Raises ValueError when year, month or day is not specified or no such day exists."""
        if self.year is None or self.month is None or self.day is None:
            raise ValueError(f"{self} names no single day")
        return date(self.year, self.month, self.day)

    def __str__(self) -> str:
        text = f"{_text(self.year, 4)}-{_text(self.month, 2)}-{_text(self.day, 2)}"
        return text if self.weekday is None else f"{text} (weekday {self.weekday})"


@dataclass(frozen=True, slots=True)
class CosemTime:
    """Hour, minute, second, hundredths; None: not specified. Raises ValueError out of range."""

    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    hundredths: int | None = None

    def __post_init__(self) -> None:
        _within("hour", self.hour, 0, 23)
        _within("minute", self.minute, 0, 59)
        _within("second", self.second, 0, 59)
        _within("hundredths", self.hundredths, 0, 99)

    @classmethod
    def decode(cls, octets: bytes) -> "CosemTime":
        """From 4 octets. Raises ValueError."""
        if len(octets) != 4:
            raise ValueError(f"a COSEM time has 4 octets, not {len(octets)}")
        return cls(*map(_specified, octets))

    def encode(self) -> bytes:
        """The 4 octets."""
        return bytes(map(_octet, (self.hour, self.minute, self.second, self.hundredths)))

    def to_time(self) -> time:
        """The time of day; second and hundredths not specified count as 0. Raises ValueError without hour or minute."""
        if self.hour is None or self.minute is None:
            raise ValueError(f"{self} names no single time of day")
        return time(self.hour, self.minute, self.second or 0, (self.hundredths or 0) * 10_000)

    def __str__(self) -> str:
        text = f"{_text(self.hour, 2)}:{_text(self.minute, 2)}:{_text(self.second, 2)}"
        return text if self.hundredths is None else f"{text}.{self.hundredths:02}"


@dataclass(frozen=True, slots=True)
class CosemDateTime:
    """Date, time, deviation (minutes, UTC minus local time) and clock status; None: not specified."""

    date: CosemDate = CosemDate()
    time: CosemTime = CosemTime()
    deviation: int | None = None
    status: ClockStatus | None = None

    def __post_init__(self) -> None:
        _within("deviation", self.deviation, *_DEVIATION)
        _within("clock status", self.status, 0, 0xFE)

    @classmethod
    def decode(cls, octets: bytes) -> "CosemDateTime":
        """From 12 octets. Raises ValueError."""
        if len(octets) != 12:
            raise ValueError(f"a COSEM date-time has 12 octets, not {len(octets)}")
        deviation = int.from_bytes(octets[9:11], "big", signed=True)
        return cls(
            CosemDate.decode(octets[:5]),
            CosemTime.decode(octets[5:9]),
            None if deviation == _UNSPECIFIED_DEVIATION else deviation,
            None if octets[11] == _UNSPECIFIED else ClockStatus(octets[11]),
        )

    def encode(self) -> bytes:
        """The 12 octets."""
        deviation = _UNSPECIFIED_DEVIATION if self.deviation is None else self.deviation
        octets = self.date.encode() + self.time.encode() + deviation.to_bytes(2, "big", signed=True)
        return octets + bytes((_octet(self.status),))

    @classmethod
    def from_datetime(cls, moment: datetime) -> "CosemDateTime":
        """An aware datetime in its own zone, all fields specified. Raises ValueError for a naive one."""
        offset = moment.utcoffset()
        if offset is None:
            raise ValueError("a date-time without a zone: say which one is meant")
        status = ClockStatus.DAYLIGHT_SAVING_ACTIVE if moment.dst() else ClockStatus(0)
        return cls(
            CosemDate(moment.year, moment.month, moment.day, moment.isoweekday()),
            CosemTime(moment.hour, moment.minute, moment.second, moment.microsecond // 10_000),
            -round(offset.total_seconds() / 60),
            status,
        )

    def to_datetime(self, zone: tzinfo | None = None) -> datetime:
        """The moment, as an aware datetime at the deviation, or in `zone` where the deviation is not specified.

        In the hour that comes twice the clock status tells which one is meant. Second and hundredths that are not
        specified count as 0. Raises ValueError when this is no single moment.
        """
        local = datetime.combine(self.date.to_date(), self.time.to_time())
        if self.deviation is not None:
            return local.replace(tzinfo=timezone(timedelta(minutes=-self.deviation)))
        if zone is None:
            raise ValueError(f"{self} has no deviation, so which moment it is depends on the zone of the device")
        later = self.status is not None and not self.status & ClockStatus.DAYLIGHT_SAVING_ACTIVE
        return local.replace(tzinfo=zone, fold=int(later))

    def plus(self, delta: timedelta) -> "CosemDateTime":
        """This much later at the same deviation and clock status; what is not specified stays so.

        Raises ValueError when this names no single time, OverflowError beyond the year 9999.
        """
        local = datetime.combine(self.date.to_date(), self.time.to_time()) + delta
        second = None if self.time.second is None else local.second
        hundredths = None if self.time.hundredths is None else local.microsecond // 10_000
        weekday = None if self.date.weekday is None else local.isoweekday()
        return replace(
            self,
            date=CosemDate(local.year, local.month, local.day, weekday),
            time=CosemTime(local.hour, local.minute, second, hundredths),
        )

    @classmethod
    def from_xs(cls, text: str) -> "CosemDateTime":
        """From xs:dateTime text; without a zone there the deviation is not specified. Raises ValueError."""
        match = _XS_DATE_TIME.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no xs:dateTime: write it as 2026-01-31T13:45:00+01:00")
        *numbers, fraction, zone = match.groups()
        year, month, day, hour, minute, second = map(int, numbers)
        midnight = (hour, minute, second, int(fraction or 0)) == (24, 0, 0, 0)  # the end of the day
        moment = datetime(year, month, day, 0 if midnight else hour, minute, second, tzinfo=UTC)
        moment += timedelta(days=midnight)
        hundredths = int((fraction or "0")[:2].ljust(2, "0"))
        at = CosemDateTime.from_datetime(moment)
        deviation = None if zone is None else -_offset_minutes(zone)
        return cls(at.date, CosemTime(moment.hour, moment.minute, moment.second, hundredths), deviation, None)

    def to_xs(self) -> str:
        """As xs:dateTime text, without a zone if there is no deviation. Raises ValueError if this is no single time."""
        text = datetime.combine(self.date.to_date(), self.time.to_time()).isoformat()
        if self.time.hundredths:
            text = f"{text[:19]}.{self.time.hundredths:02}"
        if self.deviation is None:
            return text
        if self.deviation == 0:
            return f"{text}Z"
        hours, minutes = divmod(abs(self.deviation), 60)
        return f"{text}{'-' if self.deviation > 0 else '+'}{hours:02}:{minutes:02}"

    def __str__(self) -> str:
        text = f"{self.date} {self.time}"
        if self.deviation is not None:
            hours, minutes = divmod(abs(self.deviation), 60)
            text = f"{text} {'-' if self.deviation > 0 else '+'}{hours:02}:{minutes:02}"
        return text


def at_deviation(moment: datetime, deviation: int) -> bytes:
    """An aware datetime as the 12 octets that a device with this deviation (minutes) understands in a range.

    Weekday and clock status are not specified: a device must not compare them. Raises ValueError for a naive one.
    """
    if moment.utcoffset() is None:
        raise ValueError("a date-time without a zone: say which one is meant")
    try:
        local = moment.astimezone(timezone(timedelta(minutes=-deviation)))
    except OverflowError:  # the first hours that a client can write, or the last: the same moment in UTC
        local, deviation = moment.astimezone(UTC), 0
    return CosemDateTime(
        CosemDate(local.year, local.month, local.day),
        CosemTime(local.hour, local.minute, local.second, local.microsecond // 10_000),
        deviation,
    ).encode()


_DAYS_AGO = re.compile(rb"\xff\xfd\xff\xff(.)\xff{7}", re.DOTALL)
_HOURS_AGO = re.compile(rb"\xff\xfd\xff\xff\xff(.)\xff{6}", re.DOTALL)
_NOW = b"\xff\xfe" + b"\xff" * 10


def is_relative(octets: bytes) -> bool:
    """Whether these octets stand for a time relative to the activation: 12 of them, year FFFD or FFFE."""
    return len(octets) == 12 and octets[:2] in (b"\xff\xfd", b"\xff\xfe")


def resolve(octets: bytes, now: datetime, deviation: int) -> bytes:
    """Relative octets (days ago, hours ago, now) as those of the moment, at the device's deviation; others as they are.

    FFFDFFFFnnFFFFFFFFFFFFFF is nn days ago, FFFDFFFFFFnnFFFFFFFFFFFF nn hours ago, FFFEFFFFFFFFFFFFFFFFFFFF now.
    Raises ValueError for a relative form that is none of these, and for a naive `now`.
    """
    if not is_relative(octets):
        return octets
    if octets == _NOW:
        return at_deviation(now, deviation)
    if (match := _DAYS_AGO.fullmatch(octets)) and match[1] != b"\xff":
        return at_deviation(now - timedelta(days=match[1][0]), deviation)
    if (match := _HOURS_AGO.fullmatch(octets)) and match[1] != b"\xff":
        return at_deviation(now - timedelta(hours=match[1][0]), deviation)
    raise ValueError(
        f"{octets.hex().upper()} is no relative time: use FFFDFFFFnnFFFFFFFFFFFFFF (days ago), "
        "FFFDFFFFFFnnFFFFFFFFFFFF (hours ago) or FFFEFFFFFFFFFFFFFFFFFFFF (now)"
    )


def _offset_minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:])
    return -minutes if zone[0] == "-" else minutes
