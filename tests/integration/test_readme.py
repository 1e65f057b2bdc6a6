"""The README as a newcomer follows it: its commands, its request, its programs, against a real service."""

import re
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from cas.cli import main
from tests.documents import calls, snippets
from tests.processes import cas, running
from tests.soap_messages import Answer
from tests.unit.transports.test_link import unused_port

README = "README.md"
SERVICE = "http://127.0.0.1:8080/cas"
FOREIGN = "tcp://192.0.2.7:4059?client=16&server=1"
"""The meter in examples; any simulated one takes its place."""
KEY = "000102030405060708090A0B0C0D0E0F"
Cas = Callable[..., str]


def test_a_newcomer_follows_the_readme(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = unused_port()
    url = SERVICE.replace("8080", str(port))
    monkeypatch.chdir(tmp_path)
    for name, value in {"DSN": dsn, "PORT": str(port), "ANYONE_SERVICES": "get", "LOG_LEVEL": "error"}.items():
        monkeypatch.setenv(f"CAS_{name}", value)
    request, answered, terms, group = (snippet.text for snippet in snippets(README, "xml"))
    Path("request.xml").write_text(request)
    for name in ("ek.hex", "ak.hex"):
        Path(name).write_text(KEY)
    Path("meters.csv").write_text("device_id,url\nhouse-9,tcp://192.0.2.9:4059\n")

    done: list[str] = []
    with ExitStack() as stack:
        for call in (call for snippet in snippets(README, "console") for call in calls(snippet)):
            if call.startswith("make ") or "--install-completion" in call or call in done:
                continue  # what it does is tested elsewhere; changes the newcomer's shell; done already
            done.append(call)
            words = shlex.split(call)
            if words[:2] == ["cas", "simulate"]:
                # the programs ask a meter themselves, while the service may be at it
                stack.enter_context(running(cas(*words[1:], "--port", "0", "--one-port", "--no-exclusive")))
            elif words[:2] == ["cas", "serve"]:
                stack.enter_context(running(cas("serve")))
            elif words[0] == "curl":
                words = [word.replace(SERVICE, url) for word in words]
                if shutil.which("curl"):
                    same_shape(subprocess.run(words, capture_output=True, check=True).stdout, answered)
                else:
                    same_shape(post(url, request).octets, answered)
                schedules_and_groups(url, request, terms, group)
                programs(url, capsys)
            else:
                assert words[0] == "cas", call
                with pytest.raises(SystemExit) as ended:
                    main(words[1:])
                told = capsys.readouterr()
                assert not ended.value.code, (call, told)
    assert {words[1] for words in map(str.split, done) if words[0] == "cas"} >= {"simulate", "device", "serve", "read"}


def same_shape(posted: bytes, shown: str) -> None:
    """The answer has what the README shows of it."""
    head = re.search(r"<soap:Envelope ([^>]*)>", snippets(README, "xml")[0].text)
    assert head
    expected = etree.fromstring(f"<x {head[1]}>{shown}</x>")[0]
    (result,) = etree.fromstring(posted).iter(expected.tag)
    assert [element.tag for element in result.iter()] == [element.tag for element in expected.iter()]
    assert set(result.attrib) == set(expected.attrib)


def schedules_and_groups(url: str, request: str, terms: str, group: str) -> None:
    """What the README shows of a schedule and of groups is taken by the service."""
    year = datetime.now(UTC).year
    terms = terms.replace("2027-", f"{year + 2}-").replace("2026-", f"{year + 1}-")
    scheduled = request.replace("</mes:DeviceAccess>", f"{terms}</mes:DeviceAccess>")
    assert post(url, scheduled).result == "OK"
    begin, end = request.index("<mes:Payload>"), request.index("</mes:Payload>") + len("</mes:Payload>")
    made = request[:begin].replace(">DeviceAccess<", ">DeviceGroups<") + group + request[end:]
    assert post(url, made).result == "OK"


def post(url: str, message: str) -> Answer:
    headers = {"Content-Type": "application/soap+xml"}
    with urllib.request.urlopen(urllib.request.Request(url, message.encode(), headers)) as response:
        return Answer(response.read())


def programs(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The programs of the rooms do what they say; they run here, with the service and a meter that there are."""
    with pytest.raises(SystemExit):
        main(["device", "list", "--json"])
    meter = re.findall(r'"url": "([^"]+)"', capsys.readouterr().out)[0].replace("client=17", "client=16")
    ran = 0
    for document in ("cas/soap", "cas/client", "cas/dlms", "cas/simulator"):
        for snippet in snippets(f"{document}/README.md", "python"):
            text = snippet.text.replace(SERVICE, url).replace(FOREIGN, meter)
            exec(compile(text, f"{snippet.document}:{snippet.line}", "exec"), {"__name__": "snippet"})  # noqa: S102
            assert capsys.readouterr().out.strip(), snippet
            ran += 1
    assert ran >= 6
    if shutil.which("java"):
        (program,) = snippets("cas/soap/README.md", "java")
        Path("Read.java").write_text(program.text.replace(SERVICE, url))
        said = subprocess.run(["java", "-Xint", "Read.java"], capture_output=True, text=True, check=True).stdout
        assert int(said) > 0


def test_the_program_for_net_compiles(tmp_path: Path) -> None:
    if shutil.which("dotnet") is None:
        pytest.skip("dotnet is not installed")
    (program,) = snippets("cas/soap/README.md", "csharp")
    subprocess.run(["dotnet", "new", "console"], cwd=tmp_path, check=True)
    (tmp_path / "Program.cs").write_text(program.text)
    subprocess.run(["dotnet", "build"], cwd=tmp_path, check=True)
