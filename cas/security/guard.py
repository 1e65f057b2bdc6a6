"""The guard at the door: each stage of a request that is about who asks, in the order in which the door calls them.

authenticate - once - authorise - recorded

Without methods of authentication everybody who reaches the door is `anyone`; the door then listens on loopback only,
and `anyone` may use no services but those of the settings.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from cas.access.groups import ALL_METERS
from cas.bindings import message as mes
from cas.security.audit import LISTED, append, append_before, recorded_by
from cas.security.authentication import Credentials, Method, NotKnown, Passwords, authenticate
from cas.security.authorisation import Known, authorise
from cas.security.clients import Directories
from cas.security.demands import Demand, demand_of, objects_of
from cas.security.errors import NotAuthorised, TooManyRequests, Unauthenticated
from cas.security.model import Role, Service, Verb
from cas.security.rates import Buckets, Rate
from cas.security.replay import check_replay
from cas.security.tokens import Issuer
from cas.store.batch import Batcher
from cas.store.database import Pool
from cas.system_events import Kind, tell

_USUAL = Rate(100.0, 200)
_STATE_CHANGING = frozenset(Verb) - {Verb.GET}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as known."""

    name: str
    method: str
    peer: str
    roles: tuple[Role, ...]
    rate: Rate | None = None

    @property
    def actor(self) -> str:
        """As the audit log names it."""
        return f"client:{self.name}" if self.method else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings say of the door."""

    methods: frozenset[Method] = frozenset()
    issuer: Callable[[], Issuer | None] = lambda: None
    rate: Rate = _USUAL
    """Of clients that have none of their own."""
    replay_window: timedelta = timedelta(minutes=5)
    replay_required: bool = False
    anyone: Role | None = None
    """What everybody may where there is no authentication."""


def anyone(services: Sequence[Service]) -> Role:
    """Everything that needs no more than these services."""
    verbs = tuple(Verb)
    return Role(
        name="anyone", verbs=verbs, services=tuple(services), group_verbs=verbs, directory=True, groups=(ALL_METERS,)
    )


class Door(Protocol):
    """The stages, as the door calls them."""

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Who asks, if it may ask at this rate; before anything of the request is read.

        Raises Unauthenticated, TooManyRequests, StoreError.
        """
        ...

    async def once(self, principal: Principal, header: mes.HeaderType) -> None:
        """Whether the message is new. Raises Replayed, StoreError."""
        ...

    async def authorise(self, principal: Principal, content: mes.RequestMessageType) -> Demand:
        """What is asked for, if it is granted. Raises NotAuthorised, StoreError."""
        ...

    def recorded(
        self, principal: Principal, demand: Demand, content: mes.RequestMessageType, octets: bytes
    ) -> AbstractAsyncContextManager[dict[str, object]]:
        """Around doing it: the record of a request that changes something. Raises StoreError."""
        ...


class Guard:
    """`Door` on a database."""

    def __init__(
        self,
        pool: Pool,
        rules: Rules,
        directories: Directories,
        known: Known,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        # what is asked at the same time is recorded together
        self._audit: Batcher[Mapping[str, object], int] = Batcher(partial(append, pool))
        self._audit_before: Batcher[Mapping[str, object], int] = Batcher(partial(append_before, pool))
        self._rules = rules
        self._directories = directories
        self._known = known
        self._now = now
        self._buckets = Buckets(pool)
        self._passwords = Passwords(self._buckets.take)

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Who asks, if it may ask at this rate; before anything of the request is read.

        Raises Unauthenticated, TooManyRequests, StoreError.
        """
        rules = self._rules
        if rules.anyone is not None:
            return Principal("anyone", "", credentials.peer, (rules.anyone,))
        if credentials.empty:
            tell(Kind.NOT_AUTHENTICATED, credentials.peer, why="no credentials")
            raise Unauthenticated
        directory = await self._directories.get()
        try:
            client, method = await authenticate(
                credentials, rules.methods, directory, self._passwords, rules.issuer(), self._now().timestamp()
            )
        except NotKnown as problem:
            tell(Kind.NOT_AUTHENTICATED, credentials.peer, why=problem.why)
            raise Unauthenticated from None
        rate = Rate(client.rate or rules.rate.rate, client.burst or rules.rate.burst)
        principal = Principal(client.name, method, credentials.peer, directory.roles_of(client), rate)
        if wait := await self._buckets.take(f"client {client.name}", rate):
            tell(Kind.TOO_MANY_REQUESTS, client.name, peer=credentials.peer)
            raise TooManyRequests(wait)
        return principal

    async def once(self, principal: Principal, header: mes.HeaderType) -> None:
        """Whether the message is new. Raises Replayed, StoreError."""
        rules = self._rules
        required = rules.replay_required and Verb(header.verb.value) in _STATE_CHANGING
        await check_replay(self._pool, principal.name, header, self._now(), rules.replay_window, required=required)

    async def authorise(self, principal: Principal, content: mes.RequestMessageType) -> Demand:
        """What is asked for, if the roles grant it; who may not and tried is in the audit log.

        Raises NotAuthorised, StoreError.
        """
        demand = demand_of(content)
        try:
            await authorise(principal.roles, demand, self._known)
        except NotAuthorised:
            tell(
                Kind.NOT_AUTHORISED,
                principal.name,
                verb=demand.verb.value,
                noun=demand.noun,
                services=sorted(service.value for service in demand.services),
            )
            if demand.changes_state:
                await self._audit.add({**_about(principal, demand, content), "outcome": "denied"})
            raise
        return demand

    @asynccontextmanager
    async def recorded(
        self, principal: Principal, demand: Demand, content: mes.RequestMessageType, octets: bytes
    ) -> AsyncIterator[dict[str, object]]:
        """Record a request that changes something, around doing it; the body adds what came of it.

        Raises StoreError.
        """
        if not demand.changes_state:
            yield {}
            return
        about = _about(principal, demand, content)
        digest = hashlib.sha256(octets).hexdigest()
        async with recorded_by(self._audit_before.add, self._audit.add, {**about, "request_sha256": digest}) as outcome:
            yield outcome


def _about(principal: Principal, demand: Demand, content: mes.RequestMessageType) -> Mapping[str, object]:
    """What the audit log says of a request; what does not apply is left out."""
    objects = sorted(set(objects_of(content)))
    header = content.header
    details: dict[str, object] = {
        "method": principal.method,
        "peer": principal.peer,
        "services": sorted(demand.services),
        "devices": len(demand.names),
        "device_names": list(demand.names[:LISTED]),
        "groups": list(demand.groups[:LISTED]),
        "ids": list(demand.ids[:LISTED]),
        "objects": objects[:LISTED],
        "all_devices": demand.everything,
        "message_id": header.message_id,
        "source": header.source,
    }
    return {
        "actor": principal.actor,
        "action": f"{demand.verb} {demand.noun}",
        **{name: value for name, value in details.items() if value},
    }
