"""One service in an open association: whose answer it is, what protects it, and what state an error leaves."""

from dataclasses import replace

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms import errors
from cas.dlms.apdu import Request, encode_apdu
from cas.dlms.association import Association
from cas.dlms.conformance import LOGICAL_NAME, SHORT_NAME, Conformance
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection
from cas.dlms.states import State
from tests.unit.dlms.device import (
    CLOCK,
    KEYS,
    SERVER_TITLE,
    Counter,
    ciphered,
    drive,
    get,
    opened,
    plain,
    seal,
    unseal,
)

REQUEST = "C001{}00080000010000FF0200"
ANSWER = "C401{}000600003039"
NOTIFICATION = "0F00000001000200"
EVENT = "C20000010000600BD8FF021101"
REPORT = "180001022BC8011105"


def failing(association: Association, body: Request, *answers: str | bytes) -> errors.DlmsError:
    with pytest.raises(errors.DlmsError) as caught:
        drive(association.request(body), *answers)
    return caught.value


class TestAnswers:
    def test_carries_the_invoke_id_of_the_request(self) -> None:
        answer, sent = drive(opened().request(get(ip=0xC7)), ANSWER.format("C1"))
        assert sent == [REQUEST.format("C1")]
        assert encode_apdu(answer).hex().upper() == ANSWER.format("C7")

    def test_every_request_has_a_number_of_its_own(self) -> None:
        association = opened()
        numbers = []
        for number in range(1, 20):
            _, sent = drive(association.request(get(ip=0x81)), ANSWER.format(f"C{number & 15:X}"))
            numbers.append(sent[0][4:6])
        assert numbers[:3] == ["C1", "C2", "C3"]  # and priority as asked, but always confirmed
        assert numbers[13:17] == ["CE", "CF", "C0", "C1"]

    def test_bits_of_an_answer_other_than_the_number_do_not_matter(self) -> None:
        answer, _ = drive(opened().request(get(ip=0xC1)), ANSWER.format("01"))
        assert encode_apdu(answer).hex().upper() == ANSWER.format("C1")

    def test_stale_answers_before_the_right_one_are_dropped(self) -> None:
        association = opened()
        answer, _ = drive(
            association.request(get()), ANSWER.format("CE"), "C501C003", "C701C00000", ANSWER.format("C1")
        )
        assert isinstance(answer, cos.GetResponse)

    def test_nothing_but_stale_answers(self) -> None:
        error = failing(opened(), get(), *[ANSWER.format("C5")] * 8)
        assert isinstance(error, errors.InvokeIdMismatch)
        assert (error.received, error.expected) == (0xC5, 0xC1)
        assert not error.association_usable

    def test_notifications_between_are_kept_in_order_however_many(self) -> None:
        association = opened()
        drive(association.request(get()), *[NOTIFICATION, EVENT, REPORT] * 10, ANSWER.format("C1"))
        kinds = [type(n) for n in association.notifications[:3]]
        assert kinds == [cos.DataNotification, cos.EventNotificationRequest, cos.InformationReportRequest]
        assert len(association.notifications) == 30

    @pytest.mark.parametrize("answer", ["D80203", "D80101", "0E050401"])
    def test_an_error_of_the_device_is_an_answer(self, answer: str) -> None:
        association = opened()
        found, _ = drive(association.request(get()), answer)
        assert encode_apdu(found).hex().upper() == answer
        assert association.state is State.ASSOCIATED

    @pytest.mark.parametrize(
        ("answer", "name"),
        [
            ("C501C100", "SetResponse"),
            ("C701C10000", "ActionResponse"),
            ("6300", "RlreApdu"),
            ("C001C100080000010000FF0200", "GetRequest"),
            ("C8053000000000", None),
        ],
    )
    def test_of_another_service_is_none(self, answer: str, name: str | None) -> None:
        error = failing(opened(), get(), answer)
        assert isinstance(error, errors.UnexpectedApdu if name else errors.DecipheringError)
        assert not error.association_usable
        assert name is None or name in str(error)

    @pytest.mark.parametrize("answer", ["C502C100000001", "C503C10000000001", "C504C1010000000001"])
    def test_of_a_block_transfer_that_was_not_begun_is_none(self, answer: str) -> None:
        body = cos.SetRequest(
            set_request_normal=cos.SetRequestNormal(
                invoke_id_and_priority=1, cosem_attribute_descriptor=CLOCK, value=Data.of("unsigned", 1)
            )
        )
        assert isinstance(failing(opened(), body, answer), errors.UnexpectedApdu)

    @pytest.mark.parametrize(
        "answer", ["", "C4", "C401C1", "C401C1000600", ANSWER.format("C1") + "00", "FF", "C405C100"]
    )
    def test_that_is_no_apdu(self, answer: str) -> None:
        error = failing(opened(), get(), answer)
        assert isinstance(error, errors.DecodeError)
        assert not error.association_usable


