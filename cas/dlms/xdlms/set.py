"""SET: normal and with-list, the request in blocks where it is long (Green Book 8.3, 9.4.4.4 and 9.4.6.7)."""

from cas.bindings import cosempdu as cos
from cas.dlms import axdr
from cas.dlms.apdu import encode_apdu
from cas.dlms.errors import BlockError, RequestTooLong
from cas.dlms.xdlms.exchange import Ask, Exchange, Limits, blocks, unexpected

_BLOCK_HEAD = 1 + 1 + 1 + 1 + 4 + 5  # tag, choice, invoke-id, last-block, block-number, length of raw-data


def set_(ask: Ask, request: cos.SetRequest, limits: Limits) -> Exchange[object]:
    """Ask and return the answer as if the request had fitted one APDU.

    Raises BlockError when the device acknowledges another block, RequestTooLong when not even the descriptor fits.
    """
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
        if not isinstance(answer, cos.SetResponse):
            return answer
        acknowledged = answer.set_response_datablock
        if acknowledged is None or block.last_block:
            return _whole(answer, block.block_number)
        if acknowledged.block_number != block.block_number:
            raise BlockError(f"block {acknowledged.block_number} acknowledged, {block.block_number} was sent")
        block = next(parts)
        following = cos.SetRequestWithDatablock(
            invoke_id_and_priority=acknowledged.invoke_id_and_priority, datablock=block
        )
        body = cos.SetRequest(set_request_with_datablock=following)


def _raw(request: cos.SetRequest) -> bytes | None:
    """What can go in blocks."""
    if request.set_request_normal is not None:
        return request.set_request_normal.value.octets
    if request.set_request_with_list is not None:
        return axdr.encode(request.set_request_with_list.value_list)
    return None


def _first(request: cos.SetRequest, block: cos.DataBlockSa) -> cos.SetRequest:
    if (normal := request.set_request_normal) is not None:
        first = cos.SetRequestWithFirstDatablock(
            invoke_id_and_priority=normal.invoke_id_and_priority,
            cosem_attribute_descriptor=normal.cosem_attribute_descriptor,
            access_selection=normal.access_selection,
            datablock=block,
        )
        return cos.SetRequest(set_request_with_first_datablock=first)
    if (listed := request.set_request_with_list) is not None:
        first_of_list = cos.SetRequestWithListAndFirstDatablock(
            invoke_id_and_priority=listed.invoke_id_and_priority,
            attribute_descriptor_list=listed.attribute_descriptor_list,
            datablock=block,
        )
        return cos.SetRequest(set_request_with_list_and_first_datablock=first_of_list)
    raise unexpected(request, "set-request-normal or -with-list")


def _whole(answer: cos.SetResponse, sent: int) -> cos.SetResponse:
    """The answer to the last block, as the answer to the whole; a device may end the transfer early with its reason."""
    ended = answer.set_response_last_datablock or answer.set_response_last_datablock_with_list
    if ended is not None and ended.block_number != sent:
        raise BlockError(f"block {ended.block_number} acknowledged as the last, {sent} was sent")
    if (last := answer.set_response_last_datablock) is not None:
        normal = cos.SetResponseNormal(invoke_id_and_priority=last.invoke_id_and_priority, result=last.result)
        return cos.SetResponse(set_response_normal=normal)
    if (last_of_list := answer.set_response_last_datablock_with_list) is not None:
        listed = cos.SetResponseWithList(
            invoke_id_and_priority=last_of_list.invoke_id_and_priority, result=last_of_list.result
        )
        return cos.SetResponse(set_response_with_list=listed)
    if answer.set_response_datablock is not None:
        raise BlockError("the device asks for more after the last block")
    return answer
