"""Reading over a session: lists and their fallback, scalers, profiles, selections, the object list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.cosem.obis import Obis
from cas.cosem.readable import ScalerUnit
from cas.cosem.selection import CaptureObject, Entries, Range
from cas.devices.browsing import parse_objects, read_objects
from cas.devices.model import Quirks
from cas.devices.reading import Attribute, Reader
from cas.devices.selection import SelectiveSession, ways_of
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import DecodeError, ExceptionResponse
from cas.dlms.selection import Ways

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ENERGY = Obis.parse("1.0.1.8.0.255")
PROFILE = Obis.parse("1.0.99.1.0.255")
CLOCK = Obis.parse("0.0.1.0.0.255")
CLOCK_COLUMN = CaptureObject(8, CLOCK.octets, 2)
ENERGY_COLUMN = CaptureObject(3, ENERGY.octets, 2)
WH = Data.structure(Data.of("integer", 1), Data.of("enum", 30))
RELATIVE = Range(
    CLOCK_COLUMN,
    Data.of("octet-string", bytes.fromhex("FFFDFFFFFF01FFFFFFFFFFFF")),
    Data.of("octet-string", bytes.fromhex("FFFEFFFFFFFFFFFFFFFFFFFF")),
    (ENERGY_COLUMN,),
)


def _time(moment: datetime) -> Data:
    return Data.of("octet-string", CosemDateTime.from_datetime(moment).encode())


ROWS = Data.array(
    Data.structure(_time(NOW - timedelta(hours=hours)), Data.of("double-long-unsigned", 100 - hours))
    for hours in (3, 2, 1, 0)
)
OBJECTS: Mapping[tuple[int, Obis, int], Data] = {
    (3, ENERGY, 2): Data.of("double-long-unsigned", 1234),
    (3, ENERGY, 3): WH,
    (8, CLOCK, 2): Data.of("octet-string", bytes.fromhex("07EA0701030E000000FF8800")),
    (7, PROFILE, 2): ROWS,
    (7, PROFILE, 3): Data.array([CLOCK_COLUMN.encode(), ENERGY_COLUMN.encode()]),
    (7, PROFILE, 4): Data.of("double-long-unsigned", 3600),
}


@dataclass
class Meter:
    """Answers from a table of attributes; `asked` is what came."""

    objects: Mapping[tuple[int, Obis, int], Data] = field(default_factory=lambda: OBJECTS)
    lists: bool = True
    asked: list[Request] = field(default_factory=list)

    async def request(self, body: Request) -> Response:
        self.asked.append(body)
        assert isinstance(body, cos.GetRequest)
        if (normal := body.get_request_normal) is not None:
            result = self._get(normal.cosem_attribute_descriptor)
            return cos.GetResponse(get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=193, result=result))
        listed = body.get_request_with_list
        assert listed
        if not self.lists:
            error = cos.ExceptionResponseServiceError(service_not_supported=True)
            return cos.ExceptionResponse(
                state_error=cos.ExceptionResponseStateError.SERVICE_UNKNOWN, service_error=error
            )
        results = tuple(
            self._get(item.cosem_attribute_descriptor)
            for item in listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection
        )
        return cos.GetResponse(
            get_response_with_list=cos.GetResponseWithList(
                invoke_id_and_priority=193, result=cos.ListOfGetDataResult(get_data_result=results)
            )
        )

    def _get(self, descriptor: cos.CosemAttributeDescriptor) -> cos.GetDataResult:
        data = self.objects.get((descriptor.class_id, Obis(descriptor.instance_id), descriptor.attribute_id))
        if data is None:
            return cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNDEFINED)
        return cos.GetDataResult(data=data)


MANY = [Attribute(3, ENERGY, 2), Attribute(8, CLOCK, 2), Attribute(1, CLOCK, 2)]


@pytest.mark.parametrize(("lists", "size", "requests"), [(True, 10, 1), (True, 2, 2), (True, 1, 3), (False, 10, 4)])
async def test_several_at_once_where_the_device_takes_lists(lists: bool, size: int, requests: int) -> None:
    meter = Meter(lists=lists)
    done: list[int] = []
    found = await Reader(meter, size).read(MANY, done.append)
    assert [reading.attribute for reading in found] == MANY
    assert [reading.error for reading in found] == [None, None, "object-undefined"]
    assert found[0].data == OBJECTS[3, ENERGY, 2]
    assert (len(meter.asked), sum(done)) == (requests, 3)


async def test_a_register_is_completed_by_its_scaler_which_is_read_once() -> None:
    meter = Meter()
    reader = Reader(meter)
    (reading,) = await reader.read([Attribute(3, ENERGY, 2)])
    for _ in range(2):
        complete = await reader.complete(reading)
        assert complete.scaler_unit == ScalerUnit(1, 30)
    assert len(meter.asked) == 2


async def test_the_rows_of_a_profile() -> None:
    reader = Reader(Meter())
    (reading,) = await reader.read([Attribute(7, PROFILE, 2)])
    table = (await reader.complete(reading)).table
    assert table
    assert [column.unit_symbol for column in table.columns] == ["", "Wh"]
    assert [row.cells[1] for row in table.rows] == [Decimal(970), Decimal(980), Decimal(990), Decimal(1000)]
    assert table.rows[0].time == CosemDateTime.from_datetime(NOW - timedelta(hours=3))


async def test_rows_that_are_not_as_the_profile_says_are_shown_as_they_came() -> None:
    meter = Meter({**OBJECTS, (7, PROFILE, 3): Data.array([CLOCK_COLUMN.encode()])})
    reader = Reader(meter)
    (reading,) = await reader.read([Attribute(7, PROFILE, 2)])
    assert (await reader.complete(reading)).table is None


async def test_an_exception_of_the_device_is_raised() -> None:
    class Refusing(Meter):
        async def request(self, body: Request) -> Response:
            error = cos.ExceptionResponseServiceError(operation_not_possible=True)
            return cos.ExceptionResponse(
                state_error=cos.ExceptionResponseStateError.SERVICE_NOT_ALLOWED, service_error=error
            )

    with pytest.raises(ExceptionResponse):
        await Reader(Refusing()).read(MANY)


# ---------------------------------------------------------------- selections


async def test_a_relative_range_is_resolved_with_the_deviation_of_the_device() -> None:
    meter = Meter()
    session = SelectiveSession(meter, Ways(), lambda: NOW)
    reader = Reader(session)
    await reader.read([Attribute(7, PROFILE, 2, RELATIVE)] * 2)
    clock, first, second = meter.asked  # the clock is read once
    assert isinstance(first, cos.GetRequest)
    assert first == second
    assert isinstance(clock, cos.GetRequest)
    assert clock.get_request_normal
    assert clock.get_request_normal.cosem_attribute_descriptor.class_id == 8
    assert first.get_request_normal
    assert first.get_request_normal.access_selection
    sent = first.get_request_normal.access_selection.access_parameters.children()
    assert sent[1].octets.hex().upper() == "090C07EA0701FF0D000000FF88FF"


async def test_what_needs_no_clock_asks_for_none() -> None:
    meter = Meter()
    await Reader(SelectiveSession(meter, Ways(), lambda: NOW)).read([Attribute(7, PROFILE, 2, Entries(1, 2))])
    assert len(meter.asked) == 1


@pytest.mark.parametrize("selection", [RELATIVE, Entries(3, 4, 2, 2)])
async def test_a_device_without_selective_access_is_read_whole(selection: Range | Entries) -> None:
    ways = ways_of(Quirks(selective_access=False))
    session = SelectiveSession(Meter(), ways, lambda: NOW)
    reader = Reader(session)
    (reading,) = await reader.read([Attribute(7, PROFILE, 2, selection)])
    assert reading.data
    assert reading.data.value == [(99,), (100,)]
    table = (await reader.complete(reading)).table
    assert table
    assert [row.cells for row in table.rows] == [(Decimal(990),), (Decimal(1000),)]


@pytest.mark.parametrize(
    ("time", "zone", "deviation"),
    [("07EA0701030E000000FF8800", -60, -120), ("07EA0701030E000000800000", -60, -60), (None, None, 0), ("00", None, 0)],
)
async def test_what_the_clock_says_of_the_deviation(time: str | None, zone: int | None, deviation: int) -> None:
    objects = {}
    if time:
        objects[8, CLOCK, 2] = Data.of("octet-string", bytes.fromhex(time))
    if zone:
        objects[8, CLOCK, 3] = Data.of("long", zone)
    assert await SelectiveSession(Meter(objects), Ways(), lambda: NOW).deviation() == deviation


# ---------------------------------------------------------------- the object list


def _entry(class_id: int, version: int, name: str, attributes: list[Data], methods: list[Data]) -> Data:
    return Data.structure(
        Data.of("long-unsigned", class_id),
        Data.of("unsigned", version),
        Data.of("octet-string", Obis.parse(name).octets),
        Data.structure(Data.array(attributes), Data.array(methods)),
    )


def _right(number: int, mode: int) -> Data:
    return Data.structure(Data.of("integer", number), Data.of("enum", mode), Data.of("null-data"))


def _method(number: int, mode: Data) -> Data:
    return Data.structure(Data.of("integer", number), mode)


@pytest.mark.clause("Blue Book 12, 4.4.4")
async def test_the_object_list_names_rights() -> None:
    data = Data.array(
        [
            _entry(15, 1, "0.0.40.0.0.255", [_right(2, 1)], [_method(1, Data.of("enum", 1))]),
            _entry(8, 0, "0.0.1.0.0.255", [_right(2, 3), _right(3, 0), _right(4, 4)], [_method(6, Data.of("enum", 2))]),
        ]
    )
    association = Obis.parse("0.0.40.0.0.255")
    _, clock = await read_objects(Reader(Meter({(15, association, 2): data})))
    assert (clock.class_id, clock.logical_name) == (8, CLOCK)
    assert [(r.text, r.read, r.write) for r in clock.attributes.values()] == [
        ("read and write", True, True), ("no access", False, False), ("authenticated read only", True, False),
    ]  # fmt: skip
    assert (clock.methods[6].text, clock.methods[6].execute) == ("authenticated access", True)


@pytest.mark.clause("Blue Book 12, 4.4.4")
def test_the_rights_of_version_3_are_bits() -> None:
    data = Data.array(
        [
            _entry(15, 3, "0.0.40.0.0.255", [_right(2, 0b1101)], []),
            _entry(70, 0, "0.0.96.3.10.255", [_right(2, 0b11)], [_method(1, Data.of("enum", 1))]),
        ]
    )
    own, relay = parse_objects(data)
    assert own.attributes[2].text == "read, authenticated request, encrypted request"
    assert (relay.attributes[2].read, relay.attributes[2].write, relay.methods[1].execute) == (True, True, True)


def test_what_is_no_object_list() -> None:
    for data in (Data.of("unsigned", 1), Data.array([Data.of("unsigned", 1)]), Data.array([Data.structure()])):
        with pytest.raises(DecodeError, match="object_list"):
            parse_objects(data)
