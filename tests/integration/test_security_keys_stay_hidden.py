"""A full run, and then a search for every key in everything that it wrote: no form of any of them may be found."""

import asyncio
import base64
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp
import psycopg
import pytest

from cas.devices.errors import KeyUnreadable
from cas.devices.keys import KeyKind, Keyring, LocalMasterKey, Secret
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.keys import Secret as Password
from cas.dlms.security.suites import SUITES
from cas.security.model import Verb
from cas.simulator import Simulator
from tests.soap_messages import GET_ENERGY, create

MASTER = "C0FFEE00" * 8
PASSWORD = "correct horse battery staple"
WRONG = "FEEDFACE00112233445566778899AABB"
PAGES = ("/", "/devices", "/settings", "/audit", "/groups", "/new", "/plot", "/events", "/events/system", "/metrics")
KEYS = ("encryption_key", "authentication_key", "broadcast_key", "master_key", "secret")


def forms(octets: bytes) -> Iterator[bytes]:
    """How octets may be written."""
    yield octets
    yield octets.hex().encode()
    yield octets.hex().upper().encode()
    for separator in (" ", ":", "-"):
        yield octets.hex(separator).encode()
        yield octets.hex(separator).upper().encode()
    yield repr(octets)[2:-1].encode()
    yield ", ".join(map(str, octets)).encode()
    for shift in range(3):
        # base64 of something that has the key in its middle: what does not depend on its neighbours
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(bytes(shift) + octets)
            yield coded[4 if shift else 0 : -4]


def found_in(written: bytes, secrets: Mapping[str, bytes]) -> list[str]:
    return [name for name, octets in secrets.items() if any(form in written for form in forms(octets))]


def octets_of(text: str | int) -> bytes:
    try:
        return bytes.fromhex(str(text).removeprefix("hex:"))
    except ValueError:
        return str(text).encode()


def dump(dsn: str) -> bytes:
    """The whole database but for the columns that hold sealed keys."""
    out = bytearray()
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT (to_jsonb(t) - 'wrapped' - 'sealed')::text FROM {table} AS t".encode())  # noqa: S608 - its names
            for (row,) in rows:
                out += row.encode() + b"\n"
    return bytes(out)


