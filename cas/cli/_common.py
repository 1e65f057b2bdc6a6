"""What several verbs need: running a coroutine, tables, JSON lines."""

import asyncio
import json
import resource
import sys
from collections.abc import Coroutine, Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

_T = TypeVar("_T")

WIDE = 200
"""Columns of output that goes to no terminal."""


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run the coroutine to its end, on uvloop where there is one, with as many files open as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if find_spec("uvloop") is None:
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


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
