"""`cas init`: what a new installation begins with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cas.cli._common import examples, print_json
from cas.config import DEFAULT_FILE, SECRETS_VARIABLE
from cas.deploy.configuration import commented
from cas.deploy.files import write_files, write_new
from cas.deploy.secrets import make_secrets

app = typer.Typer(add_completion=False, help="Write a commented configuration, secrets, files for operation.")


@app.command(
    epilog=examples(
        "cas init  # writes cas.toml",
        "cas init --secrets /etc/cas/secrets --host cas.example.net",
        "cas init --deploy deploy  # units of systemd, rules of Prometheus, a dashboard",
    ),
)
def init(
    file: Annotated[Path, typer.Argument(help="File of settings to write.")] = DEFAULT_FILE,
    secrets: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Make the secrets that are missing in this directory, instead.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="With --secrets: name or address in the certificate; several are possible.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="HOST", help="With --secrets: also a password for PostgreSQL there.")
    ] = None,
    deploy: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write units of systemd, and files for Prometheus and Grafana, instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write `cas.toml` with every setting, its meaning and its default. What is there is never overwritten.

    The secrets are a master key, a self-signed certificate, and with --database a password; the service takes them
    where CAS_SECRETS names the directory.
    """
    if secrets is not None and deploy is not None:
        raise typer.BadParameter("choose one of --secrets and --deploy")
    if secrets is not None:
        written = make_secrets(secrets, host or ["localhost", "127.0.0.1"], database, datetime.now(UTC))
    elif deploy is not None:
        written = write_files(deploy)
    else:
        written = [write_new(file, commented())]
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        typer.echo(f"wrote {path}")
    if secrets is not None:
        typer.echo(f"back up {secrets}; the service takes them with {SECRETS_VARIABLE}={secrets}", err=True)
