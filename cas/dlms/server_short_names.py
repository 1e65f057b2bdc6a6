"""Read and Write as a server gives them, which refers to its objects by short names (Green Book 8.3, 9.4.4.7).

What is behind is the same `Application` as with logical names: each object of its object list gets a base name, in the
order of the list, and the list is told as the object_list of Association SN (Blue Book 12, 4.4.3).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import ARRAY
from cas.dlms import axdr
from cas.dlms.conformance import Conformance
from cas.dlms.errors import BlockError, DecodeError, RequestTooLong, ServiceNotSupported
from cas.dlms.server_services import UNLIMITED, Application
from cas.dlms.short_names import ASSOCIATION_SN, STEP, as_object_name, method_at
from cas.dlms.xdlms.exchange import Gathering, blocks

_FIRST_BASE, _SPACING = 0x2000, 0x100
_CURRENT = bytes((0, 0, 40, 0, 0, 255))
_ASSOCIATION_LN, _ASSOCIATION_SN_CLASS, _OBJECT_LIST = 15, 12, 2
_BLOCK_HEAD = 1 + 1 + 1 + 1 + 2 + 5
_MAX_GATHERED = 1 << 20
_UNDEFINED = cos.DataAccessResult.OBJECT_UNDEFINED


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that the client may see; `rights` as the object_list of Association LN has them."""

    class_id: int
    version: int
    logical_name: bytes
    rights: Sequence[Data]


@dataclass(frozen=True, slots=True)
class _Target:
    """What stands at a short name: an attribute, or a method."""

    class_id: int
    logical_name: bytes
    attribute: int = 0
    method: int = 0


