"""Passes 3 and 4 of high level security as a service: reply_to_HLS_authentication (Green Book 8.3, 9.2.7.4)."""

from cas.bindings import cosempdu as cos
from cas.cosem.data import OCTET_STRING, Data
from cas.dlms.errors import AuthenticationFailed
from cas.dlms.xdlms.exchange import unexpected

CURRENT_ASSOCIATION = bytes((0, 0, 40, 0, 0, 255))
ASSOCIATION_LN, REPLY_TO_HLS = 15, 1


def reply_to_hls(proof: bytes) -> cos.ActionRequest:
    """Pass 3: our proof, by method 1 of the current association (Blue Book 12, Association LN)."""
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=0,
        cosem_method_descriptor=cos.CosemMethodDescriptor(
            class_id=ASSOCIATION_LN, instance_id=CURRENT_ASSOCIATION, method_id=REPLY_TO_HLS
        ),
        method_invocation_parameters=Data.of("octet-string", proof),
    )
    return cos.ActionRequest(action_request_normal=normal)


def proof_of(answer: object) -> bytes:
    """Pass 4: what the device answers to our challenge. Raises AuthenticationFailed when it refuses."""
    if not isinstance(answer, cos.ActionResponse) or answer.action_response_normal is None:
        raise unexpected(answer, "action-response-normal")
    response = answer.action_response_normal.single_response
    data = response.return_parameters.data if response.return_parameters else None
    if response.result is not cos.ActionResult.SUCCESS or data is None or data.tag != OCTET_STRING:
        raise AuthenticationFailed(
            f"the device refused our proof ({response.result.value}): check the secret or the keys of this device"
        )
    proof = data.value
    return proof if isinstance(proof, bytes) else b""
