"""ACTION: normal and with-list, request and answer in blocks where they are long (Green Book 8.3, 9.4.4.5, 9.4.6.8)."""

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import DataError
from cas.dlms import axdr
from cas.dlms.apdu import encode_apdu
from cas.dlms.errors import BlockError, DecodeError, RequestTooLong
from cas.dlms.xdlms.exchange import Ask, Exchange, Gathering, Limits, blocks, unexpected

_BLOCK_HEAD = 1 + 1 + 1 + 1 + 4 + 5  # tag, choice, invoke-id, last-block, block-number, length of raw-data


def action(ask: Ask, request: cos.ActionRequest, limits: Limits) -> Exchange[object]:
    """Ask and return the answer as a whole; pblocks never show outside.

    Raises BlockError, DecodeError, RequestTooLong.
    """
    answer = yield from _send(ask, request, limits)
    if not isinstance(answer, cos.ActionResponse) or answer.action_response_with_pblock is None:
        return answer
    gathering = Gathering(limits.answer)
    while True:
        blocked = answer.action_response_with_pblock
        if blocked is None:
            raise unexpected(answer, "action-response-with-pblock")
        block, ip = blocked.pblock, blocked.invoke_id_and_priority
        gathering.take(block.block_number, block.raw_data)
        if block.last_block:
            return _assemble(request, ip, gathering.whole())
        following = cos.ActionRequestNextPblock(invoke_id_and_priority=ip, block_number=block.block_number)
        answer = yield from ask(cos.ActionRequest(action_request_next_pblock=following))
        if not isinstance(answer, cos.ActionResponse):
            return answer


def _send(ask: Ask, request: cos.ActionRequest, limits: Limits) -> Exchange[object]:
    octets = len(encode_apdu(request))
    if octets <= limits.request or limits.general:
        return (yield from ask(request))
    raw = _raw(request)
    if raw is None or not limits.split:
        raise RequestTooLong(octets, limits.request)
    parts = blocks(raw, limits.request - (octets - len(raw)) - _BLOCK_HEAD, limits.request - _BLOCK_HEAD)
    block = next(parts)
    body = _first(request, block)
    while True:
        answer = yield from ask(body)
        if not isinstance(answer, cos.ActionResponse):
            return answer
        acknowledged = answer.action_response_next_pblock
        if acknowledged is None:
            return answer
        if block.last_block:
            raise BlockError("the device asks for more after the last block")
        if acknowledged.block_number != block.block_number:
            raise BlockError(f"block {acknowledged.block_number} acknowledged, {block.block_number} was sent")
        block = next(parts)
        following = cos.ActionRequestWithPblock(
            invoke_id_and_priority=acknowledged.invoke_id_and_priority, pblock=block
        )
        body = cos.ActionRequest(action_request_with_pblock=following)


def _raw(request: cos.ActionRequest) -> bytes | None:
    """What can go in blocks: the parameters, if there are any."""
    if (normal := request.action_request_normal) is not None and normal.method_invocation_parameters is not None:
        return normal.method_invocation_parameters.octets
    if (listed := request.action_request_with_list) is not None:
        return axdr.encode(listed.method_invocation_parameters)
    return None


def _first(request: cos.ActionRequest, block: cos.DataBlockSa) -> cos.ActionRequest:
    if (normal := request.action_request_normal) is not None:
        first = cos.ActionRequestWithFirstPblock(
            invoke_id_and_priority=normal.invoke_id_and_priority,
            cosem_method_descriptor=normal.cosem_method_descriptor,
            pblock=block,
        )
        return cos.ActionRequest(action_request_with_first_pblock=first)
    if (listed := request.action_request_with_list) is not None:
        first_of_list = cos.ActionRequestWithListAndFirstPblock(
            invoke_id_and_priority=listed.invoke_id_and_priority,
            cosem_method_descriptor_list=listed.cosem_method_descriptor_list,
            pblock=block,
        )
        return cos.ActionRequest(action_request_with_list_and_first_pblock=first_of_list)
    raise unexpected(request, "action-request-normal or -with-list")


def _assemble(request: cos.ActionRequest, ip: int, raw: bytes) -> cos.ActionResponse:
    if request.action_request_with_list is not None:
        responses = axdr.decode(cos.ListOfActionResponseWithOptionalData, raw)
        listed = cos.ActionResponseWithList(invoke_id_and_priority=ip, list_of_responses=responses)
        return cos.ActionResponse(action_response_with_list=listed)
    normal = cos.ActionResponseNormal(invoke_id_and_priority=ip, single_response=_single(raw))
    return cos.ActionResponse(action_response_normal=normal)


def _single(raw: bytes) -> cos.ActionResponseWithOptionalData:
    """What the blocks hold: the whole response, or with some devices its return parameters or their Data alone.

    The standard leaves it open; as only what is long comes in blocks, no octets fit two of these.
    """
    try:
        return axdr.decode(cos.ActionResponseWithOptionalData, raw)
    except DecodeError as error:
        returned = _returned(raw)
        if returned is None:
            raise error from None
        return cos.ActionResponseWithOptionalData(result=cos.ActionResult.SUCCESS, return_parameters=returned)


def _returned(raw: bytes) -> cos.GetDataResult | None:
    try:
        return cos.GetDataResult(data=Data.decode(raw))
    except DataError:
        pass
    try:
        return axdr.decode(cos.GetDataResult, raw)
    except DecodeError:
        return None
