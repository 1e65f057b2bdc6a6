"""`cas record`: which devices have their APDUs recorded, changed while the service runs."""

from typing import Annotated

import typer

from cas.cli._common import examples, print_json, print_table, run
from cas.config import load_settings
from cas.devices.errors import UnknownDevice
from cas.devices.registry import find_devices
from cas.store.database import open_database
from cas.store.queries import query

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Record the APDUs of devices, secrets blanked.")

Names = Annotated[list[str], typer.Argument(metavar="DEVICE...", help="DeviceIDs, system titles or aliases.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_RECORDED, _START, _STOP = query("devices_recorded"), query("recording_start"), query("recording_stop")


@app.command(
    "on",
    epilog=examples(
        "cas record on 53494D0000000001",
    ),
)
def on(names: Names, as_json: Json = False) -> None:
    """Record these devices from now on, in every process of the service, into the directory `record_dir`."""
    devices, where = run(_switch(names, _START)), load_settings().record_path
    if as_json:
        print_json({"recorded": devices, "directory": str(where)})
    else:
        typer.echo(f"recorded into {where}; `cas translate --file` reads the files")


@app.command(
    "off",
    epilog=examples(
        "cas record off 53494D0000000001",
    ),
)
def off(names: Names, as_json: Json = False) -> None:
    """Record these devices no longer; what is recorded stays."""
    devices = run(_switch(names, _STOP))
    if as_json:
        print_json({"recorded_no_longer": devices})


@app.command(
    "list",
    epilog=examples(
        "cas record list",
    ),
)
def list_(as_json: Json = False) -> None:
    """Show the devices that are recorded, and since when."""
    rows = run(_recorded())
    if as_json:
        for device, since in rows:
            print_json({"device": device, "since": since})
    else:
        print_table(["device", "since"], rows)


async def _switch(names: list[str], statement: bytes) -> list[str]:
    async with open_database(load_settings()) as pool:
        found = await find_devices(pool, names)
        if unknown := [name for name in names if name not in found]:
            raise UnknownDevice(unknown)
        async with pool.connection() as connection:
            devices = [registered.device.device_id for registered in found.values()]
            await connection.execute(statement, {"device_ids": devices})
        return devices


async def _recorded() -> list[tuple[str, str]]:
    async with open_database(load_settings()) as pool, pool.connection() as connection:
        cursor = await connection.execute(_RECORDED)
        return [(device, since.isoformat(timespec="seconds")) for device, since in await cursor.fetchall()]