class TestAccess:
    """ACCESS has a long-invoke-id: 24 bits of number, and the service class in bit 30 (Green Book 8.3, 9.5)."""

    BODY = cos.AccessRequestBody(
        access_request_specification=cos.ListOfAccessRequestSpecification(
            access_request_specification=(
                cos.AccessRequestSpecification(
                    access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=CLOCK)
                ),
            )
        ),
        access_request_list_of_data=cos.ListOfData(data=(Data.of("null-data"),)),
    )
    ANSWER = "DA{}0000010901AA010100"

    def request(self, number: int) -> cos.AccessRequest:
        return cos.AccessRequest(long_invoke_id_and_priority=number, date_time=b"", access_request_body=self.BODY)

    def test_is_confirmed_and_numbered(self) -> None:
        association = opened(plain(conformance=LOGICAL_NAME))
        answer, sent = drive(association.request(self.request(0x80ABCDEF)), self.ANSWER.format("C0000001"))
        assert sent == ["D9C00000010001010008" + "0000010000FF020100"]
        assert isinstance(answer, cos.AccessResponse)
        assert answer.long_invoke_id_and_priority == 0x80ABCDEF

    def test_all_of_the_number_is_compared(self) -> None:
        association = opened(plain(conformance=LOGICAL_NAME))
        stale = [self.ANSWER.format("40100001"), self.ANSWER.format("40000011"), ANSWER.format("C1")]
        drive(association.request(self.request(1)), *stale, self.ANSWER.format("00000001"))


def get_selected(parameters: bytes = b"") -> cos.GetRequest:
    access = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=Data.of("octet-string", parameters))
    normal = cos.GetRequestNormal(invoke_id_and_priority=1, cosem_attribute_descriptor=CLOCK, access_selection=access)
    return cos.GetRequest(get_request_normal=normal)


class TestConformance:
    @pytest.mark.parametrize(
        ("missing", "body", "name"),
        [
            (Conformance.GET, get(), "get"),
            (Conformance.ACCESS, TestAccess().request(1), "access"),
            (Conformance.SELECTIVE_ACCESS, get_selected(), "selective-access"),
            (
                Conformance.ATTRIBUTE0_SUPPORTED_WITH_GET,
                get(replace(CLOCK, attribute_id=0)),
                "attribute0-supported-with-get",
            ),
            (Conformance(0), cos.ReadRequest(), "read"),
        ],
    )
    def test_what_the_device_did_not_agree_to_is_not_sent(self, missing: Conformance, body: Request, name: str) -> None:
        association = opened(plain(conformance=LOGICAL_NAME & ~missing))
        error = failing(association, body)
        assert isinstance(error, errors.ServiceNotSupported)
        assert error.service == name
        assert error.association_usable
        assert association.state is State.ASSOCIATED

    def test_a_request_that_the_device_cannot_take_is_not_sent(self) -> None:
        association = opened(plain(conformance=LOGICAL_NAME & ~Conformance.GENERAL_BLOCK_TRANSFER), size=40)
        error = failing(association, get_selected(bytes(30)))
        assert isinstance(error, errors.RequestTooLong)
        assert (error.length, error.limit) == (46, 40)
        assert error.association_usable
        drive(association.request(get()), ANSWER.format("C2"))

    @pytest.mark.parametrize(("size", "fits"), [(13, True), (12, False)])
    def test_to_the_octet(self, size: int, *, fits: bool) -> None:
        association = opened(size=size)
        if fits:
            drive(association.request(get()), ANSWER.format("C1"))
        else:
            assert isinstance(failing(association, get()), errors.RequestTooLong)

    def test_not_without_an_association(self) -> None:
        association = Association(plain())
        assert isinstance(failing(association, get()), errors.NotAssociated)


GOOD = ANSWER.format("C1")


