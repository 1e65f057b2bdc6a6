"""What several verbs need: running a coroutine, tables, JSON lines, progress, examples in help."""

import asyncio
import gc
import json
import resource
import sys
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_T = TypeVar("_T")

WIDE = 200
"""Columns of output that goes to no terminal."""
COLLECT_AFTER = 200_000
"""Objects that come to be, beyond those that go, before the collector looks at them: more than a wave of 1,000 devices
has in hand, as it would find all of those in use."""


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run the coroutine to its end, on uvloop where there is one, with as many files open as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a sandbox may forbid it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if find_spec("uvloop") is None:
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


def collect_seldom() -> None:
    """Let the garbage collector pass over what the start has made, and look at the rest less often.

    For processes that have hundreds of devices in hand: what belongs to one goes with its last reference, and the
    collector would go through all of it again and again, only to find it in use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def console(*, stderr: bool = False) -> "Console":
    """A console that does not squeeze its tables into 80 columns when it is a pipe or file."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else WIDE)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; cells are text, not markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    console().print(table)


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False))


class Bar:
    """What `progress` shows; without a terminal nothing."""

    def __init__(self, shown: "Progress | None" = None) -> None:
        self._shown = shown

    def advance(self, more: int) -> None:
        """So many more are done."""
        if self._shown is not None:
            self.at(int(self._shown.tasks[0].completed) + more)

    def at(self, done: int, total: int | None = None) -> None:
        """So many are done in all, of so many if that is known by now."""
        if self._shown is not None:
            task = self._shown.tasks[0]
            self._shown.update(task.id, completed=done, total=total)
            self._shown.update(task.id, rate=f", {task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress(what: str, unit: str, total: int | None = None) -> Iterator[Bar]:
    """A bar with rate and, by `total` (0: told later), time left; on stderr, if somebody looks."""
    if not sys.stderr.isatty():
        yield Bar()
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    count = "{task.completed:,.0f}" + ("" if total is None else " of {task.total:,.0f}")
    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        *([] if total is None else [BarColumn()]),
        TextColumn(f"{count} {unit}{{task.fields[rate]}}"),
        TimeElapsedColumn(),
        *([] if total is None else [TextColumn("left"), TimeRemainingColumn()]),
    ]
    with Progress(*columns, console=console(stderr=True), transient=True) as shown:
        shown.add_task(what, total=total, rate="")
        yield Bar(shown)


def examples(*lines: str) -> str:
    """An epilogue of help: calls of the command, each perhaps with a comment behind it."""
    from rich.markup import escape

    shown = ["[bold]Examples[/bold]"]
    for line in lines:
        call, sign, comment = line.partition("  # ")
        if sign:
            shown.append(f"[dim]# {escape(comment)}[/dim]")
        shown.append(f"[green]$[/green] {escape(call)}")
    return "\n".join(shown)
