"""`cas device rekey` as a person calls it, on a simulated meter."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cas.simulator import Simulator
from tests.integration.cli.test_device import Cas, cas

__all__ = ["cas"]  # the fixture


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A meter in a thread of its own: the command has a loop of its own."""
    running, stop, started = (
        Simulator(model="three-phase", authentication="hls-gmac"),
        asyncio.Event(),
        threading.Event(),
    )
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with running:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield running
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_a_device_gets_new_keys_that_nobody_sees(cas: Cas, simulator: Simulator, tmp_path: Path) -> None:
    simulator.export(tmp_path / "meters.toml")
    meter = simulator.meter(0)
    assert cas("device", "import", "meters.toml").code == 0
    old = meter.keys
    done = cas("device", "rekey", meter.device_id, "--key", "encryption", "--key", "authentication")
    assert (done.code, done.out) == (0, "changed: encryption, authentication\n")
    assert meter.keys.encryption != old.encryption
    assert meter.keys.authentication != old.authentication
    for key in (meter.keys.encryption, meter.keys.authentication):
        assert key.hex() not in (done.out + done.err).lower()
    assert cas("read", meter.device_id, "1.0.1.8.0.255").code == 0


def test_what_is_no_key_of_a_device(cas: Cas) -> None:
    done = cas("device", "rekey", "4D4D4D0000BC614E", "--key", "secret")
    assert done.code == 2
    assert "must be one of encryption" in done.err
