"""`cas upgrade`: bring a firmware image to one device, block by block, and activate it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cas.access.exchange import Object, action_result
from cas.access.images import IMAGE_TRANSFER, SIGNATURE_SUFFIX, Image, UpgradeOrder, digest, read_identifier
from cas.access.model import Failure
from cas.access.transfers import PostgresTransfers
from cas.access.upgrade import Progress, Upgrade
from cas.access.upgrade import upgrade as bring
from cas.bindings import cosempdu as cos
from cas.cli._common import Bar, examples, print_json, progress, run
from cas.cli._meter import open_sessions
from cas.cosem.obis import Obis
from cas.dlms.apdu import Response
from cas.dlms.errors import DlmsError
from cas.errors import CasError
from cas.security.audit import operator, recorded
from transports.errors import TransportError

app = typer.Typer(add_completion=False, help="Bring a firmware image to one device, and activate it.")


class NotUpgraded(CasError):
    """The image is not active on the device."""


@app.command(
    no_args_is_help=True,
    epilog=examples(
        "cas upgrade 53494D0000000001 images/fw-2.1.bin",
        "cas upgrade 53494D0000000001 images/fw-2.1.bin --identifier hex:4649524D  # as the vendor names it",
    ),
)
def upgrade(
    device: Annotated[str, typer.Argument(help="DeviceID, system title or alias.")],
    file: Annotated[Path, typer.Argument(help=f"Image; its signature may lie beside it, as FILE{SIGNATURE_SUFFIX}.")],
    identifier: Annotated[
        str | None, typer.Option(metavar="TEXT|hex:DIGITS", help="image_identifier; default: the file's name.")
    ] = None,
    target: Annotated[str, typer.Option("--object", metavar="OBIS", help="Its Image transfer.")] = "0.0.44.0.0.255",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Transfer, verify and activate an image. Broken off, the same command goes on at the first missing block.

    For many devices, by night and with retries, send a CosemUpgrade by the interface.
    """
    try:
        octets = file.read_bytes()
        beside = file.with_name(file.name + SIGNATURE_SUFFIX)
        image = Image(
            read_identifier(identifier or file.name), octets, beside.read_bytes() if beside.is_file() else None
        )
        order = UpgradeOrder(file.name, image.identifier, image.size, Object(IMAGE_TRANSFER, Obis.parse(target).octets))
    except OSError as problem:
        raise NotUpgraded(f"{file}: {problem.strerror}") from None
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None
    if not octets:
        raise NotUpgraded(f"{file} is empty")
    run(_upgrade(device, order, image))
    if as_json:
        print_json({"device": device, "identifier": image.identifier.hex().upper(), "activated": True})
    else:
        typer.echo(f"{file.name} is active on {device}")


async def _upgrade(name: str, order: UpgradeOrder, image: Image) -> None:
    async with open_sessions(name) as (pool, device, sessions):
        about = {"actor": operator(), "action": "upgrade", "device": device.device_id, "file": order.file_name}
        with progress("upgrading", "blocks", 0) as bar:
            job = Upgrade(
                device_id=device.device_id,
                target=order.target,
                image=image,
                digest=digest(order, image),
                transfers=PostgresTransfers(pool),
                pause=asyncio.sleep,
                progress=partial(_show, bar),
            )
            async with recorded(pool, about):
                try:
                    _judge(device.device_id, await bring(job, lambda: sessions.open(device.device_id)))
                except (DlmsError, TransportError) as error:
                    raise NotUpgraded(f"{device.device_id}: {error}; call it again to go on") from error


def _show(bar: Bar, done: Progress) -> None:
    if done.of:
        bar.at(done.blocks, done.of)


def _judge(device_id: str, outcome: Response | Failure) -> None:
    """Raise NotUpgraded unless the device has activated the image."""
    if isinstance(outcome, Failure):
        raise NotUpgraded(f"{device_id}: {outcome.reason}: {outcome.details}")
    result = action_result(outcome)
    if result is not cos.ActionResult.SUCCESS:
        raise NotUpgraded(f"{device_id}: the device answers {result.value if result else type(outcome).__name__}")
