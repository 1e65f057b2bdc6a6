"""Read and Write, the services of short name referencing, in blocks where they are long (Green Book 8.3, 9.4.4.7).

A long request goes as blocks of the coded request, each acknowledged by its number; a long answer comes as blocks of
the coded answer, each asked for by the number of the one before.
"""

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms import axdr
from cas.dlms.apdu import encode_apdu
from cas.dlms.errors import BlockError, RequestTooLong
from cas.dlms.xdlms.exchange import Ask, Exchange, Gathering, Limits, blocks, unexpected

_READ_HEAD = 1 + 1 + 1 + 1 + 2 + 5
"""Tag, number of specifications, choice, last-block, block-number, length of raw-data."""
_WRITE_HEAD = _READ_HEAD + 1 + 1 + 5
"""The same, number of data, tag and length of the octet-string."""


def read(ask: Ask, request: cos.ReadRequest, limits: Limits) -> Exchange[object]:
    """Ask and return the answer as a whole. Raises BlockError, DecodeError, RequestTooLong."""
    answer = yield from _send(ask, request, limits)
    block = _block(answer)
    if block is None:
        return answer
    gathering = Gathering(limits.answer)
    while True:
        gathering.take(block.block_number, block.raw_data)
        if block.last_block:
            return axdr.decode(cos.ReadResponse, gathering.whole())
        following = cos.BlockNumberAccess(block_number=block.block_number)
        specification = cos.VariableAccessSpecification(block_number_access=following)
        answer = yield from ask(cos.ReadRequest(variable_access_specification=(specification,)))
        block = _block(answer)
        if block is None:
            if isinstance(answer, cos.ReadResponse) and answer.choice and answer.choice[0].data_access_error is None:
                raise unexpected(answer, "a data-block-result")
            return answer


def write(ask: Ask, request: cos.WriteRequest, limits: Limits) -> Exchange[object]:
    """Ask and return the answer as if the request had fitted one APDU. Raises BlockError, RequestTooLong."""
    return (yield from _send(ask, request, limits))


def _send(ask: Ask, request: cos.ReadRequest | cos.WriteRequest, limits: Limits) -> Exchange[object]:
    octets = encode_apdu(request)
    if len(octets) <= limits.request or limits.general:
        return (yield from ask(request))
    if not limits.split:
        raise RequestTooLong(len(octets), limits.request)
    head = _READ_HEAD if isinstance(request, cos.ReadRequest) else _WRITE_HEAD
    for block in blocks(octets[1:], limits.request - head, limits.request - head):
        answer = yield from ask(_carrying(request, block))
        number = _acknowledged(answer)
        if block.last_block:
            if number is not None:
                raise BlockError("the device asks for more after the last block")
            return answer
        if number is None:  # an error ends the transfer early
            return answer
        if number != block.block_number:
            raise BlockError(f"block {number} acknowledged, {block.block_number} was sent")
    raise AssertionError("there is always a last block")


def _carrying(request: cos.ReadRequest | cos.WriteRequest, block: cos.DataBlockSa) -> object:
    if isinstance(request, cos.ReadRequest):
        part = cos.ReadDataBlockAccess(
            last_block=block.last_block, block_number=block.block_number, raw_data=block.raw_data
        )
        return cos.ReadRequest(
            variable_access_specification=(cos.VariableAccessSpecification(read_data_block_access=part),)
        )
    announced = cos.WriteDataBlockAccess(last_block=block.last_block, block_number=block.block_number)
    specification = cos.VariableAccessSpecification(write_data_block_access=announced)
    return cos.WriteRequest(
        variable_access_specification=cos.ListOfVariableAccessSpecification(
            variable_access_specification=(specification,)
        ),
        list_of_data=cos.ListOfData(data=(Data.of("octet-string", block.raw_data),)),
    )


def _acknowledged(answer: object) -> int | None:
    """The number of the block that an answer acknowledges; None where it is none of that kind."""
    if isinstance(answer, cos.ReadResponse | cos.WriteResponse) and len(answer.choice) == 1:
        return answer.choice[0].block_number
    return None


def _block(answer: object) -> cos.DataBlockResult | None:
    if isinstance(answer, cos.ReadResponse) and len(answer.choice) == 1:
        return answer.choice[0].data_block_result
    return None
