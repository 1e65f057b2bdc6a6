"""Keys given to a command: from a file, an environment variable or standard input, never as an argument."""

import os
import sys
from getpass import getpass
from pathlib import Path

import typer

KEY_INPUT = "Hex digits or PEM (a secret: text, or hex:...) from file:PATH, env:NAME, or - for standard input."


def read_key(name: str, source: str) -> str:
    """The key from its source, without the line's end. Raises typer.BadParameter, which does not repeat the source."""
    option = f"--{name.replace('_', '-')}"
    kind, _, rest = source.partition(":")
    if source == "-":
        key = getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline()
    elif kind == "file" and rest:
        try:
            key = Path(rest).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise typer.BadParameter(f"{option}: cannot be read from {rest}: {problem}") from None
    elif kind == "env" and rest:
        if rest not in os.environ:
            raise typer.BadParameter(f"{option}: the environment has no variable {rest}")
        key = os.environ[rest]
    else:
        # Arguments can be read by every user of the machine, and stay in the shell's history.
        raise typer.BadParameter(f"{option}: a key is not given as an argument: use file:PATH, env:NAME or -")
    key = key.rstrip("\r\n")
    if not key:
        raise typer.BadParameter(f"{option}: the key is empty")
    return key
