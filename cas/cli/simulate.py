"""`cas simulate`: meters to try things out with, many in one process."""

import asyncio
import itertools
import resource
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from cas.cli._common import console, print_table, run
from cas.simulator import Simulator, SimulatorError, builtin_models
from cas.simulator.faults import Fault, parse_faults
from cas.simulator.oddities import Oddity
from cas.simulator.pushing import push
from cas.simulator.simulator import Framing

app = typer.Typer(add_completion=False, help="Simulate meters until stopped.")

SHOWN = 10
"""Meters that are listed by name."""
SPARE_FILES = 256
"""Files that the process needs beside the ports."""


@app.command()
def simulate(
    meters: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=0xFFFF, help="First port; 0: any free ones.")] = 4059,
    one_port: Annotated[bool, typer.Option("--one-port", help="All on one port, told apart by their address.")] = False,
    framing: Annotated[str, typer.Option(metavar="NAME", help="wrapper or hdlc.")] = "wrapper",
    model: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(builtin_models())}, or FILE.toml; several take turns.")
    ] = None,
    authentication: Annotated[
        str | None, typer.Option(metavar="NAME", help="Association to export: none, lls, hls-gmac, ...")
    ] = None,
    export: Annotated[Path | None, typer.Option(help="Write devices for `cas device import` to this .toml.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="KIND[:METERS]", help="Such as dead:0, slow=2.5:1-3, cut, garble, hang.")
    ] = None,
    oddity: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"How they depart from the standard: {', '.join(Oddity)}.")
    ] = None,
    latency: Annotated[float, typer.Option(min=0, help="Milliseconds before each answer.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Other values and keys.")] = 0,
    first: Annotated[int, typer.Option(min=1, help="Number of the first meter; its system title is made of it.")] = 1,
    exclusive: Annotated[bool, typer.Option(help="Refuse a second association with the same meter.")] = True,
    push_to: Annotated[
        str | None,
        typer.Option("--push", metavar="HOST:PORT", help="Where the meters push notifications, in turn."),
    ] = None,
    push_every: Annotated[float, typer.Option(min=0.1, help="Seconds between two of them.")] = 10.0,
) -> None:
    """Simulate meters until stopped by Ctrl-C or SIGTERM. Prints READY when all of them answer."""
    faults: dict[int, Fault] = {}
    for text in fault or []:
        faults |= parse_faults(text, meters)
    simulator = Simulator(
        meters,
        model=model or ["residential"],
        host=host,
        port=port,
        one_port=one_port,
        framing=_framing(framing),
        first=first,
        seed=seed,
        authentication=authentication,
        latency=latency / 1000,
        faults=faults,
        exclusive=exclusive,
        oddities=oddity or (),
    )
    _allow_files(SPARE_FILES + (0 if one_port else 2 * meters))
    run(_serve(simulator, export, None if push_to is None else _pushing(simulator, push_to, push_every)))


def _framing(name: str) -> Framing:
    if name == "hdlc":
        return "hdlc"
    if name != "wrapper":
        raise typer.BadParameter(f"{name!r} is neither wrapper nor hdlc", param_hint="--framing")
    return "wrapper"


def _pushing(simulator: Simulator, where: str, every: float) -> Callable[[], Awaitable[None]]:
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal():
        raise typer.BadParameter(f"{where!r} is not HOST:PORT", param_hint="--push")

    async def pushing() -> None:
        for meter in itertools.cycle(simulator.meters):
            await asyncio.sleep(every)
            try:
                said = "confirmed" if await push(meter, host, int(port)) else "not confirmed"
            except OSError as problem:
                said = str(problem)
            typer.echo(f"{meter.device_id} pushed to {where}: {said}")

    return pushing


async def _serve(simulator: Simulator, export: Path | None, pushing: Callable[[], Awaitable[None]] | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with simulator:
        began = time.monotonic()
        if export is not None:
            simulator.export(export)
        _introduce(simulator, export)
        pushes = asyncio.ensure_future(pushing()) if pushing is not None else None
        await _watch(simulator, stop)
        if pushes is not None:
            pushes.cancel()
        _summarise(simulator, time.monotonic() - began)


def _introduce(simulator: Simulator, export: Path | None) -> None:
    count = len(simulator.meters)
    shown = range(min(count, SHOWN))
    print_table(
        ("device", "model", "where", "authentication"),
        [
            (meter.device_id, meter.model.name, simulator.url(i), str(simulator.device(i)["authentication"]))
            for i, meter in ((i, simulator.meter(i)) for i in shown)
        ],
    )
    if count > SHOWN:
        typer.echo(f"... and {count - SHOWN} more, to {simulator.url(count - 1)}")
    if export is not None:
        typer.echo(f"register them: cas device import {export}")
    typer.echo(f"READY {count} meters")


async def _watch(simulator: Simulator, stop: asyncio.Event) -> None:
    """Show what goes on, on a terminal, until stopped."""
    out = console()
    if not out.is_terminal:
        await stop.wait()
        return
    with out.status("waiting for clients") as status:
        before = simulator.counts.requests
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), 1.0)
            except TimeoutError:
                counts = simulator.counts
                status.update(f"{counts.connections} connections, {counts.requests - before} requests/s")
                before = counts.requests


def _summarise(simulator: Simulator, seconds: float) -> None:
    counts = simulator.counts
    print_table(
        ("seconds", "connections", "requests", "ignored", "counters used twice"),
        [
            (
                f"{seconds:.0f}",
                str(counts.connections),
                str(counts.requests),
                str(counts.ignored),
                str(sum(1 for _ in simulator.violations())),
            )
        ],
    )
    for meter, error in simulator.violations():
        typer.echo(f"{meter.device_id}: {error}", err=True)


def _allow_files(needed: int) -> None:
    """Raise the limit of open files as far as this process may. Raises SimulatorError when that is too little."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise SimulatorError(f"{needed} open files are needed, the system allows {hard}: use --one-port, or raise it")
    if needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
