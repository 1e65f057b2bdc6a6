"""The long run of the crash test: `python -m tests.faults.soak [--meters N] [--minutes M] [--seed S]`.

Prints what is going on, the figures in the end, and ends with status 1 when a promise was broken.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.faults.crash_run import Outcome, run
from tests.faults.crash_site import Plan

PAUSE = (1.0, 8.0)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """What to do, from the options."""
    seconds = arguments.minutes * 60
    return Plan(
        seed=arguments.seed,
        meters=arguments.meters,
        kills=max(5, round(seconds / (sum(PAUSE) / 2))),
        pause=PAUSE,
        latency=0.05,
        chunk=200,
        at_once=200,
        broker=True,
        bulks=max(2, round(seconds / 60)),
        repeat=60,
        window=900,
    )


def main() -> int:
    """Run, and tell."""
    parser = argparse.ArgumentParser(description="Kill processes at random under load, and count what is lost.")
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=5.0, help="of crashes; what is under way then ends in peace")
    parser.add_argument("--seed", type=int, default=round(time.time()), help="default: another each time")
    parser.add_argument("--keep", type=Path, help="directory for logs and database, which stays")
    arguments = parser.parse_args()
    out = Console()
    out.print(f"{arguments.meters:,} meters, {arguments.minutes:g} minutes, --seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="cas-soak-") as temporary:
        directory = arguments.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        outcome = asyncio.run(_run(plan_of(arguments), directory, out))
    for name, figure in outcome.figures.items():
        out.print(f"{name:>28}  {figure}", highlight=False)
    for line in outcome.faults:
        out.print(f"logged: {line[:400]}", style="yellow", highlight=False, markup=False)
    for line in outcome.violations:
        out.print(f"BROKEN: {line}", style="bold red", highlight=False, markup=False)
    out.print("every promise was kept" if not outcome.violations else f"{len(outcome.violations)} promises were broken")
    return 1 if outcome.violations else 0


async def _run(plan: Plan, directory: Path, out: Console) -> Outcome:
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as bar:
        task = bar.add_task("starting", total=1.0)

        def show(what: str, part: float) -> None:
            bar.update(task, description=what, completed=part)
            if not out.is_terminal:
                out.print(f"{part:4.0%} {what}")

        return await run(plan, directory, show)


if __name__ == "__main__":
    sys.exit(main())
