"""Secrets in the requests of resources: at rest the APDU has zeros in their place, and is sealed whole beside that.

So whatever shows a request has no secret to hide, and only who carries it out opens what is sealed.
"""

from collections.abc import Sequence
from uuid import UUID

from cas.access.model import Octets
from cas.devices.keys import Keyring, SealedKey, Secret, request_context
from cas.dlms.redaction import redact


def seal_requests(keyring: Keyring, access_id: UUID, requests: Sequence[Octets]) -> list[dict[str, object]]:
    """The columns of these requests as they are stored."""
    return [_sealed(keyring, access_id, octets) for octets in requests]


def _sealed(keyring: Keyring, access_id: UUID, octets: Octets) -> dict[str, object]:
    shown = redact("sent", octets)
    if shown == octets:
        return {"apdu": octets}
    sealed = keyring.seal_for(request_context(access_id, shown), Secret(octets))
    return {"apdu": shown, "master_key_id": sealed.master_key_id, "sealed": sealed.wrapped}


def open_request(
    keyring: Keyring, access_id: UUID, apdu: bytes, master_key_id: str | None, sealed: bytes | None
) -> Octets:
    """A request as the client gave it. Raises KeyUnreadable."""
    if master_key_id is None or sealed is None:
        return Octets(apdu)
    what = f"resource {access_id}: the secret in its request"
    opened = keyring.unseal_for(request_context(access_id, apdu), SealedKey(master_key_id, sealed), what)
    return Octets(opened.reveal())
