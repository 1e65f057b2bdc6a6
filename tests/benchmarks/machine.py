"""How fast this machine is just now, beside the one that the hopes were made on, in its fast state.

A hope that is a time is one of that machine: it holds here for as many times as long as a fixed loop takes here.
"""

import time
from collections.abc import Iterable

from tests.benchmarks.measure import Case, Row, compare

REFERENCE = 0.005
"""Seconds of CPU of the loop on the machine of the hopes."""


def loop() -> float:
    """Seconds of CPU of the loop here, the best of a few: what else runs does not count."""
    return min(_loop() for _ in range(5))


def _loop() -> float:
    began, number, seen = time.process_time(), 0, {}
    for each in range(60_000):
        seen[each & 255] = number
        number = (number * 31 + each) & 0xFFFF_FFFF
    return time.process_time() - began


def here(seconds: float) -> float:
    """What takes so many seconds on the machine of the hopes, on this one."""
    return seconds * loop() / REFERENCE


def allowed(seconds: float) -> Case:
    """What ours may take."""
    return lambda: here(seconds)


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    yield compare(
        "a fixed loop in Python, on this machine",
        {"ours": loop, "the machine of the hopes, at its best": lambda: REFERENCE},
        {},
        rounds,
    )
