"""Passes 3 and 4 of high level security as a service: reply_to_HLS_authentication (Green Book 8.3, 9.2.7.4)."""

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import OCTET_STRING
from cas.dlms.errors import AuthenticationFailed
from cas.dlms.short_names import ASSOCIATION_SN, as_object_name
from cas.dlms.xdlms.exchange import unexpected

# class 15, method 1 (Blue Book 12, 4.4.4)
_METHOD = cos.CosemMethodDescriptor(class_id=15, instance_id=bytes((0, 0, 40, 0, 0, 255)), method_id=1)
REPLY_NAME = ASSOCIATION_SN + 0x58
"""The short name of class 12, method 8 (Blue Book 12, 4.4.3)."""


def reply_to_hls(proof: bytes, *, short_names: bool) -> cos.ActionRequest | cos.ReadRequest:
    """Pass 3: our proof, by the method of the current association.

    With short names it is read: of their services only a parameterised access has a parameter and returns Data.
    """
    parameter = Data.of("octet-string", proof)
    if short_names:
        access = cos.ParameterizedAccess(variable_name=as_object_name(REPLY_NAME), selector=0, parameter=parameter)
        return cos.ReadRequest(
            variable_access_specification=(cos.VariableAccessSpecification(parameterized_access=access),)
        )
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=0,
        cosem_method_descriptor=_METHOD,
        method_invocation_parameters=parameter,
    )
    return cos.ActionRequest(action_request_normal=normal)


def proof_of(answer: object) -> bytes:
    """Pass 4: what the device answers to our challenge. Raises AuthenticationFailed when it refuses."""
    match answer:
        case cos.ActionResponse(action_response_normal=cos.ActionResponseNormal(single_response=response)):
            result = response.result.value
            data = response.return_parameters.data if response.return_parameters else None
            data = data if response.result is cos.ActionResult.SUCCESS else None
        case cos.ReadResponse(choice=(cos.ReadResponseChoice(data=data, data_access_error=error),)):
            result = error.value if error else "success"
        case _:
            raise unexpected(answer, "the answer to reply_to_HLS_authentication")
    proof = data.value if data is not None and data.tag == OCTET_STRING else None
    if not isinstance(proof, bytes):
        raise AuthenticationFailed(
            f"the device refused our proof ({result}): check the secret or the keys of this device"
        )
    return proof


def proof_in(request: object) -> bytes | None:
    """What a client proves with, as the device sees it; None for any other request."""
    match request:
        case cos.ActionRequest(
            action_request_normal=cos.ActionRequestNormal(
                cosem_method_descriptor=method, method_invocation_parameters=Data() as parameter
            )
        ) if method == _METHOD:
            pass
        case cos.ReadRequest(
            variable_access_specification=(
                cos.VariableAccessSpecification(
                    parameterized_access=cos.ParameterizedAccess(variable_name=number, parameter=parameter)
                ),
            )
        ) if number & 0xFFFF == REPLY_NAME:
            pass
        case _:
            return None
    proof = parameter.value if parameter.tag == OCTET_STRING else b""
    return proof if isinstance(proof, bytes) else b""


def answered(request: object, proof: bytes | None) -> cos.ActionResponse | cos.ReadResponse:
    """The device's answer to such a request: its own proof, or None for a refusal."""
    data = None if proof is None else Data.of("octet-string", proof)
    if isinstance(request, cos.ActionRequest):
        assert request.action_request_normal is not None  # noqa: S101 - there was a proof in it
        single = cos.ActionResponseWithOptionalData(
            result=cos.ActionResult.OTHER_REASON if data is None else cos.ActionResult.SUCCESS,
            return_parameters=None if data is None else cos.GetDataResult(data=data),
        )
        number = request.action_request_normal.invoke_id_and_priority
        normal = cos.ActionResponseNormal(invoke_id_and_priority=number, single_response=single)
        return cos.ActionResponse(action_response_normal=normal)
    refused = cos.DataAccessResult.OTHER_REASON if data is None else None
    return cos.ReadResponse(choice=(cos.ReadResponseChoice(data=data, data_access_error=refused),))
