"""`cas database`: the schema of the service's database."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cas.cli._common import examples, print_json, run
from cas.config import load_settings
from cas.devices.master_key import load_keyring
from cas.devices.restored import Secured, secure_restored
from cas.security.audit import operator, recorded
from cas.store.database import database_dsn, open_database
from cas.store.errors import SchemaOutOfDate
from cas.store.migrate import Phase, migrate, missing_migrations
from cas.store.retention import missing_partitions

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Migrate, check and restore the database.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    "migrate",
    epilog=examples(
        "cas database migrate",
        "cas database migrate --phase pre  # while the old release still runs",
    ),
)
def migrate_command(
    phase: Annotated[
        Phase | None, typer.Option(help="Only what goes before (pre) or after (post) a rolling upgrade; default: both.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the schema up to date."""
    with database_dsn(load_settings()) as dsn:
        applied = migrate(dsn, phase)
    if as_json:
        print_json({"applied": applied})
    else:
        typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do: the schema is up to date")


@app.command(
    "check",
    epilog=examples(
        "cas database check && cas serve",
    ),
)
def check_command(as_json: Json = False) -> None:
    """Say whether the database can be reached and its schema is up to date."""
    with database_dsn(load_settings()) as dsn:
        missing = missing_migrations(dsn)
        partitions = [] if missing else missing_partitions(dsn, datetime.now(UTC))
    if as_json:
        print_json({"missing": missing, "partitions": partitions})
    if missing:
        raise SchemaOutOfDate(f"the database lacks {', '.join(missing)}: run `cas database migrate`")
    if partitions:
        raise SchemaOutOfDate(f"the database lacks partitions of results ({', '.join(partitions)}): start a worker")
    if not as_json:
        typer.echo("the schema is up to date")


@app.command(
    "restored",
    epilog=examples(
        "cas database restored",
        "cas database restored --skip 50000000  # a backup that is months old",
    ),
)
def restored_command(
    skip: Annotated[
        int, typer.Option(min=1, max=1 << 30, help="Invocation counters that one key may have used since the backup.")
    ] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Make a database safe that was restored from a backup, before any process of the service starts on it.

    The backup does not know what was used after it: invocation counters skip values, and changes that it has under way
    count as sent (`outcome unknown`). If there are scheduled changes, start the first process with
    CAS_MAKE_UP_MISSED=false.
    """
    done = run(_restored(skip))
    if as_json:
        print_json({"counters": done.counters, "changes": done.changes, "unreadable": done.unreadable})
        return
    typer.echo(f"{done.counters} invocation counters skip {skip} values; {done.changes} changes count as sent")
    if done.unreadable:
        typer.echo(f"no master key fits the keys of {done.unreadable} devices: they are as they were", err=True)


async def _restored(skip: int) -> Secured:
    settings = load_settings()
    about = {"actor": operator(), "action": "secure restored database", "skip": skip}
    async with open_database(settings) as pool, recorded(pool, about) as outcome:
        done = await secure_restored(pool, load_keyring(settings), settings.client_title, skip)
        outcome |= {"counters": done.counters, "changes": done.changes}
    return done
