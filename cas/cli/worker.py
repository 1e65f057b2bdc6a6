"""`cas worker`: a process that does what is scheduled or large, besides those of other hosts."""

import asyncio
import logging
import signal
from typing import Annotated

import typer

from cas.app import open_worker
from cas.cli._common import collect_seldom, examples, run
from cas.config import Settings, load_settings
from cas.log import configure_logging

app = typer.Typer(add_completion=False, help="Do scheduled and large DeviceAccesses until stopped.")


@app.command(
    epilog=examples(
        "cas worker",
        "CAS_DSN=postgresql://cas@db.example.net/cas cas worker --concurrency 1000",
    ),
)
def worker(
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Devices at the same time; default: the setting `devices_at_once`.")
    ] = None,
) -> None:
    """Do scheduled and large DeviceAccesses until stopped by Ctrl-C or SIGTERM. Prints READY when it works.

    Any number of workers share one database; each takes devices that no other has. What a stopping worker has not
    finished goes back to the others, after `stop_grace` seconds at the latest.
    """
    settings = load_settings(devices_at_once=concurrency)
    configure_logging(settings.log_level, settings.log_format)
    # The job queue tells of every chunk twice; we tell of activations.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    run(_work(settings))


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_worker(settings):
        collect_seldom()
        typer.echo(f"READY {settings.devices_at_once} devices at a time, in chunks of {settings.chunk_devices}")
        await stop.wait()
        typer.echo(f"stopping, {settings.stop_grace:g} s at most for what is under way", err=True)
    typer.echo("stopped", err=True)
