"""Runs the benchmarks and prints their table: `python -m tests.benchmarks [--rounds N] [NAME ...]`."""

import argparse
from importlib import import_module

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import ROOT, Row, Spread

BEGIN, END = "<!-- benchmarks: made by make bench ARGS=--readme -->", "<!-- end of benchmarks -->"
MODULES = ("load_profile", "documents", "round_trips", "sessions")


def cost(spread: Spread) -> str:
    """Seconds as a person reads them."""
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if spread.median * scale >= 1:
            return f"{spread.median * scale:.2f} {unit}"
    return f"{spread.median * 1e6:.1f} us"


def add(table: Table, row: Row) -> None:
    """Our line, then a line for each of the others."""
    table.add_row(f"[bold]{row.work}", "ours", cost(row.costs["ours"]), "", "", "")
    for name, ratio in row.ratios.items():
        target = row.targets.get(name)
        verdict = "" if target is None else "[green]reached" if ratio.median >= target else "[red]missed"
        wanted = "" if target is None else f">= {target:.2f}"
        spread = f"{ratio.median:.2f}  ({ratio.low:.2f} .. {ratio.high:.2f})"
        table.add_row("", name, cost(row.costs[name]), spread, wanted, verdict)


def markdown(rows: list[Row]) -> str:
    """The table of the README."""
    lines = ["| work | ours | beside | costs, in units of ours | hoped for |", "|---|---|---|---|---|"]
    for row in rows:
        for index, (name, ratio) in enumerate(row.ratios.items()):
            target = row.targets.get(name)
            hoped = "" if target is None else f"{target:.2f}{'' if ratio.median >= target else ', missed'}"
            first = (row.work, cost(row.costs["ours"])) if index == 0 else ("", "")
            spread = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
            lines.append(f"| {first[0]} | {first[1]} | {name} | {spread} | {hoped} |")
    return "\n".join(lines)


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
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count (default 9)")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 140)
    table = Table(
        "work", "who", "cost", "x ours, median (quartiles)", "hoped for", "", box=box.SIMPLE_HEAD,
        caption="x ours: what the other costs in units of ours, taken in turns in one run; above 1 we are faster",
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


if __name__ == "__main__":
    main()
