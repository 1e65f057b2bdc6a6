"""Short name referencing: Read and Write octet by octet, and logical names on a device that knows none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.dlms import errors
from cas.dlms.acse import Settings
from cas.dlms.apdu import Request, Response, encode_apdu
from cas.dlms.association import Association
from cas.dlms.client import Client
from cas.dlms.conformance import SHORT_NAME, Conformance
from cas.dlms.requested import check_requested, requested
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.keys import Secret
from cas.dlms.server import ServerSettings
from cas.simulator import Simulator
from tests.unit.dlms.device import C_TO_S, PASS_3, PASS_4, Counter, drive, gmac
from tests.unit.dlms.test_server import AARQ_GMAC, KEYS, SERVER, Peer
from transports.registry import open_transport

INITIATE_RESPONSE = "0800065F1F04{:08X}{:04X}FA00"
ENERGY, CLOCK = Obis.parse("1.0.1.8.0.255").octets, Obis.parse("0.0.1.0.0.255").octets
PROFILE, MESSAGE = Obis.parse("1.0.99.1.0.255").octets, Obis.parse("0.0.96.13.0.255").octets
# base names 2BC0 and FE00 (signed in the list), as a device tells them
OBJECTS = (
    "0C010001020204"
     "102BC0" + "120003" + "1100" + "0906" + ENERGY.hex()
    + "0204" + "10FE00" + "120007" + "1101" + "0906" + PROFILE.hex()
)  # fmt: skip
OBJECT_LIST = "050102FA08"


def opened(size: int = 500, conformance: Conformance = SHORT_NAME, **changes: Any) -> Association:
    association = Association(Settings(conformance=conformance, short_names=True, **changes))
    answer = "6129A109060760857405080102A203020100A305A103020100BE10040E" + INITIATE_RESPONSE.format(conformance, size)
    _, sent = drive(association.associate(b""), answer)
    assert sent[0].startswith("601DA109060760857405080102BE10040E01000000065F1F04")
    return association


def read_request(*names: int) -> cos.ReadRequest:
    return cos.ReadRequest(
        variable_access_specification=tuple(cos.VariableAccessSpecification(variable_name=name) for name in names)
    )


def attribute(name: bytes, class_id: int, number: int = 2) -> cos.CosemAttributeDescriptor:
    return cos.CosemAttributeDescriptor(class_id=class_id, instance_id=name, attribute_id=number)


def get(
    descriptor: cos.CosemAttributeDescriptor, access: cos.SelectiveAccessDescriptor | None = None
) -> cos.GetRequest:
    normal = cos.GetRequestNormal(
        invoke_id_and_priority=0xC9, cosem_attribute_descriptor=descriptor, access_selection=access
    )
    return cos.GetRequest(get_request_normal=normal)


def set_(descriptor: cos.CosemAttributeDescriptor, value: Data) -> cos.SetRequest:
    normal = cos.SetRequestNormal(invoke_id_and_priority=0xC9, cosem_attribute_descriptor=descriptor, value=value)
    return cos.SetRequest(set_request_normal=normal)


def act(name: bytes, class_id: int, number: int, parameters: Data | None = None) -> cos.ActionRequest:
    method = cos.CosemMethodDescriptor(class_id=class_id, instance_id=name, method_id=number)
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=0xC9, cosem_method_descriptor=method, method_invocation_parameters=parameters
    )
    return cos.ActionRequest(action_request_normal=normal)


def get_list(*descriptors: cos.CosemAttributeDescriptor) -> cos.GetRequest:
    items = tuple(cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=one) for one in descriptors)
    listed = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=items)
    return cos.GetRequest(
        get_request_with_list=cos.GetRequestWithList(invoke_id_and_priority=0xC9, attribute_descriptor_list=listed)
    )


def asked(body: Request, *answers: str, **changes: Any) -> tuple[str, list[str]]:
    answer, sent = drive(opened(**changes).request(body), *answers)
    return encode_apdu(answer).hex().upper(), sent


@pytest.mark.clause("Green Book 8.3, 9.4.4.7")
class TestReadAndWrite:
    def test_read(self) -> None:
        assert asked(read_request(0x2BC8, 0x2BD0), "0C020006000030390104") == (
            "0C020006000030390104",
            ["0502022BC8022BD0"],
        )

    def test_a_long_answer(self) -> None:
        value = "0914" + bytes(range(20)).hex()
        raw = "0100" + value
        first, rest = raw[:20], raw[20:]
        answer, sent = asked(
            read_request(0x2BC8),
            f"0C0102000001{len(first) // 2:02X}{first}",
            f"0C0102010002{len(rest) // 2:02X}{rest}",
        )
        assert sent == ["0501022BC8", "0501050001"]
        assert answer == "0C" + raw.upper()

    def test_blocks_out_of_order(self) -> None:
        with pytest.raises(errors.BlockError):
            asked(read_request(0x2BC8), "0C01020000020401000932")

    def test_a_long_write_goes_in_blocks(self) -> None:
        body = cos.WriteRequest(
            variable_access_specification=cos.ListOfVariableAccessSpecification(
                variable_access_specification=(cos.VariableAccessSpecification(variable_name=0x2BC8),)
            ),
            list_of_data=cos.ListOfData(data=(Data.of("octet-string", bytes(40)),)),
        )
        answer, sent = asked(body, "0D01020001", "0D01020002", "0D0100", size=40)
        assert answer == "0D0100"
        assert all(len(apdu) // 2 <= 40 for apdu in sent)
        raw = "".join(apdu[2 + 2 + 2 + 2 + 4 + 2 + 4 :] for apdu in sent)
        assert raw == encode_apdu(body).hex().upper()[2:]
        assert [apdu[6:12] for apdu in sent] == ["000001", "000002", "010003"]

    @pytest.mark.parametrize("answer", ["0D01020002", "0D010200FF"])
    def test_another_block_is_acknowledged(self, answer: str) -> None:
        body = read_request(*range(0x2000, 0x2000 + 8 * 20, 8))
        with pytest.raises(errors.BlockError):
            asked(body, answer.replace("0D01", "0C01").replace("02", "03", 1), size=40)


@pytest.mark.clause("Green Book 8.3, 9.1.4.4.2")
class TestMapping:
    def test_get(self) -> None:
        answer, sent = asked(get(attribute(ENERGY, 3)), OBJECTS, "0C010006000030 39".replace(" ", ""))
        assert sent == [OBJECT_LIST, "0501022BC8"]
        assert answer == "C401C90006" + "00003039"

    def test_the_list_is_asked_for_once(self) -> None:
        association = opened()
        drive(association.request(get(attribute(ENERGY, 3))), OBJECTS, "0C01001105")
        _, sent = drive(association.request(get(attribute(PROFILE, 7, 4))), "0C01001105")
        assert sent == ["050102FE18"]

    def test_a_selection_is_a_parameter(self) -> None:
        access = cos.SelectiveAccessDescriptor(access_selector=2, access_parameters=Data.of("unsigned", 7))
        _, sent = asked(get(attribute(PROFILE, 7), access), OBJECTS, "0C010104")
        assert sent[1] == "050104FE08021107"

    def test_get_with_list_and_an_object_that_there_is_not(self) -> None:
        body = get_list(attribute(ENERGY, 3), attribute(CLOCK, 8), attribute(ENERGY, 3, 3))
        answer, sent = asked(body, OBJECTS, "0C020011050103")
        assert sent[1] == "0502022BC8022BD0"
        assert answer == "C403C903" + "001105" + "0104" + "0103"

    def test_without_multiple_references(self) -> None:
        body = get_list(attribute(ENERGY, 3), attribute(ENERGY, 3, 3))
        conformance = SHORT_NAME & ~Conformance.MULTIPLE_REFERENCES
        answer, sent = asked(body, OBJECTS, "0C01001105", "0C010103", conformance=conformance)
        assert sent[1:] == ["0501022BC8", "0501022BD0"]
        assert answer == "C403C902" + "001105" + "0103"

    def test_nothing_is_asked_for_an_object_that_there_is_not(self) -> None:
        assert asked(get(attribute(CLOCK, 8)), OBJECTS) == ("C401C90104", [OBJECT_LIST])

    def test_set(self) -> None:
        answer, sent = asked(set_(attribute(ENERGY, 3), Data.of("unsigned", 5)), OBJECTS, "0D010103")
        assert sent[1] == "0601022BC8011105"
        assert answer == "C501C903"

    def test_a_method_is_written_to(self) -> None:
        answer, sent = asked(act(PROFILE, 7, 2), OBJECTS, "0D0100")
        assert sent[1] == "060102FE60010F00"
        assert answer == "C701C90000"

    def test_a_method_whose_short_name_is_not_known(self) -> None:
        with pytest.raises(errors.EncodeError, match="method 9 of class 7"):
            asked(act(PROFILE, 7, 9), OBJECTS)

    def test_an_error_of_the_device_is_the_answer(self) -> None:
        assert asked(get(attribute(ENERGY, 3)), OBJECTS, "0E050401")[0] == "0E050401"

    @pytest.mark.parametrize("answer", ["0C010104", "0C01001105", "0D0100", "0C01000101020110FE00"])
    def test_no_object_list(self, answer: str) -> None:
        with pytest.raises(errors.RemoteProtocolError):
            asked(get(attribute(ENERGY, 3)), answer)


@asynccontextmanager
async def simulated(**changes: Any) -> AsyncIterator[tuple[Simulator, Client]]:
    async with Simulator(model="residential", authentication="lls", oddities=["short-names"]) as simulator:
        settings = Settings(
            conformance=SHORT_NAME,
            short_names=True,
            mechanism=Mechanism.LOW,
            password=Secret(simulator.meter(0).secret.octets),
            **changes,
        )
        async with Client(open_transport(simulator.url(0)), settings) as client:
            yield simulator, client


def data_of(answer: Response) -> Data:
    assert isinstance(answer, cos.GetResponse), answer
    assert answer.get_response_normal is not None
    assert answer.get_response_normal.result.data is not None, answer
    return answer.get_response_normal.result.data


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
class TestHighLevelSecurity:
    """The passes of the Green Book's worked example, by FA58, method 8 of Association SN (Blue Book 12, 4.4.3)."""

    AARE = (
        "6142A109060760857405080102A203020100A305A10302010E88020780890760857405080205AA0A8008503677524A323146BE10040E"
        + INITIATE_RESPONSE.format(SHORT_NAME, 500)
    )
    PASS_3_READ = "050104FA58000911" + PASS_3.hex().upper()

    def settings(self, **changes: Any) -> Settings:
        return gmac(conformance=SHORT_NAME, short_names=True, **changes)

    def test_the_proof_is_the_parameter_of_a_read(self) -> None:
        association = Association(self.settings(), Counter())
        _, sent = drive(association.associate(C_TO_S), self.AARE, "0C01000911" + PASS_4.hex())
        assert sent[1] == self.PASS_3_READ
        answer, _ = drive(association.request(get(attribute(ENERGY, 3))), OBJECTS, "0C01001105")
        assert isinstance(answer, cos.GetResponse)

    @pytest.mark.parametrize("answer", ["0C01010B", "0C010000", "0C01000911" + "00" * 17, "0C01000900"])
    def test_a_refusal_and_a_wrong_proof(self, answer: str) -> None:
        association = Association(self.settings(), Counter())
        with pytest.raises(errors.AuthenticationFailed):
            drive(association.associate(C_TO_S), self.AARE, answer)

    def test_without_parameterised_access_there_is_none(self) -> None:
        association = Association(self.settings(), Counter())
        conformance = SHORT_NAME & ~Conformance.PARAMETERIZED_ACCESS
        aare = self.AARE.replace(f"{SHORT_NAME:08X}", f"{conformance:08X}")
        with pytest.raises(errors.ServiceNotSupported, match="parameterized-access"):
            drive(association.associate(C_TO_S), aare)

    def test_the_other_side(self) -> None:
        settings = ServerSettings(SERVER, mechanism=Mechanism.HIGH_GMAC, keys=KEYS, short_names=True)
        peer = Peer(replace(settings, conformance=SHORT_NAME))
        aarq = AARQ_GMAC.replace("080101", "080102").replace("00007E1F", f"{SHORT_NAME:08X}")
        assert "A305A10302010E" in peer.ask(aarq)
        assert peer.ask("050102FA08") == "D80101"  # nothing is served before
        assert peer.ask(self.PASS_3_READ[:-2] + "29") == "0C0101FA"
        peer.ask(aarq)
        assert peer.ask(self.PASS_3_READ) == "0C01000911" + PASS_4.hex().upper()
        assert peer.ask("050102FA08").startswith("0C010001")


