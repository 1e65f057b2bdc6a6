"""Runs the benchmarks and prints their table: `python -m tests.benchmarks [--readme | --check] [NAME ...]`."""

import argparse
import sys
from importlib import import_module

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks.guard import keep_ratios, read_ratios, regressions
from tests.benchmarks.measure import ROOT, Row

BEGIN, END = "<!-- benchmarks: made by make bench ARGS=--readme -->", "<!-- end of benchmarks -->"
MODULES = (
    "machine", "load_profile", "documents", "round_trips", "sessions", "on_demand", "scheduled", "planning", "start",
    "memory",
)  # fmt: skip
TIME, MEMORY = (("s", 1.0), ("ms", 1e3), ("us", 1e6)), (("MB", 1e-6), ("KiB", 1 / 1024), ("B", 1.0))


def shown(row: Row, cost: float) -> str:
    """Seconds or octets as a person reads them."""
    units = MEMORY if row.is_memory else TIME
    unit, scale = next((each for each in units if cost * each[1] >= 1), units[-1])
    return f"{cost * scale:.{2 if unit in ('s', 'ms') else 1}f} {unit}"


def lines(row: Row) -> list[tuple[str, str, str, str, str]]:
    """The row as lines of who, cost, ratio, hope and verdict; ours first."""
    found = [("ours", shown(row, row.costs["ours"].median), "", "", "")]
    for name, ratio in row.ratios.items():
        target = row.targets.get(name)
        hope = ("", "") if target is None else (f">= {target:.2f}", verdict(ratio.median >= target))
        spread = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
        found.append((name, shown(row, row.costs[name].median), spread, *hope))
    return found


def verdict(is_reached: bool) -> str:
    """In a word."""
    return "reached" if is_reached else "missed"


def add(table: Table, row: Row) -> None:
    """Our line, then a line for each of the others."""
    for index, (*cells, told) in enumerate(lines(row)):
        colour = {"reached": "[green]", "missed": "[red]"}.get(told, "")
        table.add_row("" if index else f"[bold]{row.work}", *cells, colour + told)


def markdown(rows: list[Row]) -> str:
    """The table of the README."""
    told = ["| work | ours | beside | costs, in units of ours | hoped for |", "|---|---|---|---|---|"]
    for row in rows:
        (_, cost, *_), *others = lines(row)
        head = (row.work, cost)
        if not others:
            told.append(f"| {row.work} | {cost} | | | |")
        for name, _, ratio, *hope in others:
            told.append(f"| {head[0]} | {head[1]} | {name} | {ratio} | {hoped(*hope)} |")
            head = ("", "")
    return "\n".join(told)


def hoped(hope: str, told: str) -> str:
    """The last cell of a line."""
    return f"{hope}, missed" if told == "missed" else hope


def write_readme(rows: list[Row]) -> None:
    """Put the table between its marks."""
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{markdown(rows)}\n{END}{after}")


def main() -> None:
    """Print a row as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MODULES, []], help="which of them; default: all")
    parser.add_argument(
        "--rounds", type=int, default=9, help="rounds that count (default 9); of what takes long: fewer"
    )
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--readme", action="store_true", help="put the table into the README, and keep its ratios")
    end.add_argument("--check", action="store_true", help="fail where a ratio is worse than the one that is kept")
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 140)
    table = Table(
        "work", "who", "cost", "x ours, median (quartiles)", "hoped for", "", box=box.SIMPLE_HEAD,
        caption="x ours: what the other costs in units of ours, taken in turns in one run; above 1 we are better",
    )  # fmt: skip
    measured: list[Row] = []
    with console.status("measuring"):
        for name in arguments.names or MODULES:
            for row in import_module(f"tests.benchmarks.{name}").rows(arguments.rounds):
                measured.append(row)
                add(table, row)
    console.print(table)
    if arguments.readme:
        write_readme(measured)
        keep_ratios(measured)
    if arguments.check:
        worse = list(regressions(measured, read_ratios()))
        sys.exit("\n".join(["worse than kept:", *worse]) if worse else 0)


if __name__ == "__main__":
    main()
