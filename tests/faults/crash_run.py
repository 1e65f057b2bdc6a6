"""A run: load on a site whose processes are killed when a seed says so, until all is quiet; then the checks."""

import asyncio
import random
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cas.client import CasClient
from tests.faults import crash_checks
from tests.faults.crash_load import Heard, Load, receive
from tests.faults.crash_site import Plan, Site, open_site

QUIET_WITHIN = 150.0
"""Seconds, behind the window of the last activation, in which everything must have come to rest."""
GENTLY = 0.25
"""The part of the victims that are stopped in order."""


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    violations: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """Errors that the programs logged."""


async def run(
    plan: Plan, directory: Path, progress: Callable[[str, float], None] = lambda _what, _part: None
) -> Outcome:
    """Do it. `progress` is told what is going on, and how much of it is done."""
    async with AsyncExitStack() as stack:
        heard = await receive(stack)
        progress("starting", 0.0)
        site = await stack.enter_async_context(open_site(plan, directory, heard.url))
        devices = [each["device_id"] for each in tomllib.loads((directory / "meters.toml").read_text())["device"]]
        client = await stack.enter_async_context(CasClient(site.url, source="MDM", timeout=300))
        load = Load(plan, client, devices, heard.url)
        began = time.monotonic()
        await _suffer(plan, site, load, progress)
        crashed = time.monotonic() - began
        outcome = Outcome()
        within = plan.window + QUIET_WITHIN
        progress("coming to rest", 1.0)
        try:
            await _quiet(site, within)
        except TimeoutError:
            outcome.violations.append(f"not at rest within {within:g} s")
            outcome.violations += [" ".join(map(str, row)) for row in site.rows(_LEFT)]
        rested = time.monotonic() - began - crashed
        progress("checking", 1.0)
        await _check(plan, site, load, heard, outcome)
        outcome.figures |= {"seconds of crashes": round(crashed), "seconds to rest": round(rested)}
        outcome.faults = site.faults
        return outcome


async def _suffer(plan: Plan, site: Site, load: Load, progress: Callable[[str, float], None]) -> None:
    """Have the load and the crashes at the same time; in the end everything runs."""
    chance = random.Random(plan.seed)
    repeating = await load.repeating()
    crashed = asyncio.Event()

    async def crash() -> None:
        # each kind in turn, in an order of the seed's: all are killed even in a short run
        waiting: list[int] = []
        restarting: list[asyncio.Task[None] | None] = [None] * len(site.victims)
        async with asyncio.TaskGroup() as restarts:
            for number in range(plan.kills):
                waiting = waiting or chance.sample(range(len(site.victims)), len(site.victims))
                place = waiting.pop()
                pause, away, gently = chance.uniform(*plan.pause), chance.uniform(0.0, 1.0), chance.random() < GENTLY
                await asyncio.sleep(pause)
                if (before := restarting[place]) is not None:
                    await before
                victim = site.victims[place]
                progress(f"{'stop' if gently else 'kill -9'} {victim.name}", number / plan.kills)
                restarting[place] = restarts.create_task(site.kill(victim, away, gently=gently))
        crashed.set()

    async def ask_in_bulk() -> None:
        for _ in range(plan.bulks):
            await load.bulk()
            await asyncio.sleep(chance.uniform(*plan.pause))

    async def ask_on_demand() -> None:
        while not crashed.is_set():
            await load.on_demand()
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for task in (crash(), ask_in_bulk(), ask_on_demand(), ask_on_demand()):
            group.create_task(task)
    await load.close(repeating)


_AT_REST = """
    SELECT NOT EXISTS (SELECT FROM activation WHERE outcome = 'executing')
        AND NOT EXISTS (SELECT FROM event)
        AND NOT EXISTS (SELECT FROM procrastinate_jobs)
        AND NOT EXISTS (SELECT FROM device_access WHERE event_targets IS NOT NULL AND NOT events_closed)
"""

_LEFT = """
    SELECT 'activation', access_id::text, number, runner, open_chunks, chunk, chunk.state, run, passes
    FROM activation LEFT JOIN activation_chunk AS chunk USING (access_id, number) WHERE outcome = 'executing'
    UNION ALL
    SELECT 'job', lock, id, worker_id::text, attempts, NULL, status::text, NULL, NULL FROM procrastinate_jobs
    UNION ALL
    SELECT 'events', count(*)::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM event
"""


async def _quiet(site: Site, within: float) -> None:
    async with asyncio.timeout(within):
        while site.rows(_AT_REST) != [(True,)]:  # noqa: ASYNC110 - no event reaches us
            await asyncio.sleep(0.2)


async def _check(plan: Plan, site: Site, load: Load, heard: Heard, outcome: Outcome) -> None:
    report = await site.meters.report()
    answers = {each.access_id: await load.readings(each) for each in load.made}
    for found in (
        crash_checks.complete(site, load.made, plan.meters),
        crash_checks.once(report, load.made, answers),
        crash_checks.kept(load.made, heard, answers),
        crash_checks.told(load.made, heard, answers),
    ):
        outcome.violations += crash_checks.shortened(found)
    readings = [reading for found in answers.values() for reading in found]
    reasons = Counter((reading.error or "").partition(":")[0] for reading in readings if not reading.ok)
    activations = Counter(dict(site.rows("SELECT outcome, count(*) FROM activation GROUP BY 1")))
    outcome.figures |= {
        "meters": plan.meters,
        "kills": dict(Counter(site.killed)),
        "resources": len(load.made),
        "messages sent again": load.repeats,
        "activations": dict(activations),
        "results": len(readings),
        "errors among them": dict(reasons),
        "changes carried out": len(report["changes"]),
        "events": len(heard.messages),
        "events that came again": len(heard.messages) - len({each.message_id for each in heard.messages}),
        "connections to meters": report["connections"],
        "second associations refused": report["refused"],
    }
