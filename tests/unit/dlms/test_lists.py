"""Lists that a device does not take as they are: cut, asked for item by item, and answered as one."""

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import Request, encode_apdu
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.errors import EncodeError, RequestTooLong, UnexpectedApdu
from tests.unit.dlms.device import drive, opened, plain

SINGLE_ONLY = LOGICAL_NAME & ~Conformance.MULTIPLE_REFERENCES
CLOCK, ENERGY = bytes((0, 0, 1, 0, 0, 255)), bytes((1, 0, 1, 8, 0, 255))
DESCRIPTORS = (
    ("0008", CLOCK.hex().upper(), "02"),
    ("0003", ENERGY.hex().upper(), "02"),
    ("0003", ENERGY.hex().upper(), "03"),
)


def attributes(count: int) -> cos.ListOfCosemAttributeDescriptorWithSelection:
    known = [
        cos.CosemAttributeDescriptor(class_id=int(cls, 16), instance_id=bytes.fromhex(name), attribute_id=int(number))
        for cls, name, number in (DESCRIPTORS * count)[:count]
    ]
    return cos.ListOfCosemAttributeDescriptorWithSelection(
        cosem_attribute_descriptor_with_selection=tuple(
            cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=one) for one in known
        )
    )


def get_list(count: int = 3) -> cos.GetRequest:
    listed = cos.GetRequestWithList(invoke_id_and_priority=0xC9, attribute_descriptor_list=attributes(count))
    return cos.GetRequest(get_request_with_list=listed)


def set_list(*values: int) -> cos.SetRequest:
    data = cos.ListOfData(data=tuple(Data.of("unsigned", value) for value in values))
    listed = cos.SetRequestWithList(
        invoke_id_and_priority=0x49, attribute_descriptor_list=attributes(2), value_list=data
    )
    return cos.SetRequest(set_request_with_list=listed)


def act_list() -> cos.ActionRequest:
    methods = tuple(cos.CosemMethodDescriptor(class_id=70, instance_id=CLOCK, method_id=number) for number in (1, 2))
    listed = cos.ActionRequestWithList(
        invoke_id_and_priority=0xC9,
        cosem_method_descriptor_list=cos.ListOfCosemMethodDescriptor(cosem_method_descriptor=methods),
        method_invocation_parameters=cos.ListOfData(data=(Data.of("null-data"), Data.of("integer", 0))),
    )
    return cos.ActionRequest(action_request_with_list=listed)


def single(number: int) -> str:
    return "".join(DESCRIPTORS[number]) + "00"


def asked(
    settings_size: int | None, body: Request, *answers: str, conformance: Conformance = LOGICAL_NAME, size: int = 500
) -> tuple[str, list[str]]:
    association = opened(plain(conformance=conformance, list_size=settings_size), size=size)
    answer, sent = drive(association.request(body), *answers)
    return encode_apdu(answer).hex().upper(), sent


@pytest.mark.clause("Green Book 8.3, 9.4.6.1")
class TestWithoutMultipleReferences:
    def test_get_goes_item_by_item_and_comes_back_as_a_list(self) -> None:
        answer, sent = asked(None, get_list(), "C401C1001105", "C401C20104", "C401C3001107", conformance=SINGLE_ONLY)
        assert sent == ["C001C1" + single(0), "C001C2" + single(1), "C001C3" + single(2)]
        assert answer == "C403C903" + "001105" + "0104" + "001107"

    def test_a_long_value_among_them_comes_in_blocks(self) -> None:
        answer, _ = asked(
            None,
            get_list(2),
            "C402C100000000010003090305",
            "C402C1010000000200020607",
            "C401C2001107",
            conformance=SINGLE_ONLY,
        )
        assert answer == "C403C902" + "000903050607" + "001107"

    def test_set(self) -> None:
        answer, sent = asked(None, set_list(5, 6), "C501C100", "C501C203", conformance=SINGLE_ONLY)
        assert sent == ["C10141" + single(0) + "1105", "C10142" + single(1) + "1106"]
        assert answer == "C505490200" + "03"

    def test_action_leaves_out_parameters_that_are_null(self) -> None:
        answer, sent = asked(None, act_list(), "C701C10000", "C701C20300", conformance=SINGLE_ONLY)
        assert sent == [f"C301C10046{CLOCK.hex().upper()}0100", f"C301C20046{CLOCK.hex().upper()}02010F00"]
        assert answer == "C703C9020000" + "0300"

    def test_an_exception_leaves_other_reason_in_its_place(self) -> None:
        answer, _ = asked(None, get_list(2), "D80203", "C401C2001107", conformance=SINGLE_ONLY)
        assert answer == "C403C902" + "01FA" + "001107"

    def test_nothing_but_exceptions_are_the_answer(self) -> None:
        answer, _ = asked(None, get_list(2), "D80203", "D80202", conformance=SINGLE_ONLY)
        assert answer == "D80203"

    def test_an_association_that_is_gone_is_not_asked_again(self) -> None:
        answer, sent = asked(None, get_list(), "C401C1001105", "D80101", conformance=SINGLE_ONLY)
        assert len(sent) == 2
        assert answer == "C403C903" + "001105" + "01FA" + "01FA"


