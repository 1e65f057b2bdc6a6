"""`cas serve`: the service, until it is stopped."""

import asyncio
import logging
import signal
from typing import Annotated

import typer

from cas.app import open_service
from cas.cli._common import collect_seldom, examples, run
from cas.config import Settings, load_settings
from cas.log import configure_logging

app = typer.Typer(add_completion=False, help="Run the service until stopped.")


@app.command(
    epilog=examples(
        "cas serve",
        "cas --config /etc/cas/cas.toml serve --no-worker  # a front only; see cas worker",
        "CAS_DSN=postgresql://cas@db.example.net/cas cas serve --port 9080",
    ),
)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: the setting `host`.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=0xFFFF, help="TCP port, 0: a free one; default: the setting `port`.")
    ] = None,
    worker: Annotated[
        bool, typer.Option(help="Also do what is scheduled or large; without, `cas worker` does it elsewhere.")
    ] = True,
) -> None:
    """Run the service until stopped by Ctrl-C or SIGTERM. Prints READY and its URL when it answers."""
    settings = load_settings(host=host, port=port)
    configure_logging(settings.log_level, settings.log_format)
    # The job queue tells of every chunk twice; we tell of activations.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    run(_serve(settings, work=worker))


async def _serve(settings: Settings, *, work: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_service(settings, work=work) as url:
        collect_seldom()
        typer.echo(f"READY {url}")
        await stop.wait()
        typer.echo(f"stopping, {settings.stop_grace:g} s at most for what is under way", err=True)
