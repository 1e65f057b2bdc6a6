"""Requests over HTTP on memory: every verb, both versions of SOAP, and every way in which a request can be wrong."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer
from lxml import etree

from cas.access.codes import Code
from cas.access.errors import Problem
from cas.access.model import Result, Selection
from cas.access.service import AccessService
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import Request, Response
from cas.soap.http import SoapHttp
from cas.soap.problems import errors_of
from cas.soap.service import SoapService
from tests.access_fakes import FakeDevices, MemoryStore, get_response
from tests.open_door import NO_INVENTORY, NOBODY, OpenDoor
from tests.soap_messages import (
    GET_ENERGY,
    MES,
    SOAP11,
    SOAP12,
    Answer,
    by_id,
    create,
    deployed_create,
    device_access,
    envelope,
    request,
)
from transports.errors import Refused

LIMIT = 200_000
VALUE = get_response(Data.of("double-long-unsigned", 1234))
UNKNOWN_ID = "11111111-2222-3333-4444-555555555555"
SCHEMA = etree.XMLSchema(file=str(Path(__file__).parents[3] / "schemas" / "Message.xsd"))

Client = TestClient[web.Request, web.Application]


class Door:
    """The service behind HTTP, on memory."""

    def __init__(self, client: Client, access: AccessService, store: MemoryStore, devices: FakeDevices) -> None:
        self.client = client
        self.access = access
        self.store = store
        self.devices = devices
        self.status = 0
        self.media_type = ""

    async def post(self, octets: bytes, media_type: str = "application/soap+xml", **headers: str) -> Answer:
        all_headers = {"Content-Type": media_type, **headers}
        async with self.client.post("/cas", data=octets, headers=all_headers) as response:
            self.status = response.status
            self.media_type = response.content_type
            answer = Answer(await response.read())
        for message in answer.all("//mes:ResponseMessage | //mes:FaultMessage"):
            assert SCHEMA.validate(message), SCHEMA.error_log
        return answer


class Setting:
    def __init__(self) -> None:
        self.devices = FakeDevices(
            {"M1": [VALUE], "M2": [VALUE]}, unreachable={"OFF": Refused("connection to 10.0.0.9:4059 refused")}
        )
        self.sync_wait = 5.0
        self.strict = False
        self.ready = True


@pytest.fixture
def setting() -> Setting:
    return Setting()


@pytest.fixture
async def door(setting: Setting) -> AsyncIterator[Door]:
    store = MemoryStore()
    access = AccessService(store, setting.devices, sync_wait=setting.sync_wait)

    async def ready() -> bool:
        return setting.ready

    soap = SoapHttp(
        SoapService(access, NO_INVENTORY, OpenDoor(), limit=LIMIT, strict=setting.strict), ready, limit=LIMIT
    )
    application = web.Application()
    application.add_routes(soap.routes())
    async with TestClient(TestServer(application)) as client:
        yield Door(client, access, store, setting.devices)
    await access.stop(0)


# ---------------------------------------------------------------- what works


@pytest.mark.clause("5.2.2")
@pytest.mark.clause("8.2")
@pytest.mark.parametrize(("soap", "media_type"), [(SOAP12, "application/soap+xml"), (SOAP11, "text/xml")])
async def test_a_create_is_answered_in_kind(door: Door, soap: str, media_type: str) -> None:
    header = "<mes:MessageID>m-1</mes:MessageID>"
    answer = await door.post(create(["M1", "M2"], soap=soap, header=header), media_type)
    assert (door.status, door.media_type, answer.soap) == (200, media_type, soap)
    assert answer.result == "OK"
    assert answer.texts("//mes:Header/mes:Verb | //mes:Header/mes:Noun") == ["reply", "DeviceAccess"]
    assert answer.text("//mes:Header/mes:CorrelationID") == "m-1"
    assert UUID(answer.text("//mes:Header/mes:MessageID")).version == 4
    assert answer.texts("//mes:Payload/mes:DeviceAccess/@ID") == [answer.id]
    assert answer.texts("//dev:CosemAccessResult/@DeviceID") == ["M1", "M2"]
    assert answer.texts("//dev:CosemAccessResult//cos:double-long-unsigned") == ["1234", "1234"]
    assert len(answer.all("//dev:CosemAccessDescriptor//cos:get-request-normal")) == 1
    assert all(text.endswith("Z") for text in answer.texts("//dev:CosemAccessResult/@Activated"))


@pytest.mark.parametrize("form", ["mes", "dev"])
async def test_the_form_of_the_payload_is_that_of_the_request(door: Door, form: str) -> None:
    answer = await door.post(create(["M1"], form=form))
    assert len(answer.all(f"//mes:Payload/{form}:DeviceAccess")) == 1
    again = await door.post(by_id("get", answer.id))
    assert len(again.all(f"//mes:Payload/{form}:DeviceAccess")) == 1


@pytest.mark.clause("7.3")
async def test_the_order_and_prefixes_of_the_deployed_client_are_accepted(door: Door) -> None:
    answer = await door.post(deployed_create("M2"))
    assert answer.result == "OK"
    assert answer.text("//mes:Header/mes:CorrelationID") == "corr-7"
    assert answer.texts("//dev:CosemAccessResult/@DeviceID") == ["M2"]
    assert answer.text("//mes:DeviceAccess/dev:Priority") == "10"
    assert answer.text("//mes:DeviceAccess/dev:Duration") == "PT1H"
    assert answer.text("//mes:DeviceAccess/dev:Activates") == "2025-03-01T11:00:00Z"
    (asked,) = door.devices.asked
    assert isinstance(asked[1], cos.GetRequest)


async def test_strict_order_is_a_setting(setting: Setting) -> None:
    setting.strict = True
    async for door in door_of(setting):
        answer = await door.post(deployed_create("M2"))
        assert set(answer.codes) == {"1.8"}
        assert (await door.post(create(["M2"]))).result == "OK"


async def door_of(setting: Setting) -> AsyncIterator[Door]:
    async for opened in door.__wrapped__(setting):  # type: ignore[attr-defined]  # the function behind the fixture
        yield opened


@pytest.mark.clause("7.2.6")
async def test_some_devices_that_fail_make_it_partial(door: Door) -> None:
    answer = await door.post(create(["M1", "OFF"]))
    assert (door.status, answer.result, answer.codes) == (200, "PARTIAL", ["0.2"])
    failed = '//dev:CosemAccessResult[@DeviceID="OFF"]/dev:CosemErrorResult'
    assert answer.text(f"{failed}/dev:code") == "5.3"
    assert answer.text(f"{failed}/dev:reason") == "connection refused"
    assert "10.0.0.9:4059" in answer.text(f"{failed}/dev:details")
    assert answer.texts('//dev:CosemAccessResult[@DeviceID="M1"]//cos:double-long-unsigned') == ["1234"]


async def test_what_is_outstanding_can_be_fetched(setting: Setting) -> None:
    release = asyncio.Event()

    async def slow(_request: Request) -> Response:
        await release.wait()
        return VALUE

    setting.sync_wait = 0.05
    setting.devices.devices["M2"] = [slow]
    async for door in door_of(setting):
        answer = await door.post(create(["M1", "M2"]))
        assert (answer.result, answer.codes) == ("PARTIAL", ["0.1"])
        assert answer.texts("//dev:CosemAccessResult/@DeviceID") == ["M1"]
        release.set()
        await door.access.stop(5)
        later = await door.post(by_id("get", answer.id))
        assert later.texts("//dev:CosemAccessResult/@DeviceID") == ["M1", "M2"]


@pytest.mark.clause("7.2.3")
async def test_get_selects_by_time_and_device(door: Door) -> None:
    made = await door.post(create(["M1", "M2", "OFF"]))

    async def devices(more: str = "", payload: str = "") -> list[str]:
        answer = await door.post(by_id("get", made.id, more=more, payload=payload))
        assert not answer.is_fault, answer.octets
        return answer.texts("//dev:CosemAccessResult/@DeviceID")

    narrowed = (
        '<mes:Payload><mes:DeviceAccess><dev:DevicesReferenceList><dev:DeviceReference DeviceID="M2"/>'
        "</dev:DevicesReferenceList></mes:DeviceAccess></mes:Payload>"
    )
    assert await devices() == ["M1", "M2", "OFF"]
    assert await devices(payload=narrowed) == ["M2"]
    assert await devices("<mes:StartTime>2999-01-01T00:00:00Z</mes:StartTime>") == []
    assert await devices("<mes:EndTime>2001-01-01T00:00:00Z</mes:EndTime>") == []
    assert await devices("<mes:LastValidData>true</mes:LastValidData>") == ["M1", "M2"]


@pytest.mark.clause("7.2.3")
@pytest.mark.parametrize("verb", ["cancel", "close", "delete"])
async def test_a_resource_is_ended(door: Door, verb: str) -> None:
    made = await door.post(create(["M1"]))
    ended = await door.post(by_id(verb, made.id))
    assert (door.status, ended.result, ended.id) == (200, "OK", made.id)
    answer = await door.post(by_id("get", made.id))
    assert answer.is_fault is (verb == "delete")


async def test_a_repeated_create_is_answered_by_the_same_resource(door: Door) -> None:
    header = "<mes:Source>MDM</mes:Source><mes:MessageID>0b1dd4b2-6f0d-4a5c-8e0c-6a1f6cfb0d3e</mes:MessageID>"
    first = await door.post(create(["M1"], header=header))
    again = await door.post(create(["M1"], header=header))
    assert again.id == first.id
    assert again.texts("//cos:double-long-unsigned") == ["1234"]
    assert len(door.devices.asked) == 1


async def test_a_compressed_payload_is_read(door: Door) -> None:
    payload = device_access(["M1"]).removeprefix("<mes:Payload>").removesuffix("</mes:Payload>")
    declared = envelope(payload)  # only for its namespace declarations
    root = etree.fromstring(declared)[0][0]
    packed = base64.b64encode(gzip.compress(etree.tostring(root))).decode()
    answer = await door.post(request("create", f"<mes:Payload><mes:Compressed>{packed}</mes:Compressed></mes:Payload>"))
    assert answer.result == "OK"


async def test_a_large_answer_comes_in_pieces(setting: Setting) -> None:
    names = [f"M{number}" for number in range(2000)]
    setting.devices = FakeDevices({name: [VALUE] for name in names})
    async for door in door_of(setting):
        answer = await door.post(create(names))
        assert answer.texts("//dev:CosemAccessResult/@DeviceID") == sorted(names)
        assert len(answer.octets) > 500_000


@pytest.mark.clause("8.2")
async def test_the_wsdl_names_the_address_it_was_asked_at(door: Door) -> None:
    async with door.client.get("/cas?wsdl") as response:
        assert (response.status, response.content_type) == (200, "text/xml")
        document = etree.fromstring(await response.read())
        origin = str(response.url.origin())
    locations = {str(address.get("location")) for address in document.iter("{*}address")}
    assert locations == {f"{origin}/cas"}
    (imported,) = document.iter("{http://www.w3.org/2001/XMLSchema}import")
    assert imported.get("schemaLocation") == f"{origin}/schemas/Message.xsd"


@pytest.mark.parametrize("name", ["Message.xsd", "DeviceAccess.xsd", "COSEMpdu.xsd"])
async def test_the_schemas_are_served(door: Door, name: str) -> None:
    async with door.client.get(f"/schemas/{name}") as response:
        assert response.status == 200
        assert etree.fromstring(await response.read()).tag == "{http://www.w3.org/2001/XMLSchema}schema"


@pytest.mark.parametrize("name", ["cas.wsdl", "..%2fpyproject.toml", "nothing.xsd"])
async def test_nothing_else_is_served(door: Door, name: str) -> None:
    async with door.client.get(f"/schemas/{name}") as response:
        assert response.status == 404


async def test_health_and_readiness(door: Door, setting: Setting) -> None:
    for ready, status in ((True, 200), (False, 503)):
        setting.ready = ready
        async with door.client.get("/health") as health, door.client.get("/ready") as readiness:
            assert (health.status, readiness.status) == (200, status)


# ---------------------------------------------------------------- what cannot be read

DOCTYPE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (b"", "empty"),
        (b"hello", "not XML"),
        (b"\xff\xfe\x00", "not XML"),
        (create(["M1"])[:-20], "not XML"),
        (DOCTYPE + create(["M1"]), "document type"),
        ((DOCTYPE.decode() + create(["M1"]).decode()).encode("utf-16"), "document type"),
        (b"<a/>", "no SOAP Envelope"),
        (create(["M1"]).replace(SOAP12.encode(), b"urn:soap"), "SOAP 1.2 or 1.1"),
        (envelope(""), "one child"),
        (envelope(f'<a/><b xmlns="{MES}"/>'), "one child"),
        (f'<s:Envelope xmlns:s="{SOAP12}"/>'.encode(), "one Body"),
        (b"<a>" * 300 + b"</a>" * 300, "not XML"),
    ],
)
async def test_what_is_no_soap_gets_a_soap_fault(door: Door, octets: bytes, word: str) -> None:
    answer = await door.post(octets)
    assert door.status == 400
    assert answer.is_fault
    assert answer.text("//soap:Code/soap:Value") in ("soap:Sender", "soap:VersionMismatch")
    assert word in answer.text("//soap:Reason/soap:Text") or word == "empty"
    assert not answer.all("//mes:FaultMessage")
    assert not door.store.resources
    assert (await door.post(create(["M1"]))).result == "OK"


async def test_a_fault_to_a_client_of_soap_11_is_one_of_soap_11(door: Door) -> None:
    answer = await door.post(b"hello", "text/xml")
    assert (door.status, answer.soap) == (400, SOAP11)
    assert answer.text("//faultcode") == "soap:Client"
    answer = await door.post(create(["nobody"], soap=SOAP11), "text/xml")
    assert (door.status, door.media_type) == (500, "text/xml")
    assert answer.texts("//detail/mes:FaultMessage/mes:Reply/mes:Error/mes:code") == ["2.4"]


def with_header(message: bytes, role: str) -> bytes:
    block = f'<soap:Header><x:Security xmlns:x="urn:x" soap:mustUnderstand="1" {role}/></soap:Header><soap:Body>'
    return message.replace(b"<soap:Body>", block.encode())


@pytest.mark.parametrize("role", ["", f'soap:role="{SOAP12}/role/next"', f'soap:role="{SOAP12}/role/ultimateReceiver"'])
async def test_a_header_that_must_be_understood_is_refused(door: Door, role: str) -> None:
    answer = await door.post(with_header(create(["M1"]), role))
    assert answer.text("//soap:Code/soap:Value") == "soap:MustUnderstand"
    assert "Security" in answer.text("//soap:Text")


@pytest.mark.parametrize("role", ["urn:another", f"{SOAP12}/role/none"])
async def test_a_header_for_somebody_else_is_left_alone(door: Door, role: str) -> None:
    answer = await door.post(with_header(create(["M1"]), f'soap:role="{role}"'))
    assert answer.result == "OK"
    answer = await door.post(with_header(create(["M1"], soap=SOAP11), 'soap:actor="urn:another"'), "text/xml")
    assert answer.result == "OK"


async def test_a_request_that_is_too_large_is_refused(door: Door) -> None:
    padding = b"<!--" + b"x" * LIMIT + b"-->"
    answer = await door.post(create(["M1"]) + padding)
    assert (door.status, answer.text("//soap:Code/soap:Value")) == (413, "soap:Sender")
    answer = await door.post(gzip.compress(create(["M1"]) + padding), **{"Content-Encoding": "gzip"})
    assert door.status == 413
    assert (await door.post(create(["M1"]))).result == "OK"


async def test_a_request_of_another_media_type_is_refused(door: Door) -> None:
    answer = await door.post(create(["M1"]), "application/json")
    assert (door.status, answer.is_fault) == (415, True)


async def test_only_post_takes_requests(door: Door) -> None:
    async with door.client.get("/cas") as got, door.client.put("/cas", data=create(["M1"])) as put:
        assert (got.status, put.status) == (405, 405)


# ---------------------------------------------------------------- what is read and refused


GET_NEXT = (
    "<cos:get-request><cos:get-request-next><cos:invoke-id-and-priority>1</cos:invoke-id-and-priority>"
    "<cos:block-number>1</cos:block-number></cos:get-request-next></cos:get-request>"
)


def broken(old: str, new: str) -> bytes:
    whole = create(["M1"], terms="<dev:Priority>3</dev:Priority>").decode()
    assert old in whole
    return whole.replace(old, new).encode()


@pytest.mark.clause("7.3")
@pytest.mark.parametrize(
    ("octets", "code", "xpath", "word"),
    [
        (broken("mes:RequestMessage", "dev:RequestMessage"), "1.8", "dev:RequestMessage", "mes:RequestMessage"),
        (broken("mes:RequestMessage", "mes:EventMessage"), "1.8", "mes:EventMessage", "mes:RequestMessage"),
        (broken(">create<", ">execute<"), "2.9", "mes:Verb", "'execute'"),
        (broken(">create<", ">erase<"), "2.9", "mes:Verb", "'erase'"),
        (broken("<mes:Noun>DeviceAccess", "<mes:Noun>MeterReadings"), "2.5", "mes:Noun", "'MeterReadings'"),
        (broken("<mes:Noun>DeviceAccess", "<mes:Noun>DeviceGroups"), "5.8", "mes:DeviceGroups", "payload"),
        (request("cancel", noun="DeviceGroup"), "2.9", "mes:Verb", "no verb cancel"),
        (request("delete", noun="DeviceGroups"), "1.6", "mes:ID", "name the group"),
        (request("create", noun="ResourceDirectory"), "2.9", "mes:Verb", "only get"),
        (envelope("<mes:CosemDeviceStatisticRequest>1</mes:CosemDeviceStatisticRequest>"), "1.8", None, "empty"),
        (broken("<mes:Verb>create</mes:Verb>", ""), "1.8", "mes:Noun", "Verb"),
        (broken("<dev:Priority>3", "<dev:Priority>300"), "1.8", "dev:Priority", "300"),
        (broken("<cos:class-id>3", "<cos:class-id>three"), "1.8", "cos:class-id", "three"),
        (broken("0100010800FF", "01000108"), "1.8", "cos:instance-id", "length"),
        (broken("dev:CosemAccessList", "dev:CosemList"), "1.8", "dev:CosemList", "CosemList"),
        (broken("cos:get-request>", "dev:get-request>"), "1.8", "dev:get-request", "get-request"),
        (create(["M1", "nobody"]), "2.4", "dev:DeviceReference", "DeviceReference[2]"),
        (create([]), "5.8", "dev:DevicesReferenceList", "DeviceReference"),
        (create(["M1"], []), "5.8", "dev:CosemAccessList", "CosemAccess"),
        (request("create"), "5.8", "mes:DeviceAccess", "payload"),
        (create(["M1"], terms="<dev:Expires>2001-01-01T00:00:00Z</dev:Expires>"), "2.29", "dev:Expires", "Expires"),
        (
            create(["M1"], terms="<dev:RepeatingInterval>P1D</dev:RepeatingInterval>"),
            "5.2",
            "dev:RepeatingInterval",
            "",
        ),
        (
            create(["M1"], header="<mes:AsyncReplyFlag>true</mes:AsyncReplyFlag>"),
            "1.5",
            "mes:ReplyAddress",
            "say where",
        ),
        (
            create(
                ["M1"],
                [GET_NEXT],
            ),
            "1.7",
            "cos:get-request-next",
            "block transfer",
        ),
        (by_id("get"), "1.6", "mes:ID", "Request"),
        (by_id("get", UNKNOWN_ID), "2.15", "mes:ID", UNKNOWN_ID),
        (by_id("cancel", "no uuid"), "2.15", "mes:ID", "no uuid"),
        (by_id("delete", UNKNOWN_ID), "2.15", "mes:ID", UNKNOWN_ID),
        (request("create", "<mes:Payload><mes:Compressed>%%</mes:Compressed></mes:Payload>"), "1.7", None, "gzip"),
        (
            request(
                "create",
                "<mes:Payload><mes:Compressed>"
                + base64.b64encode(gzip.compress(bytes(1_000_000))).decode()
                + "</mes:Compressed></mes:Payload>",
            ),
            "1.7",
            "mes:Compressed",
            "more than",
        ),
    ],
)
async def test_what_is_wrong_is_told_with_its_element(
    door: Door, octets: bytes, code: str, xpath: str | None, word: str
) -> None:
    answer = await door.post(octets)
    assert (door.status, answer.is_fault) == (400, True)
    assert answer.text("//soap:Code/soap:Value") == "soap:Sender"
    assert answer.text("//soap:Detail/mes:FaultMessage/mes:Reply/mes:Result") == "FAILED"
    assert answer.codes[0] == code
    first = "//mes:Error[1]"
    assert answer.texts(f"{first}/mes:level") == ["FATAL"]
    assert answer.text(f"{first}/mes:reason")
    assert word in answer.text(f"{first}/mes:details")
    if xpath is not None:
        assert answer.text(f"{first}/mes:xpath") == xpath
    assert not door.store.resources
    assert (await door.post(create(["M1"]))).result == "OK"


async def test_every_problem_is_told(door: Door) -> None:
    answer = await door.post(create(["x", "M1", "y"]))
    assert answer.codes == ["2.4", "2.4"]
    details = answer.texts("//mes:details")
    assert [place in text for place, text in zip(("[1]", "[3]"), details, strict=True)] == [True, True]
    assert "/soap:Body/mes:RequestMessage/mes:Payload/mes:DeviceAccess/dev:DevicesReferenceList/" in details[0]


def test_of_many_problems_of_several_kinds_the_last_error_counts_each_kind() -> None:
    unknown = [Problem(Code.DEVICE, f"{number}") for number in range(150)]
    over = [Problem(Code.RELATIONSHIP, "over", reason="resource is over")] * 2
    errors = errors_of([*unknown, *over], etree.Element(f"{{{MES}}}RequestMessage"))
    assert [error.details for error in errors[:100]] == [str(number) for number in range(100)]
    assert [error.details for error in errors[100:]] == ["50 more of: unknown device, 2 more of: resource is over"]


@pytest.mark.parametrize("tag", ["Source", "MessageID", "CorrelationID"])
async def test_what_names_a_message_has_a_limit(door: Door, tag: str) -> None:
    """Beyond it no index of the database takes it: the client was told to try again later, which never helped."""

    async def post(text: str) -> Answer:
        return await door.post(create(["M1"], header=f"<mes:{tag}>{text}</mes:{tag}>"))

    assert (await post("é" * 500)).result == "OK"
    answer = await post("é" * 501)
    assert (door.status, answer.codes, answer.texts("//mes:Error/mes:xpath")) == (400, ["1.5"], [f"mes:{tag}"])
    assert answer.texts("//mes:details") == [f"mes:{tag} may have 1000 octets in UTF-8, here are 1002"]


async def test_a_document_that_is_wrong_throughout_gets_a_short_answer(door: Door) -> None:
    answer = await door.post(create(["M1"], [GET_ENERGY.replace(">3<", ">x<")] * 100))
    assert len(answer.codes) == 21
    assert "more errors" in answer.texts("//mes:details")[-1]


async def test_text_that_needs_escaping_comes_back_whole(door: Door) -> None:
    answer = await door.post(create(["&lt;A&amp;B&gt;"]))
    assert "'<A&B>'" in answer.text("//mes:details")


# ---------------------------------------------------------------- what fails here


async def test_a_failure_of_the_program_tells_nothing_but_an_incident(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: object) -> None:
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr(door.store, "create", fail)
        answer = await door.post(create(["M1"]))
    assert (door.status, answer.text("//soap:Code/soap:Value")) == (500, "soap:Receiver")
    assert "incident" in answer.text("//soap:Text")
    assert b"secret detail" not in answer.octets
    assert (await door.post(create(["M1"]))).result == "OK"


async def test_a_stopping_service_says_try_later(setting: Setting) -> None:
    store = MemoryStore()
    access = AccessService(store, setting.devices, sync_wait=1)
    await access.stop(0)

    async def read() -> bytes:
        return create(["M1"])

    service = SoapService(access, NO_INVENTORY, OpenDoor(), limit=LIMIT)
    reply = await service.answer(read, "application/soap+xml", NOBODY)
    answer = Answer("".join([piece async for piece in reply.pieces]).encode())
    assert (reply.status, answer.codes) == (503, ["5.1"])


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = MemoryStore.results

    async def cut(store: MemoryStore, access_id: UUID, selection: Selection) -> AsyncIterator[Result]:
        number = 0
        async for result in results(store, access_id, selection):
            number += 1
            if number > 2500:
                raise RuntimeError("the database went away")
            yield result

    monkeypatch.setattr(MemoryStore, "results", cut)
    names = [f"M{number}" for number in range(3000)]
    setting.devices = FakeDevices({name: [VALUE] for name in names})
    async for door in door_of(setting):
        headers = {"Content-Type": "application/soap+xml"}
        async with door.client.post("/cas", data=create(names), headers=headers) as got:
            assert got.status == 200
            with pytest.raises(ClientError):
                await got.read()


async def test_content_that_does_not_unpack_is_refused(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    answer = await door.post(b"no gzip at all", **{"Content-Encoding": "gzip"})
    assert (door.status, answer.is_fault) == (400, True)
    assert (await door.post(create(["M1"]))).result == "OK"
    assert not [record for record in caplog.records if record.exc_info], "a client's fault is none of the program"


async def test_a_request_that_comes_too_slowly_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cas.soap.http.READ_TIMEOUT", 0.05)
    url = door.client.make_url("/cas")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = b"POST /cas HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<a>"
    writer.write(head)
    status = await reader.readline()
    assert b" 408 " in status
    writer.close()
    await writer.wait_closed()
    assert (await door.post(create(["M1"]))).result == "OK"


async def test_a_client_that_goes_away_inside_its_request_hurts_nobody(door: Door) -> None:
    url = door.client.make_url("/cas")
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /cas HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<a>")
    await writer.drain()
    writer.transport.abort()
    assert (await door.post(create(["M1"]))).result == "OK"
