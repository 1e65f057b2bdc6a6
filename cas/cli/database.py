"""`cas database`: the schema of the service's database."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cas.cli._common import examples, print_json
from cas.config import load_settings
from cas.store.database import database_dsn
from cas.store.errors import SchemaOutOfDate
from cas.store.migrate import Phase, migrate, missing_migrations
from cas.store.retention import missing_partitions

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Migrate and check the database.")

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
