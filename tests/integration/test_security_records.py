"""What is kept about security: the audit log that cannot be changed unseen, clients, and keys under new master keys."""

import asyncio
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cas.cli import app
from cas.devices.keys import KeyKind, Keyring, LocalMasterKey, MasterKey, Secret
from cas.devices.registration import Row, register_devices
from cas.devices.registry import get_device
from cas.devices.rotation import rotate
from cas.security.audit import GENESIS, Head, append, recorded, verify
from cas.security.clients import put_definitions, read_directory, remove_clients
from cas.security.errors import AuditBroken, ClientRefused
from cas.security.model import read_definitions
from cas.store.database import Pool

OLD, NEW = "5A" * 32, "A5" * 32
KEY = "000102030405060708090A0B0C0D0E0F"

Cas = Callable[..., Result]


@pytest.fixture
def cas(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cas:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", dsn)
    monkeypatch.setenv("CAS_MASTER_KEY", OLD)
    runner = CliRunner()

    def run(*arguments: str, status: int = 0, **variables: str) -> Result:
        result = runner.invoke(app, arguments, env=variables)
        assert result.exit_code == status, (result.output, result.exception)
        return result

    return run


async def spoil(pool: Pool, *statements: str) -> None:
    """Change the table as one may who owns it."""
    async with pool.connection() as connection:
        await connection.execute(b"ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        for statement in statements:
            await connection.execute(statement.encode())
        await connection.execute(b"ALTER TABLE audit_entry ENABLE TRIGGER ALL")


async def fill(pool: Pool) -> Head:
    await append(pool, [{"actor": "client:a", "action": f"do {number}"} for number in range(5)])
    return await verify(pool)


# ---------------------------------------------------------------- audit


async def test_the_chain_is_what_the_readme_of_it_says(pool: Pool) -> None:
    head = await fill(pool)
    async with pool.connection() as connection:
        rows = await (
            await connection.execute(b"SELECT number, entry, hash FROM audit_entry ORDER BY number")
        ).fetchall()
    previous = b"\0" * 32
    for number, entry, stored in rows:
        previous = hashlib.sha256(previous + number.to_bytes(8, "big") + entry.encode("utf-8")).digest()
        assert stored == previous
    assert head == Head(5, previous)
    assert Head.parse(str(head)) == head


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET entry = '{}'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "INSERT INTO audit_entry VALUES (6, '{}', decode(repeat('00', 32), 'hex'))",
        "INSERT INTO audit_entry SELECT 7, entry, hash FROM audit_entry WHERE number = 5",
        "INSERT INTO audit_entry VALUES (0, '{}', decode(repeat('00', 32), 'hex'))",
    ],
)
async def test_the_database_takes_nothing_but_the_next_entry(pool: Pool, statement: str) -> None:
    head = await fill(pool)
    async with pool.connection() as connection:
        with pytest.raises(
            (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException, psycopg.IntegrityError)
        ):
            await connection.execute(statement.encode())
    assert await verify(pool) == head


SWAPPED = """UPDATE audit_entry AS a SET entry = b.entry FROM audit_entry AS b
WHERE (a.number, b.number) IN ((2, 3), (3, 2))"""


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE audit_entry SET entry = replace(entry, 'client:a', 'client:b') WHERE number = 3",
            "entry 3 was changed",
        ),
        ("UPDATE audit_entry SET entry = entry || ' ' WHERE number = 1", "entry 1 was changed"),
        ("UPDATE audit_entry SET hash = sha256('x') WHERE number = 2", "entry 2 was changed"),
        ("DELETE FROM audit_entry WHERE number = 3", "entry 3 is missing"),
        ("DELETE FROM audit_entry WHERE number = 1", "entry 1 is missing"),
        (SWAPPED, "entry 2 was changed"),
    ],
)
async def test_who_owns_the_table_and_changes_it_is_seen(pool: Pool, statement: str, says: str) -> None:
    await fill(pool)
    await spoil(pool, statement)
    with pytest.raises(AuditBroken, match=says):
        await verify(pool)


async def test_what_was_noted_shows_a_cut_and_a_new_chain(pool: Pool) -> None:
    head = await fill(pool)
    await append(pool, [{"actor": "a", "action": "later"}])
    assert (await verify(pool, head)).number == 6
    await spoil(pool, "DELETE FROM audit_entry WHERE number > 4")
    assert (await verify(pool)).number == 4
    with pytest.raises(AuditBroken, match="cut off"):
        await verify(pool, head)
    await append(pool, [{"actor": "a", "action": "made anew"}])
    with pytest.raises(AuditBroken, match="made anew"):
        await verify(pool, head)
    await spoil(pool, "DELETE FROM audit_entry")
    assert await verify(pool) == Head(0, GENESIS)
    with pytest.raises(AuditBroken):
        await verify(pool, head)


