"""Reading attributes of a device: several at once, with scaler and unit, profiles as typed rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import DataError
from cas.cosem.obis import Obis
from cas.cosem.profile import Column, Row, plain_rows, rows
from cas.cosem.readable import ScalerUnit
from cas.cosem.selection import (
    BUFFER,
    PROFILE_GENERIC,
    CaptureObject,
    Entries,
    Range,
    Selection,
    SelectionError,
    selector_of,
)
from cas.devices.selection import Session
from cas.dlms.errors import DecodeError
from cas.dlms.selection import capture_objects
from cas.dlms.xdlms.exchange import raise_for_error, unexpected

_CAPTURE_OBJECTS, _CAPTURE_PERIOD = 3, 4
_CONFIRMED = 0xC1
LIST_SIZE = 10
"""Attributes of one request, where the device takes several."""

# the attribute that tells scaler and unit of an attribute, by class and attribute (Blue Book 12, 4.3)
_SCALER_UNIT = {(3, 2): 3, (4, 2): 3, (5, 2): 4, (5, 3): 4, (61, 2): 4, (67, 7): 8}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute to be read; of a profile's buffer perhaps a part: by selection, and of its rows these columns."""

    class_id: int
    logical_name: Obis
    number: int
    selection: Selection | None = None
    version: int | None = None
    columns: tuple[CaptureObject, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A profile's buffer: its columns and typed rows."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the device answered: a value, or the name of its error."""

    attribute: Attribute
    data: Data | None = None
    error: str | None = None
    scaler_unit: ScalerUnit | None = None
    table: Table | None = None


def _nothing(_done: int) -> None:
    """Tell nobody."""


class Reader:
    """Reads attributes over a session; `list_size` bounds the attributes of a request, 1: one by one."""

    def __init__(self, session: Session, list_size: int = 1) -> None:
        self._session = session
        self._list_size = list_size
        self._scalers: dict[tuple[int, Obis, int], ScalerUnit | None] = {}
        self._captured: dict[Obis, tuple[CaptureObject, ...]] = {}

    async def read(self, attributes: Sequence[Attribute], advance: Callable[[int], None] = _nothing) -> list[Reading]:
        """Read them in this order; `advance` is told how many more are done. An error of the device is a reading.

        Raises DlmsError, TransportError.
        """
        found: list[Reading] = []
        while batch := self._batch(attributes[len(found) :]):
            found += await self._get(batch)
            advance(len(batch))
        return found

    async def complete(self, reading: Reading) -> Reading:
        """The reading with its scaler and unit, or its rows, which takes further attributes of the device.

        Raises DlmsError, TransportError.
        """
        if reading.data is None:
            return reading
        attribute = reading.attribute
        if (attribute.class_id, attribute.number) == (PROFILE_GENERIC, BUFFER):
            return replace(reading, table=await self._table(attribute, reading.data))
        return replace(reading, scaler_unit=await self.scaler_unit(attribute))

    async def scaler_unit(self, attribute: Attribute) -> ScalerUnit | None:
        """Scaler and unit of an attribute; None where it has none, or the device does not tell."""
        number = _SCALER_UNIT.get((attribute.class_id, attribute.number))
        if number is None:
            return None
        key = (attribute.class_id, attribute.logical_name, number)
        if key not in self._scalers:
            data = await self.value(Attribute(*key))
            self._scalers[key] = ScalerUnit.from_data(data) if data else None
        return self._scalers[key]

    async def capture_objects(self, profile: Obis) -> tuple[CaptureObject, ...]:
        """The columns of a profile. Raises DecodeError."""
        if profile not in self._captured:
            data = await self.value(Attribute(PROFILE_GENERIC, profile, _CAPTURE_OBJECTS))
            try:
                self._captured[profile] = capture_objects(data) if data else ()
            except (SelectionError, DataError) as error:
                raise DecodeError(str(error), path="capture_objects") from None
        return self._captured[profile]

    async def value(self, attribute: Attribute) -> Data | None:
        """One attribute; None where the device has an error to tell."""
        (reading,) = await self._get([attribute])
        return reading.data

    async def _table(self, attribute: Attribute, buffer: Data) -> Table | None:
        columns = _selected(await self.capture_objects(attribute.logical_name), attribute.selection)
        period = await self.value(Attribute(PROFILE_GENERIC, attribute.logical_name, _CAPTURE_PERIOD))
        seconds = period.simple if period else None
        typed = []
        for column in columns:
            name = Obis(column.logical_name)
            scale = None
            if not column.data_index:
                scale = await self.scaler_unit(Attribute(column.class_id, name, column.attribute))
            typed.append(
                Column(
                    column.class_id,
                    name,
                    column.attribute,
                    column.data_index,
                    scale.scaler if scale else None,
                    scale.unit if scale else None,
                )
            )
        try:
            values = plain_rows(buffer)
            if values is None:
                return None
            found = rows(typed, values, seconds if isinstance(seconds, int) else 0)
        except ValueError:  # another number of columns than the profile says: shown as it came
            return None
        places = [i for i, column in enumerate(columns) if not attribute.columns or column in attribute.columns]
        shown = tuple(replace(row, cells=tuple(row.cells[i] for i in places)) for row in found)
        return Table(tuple(typed[i] for i in places), shown)

    def _batch(self, attributes: Sequence[Attribute]) -> Sequence[Attribute]:
        """The next attributes to ask for at once; one with a selection is asked for alone."""
        if not attributes or attributes[0].selection:
            return attributes[:1]
        batch = attributes[: self._list_size]
        end = next((i for i, attribute in enumerate(batch) if attribute.selection), len(batch))
        return batch[:end]

    async def _get(self, batch: Sequence[Attribute]) -> list[Reading]:
        if len(batch) > 1:
            answer = await self._session.request(_with_list(batch))
            if isinstance(answer, cos.GetResponse) and (listed := answer.get_response_with_list):
                results = listed.result.get_data_result
                if len(results) == len(batch):
                    return [_reading(a, result) for a, result in zip(batch, results, strict=True)]
            self._list_size = 1  # it said that it takes lists, and does not
        return [await self._get_one(attribute) for attribute in batch]

    async def _get_one(self, attribute: Attribute) -> Reading:
        answer = await self._session.request(_normal(attribute))
        raise_for_error(answer)
        if not isinstance(answer, cos.GetResponse) or answer.get_response_normal is None:
            raise unexpected(answer, "get-response-normal")
        return _reading(attribute, answer.get_response_normal.result)


def _selected(columns: tuple[CaptureObject, ...], selection: Selection | None) -> tuple[CaptureObject, ...]:
    if isinstance(selection, Range) and selection.columns:
        return tuple(column for column in columns if column in selection.columns)
    if isinstance(selection, Entries):
        return columns[selection.first_column - 1 : selection.last_column or None]
    return columns


def _reading(attribute: Attribute, result: cos.GetDataResult) -> Reading:
    error = result.data_access_result
    return Reading(attribute, result.data, error.value if error else None)


def _descriptor(attribute: Attribute) -> cos.CosemAttributeDescriptor:
    return cos.CosemAttributeDescriptor(
        class_id=attribute.class_id, instance_id=attribute.logical_name.octets, attribute_id=attribute.number
    )


def _normal(attribute: Attribute) -> cos.GetRequest:
    access = None
    if attribute.selection is not None:
        access = cos.SelectiveAccessDescriptor(
            access_selector=selector_of(attribute.selection), access_parameters=attribute.selection.encode()
        )
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(
            invoke_id_and_priority=_CONFIRMED,
            cosem_attribute_descriptor=_descriptor(attribute),
            access_selection=access,
        )
    )


def _with_list(batch: Sequence[Attribute]) -> cos.GetRequest:
    items = tuple(
        cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=_descriptor(attribute))
        for attribute in batch
    )
    listed = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=items)
    return cos.GetRequest(
        get_request_with_list=cos.GetRequestWithList(
            invoke_id_and_priority=_CONFIRMED, attribute_descriptor_list=listed
        )
    )
