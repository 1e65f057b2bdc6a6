"""After a database is restored from a backup: what was used since then must not be used again.

The backup does not know which invocation counters were used, nor which changes were sent, between it and the loss. So
the counters of all registered keys skip more values than that can have been, and whatever changes a device in an
activation that the backup has under way counts as sent: its outcome is unknown, and it is not sent again by itself.
"""

from dataclasses import dataclass

from cas.devices.counters import HIGHEST, counter_scope
from cas.devices.keys import KeyKind, Keyring
from cas.devices.registry import iterate_devices
from cas.store.database import Pool, connected
from cas.store.queries import query

BATCH = 1000

_COUNTED = (KeyKind.ENCRYPTION, KeyKind.NEW_ENCRYPTION)

_SKIP = query("counters_skip")
_CLAIM_ALL = query("sent_claim_all")


@dataclass(frozen=True, slots=True)
class Secured:
    """What was made safe."""

    counters: int
    changes: int
    """Requests that may have been sent."""
    unreadable: int
    """Devices whose key no master key opens: nothing was done for them, nor can they be accessed."""


async def secure_restored(pool: Pool, keyring: Keyring, client_title: bytes, skip: int) -> Secured:
    """Make a restored database safe to go on with; before any process of the service runs. Raises StoreError."""
    scopes: set[bytes] = set()
    counters = unreadable = 0
    async for registered in iterate_devices(pool):
        device = registered.device
        # one that was sent to the device may be in use since
        sealed = {kind: registered.sealed_keys[kind] for kind in _COUNTED if kind in registered.sealed_keys}
        keys = [keyring.unseal_or_none(device.device_id, kind, key) for kind, key in sealed.items()]
        title = device.client_system_title or client_title
        scopes |= {counter_scope(key, title) for key in keys if key is not None}
        unreadable += None in keys
        if len(scopes) >= BATCH:
            counters += await _skip(pool, scopes, skip)
            scopes.clear()
    counters += await _skip(pool, scopes, skip)
    async with connected(pool) as connection:
        changes = (await connection.execute(_CLAIM_ALL)).rowcount
    return Secured(counters, changes, unreadable)


async def _skip(pool: Pool, scopes: set[bytes], skip: int) -> int:
    async with connected(pool) as connection:
        parameters = {"scopes": list(scopes), "skip": skip, "highest": HIGHEST}
        return (await connection.execute(_SKIP, parameters)).rowcount