async def test_many_writers_make_one_chain(pool: Pool) -> None:
    async def write(name: int) -> None:
        for _ in range(5):
            async with recorded(pool, {"actor": f"client:{name}", "action": "do"}):
                pass

    await asyncio.gather(*(write(name) for name in range(8)))
    assert (await verify(pool)).number == 80


async def test_what_failed_is_recorded_as_such(pool: Pool, cas: Cas) -> None:
    with pytest.raises(ZeroDivisionError):
        async with recorded(pool, {"actor": "a", "action": "do", "odd": "\0 \ud800 ü \\u0000 \\\0"}):
            raise ZeroDivisionError("secret")
    await asyncio.to_thread(cas, "audit", "verify")
    shown = (await asyncio.to_thread(cas, "audit", "show", "--json", "--actor", "a")).stdout.splitlines()
    entries = [json.loads(json.loads(line)["entry"]) for line in shown]
    assert [(entry["phase"], entry.get("outcome"), entry.get("problem")) for entry in entries] == [
        ("begun", None, None),
        ("ended", "failed", "ZeroDivisionError"),
    ]
    assert entries[0]["odd"] == "\ufffd ? ü \\u0000 \\\ufffd"
    assert "secret" not in "".join(shown)


async def test_the_command_line_shows_verifies_and_exports(pool: Pool, cas: Cas, tmp_path: Path) -> None:
    head = await fill(pool)
    verified = await asyncio.to_thread(cas, "audit", "verify")
    assert str(head) in verified.stdout
    await asyncio.to_thread(cas, "audit", "verify", "--head", str(head))
    await asyncio.to_thread(lambda: cas("audit", "verify", "--head", "5:00", status=2))
    assert "do 4" in (await asyncio.to_thread(cas, "audit", "show", "--limit", "1")).stdout
    await asyncio.to_thread(cas, "audit", "export", str(tmp_path / "audit.jsonl"), "--after", "3")
    exported = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [entry["number"] for entry in exported] == [4, 5]
    assert exported[-1]["hash"] == head.hash.hex()
    await spoil(pool, "UPDATE audit_entry SET entry = '{}' WHERE number = 2")
    broken = await asyncio.to_thread(lambda: cas("audit", "verify", status=1))
    assert isinstance(broken.exception, AuditBroken)


# ---------------------------------------------------------------- clients


TOML = """
[[role]]
name = "reader"
verbs = ["create", "get"]
prefixes = ["53494D"]

[[client]]
name = "mdm"
roles = ["reader"]
subjects = ["mdm"]
"""


