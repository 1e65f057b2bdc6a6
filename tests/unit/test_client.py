"""The client of the service, against the real door on memory."""

import inspect
import re
import textwrap
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from xsdata.models.datatype import XmlDateTime

import cas.client
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.client import (
    CasClient,
    CasFault,
    CasUnreachable,
    NotUnderstood,
    attribute,
    invoke,
    readings_of,
    time_sync,
    write_attribute,
)
from cas.client.messages import device_access, document, envelope
from cas.client.stream import ResultReader
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.cosem.selection import Entries
from cas.xml import write
from tests.door_on_memory import VALUE, serving
from tests.unit.transports.test_link import unused_port

ENERGY = attribute("1-0:1.8.0")
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def client() -> AsyncIterator[CasClient]:
    async with serving() as url, CasClient(url, source="MDM") as opened:
        yield opened


async def test_a_synchronous_access(client: CasClient) -> None:
    access = await client.create(["M1", "M2", "M3"], [ENERGY])
    assert access.result is mes.Result.PARTIAL
    assert [error.code for error in access.errors] == ["0.2"]
    good, undefined, silent = access.readings
    assert (good.device, good.value, good.ok) == ("M1", 1234, True)
    assert (good.class_id, good.obis, good.number) == (3, Obis.parse("1-0:1.8.0"), 2)
    assert good.activated is not None
    assert good.activated.tzinfo is not None
    assert (undefined.error, undefined.error_code, undefined.data) == ("object-undefined", None, None)
    assert (silent.ok, silent.error_code) == (False, "5.3")


async def test_get_and_stream_give_the_same(client: CasClient) -> None:
    first = await client.create(["M1", "M2"], [ENERGY, attribute("0-0:96.1.0")])
    second = await client.create(["M1"], [ENERGY])
    one, two = await client.get(first.id, second.id)
    assert (one.id, two.id) == (first.id, second.id)
    assert len(one.readings) == 4
    streamed = [reading async for reading in client.stream(first.id, second.id)]
    assert streamed == [*one.readings, *two.readings]
    (narrowed,) = await client.get(first.id, devices=["M1"], last_valid=True)
    assert {reading.device for reading in narrowed.readings} == {"M1"}
    (none,) = await client.get(first.id, end=NOW)
    assert none.readings == []


async def test_cancel_close_and_delete(client: CasClient) -> None:
    access = await client.create(["M1"], [ENERGY])
    await client.cancel(access.id)
    await client.close(access.id)
    await client.delete(access.id)
    with pytest.raises(CasFault) as fault:
        await client.get(access.id)
    assert fault.value.code == "2.15"
    with pytest.raises(CasFault) as streamed:
        [reading async for reading in client.stream(access.id)]
    assert streamed.value.errors == fault.value.errors


async def test_a_change_replaces_the_terms_that_are_given(client: CasClient) -> None:
    access = await client.create(
        ["M1"], accept_data_notification=True, priority=3, expires=datetime(2100, 1, 1, tzinfo=UTC)
    )
    await client.change(access.id, priority=7)
    (changed,) = await client.get(access.id)
    assert changed.resource is not None
    assert (changed.resource.priority, changed.resource.expires) == (7, XmlDateTime(2100, 1, 1, 0, 0, 0, offset=0))


async def test_a_term_that_does_not_exist_is_told(client: CasClient) -> None:
    with pytest.raises(TypeError, match="prority"):
        await client.create(["SIM0000000000001"], prority=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="prority"):
        await client.change("some ID", prority=1)  # type: ignore[call-arg]


async def test_a_fault_tells_code_reason_and_element(client: CasClient) -> None:
    with pytest.raises(CasFault) as fault:
        await client.create(["M1", "nobody"], [ENERGY])
    assert (fault.value.code, fault.value.reason, fault.value.status) == ("2.4", "unknown device", 400)
    assert fault.value.element.endswith("/dev:DevicesReferenceList/dev:DeviceReference[2]")
    assert "'nobody' is not registered" in str(fault.value)
    with pytest.raises(CasFault) as other:
        await client.send(mes.RequestMessageType(header=mes.HeaderType(verb=mes.Verb.CREATE, noun="ResourceDirectory")))
    assert (other.value.code, other.value.element) == ("2.9", "mes:Verb")


