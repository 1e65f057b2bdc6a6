"""Rate limits: a token bucket for each client, and one for each address that tries passwords.

Buckets are those of one process; several fronts each allow the rate. Time is an argument.
"""

from collections import OrderedDict
from dataclasses import dataclass

# Buckets that are kept; the one that was used longest ago goes, which by then is as good as full or one of a flood.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may be done: `rate` a second in the long run, `burst` at once."""

    rate: float
    burst: int


class Buckets:
    """Token buckets by name."""

    def __init__(self) -> None:
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, limit: Rate, now: float) -> float:
        """Take a token; return 0, or the seconds until there is one, and then none is taken."""
        level = self._level(name, limit, now)
        if level < 1:
            self._put(name, level, now)
            return (1 - level) / limit.rate
        self._put(name, level - 1, now)
        return 0.0

    def _level(self, name: str, limit: Rate, now: float) -> float:
        level, at = self._levels.get(name, (float(limit.burst), now))
        return min(float(limit.burst), level + max(0.0, now - at) * limit.rate)

    def _put(self, name: str, level: float, now: float) -> None:
        self._levels[name] = (level, now)
        self._levels.move_to_end(name)
        if len(self._levels) > MOST:
            self._levels.popitem(last=False)