async def test_clients_are_managed_from_the_command_line(pool: Pool, cas: Cas, tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text(TOML)
    (tmp_path / "password").write_text("correct horse\n")

    def work() -> None:
        cas("client", "import", "clients.toml")
        cas("client", "role", "operator", "--verb", "create", "--service", "action", "--group", "DG_ALL_METERS")
        cas("client", "add", "ops", "--role", "operator", "--password", "file:password", "--certificate", "CN=ops")
        listed = cas("client", "list").stdout
        assert "mdm" in listed
        assert "DG_ALL_METERS" in listed
        shown = json.loads(cas("client", "show", "ops", "--json").stdout)
        assert (shown["password"], shown["certificates"]) == ("set", ["CN=ops"])
        assert shown["rights"][0]["services"] == ["action"]
        assert "password" in cas("client", "show", "ops").stdout
        missing = cas("client", "show", "nobody", status=1).exception
        assert isinstance(missing, ClientRefused)
        used = cas("client", "remove", "--role", "operator", status=1).exception
        assert "client ops: no role operator" in str(used)
        cas("client", "remove", "ops", "--role", "operator")
        assert "ops" not in cas("client", "list", "--json").stdout
        cas("client", "add", "x", "--password", "hunter2", status=2)
        recorded = cas("audit", "show", "--json").stdout
        assert "hunter2" not in recorded
        assert "correct horse" not in recorded
        assert "scrypt" not in recorded

    await asyncio.to_thread(work)
    assert (await verify(pool)).number == 10
    assert list((await read_directory(pool)).clients) == ["mdm"]


async def test_definitions_are_taken_as_a_whole_or_not(pool: Pool) -> None:
    good = {"role": [{"name": "r"}], "client": [{"name": "a", "roles": ["r"], "subjects": ["a"]}]}
    await put_definitions(pool, read_definitions(good))
    clash = {"client": [{"name": "b", "subjects": ["b"]}, {"name": "c", "subjects": ["a"]}]}
    for bad in (clash, {"client": [{"name": "b", "subjects": ["b"]}] * 2}):
        with pytest.raises(ClientRefused):
            await put_definitions(pool, read_definitions(bad))
    for gone, roles in ((["a", "nobody"], []), ([], ["r"])):
        with pytest.raises(ClientRefused):
            await remove_clients(pool, gone, roles=roles)
    directory = await read_directory(pool)
    assert (list(directory.clients), list(directory.roles)) == (["a"], ["r"])
    await remove_clients(pool, ["a"], roles=["r"])
    assert not (await read_directory(pool)).clients


# ---------------------------------------------------------------- keys


def meter(number: int, key: str = KEY) -> Row:
    return Row(
        {
            "device_id": f"M{number}",
            "url": "tcp://192.0.2.1:4059?client=1&server=1",
            "encryption_key": key,
            "authentication_key": key,
        }
    )


async def test_keys_go_under_the_newest_master_key_and_stay_the_same(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cas.devices.rotation.PAGE", 7)
    old, new = Secret(bytes.fromhex(OLD)), Secret(bytes.fromhex(NEW))
    await register_devices(pool, Keyring([old]), [meter(number) for number in range(12)])
    seen: list[int] = []
    assert (await rotate(pool, Keyring([new, old]), seen.append)).done == 24
    assert seen[-1] == 24
    assert (await rotate(pool, Keyring([new, old]))).done == 0
    for number in range(12):
        keys = (await get_device(pool, f"M{number}")).unseal(Keyring([new]))
        assert keys[KeyKind.ENCRYPTION] == Secret(bytes.fromhex(KEY))


async def test_a_rotation_that_was_stopped_goes_on(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.devices.rotation.PAGE", 5)
    old, new = Secret(bytes.fromhex(OLD)), Secret(bytes.fromhex(NEW))
    await register_devices(pool, Keyring([old]), [meter(number) for number in range(10)])

    def stop(done: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate(pool, Keyring([new, old]), stop)
    assert (await rotate(pool, Keyring([new, old]))).done == 10


async def test_what_cannot_be_read_is_told_and_left(pool: Pool) -> None:
    old, new, lost = (Secret(bytes([number]) * 32) for number in (1, 2, 3))
    await register_devices(pool, Keyring([lost]), [meter(1)])
    await register_devices(pool, Keyring([old]), [meter(2)])
    rotated = await rotate(pool, Keyring([new, old]))
    assert rotated.done == 2
    assert len(rotated.unreadable) == 2
    assert all("M1" in line for line in rotated.unreadable)
    assert (await get_device(pool, "M1")).unseal(Keyring([lost]))


async def test_the_master_key_is_rotated_from_the_command_line(pool: Pool, cas: Cas) -> None:
    await register_devices(pool, Keyring([Secret(bytes.fromhex(OLD))]), [meter(number) for number in range(3)])

    def work() -> None:
        assert "current" in cas("keys", "check").stdout
        both = f"{NEW},{OLD}"
        assert "old: rotate" in cas("keys", "check", CAS_MASTER_KEY=both).stdout
        assert "6 keys" in cas("keys", "rotate", CAS_MASTER_KEY=both).stdout
        checked = cas("keys", "check", CAS_MASTER_KEY=both).stdout
        assert "is no longer needed" in checked
        found = json.loads(cas("keys", "check", "--json", CAS_MASTER_KEY=NEW).stdout)
        assert (found["unused"], found["unreadable"]) == ([], [])
        refused = cas("keys", "check", status=1, CAS_MASTER_KEY=OLD)
        assert "6 stored keys cannot be read" in str(refused.exception)
        for output in (checked, str(refused.exception), cas("audit", "show").stdout):
            assert not [key for key in (OLD, NEW, KEY) if key.lower() in output.lower()]

    await asyncio.to_thread(work)


class Module:
    """A master key that stays where it is, as in a security module."""

    def __init__(self) -> None:
        inside = LocalMasterKey(Secret(os.urandom(32)))
        self.identity = "module-1"
        self.encrypt = inside.encrypt
        self.decrypt = inside.decrypt


async def test_a_master_key_may_stay_in_a_module(pool: Pool) -> None:
    module: MasterKey = Module()
    old = Secret(bytes.fromhex(OLD))
    await register_devices(pool, Keyring([old]), [meter(1)])
    await rotate(pool, Keyring([module, old]))
    registered = await get_device(pool, "M1")
    assert {sealed.master_key_id for sealed in registered.sealed_keys.values()} == {"module-1"}
    assert registered.unseal(Keyring([module]))[KeyKind.ENCRYPTION] == Secret(bytes.fromhex(KEY))
