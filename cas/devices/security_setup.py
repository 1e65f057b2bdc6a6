"""Security setup of a device, class 64: its methods, and the certificates that it holds (Blue Book 12, 4.4.7).

Functions over an open association; `setup` is the logical name of the object. Certificates are DER (Green Book 8.3,
9.2.6.4). Each raises DlmsError and TransportError besides what it says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import ARRAY, OCTET_STRING, STRUCTURE, DataError
from cas.cosem.obis import Obis
from cas.devices.errors import SetupRefused
from cas.dlms.client import Client
from cas.dlms.errors import DecodeError
from cas.dlms.xdlms.exchange import raise_for_error, unexpected

CLASS, VERSION = 64, 1
CERTIFICATES = 6
KEY_TRANSFER, KEY_AGREEMENT = 2, 3
_GENERATE_KEY_PAIR, _REQUEST, _IMPORT, _EXPORT, _REMOVE = 4, 5, 6, 7, 8
_METHODS = {
    KEY_TRANSFER: "key_transfer",
    KEY_AGREEMENT: "key_agreement",
    _GENERATE_KEY_PAIR: "generate_key_pair",
    _REQUEST: "generate_certificate_request",
    _IMPORT: "import_certificate",
    _EXPORT: "export_certificate",
    _REMOVE: "remove_certificate",
}
_BY_ENTITY, _BY_SERIAL = 0, 1
_CONFIRMED = 0xC1


class Entity(IntEnum):
    """Whose certificate it is."""

    SERVER = 0
    CLIENT = 1
    AUTHORITY = 2
    OTHER = 3


class Purpose(IntEnum):
    """What a key pair and its certificate are for."""

    SIGNING = 0
    AGREEMENT = 1
    TLS = 2
    OTHER = 3


@dataclass(frozen=True, slots=True)
class Named:
    """A certificate by whose it is; `title` is the system title of its subject."""

    entity: Entity
    purpose: Purpose
    title: bytes


@dataclass(frozen=True, slots=True)
class Numbered:
    """A certificate by its serial number and issuer, as the device lists them."""

    serial: bytes
    issuer: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """A certificate as the device lists it; the names are octets as it has them."""

    entity: Entity
    purpose: Purpose
    serial: bytes
    issuer: bytes
    subject: bytes
    subject_alt_name: bytes


async def transfer_keys(client: Client, setup: Obis, wrapped: Iterable[tuple[int, bytes]]) -> None:
    """Give new keys, each by its key_id and wrapped under the master key. Raises SetupRefused."""
    await _act(client, setup, KEY_TRANSFER, _keys(wrapped))


async def agree_on_keys(client: Client, setup: Obis, offered: Iterable[tuple[int, bytes]]) -> dict[int, bytes]:
    """Send ephemeral keys by their key_id and return the device's. Raises SetupRefused, DecodeError."""
    answer = await _act(client, setup, KEY_AGREEMENT, _keys(offered))
    found: dict[int, bytes] = {}
    for item in _children(answer, ARRAY, "key_agreement_data"):
        match item.value if item.tag == STRUCTURE else None:
            case (int() as key_id, bytes() as data):
                found[key_id] = data
            case _:
                raise DecodeError("no structure of key_id and key_data", path="key_agreement_data")
    return found


async def list_certificates(client: Client, setup: Obis) -> list[Listed]:
    """The certificates that the device holds. Raises SetupRefused, DecodeError."""
    attribute = cos.CosemAttributeDescriptor(class_id=CLASS, instance_id=setup.octets, attribute_id=CERTIFICATES)
    normal = cos.GetRequestNormal(invoke_id_and_priority=_CONFIRMED, cosem_attribute_descriptor=attribute)
    answer = await client.request(cos.GetRequest(get_request_normal=normal))
    raise_for_error(answer)
    found = answer.get_response_normal if isinstance(answer, cos.GetResponse) else None
    if found is None:
        raise unexpected(answer, "get-response-normal")
    if found.result.data is None:
        refused = found.result.data_access_result
        raise SetupRefused("to read its certificates", refused.value if refused else "no result")
    return [_listed(item) for item in _children(found.result.data, ARRAY, "certificates")]


