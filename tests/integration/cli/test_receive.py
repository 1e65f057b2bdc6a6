"""`cas receive` as a process, with events from a real delivery."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from cas.push.service import Receivers
from cas.push.targets import Targets
from cas.store.database import Pool
from tests.events_bench import Resources, delivery, resources

COMMAND = (sys.executable, "-c", "from cas.cli import main; main()", "receive", "--port", "0")
KEY = "k" * 32


@pytest.fixture
async def made(pool: Pool) -> AsyncIterator[Resources]:
    async with resources(pool) as opened:
        yield opened


@asynccontextmanager
async def receiver(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=-1, stderr=-1, stdin=-1)
    assert process.stdin is not None
    process.stdin.write(KEY.encode() + b"\n")
    assert process.stdout is not None
    try:
        ready, url = (await process.stdout.readline()).decode().split()
        assert ready == "READY"
        yield process, url
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_events_are_printed_and_acknowledged(pool: Pool, made: Resources) -> None:
    async with receiver("--json", "--count", "2", "--signing-key", "-") as (process, url):
        receivers = Receivers(targets=Targets.parse([url]), signing_key=KEY.encode())
        async with delivery(pool, receivers=receivers):
            access = await made.make(f"{url}events", ack_required=True)
            await made.add(access, "A", 42)
            await made.finish(access)
            out, error = await process.communicate()
            await made.delivered()
    assert process.returncode == 0, error.decode()
    changed, closed = (json.loads(line) for line in out.splitlines())
    assert (changed["verb"], changed["id"], changed["correlation_id"]) == ("changed", str(access.id), "corr-7")
    assert [(each["device"], each["value"]) for each in changed["readings"]] == [("meter A", 42)]
    assert closed["verb"] == "closed"


async def test_repeats_are_stored_once_also_after_a_restart(pool: Pool, made: Resources, tmp_path: Path) -> None:
    async with receiver("--store", str(tmp_path / "events")) as (_, url), delivery(pool, url):
        await made.add(await made.make(url), "A", 42)
        await made.delivered()
        (stored,) = (tmp_path / "events").glob("*.xml")
    assert b">42<" in stored.read_bytes()
    async with receiver("--store", str(tmp_path / "events")) as (process, url), aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(url, data=stored.read_bytes()) as response:
                assert response.status == 200
                assert b"<mes:Result>OK</mes:Result>" in await response.read()
        process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    assert out == b""
    assert list((tmp_path / "events").iterdir()) == [stored]


async def test_what_is_not_signed_or_no_event_is_refused() -> None:
    for arguments, status in ((("--signing-key", "-"), 403), ((), 400)):
        async with (
            receiver(*arguments) as (_, url),
            aiohttp.ClientSession() as session,
            session.post(url, data=b"<x/>") as response,
        ):
            assert response.status == status
