"""`cas check` on a database and a simulated meter of its own."""

import asyncio
import json
import socket
import subprocess

import pytest
from pydantic import SecretStr

from cas.config import Settings
from cas.simulator import Simulator
from cas.store.database import Pool
from tests.integration.soap.conftest import Service
from tests.processes import ROOT, cas


@pytest.fixture
def environment(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_DSN", dsn)
    monkeypatch.setenv("CAS_MASTER_KEY", "5A" * 32)
    monkeypatch.setenv("CAS_PORT", "0")


async def check(*options: str) -> tuple[int, dict[str, str], str]:
    """Exit status, the state of each check, and all that was said."""

    def ask() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(cas("check", "--json", *options), cwd=ROOT, capture_output=True, text=True, check=False)

    done = await asyncio.to_thread(ask)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {line["check"]: line["state"] for line in lines}, done.stdout + done.stderr


@pytest.mark.usefixtures("environment")
async def test_all_is_well_and_a_device_is_reached(dsn: str, pool: Pool) -> None:
    service = Service("", Settings(dsn=SecretStr(dsn), master_key=SecretStr("5A" * 32)))
    async with Simulator(authentication="hls-gmac") as simulator:
        await service.register(simulator.device(0))
        status, states, told = await check("--reach", simulator.meter(0).device_id, "--reach", "nobody")
    assert status == 1
    assert states.pop("device nobody") == "failed"
    assert set(states.values()) == {"ok"}, told
    assert {"settings", "master keys", "database", "schema", "device keys", "port"} <= set(states)
    assert "5A5A" not in told


@pytest.mark.usefixtures("environment")
async def test_what_is_wrong_is_told(dsn: str, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service("", Settings(dsn=SecretStr(dsn), master_key=SecretStr("11" * 32)))
    async with Simulator(authentication="hls-gmac") as simulator:
        await service.register(simulator.device(0))
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("CAS_PORT", str(other.getsockname()[1]))
        status, states, told = await check()
    assert status == 1
    assert states["port"] == "warning"
    assert states["device keys"] == "failed"
    assert "no master key fits" in told


async def test_a_database_that_is_not_there_and_settings_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_DSN", "host=127.0.0.1 port=1 dbname=cas connect_timeout=2")
    monkeypatch.setenv("CAS_MASTER_KEY", "5A" * 32)
    status, states, _ = await check()
    assert (status, states["database"]) == (1, "failed")
    monkeypatch.setenv("CAS_ZONE", "Atlantis")
    status, states, _ = await check()
    assert (status, states) == (1, {"settings": "failed"})
