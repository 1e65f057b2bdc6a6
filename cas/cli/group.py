"""`cas group`: groups of devices."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Annotated, TypeVar

import typer

from cas.access.groups import (
    Group,
    Listed,
    add_members,
    change_groups,
    create_groups,
    delete_groups,
    get_group,
    iterate_groups,
    iterate_members,
    remove_members,
)
from cas.cli._common import examples, print_json, print_table, run
from cas.config import load_settings
from cas.security.audit import operator, recorded
from cas.store.database import Pool, open_database

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, show, create, change and delete groups.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="GroupID.")]
Prefix = Annotated[str | None, typer.Option(help="All devices whose DeviceID begins with this, instead of a list.")]
Devices = Annotated[list[str], typer.Argument(metavar="DEVICE...", help="DeviceIDs, system titles or aliases.")]
SomeDevices = Annotated[
    list[str] | None, typer.Argument(metavar="[DEVICE]...", help="DeviceIDs, system titles or aliases.")
]

_T = TypeVar("_T")


@app.command(
    "list",
    epilog=examples(
        "cas group list",
    ),
)
def list_(as_json: Json = False) -> None:
    """List the groups."""
    groups = run(_list())
    if as_json:
        for group in groups:
            print_json({"group_id": group.group_id, "prefix": group.prefix, "members": group.members})
        return
    rows = [(group.group_id, group.prefix or "", _count(group)) for group in groups]
    print_table(("GroupID", "prefix", "members"), rows)


@app.command(
    "show",
    epilog=examples(
        "cas group show street-7",
        "cas group show DG_ALL_METERS --json",
    ),
)
def show(group: GroupName, as_json: Json = False) -> None:
    """Show a group and its devices as of now, one a line."""
    run(_show(group, as_json=as_json))


@app.command(
    "create",
    epilog=examples(
        "cas group create street-7 53494D0000000001 53494D0000000002",
        "cas group create new-ones --prefix 53494D01",
    ),
)
def create(group: GroupName, devices: SomeDevices = None, prefix: Prefix = None, as_json: Json = False) -> None:
    """Make a group of these devices, or of all those with a prefix."""
    given = Group(group, prefix, tuple(devices or ()))
    _done(
        "created",
        run(_change("create", [group], lambda pool: create_groups(pool, [given]), given.devices)),
        as_json=as_json,
    )


@app.command(
    "change",
    epilog=examples(
        "cas group change street-7 53494D0000000003",
    ),
)
def change(group: GroupName, devices: SomeDevices = None, prefix: Prefix = None, as_json: Json = False) -> None:
    """Replace what makes up a group: its devices, or its prefix."""
    given = Group(group, prefix, tuple(devices or ()))
    _done(
        "changed",
        run(_change("change", [group], lambda pool: change_groups(pool, [given]), given.devices)),
        as_json=as_json,
    )


@app.command(
    "delete",
    epilog=examples(
        "cas group delete street-7",
    ),
)
def delete(
    groups: Annotated[list[str], typer.Argument(metavar="GROUP...", help="GroupIDs.")], as_json: Json = False
) -> None:
    """Delete groups, all or none; their devices stay registered."""
    _done("deleted", run(_change("delete", groups, lambda pool: delete_groups(pool, groups))), as_json=as_json)


@app.command(
    "add",
    epilog=examples(
        "cas group add street-7 53494D0000000004",
    ),
)
def add(group: GroupName, devices: Devices, as_json: Json = False) -> None:
    """Add devices to a group, all or none."""
    run(_change("add to", [group], lambda pool: add_members(pool, group, devices), devices))
    _done("changed", [group], as_json=as_json)


@app.command(
    "remove",
    epilog=examples(
        "cas group remove street-7 53494D0000000001",
    ),
)
def remove(group: GroupName, devices: Devices, as_json: Json = False) -> None:
    """Take devices out of a group; they stay registered."""
    run(_change("remove from", [group], lambda pool: remove_members(pool, group, devices), devices))
    _done("changed", [group], as_json=as_json)


def _done(what: str, group_ids: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({what: group_ids})
    else:
        typer.echo(f"{what} {', '.join(group_ids)}")


def _count(group: Listed) -> str:
    return "by rule" if group.members is None else str(group.members)


async def _list() -> list[Listed]:
    async with open_database(load_settings()) as pool, aclosing(iterate_groups(pool)) as groups:
        return [group async for group in groups]


async def _show(group_id: str, *, as_json: bool) -> None:
    async with open_database(load_settings()) as pool:
        group = await get_group(pool, group_id)
        if as_json:
            print_json({"group_id": group.group_id, "prefix": group.prefix})
        elif group.prefix is not None:
            typer.echo(f"{group_id}: all devices that begin with {group.prefix}", err=True)
        async with aclosing(iterate_members(pool, group_id)) as members:
            async for device_id in members:
                print_json({"device_id": device_id}) if as_json else typer.echo(device_id)


async def _change(
    what: str, groups: Sequence[str], change: Callable[[Pool], Awaitable[_T]], devices: Sequence[str] = ()
) -> _T:
    """Do it, with a record in the audit log."""
    about = {"actor": operator(), "action": f"{what} DeviceGroups", "ids": list(groups), "devices": list(devices)}
    async with open_database(load_settings()) as pool, recorded(pool, about):
        return await change(pool)
