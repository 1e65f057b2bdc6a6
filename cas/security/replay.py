"""Replay detection: a message that carries ReplayDetection is taken once, and only while it is new (IEC 61968-100)."""

import hashlib
from datetime import UTC, datetime, timedelta

from cas.access.order import instant
from cas.bindings import message as mes
from cas.security.errors import Replayed
from cas.store.database import Pool, connected
from cas.store.queries import query

MOST_CHARACTERS = 512
"""Characters of a Nonce."""

_FORGET = query("nonce_forget")
_REMEMBER = query("nonce_remember")


async def check_replay(
    pool: Pool, client: str, header: mes.HeaderType, now: datetime, window: timedelta, *, required: bool
) -> None:
    """Remember the Nonce of a message. Raises Replayed.

    `Created` may be off by `window` either way, without a zone it is UTC; the Nonce is remembered longer than it could
    be taken again. `required`: a message without ReplayDetection is refused.
    """
    shown = header.replay_detection
    if shown is None:
        if required:
            raise Replayed
        return
    try:
        created = instant(shown.created)
    except (ValueError, OverflowError):
        raise Replayed from None
    if created is None or abs(now - created) > window or not 0 < len(shown.nonce) <= MOST_CHARACTERS:
        raise Replayed
    # The client's name has a length of its own before it, so that two names never run together with their nonces.
    digest = hashlib.sha256(f"{len(client)}:{client}:{shown.nonce}".encode("utf-8", "surrogatepass")).digest()
    async with connected(pool) as connection:
        await connection.execute(_FORGET, {"now": now.astimezone(UTC)})
        cursor = await connection.execute(_REMEMBER, {"digest": digest, "forget_at": created + 2 * window})
        if await cursor.fetchone() is None:
            raise Replayed
