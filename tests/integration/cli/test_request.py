"""`cas request` as a person calls it, on a service with three meters in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from structlog.testing import capture_logs

from cas.cli import main
from tests.door_on_memory import serving
from tests.soap_messages import create
from tests.unit.transports.test_link import unused_port

Called = tuple[int, str, str]
Call = Callable[..., Coroutine[Any, Any, Called]]


def call_main(arguments: tuple[str, ...]) -> int:
    try:
        main(["request", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("a command ends in SystemExit")


@pytest.fixture
async def cas(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Call]:
    monkeypatch.chdir(tmp_path)
    with capture_logs():
        async with serving() as url:

            async def call(*arguments: str, url: str = url) -> Called:
                # A command runs a loop of its own.
                code = await asyncio.to_thread(call_main, (*arguments, "--url", url))
                return (code, *capsys.readouterr())

            yield call


async def test_a_resource_is_made_shown_and_deleted(cas: Call) -> None:
    code, out, error = await cas("--create", "1-0:1.8.0", "--device", "M1", "--device", "M2")
    assert code == 1, error  # M2 has no energy
    assert out.startswith("OK ")
    access_id = out.split()[1]
    assert "1.0.1.8.0.255:2" in out
    assert "1234" in out
    assert "(object-undefined)" in out
    code, out, _ = await cas("--get", access_id, "--device", "M1")
    assert code == 0
    assert "M2" not in out
    code, out, _ = await cas("--get", access_id, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["device"], line.get("value"), line.get("error")) for line in lines] == [
        ("M1", 1234, None),
        ("M2", None, "object-undefined"),
    ]
    assert (await cas("--cancel", access_id))[1] == f"canceled {access_id}\n"
    assert (await cas("--close", access_id, "--json"))[1] == f'{{"closed": ["{access_id}"]}}\n'
    assert (await cas("--delete", access_id))[0] == 0
    code, _, error = await cas("--get", access_id)
    assert code == 1
    assert "2.15" in error


async def test_a_create_for_scripts(cas: Call) -> None:
    code, out, _ = await cas("--create", "1.0.1.8.0.255:2", "--device", "M1", "--priority", "3", "--json")
    answer = json.loads(out)
    assert code == 0
    assert (answer["result"], answer["errors"], answer["readings"][0]["value"]) == ("OK", [], 1234)


async def test_a_file_is_sent_as_it_stands_or_put_in_an_envelope(cas: Call, tmp_path: Path) -> None:
    whole = tmp_path / "request.xml"
    whole.write_bytes(create(["M1"]))
    code, out, _ = await cas(str(whole))
    assert code == 0
    assert "1234" in out
    message = etree.fromstring(whole.read_bytes()).find("{*}Body")[0]  # type: ignore[index]  # it is there
    bare = tmp_path / "bare.xml"
    bare.write_bytes(etree.tostring(message))
    code, out, error = await cas(str(bare), "--xml")
    assert code == 0, out + error
    assert "<mes:ResponseMessage>" in out


async def test_a_refusal_is_told_with_its_element(cas: Call) -> None:
    code, _, error = await cas("--create", "1-0:1.8.0", "--device", "nobody")
    assert code == 1
    assert error.startswith("cas: 2.4 /")
    assert "'nobody' is not registered" in error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give one of"),
        (("--get", "a", "--delete", "a"), "give one of"),
        (("nowhere.xml",), "nowhere.xml"),
        (("--create", "energy"), "no OBIS code"),
        (("--create", "1-0:1.8.0", "--activates", "tomorrow"), "'tomorrow' is no time"),
        (("--get", "a", "--user", "x"), "go together"),
        (("--get", "a", "--token", "secret"), "not given as an argument"),
    ],
)
async def test_what_is_wrong_is_said(cas: Call, arguments: tuple[str, ...], complaint: str) -> None:
    code, _, error = await cas(*arguments)
    assert code == 2
    assert complaint in " ".join(error.replace("│", " ").split())


async def test_a_service_that_is_not_there(cas: Call) -> None:
    code, _, error = await cas("--get", "a", url=f"http://127.0.0.1:{unused_port()}/cas")
    assert code == 1
    assert "does not answer" in error
