"""`cas simulate`: meters to try things out with, many in one process."""

import asyncio
import itertools
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cas.cli._common import collect_seldom, console, examples, print_json, print_table, run
from cas.simulator import Simulator, SimulatorError, builtin_models
from cas.simulator.faults import parse_faults
from cas.simulator.oddities import Oddity
from cas.simulator.pushing import push
from cas.simulator.scenario import builtin_scenarios, load_scenario
from cas.simulator.simulator import Framing

app = typer.Typer(add_completion=False, help="Simulate meters until stopped.")

SHOWN = 10
"""Meters that are listed by name."""
SPARE_FILES = 256
"""Files that the process needs beside the ports."""


@app.command(
    epilog=examples(
        "cas simulate --meters 3 --export meters.toml  # then: cas device import meters.toml",
        "cas simulate --scenario field --export meters.toml",
        "cas simulate --meters 10000 --one-port --model residential --model three-phase",
        "cas simulate --fault dead:0 --fault slow=2.5:1-2 --oddity list-size=3",
        "cas simulate --framing hdlc --authentication hls-gmac --port 4100",
    ),
)
def simulate(
    context: typer.Context,
    meters: Annotated[int, typer.Option(min=1, help="How many; of a scenario, as many as it has in one round.")] = 3,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A fleet with faults and oddities; other options change it.",
            autocompletion=lambda: [*builtin_scenarios()],
        ),
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list-scenarios", help="List the built-in ones, and end.")] = False,
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
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each meter or scenario.")] = False,
) -> None:
    """Simulate meters until stopped by Ctrl-C or SIGTERM. Prints READY when all of them answer."""
    if list_scenarios:
        _list_scenarios(as_json=as_json)
        return
    chosen: dict[str, Any] = {
        "model": model or ["residential"],
        "one_port": one_port,
        "framing": _framing(framing),
        "seed": seed,
        "authentication": authentication,
        "latency": latency / 1000,
        "oddities": oddity or (),
    }
    rest: dict[str, Any] = {"host": host, "port": port, "first": first, "exclusive": exclusive}
    fleet = None if scenario is None else load_scenario(scenario)
    if fleet is not None:
        if not _is_given(context, "meters"):
            meters = len(fleet.round)
        names = {"oddities": "oddity"}
        chosen = {name: value for name, value in chosen.items() if _is_given(context, names.get(name, name))}
    if fault:
        chosen["faults"] = {index: each for text in fault for index, each in parse_faults(text, meters).items()}
    simulator = Simulator(meters, **chosen, **rest) if fleet is None else fleet.simulator(meters, **chosen, **rest)
    _allow_files(SPARE_FILES + (0 if one_port else 2 * meters))
    pushing = None if push_to is None else _pushing(simulator, push_to, push_every)
    run(_serve(simulator, export, pushing, as_json=as_json))


def _is_given(context: typer.Context, option: str) -> bool:
    """Whether the caller wrote this option."""
    source = context.get_parameter_source(option)
    return source is not None and source.name != "DEFAULT"


def _list_scenarios(*, as_json: bool) -> None:
    for name, each in builtin_scenarios().items():
        if as_json:
            print_json({"scenario": name, "meters": len(each.round), "about": each.about})
    if not as_json:
        rows = [(name, str(len(each.round)), each.about) for name, each in builtin_scenarios().items()]
        print_table(("scenario", "meters", "what it shows"), rows)


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


async def _serve(
    simulator: Simulator, export: Path | None, pushing: Callable[[], Awaitable[None]] | None, *, as_json: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with simulator:
        began = time.monotonic()
        if export is not None:
            simulator.export(export)
        collect_seldom()
        if as_json:
            _introduce_to_scripts(simulator)
        else:
            _introduce(simulator, export)
        pushes = asyncio.ensure_future(pushing()) if pushing is not None else None
        await _watch(simulator, stop)
        if pushes is not None:
            pushes.cancel()
        if not as_json:
            _summarise(simulator, time.monotonic() - began)


def _introduce_to_scripts(simulator: Simulator) -> None:
    for index, meter in enumerate(simulator.meters):
        fields = {"device_id": meter.device_id, "model": meter.model.name, "url": simulator.url(index)}
        print_json(fields | {"authentication": simulator.device(index)["authentication"]})
    print_json({"ready": len(simulator.meters)})
    sys.stdout.flush()


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
    out = console(stderr=True)
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