async def generate_key_pair(client: Client, setup: Obis, purpose: Purpose) -> None:
    """Let the device make a new key pair, for use once its certificate is imported. Raises SetupRefused."""
    await _act(client, setup, _GENERATE_KEY_PAIR, Data.of("enum", purpose))


async def certificate_request(client: Client, setup: Obis, purpose: Purpose) -> bytes:
    """The PKCS #10 request for the device's newest key pair. Raises SetupRefused, DecodeError."""
    return _octets(await _act(client, setup, _REQUEST, Data.of("enum", purpose)), "certificate request")


async def import_certificate(client: Client, setup: Obis, certificate: bytes) -> None:
    """Give the device a certificate, of its own or of somebody else. Raises SetupRefused."""
    await _act(client, setup, _IMPORT, Data.of("octet-string", certificate))


async def export_certificate(client: Client, setup: Obis, which: Named | Numbered) -> bytes:
    """A certificate that the device holds. Raises SetupRefused, DecodeError."""
    return _octets(await _act(client, setup, _EXPORT, _identified(which)), "certificate")


async def remove_certificate(client: Client, setup: Obis, which: Named | Numbered) -> None:
    """Remove a certificate; with one of its own the device destroys the key pair. Raises SetupRefused."""
    await _act(client, setup, _REMOVE, _identified(which))


async def _act(client: Client, setup: Obis, method: int, parameters: Data) -> Data | None:
    """What the method returns. Raises SetupRefused."""
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=_CONFIRMED,
        cosem_method_descriptor=cos.CosemMethodDescriptor(class_id=CLASS, instance_id=setup.octets, method_id=method),
        method_invocation_parameters=parameters,
    )
    answer = await client.request(cos.ActionRequest(action_request_normal=normal))
    raise_for_error(answer)
    if not isinstance(answer, cos.ActionResponse) or answer.action_response_normal is None:
        raise unexpected(answer, "action-response-normal")
    response = answer.action_response_normal.single_response
    if response.result is not cos.ActionResult.SUCCESS:
        raise SetupRefused(_METHODS[method], response.result.value)
    return response.return_parameters.data if response.return_parameters else None


def _keys(keys: Iterable[tuple[int, bytes]]) -> Data:
    return Data.array(
        Data.structure(Data.of("enum", key_id), Data.of("octet-string", octets)) for key_id, octets in keys
    )


def _identified(which: Named | Numbered) -> Data:
    """certificate_identification: how it is named, and the name."""
    if isinstance(which, Named):
        options = Data.structure(
            Data.of("enum", which.entity), Data.of("enum", which.purpose), Data.of("octet-string", which.title)
        )
        return Data.structure(Data.of("enum", _BY_ENTITY), options)
    options = Data.structure(Data.of("octet-string", which.serial), Data.of("octet-string", which.issuer))
    return Data.structure(Data.of("enum", _BY_SERIAL), options)


def _listed(item: Data) -> Listed:
    match item.value if item.tag == STRUCTURE else None:
        case (
            int() as entity,
            int() as purpose,
            bytes() as serial,
            bytes() as issuer,
            bytes() as subject,
            bytes() as alt,
        ):
            try:
                return Listed(Entity(entity), Purpose(purpose), serial, issuer, subject, alt)
            except ValueError as error:
                raise DecodeError(str(error), path="certificates") from None
        case _:
            raise DecodeError("an entry is no certificate_info", path="certificates")


def _children(data: Data | None, tag: int, path: str) -> list[Data]:
    if data is None or data.tag != tag:
        raise DecodeError("an array is due", path=path)
    try:
        return list(data.children())
    except DataError as error:
        raise DecodeError(error.reason, error.offset, path) from None


def _octets(data: Data | None, path: str) -> bytes:
    value = data.value if data is not None and data.tag == OCTET_STRING else None
    if not isinstance(value, bytes):
        raise DecodeError("an octet-string is due", path=path)
    return value
