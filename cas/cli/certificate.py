"""`cas certificate`: the certificates and key pairs of devices of security suites 1 and 2."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cas.cli._common import examples, print_json, print_table, run
from cas.cli._meter import open_sessions
from cas.config import load_settings
from cas.cosem.obis import Obis
from cas.devices import security_setup
from cas.devices.certificates import check_fits, check_issued, der, kind_of, name_text, pem, read_certificate
from cas.devices.errors import CertificateUnfit, DeviceError
from cas.devices.key_change import store_keys
from cas.devices.keys import KeyKind, Secret
from cas.devices.master_key import load_keyring
from cas.devices.model import Device
from cas.devices.security_setup import Entity, Listed, Named, Numbered, Purpose
from cas.dlms.client import Client
from cas.dlms.errors import DlmsError
from cas.dlms.security.certificates import title_of
from cas.security.audit import operator, recorded
from cas.store.database import Pool
from transports.errors import TransportError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Manage certificates and key pairs of devices.")

_T = TypeVar("_T")


class PurposeName(StrEnum):
    """What a key pair is for."""

    SIGNING = "signing"
    AGREEMENT = "agreement"
    TLS = "tls"


class EntityName(StrEnum):
    """Whose certificate it is."""

    SERVER = "server"
    CLIENT = "client"
    AUTHORITY = "authority"
    OTHER = "other"


Name = Annotated[str, typer.Argument(metavar="DEVICE", help="DeviceID, system title or alias.")]
PairPurpose = Annotated[PurposeName, typer.Argument(metavar="PURPOSE", help="signing, agreement or tls.")]
Whose = Annotated[EntityName, typer.Option("--entity", help="Whose certificate.")]
What = Annotated[PurposeName, typer.Option("--purpose", help="What its key is for.")]
Title = Annotated[str | None, typer.Option(help="System title of its subject, 16 hex digits; default: the device's.")]
Serial = Annotated[str | None, typer.Option(help="Serial number in hex, as listed; with --issuer.")]
Issuer = Annotated[str | None, typer.Option(help="Issuer in hex, as listed.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: standard output.")]
Authority = Annotated[Path | None, typer.Option(help="Certificate of the authority that must have signed it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list", epilog=examples("cas certificate list 53494D0000000001"))
def list_(device: Name, as_json: Json = False) -> None:
    """List the certificates that a device holds."""

    async def work(client: Client, setup: Obis, _device: Device) -> list[Listed]:
        return await security_setup.list_certificates(client, setup)

    found = [_fields(one) for one in run(_asked(device, work))]
    if as_json:
        for fields in found:
            print_json(fields)
    else:
        print_table(("entity", "purpose", "subject", "serial", "issuer"), [tuple(one.values()) for one in found])


@app.command(epilog=examples("cas certificate generate 53494D0000000001 agreement"))
def generate(device: Name, purpose: PairPurpose, as_json: Json = False) -> None:
    """Let a device make a new key pair; it is used once its certificate is imported."""

    async def work(client: Client, setup: Obis, _device: Device) -> None:
        await security_setup.generate_key_pair(client, setup, Purpose[purpose.name])

    run(_asked(device, work, action="generate key pair", purpose=purpose.value))
    if as_json:
        print_json({"device": device, "generated": purpose.value})
    else:
        typer.echo(f"{device} has a new key pair for {purpose}: `cas certificate request` tells what is to be signed")


@app.command(epilog=examples("cas certificate request 53494D0000000001 signing -o meter.csr"))
def request(device: Name, purpose: PairPurpose, output: Output = None) -> None:
    """Get the certificate request for a device's newest key pair, as PEM, for an authority to sign."""

    async def work(client: Client, setup: Obis, _device: Device) -> bytes:
        return await security_setup.certificate_request(client, setup, Purpose[purpose.name])

    _write(pem("CERTIFICATE REQUEST", run(_asked(device, work))), output)


@app.command("import", epilog=examples("cas certificate import 53494D0000000001 meter.pem --authority ca.pem"))
def import_(
    device: Name,
    file: Annotated[Path, typer.Argument(help="The certificate, PEM or DER.")],
    authority: Authority = None,
    as_json: Json = False,
) -> None:
    """Give a device a certificate: of its own new key pair, whose public key is registered, or of somebody else."""
    certificate = read_certificate(_read(file))
    if authority is not None:
        check_issued(certificate, read_certificate(_read(authority)))
    kind = run(_import(device, certificate))
    if as_json:
        print_json({"device": device, "subject": certificate.subject.rfc4514_string(), "registered": kind})
        return
    registered = f"; its {kind} key is registered" if kind else ""
    typer.echo(f"{device} has taken the certificate of {certificate.subject.rfc4514_string()}{registered}")


