"""Notifications, events on their way and the audit log, as the pages show them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from cas.bindings import cosempdu as cos
from cas.console.describing import show
from cas.console.rows import fetch
from cas.cosem.kinds import DataError
from cas.cosem.readable import readable
from cas.dlms.apdu import decode_apdu
from cas.dlms.errors import DlmsError
from cas.store.database import Pool, connected
from cas.store.queries import query

_NOTIFICATIONS = query("console_notifications")
_OUTBOX = query("console_outbox")
_AUDIT = query("console_audit")
LAST = 2**63 - 1
"""Above every number."""
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Notification:
    """What a device sent by itself."""

    id: int
    access_id: UUID
    device_id: str
    received_at: datetime
    apdu: bytes

    @property
    def text(self) -> str:
        """What it says."""
        try:
            pdu = decode_apdu(self.apdu)
            if isinstance(pdu, cos.DataNotification):
                return show(readable(pdu.notification_body.data_value))[:_LONGEST]
            if isinstance(pdu, cos.EventNotificationRequest):
                return show(readable(pdu.attribute_value))[:_LONGEST]
        except (ValueError, DlmsError, DataError):
            return self.apdu.hex().upper()[:_LONGEST]
        return type(pdu).__name__


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events that wait for their target."""

    target: str
    events: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Audited:
    """An entry of the audit log."""

    number: int
    entry: str

    @property
    def content(self) -> Mapping[str, Any]:
        """What it says."""
        content: dict[str, Any] = json.loads(self.entry)
        return content

    @property
    def at(self) -> datetime:
        """When it was written."""
        return datetime.fromisoformat(self.content["at"])

    @property
    def details(self) -> str:
        """What it says besides time, actor, action and outcome."""
        shown = {"at", "actor", "action", "outcome", "phase"}
        return ", ".join(f"{name} {_text(value)}" for name, value in self.content.items() if name not in shown)


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


async def notifications(pool: Pool, before: int, limit: int) -> list[Notification]:
    """The newest notifications with an ID below `before`."""
    async with connected(pool) as connection, connection.cursor(row_factory=class_row(Notification)) as cursor:
        await cursor.execute(_NOTIFICATIONS, {"before": before, "limit": limit}, binary=True)
        return await cursor.fetchall()


async def outbox(pool: Pool) -> list[Waiting]:
    """Events on their way, by target; of a long queue only a part is counted."""
    return await fetch(pool, Waiting, _OUTBOX, {})


async def audit(pool: Pool, before: int, actor: str | None, text: str | None, limit: int) -> list[Audited]:
    """The newest entries with a number below `before`, of an actor, with a text."""
    parameters = {"before": before, "actor": actor, "text": text, "limit": limit}
    return await fetch(pool, Audited, _AUDIT, parameters)
