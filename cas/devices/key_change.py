"""Changes the keys of a device, so that whatever happens meanwhile, one of the stored keys is the device's.

The new keys are stored beside the old ones as candidates before they are sent, wrapped under the device's master key,
by key_transfer of Security setup (Blue Book 12, 4.4.7, method 2; all in one ACTION). A new association tells which the
device has: the candidates then take the place of the old keys, or go. When a change was left half done, by a crash or a
lost answer, both are tried the next time the device is used. Two changes at once are refused. A certificate that gives
the device a new key pair goes the same way.

Keys that are agreed (method 3) are known here only once the device has answered: if that answer is lost, nobody knows
them. So they are for devices that have no master key, or whose master key is to be agreed.
"""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from cas.cosem.obis import Obis
from cas.devices.errors import KeyChangeFailed, KeyChangeRunning, KeyMissing, SetupRefused
from cas.devices.keys import CANDIDATE_OF, KeyKind, Keyring, Secret
from cas.devices.model import Authentication, Device, Protection
from cas.devices.opening import Means, Opener
from cas.devices.registry import Registered, get_device
from cas.devices.security_setup import (
    Entity,
    Named,
    Purpose,
    agree_on_keys,
    export_certificate,
    import_certificate,
    list_certificates,
    transfer_keys,
)
from cas.dlms.client import Client
from cas.dlms.errors import DecodeError, DlmsError
from cas.dlms.security.certificates import authority_in, certified_signing_key
from cas.dlms.security.key_forms import drawn_private_key, private_key, public_key
from cas.dlms.security.key_transport import wrap_key
from cas.dlms.security.rekeying import agreed_key, ephemeral_in, key_data
from cas.dlms.security.suites import SUITES
from cas.store.database import Pool
from cas.store.queries import query
from cas.system_events import Kind, tell
from transports.errors import ResponseTimeout, TransportError

_LOCK = query("key_change_lock")
_UNLOCK = query("key_change_unlock")
_FORGET = query("device_keys_forget")
_WRITE = query("device_keys_write")

KEY_IDS: Mapping[KeyKind, int] = {
    KeyKind.ENCRYPTION: 0,
    KeyKind.BROADCAST: 1,
    KeyKind.AUTHENTICATION: 2,
    KeyKind.MASTER: 3,
}
"""What can be changed, by the key_id of Security setup."""
_CIPHERING = frozenset((KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION))
_CANDIDATES = frozenset(CANDIDATE_OF.values())
_PURPOSES = {KeyKind.DEVICE_SIGNING: Purpose.SIGNING, KeyKind.DEVICE_AGREEMENT: Purpose.AGREEMENT}
Keys: TypeAlias = Mapping[KeyKind, Secret]


