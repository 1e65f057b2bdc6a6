"""`cas receive`: a receiver of events, for trying out and for scripts."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from cas.cli._common import examples, print_json, run
from cas.cli._key_input import KEY_INPUT, read_key
from cas.cli._readings import print_readings, reading_fields
from cas.client.receiver import MOST_OCTETS, EventReceiver, ReceivedEvent
from cas.errors import CasError

app = typer.Typer(add_completion=False, help="Receive events, print or store them, and acknowledge them.")


class CannotReceive(CasError):
    """The port or the directory cannot be used."""


@app.command(
    epilog=examples(
        "cas receive --count 1  # then: cas request --create ... --async --reply-to http://127.0.0.1:8081/",
        "cas receive --port 9000 --store events --signing-key env:EVENT_KEY",
    ),
)
def receive(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0: a free one.", min=0, max=0xFFFF)] = 8081,
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each event to a file MESSAGE_ID.xml there.")
    ] = None,
    count: Annotated[int | None, typer.Option(help="End after so many events.", min=1)] = None,
    signing_key: Annotated[
        str | None, typer.Option(metavar="SOURCE", help=f"Take only what is signed with this key. {KEY_INPUT}")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each event.")] = False,
) -> None:
    """Listen until Ctrl-C. Prints READY and the URL for a ReplyAddress; the setting event_targets must allow it.

    Each event is acknowledged when it is printed or stored, and each repeat as well, which is dropped.
    """
    key = None if signing_key is None else read_key("signing_key", signing_key).encode()
    run(_receive(host, port, _Taker(store, as_json=as_json), count, key))


class _Taker:
    """Takes events: prints them, or stores them and prints their names."""

    def __init__(self, store: Path | None, *, as_json: bool) -> None:
        self._store = store
        self._as_json = as_json
        self.taken = asyncio.Semaphore(0)

    def prepare(self) -> None:
        """Make the directory. Raises CannotReceive."""
        try:
            if self._store is not None:
                self._store.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise CannotReceive(f"{self._store}: {problem.strerror}") from None

    async def take(self, event: ReceivedEvent) -> None:
        """Print it, and store it unless a former run of this command did."""
        is_new = self._store is None or await asyncio.to_thread(_write, self._store, event)
        if is_new:
            self._print(event)
            self.taken.release()

    def _print(self, event: ReceivedEvent) -> None:
        header = {
            "verb": event.verb,
            "id": event.access_id,
            "message_id": event.message_id,
            "correlation_id": event.correlation_id,
        }
        if self._as_json:
            print_json({**header, "readings": [reading_fields(reading) for reading in event.readings]})
            return
        typer.echo("  ".join(f"{name}={value}" for name, value in header.items() if value))
        if event.readings and self._store is None:
            print_readings(event.readings)


def _write(directory: Path, event: ReceivedEvent) -> bool:
    """Store an event under its MessageID; False: it is there."""
    name = "".join(sign for sign in event.message_id or "" if sign.isalnum() or sign in "-_")[:100] or "unnamed"
    file = directory / f"{name}.xml"
    if file.exists():
        return False
    part = file.with_suffix(".part")
    part.write_bytes(event.octets)
    part.rename(file)
    return True


async def _receive(host: str, port: int, taker: _Taker, count: int | None, key: bytes | None) -> None:
    taker.prepare()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    application = web.Application(client_max_size=MOST_OCTETS)
    application.add_routes(EventReceiver(taker.take, signing_key=key).routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as problem:
            raise CannotReceive(f"cannot listen on {host} port {port}: {problem.strerror or problem}") from None
        where, at = runner.addresses[0][:2]
        typer.echo(f"READY http://{f'[{where}]' if ':' in where else where}:{at}/")
        enough = asyncio.create_task(_enough(taker, count))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([enough, stopped], return_when=asyncio.FIRST_COMPLETED)
        enough.cancel()
        stopped.cancel()
    finally:
        await runner.cleanup()


async def _enough(taker: _Taker, count: int | None) -> None:
    taken = 0
    while count is None or taken < count:
        await taker.taken.acquire()
        taken += 1
