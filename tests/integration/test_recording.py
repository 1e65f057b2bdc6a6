"""An operator records a device, and reads what was said."""

import json
import re
import urllib.request
from pathlib import Path

from cas.store.embedded import embedded_server
from tests.processes import ROOT, cas, run, running


def test_a_device_is_recorded_and_its_recording_translated(tmp_path: Path) -> None:
    request = re.findall("```xml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0].encode()
    environment = {"CAS_DATA_DIR": str(tmp_path), "CAS_PORT": "0", "CAS_LOG_LEVEL": "error"}
    devices = tmp_path / "meters.toml"
    with (
        embedded_server(tmp_path, durable=False),
        running(cas("simulate", "--meters", "1", "--port", "0", "--export", devices)),
    ):
        run(cas("device", "import", devices), environment)
        run(cas("record", "on", "53494D0000000001"), environment)
        assert "53494D0000000001" in run(cas("record", "list"), environment)
        with running(cas("serve"), environment) as ready:
            headers = {"Content-Type": "application/soap+xml"}
            urllib.request.urlopen(urllib.request.Request(ready.split()[1], request, headers)).close()
            metrics = urllib.request.urlopen(ready.split()[1].replace("/cas", "/metrics")).read().decode()
        run(cas("record", "off", "53494D0000000001"), environment)
    assert 'cas_link_wait_seconds_count{reason="connections"} 1.0' in metrics
    (recording,) = (tmp_path / "records").iterdir()
    assert re.search('secret = "(.+)"', devices.read_text())
    password = re.findall('secret = "(.+)"', devices.read_text())[0]
    assert password.encode().hex() not in recording.read_text()
    shown = run(cas("translate", "--file", recording))
    assert "<double-long-unsigned>" in shown or "<cos:double-long-unsigned>" in shown
    told = [json.loads(line) for line in run(cas("translate", "--json", "--file", recording)).splitlines()]
    assert [record["apdu"] for record in told if "apdu" in record] == [
        "aarq", "aare", "get-request", "get-response", "rlrq", "rlre",
    ]  # fmt: skip
