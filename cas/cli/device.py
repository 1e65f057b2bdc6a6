"""`cas device`: the registry of devices. Keys go in and are never shown."""

import sys
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cas.cli._common import examples, print_json, print_table, progress, run
from cas.cli._key_input import KEY_INPUT, read_key
from cas.cli._meter import open_sessions
from cas.config import Settings, load_settings
from cas.devices.counters import Counters, counter_scope
from cas.devices.entry import KEY_FIELDS
from cas.devices.errors import DeviceError
from cas.devices.files import count_rows, read_rows
from cas.devices.key_change import KEY_IDS
from cas.devices.keys import KeyKind
from cas.devices.master_key import load_keyring
from cas.devices.model import Authentication, Protection, without_password
from cas.devices.registration import Row, Summary, register_devices
from cas.devices.registry import Registered, get_device, iterate_devices, quirks_as_stored, remove_devices
from cas.dlms.errors import DlmsError
from cas.security.audit import operator, recorded
from cas.store.database import open_database
from transports.errors import TransportError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Add, import, list, show and remove devices.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="DEVICE", help="DeviceID, system title or alias.")]
KeyInput = Annotated[str | None, typer.Option(metavar="SOURCE", help=KEY_INPUT)]
PAGE = 1000


@app.command(
    "add",
    epilog=examples(
        "cas device add 53494D0000000001 'tcp://192.0.2.7:4059?client=16&server=1'",
        "cas device add 53494D0000000002 'tcp://192.0.2.8:4059?client=1&server=1' --authentication hls-gmac "
        "--protection both --encryption-key file:ek.hex --authentication-key file:ak.hex",
        "cas device add 53494D0000000003 'hdlc+tcp://192.0.2.9:4001?client=16&server=1&physical=17' "
        "--quirk release=no --label segment=north",
    ),
)
def add(
    device_id: Annotated[str, typer.Argument(help="System title (16 hex digits) or alias.")],
    url: Annotated[str, typer.Argument(help="Transport, such as tcp://host:4059?client=1&server=1")],
    alias: Annotated[str | None, typer.Option(help="A second name.")] = None,
    system_title: Annotated[str | None, typer.Option(help="16 hex digits, if DEVICE_ID is an alias.")] = None,
    authentication: Annotated[Authentication, typer.Option(help="How the client proves itself.")] = Authentication.NONE,
    suite: Annotated[int, typer.Option(help="Security suite.", min=0, max=2)] = 0,
    protection: Annotated[Protection, typer.Option(help="Protection of APDUs.")] = Protection.NONE,
    client_system_title: Annotated[str | None, typer.Option(help="16 hex digits; default: the service's.")] = None,
    max_pdu: Annotated[int, typer.Option(help="Client max receive PDU size, octets; 0: no limit.")] = 0xFFFF,
    encryption_key: KeyInput = None,
    authentication_key: KeyInput = None,
    broadcast_key: KeyInput = None,
    master_key: KeyInput = None,
    secret: KeyInput = None,
    signing_key: KeyInput = None,
    signing_certificate: KeyInput = None,
    agreement_key: KeyInput = None,
    device_signing_key: KeyInput = None,
    device_agreement_key: KeyInput = None,
    quirk: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Such as release=no.")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Free label.")] = None,
    as_json: Json = False,
) -> None:
    """Register a device, or replace its profile; keys that are not given stay.

    Keys are not taken from the command line itself, where every user of the machine can read them.
    """
    fields: dict[str, Any] = {
        "device_id": device_id, "url": url, "alias": alias, "system_title": system_title,
        "authentication": authentication, "suite": suite, "protection": protection,
        "client_system_title": client_system_title, "max_pdu": max_pdu,
        "quirk": _pairs("--quirk", quirk), "label": _pairs("--label", label),
    }  # fmt: skip
    sources = [
        encryption_key, authentication_key, broadcast_key, master_key, secret,
        signing_key, signing_certificate, agreement_key, device_signing_key, device_agreement_key,
    ]  # fmt: skip
    for name, source in zip(KEY_FIELDS, sources, strict=True):
        fields[name] = None if source is None else read_key(name, source)
    keys = [name for name in KEY_FIELDS if fields[name] is not None]
    summary = _register([Row(fields)], 1, action="add device", device=device_id, keys=keys)
    _tell(summary, as_json=as_json)