async def test_a_repeat_with_the_same_message_id_is_the_same_resource(client: CasClient) -> None:
    message_id = "5a3f0f4e-7d0b-4c38-9a49-0a1b2c3d4e5f"
    one, again = [await client.create(["M1"], [ENERGY], message_id=message_id) for _ in range(2)]
    assert one.id == again.id
    assert again.readings == one.readings
    assert (await client.create(["M1"], [ENERGY])).id != one.id


async def test_the_example_of_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    documentation = inspect.getdoc(cas.client) or ""
    code = textwrap.dedent("\n".join(re.findall(r"^    .*|^$", documentation, re.MULTILINE)))
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - our own documentation
    async with serving() as url:
        with capture_logs():
            await names["main"](url, "M1")  # type: ignore[operator]  # the function of the example
    assert capsys.readouterr().out.splitlines()[0] == "M1 1.0.1.8.0.255 1234"


async def test_a_service_that_is_not_there() -> None:
    async with CasClient(f"http://127.0.0.1:{unused_port()}/cas") as client:
        with pytest.raises(CasUnreachable, match=r"127\.0\.0\.1 does not answer"):
            await client.get("x")
        with pytest.raises(CasUnreachable):
            [reading async for reading in client.stream("x")]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "<html/>"),
        (502, "Bad gateway"),
        (200, envelope("<mes:EventMessage/>").decode()),
        (200, envelope("<mes:ResponseMessage/>").decode()),
    ],
)
async def test_an_answer_of_another_kind(status: int, text: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    application = web.Application()
    application.router.add_post("/cas", answer)
    async with TestServer(application) as server, CasClient(str(server.make_url("/cas"))) as client:
        with pytest.raises(NotUnderstood):
            await client.delete("x")
        with pytest.raises(NotUnderstood):
            [reading async for reading in client.stream("x")]


async def test_a_fault_of_soap_1_1_and_one_without_a_detail() -> None:
    fault = (
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><S:Fault><faultcode>S:Client'
        "</faultcode><faultstring>too large</faultstring></S:Fault></S:Body></S:Envelope>"
    )

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=500, text=fault)

    application = web.Application()
    application.router.add_post("/cas", answer)
    async with TestServer(application) as server, CasClient(str(server.make_url("/cas"))) as client:
        with pytest.raises(CasFault, match="too large") as caught:
            await client.delete("x")
    assert (caught.value.code, caught.value.errors) == ("", ())


def answered(size: int) -> bytes:
    """A response with so many results."""
    results = "".join(
        write(
            dev.CosemAccessResult(device_id=f"M{number}", cosem_xdlms_result=dev.CosemXdlmsResult(get_response=VALUE)),
            "dev:CosemAccessResult",
        )
        for number in range(size)
    )
    return envelope(
        "<mes:ResponseMessage><mes:Header><mes:Verb>reply</mes:Verb><mes:Noun>DeviceAccess</mes:Noun></mes:Header>"
        "<mes:Reply><mes:Result>OK</mes:Result></mes:Reply><mes:Payload><mes:DeviceAccess><dev:CosemAccessList>"
        f"<dev:CosemAccess>{write(ENERGY, 'dev:CosemAccessDescriptor')}{results}</dev:CosemAccess>"
        "</dev:CosemAccessList></mes:DeviceAccess></mes:Payload></mes:ResponseMessage>"
    )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_read_in_pieces_of_any_size(size: int) -> None:
    octets = answered(3)
    reader = ResultReader(200)
    readings = [
        reading for start in range(0, len(octets), size) for reading in reader.feed(octets[start : start + size])
    ]
    readings += reader.close()
    assert [(reading.device, reading.value) for reading in readings] == [("M0", 1234), ("M1", 1234), ("M2", 1234)]


def test_an_answer_that_is_cut_off_is_not_taken_for_whole() -> None:
    reader = ResultReader(200)
    assert len(list(reader.feed(answered(3)[:-50]))) == 3
    with pytest.raises(NotUnderstood, match="cut off"):
        list(reader.close())


