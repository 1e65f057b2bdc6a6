"""Changes the keys of a device, so that whatever happens meanwhile, one of the stored keys is the device's.

The new keys are stored beside the old ones as candidates before they are sent, wrapped under the device's master key,
by key_transfer of Security setup (Blue Book 12, 4.4.7, method 2; all in one ACTION). A new association tells which the
device has: the candidates then take the place of the old keys, or go. When a change was left half done, by a crash or a
lost answer, both are tried the next time the device is used. Two changes at once are refused.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.devices.counters import Counters
from cas.devices.errors import KeyChangeFailed, KeyChangeRunning, KeyMissing
from cas.devices.keys import CANDIDATE_OF, KeyKind, Keyring, Secret
from cas.devices.model import Authentication, Device, Protection
from cas.devices.opening import Opener
from cas.devices.registry import Registered, get_device
from cas.dlms.errors import DlmsError
from cas.dlms.security.key_transport import wrap_key
from cas.dlms.security.suites import SUITES
from cas.dlms.xdlms.exchange import raise_for_error, unexpected
from cas.store.database import Pool
from cas.store.queries import query
from cas.system_events import Kind, tell
from transports.base import Transport
from transports.errors import ResponseTimeout, TransportError

_LOCK = query("key_change_lock")
_UNLOCK = query("key_change_unlock")
_FORGET = query("device_keys_forget")
_WRITE = query("device_keys_write")

SECURITY_SETUP, KEY_TRANSFER = 64, 2
KEY_IDS: Mapping[KeyKind, int] = {
    KeyKind.ENCRYPTION: 0,
    KeyKind.BROADCAST: 1,
    KeyKind.AUTHENTICATION: 2,
    KeyKind.MASTER: 3,
}
"""What can be changed, by the key_id of Security setup."""
_SHOWN_BY_ASSOCIATION = frozenset((KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION))
Keys: TypeAlias = Mapping[KeyKind, Secret]


class KeyChange:
    """Changes of one device's keys. Whoever uses it has the device for himself."""

    def __init__(
        self,
        pool: Pool,
        keyring: Keyring,
        counters: Counters,
        client_title: bytes,
        transport: Callable[[Device], Transport],
    ) -> None:
        self._pool = pool
        self._keyring = keyring
        self._counters = counters
        self._client_title = client_title
        self._transport = transport

    async def run(self, device_id: str, kinds: Collection[KeyKind]) -> None:
        """Draw new keys of these kinds, give them to the device, and keep those that it has.

        Raises KeyMissing without a master key, KeyChangeFailed when the old keys still stand or nothing works,
        DeviceError, TransportError, DlmsError.
        """
        registered = await get_device(self._pool, device_id)
        if candidates_in(registered):
            registered = await self._settle(registered)
        keys = registered.unseal(self._keyring)
        if KeyKind.MASTER not in keys:
            raise KeyMissing(device_id, [KeyKind.MASTER])
        size = SUITES[registered.device.suite].key_length
        fresh = {kind: Secret(secrets.token_bytes(size)) for kind in kinds}
        await self._store(device_id, {CANDIDATE_OF[kind]: key for kind, key in fresh.items()})
        await self._transfer(registered, keys, fresh)
        settled = (await self._settle(await get_device(self._pool, device_id))).unseal(self._keyring)
        if any(settled.get(kind) != key for kind, key in fresh.items()):
            raise KeyChangeFailed(device_id, "it still has the old keys, which stay registered")

    async def settle(self, registered: Registered) -> Registered:
        """Find out which keys the device has after a change that was left half done, and keep those.

        Raises KeyChangeRunning while it is under way, KeyChangeFailed when neither work, TransportError.
        """
        async with key_change_lock(self._pool, registered.device.device_id):
            settled = await self._settle(registered)
        tell(Kind.KEYS_SETTLED, registered.device.device_id)
        return settled

    async def _transfer(self, registered: Registered, keys: Keys, fresh: Keys) -> None:
        """Send the new keys under the old master key; a lost answer is for `_settle` to clear up."""
        device_id = registered.device.device_id
        sent = False
        try:
            async with self._associated(registered.device, keys) as opener:
                sent = True
                result = await self._send(opener, registered.device, keys[KeyKind.MASTER], fresh)
        except (DlmsError, TransportError):
            if sent:
                return
            await self._forget(device_id, fresh)
            raise
        if result is not cos.ActionResult.SUCCESS:
            await self._forget(device_id, fresh)
            raise KeyChangeFailed(device_id, f"it refuses them ({result.value}): is its master key the registered one?")

    async def _settle(self, registered: Registered) -> Registered:
        device = registered.device
        device_id = device.device_id
        keys = registered.unseal(self._keyring)
        fresh = {kind: keys[candidate] for kind, candidate in CANDIDATE_OF.items() if candidate in keys}
        ciphered = device.protection is not Protection.NONE or device.authentication is Authentication.HLS_GMAC
        if ciphered and _SHOWN_BY_ASSOCIATION & set(fresh):
            if await self._works(device, {**keys, **fresh}):
                has_new = True
            elif await self._works(device, keys):
                has_new = False
            else:
                raise KeyChangeFailed(
                    device_id, "neither the old nor the new keys open an association; both are kept, and tried again"
                )
        else:
            has_new = await self._sent_again(device, keys, fresh)
        if has_new:
            await self._store(device_id, fresh)
        await self._forget(device_id, fresh)
        return await get_device(self._pool, device_id)

    async def _works(self, device: Device, keys: Keys) -> bool:
        try:
            async with self._associated(device, keys):
                return True
        except (DlmsError, ResponseTimeout):  # some devices do not answer to what they cannot decipher
            return False

    async def _sent_again(self, device: Device, keys: Keys, fresh: Keys) -> bool:
        """Keys that no association shows are sent once more: under the old master key, then under a new one."""
        masters = [keys[KeyKind.MASTER], *([fresh[KeyKind.MASTER]] if KeyKind.MASTER in fresh else [])]
        async with self._associated(device, keys) as opener:
            for master in masters:
                if await self._send(opener, device, master, fresh) is cos.ActionResult.SUCCESS:
                    return True
        return False

    @asynccontextmanager
    async def _associated(self, device: Device, keys: Keys) -> AsyncIterator[Opener]:
        title = device.client_system_title or self._client_title
        opener = Opener(device, keys, title, self._counters, self._transport)
        client = await opener.open()
        try:
            yield opener
        finally:
            await opener.close(client)

    async def _send(self, opener: Opener, device: Device, master: Secret, fresh: Keys) -> cos.ActionResult:
        wrapped = Data.array(
            Data.structure(
                Data.of("enum", KEY_IDS[kind]), Data.of("octet-string", wrap_key(master.reveal(), key.reveal()))
            )
            for kind, key in fresh.items()
        )
        method = cos.CosemMethodDescriptor(
            class_id=SECURITY_SETUP,
            instance_id=Obis.parse(device.quirks.security_setup).octets,
            method_id=KEY_TRANSFER,
        )
        normal = cos.ActionRequestNormal(
            invoke_id_and_priority=0xC1, cosem_method_descriptor=method, method_invocation_parameters=wrapped
        )
        assert opener.tried is not None  # noqa: S101 - it is open
        answer = await opener.tried.request(cos.ActionRequest(action_request_normal=normal))
        raise_for_error(answer)
        if not isinstance(answer, cos.ActionResponse) or answer.action_response_normal is None:
            raise unexpected(answer, "action-response-normal")
        return answer.action_response_normal.single_response.result

    async def _store(self, device_id: str, keys: Keys) -> None:
        sealed = [self._keyring.seal(device_id, kind, key) for kind, key in keys.items()]
        columns = {
            "device_id": [device_id] * len(keys),
            "kind": [kind.value for kind in keys],
            "master_key_id": [key.master_key_id for key in sealed],
            "wrapped": [key.wrapped for key in sealed],
        }
        async with self._pool.connection() as connection:
            await connection.execute(_WRITE, columns)

    async def _forget(self, device_id: str, kinds: Collection[KeyKind]) -> None:
        candidates = [CANDIDATE_OF[kind].value for kind in kinds]
        async with self._pool.connection() as connection:
            await connection.execute(_FORGET, {"device_id": device_id, "kinds": candidates})


def candidates_in(registered: Registered) -> bool:
    """Whether a change of keys was left half done."""
    return any(kind in registered.sealed_keys for kind in CANDIDATE_OF.values())


@asynccontextmanager
async def key_change_lock(pool: Pool, device_id: str) -> AsyncIterator[None]:
    """Be the only one to change the keys of a device. Raises KeyChangeRunning at once if somebody else does."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_LOCK, {"device_id": device_id})
        row = await cursor.fetchone()
        await connection.commit()  # no transaction stays open meanwhile; the lock is the connection's
        if row is None or not row[0]:
            raise KeyChangeRunning(device_id)
        try:
            yield
        finally:
            await connection.execute(_UNLOCK, {"device_id": device_id})
