"""Whole APDUs: the octets of any xDLMS or ACSE APDU to the object of its class and back, by the tag they begin with."""

from typing import TypeAlias

from cas.bindings import cosempdu as cos
from cas.bindings.coding import ACSE_APDU, TYPE_NAME, TYPES, XDLMS_APDU
from cas.cosem.asn1 import Choice
from cas.dlms import axdr, ber
from cas.dlms.errors import DecodeError, EncodeError
from cas.dlms.invoke_id import IDENTITY, identified

Request: TypeAlias = (
    cos.GetRequest | cos.SetRequest | cos.ActionRequest | cos.AccessRequest | cos.ReadRequest | cos.WriteRequest
)
"""What a client asks of a device, in the association that is open."""

Unanswered: TypeAlias = cos.SetRequest | cos.ActionRequest | cos.AccessRequest | cos.UnconfirmedWriteRequest
"""What a client may tell a device without being answered."""

Response: TypeAlias = (
    cos.GetResponse
    | cos.SetResponse
    | cos.ActionResponse
    | cos.AccessResponse
    | cos.ReadResponse
    | cos.WriteResponse
    | cos.ExceptionResponse
    | cos.ConfirmedServiceError
)
"""What a device may answer."""

Acse: TypeAlias = cos.AarqApdu | cos.AareApdu | cos.RlrqApdu | cos.RlreApdu


def _alternatives(name: str) -> dict[int, tuple[str, str]]:
    shape = TYPES[name]
    assert isinstance(shape, Choice)  # noqa: S101 - a fact of the generated table
    return {alternative.tag: (alternative.attribute, alternative.type) for alternative in shape.alternatives}


_XDLMS = _alternatives(XDLMS_APDU)
_ACSE = {tag: attribute for tag, (attribute, _) in _alternatives(ACSE_APDU).items()}
_CLASS_OF = {name: cls for cls, name in TYPE_NAME.items()}
_CLASSES = {tag: _CLASS_OF[name] for tag, (_, name) in _XDLMS.items() if name in _CLASS_OF}
_TAGS = {cls: tag for tag, cls in _CLASSES.items()}
_KEPT: dict[int, tuple[object, bytes, dict[int, bytes]]] = {}
"""Beside the object its octets, and those under each identity: nothing else has its id while it is here."""
_MOST_KEPT = 1024
_ACSE_TAGS = {_CLASS_OF[name]: tag for tag, (_, name) in _alternatives(ACSE_APDU).items()}


def encode_apdu(body: object) -> bytes:
    """Code an APDU of any class of xDLMS (not a ciphered one) or ACSE, tag included. Raises EncodeError."""
    if tag := _TAGS.get(type(body)):
        return bytes((tag,)) + axdr.encode(body)
    if tag := _ACSE_TAGS.get(type(body)):
        return ber.encode(body, tag)
    raise EncodeError(f"{TYPE_NAME[type(body)]} is no APDU")


def encode_kept(body: object) -> bytes:
    """The same, kept for when this very object is sent to the next meter: not for secrets. Raises EncodeError."""
    return (_KEPT.get(id(body)) or _keep(body))[1]


def encode_numbered(body: object, identity: int) -> tuple[bytes, bytes]:
    """The same of a request with four bits of identity, as it stands and under this one, confirmed."""
    _, octets, numbered = _KEPT.get(id(body)) or _keep(body)
    identity &= IDENTITY
    if identity not in numbered:
        numbered[identity] = identified(octets, identity)
    return octets, numbered[identity]


def _keep(body: object) -> tuple[object, bytes, dict[int, bytes]]:
    if len(_KEPT) >= _MOST_KEPT:
        _KEPT.clear()
    known = _KEPT[id(body)] = body, encode_apdu(body), {}
    return known


def decode_apdu(octets: bytes) -> object:
    """Decode a whole APDU; a ciphered one is an XDlmsApdu that holds its octets.

    Raises DecodeError with the offset and the field where the octets stop being one.
    """
    if not octets:
        raise DecodeError("no octets", 0)
    tag = octets[0]
    if cls := _CLASSES.get(tag):
        return axdr.decode(cls, octets, 1)
    if tag in _ACSE:
        return getattr(ber.decode(cos.ACseApdu, octets), _ACSE[tag])
    if tag not in _XDLMS:
        raise DecodeError(f"no APDU has the tag {tag:02X}", 0)
    return axdr.decode(cos.XDlmsApdu, octets)
