"""`cas audit`: the record of what changed anything. It can be read and verified, and nothing else."""

import json
import sys
from contextlib import aclosing
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from cas.cli._common import examples, print_json, print_table, run
from cas.config import load_settings
from cas.security.audit import Entry, Head, iterate_entries, newest, verify
from cas.store.database import open_database

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Verify, show and export the audit log.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    "verify",
    epilog=examples(
        "cas audit verify",
        "cas audit verify --head 1042:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08  # noted before",
    ),
)
def verify_command(
    head: Annotated[
        str | None, typer.Option(metavar="NUMBER:HASH", help="What an earlier verify printed, kept elsewhere.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute the chain of hashes anew. Prints its end: note that where nobody who can change the database can.

    Without --head nobody can tell that the newest entries were cut off, or that all of them were made anew.
    """
    noted: Head | None = None
    if head is not None:
        try:
            noted = Head.parse(head)
        except ValueError:
            raise typer.BadParameter("--head must read NUMBER:HASH, as `cas audit verify` prints it") from None
    found = run(_verify(noted))
    if as_json:
        print_json({"entries": found.number, "head": str(found)})
    else:
        typer.echo(f"{found.number} entries, none was changed; the end of the chain is\n{found}")


@app.command(
    "show",
    epilog=examples(
        "cas audit show --limit 20",
        "cas audit show --actor client:mdm --action 'create DeviceAccess'",
    ),
)
def show(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many of the newest.")] = 50,
    actor: Annotated[str | None, typer.Option(help="Only of this one, as `client:mdm`.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, as `create DeviceAccess`.")] = None,
    as_json: Json = False,
) -> None:
    """Show the newest entries, the last one at the end."""
    entries = run(_newest(limit, actor, action))
    if as_json:
        for entry in entries:
            typer.echo(_line(entry))
        return
    print_table(("number", "time", "who", "what", "", "details"), [_cells(entry) for entry in entries])


@app.command(
    "export",
    epilog=examples(
        "cas audit export audit.jsonl",
        "cas audit export --after 1042 | gzip > audit-rest.jsonl.gz",
    ),
)
def export(
    file: Annotated[Path | None, typer.Argument(help="File to write; default: standard output.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries behind this number.")] = 0,
) -> None:
    """Write the entries with their hashes, a JSON object a line, as others can verify them.

    A hash is SHA-256 over the hash before (first: 32 octets of zero), the number as 8 octets, and `entry` in UTF-8.
    """
    if file is None:
        run(_export(sys.stdout, after))
        return
    with file.open("x", encoding="utf-8") as out:
        run(_export(out, after))


def _line(entry: Entry) -> str:
    return json.dumps({"number": entry.number, "entry": entry.text, "hash": entry.hash.hex()}, ensure_ascii=False)


def _cells(entry: Entry) -> tuple[str, ...]:
    content = dict(entry.content)
    at, actor, action = (str(content.pop(name, "")) for name in ("at", "actor", "action"))
    phase = str(content.pop("outcome", content.pop("phase", "")))
    content.pop("phase", None)
    details = "; ".join(f"{name}: {_text(value)}" for name, value in content.items() if value not in ("", None, []))
    return (str(entry.number), at[:19], actor, action, phase, details)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def _verify(noted: Head | None) -> Head:
    async with open_database(load_settings()) as pool:
        return await verify(pool, noted)


async def _newest(limit: int, actor: str | None, action: str | None) -> list[Entry]:
    async with open_database(load_settings()) as pool:
        return await newest(pool, limit, actor=actor, action=action)


async def _export(out: IO[str], after: int) -> None:
    async with open_database(load_settings()) as pool, aclosing(iterate_entries(pool, after)) as entries:
        async for entry in entries:
            out.write(_line(entry) + "\n")