class KeyChange:
    """Changes of one device's keys. Whoever uses it has the device for himself."""

    def __init__(self, pool: Pool, keyring: Keyring, means: Means) -> None:
        self._pool = pool
        self._keyring = keyring
        self._means = means

    async def transfer(self, device_id: str, kinds: Collection[KeyKind]) -> None:
        """Draw new keys of these kinds, give them to the device, and keep those that it has.

        Raises KeyMissing without a master key, SetupRefused, KeyChangeFailed when the old keys still stand or nothing
        works, DeviceError, TransportError, DlmsError.
        """
        registered, keys = await self._ready(device_id, [KeyKind.MASTER])
        size = SUITES[registered.device.suite].key_length
        fresh = {kind: Secret(secrets.token_bytes(size)) for kind in kinds}
        send = _transferring(registered.device, keys[KeyKind.MASTER], fresh)
        await self._give(registered, keys, fresh, send, "is its master key the registered one?")

    async def give_certificate(self, device_id: str, kind: KeyKind, certificate: bytes) -> None:
        """Give the device the certificate (DER) of a key pair that it has made, and keep the key in it as the device's.

        `kind`: DEVICE_SIGNING or DEVICE_AGREEMENT. Raises as `transfer`.
        """
        registered, keys = await self._ready(device_id)
        setup = _setup_of(registered.device)
        fresh = {kind: Secret(certificate)}
        if kind in keys and authority_in(keys[kind].reveal()):
            fresh = {}  # the authority stays registered: it stands for the old pair and the new one
        hint = "has it made this key pair, and does it know who signed the certificate?"
        await self._give(registered, keys, fresh, lambda client: import_certificate(client, setup, certificate), hint)

    async def agree(self, device_id: str, kinds: Collection[KeyKind]) -> None:
        """Agree on new keys of these kinds with the device, and keep them.

        Raises KeyMissing without the keys that sign, KeyUnusable in suite 0, SetupRefused, KeyChangeFailed when the
        answer is lost, DeviceError, TransportError, DlmsError.
        """
        registered, keys = await self._ready(device_id, [KeyKind.SIGNING, KeyKind.DEVICE_SIGNING])
        device = registered.device
        if device.system_title is None:
            raise KeyChangeFailed(device_id, "its system title is part of them: register the device with it")
        fresh = await self._agree(device, keys, kinds)
        shown = {kind: key for kind, key in fresh.items() if kind in _shown(device)}
        # what no association shows the device has proven by its signature
        await self._store(device_id, {kind: key for kind, key in fresh.items() if kind not in shown})
        await self._store(device_id, {CANDIDATE_OF[kind]: key for kind, key in shown.items()})
        if shown:
            await self._keep(device_id, shown)

    async def settle(self, registered: Registered) -> Registered:
        """Find out which keys the device has after a change that was left half done, and keep those.

        Raises KeyChangeRunning while it is under way, KeyChangeFailed when neither work, TransportError.
        """
        async with key_change_lock(self._pool, registered.device.device_id):
            settled = await self._settle(registered)
        tell(Kind.KEYS_SETTLED, registered.device.device_id)
        return settled

    async def _ready(self, device_id: str, needed: Collection[KeyKind] = ()) -> tuple[Registered, Keys]:
        """The device, nothing of it half done, and its keys. Raises KeyMissing."""
        registered = await get_device(self._pool, device_id)
        if candidates_in(registered):
            registered = await self._settle(registered)
        if missing := [kind for kind in needed if kind not in registered.sealed_keys]:
            raise KeyMissing(device_id, missing)
        return registered, registered.unseal(self._keyring)

    async def _give(
        self, registered: Registered, keys: Keys, fresh: Keys, send: Callable[[Client], Awaitable[None]], hint: str
    ) -> None:
        """Store the candidates, send them, and keep them if the device has them; `hint` is for when it refuses."""
        device_id = registered.device.device_id
        await self._store(device_id, {CANDIDATE_OF[kind]: key for kind, key in fresh.items()})
        sent = False
        try:
            async with self._associated(registered.device, keys) as client:
                sent = True
                await send(client)
        except SetupRefused as refused:
            await self._forget(device_id, fresh)
            raise KeyChangeFailed(device_id, f"it refuses them ({refused.why}): {hint}") from None
        except (DlmsError, TransportError):
            if not sent or not fresh:
                await self._forget(device_id, fresh)
                raise
            # the answer is lost: what the device has is found out now
        if fresh:
            await self._keep(device_id, fresh)

    async def _keep(self, device_id: str, fresh: Keys) -> None:
        settled = (await self._settle(await get_device(self._pool, device_id))).unseal(self._keyring)
        if any(settled.get(kind) != key for kind, key in fresh.items()):
            raise KeyChangeFailed(device_id, "it still has the old keys, which stay registered")

    async def _agree(self, device: Device, keys: Keys, kinds: Collection[KeyKind]) -> dict[KeyKind, Secret]:
        suite, titles = SUITES[device.suite], (self._means.title(device), device.system_title or b"")
        signing = private_key(keys[KeyKind.SIGNING].reveal(), suite, "our signing key")
        own = {KEY_IDS[kind]: drawn_private_key(suite, os.urandom) for kind in kinds}
        offered = [(key_id, key_data(key_id, key, signing)) for key_id, key in own.items()]
        sent = False
        try:
            async with self._associated(device, keys) as client:
                sent = True
                peer = await self._signing_key(client, device, keys)
                answers = await agree_on_keys(client, _setup_of(device), offered)
                if missing := set(own) - set(answers):
                    raise DecodeError(f"nothing for key_id {min(missing)}", path="key_agreement_data")
                theirs = {key_id: ephemeral_in(answers[key_id], key_id, suite, peer) for key_id in own}
        except SetupRefused as refused:
            why = f"it refuses to agree ({refused.why}): does it know the certificate of our signing key?"
            raise KeyChangeFailed(device.device_id, why) from None
        except (DlmsError, TransportError) as problem:
            if not sent:
                raise
            raise await self._lost(device, keys, kinds, problem) from problem
        return {
            kind: Secret(agreed_key(KEY_IDS[kind], own[KEY_IDS[kind]], theirs[KEY_IDS[kind]], *titles))
            for kind in kinds
        }

    async def _signing_key(self, client: Client, device: Device, keys: Keys) -> EllipticCurvePublicKey:
        """The device's key for signatures; where only its authority is registered, that of the certificate it holds."""
        suite, registered, title = (
            SUITES[device.suite],
            keys[KeyKind.DEVICE_SIGNING].reveal(),
            device.system_title or b"",
        )
        if (authority := authority_in(registered)) is None:
            return public_key(registered, suite, "the device's signing key")
        held = await export_certificate(client, _setup_of(device), Named(Entity.SERVER, Purpose.SIGNING, title))
        return certified_signing_key(held, authority, title, suite)

    async def _lost(
        self, device: Device, keys: Keys, kinds: Collection[KeyKind], problem: Exception
    ) -> KeyChangeFailed:
        """What is to be said when there is no answer to make the agreed keys of."""
        if _shown(device).isdisjoint(kinds):
            outcome = "whether it has new ones is not known: agree again"
        elif await self._works(device, keys):
            outcome = "it still has the old keys"
        else:
            outcome = "the old ones open no association: agree again, or transfer keys, by one that does without them"
        return KeyChangeFailed(device.device_id, f"its answer is lost or wrong ({problem}); {outcome}")

    async def _settle(self, registered: Registered) -> Registered:
        device = registered.device
        device_id = device.device_id
        keys = registered.unseal(self._keyring)
        fresh = {kind: keys[candidate] for kind, candidate in CANDIDATE_OF.items() if candidate in keys}
        if _shown(device) & set(fresh):
            if await self._works(device, {**keys, **fresh}):
                has_new = True
            elif await self._works(device, keys):
                has_new = False
            else:
                raise KeyChangeFailed(
                    device_id, "neither the old nor the new keys open an association; both are kept, and tried again"
                )
        elif set(fresh) <= set(_PURPOSES):
            has_new = await self._holds(device, keys, fresh)
        else:
            has_new = await self._sent_again(device, keys, fresh)
        if has_new:
            await self._store(device_id, fresh)
        await self._forget(device_id, fresh)
        return await get_device(self._pool, device_id)

    async def _works(self, device: Device, keys: Keys) -> bool:
        """Whether an association opens with these keys, and serves: keys of general-ciphering are not used before."""
        try:
            async with self._associated(device, keys) as client:
                if not device.needed_keys.isdisjoint(_PURPOSES):
                    await list_certificates(client, _setup_of(device))
        except SetupRefused:
            return True
        except (DlmsError, ResponseTimeout):  # some devices do not answer to what they cannot decipher
            return False
        return True

    async def _holds(self, device: Device, keys: Keys, fresh: Keys) -> bool:
        """Whether the device has these certificates; no association shows them."""
        suite = SUITES[device.suite]
        async with self._associated(device, keys) as client:
            for kind, certificate in fresh.items():
                which = Named(Entity.SERVER, _PURPOSES[kind], device.system_title or b"")
                try:
                    held = public_key(await export_certificate(client, _setup_of(device), which), suite, str(kind))
                except SetupRefused:
                    return False
                if held != public_key(certificate.reveal(), suite, str(kind)):
                    return False
        return True

    async def _sent_again(self, device: Device, keys: Keys, fresh: Keys) -> bool:
        """Keys that no association shows are sent once more: under the old master key, then under a new one."""
        masters = [keys[KeyKind.MASTER], *([fresh[KeyKind.MASTER]] if KeyKind.MASTER in fresh else [])]
        async with self._associated(device, keys) as client:
            for master in masters:
                try:
                    await _transferring(device, master, fresh)(client)
                except SetupRefused:
                    continue
                return True
        return False

    @asynccontextmanager
    async def _associated(self, device: Device, keys: Keys) -> AsyncIterator[Client]:
        opener = Opener(device, keys, self._means)
        client = await opener.open()
        try:
            yield client
        finally:
            await opener.close(client)

    async def _store(self, device_id: str, keys: Keys) -> None:
        await store_keys(self._pool, self._keyring, device_id, keys)

    async def _forget(self, device_id: str, kinds: Collection[KeyKind]) -> None:
        candidates = [CANDIDATE_OF[kind].value for kind in kinds]
        async with self._pool.connection() as connection:
            await connection.execute(_FORGET, {"device_id": device_id, "kinds": candidates})


