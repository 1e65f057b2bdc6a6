"""How the benchmarks measure: in turns, so that a machine whose speed drifts drifts for everybody alike.

A round runs each case once, one after the other; a ratio is taken inside a round, and told as the median over the
rounds with its quartiles. Absolute figures are for orientation only.
"""

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
PEERS_PYTHON = ROOT / ".bench" / "bin" / "python"

Case = Callable[[], float]
"""Does the work once, and returns what it cost: seconds of one unit of work, or octets of memory."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """The spread of at least two values."""
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, in which unit, and what was hoped for."""

    work: str
    costs: Mapping[str, Spread]
    """Seconds of a unit of work, or octets of memory, by case; `ours` is among them."""
    ratios: Mapping[str, Spread]
    """Cost of the case in units of ours: above 1 we are faster."""
    targets: Mapping[str, float]
    """The least ratio hoped for, by case."""
    is_memory: bool = False
    """Whether costs are octets."""


def timed(work: Callable[[], object], units: int = 1) -> Case:
    """A case that calls `work` and counts it as so many units. CPU, which other processes do not lengthen."""

    def run() -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) / units

    return run


def waited(work: Callable[[], object]) -> Case:
    """A case that calls `work`, which other processes do: the time until it is done."""

    def run() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return run


def compare(
    work: str,
    cases: Mapping[str, Case],
    targets: Mapping[str, float],
    rounds: int,
    *,
    is_memory: bool = False,
) -> Row:
    """Measure the cases in turns. The first round warms up and does not count."""
    seen: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, case in cases.items():
            gc.collect()
            cost = case()
            if number:
                seen[name].append(cost)
    ours = seen["ours"]
    ratios = {
        name: Spread.of([cost / our for cost, our in zip(costs, ours, strict=True)])
        for name, costs in seen.items()
        if name != "ours"
    }
    return Row(work, {name: Spread.of(costs) for name, costs in seen.items()}, ratios, targets, is_memory)


class Peer:
    """A foreign implementation in its own process and environment: sent the name of a case, it answers seconds."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._command = [str(PEERS_PYTHON), str(Path(__file__).parent / "peers" / script), *arguments]

    def __enter__(self) -> Self:
        if not PEERS_PYTHON.exists():
            sys.exit(f"{PEERS_PYTHON} is missing: `make bench` makes it")
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def case(self, name: str) -> Case:
        """A case of the peer's."""

        def run() -> float:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(f"{name}\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
            return float(answer["seconds"])

        return run
