"""Coverage-guided fuzzing: `python -m tests.fuzz [--seconds 60] [TARGET ...]`. CI only replays the corpus.

Input that reaches lines which none before it reached is kept and changed further. A finding is written to
`corpus/TARGET/`, where the tests replay it for ever after. Prints executions and lines reached.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
WATCHED = (str(ROOT / "cas"), str(ROOT / "transports"))
SLOW = 2.0
"""Seconds from which on an input is a finding for its slowness; tracing makes everything ten times slower."""


class Coverage:
    """Lines of our sources that were run."""

    def __init__(self) -> None:
        self.lines: set[tuple[CodeType, int]] = set()
        self._watched: dict[str, bool] = {}

    def __call__(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in self._watched:
            self._watched[name] = name.startswith(WATCHED) and "bindings" not in name
        return self._line if self._watched[name] else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.lines.add((frame.f_code, frame.f_lineno))
        return self._line


def fuzz(name: str, target: Target, seconds: float, seed: int) -> int:
    """Fuzz one target; return the number of findings."""
    chance = random.Random(seed)
    stored = sorted((CORPUS / name).glob("*")) if (CORPUS / name).is_dir() else []
    pool = [*target.seeds, *(file.read_bytes() for file in stored)]
    coverage, executions, findings = Coverage(), 0, 0
    told: set[str] = set()
    began = time.monotonic()
    waiting = list(pool)
    while time.monotonic() - began < seconds:
        octets = waiting.pop() if waiting else mutate(chance, chance.choice(pool), chance.choice(pool))
        before = len(coverage.lines)
        started = time.monotonic()
        sys.settrace(coverage)
        try:
            target(octets)
            problem = None
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            problem = "".join(traceback.format_exception(error))
        finally:
            sys.settrace(None)
        executions += 1
        if problem is None and time.monotonic() - started > SLOW:
            problem = f"took {time.monotonic() - started:.1f} s"
        if len(coverage.lines) > before:
            pool.append(octets)
        if problem is not None:
            lines = problem.strip().splitlines()
            last = lines[-1].partition(":")[0] + "".join(lines[-3:-1])  # a finding is a place, not its words
            if last not in told:
                told.add(last)
                findings += 1
                folder = CORPUS / name
                folder.mkdir(parents=True, exist_ok=True)
                file = folder / hashlib.sha256(octets).hexdigest()[:16]
                file.write_bytes(octets)
                print(f"{name}: FINDING {file}\n{problem}")
    rate = executions / seconds
    reached = f"{len(coverage.lines)} lines, {len(pool)} inputs, {findings} findings"
    print(f"{name}: {executions} executions ({rate:.0f}/s), {reached}", flush=True)
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="*", choices=[[], *TARGETS], help="all, if none is named")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    findings = sum(fuzz(name, TARGETS[name], options.seconds, options.seed) for name in options.target or TARGETS)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
