"""New keys for devices: whatever breaks meanwhile, one of the stored keys is the device's."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cas.devices import key_change
from cas.devices.counters import Counters
from cas.devices.errors import KeyChangeFailed, KeyChangeRunning, KeyMissing
from cas.devices.key_change import key_change_lock
from cas.devices.keys import CANDIDATE_OF, KeyKind, Keyring, Secret
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.devices.registry import get_device
from cas.devices.sessions import Sessions
from cas.simulator import Fault, FaultKind, Simulator
from cas.simulator.meter import Meter
from cas.store.database import Pool
from tests.integration.devices.test_opening import GET
from transports.errors import TransportError

KEYRING = Keyring([Secret(b"m" * 32)])
BOTH = [KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION]
ALL = [*BOTH, KeyKind.BROADCAST, KeyKind.MASTER]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(model="three-phase", authentication="hls-gmac") as running:
        yield running


@pytest.fixture
async def sessions(pool: Pool, simulator: Simulator) -> Sessions:
    await register_devices(pool, KEYRING, [Row({**simulator.device(0)})])
    return Sessions(pool, KEYRING, Means(Counters(pool), b"CAS\0\0\0\0\1"))


@pytest.fixture
def meter(simulator: Simulator) -> Meter:
    return simulator.meter(0)


async def stored(pool: Pool, meter: Meter) -> dict[KeyKind, bytes]:
    keys = (await get_device(pool, meter.device_id)).unseal(KEYRING)
    return {kind: key.reveal() for kind, key in keys.items()}


async def read(sessions: Sessions, meter: Meter) -> None:
    async with sessions.open(meter.device_id) as client:
        await client.request(GET)


async def agree(pool: Pool, meter: Meter) -> None:
    """The registry has the meter's keys, and no candidates."""
    keys = await stored(pool, meter)
    assert keys[KeyKind.ENCRYPTION] == meter.keys.encryption
    assert keys[KeyKind.AUTHENTICATION] == meter.keys.authentication
    assert keys[KeyKind.MASTER] == meter.keys.master
    assert not set(keys) & set(CANDIDATE_OF.values())


@pytest.mark.clause("Green Book 8.3, 9.2.5")
class TestChange:
    @pytest.mark.parametrize("kinds", [[KeyKind.ENCRYPTION], [KeyKind.AUTHENTICATION], BOTH, ALL])
    async def test_the_device_has_them_and_so_has_the_registry(
        self, pool: Pool, sessions: Sessions, meter: Meter, kinds: list[KeyKind]
    ) -> None:
        before = await stored(pool, meter)
        await sessions.change_keys(meter.device_id, kinds)
        after = await stored(pool, meter)
        assert {kind for kind in after if after[kind] != before.get(kind)} == set(kinds)
        await agree(pool, meter)
        await read(sessions, meter)
        await sessions.change_keys(meter.device_id, kinds)
        await agree(pool, meter)

    @pytest.mark.parametrize("kinds", [[KeyKind.MASTER], [KeyKind.BROADCAST]])
    async def test_keys_that_no_association_shows(
        self, pool: Pool, sessions: Sessions, meter: Meter, kinds: list[KeyKind]
    ) -> None:
        await sessions.change_keys(meter.device_id, kinds)
        await agree(pool, meter)
        await sessions.change_keys(meter.device_id, BOTH)
        await agree(pool, meter)

    async def test_a_device_with_another_master_key_refuses_them(
        self, pool: Pool, sessions: Sessions, meter: Meter
    ) -> None:
        meter.replace_keys(master=bytes(16))
        with pytest.raises(KeyChangeFailed, match="refuses"):
            await sessions.change_keys(meter.device_id, BOTH)
        assert not set(await stored(pool, meter)) & set(CANDIDATE_OF.values())
        await read(sessions, meter)

    async def test_without_a_master_key(self, pool: Pool, simulator: Simulator, meter: Meter) -> None:
        entry = {name: value for name, value in simulator.device(0).items() if name != "master_key"}
        await register_devices(pool, KEYRING, [Row(entry)])
        with pytest.raises(KeyMissing, match="master"):
            await Sessions(pool, KEYRING, Means(Counters(pool), b"CAS\0\0\0\0\1")).change_keys(meter.device_id, BOTH)

    async def test_a_device_that_is_not_reached_keeps_its_keys(
        self, pool: Pool, sessions: Sessions, meter: Meter
    ) -> None:
        meter.fault = Fault(FaultKind.OFF)
        with pytest.raises(TransportError):
            await sessions.change_keys(meter.device_id, BOTH)
        meter.fault = None
        await agree(pool, meter)


