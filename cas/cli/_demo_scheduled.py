"""Scheduled access, events and a pushed notification, from beginning to end (IEC TS 62056-9-1, 5.2.3, 5.2.4).

Starts simulated meters that push, a receiver of events, and the service, as processes of their own; makes two
resources with the service's own client, shows what arrives at the receiver, and stops everything. What would take
minutes takes seconds here: the interval is PT2S, where a minute job says PT1M.
"""

import asyncio
import os
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from cas.cli._common import console
from cas.cli._stage import PATIENCE, answers, device_ids, free_port, running, step
from cas.client import CasClient, attribute
from cas.errors import CasError

METERS = 3
INTERVAL = "PT2S"
LASTS = timedelta(seconds=5)
ACTIVATIONS = 3
ENERGY = "1-0:1.8.0"
SHOWN = "1.0.1.8.0.255:2"
"""As the receiver prints it."""


def run() -> None:
    """Do it, and raise CasError if anything does not go as it should."""
    out = console()
    with tempfile.TemporaryDirectory(prefix="cas-demo-") as directory, ExitStack() as stack:
        work = Path(directory)
        port, push_port, receiver_port = free_port(), free_port(), free_port()
        reply_address = f"http://127.0.0.1:{receiver_port}/"
        environment = os.environ | {
            "CAS_DATA_DIR": str(work / "data"),
            "CAS_PORT": str(port),
            "CAS_PUSH_PORT": str(push_port),
            "CAS_EVENT_TARGETS": f'["{reply_address}"]',
            "CAS_LOG_LEVEL": "error",
            "PYTHONUNBUFFERED": "1",
        }
        url = f"http://127.0.0.1:{port}/cas"
        devices, events = work / "devices.toml", work / "receive.log"
        simulate = ["simulate", "--meters", str(METERS), "--port", "0", "--authentication", "hls-gmac"]
        simulate += ["--export", str(devices), "--push", f"127.0.0.1:{push_port}", "--push-every", "2"]
        stack.enter_context(running(simulate, environment, work / "simulate.log", devices.exists))
        step(environment, "device", "import", str(devices))
        receive = ["receive", "--port", str(receiver_port)]
        stack.enter_context(running(receive, environment, events, lambda: "READY" in _text(events)))
        stack.enter_context(running(["serve"], environment, work / "serve.log", lambda: answers(url)))
        made = asyncio.run(_create(url, device_ids(devices), reply_address))
        out.rule("what arrives at the receiver")
        _follow(events, made)
        out.rule()
        out.print("Everything is stopped and removed. README: Schedules, events and notifications.")


async def _create(url: str, meters: list[str], reply_address: str) -> tuple[str, str]:
    """A job, and a resource that accepts notifications; their IDs."""
    async with CasClient(url, source="demo") as cas:
        job = await cas.create(
            meters,
            [attribute(ENERGY)],
            repeating_interval=INTERVAL,
            expires=datetime.now(UTC) + LASTS,
            reply_address=reply_address,
            correlation_id="job",
        )
        typer.echo(f"created {job.id}: {ENERGY} of {len(meters)} meters, now and every {INTERVAL}, {ACTIVATIONS} times")
        pushed = await cas.create(
            accept_data_notification=True, reply_address=reply_address, correlation_id="notifications"
        )
        typer.echo(f"created {pushed.id}: the notifications of all meters")
    return job.id, pushed.id


def _follow(log: Path, made: tuple[str, str]) -> None:
    """Show what the receiver prints, until the job is over and a notification has come."""
    job, pushed = made
    shown, deadline = 0, time.monotonic() + PATIENCE

    def is_over(text: str) -> bool:
        return f"verb=closed  id={job}" in text and f"verb=created  id={pushed}" in text

    while True:
        text = _text(log)
        typer.echo(text[shown:], nl=False)
        shown = len(text)
        if is_over(text):
            break
        if time.monotonic() > deadline:
            raise CasError("not all events came")
        time.sleep(0.1)
    came = text.count(SHOWN)
    if came != METERS * ACTIVATIONS:
        raise CasError(f"{came} results of the job came, {METERS * ACTIVATIONS} were due")


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