class ShortServices:
    """What a server does for one association with short names.

    `limit`: octets of the longest answer, before it is protected; set for each request.
    """

    def __init__(self, application: Application, conformance: Conformance) -> None:
        self._application = application
        self._conformance = conformance
        self.limit = UNLIMITED
        self._objects = dict(_objects(application))
        self._reading: Iterator[cos.DataBlockSa] | None = None
        self._sent = 0
        self._incoming: Gathering | None = None

    @property
    def has_blocks(self) -> bool:
        """Whether general block transfer was agreed."""
        return Conformance.GENERAL_BLOCK_TRANSFER in self._conformance

    def serve(self, request: object) -> object | None:
        """The answer to a request, None where none is wanted. Raises ServiceNotSupported, DecodeError."""
        match request:
            case cos.ReadRequest():
                self._need(Conformance.READ)
                return self._serve_read(request)
            case cos.WriteRequest():
                self._need(Conformance.WRITE)
                return self._serve_write(request)
            case cos.UnconfirmedWriteRequest():
                self._need(Conformance.UNCONFIRMED_WRITE)
                self._write_all(request.variable_access_specification, request.list_of_data)
                return None
            case _:
                raise ServiceNotSupported(type(request).__name__)

    def _need(self, conformance: Conformance) -> None:
        if missing := conformance & ~self._conformance:
            raise ServiceNotSupported(", ".join(missing.names()))

    # ---------------------------------------------------------------- Read

    def _serve_read(self, request: cos.ReadRequest) -> cos.ReadResponse:
        specifications = request.variable_access_specification
        if len(specifications) == 1:
            if (following := specifications[0].block_number_access) is not None:
                return self._next(following.block_number)
            if (part := specifications[0].read_data_block_access) is not None:
                whole = self._gather(part.block_number, part.raw_data, last=part.last_block)
                if isinstance(whole, cos.DataAccessResult):
                    return _read_one(cos.ReadResponseChoice(data_access_error=whole))
                if whole is None:
                    return _read_one(cos.ReadResponseChoice(block_number=part.block_number))
                specifications = axdr.decode(cos.ReadRequest, whole).variable_access_specification
        if len(specifications) > 1:
            self._need(Conformance.MULTIPLE_REFERENCES)
        response = cos.ReadResponse(choice=tuple(map(self._read, specifications)))
        raw = axdr.encode(response)
        has_own_blocks = Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ in self._conformance
        if (size := len(raw) + 1) <= self.limit or (self.has_blocks and not has_own_blocks):
            return response
        if not has_own_blocks:
            raise RequestTooLong(size, self.limit)
        room = self.limit - _BLOCK_HEAD
        self._reading, self._sent = blocks(raw, room, room), 0
        return self._next(0)

    def _next(self, number: int) -> cos.ReadResponse:
        if self._reading is None or number != self._sent:
            self._reading = None
            wrong = cos.DataAccessResult.DATA_BLOCK_NUMBER_INVALID
            return _read_one(cos.ReadResponseChoice(data_access_error=wrong))
        block = next(self._reading)
        self._sent = block.block_number
        if block.last_block:
            self._reading = None
        result = cos.DataBlockResult(
            last_block=block.last_block, block_number=block.block_number, raw_data=block.raw_data
        )
        return _read_one(cos.ReadResponseChoice(data_block_result=result))

    def _read(self, specification: cos.VariableAccessSpecification) -> cos.ReadResponseChoice:
        name, selection = _named(specification)
        if selection is not None:
            self._need(Conformance.PARAMETERIZED_ACCESS)
        if (own := self._association(name - ASSOCIATION_SN)) is not None:
            return cos.ReadResponseChoice(data=own)
        target = self._at(name)
        if target is None or not target.attribute:
            return cos.ReadResponseChoice(data_access_error=_UNDEFINED)
        attribute = cos.CosemAttributeDescriptor(
            class_id=target.class_id, instance_id=target.logical_name, attribute_id=target.attribute
        )
        found = self._application.read(attribute, selection)
        if isinstance(found, Data):
            return cos.ReadResponseChoice(data=found)
        return cos.ReadResponseChoice(data_access_error=found)

    def _association(self, offset: int) -> Data | None:
        """An attribute of the current association: logical_name, object_list, access_rights_list."""
        if offset == 0:
            return Data.of("octet-string", _CURRENT)
        if offset == STEP:
            own = (ASSOCIATION_SN, _Object(_ASSOCIATION_SN_CLASS, 3, _CURRENT, ()))
            return Data.array(
                Data.structure(
                    Data.of("long", as_object_name(base)),
                    Data.of("long-unsigned", found.class_id),
                    Data.of("unsigned", found.version),
                    Data.of("octet-string", found.logical_name),
                )
                for base, found in (own, *self._objects.items())
            )
        if offset == 2 * STEP:
            return Data.array(
                Data.structure(Data.of("long", as_object_name(base)), *found.rights)
                for base, found in self._objects.items()
            )
        return None

    def _at(self, name: int) -> _Target | None:
        base = name & ~(_SPACING - 1)
        found = self._objects.get(base)
        if found is None or (name - base) % STEP:
            return None
        if method := method_at(found.class_id, name - base):
            return _Target(found.class_id, found.logical_name, method=method)
        return _Target(found.class_id, found.logical_name, attribute=(name - base) // STEP + 1)

    # ---------------------------------------------------------------- Write

    def _serve_write(self, request: cos.WriteRequest) -> cos.WriteResponse:
        listed, values = request.variable_access_specification, request.list_of_data
        specifications = listed.variable_access_specification
        if len(specifications) == 1 and (part := specifications[0].write_data_block_access) is not None:
            raw = values.data[0].value if len(values.data) == 1 else None
            if not isinstance(raw, bytes):
                raise DecodeError("a block is no octet-string", path="list-of-data")
            whole = self._gather(part.block_number, raw, last=part.last_block)
            if isinstance(whole, cos.DataAccessResult):
                return cos.WriteResponse(choice=(cos.WriteResponseChoice(data_access_error=whole),))
            if whole is None:
                return cos.WriteResponse(choice=(cos.WriteResponseChoice(block_number=part.block_number),))
            request = axdr.decode(cos.WriteRequest, whole)
            listed, values = request.variable_access_specification, request.list_of_data
        if len(listed.variable_access_specification) > 1:
            self._need(Conformance.MULTIPLE_REFERENCES)
        success = cos.DataAccessResult.SUCCESS
        return cos.WriteResponse(
            choice=tuple(
                cos.WriteResponseChoice(success=True)
                if result is success
                else cos.WriteResponseChoice(data_access_error=result)
                for result in self._write_all(listed, values)
            )
        )

    def _write_all(
        self, listed: cos.ListOfVariableAccessSpecification, values: cos.ListOfData
    ) -> Sequence[cos.DataAccessResult]:
        specifications = listed.variable_access_specification
        if len(specifications) != len(values.data):
            raise DecodeError(f"{len(values.data)} data for {len(specifications)} variables", path="list-of-data")
        return [self._write(one, value) for one, value in zip(specifications, values.data, strict=True)]

    def _write(self, specification: cos.VariableAccessSpecification, value: Data) -> cos.DataAccessResult:
        name, selection = _named(specification)
        target = self._at(name)
        if target is None:
            return _UNDEFINED
        if target.method:
            method = cos.CosemMethodDescriptor(
                class_id=target.class_id, instance_id=target.logical_name, method_id=target.method
            )
            return cos.DataAccessResult(self._application.invoke(method, value)[0].value)
        attribute = cos.CosemAttributeDescriptor(
            class_id=target.class_id, instance_id=target.logical_name, attribute_id=target.attribute
        )
        return self._application.write(attribute, selection, value)

    def _gather(self, number: int, raw: bytes, *, last: bool) -> bytes | cos.DataAccessResult | None:
        """Keep a block of a request; the whole after the last one, None before it, or why it is refused."""
        if number == 1:
            self._incoming = Gathering(_MAX_GATHERED)
        if self._incoming is None:
            return cos.DataAccessResult.NO_LONG_SET_IN_PROGRESS
        try:
            self._incoming.take(number, raw)
        except BlockError:
            self._incoming = None
            return cos.DataAccessResult.DATA_BLOCK_NUMBER_INVALID
        if not last:
            return None
        whole, self._incoming = self._incoming.whole(), None
        return whole


def _objects(application: Application) -> Iterator[tuple[int, _Object]]:
    """Base names, and the objects that the client may see."""
    own = cos.CosemAttributeDescriptor(class_id=_ASSOCIATION_LN, instance_id=_CURRENT, attribute_id=_OBJECT_LIST)
    found = application.read(own, None)
    base = _FIRST_BASE
    for entry in found.children() if isinstance(found, Data) and found.tag == ARRAY else ():
        match entry.value:
            case (int() as class_id, int() as version, bytes() as name, tuple()) if class_id != _ASSOCIATION_LN:
                yield base, _Object(class_id, version, name, entry.children()[3].children())
                base += _SPACING


def _named(specification: cos.VariableAccessSpecification) -> tuple[int, cos.SelectiveAccessDescriptor | None]:
    """The short name, and the selection of a parameterised access. Raises DecodeError for a block among others."""
    if specification.variable_name is not None:
        return specification.variable_name & 0xFFFF, None
    access = specification.parameterized_access
    if access is None:
        raise DecodeError("a block stands among other variables", path="variable-access-specification")
    selection = cos.SelectiveAccessDescriptor(access_selector=access.selector, access_parameters=access.parameter)
    return access.variable_name & 0xFFFF, selection


def _read_one(choice: cos.ReadResponseChoice) -> cos.ReadResponse:
    return cos.ReadResponse(choice=(choice,))
