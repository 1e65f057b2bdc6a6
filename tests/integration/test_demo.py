"""What the README promises a newcomer works as it stands there."""

import re
import urllib.request
from pathlib import Path

import pytest
from lxml import etree

from tests.processes import ROOT, cas, run, running

COS = "{http://www.dlms.com/COSEMpdu}"


@pytest.mark.clause("5.2.2")
def test_the_demo_reads_three_meters_and_leaves_nothing() -> None:
    shown = run(cas("demo"))
    assert "<mes:Result>OK</mes:Result>" in shown
    assert len(re.findall(r"load profile of 53494D000000000\d: 9\d rows", shown)) == 3
    assert len(re.findall(r"1\.0\.[12]\.8\.0\.255 .* [0-9,]+ Wh", shown)) == 6
    assert "53494D0000000003" in shown  # the one that is secured with GMAC
    (directory,) = set(re.findall(r"(\S*cas-demo-[^/ ]+)/", shown))
    assert not Path(directory).exists()


@pytest.mark.clause("5.2.3", "5.2.4")
def test_the_scheduled_demo_shows_events_of_a_job_and_of_a_push() -> None:
    shown = run(cas("demo", "--scheduled"))
    assert shown.count("1.0.1.8.0.255:2") == 9
    assert "verb=created" in shown
    assert "verb=closed" in shown
    (directory,) = set(re.findall(r"(\S*cas-demo-[^/ ]+)/", shown))
    assert not Path(directory).exists()


def test_the_request_of_the_readme_is_answered(tmp_path: Path) -> None:
    request = re.findall("```xml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0].encode()
    environment = {"CAS_DATA_DIR": str(tmp_path), "CAS_PORT": "0", "CAS_LOG_LEVEL": "error"}
    devices = tmp_path / "meters.toml"
    with running(cas("simulate", "--meters", "3", "--port", "0", "--export", devices)):
        run(cas("device", "import", devices), environment)
        with running(cas("serve"), environment) as ready:
            headers = {"Content-Type": "application/soap+xml"}
            with urllib.request.urlopen(urllib.request.Request(ready.split()[1], request, headers)) as answer:
                root = etree.fromstring(answer.read())
    (value,) = root.iter(f"{COS}data")
    assert value[0].tag == f"{COS}double-long-unsigned"
    assert int(value[0].text or "") > 0
