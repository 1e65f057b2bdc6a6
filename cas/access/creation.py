"""New resources in PostgreSQL: stored with their requests, devices and groups, unless their message came before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cas.access.model import DeviceAccess, Terms
from cas.access.sealing import seal_requests
from cas.devices.keys import Keyring
from cas.store.database import Connection
from cas.store.queries import query

_RESOURCE = query("message_resource")
_INSERT = query("accesses_insert")


@dataclass(frozen=True, slots=True)
class New:
    """A resource to be stored."""

    access: DeviceAccess
    digest: bytes
    window: timedelta | None
    """How long its message counts; None: it has none."""


async def insert(connection: Connection, new: Sequence[New], keyring: Keyring, runner: int | None) -> set[UUID]:
    """Store resources, all or none; the IDs of those that are no repeats. A `runner` begins their activations."""
    resources = as_json([_resource(each, keyring) for each in new])
    inserted = await connection.execute(_INSERT, {"resources": resources, "runner": runner})
    return {row[0] for row in await inserted.fetchall()}


async def made_by_message(connection: Connection, new: New) -> UUID | None:
    """The resource that the message of this one made; None: nobody knows any more."""
    origin = new.access.origin
    message = {"source": origin.source or "", "message_id": origin.message_id or "", "digest": new.digest}
    row = await (await connection.execute(_RESOURCE, message)).fetchone()
    return None if row is None else row[0]


def _resource(new: New, keyring: Keyring) -> Mapping[str, object]:
    """The columns of a resource as JSON has them."""
    access, origin, terms = new.access, new.access.origin, new.access.terms
    return {
        "id": access.id,
        "created_at": access.created_at,
        "state": access.state.value,
        "source": origin.source,
        "message_id": origin.message_id,
        "correlation_id": origin.correlation_id,
        "message_timestamp": origin.timestamp,
        "reply_address": origin.reply_address,
        "async_reply": origin.async_reply,
        "dev_form": origin.dev_form,
        "ack_required": origin.ack_required,
        **terms_columns(terms),
        "digest": new.digest,
        "since": None if new.window is None else access.created_at - new.window,
        "requests": seal_requests(keyring, access.id, access.requests),
        "devices": [(target.device_id, target.name) for target in access.targets],
        "groups": access.groups,
    }


def terms_columns(terms: Terms) -> dict[str, object]:
    """The columns of terms."""
    return {
        "priority": terms.priority,
        "activates": terms.activates,
        "repeating_interval": terms.repeating_interval,
        "duration": terms.duration,
        "expires": terms.expires,
        "not_older_than": terms.not_older_than,
        "accept_data_notification": terms.accept_data_notification,
    }


def as_json(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows for a statement that takes them as JSON."""
    return json.dumps(rows, default=_shown)


def _shown(value: object) -> str:
    # as PostgreSQL reads what JSON has no form for
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
