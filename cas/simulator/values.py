"""Values that a simulated meter measures: functions of (meter, time) alone, so that nothing is stored.

A test, or a second simulator with the same seed, computes the same value for any time. All of it is whole-number
arithmetic, the same on every machine. `at` is in seconds since 1970, UTC.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import TypeAlias

Source: TypeAlias = Callable[[int, int], int]
"""What is measured, in thousandths of the unit: a function of the meter's key and the time."""

HOUSEHOLD = (6, 5, 5, 4, 4, 5, 8, 11, 10, 9, 8, 9, 11, 10, 8, 8, 9, 12, 16, 18, 17, 14, 11, 8)
"""Consumption of a household by hour of the day, any unit."""

BEGIN = 1_577_836_800
"""2020-01-01T00:00:00Z, when the counters of energy stood at their first reading."""

_SLOT, _DAY, _HOUR = 900, 86_400, 3600
_MASK = (1 << 64) - 1


def mix(*numbers: int, state: int = 0) -> int:
    """64 bits that look random and depend on all the numbers (SplitMix64); with what others gave, on those as well."""
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ state >> 27) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def energy(power: int, salt: int, shape: tuple[int, ...] = HOUSEHOLD) -> Source:
    """Energy that only grows, in mWh: `power` is the mean in W, of which a meter has half to one and a half.

    The shape gives the day its form, noise makes every quarter of an hour differ.
    """
    hours = (0, *accumulate(shape))
    whole = hours[-1] * _HOUR  # of a day, in units of the shape
    # The noise may take back at most half of what the quietest hour brings: the sum still grows.
    swing = power * 250 * 24 * min(shape) // (2 * hours[-1])

    def measured(key: int, at: int) -> int:
        passed = max(at - BEGIN, 0)
        day, second = divmod(passed, _DAY)
        hour, rest = divmod(second, _HOUR)
        units = day * whole + hours[hour] * _HOUR + shape[hour] * rest
        own = 500 + key % 1001  # per mille of the mean power
        slot, into = divmod(passed, _SLOT)
        seed = mix(key, salt)
        before, after = mix(slot, state=seed) % (swing + 1), mix(slot + 1, state=seed) % (swing + 1)
        noise = before * _SLOT + (after - before) * into
        # rounded once, at the end, or the sum might step back by one
        grown = (power * 24_000 * units * _SLOT + noise * whole) // (whole * _SLOT)
        first = seed % 20_000_000_000
        return first + own * grown // 1000

    return measured


def share(source: Source, percent: int) -> Source:
    """A part of what another source measures."""
    return lambda key, at: source(key, at) * percent // 100


def rest(source: Source, percent: int) -> Source:
    """What `share` leaves over."""
    return lambda key, at: source(key, at) - source(key, at) * percent // 100


def power(source: Source) -> Source:
    """The mean power of the last minute, in mW, from a source of energy in mWh."""
    return lambda key, at: (source(key, at) - source(key, at - 60)) * 60


def wander(low: int, high: int, salt: int) -> Source:
    """A value between two bounds (in thousandths of the unit), another one each minute."""
    return lambda key, at: low + mix(key, salt, at // 60) % (high - low + 1)