@pytest.mark.clause("Green Book 8.3, 9.2.7.2")
class TestProtection:
    def test_requests_are_ciphered_and_answers_deciphered(self) -> None:
        association = opened(ciphered(), Counter(0x10))
        answer, sent = drive(association.request(get()), seal(GOOD, 1))
        assert sent[0].startswith("C81E3000000011")
        assert unseal(sent[0]) == REQUEST.format("C1")
        assert isinstance(answer, cos.GetResponse)

    def test_in_the_general_form(self) -> None:
        association = opened(ciphered(general=True))
        _, sent = drive(association.request(get()), seal(GOOD, 1, general=True))
        assert sent[0].startswith("DB084D4D4D00000000011E30")
        assert unseal(sent[0]) == REQUEST.format("C1")

    def test_services_without_a_form_of_their_own_take_the_general_one(self) -> None:
        association = opened(ciphered(conformance=LOGICAL_NAME))
        answer = seal(TestAccess.ANSWER.format("40000001"), 1, general=True)
        _, sent = drive(association.request(TestAccess().request(1)), answer)
        assert sent[0].startswith("DB08")

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (bytes.fromhex(GOOD), errors.PolicyViolation),
            (b"", errors.PolicyViolation),
            (seal(GOOD, 0), errors.ReplayedCounter),  # 0 was that of the AARE
            (seal(GOOD, 1, title=b"4D4D4D99"), errors.DecipheringError),
            (seal(GOOD, 1, title=b"4D4D4D99", general=True), errors.WrongSystemTitle),
            (seal(GOOD, 1)[:-1] + b"\x00", errors.DecipheringError),
            (seal(GOOD, 1)[:-1], errors.DecodeError),
            (seal(GOOD, 1) + b"\x00", errors.DecodeError),
            (seal(GOOD, 1)[:10] + b"\xff" + seal(GOOD, 1)[11:], errors.DecipheringError),
            (b"\xcd" + seal(GOOD, 1)[1:], errors.UnexpectedApdu),  # glo-set-response with a get-response in it
            (b"\xd4" + seal(GOOD, 1)[1:], errors.DecipheringError),  # ded-get-response, and there is no dedicated key
            (b"\xcc\x04\x30\x00\x00\x00", errors.DecodeError),
            (b"\xcc\x00", errors.DecodeError),
            (b"\xcc", errors.DecodeError),
            (b"\xcc\x06\x31\x00\x00\x00\x01\x55", errors.PolicyViolation),  # suite 1
            (b"\xcc\x06\x3f\x00\x00\x00\x01\x55", errors.DecodeError),  # no suite
            (seal("C405", 1), errors.DecodeError),
            (seal(seal(GOOD, 1).hex(), 2, general=True), errors.UnexpectedApdu),  # ciphered twice
        ],
    )
    def test_what_is_less_or_otherwise_protected_is_refused(self, answer: bytes, kind: type) -> None:
        error = failing(opened(ciphered()), get(), answer)
        assert type(error) is kind
        assert not error.association_usable

    @pytest.mark.parametrize("notification", [NOTIFICATION, EVENT, REPORT, "CA0430000000", "D20530000000FF"])
    def test_a_notification_that_is_not_protected_is_dropped_and_counted(self, notification: str) -> None:
        association = opened(ciphered())
        drive(association.request(get()), notification, seal(GOOD, 1))
        assert association.dropped == 1
        assert not association.notifications

    @pytest.mark.parametrize("control", [0x00, 0x10, 0x20, 0x70])
    def test_any_lesser_degree(self, control: int) -> None:
        degree = SecurityControl.parse(control)
        protected = KEYS.protect(bytes.fromhex(GOOD), SERVER_TITLE, 1, degree)
        error = failing(opened(ciphered()), get(), bytes((0xCC, len(protected))) + protected)
        assert isinstance(error, errors.PolicyViolation)

    @pytest.mark.parametrize("answer", ["D80203", "0E050401"])
    def test_a_complaint_may_come_in_the_clear(self, answer: str) -> None:
        """Who cannot decipher cannot cipher what it says of it."""
        association = opened(ciphered())
        found, _ = drive(association.request(get()), answer)
        assert encode_apdu(found).hex().upper() == answer
        assert association.state is State.ASSOCIATED

    def test_no_answer_counts_twice(self) -> None:
        association = opened(ciphered())
        drive(association.request(get()), seal(GOOD, 9))
        error = failing(association, get(), seal(ANSWER.format("C2"), 9))
        assert isinstance(error, errors.ReplayedCounter)
        assert (error.received, error.last) == (9, 9)

    def test_a_forged_answer_does_not_move_the_counter(self) -> None:
        association = opened(ciphered())
        forged = seal(GOOD, 0xFFFFFFFF)[:-1] + b"\x00"
        assert isinstance(failing(association, get(), forged), errors.DecipheringError)
        drive(association.associate(b""), _aare(1))
        drive(association.request(get()), seal(ANSWER.format("C2"), 2))

    def test_counters_hold_over_a_new_association(self) -> None:
        association = opened(ciphered())
        drive(association.request(get()), seal(GOOD, 9))
        with pytest.raises(errors.ReplayedCounter):
            drive(association.associate(b""), _aare(9))
        assert association.state is State.IDLE

    def test_a_ciphered_answer_where_there_are_no_keys(self) -> None:
        error = failing(opened(), get(), seal(GOOD, 1))
        assert isinstance(error, errors.DecipheringError)
        assert not error.association_usable

    def test_more_protection_than_is_asked_for_is_welcome(self) -> None:
        association = opened(ciphered(required=Protection()))
        drive(association.request(get()), seal(GOOD, 1))
        drive(association.request(get()), ANSWER.format("C2"))

    def test_counters_that_run_out_stop_before_anything_is_sent(self) -> None:
        association = opened(ciphered(), Counter(0xFFFFFFFF))
        error = failing(association, get())
        assert isinstance(error, errors.CounterExhausted)
        assert error.association_usable

    def test_ciphered_notifications_are_kept(self) -> None:
        association = opened(ciphered())
        drive(association.request(get()), seal(NOTIFICATION, 1, general=True), seal(EVENT, 2), seal(GOOD, 3))
        assert len(association.notifications) == 2

    def test_without_keys_nothing_is_sent(self) -> None:
        association = Association(ciphered(ciphering=None), Counter())
        with pytest.raises(errors.KeyUnusable, match="no encryption"):
            drive(association.associate(b""))
        assert association.state is State.IDLE

    def test_without_a_title_the_device_must_be_registered_with_one(self) -> None:
        association = Association(ciphered(server_title=None), Counter())
        body = bytes.fromhex("A109060760857405080103A203020100A305A103020100") + _information(1)
        with pytest.raises(errors.KeyUnusable, match="register the device"):
            drive(association.associate(b""), bytes((0x61, len(body))) + body)


