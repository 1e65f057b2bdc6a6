"""`cas events`: the numbered events of the service itself, and the catalogue of them."""

import asyncio
from typing import Annotated

import typer

from cas.cli._common import examples, print_json, print_table, run
from cas.config import load_settings
from cas.store.database import open_database
from cas.store.journal import StoredEvent, newest_events, numbers_from
from cas.system_events import Kind, Severity

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show what the service tells of itself.")

LOOK_AFTER = 1.0
"""Seconds between two looks of --follow."""
PAGE = 1000
_HEAD = ("number", "time", "severity", "what", "about", "details", "process")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, a line for each.")]


@app.command(
    "show",
    epilog=examples(
        "cas events show --severity warning",
        "cas events show --about 53494D0000000001 --limit 10",
        "cas events show --follow --json",
    ),
)
def show(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many of the newest.")] = 50,
    severity: Annotated[Severity, typer.Option(help="Only those that are at least so bad.")] = Severity.INFO,
    number: Annotated[list[int] | None, typer.Option(help="Only this one; may be given again.")] = None,
    about: Annotated[str | None, typer.Option(help="Only about this device, receiver, client ...")] = None,
    follow: Annotated[bool, typer.Option(help="Go on with those that come, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Show the newest events, the last one at the end."""
    numbers = number or numbers_from(severity)
    run(_show(limit, numbers, about, follow=follow, as_json=as_json))


@app.command("catalogue", epilog=examples("cas events catalogue"))
def catalogue(as_json: Json = False) -> None:
    """List every event there is: its number, what it says, and what to do."""
    entries = [kind.value for kind in Kind]
    if as_json:
        for each in entries:
            told = {"subject": each.subject, "advice": each.advice}
            print_json({"number": each.number, "severity": each.severity, "title": each.title, **told})
        return
    rows = [(str(each.number), each.severity.value, each.title, each.subject, each.advice) for each in entries]
    print_table(("number", "severity", "what", "about", "what to do"), rows)


async def _show(limit: int, numbers: list[int], about: str | None, *, follow: bool, as_json: bool) -> None:
    async with open_database(load_settings()) as pool:
        found = await newest_events(pool, limit, numbers=numbers, subject=about)
        _print(found, as_json=as_json)
        last = found[0].id if found else None
        if follow and last is None:
            everything = await newest_events(pool, 1)
            last = everything[0].id if everything else 0
        while follow:
            await asyncio.sleep(LOOK_AFTER)
            found = await newest_events(pool, PAGE, after=last, numbers=numbers, subject=about)
            if found:
                last = found[0].id
                _print(found, as_json=as_json)


def _print(found: list[StoredEvent], *, as_json: bool) -> None:
    oldest_first = found[::-1]
    if as_json:
        for each in oldest_first:
            typer.echo(each.document())
    elif oldest_first:
        print_table(_HEAD, [_cells(each) for each in oldest_first])


def _cells(event: StoredEvent) -> tuple[str, ...]:
    at = event.at.isoformat(timespec="seconds")
    entry = event.entry
    return (str(event.number), at, entry.severity.value, entry.title, event.subject, event.text, event.process)
