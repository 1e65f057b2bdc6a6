"""Block transfer of GET, SET and ACTION: what is sent and what is put together, octet by octet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.scanning import length
from cas.dlms import errors
from cas.dlms.apdu import Request, encode_apdu
from cas.dlms.association import Association
from cas.dlms.conformance import LOGICAL_NAME, Conformance
from cas.dlms.states import State
from cas.dlms.xdlms.exchange import Gathering
from tests.unit.dlms.device import CLOCK, Counter, ciphered, drive, get, opened, plain, seal, unseal

METHOD = cos.CosemMethodDescriptor(class_id=18, instance_id=bytes((0, 0, 44, 0, 0, 255)), method_id=2)
CLOCK_OCTETS = "00080000010000FF02"
METHOD_OCTETS = "001200002C0000FF02"
STRING = Data.of("octet-string", bytes(range(60)))
RAW = STRING.octets.hex().upper()
ALL = plain(conformance=LOGICAL_NAME)


WITHOUT_BLOCKS = LOGICAL_NAME & ~(
    Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)


def block(number: int, raw: str, *, last: bool = False, ip: str = "C1") -> str:
    """get-response-with-datablock."""
    return f"C402{ip}{last:02X}{number:08X}00{len(raw) // 2:02X}{raw}"


def pblock(number: int, raw: str, *, last: bool = False, ip: str = "C1") -> str:
    """action-response-with-pblock."""
    return f"C702{ip}{last:02X}{number:08X}{len(raw) // 2:02X}{raw}"


def asking(number: int, ip: str = "C1") -> str:
    return f"C002{ip}{number:08X}"


def get_list(count: int) -> cos.GetRequest:
    entry = cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=CLOCK)
    listed = cos.ListOfCosemAttributeDescriptorWithSelection(cosem_attribute_descriptor_with_selection=(entry,) * count)
    return cos.GetRequest(
        get_request_with_list=cos.GetRequestWithList(invoke_id_and_priority=0xC1, attribute_descriptor_list=listed)
    )


def set_one(value: Data, selection: cos.SelectiveAccessDescriptor | None = None) -> cos.SetRequest:
    return cos.SetRequest(
        set_request_normal=cos.SetRequestNormal(
            invoke_id_and_priority=0xC1, cosem_attribute_descriptor=CLOCK, access_selection=selection, value=value
        )
    )


def set_list(*values: Data) -> cos.SetRequest:
    listed = get_list(len(values)).get_request_with_list
    assert listed is not None
    return cos.SetRequest(
        set_request_with_list=cos.SetRequestWithList(
            invoke_id_and_priority=0xC1,
            attribute_descriptor_list=listed.attribute_descriptor_list,
            value_list=cos.ListOfData(data=values),
        )
    )


def act(parameters: Data | None) -> cos.ActionRequest:
    return cos.ActionRequest(
        action_request_normal=cos.ActionRequestNormal(
            invoke_id_and_priority=0xC1, cosem_method_descriptor=METHOD, method_invocation_parameters=parameters
        )
    )


def act_list(*parameters: Data) -> cos.ActionRequest:
    methods = cos.ListOfCosemMethodDescriptor(cosem_method_descriptor=(METHOD,) * len(parameters))
    return cos.ActionRequest(
        action_request_with_list=cos.ActionRequestWithList(
            invoke_id_and_priority=0xC1,
            cosem_method_descriptor_list=methods,
            method_invocation_parameters=cos.ListOfData(data=parameters),
        )
    )


def run(body: Request, *answers: str | bytes, association: Association | None = None) -> tuple[str, list[str]]:
    answer, sent = drive((association or opened(ALL)).request(body), *answers)
    return encode_apdu(answer).hex().upper(), sent


def fails(body: Request, *answers: str, association: Association | None = None) -> errors.DlmsError:
    with pytest.raises(errors.DlmsError) as caught:
        run(body, *answers, association=association)
    return caught.value


@pytest.mark.clause("Green Book 8.3, 9.4.6.6")
class TestGet:
    def test_blocks_are_asked_for_and_put_together(self) -> None:
        answer, sent = run(get(), block(1, RAW[:40]), block(2, RAW[40:80]), block(3, RAW[80:], last=True))
        assert sent == ["C001C1" + CLOCK_OCTETS + "00", asking(1), asking(2)]
        assert answer == "C401C100" + RAW

    def test_the_examples_of_the_green_book(self) -> None:
        first = "C402C10000000001001E09320102030405060708090A0B0C0D0E0F101112131415161718191A1B1C"
        last = "C402C1010000000200161D1E1F202122232425262728292A2B2C2D2E2F303132"
        answer, sent = run(get(), first, last)
        assert answer == "C401C1000932" + bytes(range(1, 51)).hex().upper()
        assert sent[1] == asking(1)

    def test_a_single_block_is_the_whole(self) -> None:
        answer, sent = run(get(), block(1, RAW, last=True))
        assert answer == "C401C100" + RAW
        assert len(sent) == 1

    def test_the_answer_has_the_invoke_id_of_the_request(self) -> None:
        answer, _ = run(get(ip=0x87), block(1, RAW, last=True))
        assert answer.startswith("C40187")

    def test_of_a_list(self) -> None:
        results = "02" + "00" + RAW + "0104"
        answer, sent = run(get_list(2), block(1, results[:50]), block(2, results[50:], last=True))
        assert sent[0].startswith("C003C102")
        assert answer == "C403C1" + results

    def test_empty_blocks_do_no_harm(self) -> None:
        answer, sent = run(get(), block(1, ""), block(2, RAW), block(3, "", last=True))
        assert answer == "C401C100" + RAW
        assert len(sent) == 3

    @pytest.mark.parametrize("number", [0, 1, 3, 0xFFFFFFFF])
    def test_another_number_than_the_next(self, number: int) -> None:
        error = fails(get(), block(1, RAW[:40]), block(number, RAW[40:], last=True))
        assert isinstance(error, errors.BlockError)
        assert f"block {number} came where block 2 was due" in str(error)
        assert not error.association_usable

    @pytest.mark.parametrize("number", [0, 2])
    def test_the_first_is_number_1(self, number: int) -> None:
        assert isinstance(fails(get(), block(number, RAW, last=True)), errors.BlockError)

    def test_empty_blocks_without_end(self) -> None:
        answers = [block(number, "") for number in range(1, 10)]
        error = fails(get(), *answers)
        assert isinstance(error, errors.BlockError)
        assert len(error.__notes__) == 9

    def test_blocks_without_end(self) -> None:
        gathering = Gathering(limit=1000)
        gathering.take(1, bytes(600))
        with pytest.raises(errors.BlockError, match="exceeds 1000 octets"):
            gathering.take(2, bytes(600))
        assert gathering.received == 1

    @pytest.mark.parametrize("last", ["00", "01"])
    def test_the_device_gives_up(self, last: str) -> None:
        association = opened(ALL)
        answer, _ = run(get(), block(1, RAW[:40]), f"C402C1{last}00000002010F", association=association)
        assert answer == "C401C1010F"  # long-get-aborted
        assert association.state is State.ASSOCIATED

    def test_the_device_gives_up_a_list(self) -> None:
        answer, _ = run(get_list(3), "C402C101000000010102")
        assert answer == "C403C103010201020102"

    @pytest.mark.parametrize("answer", ["D80203", "0E050401"])
    def test_an_error_in_the_midst_is_the_answer(self, answer: str) -> None:
        found, _ = run(get(), block(1, RAW[:40]), answer)
        assert found == answer

    @pytest.mark.parametrize(
        "answer", ["C401C1000600003039", "C401C1010F", "C403C100", "C501C100", "C702C101000000020100"]
    )
    def test_another_answer_in_the_midst(self, answer: str) -> None:
        error = fails(get(), block(1, RAW[:40]), answer)
        assert isinstance(error, errors.UnexpectedApdu)
        assert not error.association_usable

    def test_late_answers_and_notifications_in_the_midst(self) -> None:
        association = opened(ALL)
        stale = block(2, "FFFF", ip="C0")
        answer, _ = run(
            get(), block(1, RAW[:40]), stale, "0F00000001000200", block(2, RAW[40:], last=True), association=association
        )
        assert answer == "C401C100" + RAW
        assert len(association.notifications) == 1

    @pytest.mark.parametrize("raw", ["", "0910", "FF" * 9, "0911" + "00" * 18, "06000000"])
    def test_blocks_that_make_up_no_data(self, raw: str) -> None:
        error = fails(get(), block(1, raw, last=True))
        assert isinstance(error, errors.DecodeError)
        assert not error.association_usable

    def test_blocks_that_make_up_no_list(self) -> None:
        assert isinstance(fails(get_list(2), block(1, "0200", last=True)), errors.DecodeError)

    @settings(max_examples=30)
    @given(st.binary(min_size=1, max_size=400), st.data())
    def test_any_cut_makes_the_same_whole(self, octets: bytes, data: st.DataObject) -> None:
        raw = Data.of("octet-string", octets).octets
        cuts = sorted(data.draw(st.lists(st.integers(1, len(raw) - 1), max_size=6, unique=True)))
        parts = [raw[a:b].hex().upper() for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
        answers = [
            f"C402C1{n == len(parts):02X}{n:08X}00{length(len(p) // 2).hex()}{p}" for n, p in enumerate(parts, 1)
        ]
        answer, sent = run(get(), *answers)
        assert answer == "C401C100" + raw.hex().upper()
        assert sent[1:] == [asking(n) for n in range(1, len(parts))]


def taken(number: int, ip: str = "C1") -> str:
    """set-response-datablock: block `number` was received."""
    return f"C502{ip}{number:08X}"


@pytest.mark.clause("Green Book 8.3, 9.4.6.7")
class TestSet:
    """A device that takes 40 octets: 24 of head and descriptor, so 13 or 27 octets of raw-data in a block."""

    def test_what_fits_goes_as_it_is(self) -> None:
        value = Data.of("octet-string", bytes(24))
        answer, sent = run(set_one(value), "C501C100", association=opened(ALL, size=39))
        assert sent == ["C101C1" + CLOCK_OCTETS + "00" + value.octets.hex()]
        assert len(sent[0]) // 2 == 39
        assert answer == "C501C100"

    def test_what_does_not_goes_in_blocks(self) -> None:
        answer, sent = run(set_one(STRING), taken(1), taken(2), "C503C10000000003", association=opened(ALL, size=40))
        first, second, third = sent
        assert first == "C102C1" + CLOCK_OCTETS + "00" + "00" + "00000001" + f"{14:02X}" + RAW[:28]
        assert second == "C103C1" + "00" + "00000002" + f"{27:02X}" + RAW[28:82]
        assert third == "C103C1" + "01" + "00000003" + f"{21:02X}" + RAW[82:]
        assert answer == "C501C100"

    def test_the_selection_goes_with_the_first_block(self) -> None:
        selection = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=Data.of("unsigned", 7))
        _, sent = run(
            set_one(STRING, selection), taken(1), taken(2), "C503C10000000003", association=opened(ALL, size=45)
        )
        assert sent[0].startswith("C102C1" + CLOCK_OCTETS + "01" + "011107" + "0000000001")

    def test_a_list(self) -> None:
        answer, sent = run(
            set_list(STRING, Data.of("unsigned", 1)),
            taken(1),
            "C504C102000300000002",
            association=opened(ALL, size=60),
        )
        assert sent[0].startswith("C105C102" + (CLOCK_OCTETS + "00") * 2 + "0000000001")
        raw = "".join(apdu[apdu.index(f"{n:08X}") + 10 :] for n, apdu in enumerate(sent, 1))
        assert raw == "02" + RAW + "1101"
        assert answer == "C505C1020003"

    @pytest.mark.parametrize("answer", ["C503C10B00000001", "C501C10B"])
    def test_the_device_gives_up(self, answer: str) -> None:
        found, sent = run(set_one(STRING), answer, association=opened(ALL, size=40))
        assert found == "C501C10B"
        assert len(sent) == 1

    @pytest.mark.parametrize("answer", ["D80203", "0E060401"])
    def test_an_error_in_the_midst_is_the_answer(self, answer: str) -> None:
        found, _ = run(set_one(STRING), taken(1), answer, association=opened(ALL, size=40))
        assert found == answer

    @pytest.mark.parametrize(
        ("answers", "kind"),
        [
            ([taken(2)], errors.BlockError),
            ([taken(0)], errors.BlockError),
            ([taken(1), taken(1)], errors.BlockError),
            ([taken(1), taken(2), taken(3)], errors.BlockError),
            ([taken(1), "C401C1000600003039"], errors.UnexpectedApdu),
            ([taken(1), "C701C10000"], errors.UnexpectedApdu),
            ([taken(1), "C502C1"], errors.DecodeError),
        ],
    )
    def test_other_acknowledgements(self, answers: list[str], kind: type) -> None:
        error = fails(set_one(STRING), *answers, association=opened(ALL, size=40))
        assert type(error) is kind
        assert not error.association_usable

    def test_without_the_service_it_is_not_sent(self) -> None:
        settings = plain(conformance=WITHOUT_BLOCKS)
        association = opened(settings, size=40)
        error = fails(set_one(STRING), association=association)
        assert isinstance(error, errors.RequestTooLong)
        assert (error.length, error.limit) == (75, 40)
        assert association.state is State.ASSOCIATED

    @pytest.mark.parametrize("size", [12, 20, 26])
    def test_not_even_the_descriptor_fits(self, size: int) -> None:
        error = fails(set_one(STRING), association=opened(ALL, size=size))
        assert isinstance(error, errors.RequestTooLong)
        assert error.association_usable


def more(number: int) -> str:
    """action-response-next-pblock: block `number` was received."""
    return f"C704C1{number:08X}"


@pytest.mark.clause("Green Book 8.3, 9.4.6.8")
class TestAction:
    def test_parameters_in_blocks(self) -> None:
        answer, sent = run(act(STRING), more(1), more(2), "C701C10000", association=opened(ALL, size=40))
        first, second, third = sent
        assert first == "C304C1" + METHOD_OCTETS + "00" + "00000001" + f"{len(first) // 2 - 18:02X}" + first[36:]
        assert first[36:] + second[18:] + third[18:] == RAW
        assert second[:16] == "C306C10000000002"
        assert third[:16] == "C306C10100000003"
        assert answer == "C701C10000"

    def test_a_list_in_blocks(self) -> None:
        answer, sent = run(
            act_list(STRING, STRING), more(1), more(2), more(3), "C703C10200000300", association=opened(ALL, size=60)
        )
        assert sent[0].startswith("C305C102" + METHOD_OCTETS * 2 + "0000000001")
        assert answer == "C703C10200000300"

    def test_an_answer_in_blocks(self) -> None:
        """Action-Response-With-Optional-Data in the blocks: result, presence, data, value."""
        raw = "00" + "01" + "00" + RAW
        answer, sent = run(act(None), pblock(1, raw[:60]), pblock(2, raw[60:], last=True))
        assert sent == ["C301C1" + METHOD_OCTETS + "00", "C302C100000001"]
        assert answer == "C701C1" + raw

    @pytest.mark.parametrize("head", ["", "00"])
    def test_an_answer_in_blocks_without_its_result(self, head: str) -> None:
        """What some devices send: the return parameters, or only their Data."""
        answer, _ = run(act(None), pblock(1, head + RAW[:60]), pblock(2, RAW[60:], last=True))
        assert answer == "C701C1" + "000100" + RAW

    def test_a_list_of_answers_in_blocks(self) -> None:
        raw = "02" + "000100" + RAW + "0300"
        answer, _ = run(act_list(STRING, STRING), pblock(1, raw[:60]), pblock(2, raw[60:], last=True))
        assert answer == "C703C1" + raw

    def test_both_ways(self) -> None:
        raw = "000100" + RAW
        answer, sent = run(
            act(STRING),
            more(1),
            more(2),
            pblock(1, raw[:40]),
            pblock(2, raw[40:], last=True),
            association=opened(ALL, size=40),
        )
        assert sent[3] == "C302C100000001"
        assert answer == "C701C1" + raw

    @pytest.mark.parametrize(
        ("answers", "kind"),
        [
            ([more(2)], errors.BlockError),
            ([more(1), more(1)], errors.BlockError),
            ([more(1), more(2), more(3)], errors.BlockError),
            ([pblock(2, "00")], errors.BlockError),
            ([more(1), more(2), pblock(1, "00"), more(2)], errors.UnexpectedApdu),
            ([more(1), more(2), pblock(1, "00"), pblock(1, "00", last=True)], errors.BlockError),
            ([more(1), more(2), pblock(1, "FF00FF", last=True)], errors.DecodeError),
            ([more(1), taken(2)], errors.UnexpectedApdu),
        ],
    )
    def test_other_answers(self, answers: list[str], kind: type) -> None:
        error = fails(act(STRING), *answers, association=opened(ALL, size=40))
        assert type(error) is kind
        assert not error.association_usable

    def test_an_error_in_the_midst_is_the_answer(self) -> None:
        assert run(act(STRING), more(1), "D80203", association=opened(ALL, size=40))[0] == "D80203"
        assert run(act(None), pblock(1, "00"), "D80203")[0] == "D80203"
        assert run(act(STRING), more(1), "C701C10400", association=opened(ALL, size=40))[0] == "C701C10400"

    @pytest.mark.parametrize("body", [act(None), act(STRING), act_list(STRING)])
    def test_not_even_the_descriptor_fits(self, body: cos.ActionRequest) -> None:
        error = fails(body, association=opened(ALL, size=12))
        assert isinstance(error, errors.RequestTooLong)
        assert error.association_usable

    def test_without_the_service_it_is_not_sent(self) -> None:
        settings = plain(conformance=WITHOUT_BLOCKS)
        assert isinstance(fails(act(STRING), association=opened(settings, size=40)), errors.RequestTooLong)


class Taker:
    """A device that takes blocks of any request, ciphered or not, and says which octets came."""

    def __init__(self, association: Association, *, ciphering: bool) -> None:
        self.association = association
        self.ciphering = ciphering
        self.longest = 0
        self.raw = ""

    def take(self, body: Request) -> str:
        procedure = self.association.request(body)
        outgoing = next(procedure)
        counter = 1
        try:
            while True:
                assert isinstance(outgoing, bytes)
                self.longest = max(self.longest, len(outgoing))
                apdu = unseal(outgoing.hex()) if self.ciphering else outgoing.hex().upper()
                answer = self.answer(apdu)
                outgoing = procedure.send(seal(answer, counter) if self.ciphering else bytes.fromhex(answer))
                counter += 1
        except StopIteration as stop:
            return encode_apdu(stop.value).hex().upper()

    def answer(self, apdu: str) -> str:
        service, form = apdu[:2], apdu[2:4]
        if form == "01":
            self.raw = apdu[len("C101C1" + CLOCK_OCTETS + "00") :]
            return f"C5{form}C100" if service == "C1" else "C701C10000"
        at = {"C102": 26, "C103": 6, "C304": 24, "C306": 6}[service + form]
        last, number = apdu[at : at + 2] == "01", apdu[at + 2 : at + 10]
        size = int(apdu[at + 10 : at + 12], 16)
        head = at + 12
        if size > 0x80:
            head += 2 * (size & 0x7F)
        self.raw += apdu[head:]
        if service == "C1":
            return f"C503C100{number}" if last else f"C502C1{number}"
        return "C701C10000" if last else f"C704C1{number}"


@settings(max_examples=80)
@given(st.binary(max_size=1500), st.integers(60, 700), st.booleans(), st.booleans(), st.booleans())
def test_no_apdu_exceeds_what_the_device_takes(
    octets: bytes, size: int, ciphering: bool, general: bool, action: bool
) -> None:
    value = Data.of("octet-string", octets)
    given = ciphered(conformance=LOGICAL_NAME, general=general) if ciphering else ALL
    device = Taker(
        opened(given, Counter(), size=size) if not ciphering else _ciphered(size, general), ciphering=ciphering
    )
    answer = device.take(act(value) if action else set_one(value))
    assert answer == ("C701C10000" if action else "C501C100")
    assert device.raw == value.octets.hex().upper()
    assert device.longest <= size


def _ciphered(size: int, general: bool) -> Association:
    association = Association(ciphered(conformance=LOGICAL_NAME, general=general), Counter())
    sealed = seal(f"0800065F1F0400{LOGICAL_NAME:06X}{size:04X}0007", 0)
    body = bytes.fromhex("A109060760857405080103A203020100A305A103020100")
    body += bytes((0xBE, len(sealed) + 2, 0x04, len(sealed))) + sealed
    drive(association.associate(b""), bytes((0x61, len(body))) + body)
    return association


@settings(max_examples=25)
@given(st.integers(1, 140), st.booleans())
def test_small_devices_get_what_fits_or_nothing(size: int, action: bool) -> None:
    device = Taker(opened(ALL, size=size), ciphering=False)
    try:
        device.take(act(STRING) if action else set_one(STRING))
    except errors.RequestTooLong:
        assert size < 40
    else:
        assert device.raw == RAW
    assert device.longest <= size
