"""Local time of a simulated meter: a fixed deviation, with or without daylight saving as in the European Union."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache

from cas.cosem.date_time import ClockStatus, CosemDate, CosemDateTime, CosemTime

SUMMER = 60
"""Minutes that summer time is ahead."""
_EPOCH = date(1970, 1, 1).toordinal()
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Zone:
    """`deviation`: minutes of UTC minus local standard time, -60 in Central Europe."""

    deviation: int = 0
    daylight_saving: bool = False

    def deviation_at(self, at: int) -> int:
        """The deviation in force at that time, in minutes."""
        return self.deviation - SUMMER if self.daylight_saving and _is_summer(at) else self.deviation

    def octets(self, at: int) -> bytes:
        """The time as the 12 octets of a COSEM date-time, everything specified."""
        return _octets(self, at)

    def moment(self, octets: bytes) -> int:
        """The time that 12 octets mean here, where their deviation is not specified. Raises ValueError."""
        given = CosemDateTime.decode(octets)
        if given.deviation is not None:
            return int(given.to_datetime().timestamp())
        local = int(given.to_datetime(UTC).timestamp())
        summer = local + (self.deviation - SUMMER) * 60
        if self.deviation_at(summer) != self.deviation:
            return summer
        return local + self.deviation * 60

    def day(self, at: int) -> int:
        """The local day, counted from 1970-01-01."""
        return (at - self.deviation_at(at) * 60) // _DAY

    def midnight(self, day: int) -> int:
        """When that local day begins."""
        local = day * _DAY
        return local + self.deviation_at(local + self.deviation * 60) * 60


@lru_cache(maxsize=1 << 16)
def _octets(zone: Zone, at: int) -> bytes:
    deviation = zone.deviation_at(at)
    local = datetime.fromtimestamp(at, UTC) - timedelta(minutes=deviation)
    summer = ClockStatus.DAYLIGHT_SAVING_ACTIVE if deviation != zone.deviation else ClockStatus(0)
    day = CosemDate(local.year, local.month, local.day, local.isoweekday())
    return CosemDateTime(day, CosemTime(local.hour, local.minute, local.second, 0), deviation, summer).encode()


def _is_summer(at: int) -> bool:
    year = datetime.fromtimestamp(at, UTC).year
    begin, end = _summer(year)
    return begin <= at < end


@cache
def _summer(year: int) -> tuple[int, int]:
    """From the last Sunday of March to that of October, 01:00 UTC (Directive 2000/84/EC)."""
    begin, end = (_last_sunday(year, month) * _DAY + 3600 for month in (3, 10))
    return begin, end


def _last_sunday(year: int, month: int) -> int:
    last = date(year, month, 31)
    return last.toordinal() - _EPOCH - last.isoweekday() % 7