async def store_keys(pool: Pool, keyring: Keyring, device_id: str, keys: Keys) -> None:
    """Store these keys of a device, in place of those that it has of the same kinds."""
    sealed = [keyring.seal(device_id, kind, key) for kind, key in keys.items()]
    columns = {
        "device_id": [device_id] * len(keys),
        "kind": [kind.value for kind in keys],
        "master_key_id": [key.master_key_id for key in sealed],
        "wrapped": [key.wrapped for key in sealed],
    }
    async with pool.connection() as connection:
        await connection.execute(_WRITE, columns)


def _setup_of(device: Device) -> Obis:
    return Obis.parse(device.quirks.security_setup)


def _transferring(device: Device, master: Secret, fresh: Keys) -> Callable[[Client], Awaitable[None]]:
    """Sends keys that are wrapped under this master key."""
    wrapped = [(KEY_IDS[kind], wrap_key(master.reveal(), key.reveal())) for kind, key in fresh.items()]
    return lambda client: transfer_keys(client, _setup_of(device), wrapped)


def _shown(device: Device) -> frozenset[KeyKind]:
    """The keys without which an association with this device does not open and serve."""
    ciphered = device.protection is not Protection.NONE or device.authentication is Authentication.HLS_GMAC
    return (_CIPHERING if ciphered else frozenset()) | (device.needed_keys & set(_PURPOSES))


def candidates_in(registered: Registered) -> bool:
    """Whether a change of keys was left half done."""
    return not _CANDIDATES.isdisjoint(registered.sealed_keys)


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
