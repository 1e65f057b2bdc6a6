"""The command `cas`: one verb, one module of this package, imported when it is called.

A module `cas/cli/VERB.py` holds `app`, a `typer.Typer(add_completion=False)` with one command, or with several for a
verb that has verbs of its own; names with a leading underscore are no verbs. Commands raise `CasError` for what the
user can mend.

Exit status: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cas.config import CONFIG_VARIABLE
from cas.errors import CasError


@cache
def verbs() -> tuple[str, ...]:
    """The verbs there are."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))


class _Verbs(TyperGroup):
    """The group of all verbs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(verbs())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in verbs():
            return None
        command = typer.main.get_command(import_module(f"{__name__}.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(cls=_Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cas {version('cosem-access-service')}")
        raise typer.Exit


@app.callback()
def _options(
    config: Annotated[Path | None, typer.Option(help="Settings file; default: cas.toml, if it is here.")] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """COSEM Access Service: the web services of IEC TS 62056-9-1 in front of DLMS/COSEM meters."""
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Always ends in SystemExit."""
    try:
        app(args=arguments, prog_name="cas")
    except CasError as problem:
        typer.echo(f"cas: {problem}", err=True)
        sys.exit(1)
