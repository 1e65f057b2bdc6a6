"""A database that is restored from a backup: counters are not used again, changes not sent again."""

import asyncio
import json
import subprocess

import pytest

from cas.app import open_service
from cas.client import CasClient
from cas.client.descriptors import attribute, write_attribute
from cas.config import Settings
from cas.cosem.data import Data
from cas.devices.counters import counter_scope
from cas.devices.key_change import store_keys
from cas.devices.keys import KeyKind, Secret
from cas.devices.master_key import load_keyring
from cas.devices.registry import get_device
from cas.devices.restored import Secured, secure_restored
from cas.simulator import Simulator
from cas.store.database import Pool
from tests.integration.soap.conftest import Service, settings
from tests.processes import ROOT, cas

METERS = 3


async def test_what_was_used_after_the_backup_is_not_used_again(
    settings: Settings, pool: Pool, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAS_DSN", dsn)
    monkeypatch.setenv("CAS_MASTER_KEY", "5A" * 32)
    read, change = (
        attribute("1.0.1.8.0.255"),
        write_attribute("0.0.96.13.0.255", Data.of("octet-string", b"again?"), class_id=1),
    )
    async with Simulator(METERS, authentication="hls-gmac") as simulator:
        names = [meter.device_id for meter in simulator.meters]
        # the backup has an activation that nobody has begun, and no counter yet
        async with open_service(settings, work=False) as url, CasClient(url) as client:
            await Service(url, settings).register(*(simulator.device(index) for index in range(METERS)))
            made = (await client.create(names, [read, change, read], repeating_interval="P1D", duration="PT1H")).id
        backup = await counters(pool)
        # what happens after it, and is then forgotten: a part of the counters is used
        async with open_service(settings, work=False) as url, CasClient(url) as client:
            assert all(reading.ok for reading in (await client.create(names, [read] * 5)).readings)
        async with pool.connection() as connection:
            await connection.execute(b"DELETE FROM invocation_counter")
            assert backup == {}
        command = cas("database", "restored", "--json", "--skip", "5000")
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert json.loads(done.stdout) == {"counters": METERS, "changes": METERS, "unreadable": 0}, done.stderr
        assert set((await counters(pool)).values()) == {5001}
        async with open_service(settings) as url, CasClient(url) as client:
            async with asyncio.timeout(60):
                while len(found := (await client.get(made))[0].readings) < 3 * METERS:  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.1)
        assert [meter.data("0.0.96.13.0.255").value for meter in simulator.meters].count(b"again?") == 0
        errors = sorted((reading.error or "").partition(":")[0] for reading in found if not reading.ok)
        assert set(errors) <= {"outcome unknown", "not attempted"}
        assert errors.count("outcome unknown") == METERS
        assert not list(simulator.violations())


async def test_a_key_that_the_device_may_have_by_now_skips_too(settings: Settings, pool: Pool) -> None:
    keyring, fresh, title = load_keyring(settings), Secret(bytes(range(16))), settings.client_title
    async with Simulator(1, authentication="hls-gmac") as simulator, open_service(settings, work=False) as url:
        await Service(url, settings).register(simulator.device(0))
    device_id = simulator.meters[0].device_id
    await store_keys(pool, keyring, device_id, {KeyKind.NEW_ENCRYPTION: fresh})
    registered = await get_device(pool, device_id)
    old = registered.unseal(keyring)[KeyKind.ENCRYPTION]
    done = await secure_restored(pool, keyring, title, 5000)
    assert done == Secured(counters=2, changes=0, unreadable=0)
    assert await counters(pool) == {counter_scope(key, title): 5001 for key in (old, fresh)}


async def counters(pool: Pool) -> dict[bytes, int]:
    async with pool.connection() as connection:
        return dict(await (await connection.execute(b"SELECT scope, next FROM invocation_counter")).fetchall())


__all__ = ["settings"]  # the fixture
