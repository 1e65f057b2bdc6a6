"""Secrets blanked in APDUs that are recorded or shown: passwords, dedicated keys, new secrets and keys.

An APDU keeps its length and shape, so that a recording can still be read; what was secret reads 00. Protected APDUs
pass as they are: who lacks the keys reads nothing in them.
"""

from dataclasses import replace
from typing import Literal

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import DecodeError
from cas.dlms.security.authentication import Mechanism

_PASSWORD_MECHANISM = f"2.16.756.5.8.2.{Mechanism.LOW:d}"
_ASSOCIATION_LN, _ASSOCIATION_SN, _SECURITY_SETUP = 15, 12, 64
_SECRETS = {(_ASSOCIATION_LN, 7), (_ASSOCIATION_SN, 4)}
"""Attributes that hold a secret: class and number (Blue Book 12)."""
_SECRET_METHODS = {(_ASSOCIATION_LN, 2), (_ASSOCIATION_SN, 8)}
"""Methods that take one: change_HLS_secret. All those of Security setup are blanked besides."""


_SHORT_NAMES = range(0xFA00, 0xFB00)
"""Short names of the association, whose secret and methods are among them (Blue Book 12, 4.1.3)."""
_MAY_HOLD = (0x01, 0x06, 0x60, 0xC1, 0xC3, 0xD9, 0xE0)
"""Tags (Green Book 8.3, 9.5): initiateRequest, writeRequest, AARQ, set-, action-, access-request, general block."""
_BLOCK = 0xE0


def redact(direction: Literal["sent", "received"], apdu: bytes) -> bytes:
    """The APDU with secrets blanked; nothing of one that cannot be understood and might hold some.

    Never raises.
    """
    if not apdu or apdu[0] not in _MAY_HOLD or (apdu[0] == _BLOCK and direction == "received"):
        return apdu
    try:
        found = decode_apdu(apdu)
        blank = _blank(found)
        return apdu if blank is found else encode_apdu(blank)
    except DecodeError:
        return b""


def _blank(body: object) -> object:
    match body:
        case cos.InitiateRequest(dedicated_key=bytes(key)):
            return replace(body, dedicated_key=bytes(len(key)))
        case cos.AarqApdu():
            return _blank_aarq(body)
        case cos.SetRequest():
            return _blank_set(body)
        case cos.ActionRequest():
            return _blank_action(body)
        case cos.AccessRequest():
            return _blank_access(body)
        case cos.WriteRequest():
            return _blank_write(body)
        case cos.GeneralBlockTransfer():  # a piece of an APDU, of which it does not say what it is
            return replace(body, block_data=bytes(len(body.block_data)))
    return body


def _blank_aarq(aarq: cos.AarqApdu) -> cos.AarqApdu:
    value, information = aarq.calling_authentication_value, aarq.user_information
    if aarq.mechanism_name == _PASSWORD_MECHANISM and value is not None and value.charstring is not None:
        value = replace(value, charstring=bytes(len(value.charstring)))
    if information is not None:
        information = redact("sent", information)
    return replace(aarq, calling_authentication_value=value, user_information=information)


def _blank_set(request: cos.SetRequest) -> cos.SetRequest:
    if (normal := request.set_request_normal) is not None and _is_secret(normal.cosem_attribute_descriptor):
        return replace(request, set_request_normal=replace(normal, value=_zeros(normal.value)))
    if (listed := request.set_request_with_list) is not None:
        items = listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
        values = tuple(
            _zeros(value) if _is_secret(item.cosem_attribute_descriptor) else value
            for item, value in zip(items, listed.value_list.data, strict=False)
        )
        return replace(request, set_request_with_list=replace(listed, value_list=cos.ListOfData(data=values)))
    first = request.set_request_with_first_datablock
    if first is not None and _is_secret(first.cosem_attribute_descriptor):
        blank = replace(first.datablock, raw_data=bytes(len(first.datablock.raw_data)))
        return replace(request, set_request_with_first_datablock=replace(first, datablock=blank))
    if (following := request.set_request_with_datablock) is not None:  # of what, it does not say
        blank = replace(following.datablock, raw_data=bytes(len(following.datablock.raw_data)))
        return replace(request, set_request_with_datablock=replace(following, datablock=blank))
    return request


