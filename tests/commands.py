"""Commands as they stand in help and documents: taken apart, and parsed without being run."""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import dropwhile, takewhile
from typing import Any

import typer

from cas.cli import app

_BETWEEN = re.compile(r"\s+(?:\||&&|&|;)(?:\s+|$)")


def parse(words: Sequence[str]) -> dict[str, Any]:
    """Parse the words behind `cas`, as running them would; the parameters of the verb. Raises click's UsageError."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    rest, name = list(words), "cas"
    while True:
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "resolve_command"):
            return dict(context.params)
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


def cas_commands(script: str) -> Iterator[list[str]]:
    """The words behind `cas` of each call in lines of a shell, without redirections; comments do not count."""
    for line in re.sub(r"\\\n\s*", "", script).splitlines():
        for part in _BETWEEN.split(line):
            words: Iterator[str] = iter(shlex.split(part, comments=True))
            words = dropwhile(lambda word: word == "$" or re.match(r"\w+=", word), words)
            words = takewhile(lambda word: not re.match(r"\d?[<>]", word), words)
            if next(words, "") == "cas":
                yield list(words)
