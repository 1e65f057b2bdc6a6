"""Clients and their roles, as definitions from a file or the database.

A role grants verbs and services on devices. A request is granted when for each service that it asks for, each of its
devices is granted that service by a role with its verb. What no role grants is denied; a role that names no services
grants `get` only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cas.access.groups import ALL_METERS
from cas.devices.model import normalise_name
from cas.security.errors import ClientRefused
from cas.security.passwords import is_hash

_T = TypeVar("_T", "Role", "Client")


class Service(StrEnum):
    """What is done on a device."""

    GET = "get"
    """GET, Read, and parts of an ACCESS that get."""
    SET = "set"
    """SET, Write, and parts of an ACCESS that set."""
    ACTION = "action"
    """ACTION, Write (which invokes methods under short names), and parts of an ACCESS that act."""
    TIME_SYNC = "time-sync"
    """CosemTimeSync."""
    UPGRADE = "upgrade"
    """CosemUpgrade."""
    ASSOCIATE = "associate"
    """An AARQ or RLRQ of the client's own, in place of the association that the registry says."""


class Verb(StrEnum):
    """What is done with a resource (IEC TS 62056-9-1, 7.2.3)."""

    CREATE = "create"
    GET = "get"
    CHANGE = "change"
    CANCEL = "cancel"
    CLOSE = "close"
    DELETE = "delete"


def _scrypt(value: str) -> str:
    if not is_hash(value):
        raise ValueError("must be a scrypt hash, as `cas client add` makes it, never the password itself")
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Text = Annotated[str, Field(min_length=1, max_length=512)]
DeviceName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(normalise_name)]


class Role(BaseModel):
    """Rights: verbs on DeviceAccess and DeviceGroups, services, and the devices on which they hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    verbs: tuple[Verb, ...] = ()
    services: tuple[Service, ...] = (Service.GET,)
    group_verbs: tuple[Verb, ...] = ()
    directory: bool = False
    """Whether the ResourceDirectory and the statistics of all devices may be read."""
    devices: tuple[DeviceName, ...] = ()
    prefixes: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    groups: tuple[Text, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether it holds on all devices, registered now or later."""
        return ALL_METERS in self.groups


class Client(BaseModel):
    """One that may ask: how it proves who it is, what its roles are, how often it may ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    roles: tuple[Name, ...] = ()
    password: Annotated[str, AfterValidator(_scrypt)] | None = Field(None, repr=False)
    """A scrypt hash; for HTTP Basic."""
    certificates: tuple[Text, ...] = ()
    """Names in its TLS certificate: the subject (RFC 4514), or DNS:, URI:, IP: or email: of SubjectAlternativeName."""
    subjects: tuple[Text, ...] = ()
    """`sub` of its bearer tokens."""
    rate: Annotated[float, Field(gt=0, le=100_000)] | None = None
    """Requests a second, in the long run; None: what the settings say."""
    burst: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests at once."""
    enabled: bool = True

    @model_validator(mode="after")
    def _can_prove_itself(self) -> Self:
        if not (self.password or self.certificates or self.subjects):
            raise ValueError("needs a password, certificates or subjects to prove who it is")
        return self


class Definitions(BaseModel):
    """A file of clients: tables [[role]] and [[client]]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: tuple[Role, ...] = ()
    client: tuple[Client, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """All clients and roles, found by what they show."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    clients: Mapping[str, Client] = field(default_factory=dict)
    by_certificate: Mapping[str, Client] = field(default_factory=dict)
    by_subject: Mapping[str, Client] = field(default_factory=dict)

    def roles_of(self, client: Client) -> tuple[Role, ...]:
        """The roles of a client."""
        return tuple(self.roles[name] for name in client.roles)


def read_definitions(given: Mapping[str, object]) -> Definitions:
    """Definitions from what a TOML file or the database holds. Raises ClientRefused; values are never repeated."""
    try:
        return Definitions.model_validate(given)
    except ValidationError as problem:
        lines = []
        for error in problem.errors(include_input=False, include_url=False):
            kind, *path = error["loc"]
            entry = _entry(given, kind, path)
            rest = ".".join(str(part) for part in path[1:])
            lines.append(f"{kind} {entry}: {rest + ': ' if rest else ''}{error['msg'].removeprefix('Value error, ')}")
        raise ClientRefused(lines) from None


def _entry(given: Mapping[str, object], kind: object, path: list[int | str]) -> str:
    entries = given.get(str(kind))
    if path and isinstance(path[0], int) and isinstance(entries, list | tuple) and path[0] < len(entries):
        entry = entries[path[0]]
        name = entry.get("name") if isinstance(entry, dict) else None
        return name if isinstance(name, str) else str(path[0] + 1)
    return ""


def directory_of(definitions: Definitions) -> Directory:
    """The directory that the definitions make. Raises ClientRefused where they contradict each other."""
    problems: list[str] = []
    roles = _by_name("role", definitions.role, problems)
    clients = _by_name("client", definitions.client, problems)
    by_certificate: dict[str, Client] = {}
    by_subject: dict[str, Client] = {}
    for client in definitions.client:
        problems += [f"client {client.name}: no role {name}" for name in client.roles if name not in roles]
        for kind, shown, index in (
            ("certificate", client.certificates, by_certificate),
            ("subject", client.subjects, by_subject),
        ):
            for text in shown:
                if index.setdefault(text, client) is not client:
                    problems.append(f"client {client.name}: {kind} {text} is that of client {index[text].name}")
    if problems:
        raise ClientRefused(problems)
    return Directory(roles, clients, by_certificate, by_subject)


def _by_name(kind: str, entries: Iterable[_T], problems: list[str]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for entry in entries:
        if entry.name in found:
            problems.append(f"{kind} {entry.name} is given twice")
        found[entry.name] = entry
    return found
