"""The command `cas`: one verb, one module of this package, imported when it is called.

A module `cas/cli/VERB.py` holds `app`, a `typer.Typer(add_completion=False)` with one command, or with several for a
verb that has verbs of its own; names with a leading underscore are no verbs. Commands raise `CasError` for what the
user can mend.

Exit status: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
"""

import ast
import gc
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cas.errors import CasError


@cache
def verbs() -> tuple[str, ...]:
    """The verbs there are."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))


def _summary(verb: str) -> str:
    """What the first line of the verb's module says of it; the module is not imported."""
    spec = find_spec(f"{__name__}.{verb}")
    source = Path(spec.origin).read_text("utf-8") if spec is not None and spec.origin is not None else ""
    _, _, said = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].partition(": ")
    return said[:1].upper() + said[1:]


def _module(verb: str) -> Any:
    """The verb's module. What an import makes stays: looked at by the garbage collector, it takes a tenth longer."""
    name = f"{__name__}.{verb}"
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


class _Verbs(TyperGroup):
    """The group of all verbs. They are listed without being imported, which takes a hundred times as long."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(verbs())

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self._listing = True
        return super().shell_complete(ctx, incomplete)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in verbs():
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=_summary(cmd_name))
        command = typer.main.get_command(_module(cmd_name).app)
        command.name = cmd_name
        return command


_FIRST_STEPS = """\
[bold]First steps[/bold]
[dim]# meters to try things on, registered, and the service[/dim]
[green]$[/green] cas simulate --export meters.toml
[green]$[/green] cas device import meters.toml
[green]$[/green] cas serve
[green]$[/green] cas read 53494D0000000001 1.0.1.8.0.255

[bold]Exit status[/bold]
0 done, 1 refused or failed, 2 wrong usage, 130 interrupted"""

app = typer.Typer(cls=_Verbs, no_args_is_help=True, pretty_exceptions_enable=False, epilog=_FIRST_STEPS)


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
        from cas.config import CONFIG_VARIABLE  # slow to load, and not needed for help

        os.environ[CONFIG_VARIABLE] = str(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Always ends in SystemExit."""
    try:
        app(args=arguments, prog_name="cas")
    except CasError as problem:
        typer.echo(f"cas: {problem}", err=True)
        sys.exit(1)
