"""GET, normal and with-list, whose answer is long: gathered from its blocks (Green Book 8.3, 9.4.4.3 and 9.4.6.6)."""

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import DataError
from cas.dlms import axdr
from cas.dlms.errors import DecodeError
from cas.dlms.xdlms.exchange import Ask, Exchange, Gathering, unexpected


def gather(ask: Ask, request: cos.GetRequest, answer: cos.GetResponse, limit: int) -> Exchange[object]:
    """Return an answer that begins in blocks as a whole, of up to `limit` octets: they never show outside.

    Raises BlockError when blocks come out of order or without end, DecodeError when they make up no answer.
    """
    gathering = Gathering(limit)
    while True:
        blocked = answer.get_response_with_datablock
        if blocked is None:
            raise unexpected(answer, "get-response-with-datablock")
        block, ip = blocked.result, blocked.invoke_id_and_priority
        if block.result.raw_data is None:  # the device gave up: long-get-aborted and the like
            return _failed(request, ip, block.result.data_access_result)
        gathering.take(block.block_number, block.result.raw_data)
        if block.last_block:
            return _assemble(request, ip, gathering.whole())
        following = cos.GetRequestNext(invoke_id_and_priority=ip, block_number=block.block_number)
        found = yield from ask(cos.GetRequest(get_request_next=following))
        if not isinstance(found, cos.GetResponse):
            return found
        answer = found


def _assemble(request: cos.GetRequest, ip: int, raw: bytes) -> cos.GetResponse:
    if request.get_request_with_list is not None:
        results = axdr.decode(cos.ListOfGetDataResult, raw)
        return cos.GetResponse(
            get_response_with_list=cos.GetResponseWithList(invoke_id_and_priority=ip, result=results)
        )
    try:
        result = cos.GetDataResult(data=Data.decode(raw))
    except DataError as error:
        raise DecodeError(error.reason, error.offset, "blocks of get-response") from None
    return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=ip, result=result))


def _failed(request: cos.GetRequest, ip: int, reason: cos.DataAccessResult | None) -> cos.GetResponse:
    result = cos.GetDataResult(data_access_result=reason)
    if (listed := request.get_request_with_list) is not None:
        count = len(listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection)
        results = cos.ListOfGetDataResult(get_data_result=(result,) * count)
        return cos.GetResponse(
            get_response_with_list=cos.GetResponseWithList(invoke_id_and_priority=ip, result=results)
        )
    return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=ip, result=result))
