"""New resources in PostgreSQL: stored with their requests, devices and groups, unless their message came before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from uuid import UUID

from cas.access.model import DeviceAccess, Origin
from cas.access.sealing import seal_requests
from cas.devices.keys import Keyring
from cas.store.database import Connection
from cas.store.queries import query

_REMEMBER = query("messages_remember")
_RESOURCE = query("message_resource")
_INSERT = query("accesses_insert")
_BEGIN = query("activations_begin")

_SEALED = ("apdus", "master_key_ids", "sealed")


@dataclass(frozen=True, slots=True)
class New:
    """A resource to be stored."""

    access: DeviceAccess
    digest: bytes
    window: timedelta | None
    """How long its message counts; None: it has none."""


async def insert(connection: Connection, new: Sequence[New], keyring: Keyring, runner: int | None) -> set[UUID]:
    """Store resources, all or none; the IDs of those that are no repeats. With a `runner`, it begins their activations.

    One transaction, that of the caller or its own, and one round trip.
    """
    messages = [each for each in new if each.window is not None]
    # Without a transaction around it, a pipeline is one.
    async with connection.pipeline():
        if messages:
            await connection.execute(_REMEMBER, _messages(messages))
        inserted = await connection.execute(_INSERT, _columns(new, keyring))
        begin = [each.access.id for each in new if each.access.requests]
        if runner is not None and begin:
            await connection.execute(_BEGIN, {"ids": begin, "runner": runner})
    return {row[0] for row in await inserted.fetchall()}


async def made_by_message(connection: Connection, new: New) -> UUID | None:
    """The resource that the message of this one made; None: nobody knows any more."""
    message = {**_message_key(new.access.origin), "digest": new.digest}
    row = await (await connection.execute(_RESOURCE, message)).fetchone()
    return None if row is None else row[0]


def _message_key(origin: Origin) -> dict[str, str]:
    return {"source": origin.source or "", "message_id": origin.message_id or ""}


def _messages(new: Sequence[New]) -> dict[str, object]:
    keys = [_message_key(each.access.origin) for each in new]
    return {
        "sources": [key["source"] for key in keys],
        "message_ids": [key["message_id"] for key in keys],
        "digests": [each.digest for each in new],
        "access_ids": [each.access.id for each in new],
        "received_ats": [each.access.created_at for each in new],
        "sinces": [each.access.created_at - each.window for each in new if each.window is not None],
    }


def _columns(new: Sequence[New], keyring: Keyring) -> Mapping[str, object]:
    accesses = [each.access for each in new]
    origins, terms = [each.origin for each in accesses], [each.terms for each in accesses]
    sealed = [seal_requests(keyring, each.id, each.requests) for each in accesses]
    return {
        "ids": [each.id for each in accesses],
        "created_ats": [each.created_at for each in accesses],
        "states": [each.state.value for each in accesses],
        "sources": [each.source for each in origins],
        "message_ids": [each.message_id for each in origins],
        "correlation_ids": [each.correlation_id for each in origins],
        "timestamps": [each.timestamp for each in origins],
        "reply_addresses": [each.reply_address for each in origins],
        "async_replies": [each.async_reply for each in origins],
        "dev_forms": [each.dev_form for each in origins],
        "ack_requireds": [each.ack_required for each in origins],
        "priorities": [each.priority for each in terms],
        "activates": [each.activates for each in terms],
        "repeating_intervals": [each.repeating_interval for each in terms],
        "durations": [each.duration for each in terms],
        "expires": [each.expires for each in terms],
        "not_older_thans": [each.not_older_than for each in terms],
        "accept_data_notifications": [each.accept_data_notification for each in terms],
        "digests": [None if each.window is None else each.digest for each in new],
        **_placed("request", [each.requests for each in accesses], first=0),
        **{
            name: list(chain.from_iterable(each[name] for each in sealed))
            for name in ("apdus", "master_key_ids", "sealed")
        },
        **_placed("group", [each.groups for each in accesses]),
        "group_ids": list(chain.from_iterable(each.groups for each in accesses)),
        **_placed("device", [each.targets for each in accesses]),
        "device_ids": [target.device_id for each in accesses for target in each.targets],
        "names": [target.name for each in accesses for target in each.targets],
    }


def _placed(what: str, lists: Sequence[Sequence[object]], *, first: int = 1) -> dict[str, list[int]]:
    """Of everything in these lists: which list, from 1, and where in it, from `first`."""
    return {
        f"{what}_places": [place for place, listed in enumerate(lists, 1) for _ in listed],
        f"{what}_positions": [position for listed in lists for position, _ in enumerate(listed, first)],
    }
