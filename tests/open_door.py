"""A door without a guard, for tests of what is behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cas.access.inventory import Inventory
from cas.bindings import message as mes
from cas.security.authentication import Credentials
from cas.security.demands import Demand, demand_of
from cas.security.guard import Principal

NO_INVENTORY = object.__new__(Inventory)
"""For tests on memory, which ask for nothing that is listed."""
NOBODY = Credentials(peer="127.0.0.1")


class OpenDoor:
    """`cas.security.guard.Door` that lets everybody do everything and records nothing."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        return Principal("anyone", "", credentials.peer, ())

    async def once(self, principal: Principal, header: mes.HeaderType) -> None:
        pass

    async def authorise(self, principal: Principal, content: mes.RequestMessageType) -> Demand:
        return demand_of(content)

    @asynccontextmanager
    async def recorded(
        self, principal: Principal, demand: Demand, content: mes.RequestMessageType, octets: bytes
    ) -> AsyncIterator[dict[str, object]]:
        yield {}