@pytest.mark.clause("Green Book 8.3, 9.2.5")
class TestHalfDone:
    async def test_the_answer_is_lost_and_the_device_has_the_new_keys(
        self, pool: Pool, sessions: Sessions, meter: Meter
    ) -> None:
        meter.fault = Fault(FaultKind.CLOSE)
        await sessions.change_keys(meter.device_id, BOTH)
        meter.fault = None
        await agree(pool, meter)
        await read(sessions, meter)

    async def test_the_answer_is_lost_and_the_device_has_the_old_keys(
        self, pool: Pool, sessions: Sessions, meter: Meter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Meter, "replace_keys", lambda *_args, **_kwargs: None)
        with pytest.raises(KeyChangeFailed, match="old keys"):
            await sessions.change_keys(meter.device_id, BOTH)
        await agree(pool, meter)

    @pytest.mark.parametrize("taken", [False, True])
    @pytest.mark.parametrize("kinds", [BOTH, [KeyKind.BROADCAST], [KeyKind.MASTER]])
    async def test_a_crash_after_sending_is_cleared_up_when_the_device_is_used_next(
        self,
        pool: Pool,
        sessions: Sessions,
        meter: Meter,
        monkeypatch: pytest.MonkeyPatch,
        kinds: list[KeyKind],
        taken: bool,
    ) -> None:
        async def crash(*_args: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(key_change.KeyChange, "_settle", crash)
            if not taken:
                patch.setattr(Meter, "replace_keys", lambda *_args, **_kwargs: None)
            with pytest.raises(KeyboardInterrupt):
                await sessions.change_keys(meter.device_id, kinds)
        assert set(await stored(pool, meter)) & set(CANDIDATE_OF.values())
        await read(sessions, meter)
        await agree(pool, meter)

    async def test_neither_works_and_both_are_kept(self, pool: Pool, sessions: Sessions, meter: Meter) -> None:
        meter.fault = Fault(FaultKind.CLOSE)
        change = sessions._key_change
        await change._store(meter.device_id, {CANDIDATE_OF[KeyKind.ENCRYPTION]: Secret(bytes(16))})
        meter.fault = None
        right = meter.keys
        meter.replace_keys(encryption=b"\x07" * 16)
        with pytest.raises(KeyChangeFailed, match="neither"):
            await read(sessions, meter)
        assert CANDIDATE_OF[KeyKind.ENCRYPTION] in await stored(pool, meter)
        meter.keys = right
        await read(sessions, meter)
        await agree(pool, meter)


async def test_two_at_once_are_refused(pool: Pool, sessions: Sessions, meter: Meter) -> None:
    async with key_change_lock(pool, meter.device_id):
        with pytest.raises(KeyChangeRunning):
            await sessions.change_keys(meter.device_id, BOTH)
    outcomes = await asyncio.gather(
        *(sessions.change_keys(meter.device_id, BOTH) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["KeyChangeRunning", "NoneType"]
    await agree(pool, meter)


async def test_no_key_is_ever_told(
    pool: Pool, sessions: Sessions, meter: Meter, capsys: pytest.CaptureFixture[str]
) -> None:
    await sessions.change_keys(meter.device_id, ALL)
    meter.replace_keys(master=bytes(16))
    with pytest.raises(KeyChangeFailed) as caught:
        await sessions.change_keys(meter.device_id, ALL)
    shown = "".join(capsys.readouterr()) + str(caught.value)
    for key in (await stored(pool, meter)).values():
        assert key.hex() not in shown.lower()