@app.command(
    epilog=examples(
        "cas certificate export 53494D0000000001 --purpose agreement --register",
        "cas certificate export 53494D0000000001 --entity client -o client.pem",
    )
)
def export(
    device: Name,
    entity: Whose = EntityName.SERVER,
    purpose: What = PurposeName.SIGNING,
    title: Title = None,
    serial: Serial = None,
    issuer: Issuer = None,
    output: Output = None,
    register: Annotated[bool, typer.Option("--register", help="Register its key as the device's.")] = False,
    authority: Authority = None,
) -> None:
    """Get a certificate from a device, as PEM; with --register, keep the key in it as the device's."""

    async def work(client: Client, setup: Obis, found: Device) -> bytes:
        return await security_setup.export_certificate(
            client, setup, _which(found, entity, purpose, title, serial, issuer)
        )

    certificate = read_certificate(run(_asked(device, work)))
    if authority is not None:
        check_issued(certificate, read_certificate(_read(authority)))
    if register:
        kind = run(_register(device, certificate))
        typer.echo(f"cas: registered as the {kind} key of {device}", err=True)
    _write(pem("CERTIFICATE", der(certificate)), output)


@app.command(epilog=examples("cas certificate remove 53494D0000000001 --entity client --purpose signing --yes"))
def remove(
    device: Name,
    entity: Whose = EntityName.CLIENT,
    purpose: What = PurposeName.SIGNING,
    title: Title = None,
    serial: Serial = None,
    issuer: Issuer = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a certificate from a device; with one of its own it destroys the key pair."""
    if not yes:
        typer.confirm(f"Remove a certificate from {device}?", abort=True)

    async def work(client: Client, setup: Obis, found: Device) -> None:
        await security_setup.remove_certificate(client, setup, _which(found, entity, purpose, title, serial, issuer))

    run(_asked(device, work, action="remove certificate", entity=entity.value, purpose=purpose.value))
    if as_json:
        print_json({"removed_from": device})
    else:
        typer.echo(f"removed from {device}")


async def _asked(
    name: str, work: Callable[[Client, Obis, Device], Awaitable[_T]], action: str | None = None, **details: object
) -> _T:
    """Associate with the device and do this; with an `action` it is recorded. Raises DeviceError."""
    async with open_sessions(name) as (pool, device, sessions):

        async def do() -> _T:
            async with sessions.open(device.device_id) as client:
                return await work(client, Obis.parse(device.quirks.security_setup), device)

        return await _told(pool, device.device_id, action, details, do)


async def _import(name: str, certificate: Any) -> KeyKind | None:
    """Import a certificate; what it is the key of, if it is the device's own."""
    async with open_sessions(name) as (pool, device, sessions):
        kind = kind_of(certificate) if title_of(certificate) == device.system_title else None
        octets = der(certificate)

        async def do() -> None:
            if kind is not None:
                check_fits(certificate, device, kind)
                await sessions.give_certificate(device.device_id, kind, octets)
                return
            async with sessions.open(device.device_id) as client:
                await security_setup.import_certificate(client, Obis.parse(device.quirks.security_setup), octets)

        about = {"subject": certificate.subject.rfc4514_string()}
        await _told(pool, device.device_id, "import certificate", about, do)
        return kind


async def _register(name: str, certificate: Any) -> KeyKind:
    """Keep the key in a certificate as the device's. Raises CertificateUnfit."""
    async with open_sessions(name) as (pool, device, _):
        kind = kind_of(certificate)
        if kind is None:
            raise CertificateUnfit(f"device {device.device_id}: only signing and agreement keys are registered")
        check_fits(certificate, device, kind)

        async def do() -> None:
            keyring = load_keyring(load_settings())
            await store_keys(pool, keyring, device.device_id, {kind: Secret(der(certificate))})

        await _told(pool, device.device_id, "register certificate", {"key": kind.value}, do)
        return kind


async def _told(
    pool: Pool, device_id: str, action: str | None, details: dict[str, Any], do: Callable[[], Awaitable[_T]]
) -> _T:
    """Do it, on record where it is an action; what goes wrong names the device. Raises DeviceError."""
    try:
        if action is None:
            return await do()
        async with recorded(pool, {"actor": operator(), "action": action, "device": device_id, **details}):
            return await do()
    except (DlmsError, TransportError) as error:
        raise DeviceError(f"device {device_id}: {error}") from error


def _which(
    device: Device, entity: EntityName, purpose: PurposeName, title: str | None, serial: str | None, issuer: str | None
) -> Named | Numbered:
    if serial is not None or issuer is not None:
        return Numbered(_hex("--serial", serial), _hex("--issuer", issuer))
    subject = device.system_title or b"" if title is None else _hex("--title", title)
    return Named(Entity[entity.name], Purpose[purpose.name], subject)


def _hex(option: str, text: str | None) -> bytes:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        raise typer.BadParameter(f"{option}: must be hex digits") from None


def _fields(one: Listed) -> dict[str, str]:
    return {
        "entity": one.entity.name.lower(),
        "purpose": one.purpose.name.lower(),
        "subject": name_text(one.subject),
        "serial": one.serial.hex().upper(),
        "issuer": one.issuer.hex().upper(),
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise typer.BadParameter(f"{file}: {problem.strerror}") from None


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as problem:
        raise typer.BadParameter(f"{output}: {problem.strerror}") from None