@app.command(
    "import",
    epilog=examples(
        "cas device import meters.csv",
        "cas device import meters.toml --json",
    ),
)
def import_(file: Annotated[Path, typer.Argument(help="CSV or TOML file of devices.")], as_json: Json = False) -> None:
    """Register the devices of a file, all or none.

    CSV: columns device_id, url and any of system_title, alias, authentication, suite, protection,
    client_system_title, max_pdu, encryption_key, authentication_key, broadcast_key, master_key, secret, signing_key,
    signing_certificate, agreement_key, device_signing_key, device_agreement_key, quirk.NAME, label.NAME. TOML: the same
    names in tables [[device]].
    """
    rows = read_rows(file)
    _tell(_register(rows, count_rows(file), action="import devices", file=file.name), as_json=as_json)


@app.command(
    "list",
    epilog=examples(
        "cas device list --prefix 53494D",
        "cas device list --json | jq -r 'select(.missing_keys != []).device_id'",
    ),
)
def list_(
    prefix: Annotated[str, typer.Option(help="Only DeviceIDs that begin with this.")] = "",
    limit: Annotated[int | None, typer.Option(help="At most so many; default: 1000, with --json all.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """List the devices in the order of their DeviceIDs."""

    shown: list[Registered] = []
    emit = (lambda registered: print_json(_fields(registered))) if as_json else shown.append
    most = limit or (None if as_json else PAGE)
    more = run(_list(prefix, most, emit))
    if not as_json:
        columns = ("DeviceID", "alias", "url", "authentication", "suite", "protection", "missing keys")
        print_table(columns, map(_cells, shown))
    if more:
        _notify(f"only the first {most} devices are shown: see --limit and --prefix")


@app.command(
    "show",
    epilog=examples(
        "cas device show 53494D0000000001",
    ),
)
def show(device: Name, as_json: Json = False) -> None:
    """Show one device: its profile, which keys are set, its next invocation counter."""
    settings = load_settings()
    registered, counter = run(_show(settings, device))
    fields = _fields(registered) | {"next_invocation_counter": counter}
    if as_json:
        print_json(fields)
    else:
        print_table(("field", "value"), [(name, _text(value)) for name, value in fields.items()])


@app.command(
    "remove",
    epilog=examples(
        "cas device remove 53494D0000000001 53494D0000000002",
    ),
)
def remove(
    devices: Annotated[list[str], typer.Argument(metavar="DEVICE...", help="DeviceIDs, system titles or aliases.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove devices and their keys, all or none. Their invocation counters are kept."""
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody can be asked here: confirm by --yes")
        typer.confirm(f"Remove {', '.join(devices)} with their keys?", abort=True)

    removed = run(_remove(devices))
    if as_json:
        print_json({"removed": removed})
    else:
        typer.echo(f"removed {', '.join(removed)}")


@app.command(
    "rekey",
    epilog=examples(
        "cas device rekey 53494D0000000001 --key encryption --key authentication",
        "cas device rekey 53494D0000000001 --key master --agree  # suites 1 and 2: the key never travels",
    ),
)
def rekey(
    device: Name,
    key: Annotated[list[str], typer.Option(help=f"What to change: {', '.join(KEY_IDS)}; several are changed at once.")],
    agree: Annotated[
        bool, typer.Option("--agree", help="Agree on them with the device, which never sends them: suites 1 and 2.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a device new keys, wrapped under its master key, and keep those that it has taken. They are never shown."""
    if unknown := [name for name in key if name not in set(KEY_IDS)]:
        raise typer.BadParameter(f"--key {unknown[0]}: must be one of {', '.join(KEY_IDS)}")
    kinds = [KeyKind(name) for name in key]
    run(_rekey(device, kinds, agree=agree))
    if as_json:
        print_json({"changed": kinds})
    else:
        typer.echo(f"changed: {', '.join(kinds)}")


async def _rekey(name: str, kinds: list[KeyKind], *, agree: bool) -> None:
    async with open_sessions(name) as (pool, device, sessions):
        device_id = device.device_id
        about = {"actor": operator(), "action": "change keys", "device": device_id, "keys": [*kinds]}
        async with recorded(pool, about):
            try:
                await sessions.change_keys(device_id, kinds, agree=agree)
            except (DlmsError, TransportError) as error:
                raise DeviceError(f"device {device_id}: {error}") from error


def _pairs(option: str, given: Iterable[str] | None) -> dict[str, str]:
    pairs = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{option} {text}: must read NAME=VALUE")
        pairs[name] = value
    return pairs


def _notify(message: str) -> None:
    typer.echo(f"cas: {message}", err=True)


def _register(rows: Iterable[Row], total: int | None, *, action: str, **details: object) -> Summary:
    settings = load_settings()
    keyring = load_keyring(settings, _notify)

    async def work() -> Summary:
        async with open_database(settings) as pool:
            about = {"actor": operator(), "action": action, **details}
            async with recorded(pool, about) as outcome:
                with progress("registering", "devices", total) as bar:
                    summary = await register_devices(pool, keyring, rows, bar.at)
                outcome |= asdict(summary)
            return summary

    return run(work())


async def _list(prefix: str, most: int | None, emit: Callable[[Registered], None]) -> bool:
    """Emit the devices; return whether there are more than `most`."""
    async with open_database(load_settings()) as pool, aclosing(iterate_devices(pool, prefix)) as devices:
        count = 0
        async for registered in devices:
            if count == most:
                return True
            emit(registered)
            count += 1
    return False


async def _show(settings: Settings, name: str) -> tuple[Registered, int | None]:
    async with open_database(settings) as pool:
        registered = await get_device(pool, name)
        if KeyKind.ENCRYPTION not in registered.sealed_keys:
            return registered, None
        try:
            key = registered.unseal(load_keyring(settings))[KeyKind.ENCRYPTION]
        except DeviceError as problem:
            _notify(f"the invocation counter is not known: {problem}")
            return registered, None
        scope = counter_scope(key, registered.device.client_system_title or settings.client_title)
        return registered, (await Counters(pool).read([scope])).get(scope, 1)


async def _remove(names: list[str]) -> list[str]:
    async with open_database(load_settings()) as pool:
        async with recorded(pool, {"actor": operator(), "action": "remove devices", "devices": names}) as outcome:
            outcome["removed"] = removed = await remove_devices(pool, names)
        return removed


def _tell(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(summary))
        return
    typer.echo(f"{summary.added} added, {summary.changed} changed, {summary.unchanged} unchanged")
    if summary.without_keys:
        _notify(f"{summary.without_keys} of them lack keys that their associations need: `cas device list` names them")


def _fields(registered: Registered) -> dict[str, Any]:
    """What may be shown of a device."""
    device = registered.device
    return {
        "device_id": device.device_id,
        "system_title": _hex(device.system_title),
        "alias": device.alias,
        "url": without_password(device.url),
        "authentication": device.authentication.value,
        "suite": device.suite,
        "protection": device.protection.value,
        "client_system_title": _hex(device.client_system_title),
        "max_pdu": device.max_pdu,
        "keys": sorted(registered.sealed_keys),
        "missing_keys": registered.missing_keys,
        "quirk": quirks_as_stored(device.quirks),
        "label": dict(device.labels),
    }


def _cells(registered: Registered) -> tuple[str, ...]:
    fields = _fields(registered)
    names = ("device_id", "alias", "url", "authentication", "suite", "protection", "missing_keys")
    return tuple(_text(fields[name]) for name in names)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return "" if value is None else str(value)


def _hex(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex().upper()
