"""`cas simulate` as a person starts and stops it."""

import asyncio
import signal
import sys
import tomllib
from pathlib import Path

import pytest

from cas.dlms.acse import Settings
from cas.dlms.client import Client
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.keys import Secret
from transports.registry import open_transport

COMMAND = (sys.executable, "-c", "from cas.cli import main; main()", "simulate")


async def test_starts_exports_and_stops(tmp_path: Path) -> None:
    file = tmp_path / "devices.toml"
    arguments = ("--meters", "12", "--port", "0", "--fault", "dead:11", "--export", str(file))
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=-1, stderr=-1)
    assert process.stdout is not None
    seen = b""
    while b"READY 12 meters" not in seen:
        line = await process.stdout.readline()
        assert line, seen.decode()
        seen += line
    assert b"53494D0000000001" in seen
    devices = tomllib.loads(file.read_text())["device"]
    assert len(devices) == 12
    settings = Settings(mechanism=Mechanism.LOW, password=Secret(devices[5]["secret"].encode()))
    async with Client(open_transport(devices[5]["url"]), settings):
        pass
    process.send_signal(signal.SIGTERM)
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    assert b"counters used twice" in out
    assert devices[5]["secret"].encode() not in seen + out + error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--model", "unheard-of"), b"built in are minimal"),
        (("--fault", "dead:3"), b"numbered from 0 to 2"),
        (("--authentication", "hls-md5"), b"offers no association with hls-md5"),
        (("--port", "65534"), b"go beyond 65535"),
    ],
)
async def test_says_what_is_wrong(arguments: tuple[str, ...], complaint: bytes) -> None:
    process = await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=-1, stderr=-1)
    _, error = await process.communicate()
    assert process.returncode == 1
    assert complaint in error
    assert b"Traceback" not in error