class TestSimulatedMeter:
    async def test_reads_writes_and_runs_methods_by_logical_names(self) -> None:
        async with simulated() as (simulator, client):
            assert client.negotiated is not None
            assert client.negotiated.vaa_name & 0xFFFF == 0xFA00
            energy = data_of(await client.request(get(attribute(ENERGY, 3))))
            assert energy.value == simulator.meter(0).value("1.0.1.8.0.255")
            before = simulator.meter(0).clock_offset
            shifted = await client.request(act(CLOCK, 8, 6, Data.of("long", 60)))
            assert encode_apdu(shifted).hex().upper() == "C701C90000"
            assert simulator.meter(0).clock_offset == before + 60
            assert isinstance(
                await client.request(get_list(attribute(ENERGY, 3), attribute(CLOCK, 8))), cos.GetResponse
            )

    @pytest.mark.parametrize("size", [64, 200, 0])
    async def test_a_long_value_in_blocks(self, size: int) -> None:
        async with simulated(max_pdu=size) as (_, client):
            found = data_of(await client.request(get(attribute(PROFILE, 7, 3))))
            assert len(found.children()) > 2

    async def test_a_meter_with_short_names_refuses_logical_ones(self) -> None:
        async with Simulator(model="minimal", oddities=["short-names"]) as simulator:
            with pytest.raises(errors.AssociationRefused, match="application-context-name"):
                await Client(open_transport(simulator.url(0)), Settings()).open()


def test_an_association_that_somebody_asks_for_may_have_short_names() -> None:
    aarq = cos.AarqApdu(application_context_name="2.16.756.5.8.1.2")
    check_requested(aarq)
    assert requested(aarq, Settings(conformance=SHORT_NAME)).short_names
