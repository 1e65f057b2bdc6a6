"""`cas upgrade` as a person calls it, on a simulated meter."""

from pathlib import Path

from cas.simulator import Simulator
from tests.integration.cli.test_device import Cas, cas
from tests.integration.cli.test_rekey import simulator

__all__ = ["cas", "simulator"]  # the fixtures


def test_an_image_is_brought_and_activated(cas: Cas, simulator: Simulator, tmp_path: Path) -> None:
    simulator.export(tmp_path / "meters.toml")
    meter = simulator.meter(0)
    assert cas("device", "import", "meters.toml").code == 0
    (tmp_path / "fw-2.bin").write_bytes(bytes(range(256)) * 10)
    done = cas("upgrade", meter.device_id, "fw-2.bin", "--identifier", "hex:4657")
    assert (done.code, done.out) == (0, f"fw-2.bin is active on {meter.device_id}\n")
    assert meter.image is not None
    assert meter.value("0.0.44.0.0.255", 6) == 6  # image_transfer_status: activated
    assert '"action":"upgrade"' in cas("audit", "export").out.replace('\\"', '"')


def test_what_goes_wrong_is_told(cas: Cas, simulator: Simulator, tmp_path: Path) -> None:
    simulator.export(tmp_path / "meters.toml")
    meter = simulator.meter(0)
    assert cas("device", "import", "meters.toml").code == 0
    done = cas("upgrade", meter.device_id, "nothing.bin")
    assert (done.code, done.err) == (1, "cas: nothing.bin: No such file or directory\n")
    (tmp_path / "fw.bin").write_bytes(b"x")
    assert cas("upgrade", meter.device_id, "fw.bin", "--identifier", "hex:4").code == 2
    done = cas("upgrade", meter.device_id, "fw.bin", "--object", "0.0.44.0.1.255")
    assert done.code == 1
    assert meter.device_id in done.err