class TestLimits:
    def test_by_number_of_items(self) -> None:
        answer, sent = asked(2, get_list(), "C403C102001101001102", "C403C201001103")
        assert [apdu[:8] for apdu in sent] == ["C003C102", "C003C201"]
        assert answer == "C403C903" + "001101" + "001102" + "001103"

    def test_one_means_no_lists(self) -> None:
        answer, sent = asked(1, get_list(1), "C401C1001101")
        assert sent == ["C001C1" + single(0)]
        assert answer == "C403C901001101"

    def test_by_octets(self) -> None:
        without = LOGICAL_NAME & ~Conformance.GENERAL_BLOCK_TRANSFER
        answer, sent = asked(None, get_list(), "C403C102001101001102", "C403C201001103", conformance=without, size=24)
        assert [len(apdu) // 2 for apdu in sent] == [24, 14]
        assert answer == "C403C903" + "001101" + "001102" + "001103"

    def test_what_fits_goes_as_it_is(self) -> None:
        answer, sent = asked(3, get_list(), "C403C103001101001102001103")
        assert len(sent) == 1
        assert answer == "C403C903001101001102001103"

    def test_an_answer_of_another_length(self) -> None:
        with pytest.raises(UnexpectedApdu):
            asked(2, get_list(), "C403C101001101")

    def test_values_that_do_not_match_the_descriptors(self) -> None:
        with pytest.raises(EncodeError, match="3 for 2"):
            asked(None, set_list(1, 2, 3))

    def test_an_item_that_fits_no_request_is_told_before_anything_is_done(self) -> None:
        values = cos.ListOfData(data=(Data.of("unsigned", 1), Data.of("octet-string", bytes(99))))
        listed = cos.SetRequestWithList(
            invoke_id_and_priority=0x49, attribute_descriptor_list=attributes(2), value_list=values
        )
        bare = Conformance.SET | Conformance.MULTIPLE_REFERENCES
        with pytest.raises(RequestTooLong) as caught:
            asked(None, cos.SetRequest(set_request_with_list=listed), conformance=bare, size=40)
        assert caught.value.__notes__ == []


def access(number: int = 0x40000009) -> cos.AccessRequest:
    """GET of the clock, SET of the energy, ACTION of a method: 23 octets and 12 of the head."""
    clock = cos.CosemAttributeDescriptor(class_id=8, instance_id=CLOCK, attribute_id=2)
    energy = cos.CosemAttributeDescriptor(class_id=3, instance_id=ENERGY, attribute_id=2)
    method = cos.CosemMethodDescriptor(class_id=3, instance_id=ENERGY, method_id=1)
    items = (
        cos.AccessRequestSpecification(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=clock)),
        cos.AccessRequestSpecification(access_request_set=cos.AccessRequestSet(cosem_attribute_descriptor=energy)),
        cos.AccessRequestSpecification(
            access_request_action=cos.AccessRequestAction(cosem_method_descriptor=method),
        ),
    )
    data = (Data.of("null-data"), Data.of("unsigned", 5), Data.of("integer", 0))
    body = cos.AccessRequestBody(
        access_request_specification=cos.ListOfAccessRequestSpecification(access_request_specification=items),
        access_request_list_of_data=cos.ListOfData(data=data),
    )
    return cos.AccessRequest(long_invoke_id_and_priority=number, date_time=b"", access_request_body=body)


WITHOUT_BLOCKS = LOGICAL_NAME & ~Conformance.GENERAL_BLOCK_TRANSFER


class TestAccess:
    def test_in_as_many_requests_as_it_takes(self) -> None:
        answer, sent = asked(
            None,
            access(),
            "DA400000010000" + "02" + "1101" + "00" + "02" + "0100" + "0203",
            "DA400000020000" + "01" + "00" + "01" + "0300",
            conformance=WITHOUT_BLOCKS,
            size=34,
        )
        assert [apdu[:14] for apdu in sent] == ["D9400000010002", "D9400000020001"]
        assert all(len(apdu) // 2 <= 34 for apdu in sent)
        assert answer == "DA400000090000" + "03" + "1101" + "0000" + "03" + "0100" + "0203" + "0300"

    def test_an_exception_leaves_other_reason_in_the_kind_of_each(self) -> None:
        answer, _ = asked(2, access(), "D80203", "DA400000020000" + "01" + "00" + "01" + "0300")
        assert answer == "DA400000090000" + "03" + "000000" + "03" + "01FA" + "02FA" + "0300"

    def test_one_that_shall_break_at_an_error_is_not_cut(self) -> None:
        with pytest.raises(RequestTooLong):
            asked(None, access(0x60000009), conformance=WITHOUT_BLOCKS, size=34)