def _blank_action(request: cos.ActionRequest) -> cos.ActionRequest:
    normal = request.action_request_normal
    if normal is not None and _takes_secret(normal.cosem_method_descriptor):
        parameters = normal.method_invocation_parameters
        blank = None if parameters is None else _zeros(parameters)
        return replace(request, action_request_normal=replace(normal, method_invocation_parameters=blank))
    if (listed := request.action_request_with_list) is not None:
        methods = listed.cosem_method_descriptor_list.cosem_method_descriptor
        values = tuple(
            _zeros(value) if _takes_secret(method) else value
            for method, value in zip(methods, listed.method_invocation_parameters.data, strict=False)
        )
        parameters_of_list = cos.ListOfData(data=values)
        return replace(
            request, action_request_with_list=replace(listed, method_invocation_parameters=parameters_of_list)
        )
    first = request.action_request_with_first_pblock
    if first is not None and _takes_secret(first.cosem_method_descriptor):
        pblock = replace(first.pblock, raw_data=bytes(len(first.pblock.raw_data)))
        return replace(request, action_request_with_first_pblock=replace(first, pblock=pblock))
    if (following := request.action_request_with_pblock) is not None:
        pblock = replace(following.pblock, raw_data=bytes(len(following.pblock.raw_data)))
        return replace(request, action_request_with_pblock=replace(following, pblock=pblock))
    return request


def _blank_access(request: cos.AccessRequest) -> cos.AccessRequest:
    body = request.access_request_body
    parts = body.access_request_specification.access_request_specification
    given = body.access_request_list_of_data.data
    values = tuple(_zeros(value) if _asks_secret(part) else value for part, value in zip(parts, given, strict=False))
    if values == given[: len(values)]:
        return request
    listed = cos.ListOfData(data=(*values, *given[len(values) :]))
    return replace(request, access_request_body=replace(body, access_request_list_of_data=listed))


def _asks_secret(part: cos.AccessRequestSpecification) -> bool:
    if (written := part.access_request_set or part.access_request_set_with_selection) is not None:
        return _is_secret(written.cosem_attribute_descriptor)
    return part.access_request_action is not None and _takes_secret(part.access_request_action.cosem_method_descriptor)


def _blank_write(request: cos.WriteRequest) -> cos.WriteRequest:
    parts = request.variable_access_specification.variable_access_specification
    given = request.list_of_data.data
    values = tuple(_zeros(value) if _writes_secret(part) else value for part, value in zip(parts, given, strict=False))
    if values == given[: len(values)]:
        return request
    return replace(request, list_of_data=cos.ListOfData(data=(*values, *given[len(values) :])))


def _writes_secret(part: cos.VariableAccessSpecification) -> bool:
    name = part.variable_name if part.parameterized_access is None else part.parameterized_access.variable_name
    return name is None or name & 0xFFFF in _SHORT_NAMES  # None: a block, of which it does not say what it is


def _is_secret(attribute: cos.CosemAttributeDescriptor) -> bool:
    return (attribute.class_id, attribute.attribute_id) in _SECRETS


def _takes_secret(method: cos.CosemMethodDescriptor) -> bool:
    return method.class_id == _SECURITY_SETUP or (method.class_id, method.method_id) in _SECRET_METHODS


def _zeros(data: Data) -> Data:
    """As many octets, none of them of the value."""
    size = len(data.octets)
    return Data.of("octet-string", bytes(max(0, size - 2 if size < 130 else size - 3 if size < 259 else size - 4)))
