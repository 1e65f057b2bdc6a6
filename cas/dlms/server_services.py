"""The services as a server gives them: GET, SET, ACTION, ACCESS, in blocks where they are long (Green Book 8.3, 9.3).

`Services` belongs to one association, and remembers at most one long transfer of each kind: a new request of that
kind ends the one before. What is behind the services is an `Application`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import DataError
from cas.cosem.scanning import length
from cas.dlms import axdr
from cas.dlms.conformance import Conformance
from cas.dlms.errors import BlockError, DecodeError, DlmsError, RequestTooLong, ServiceNotSupported
from cas.dlms.xdlms.exchange import Gathering, blocks

CONFIRMED = 0x40
"""Bit of invoke-id-and-priority; a request without it is served and not answered."""
_LONG_CONFIRMED = 0x4000_0000
_MAX_GATHERED = 1 << 20
"""Octets of the longest request in blocks."""
_GET_HEAD = 1 + 1 + 1 + 1
"""Tag, choice, invoke-id, choice of the result."""
UNLIMITED = 0xFFFF
"""Octets of the longest APDU where a client sets no limit."""
_BLOCK_HEAD = 1 + 1 + 1 + 1 + 4 + 1
"""Tag, choice, invoke-id, last-block, block-number, choice of raw-data; the length of raw-data comes on top."""
_ACTION_HEAD = 3
_WHOLE_OBJECT = 0
"""The attribute-id that means all attributes of an object."""


class Application(Protocol):
    """The logical device behind an association, as this client may see it."""

    def admit(self) -> bool:
        """Whether an association may be opened now; False is a transient refusal."""
        ...

    def closed(self) -> None:
        """Hear that an association that was admitted has ended."""
        ...

    def refused(self, error: DlmsError) -> None:
        """Hear of an APDU that was refused, and why."""
        ...

    def read(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None
    ) -> Data | cos.DataAccessResult:
        """The value of an attribute, or why there is none."""
        ...

    def write(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None, value: Data
    ) -> cos.DataAccessResult:
        """Set an attribute."""
        ...

    def invoke(
        self, method: cos.CosemMethodDescriptor, parameters: Data | None
    ) -> tuple[cos.ActionResult, Data | None]:
        """Run a method; the data are its return parameters."""
        ...


@dataclass(frozen=True, slots=True)
class _Incoming:
    """A request that arrives in blocks: for what, and what has come of its raw data."""

    attributes: Sequence[cos.CosemAttributeDescriptorWithSelection] = ()
    methods: Sequence[cos.CosemMethodDescriptor] = ()
    listed: bool = False
    gathering: Gathering = field(default_factory=lambda: Gathering(_MAX_GATHERED))

    def values(self) -> Sequence[Data]:
        """The values, when all blocks have come. Raises DecodeError."""
        whole = self.gathering.whole()
        if self.listed:
            return axdr.decode(cos.ListOfData, whole).data
        try:
            return (Data.decode(whole),)
        except DataError as error:
            raise DecodeError(error.reason, error.offset, "raw-data") from None


@dataclass(slots=True)
class _Outgoing:
    """An answer that leaves in blocks, and the number of the block that was sent last."""

    blocks: Iterator[cos.DataBlockSa]
    sent: int = 0

    def next(self) -> cos.DataBlockSa:
        """The next block."""
        block = next(self.blocks)
        self.sent = block.block_number
        return block


class Services:
    """What a server does for one association.

    `limit` is the longest answer in octets, before it is protected, and set for each request; longer ones go in blocks
    of their service, or of general block transfer where there is no such service, or `general_blocks` prefers it.
    """

    def __init__(self, application: Application, conformance: Conformance, *, general_blocks: bool = False) -> None:
        self._application = application
        self._conformance = conformance
        self.limit = UNLIMITED
        self.has_blocks = Conformance.GENERAL_BLOCK_TRANSFER in conformance
        """Whether answers of any length may leave, as general block transfer was agreed."""
        self._prefers_general = general_blocks
        self._get: _Outgoing | None = None
        self._set: _Incoming | None = None
        self._action: _Incoming | None = None
        self._action_answer: _Outgoing | None = None

    def serve(self, request: object) -> object | None:
        """The answer to a request, None where none is wanted.

        Raises ServiceNotSupported for what was not negotiated, DecodeError, RequestTooLong when the answer is too long.
        """
        served = self._SERVED.get(type(request))
        if served is None:
            raise ServiceNotSupported(type(request).__name__)
        conformance, serve = served
        self._need(conformance)
        return serve(self, request)

    def _need(self, conformance: Conformance) -> None:
        if conformance not in self._conformance:
            missing = conformance & ~self._conformance
            raise ServiceNotSupported(", ".join(missing.names()))

    def _fits(self, size: int, service: Conformance) -> bool:
        """Whether an answer of so many octets leaves as a whole, be it in blocks that the service does not see."""
        in_general = self.has_blocks and (self._prefers_general or service not in self._conformance)
        return size <= self.limit or in_general

    def _cut(self, raw: bytes, service: Conformance) -> _Outgoing:
        """The blocks of an answer that exceeds the limit. Raises RequestTooLong where blocks were not negotiated."""
        if service not in self._conformance:
            raise RequestTooLong(len(raw), self.limit)
        room = self.limit - _BLOCK_HEAD - len(length(self.limit))
        return _Outgoing(blocks(raw, room, room))

    # ---------------------------------------------------------------- GET

    def _serve_get(self, request: cos.GetRequest) -> cos.GetResponse:
        if (following := request.get_request_next) is not None:
            return self._get_next(following)
        self._get = None
        if (normal := request.get_request_normal) is not None:
            return self._get_normal(normal)
        self._need(Conformance.MULTIPLE_REFERENCES)
        listed = request.get_request_with_list
        assert listed is not None  # noqa: S101 - the codec sees to it that one alternative is set
        items = listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
        results = cos.ListOfGetDataResult(
            get_data_result=tuple(self._read(item.cosem_attribute_descriptor, item.access_selection) for item in items)
        )
        raw = axdr.encode(results)
        ip = listed.invoke_id_and_priority
        if not self._fits(len(raw) + _ACTION_HEAD, Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ):
            return self._get_block(ip, self._cut(raw, Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ))
        return cos.GetResponse(
            get_response_with_list=cos.GetResponseWithList(invoke_id_and_priority=ip, result=results)
        )

    def _get_normal(self, normal: cos.GetRequestNormal) -> cos.GetResponse:
        result = self._read(normal.cosem_attribute_descriptor, normal.access_selection)
        ip = normal.invoke_id_and_priority
        service = Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
        if result.data is not None and not self._fits(len(result.data.octets) + _GET_HEAD, service):
            return self._get_block(ip, self._cut(result.data.octets, Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ))
        return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=ip, result=result))

    def _get_next(self, following: cos.GetRequestNext) -> cos.GetResponse:
        outgoing, ip = self._get, following.invoke_id_and_priority
        if outgoing is None:
            return _get_failed(ip, following.block_number, cos.DataAccessResult.NO_LONG_GET_IN_PROGRESS)
        if following.block_number != outgoing.sent:
            self._get = None
            return _get_failed(ip, following.block_number, cos.DataAccessResult.DATA_BLOCK_NUMBER_INVALID)
        return self._get_block(ip, outgoing)

    def _get_block(self, ip: int, outgoing: _Outgoing) -> cos.GetResponse:
        block = outgoing.next()
        self._get = None if block.last_block else outgoing
        return _get_response(ip, block.last_block, block.block_number, cos.DataBlockGResult(raw_data=block.raw_data))

    def _read(
        self, attribute: cos.CosemAttributeDescriptor, selection: cos.SelectiveAccessDescriptor | None
    ) -> cos.GetDataResult:
        if selection is not None and Conformance.SELECTIVE_ACCESS not in self._conformance:
            return cos.GetDataResult(data_access_result=cos.DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        whole_object = attribute.attribute_id == _WHOLE_OBJECT
        if whole_object and Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET not in self._conformance:
            return cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNDEFINED)
        found = self._application.read(attribute, selection)
        if isinstance(found, Data):
            return cos.GetDataResult(data=found)
        return cos.GetDataResult(data_access_result=found)

    # ---------------------------------------------------------------- SET

    def _serve_set(self, request: cos.SetRequest) -> cos.SetResponse | None:
        if (block := request.set_request_with_datablock) is not None:
            return self._set_block(block.invoke_id_and_priority, block.datablock)
        self._set = None
        if (normal := request.set_request_normal) is not None:
            result = self._write(normal.cosem_attribute_descriptor, normal.access_selection, normal.value)
            ip = normal.invoke_id_and_priority
            response = cos.SetResponseNormal(invoke_id_and_priority=ip, result=result)
            return cos.SetResponse(set_response_normal=response) if ip & CONFIRMED else None
        if (first := request.set_request_with_first_datablock) is not None:
            target = cos.CosemAttributeDescriptorWithSelection(
                cosem_attribute_descriptor=first.cosem_attribute_descriptor, access_selection=first.access_selection
            )
            return self._set_first(first.invoke_id_and_priority, first.datablock, _Incoming(attributes=(target,)))
        self._need(Conformance.MULTIPLE_REFERENCES)
        if (listed := request.set_request_with_list_and_first_datablock) is not None:
            targets = listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
            incoming = _Incoming(attributes=targets, listed=True)
            return self._set_first(listed.invoke_id_and_priority, listed.datablock, incoming)
        whole = request.set_request_with_list
        assert whole is not None  # noqa: S101 - the codec sees to it that one alternative is set
        targets = whole.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
        results = self._write_all(targets, whole.value_list.data)
        ip = whole.invoke_id_and_priority
        answer = cos.SetResponseWithList(invoke_id_and_priority=ip, result=results)
        return cos.SetResponse(set_response_with_list=answer) if ip & CONFIRMED else None

    def _set_first(self, ip: int, block: cos.DataBlockSa, incoming: _Incoming) -> cos.SetResponse | None:
        self._need(Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE)
        self._set = incoming
        return self._set_block(ip, block)

    def _set_block(self, ip: int, block: cos.DataBlockSa) -> cos.SetResponse | None:
        incoming, number = self._set, block.block_number
        if incoming is None:
            return _set_last(ip, number, cos.DataAccessResult.NO_LONG_SET_IN_PROGRESS)
        try:
            incoming.gathering.take(number, block.raw_data)
        except BlockError:
            self._set = None
            return _set_last(ip, number, cos.DataAccessResult.DATA_BLOCK_NUMBER_INVALID)
        if not block.last_block:
            acknowledged = cos.SetResponseDatablock(invoke_id_and_priority=ip, block_number=number)
            return cos.SetResponse(set_response_datablock=acknowledged) if ip & CONFIRMED else None
        self._set = None
        try:
            results = self._write_all(incoming.attributes, incoming.values())
        except DecodeError:
            return _set_last(ip, number, cos.DataAccessResult.LONG_SET_ABORTED)
        if not ip & CONFIRMED:
            return None
        if incoming.listed:
            last = cos.SetResponseLastDatablockWithList(invoke_id_and_priority=ip, result=results, block_number=number)
            return cos.SetResponse(set_response_last_datablock_with_list=last)
        return _set_last(ip, number, results.data_access_result[0])

    def _write_all(
        self, targets: Sequence[cos.CosemAttributeDescriptorWithSelection], values: Sequence[Data]
    ) -> cos.ListOfDataAccessResult:
        if len(targets) != len(values):
            raise DecodeError(f"{len(values)} values for {len(targets)} attributes", path="value-list")
        return cos.ListOfDataAccessResult(
            data_access_result=tuple(
                self._write(target.cosem_attribute_descriptor, target.access_selection, value)
                for target, value in zip(targets, values, strict=True)
            )
        )

    def _write(
        self,
        attribute: cos.CosemAttributeDescriptor,
        selection: cos.SelectiveAccessDescriptor | None,
        value: Data,
    ) -> cos.DataAccessResult:
        whole_object = attribute.attribute_id == _WHOLE_OBJECT
        if whole_object and Conformance.ATTRIBUTE0_SUPPORTED_WITH_SET not in self._conformance:
            return cos.DataAccessResult.OBJECT_UNDEFINED
        return self._application.write(attribute, selection, value)

    # ---------------------------------------------------------------- ACTION

    def _serve_action(self, request: cos.ActionRequest) -> cos.ActionResponse | None:
        if (following := request.action_request_next_pblock) is not None:
            return self._action_next(following.invoke_id_and_priority, following.block_number)
        self._action_answer = None
        if (block := request.action_request_with_pblock) is not None:
            return self._action_block(block.invoke_id_and_priority, block.pblock)
        self._action = None
        if (normal := request.action_request_normal) is not None:
            response = self._invoke(normal.cosem_method_descriptor, normal.method_invocation_parameters)
            return self._action_response(normal.invoke_id_and_priority, (response,), listed=False)
        if (first := request.action_request_with_first_pblock) is not None:
            incoming = _Incoming(methods=(first.cosem_method_descriptor,))
            return self._action_first(first.invoke_id_and_priority, first.pblock, incoming)
        self._need(Conformance.MULTIPLE_REFERENCES)
        if (listed := request.action_request_with_list_and_first_pblock) is not None:
            methods = listed.cosem_method_descriptor_list.cosem_method_descriptor
            incoming = _Incoming(methods=methods, listed=True)
            return self._action_first(listed.invoke_id_and_priority, listed.pblock, incoming)
        whole = request.action_request_with_list
        assert whole is not None  # noqa: S101 - the codec sees to it that one alternative is set
        responses = self._invoke_all(
            whole.cosem_method_descriptor_list.cosem_method_descriptor, whole.method_invocation_parameters.data
        )
        return self._action_response(whole.invoke_id_and_priority, responses, listed=True)

    def _action_first(self, ip: int, block: cos.DataBlockSa, incoming: _Incoming) -> cos.ActionResponse | None:
        self._need(Conformance.BLOCK_TRANSFER_WITH_ACTION)
        self._action = incoming
        return self._action_block(ip, block)

    def _action_block(self, ip: int, block: cos.DataBlockSa) -> cos.ActionResponse | None:
        incoming, number = self._action, block.block_number
        if incoming is None:
            return _action_failed(ip, cos.ActionResult.NO_LONG_ACTION_IN_PROGRESS)
        try:
            incoming.gathering.take(number, block.raw_data)
        except BlockError:
            self._action = None
            return _action_failed(ip, cos.ActionResult.LONG_ACTION_ABORTED)
        if not block.last_block:
            acknowledged = cos.ActionResponseNextPblock(invoke_id_and_priority=ip, block_number=number)
            return cos.ActionResponse(action_response_next_pblock=acknowledged)
        self._action = None
        try:
            responses = self._invoke_all(incoming.methods, incoming.values())
        except DecodeError:
            return _action_failed(ip, cos.ActionResult.LONG_ACTION_ABORTED)
        return self._action_response(ip, responses, listed=incoming.listed)

    def _action_next(self, ip: int, number: int) -> cos.ActionResponse:
        outgoing = self._action_answer
        if outgoing is None:
            return _action_failed(ip, cos.ActionResult.NO_LONG_ACTION_IN_PROGRESS)
        if number != outgoing.sent:
            self._action_answer = None
            return _action_failed(ip, cos.ActionResult.LONG_ACTION_ABORTED)
        return self._action_answer_block(ip, outgoing)

    def _action_answer_block(self, ip: int, outgoing: _Outgoing) -> cos.ActionResponse:
        block = outgoing.next()
        self._action_answer = None if block.last_block else outgoing
        pblock = cos.ActionResponseWithPblock(invoke_id_and_priority=ip, pblock=block)
        return cos.ActionResponse(action_response_with_pblock=pblock)

    def _action_response(
        self, ip: int, responses: Sequence[cos.ActionResponseWithOptionalData], *, listed: bool
    ) -> cos.ActionResponse | None:
        if not ip & CONFIRMED:
            return None
        list_of = cos.ListOfActionResponseWithOptionalData(action_response_with_optional_data=tuple(responses))
        raw = axdr.encode(list_of if listed else responses[0])
        if not self._fits(len(raw) + _ACTION_HEAD, Conformance.BLOCK_TRANSFER_WITH_ACTION):
            return self._action_answer_block(ip, self._cut(raw, Conformance.BLOCK_TRANSFER_WITH_ACTION))
        if listed:
            answer = cos.ActionResponseWithList(invoke_id_and_priority=ip, list_of_responses=list_of)
            return cos.ActionResponse(action_response_with_list=answer)
        return _action_response_normal(ip, responses[0])

    def _invoke_all(
        self, methods: Sequence[cos.CosemMethodDescriptor], parameters: Sequence[Data]
    ) -> Sequence[cos.ActionResponseWithOptionalData]:
        if len(methods) != len(parameters):
            raise DecodeError(f"{len(parameters)} parameters for {len(methods)} methods")
        return [self._invoke(method, one) for method, one in zip(methods, parameters, strict=True)]

    def _invoke(self, method: cos.CosemMethodDescriptor, parameters: Data | None) -> cos.ActionResponseWithOptionalData:
        result, data = self._application.invoke(method, parameters)
        returned = None if data is None else cos.GetDataResult(data=data)
        return cos.ActionResponseWithOptionalData(result=result, return_parameters=returned)

    # ---------------------------------------------------------------- ACCESS

    def _serve_access(self, request: cos.AccessRequest) -> cos.AccessResponse | None:
        body = request.access_request_body
        specifications = body.access_request_specification.access_request_specification
        values = body.access_request_list_of_data.data
        if len(specifications) != len(values):
            raise DecodeError(f"{len(values)} data for {len(specifications)} specifications")
        answers = [self._access(one, value) for one, value in zip(specifications, values, strict=True)]
        if not request.long_invoke_id_and_priority & _LONG_CONFIRMED:
            return None
        response = cos.AccessResponse(
            long_invoke_id_and_priority=request.long_invoke_id_and_priority,
            date_time=b"",
            access_response_body=cos.AccessResponseBody(
                access_response_list_of_data=cos.ListOfData(data=tuple(data for data, _ in answers)),
                access_response_specification=cos.ListOfAccessResponseSpecification(
                    access_response_specification=tuple(specification for _, specification in answers)
                ),
            ),
        )
        if (size := len(axdr.encode(response)) + 1) > self.limit and not self.has_blocks:
            raise RequestTooLong(size, self.limit)
        return response

    def _access(
        self, specification: cos.AccessRequestSpecification, value: Data
    ) -> tuple[Data, cos.AccessResponseSpecification]:
        null = Data.of("null-data")
        if (action := specification.access_request_action) is not None:
            result, returned = self._application.invoke(action.cosem_method_descriptor, value)
            done = cos.AccessResponseAction(result=result)
            return returned or null, cos.AccessResponseSpecification(access_response_action=done)
        setting = specification.access_request_set or specification.access_request_set_with_selection
        if setting is not None:
            selection = getattr(setting, "access_selection", None)
            written = self._write(setting.cosem_attribute_descriptor, selection, value)
            return null, cos.AccessResponseSpecification(access_response_set=cos.AccessResponseSet(result=written))
        getting = specification.access_request_get or specification.access_request_get_with_selection
        assert getting is not None  # noqa: S101 - the codec sees to it that one alternative is set
        read = self._read(getting.cosem_attribute_descriptor, getattr(getting, "access_selection", None))
        found = read.data_access_result or cos.DataAccessResult.SUCCESS
        return read.data or null, cos.AccessResponseSpecification(
            access_response_get=cos.AccessResponseGet(result=found)
        )

    _SERVED: ClassVar[Mapping[type, tuple[Conformance, Callable[..., object | None]]]] = {
        cos.GetRequest: (Conformance.GET, _serve_get),
        cos.SetRequest: (Conformance.SET, _serve_set),
        cos.ActionRequest: (Conformance.ACTION, _serve_action),
        cos.AccessRequest: (Conformance.ACCESS, _serve_access),
    }


def _get_response(ip: int, last: bool, number: int, result: cos.DataBlockGResult) -> cos.GetResponse:
    block = cos.DataBlockG(last_block=last, block_number=number, result=result)
    return cos.GetResponse(
        get_response_with_datablock=cos.GetResponseWithDatablock(invoke_id_and_priority=ip, result=block)
    )


def _get_failed(ip: int, number: int, reason: cos.DataAccessResult) -> cos.GetResponse:
    return _get_response(ip, True, number, cos.DataBlockGResult(data_access_result=reason))


def _set_last(ip: int, number: int, result: cos.DataAccessResult) -> cos.SetResponse:
    last = cos.SetResponseLastDatablock(invoke_id_and_priority=ip, result=result, block_number=number)
    return cos.SetResponse(set_response_last_datablock=last)


def _action_failed(ip: int, result: cos.ActionResult) -> cos.ActionResponse:
    return _action_response_normal(ip, cos.ActionResponseWithOptionalData(result=result))


def _action_response_normal(ip: int, response: cos.ActionResponseWithOptionalData) -> cos.ActionResponse:
    normal = cos.ActionResponseNormal(invoke_id_and_priority=ip, single_response=response)
    return cos.ActionResponse(action_response_normal=normal)
