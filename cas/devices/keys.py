"""Keys of devices: in memory hidden from every print, at rest encrypted under a master key.

At rest a key is AES-256-GCM under a master key, with the device and the kind of key as additional data: a key moved to
another device or another use in the database does not decrypt.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Never, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cas.devices.errors import KeyUnreadable, MasterKeyError

MASTER_KEY_OCTETS = 32
_NONCE_OCTETS = 12


class KeyKind(StrEnum):
    """What a stored key is for (Green Book 8.3, 9.2.5); the values stand in the database."""

    ENCRYPTION = "encryption"
    """Global unicast encryption key (GUEK)."""
    AUTHENTICATION = "authentication"
    """Authentication key (GAK)."""
    BROADCAST = "broadcast"
    """Global broadcast encryption key (GBEK)."""
    MASTER = "master"
    """The device's master key (KEK), which wraps new keys."""
    SECRET = "secret"  # noqa: S105 - the name of a kind, not a secret
    """Password of LLS, secret of HLS."""
    SIGNING = "signing"
    """Our private key for signatures: HLS by ECDSA, general-signing, ephemeral keys."""
    CERTIFICATE = "signing-certificate"
    """The certificate of that key, which the device is shown: HLS by ECDSA."""
    AGREEMENT = "agreement"
    """Our private key for key agreement."""
    DEVICE_SIGNING = "device-signing"
    """The device's public key for signatures, or the certificate of the authority that has signed the device's."""
    DEVICE_AGREEMENT = "device-agreement"
    """The device's public key for key agreement."""
    # Sent to the device, and not yet known to be its own (`cas.devices.key_change`).
    NEW_ENCRYPTION = "new-encryption"
    NEW_AUTHENTICATION = "new-authentication"
    NEW_BROADCAST = "new-broadcast"
    NEW_MASTER = "new-master"
    NEW_DEVICE_SIGNING = "new-device-signing"
    NEW_DEVICE_AGREEMENT = "new-device-agreement"


CANDIDATE_OF: Mapping[KeyKind, KeyKind] = {
    KeyKind.ENCRYPTION: KeyKind.NEW_ENCRYPTION,
    KeyKind.AUTHENTICATION: KeyKind.NEW_AUTHENTICATION,
    KeyKind.BROADCAST: KeyKind.NEW_BROADCAST,
    KeyKind.MASTER: KeyKind.NEW_MASTER,
    KeyKind.DEVICE_SIGNING: KeyKind.NEW_DEVICE_SIGNING,
    KeyKind.DEVICE_AGREEMENT: KeyKind.NEW_DEVICE_AGREEMENT,
}
"""What a new key of each kind is stored as until it is known that the device has taken it."""


class Secret:
    """Octets that show themselves only to who asks by `reveal`: not in repr, str, format, pickles or copies."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = bytes(octets)

    def reveal(self) -> bytes:
        """The octets."""
        return self._octets

    def __len__(self) -> int:
        return len(self._octets)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        return hash(self._octets)

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, _protocol: object) -> Never:
        raise TypeError("a Secret is neither pickled nor copied")


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key as it is stored."""

    master_key_id: str
    wrapped: bytes


class MasterKey(Protocol):
    """A master key that may stay where it is, in a security module: AES-256-GCM with its own identity."""

    @property
    def identity(self) -> str:
        """What is stored beside each key that it seals: short, and the same for ever."""
        ...

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Ciphertext and tag."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """The plaintext. Raises cryptography's InvalidTag."""
        ...


class LocalMasterKey:
    """A master key in the memory of this process."""

    def __init__(self, key: Secret) -> None:
        """Raises MasterKeyError unless it has 32 octets."""
        if len(key) != MASTER_KEY_OCTETS:
            raise MasterKeyError(f"a master key must have {MASTER_KEY_OCTETS} octets ({2 * MASTER_KEY_OCTETS} digits)")
        self.identity = _identity(key)
        cipher = AESGCM(key.reveal())
        self.encrypt = cipher.encrypt
        self.decrypt = cipher.decrypt

    def __repr__(self) -> str:
        return f"LocalMasterKey({self.identity})"


class Keyring:
    """The master keys: the first seals, all unseal. Its repr shows only their identities."""

    def __init__(self, master_keys: Sequence[Secret | MasterKey]) -> None:
        """Raises MasterKeyError unless there is a key, and each has 32 octets."""
        if not master_keys:
            raise MasterKeyError("no master key is given")
        keys = [LocalMasterKey(key) if isinstance(key, Secret) else key for key in master_keys]
        self._ciphers: dict[str, MasterKey] = {key.identity: key for key in keys}
        self.current_id = keys[0].identity

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._ciphers)})"

    @property
    def identities(self) -> tuple[str, ...]:
        """The identities of the master keys, that of the first before the others."""
        return tuple(self._ciphers)

    def seal(self, device_id: str, kind: KeyKind, key: Secret) -> SealedKey:
        """Encrypt a key for storage."""
        return self.seal_for(key_context(device_id, kind), key)

    def unseal(self, device_id: str, kind: KeyKind, sealed: SealedKey) -> Secret:
        """Decrypt a stored key. Raises KeyUnreadable."""
        return self.unseal_for(key_context(device_id, kind), sealed, f"device {device_id}: its {kind} key")

    def seal_for(self, context: bytes, secret: Secret) -> SealedKey:
        """Encrypt a secret for storage; only with the same `context` is it decrypted again."""
        nonce = os.urandom(_NONCE_OCTETS)
        cipher = self._ciphers[self.current_id]
        return SealedKey(self.current_id, nonce + cipher.encrypt(nonce, secret.reveal(), context))

    def unseal_for(self, context: bytes, sealed: SealedKey, what: str) -> Secret:
        """Decrypt a stored secret, which errors call `what`. Raises KeyUnreadable."""
        cipher = self._ciphers.get(sealed.master_key_id)
        if cipher is None:
            raise KeyUnreadable(
                f"{what} was stored under master key {sealed.master_key_id}, which is not at hand "
                f"({', '.join(self._ciphers)}): restore that master key, or give the secret again"
            )
        nonce, ciphertext = sealed.wrapped[:_NONCE_OCTETS], sealed.wrapped[_NONCE_OCTETS:]
        try:
            return Secret(cipher.decrypt(nonce, ciphertext, context))
        except (InvalidTag, ValueError):
            raise KeyUnreadable(f"{what} is damaged or was moved there from elsewhere: give it again") from None

    def unseal_or_none(self, device_id: str, kind: KeyKind, sealed: SealedKey) -> Secret | None:
        """As `unseal`, but None for a key that is not readable."""
        try:
            return self.unseal(device_id, kind, sealed)
        except KeyUnreadable:
            return None


def _identity(master_key: Secret) -> str:
    return hashlib.sha256(b"cas master key\0" + master_key.reveal()).hexdigest()[:8]


def key_context(device_id: str, kind: KeyKind) -> bytes:
    """What a key of a device belongs to."""
    return f"cas device key\0{device_id}\0{kind}".encode()


def request_context(access_id: UUID, apdu: bytes) -> bytes:
    """What the secret in a request of a resource belongs to; `apdu` has it blanked."""
    return b"cas request\0" + access_id.bytes + apdu
