"""`cas client`: who may ask at the SOAP door, and what. Passwords go in and are never shown."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cas.cli._common import examples, print_json, print_table, run
from cas.cli._key_input import read_key
from cas.config import load_settings
from cas.security.audit import operator, recorded
from cas.security.clients import put_definitions, read_directory, read_file, remove_clients
from cas.security.errors import ClientRefused
from cas.security.model import Client, Definitions, Directory, Service, Verb, read_definitions
from cas.security.passwords import hash_password
from cas.store.database import Pool, open_database

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Add, import, list, show and remove clients.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = list[str] | None
_T = TypeVar("_T")


@app.command(
    "add",
    epilog=examples(
        "cas client add mdm --role reader --password file:mdm.password",
        "cas client add headend --role operator --certificate 'CN=headend,O=Utility'",
        "cas client add portal --role reader --subject 0f9c1a --rate 5 --burst 20",
    ),
)
def add(
    name: Annotated[str, typer.Argument(help="Name; for HTTP Basic the user name.")],
    role: Annotated[Names, typer.Option(help="Role; several are possible.")] = None,
    password: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="From file:PATH, env:NAME, or - for standard input.")
    ] = None,
    certificate: Annotated[
        Names, typer.Option(metavar="NAME", help="In its TLS certificate: CN=mdm,O=Utility or DNS:, URI:, IP:, email:.")
    ] = None,
    subject: Annotated[Names, typer.Option(metavar="SUB", help="`sub` of its bearer tokens.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a second; default: the setting `client_rate`.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once; default: the setting `client_burst`.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Known, but not let in.")] = False,
    as_json: Json = False,
) -> None:
    """Add a client, or replace it. It needs one or more ways to prove who it is."""
    fields: dict[str, Any] = {
        "name": name, "roles": role or [], "certificates": certificate or [], "subjects": subject or [], "rate": rate,
        "burst": burst, "enabled": not disabled,
    }  # fmt: skip
    if password is not None:
        try:
            fields["password"] = hash_password(read_key("password", password))
        except ValueError as problem:
            raise ClientRefused([f"client {name}: {problem}"]) from None
    _put("add client", read_definitions({"client": [fields]}), as_json=as_json)


@app.command(
    "role",
    epilog=examples(
        "cas client role reader --verb create --verb get --service get --group DG_ALL_METERS",
        "cas client role north --verb create --verb get --verb cancel --prefix 53494D01",
    ),
)
def role_command(
    name: Annotated[str, typer.Argument(help="Name of the role.")],
    verb: Annotated[list[Verb] | None, typer.Option(help="On DeviceAccess.")] = None,
    service: Annotated[list[Service] | None, typer.Option(help="On devices; default: get alone.")] = None,
    group_verb: Annotated[list[Verb] | None, typer.Option(help="On DeviceGroups.")] = None,
    device: Annotated[Names, typer.Option(help="DeviceID.")] = None,
    prefix: Annotated[Names, typer.Option(help="What DeviceIDs begin with.")] = None,
    group: Annotated[Names, typer.Option(help="GroupID; DG_ALL_METERS: all devices.")] = None,
    directory: Annotated[bool, typer.Option("--directory", help="May list all resources.")] = False,
    as_json: Json = False,
) -> None:
    """Add a role, or replace it."""
    fields: dict[str, Any] = {
        "name": name, "verbs": verb or [], "group_verbs": group_verb or [], "directory": directory,
        "devices": device or [], "prefixes": prefix or [], "groups": group or [],
    }  # fmt: skip
    if service:
        fields["services"] = service
    _put("add role", read_definitions({"role": [fields]}), as_json=as_json)


@app.command(
    "import",
    epilog=examples(
        "cas client import clients.toml",
    ),
)
def import_(
    file: Annotated[Path, typer.Argument(help="TOML file with tables [[role]] and [[client]].")], as_json: Json = False
) -> None:
    """Add the roles and clients of a file, or replace those of the same names; all or none."""
    _put("import clients", read_file(file), as_json=as_json)


@app.command(
    "list",
    epilog=examples(
        "cas client list",
        "cas client list --json",
    ),
)
def list_(as_json: Json = False) -> None:
    """List the clients and the roles."""
    directory = run(_with_database(read_directory))
    clients = sorted(directory.clients.values(), key=lambda client: client.name)
    if as_json:
        for client in clients:
            print_json({"client": _fields(client)})
        for role in sorted(directory.roles.values(), key=lambda role: role.name):
            print_json({"role": role.model_dump(mode="json")})
        return
    rows = [(client.name, ", ".join(client.roles), _ways(client), _state(client)) for client in clients]
    print_table(("client", "roles", "proves itself by", "state"), rows)
    print_table(
        ("role", "verbs", "services", "on groups", "devices"),
        [
            (
                role.name,
                ", ".join(role.verbs),
                ", ".join(role.services),
                ", ".join(role.group_verbs),
                ", ".join((*role.groups, *(f"{prefix}*" for prefix in role.prefixes), *role.devices)),
            )
            for role in sorted(directory.roles.values(), key=lambda role: role.name)
        ],
    )


@app.command(
    "show",
    epilog=examples(
        "cas client show mdm",
    ),
)
def show(name: Annotated[str, typer.Argument(help="Name of the client.")], as_json: Json = False) -> None:
    """Show one client with its roles."""
    directory = run(_with_database(read_directory))
    client = _known(directory, name)
    fields = _fields(client) | {"rights": [role.model_dump(mode="json") for role in directory.roles_of(client)]}
    if as_json:
        print_json(fields)
        return
    rows = [
        (key, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for key, value in fields.items()
    ]
    print_table(("field", "value"), rows)


@app.command(
    "remove",
    epilog=examples(
        "cas client remove mdm",
        "cas client remove --role north",
    ),
)
def remove(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CLIENT]...", help="Clients.")] = None,
    role: Annotated[Names, typer.Option(help="Role, which no client may have any more.")] = None,
    as_json: Json = False,
) -> None:
    """Remove clients and roles, all or none. They are not let in any more after two seconds."""
    gone, roles = names or [], role or []
    if not gone and not roles:
        raise typer.BadParameter("name a client, or a role by --role")

    async def work(pool: Pool) -> None:
        about = {"actor": operator(), "action": "remove client", "clients": gone, "roles": roles}
        async with recorded(pool, about):
            await remove_clients(pool, gone, roles=roles)

    run(_with_database(work))
    print_json({"removed": gone, "roles": roles}) if as_json else typer.echo(f"removed {', '.join([*gone, *roles])}")


def _put(action: str, given: Definitions, *, as_json: bool) -> None:
    clients, roles = [client.name for client in given.client], [role.name for role in given.role]

    async def work(pool: Pool) -> None:
        rights = [role.model_dump(mode="json") for role in given.role]
        members = {client.name: list(client.roles) for client in given.client}
        async with recorded(pool, {"actor": operator(), "action": action, "clients": members, "roles": rights}):
            await put_definitions(pool, given)

    run(_with_database(work))
    if as_json:
        print_json({"clients": clients, "roles": roles})
    else:
        typer.echo(f"{len(clients)} clients and {len(roles)} roles are set: {', '.join([*clients, *roles])}")


def _known(directory: Directory, name: str) -> Client:
    if name not in directory.clients:
        raise ClientRefused([f"no client {name}; `cas client list` shows them"])
    return directory.clients[name]


def _fields(client: Client) -> dict[str, Any]:
    """What may be shown of a client."""
    fields = client.model_dump(mode="json", exclude={"password"})
    return fields | {"password": "set" if client.password else None}


def _ways(client: Client) -> str:
    ways = ["password"] if client.password else []
    return ", ".join([*ways, *client.certificates, *(f"token {subject}" for subject in client.subjects)])


def _state(client: Client) -> str:
    return "enabled" if client.enabled else "disabled"


async def _with_database(use: Callable[[Pool], Awaitable[_T]]) -> _T:
    async with open_database(load_settings()) as pool:
        return await use(pool)
