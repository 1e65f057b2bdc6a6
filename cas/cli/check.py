"""`cas check`: whether the service could do its work here, one line for each thing that it needs."""

import asyncio
import socket
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

import typer

from cas.cli._common import examples, print_json, print_table, run
from cas.cli._meter import open_reader
from cas.config import Settings, load_settings
from cas.devices.keys import KeyKind, Keyring, SealedKey
from cas.devices.master_key import load_keyring
from cas.devices.registry import iterate_devices
from cas.errors import CasError, ConfigurationError
from cas.security.opening import is_guarded, tls_of
from cas.store.database import database_dsn, open_pool
from cas.store.migrate import missing_migrations

app = typer.Typer(add_completion=False, help="Check settings, keys, database, ports and devices.")

SHOWN = 5
"""Devices that are named."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")

State: TypeAlias = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check."""

    what: str
    state: State
    told: str


class Process(StrEnum):
    """What may run."""

    FRONT = "front"
    WORKER = "worker"


class ChecksFailed(CasError):
    """Something that the service needs is not as it must be."""


@app.command(
    epilog=examples(
        "cas check  # before the first start, and after a change of settings",
        "cas check --reach 53494D0000000001  # associate with a meter, too",
        "cas check --running front  # health of a container",
    ),
)
def check(
    reach: Annotated[
        list[str] | None, typer.Option(metavar="DEVICE", help="Associate with this device, too; may be given again.")
    ] = None,
    running: Annotated[
        Process | None, typer.Option(help="Only ask whether this process of the service answers, with these settings.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each check.")] = False,
) -> None:
    """Check what the service needs: settings, TLS, master keys, database, schema, device keys, ports.

    Changes nothing but that the embedded database is started for the time. Ends with status 1 if a check failed.
    """
    if running is not None:
        if not _answers(*_probe(load_settings(), running)):
            raise ChecksFailed(f"no {running} answers")
        return
    findings = run(_findings(reach or []))
    if as_json:
        for finding in findings:
            print_json({"check": finding.what, "state": finding.state, "told": finding.told})
    else:
        print_table(("check", "", ""), [(finding.what, finding.state, finding.told) for finding in findings])
    failed = [finding.what for finding in findings if finding.state == "failed"]
    if failed:
        raise ChecksFailed(f"failed: {', '.join(failed)}")


async def _findings(reach: list[str]) -> list[Finding]:
    try:
        settings = load_settings()
    except ConfigurationError as problem:
        return [Finding("settings", "failed", str(problem))]
    found = [
        Finding("settings", "ok", "they are understood"),
        *_door(settings),
        _port(settings, "port", settings.host, settings.port),
    ]
    if settings.push_port:
        found.append(_port(settings, "push_port", settings.push_host, settings.push_port))
    keyring: Keyring | None = None
    try:
        keyring = load_keyring(settings)
        found.append(Finding("master keys", "ok", f"{len(keyring.identities)} can be read"))
    except CasError as problem:
        found.append(Finding("master keys", "failed", str(problem)))
    found += [finding async for finding in _database(settings, keyring)]
    found += [await _reached(device) for device in reach]
    return found


def _door(settings: Settings) -> list[Finding]:
    try:
        guarded = is_guarded(settings)
        tls_of(settings)
    except ConfigurationError as problem:
        return [Finding("TLS", "failed", str(problem))]
    if guarded:
        return [Finding("TLS", "ok", "certificate and key fit, and clients are asked who they are")]
    if settings.host in LOOPBACK:
        return [Finding("TLS", "ok", f"not needed: only this machine reaches {settings.host}")]
    return [Finding("TLS", "failed", f"{settings.host} is reached from elsewhere: authentication and TLS are needed")]


def _port(settings: Settings, what: str, host: str, port: int) -> Finding:
    if not port:
        return Finding(what, "ok", "any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            if what == "port" and _answers(*_probe(settings, Process.FRONT)):
                return Finding(what, "ok", f"the service answers on {host} port {port}")
            return Finding(what, "warning", f"{host} port {port}: {problem.strerror}; fine if it is the service's own")
    return Finding(what, "ok", f"{host} port {port} is free")


def _probe(settings: Settings, process: Process) -> tuple[str, bytes]:
    """Where a process tells that it works, and how that begins."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - asked, not listened to
    if ":" in host:
        host = f"[{host}]"
    if process is Process.WORKER:
        if not settings.metrics_port:
            raise ConfigurationError("a worker answers at its metrics only: set metrics_port")
        return f"http://{host}:{settings.metrics_port}/metrics", b"#"
    return f"{'http' if settings.tls_certificate is None else 'https'}://{host}:{settings.port}/ready", b"ready"


def _answers(url: str, begin: bytes) -> bool:
    # Nothing is sent that would be a secret, and the certificate need not have the name by which we ask.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=3, context=context) as response:  # noqa: S310 - http or https, see above
            return bool(response.read(len(begin)) == begin)
    except (OSError, ValueError):
        return False


async def _database(settings: Settings, keyring: Keyring | None) -> AsyncIterator[Finding]:
    began = time.monotonic()
    opening = database_dsn(settings)
    try:
        dsn = await asyncio.to_thread(opening.__enter__)
    except CasError as problem:
        yield Finding("database", "failed", str(problem))
        return
    try:
        missing = await asyncio.to_thread(missing_migrations, dsn)
        yield Finding("database", "ok", f"answers after {(time.monotonic() - began) * 1000:.0f} ms")
        if missing:
            yield Finding("schema", "failed", f"lacks {', '.join(missing)}: run `cas database migrate`")
            return
        yield Finding("schema", "ok", "is up to date")
        yield await _devices(dsn, keyring)
    except CasError as problem:
        yield Finding("database", "failed", str(problem))
    finally:
        await asyncio.to_thread(opening.__exit__, None, None, None)


async def _devices(dsn: str, keyring: Keyring | None) -> Finding:
    """The keys of all devices: whether they are there, and whether one under each master key can be read."""
    count = 0
    missing: list[str] = []
    samples: dict[str, tuple[str, KeyKind, SealedKey]] = {}
    async with open_pool(dsn, max_size=1) as pool:
        async for registered in iterate_devices(pool):
            count += 1
            device_id = registered.device.device_id
            if registered.missing_keys:
                missing.append(device_id)
            for kind, sealed in registered.sealed_keys.items():
                samples.setdefault(sealed.master_key_id, (device_id, kind, sealed))
    unreadable = [] if keyring is None else [one[0] for one in samples.values() if not _is_readable(keyring, *one)]
    if unreadable:
        named = ", ".join(unreadable)
        return Finding("device keys", "failed", f"no master key fits those of {named} and others like them")
    if missing:
        named = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        return Finding("device keys", "warning", f"{len(missing)} of {count} devices lack keys: {named}")
    return Finding("device keys", "ok", f"{count} devices have what they need")


def _is_readable(keyring: Keyring, device_id: str, kind: KeyKind, sealed: SealedKey) -> bool:
    try:
        keyring.unseal(device_id, kind, sealed)
    except CasError:
        return False
    return True


async def _reached(device: str) -> Finding:
    began = time.monotonic()
    what = f"device {device}"
    try:
        async with open_reader(device):
            pass
    except CasError as problem:
        return Finding(what, "failed", str(problem))
    return Finding(what, "ok", f"associated and released in {(time.monotonic() - began) * 1000:.0f} ms")
