"""Who looks at the console, and what that person may do: the same clients and roles as at the SOAP door.

The console shows every device, so it is for those whose roles let them read everything: `get` on DG_ALL_METERS, and the
directory. What they do here is asked of the same guard as a SOAP request that means the same, and recorded with it.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from aiohttp import web

from cas.security.errors import Unauthenticated
from cas.security.guard import Door
from cas.security.guard import Principal as Client
from cas.security.model import Role, Verb
from cas.security.showing import credentials_of


class Right(Enum):
    """What a person may do; the guard has the last word on each device."""

    LOOK = auto()
    """See the pages."""
    ACCESS = auto()
    """Make, cancel, close and delete a DeviceAccess, and read devices now."""
    MANAGE = auto()
    """Make, change and delete groups."""
    AUDIT = auto()
    """See who did what, and the settings."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, as the console shows it and the guard knows it."""

    client: Client
    rights: frozenset[Right]

    @property
    def name(self) -> str:
        """The name of the client."""
        return self.client.name

    def may(self, right: Right) -> bool:
        """Whether this person has a right."""
        return right in self.rights


Authenticate = Callable[[web.Request], Awaitable[Principal]]
"""Who sends a request. Raises RequestDenied, StoreError."""


def by_door(door: Door) -> Authenticate:
    """As the SOAP door does it; where that knows nobody, everybody at this machine."""

    async def authenticate(request: web.Request) -> Principal:
        client = await door.authenticate(credentials_of(request))
        # Without authentication the name asked for must be one of this machine: else a page from elsewhere could have
        # its own name resolve to this address, and read along.
        if not client.method and not _is_loopback(request.url.host or ""):
            raise Unauthenticated
        return Principal(client, rights_of(client.roles))

    return authenticate


def rights_of(roles: tuple[Role, ...]) -> frozenset[Right]:
    """What these roles come to at the console."""
    reading = [role for role in roles if role.everything and Verb.GET in role.verbs]
    if not reading or not any(role.directory for role in roles):
        return frozenset()
    rights = {Right.LOOK}
    if any(Verb.CREATE in role.verbs for role in roles):
        rights.add(Right.ACCESS)
    if any(Verb.CREATE in role.group_verbs for role in roles):
        rights.add(Right.MANAGE)
    if any(role.everything and set(role.verbs).issuperset(Verb) for role in roles):
        rights.add(Right.AUDIT)
    return frozenset(rights)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
