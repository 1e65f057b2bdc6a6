"""Meters that dial the head-end: recognised by their heartbeat or first push, then read through SOAP."""

import asyncio
import re
import urllib.request
from pathlib import Path

import pytest
from lxml import etree

from cas.push.dialling import recogniser
from cas.simulator import Simulator
from cas.store.embedded import embedded_server
from tests.interop.test_first_light import free_ports
from tests.processes import ROOT, cas, run, running

COS = "{http://www.dlms.com/COSEMpdu}"
HEARTBEAT = rb"HELLO (?P<device>\w+)\r\n".decode()
TITLE = "53494D0000000001"
# general-glo-ciphering in a wrapper frame; only its title is looked at
PUSH = bytes.fromhex("0001 0001 0010 0010 DB08 53494D0000000001 05 30 00000001".replace(" ", ""))


def test_a_heartbeat_and_a_first_push_tell_who_it_is() -> None:
    recognise = recogniser(HEARTBEAT, "4F4B")
    found = recognise(b"HELLO M1\r\nrest", "192.0.2.1")
    assert found
    assert (found.device, found.consumed, found.reply) == ("M1", 10, b"OK")
    pushed = recognise(PUSH, "192.0.2.1")
    assert pushed
    assert (pushed.device, pushed.consumed, pushed.reply) == (TITLE, 0, b"")
    for octets in (b"", b"HELL", PUSH[:-1], b"\x00\x02\x00\x00", bytes(20)):
        assert recognise(octets, "192.0.2.1") is None


@pytest.mark.parametrize("pattern", ["(", "no group"])
def test_a_pattern_that_is_none_is_told(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        recogniser(pattern, None)


async def patiently(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a service that may not be up yet."""
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)


async def relay(port: int, meter: str, greeting: bytes) -> None:
    """The modem of a meter: dials in, says who it is, and joins the two."""
    host, _, meter_port = meter.partition("://")[2].partition("?")[0].partition(":")
    up_reader, up = await patiently(port)
    down_reader, down = await asyncio.open_connection(host, int(meter_port))
    up.write(greeting)
    assert await up_reader.readexactly(2) == b"OK"

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(65536):
            writer.write(octets)

    try:
        await asyncio.gather(copy(up_reader, down), copy(down_reader, up))
    except ConnectionError:
        pass  # the service has stopped
    finally:
        up.close()
        down.close()


@pytest.mark.clause("4.2")
async def test_a_meter_that_dials_in_is_read(tmp_path: Path) -> None:
    port = free_ports(1)
    request = re.findall("```xml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0].encode()
    environment = {
        "CAS_DATA_DIR": str(tmp_path), "CAS_PORT": "0", "CAS_LOG_LEVEL": "error",
        "CAS_DIAL_IN_PORT": str(port), "CAS_DIAL_IN_HEARTBEAT": HEARTBEAT, "CAS_DIAL_IN_REPLY": "4F4B",
    }  # fmt: skip
    async with Simulator(1, model="minimal") as simulator:
        modem = asyncio.create_task(relay(port, simulator.url(0), f"HELLO {TITLE}\r\n".encode()))
        url = f"tcp-in://127.0.0.1:{port}/{TITLE}?client=16&server=1"

        def through_soap() -> bytes:
            with embedded_server(tmp_path, durable=False):
                run(cas("device", "add", TITLE, url), environment)
                with running(cas("serve"), environment) as ready:
                    headers = {"Content-Type": "application/soap+xml"}
                    asked = urllib.request.Request(ready.split()[1], request, headers)
                    return bytes(urllib.request.urlopen(asked).read())

        answer = await asyncio.to_thread(through_soap)
        modem.cancel()
        await asyncio.gather(modem, return_exceptions=True)
    values = list(etree.fromstring(answer).iter(f"{COS}double-long-unsigned"))
    assert len(values) == 1, answer.decode()