def test_terms_are_written_as_the_schema_has_them() -> None:
    noun = device_access(
        ["M1"],
        ["G"],
        [ENERGY],
        priority=3,
        activates=NOW,
        repeating_interval="P1M",
        duration=timedelta(minutes=15),
        expires=NOW + timedelta(days=1),
    )
    text = document(
        mes.RequestMessageType(
            header=mes.HeaderType(verb=mes.Verb.CREATE, noun="DeviceAccess"),
            payload=mes.PayloadType(device_access=(noun,)),
        )
    ).decode()
    assert "<dev:RepeatingInterval>P1M</dev:RepeatingInterval><dev:Duration>PT900S</dev:Duration>" in text
    assert '<dev:GroupReference GroupID="G">' in text
    with pytest.raises(ValueError, match="no zone"):
        device_access([], [], [], activates=datetime(2025, 1, 1))


def of(descriptor: dev.CosemAccessDescriptor, **answer: object) -> list[tuple[int | None, object, str | None]]:
    result = dev.CosemAccessResult(
        device_id="M1",
        cosem_xdlms_result=dev.CosemXdlmsResult(**answer),  # type: ignore[arg-type]  # the tests name the alternative
    )
    access = dev.CosemAccess(cosem_access_descriptor=descriptor, cosem_access_result=(result,))
    return [(reading.number, reading.value, reading.error) for reading in readings_of(access)]


def test_readings_of_set_and_action() -> None:
    put = cos.SetResponse(
        set_response_normal=cos.SetResponseNormal(
            invoke_id_and_priority=0xC1, result=cos.DataAccessResult.READ_WRITE_DENIED
        )
    )
    assert of(write_attribute("0-0:96.1.0", Data.of("unsigned", 1)), set_response=put) == [
        (2, None, "read-write-denied")
    ]
    done = cos.ActionResponse(
        action_response_normal=cos.ActionResponseNormal(
            invoke_id_and_priority=0xC1,
            single_response=cos.ActionResponseWithOptionalData(
                result=cos.ActionResult.SUCCESS,
                return_parameters=cos.GetDataResult(data=Data.of("unsigned", 7)),
            ),
        )
    )
    assert of(invoke("0-0:96.3.10", 1, Data.of("integer", 0)), action_response=done) == [(1, 7, None)]


def test_readings_of_a_list() -> None:
    listed = cos.ListOfCosemAttributeDescriptorWithSelection(
        cosem_attribute_descriptor_with_selection=tuple(
            cos.CosemAttributeDescriptorWithSelection(
                cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
                    class_id=3, instance_id=bytes(6), attribute_id=number
                )
            )
            for number in (2, 3)
        )
    )
    descriptor = dev.CosemAccessDescriptor(
        cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(
            get_request=cos.GetRequest(
                get_request_with_list=cos.GetRequestWithList(
                    invoke_id_and_priority=0xC1, attribute_descriptor_list=listed
                )
            )
        )
    )
    answer = cos.GetResponse(
        get_response_with_list=cos.GetResponseWithList(
            invoke_id_and_priority=0xC1,
            result=cos.ListOfGetDataResult(
                get_data_result=(
                    cos.GetDataResult(data=Data.of("unsigned", 7)),
                    cos.GetDataResult(data_access_result=cos.DataAccessResult.OBJECT_UNAVAILABLE),
                )
            ),
        )
    )
    assert of(descriptor, get_response=answer) == [(2, 7, None), (3, None, "object-unavailable")]


def test_descriptors() -> None:
    selected = attribute("1-0:99.1.0", selection=Entries(1, 10))
    assert selected.cosem_xdlms_descriptor is not None
    request = selected.cosem_xdlms_descriptor.get_request
    assert request is not None
    assert request.get_request_normal is not None
    assert request.get_request_normal.cosem_attribute_descriptor.class_id == 7
    assert request.get_request_normal.access_selection is not None
    assert request.get_request_normal.access_selection.access_selector == 2
    assert time_sync(5, 60).cosem_time_sync is not None
    with pytest.raises(ValueError, match="give class_id"):
        attribute("1-0:255.255.255.255")
    with pytest.raises(ValueError, match="no OBIS code"):
        attribute("energy")


def test_a_password_in_the_url_is_not_shown() -> None:
    assert "secret" not in repr(CasClient("http://user:secret@mdm.example/cas"))