def _information(counter: int) -> bytes:
    sealed = seal("0800065F1F040000501F01F40007", counter)
    return bytes((0xBE, len(sealed) + 2, 0x04, len(sealed))) + sealed


def _aare(counter: int) -> bytes:
    body = bytes.fromhex("A109060760857405080103A203020100A305A103020100") + _information(counter)
    return bytes((0x61, len(body))) + body


@pytest.mark.clause("Green Book 8.3, 9.3.1")
class TestUnconfirmed:
    """Service class 0: the device does it, and says nothing."""

    SET = cos.SetRequest(
        set_request_normal=cos.SetRequestNormal(
            invoke_id_and_priority=0xC5, cosem_attribute_descriptor=CLOCK, value=Data.of("octet-string", bytes(60))
        )
    )
    WRITE = cos.UnconfirmedWriteRequest(
        variable_access_specification=cos.ListOfVariableAccessSpecification(
            variable_access_specification=(cos.VariableAccessSpecification(variable_name=0x1000),)
        ),
        list_of_data=cos.ListOfData(data=(Data.of("unsigned", 7),)),
    )

    def test_the_service_class_says_so(self) -> None:
        association = opened(plain(conformance=LOGICAL_NAME))
        (apdu,) = association.tell(self.SET)
        assert apdu.hex().upper().startswith("C10181" + "0008")
        answer, _ = drive(association.request(get()), ANSWER.format("C2"))
        assert isinstance(answer, cos.GetResponse)

    def test_unconfirmed_write(self) -> None:
        association = opened(plain(conformance=SHORT_NAME))
        assert [apdu.hex().upper() for apdu in association.tell(self.WRITE)] == ["16010210000" + "1" + "1107"]

    def test_in_blocks_that_nobody_acknowledges(self) -> None:
        association = opened(plain(conformance=LOGICAL_NAME), size=50)
        heads = [apdu[:6].hex().upper() for apdu in association.tell(self.SET)]
        assert heads == ["E04000010000", "E08000020000"]

    def test_what_does_not_fit_or_was_not_agreed_is_not_sent(self) -> None:
        bare = opened(plain(conformance=Conformance.GET | Conformance.SET), size=50)
        with pytest.raises(errors.RequestTooLong):
            bare.tell(self.SET)
        with pytest.raises(errors.ServiceNotSupported, match="unconfirmed-write"):
            bare.tell(self.WRITE)