async def run(*arguments: str, environment: Mapping[str, str]) -> bytes:
    program = (sys.executable, "-X", "faulthandler", "-m", "cas", *arguments)
    process = await asyncio.create_subprocess_exec(
        *program, env=dict(environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    written, _ = await process.communicate()
    return written


def test_the_search_finds_each_form() -> None:
    key = bytes(range(100, 116))
    for form in forms(key):
        assert found_in(b"something " + form + b" something", {"key": key}) == ["key"]
    assert found_in(base64.b64encode(b"{'key': '" + key + b"'}"), {"key": key}) == ["key"]
    assert not found_in(b"something", {"key": key})


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_full_run_writes_no_key_anywhere(dsn: str, tmp_path: Path, form: str) -> None:
    environment = {
        **os.environ,
        "CAS_DSN": dsn,
        "CAS_MASTER_KEY": MASTER,
        "CAS_LOG_LEVEL": "debug",
        "CAS_LOG_FORMAT": form,
        "CAS_STOP_GRACE": "1",
        "CAS_AUTHENTICATION": "basic",
        "CAS_DATA_DIR": str(tmp_path / "data"),
        "PYTHONASYNCIODEBUG": "1",
        "THE_PASSWORD": PASSWORD,
        "WRONG_KEY": WRONG,
    }
    written = bytearray()
    async with Simulator(6, model=["residential", "three-phase"]) as simulator:
        devices = [simulator.device(index) for index in range(6)]
        simulator.export(tmp_path / "meters.toml")
        secrets = {
            f"{name} of {entry['device_id']}": octets_of(entry[name])
            for entry in devices
            for name in KEYS
            if name in entry
        }
        secrets |= {
            "master key": bytes.fromhex(MASTER),
            "password": PASSWORD.encode(),
            "wrong key": bytes.fromhex(WRONG),
        }
        assert len(secrets) > 10
        ids = [str(entry["device_id"]) for entry in devices]
        url = next(str(entry["url"]) for entry in devices if "encryption_key" in entry)
        bad = (
            "add",
            "BAD",
            url,
            "--authentication",
            "hls-gmac",
            "--protection",
            "both",
            "--system-title",
            "4142434445464748",
        )
        verbs = [part for verb in Verb for part in ("--verb", verb.value)]
        prepare: tuple[tuple[str, ...], ...] = (
            ("device", "import", str(tmp_path / "meters.toml")),
            ("device", *bad, "--encryption-key", "env:WRONG_KEY", "--authentication-key", "env:WRONG_KEY"),
            ("device", "add", "BAD", url, "--encryption-key", f"{WRONG}"),
            ("client", "role", "r", *verbs, "--group", "DG_ALL_METERS", "--directory"),
            ("record", "on", ids[0]),
            ("client", "add", "mdm", "--role", "r", "--password", "env:THE_PASSWORD"),
            ("client", "add", "bad", "--password", "env:NO_SUCH_VARIABLE"),
        )
        for arguments in prepare:
            written += await run(*arguments, environment=environment)
        # what was typed where it does not belong is the user's own and not a key that we had
        serve = (sys.executable, "-m", "cas", "serve", "--port", "0")
        process = await asyncio.create_subprocess_exec(
            *serve, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        assert process.stdout is not None
        address = b""
        while not address:
            line = await process.stdout.readline()
            assert line, written.decode()
            written += line
            address = line.split()[1] if line.startswith(b"READY") else b""
        async with aiohttp.ClientSession() as session:
            for name, password in (("mdm", PASSWORD), ("mdm", f"{PASSWORD}!"), (PASSWORD, "mdm")):
                for octets in (create([*ids, "BAD"]), create(ids, [GET_ENERGY, "<cos:get-request/>"]), b"<"):
                    headers = {
                        "Content-Type": "application/soap+xml",
                        "Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}",
                    }
                    async with session.post(address.decode(), data=octets, headers=headers) as response:
                        written += await response.read()
            for path in (*PAGES, f"/devices/{ids[0]}"):
                known = {"Authorization": f"Basic {base64.b64encode(f'mdm:{PASSWORD}'.encode()).decode()}"}
                async with session.get(address.decode().replace("/cas", path), headers=known) as response:
                    assert response.status == 200, path
                    written += await response.read()
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
        written += rest
        assert process.returncode == 0, rest.decode()
        look: tuple[tuple[str, ...], ...] = (
            ("device", "list"),
            ("device", "show", ids[0], "--json"),
            ("keys", "check", "--json"),
            ("keys", "rotate"),
            ("client", "list", "--json"),
            ("client", "show", "mdm"),
            ("audit", "show", "--limit", "1000", "--json"),
            ("audit", "verify"),
            ("read", "BAD", "1.8.0"),
            ("check",),
            *(("translate", "--file", str(file)) for file in (tmp_path / "data" / "records").iterdir()),
            ("device", "remove", "--yes", "BAD"),
        )
        for arguments in look:
            written += await run(*arguments, environment=environment)
    stored = dump(dsn)
    assert b"CosemXDLMSResult" in written
    assert b"CosemErrorResult" in written
    assert b"aarq" in written.lower()
    assert b"cas_link_wait_seconds" in written
    assert b"device_key" in stored or ids[0].encode() in stored
    assert found_in(bytes(written), secrets) == []
    assert found_in(stored, secrets) == []
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert found_in(file.read_bytes(), secrets) == [], file


KEY, MASTER_KEY = bytes(range(100, 116)), bytes(range(100, 132))


def test_what_holds_a_key_shows_it_in_no_repr() -> None:
    holders: list[object] = [
        Secret(KEY),
        Password(KEY),
        LocalMasterKey(Secret(MASTER_KEY)),
        Keyring([Secret(MASTER_KEY)]),
        Ciphering(SUITES[0], KEY, KEY),
        {KeyKind.SECRET: Secret(KEY)},
    ]
    for holder in holders:
        for text in (repr(holder), str(holder), f"{holder}"):
            assert not found_in(text.encode(), {"key": KEY, "master": MASTER_KEY})


def test_a_traceback_with_its_variables_shows_no_key() -> None:
    ring, others = Keyring([Secret(MASTER_KEY)]), Keyring([Secret(bytes(32))])
    sealed = others.seal("M1", KeyKind.SECRET, Secret(KEY))
    with pytest.raises(KeyUnreadable) as caught:
        ring.unseal("M1", KeyKind.SECRET, sealed)
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "sealed" in text
    assert not found_in(text.encode(), {"key": KEY, "master": MASTER_KEY})
