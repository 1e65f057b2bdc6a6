"""`cas keys`: the stored keys of devices and the master keys over them. No key is shown."""

from contextlib import aclosing
from typing import Annotated

import typer

from cas.cli._common import examples, print_json, print_table, progress, run
from cas.config import Settings, load_settings
from cas.devices.errors import KeyUnreadable
from cas.devices.keys import Keyring
from cas.devices.master_key import load_keyring
from cas.devices.rotation import Rotated, Tally, rotate, tally, unreadable_keys
from cas.security.audit import operator, recorded
from cas.store.database import open_database

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Check stored keys, and rotate the master key.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TOLD = 20


@app.command(
    "rotate",
    epilog=examples(
        "cas keys rotate",
    ),
)
def rotate_command(as_json: Json = False) -> None:
    """Put all stored keys under the newest master key.

    Put the new master key before the old one (a line on top of the file, or first in CAS_MASTER_KEY), restart the
    services, rotate, check, and then take the old one away. It may be stopped, and goes on where it was.
    """
    settings = load_settings()
    keyring = load_keyring(settings)
    rotated = run(_rotate(settings, keyring))
    if as_json:
        print_json({"master_key": keyring.current_id, "rotated": rotated.done, "unreadable": list(rotated.unreadable)})
    else:
        typer.echo(f"{rotated.done} keys are under master key {keyring.current_id} now")
    _refuse(rotated.unreadable)


@app.command(
    "check",
    epilog=examples(
        "cas keys check",
        "cas keys check --json",
    ),
)
def check_command(as_json: Json = False) -> None:
    """Say which master key the stored keys are under, and whether all of them can be read."""
    settings = load_settings()
    keyring = load_keyring(settings)
    tallies, problems = run(_check(settings, keyring))
    if as_json:
        print_json(
            {
                "current": keyring.current_id,
                "master_keys": [
                    {"id": each.master_key_id, "keys": each.keys, "devices": each.devices} for each in tallies
                ],
                "unused": _unused(keyring, tallies),
                "unreadable": problems,
            }
        )
    else:
        rows = [(each.master_key_id, str(each.keys), str(each.devices), _state(each, keyring)) for each in tallies]
        print_table(("master key", "keys", "devices", "state"), rows)
        for name in _unused(keyring, tallies):
            typer.echo(f"master key {name} is no longer needed")
    _refuse(problems)


def _state(each: Tally, keyring: Keyring) -> str:
    if each.master_key_id == keyring.current_id:
        return "current"
    return "old: rotate" if each.master_key_id in keyring.identities else "not at hand"


def _unused(keyring: Keyring, tallies: list[Tally]) -> list[str]:
    used = {each.master_key_id for each in tallies}
    return [name for name in keyring.identities if name not in used and name != keyring.current_id]


def _refuse(problems: "list[str] | tuple[str, ...]") -> None:
    if problems:
        more = [f"... and {len(problems) - TOLD} more"] if len(problems) > TOLD else []
        raise KeyUnreadable("\n".join([f"{len(problems)} stored keys cannot be read:", *problems[:TOLD], *more]))


async def _rotate(settings: Settings, keyring: Keyring) -> Rotated:
    async with open_database(settings) as pool:
        total = sum(each.keys for each in await tally(pool) if each.master_key_id != keyring.current_id)
        about = {"actor": operator(), "action": "rotate keys", "master_key": keyring.current_id, "keys": total}
        async with recorded(pool, about) as outcome:
            with progress("rotating", "keys", total) as bar:
                rotated = await rotate(pool, keyring, bar.at)
            outcome |= {"rotated": rotated.done, "unreadable": len(rotated.unreadable)}
    return rotated


async def _check(settings: Settings, keyring: Keyring) -> tuple[list[Tally], list[str]]:
    async with open_database(settings) as pool:
        tallies = await tally(pool)
        with progress("checking", "keys", sum(each.keys for each in tallies)) as bar:
            async with aclosing(unreadable_keys(pool, keyring, bar.at)) as found:
                return tallies, [problem async for problem in found]
