"""`cas device rekey` as a person calls it, on a simulated meter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cas.simulator import Simulator
from tests.integration.cli.test_device import Cas, cas
from tests.threaded_simulator import in_thread

__all__ = ["cas"]  # the fixture


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with in_thread(Simulator(model="three-phase", authentication="hls-gmac")) as running:
        yield running


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
