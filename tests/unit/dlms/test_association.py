"""Opening, authenticating and releasing an association, octet by octet."""

import hashlib

import pytest

from cas.bindings import cosempdu as cos
from cas.dlms import errors
from cas.dlms.acse import Negotiated
from cas.dlms.association import Association
from cas.dlms.conformance import Conformance
from cas.dlms.security.authentication import Credentials, Handshake, Mechanism
from cas.dlms.security.keys import Secret
from cas.dlms.states import State
from tests.unit.dlms.device import (
    AARE,
    AARE_HLS,
    BOTH,
    C_TO_S,
    CLIENT_TITLE,
    INITIATE_REQUEST,
    INITIATE_RESPONSE,
    KEYS,
    PASS_3,
    PASS_4,
    PROPOSED,
    S_TO_C,
    SERVER_TITLE,
    Counter,
    apdus,
    ciphered,
    drive,
    get,
    gmac,
    opened,
    plain,
    seal,
    unseal,
)

CONTEXT = "A109060760857405080101"
PASS_3_REQUEST = "C30141000F0000280000FF01010911" + PASS_3.hex().upper()
PASS_4_RESPONSE = "C7014100010009" + "11" + PASS_4.hex()
NOTIFICATION = "0F00000001000200"  # data-notification 1, no date-time, structure of none
RLRE = "6303800100"


def refused(association: Association, *answers: str | bytes) -> errors.DlmsError:
    with pytest.raises(errors.DlmsError) as caught:
        drive(association.associate(C_TO_S), *answers)
    assert association.state is State.IDLE
    assert association.negotiated is None or not isinstance(caught.value, errors.AssociationRefused)
    with pytest.raises(errors.NotAssociated):
        drive(association.request(get()))
    return caught.value


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
class TestRequest:
    """AARQ as in the Green Book's encoding examples."""

    def test_without_security(self) -> None:
        _, sent = drive(Association(plain()).associate(b""), AARE)
        assert sent == ["601D" + CONTEXT + "BE10040E" + INITIATE_REQUEST]

    def test_low_level_security(self) -> None:
        settings = plain(mechanism=Mechanism.LOW, password=Secret(b"12345678"))
        _, sent = drive(Association(settings).associate(b""), AARE)
        assert sent == [
            "6036" + CONTEXT + "8A0207808B0760857405080201AC0A80083132333435363738BE10040E" + INITIATE_REQUEST
        ]

    def test_high_level_security(self) -> None:
        association = Association(gmac(client_title=b""), Counter())
        (aarq,) = apdus(next(association.associate(C_TO_S)))
        assert aarq.hex().upper() == (
            "6036" + CONTEXT + "8A0207808B0760857405080205AC0A80084B35366956616759BE10040E" + INITIATE_REQUEST
        )

    def test_with_a_system_title(self) -> None:
        (aarq,) = apdus(next(Association(gmac(), Counter()).associate(C_TO_S)))
        assert aarq[2:25].hex().upper() == CONTEXT + "A60A0408" + CLIENT_TITLE.hex().upper()

    def test_ciphered(self) -> None:
        (aarq,) = apdus(next(Association(ciphered(), Counter(0x01234567)).associate(b"")))
        head = "A109060760857405080103A60A0408" + CLIENT_TITLE.hex() + "BE230421211F3001234567"
        assert aarq[2:].hex().upper().startswith(head.upper())
        assert unseal(aarq[-33:].hex()) == INITIATE_REQUEST

    def test_ciphered_in_the_general_form(self) -> None:
        (aarq,) = apdus(next(Association(ciphered(general=True), Counter()).associate(b"")))
        assert aarq[-42:-31].hex().upper() == "DB08" + CLIENT_TITLE.hex().upper() + "1F"
        assert unseal(aarq[-42:].hex()) == INITIATE_REQUEST

    def test_what_is_proposed_is_what_was_configured(self) -> None:
        conformance = Conformance.GET | Conformance.SET | Conformance.GENERAL_PROTECTION
        (aarq,) = apdus(next(Association(plain(conformance=conformance, max_pdu=0xFFFF)).associate(b"")))
        assert aarq[-12:].hex().upper() == "0000065F1F0400400018FFFF"


class TestAnswer:
    def test_accepted(self) -> None:
        association = Association(plain())
        negotiated, _ = drive(association.associate(b""), AARE)
        # 00501F: what the Green Book's server agrees to
        assert negotiated == Negotiated(Conformance(0x00501F) & PROPOSED, 500, 7)
        assert association.state is State.ASSOCIATED
        assert association.aare is not None
        assert association.aare.result is cos.AssociationResult.ACCEPTED

    def test_the_device_cannot_agree_to_more_than_was_proposed(self) -> None:
        association = Association(plain(conformance=Conformance.GET))
        negotiated, _ = drive(association.associate(b""), AARE.replace("00501F", "FFFFFF"))
        assert negotiated.conformance is Conformance.GET

    @pytest.mark.parametrize(
        "aare",
        [AARE.replace("080101", "080103"), AARE.replace("080101", "080102"), AARE_HLS.replace("080205", "080206")],
    )
    def test_of_another_context_or_mechanism_than_asked_for(self, aare: str) -> None:
        settings = gmac() if "0802" in aare[40:] and aare.startswith("6142") else plain()
        assert isinstance(refused(Association(settings, Counter()), aare), errors.UnexpectedApdu)

    def test_no_limit_of_size(self) -> None:
        negotiated, _ = drive(Association(plain()).associate(b""), AARE.replace("01F40007", "00000007"))
        assert negotiated.max_pdu is None

    @pytest.mark.parametrize(("result", "name"), [(1, "rejected-permanent"), (2, "rejected-transient")])
    @pytest.mark.parametrize("number", range(15))
    def test_refused_by_the_user(self, result: int, name: str, number: int) -> None:
        aare = f"6117{CONTEXT}A2030201{result:02X}A305A1030201{number:02X}"
        error = refused(Association(plain()), aare)
        assert isinstance(error, errors.AssociationRefused)
        assert (error.result, error.diagnostic) == (name, list(cos.AcseServiceUser)[number].value)
        assert error.retryable is (result == 2)
        assert not error.association_usable

    @pytest.mark.parametrize(("number", "name"), [(0, "null"), (1, "no-reason-given"), (2, "no-common-acse-version")])
    def test_refused_by_the_provider(self, number: int, name: str) -> None:
        error = refused(Association(plain()), f"6117{CONTEXT}A203020101A305A2030201{number:02X}")
        assert isinstance(error, errors.AssociationRefused)
        assert error.diagnostic == name

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_the_reason_of_the_xdlms_server_is_told(self, number: int) -> None:
        """The ACSE diagnostic is no-reason-given then; the confirmedServiceError beside it knows more."""
        error = refused(Association(plain()), f"611F{CONTEXT}A203020101A305A103020101BE0604040E0106{number:02X}")
        assert isinstance(error, errors.AssociationRefused)
        assert error.diagnostic == list(cos.ServiceErrorInitiate)[number].value

    @pytest.mark.parametrize(("counter", "why"), [(1, "dlms-version-too-low"), (None, "no-reason-given")])
    def test_the_reason_stands_under_the_ciphering(self, counter: int | None, why: str) -> None:
        information = seal("0E010601", 1).hex()
        if counter is None:  # and is forged
            information = information[:-2] + "00"
        size = len(information) // 2
        body = f"{CONTEXT}A203020101A305A103020101BE{size + 2:02X}04{size:02X}{information}"
        error = refused(Association(ciphered(), Counter()), f"61{len(body) // 2:02X}{body}")
        assert isinstance(error, errors.AssociationRefused)
        assert error.diagnostic == why

    def test_accepted_with_an_initiate_error(self) -> None:
        error = refused(Association(plain()), f"611F{CONTEXT}A203020100A305A103020100BE0604040E010601")
        assert isinstance(error, errors.AssociationRefused)
        assert error.diagnostic == "dlms-version-too-low"

    @pytest.mark.parametrize(
        ("answer", "kind", "reason"),
        [
            (f"6117{CONTEXT}A203020100A305A103020100", errors.DecodeError, "user-information: missing"),
            (AARE.replace("0800065F", "0800055F"), errors.AssociationRefused, "DLMS version 5, not 6"),
            (AARE.replace("0800065F", "0801065F"), errors.DecodeError, "cut short|negotiated"),
            (f"611B{CONTEXT}A203020100A305A103020100BE020400", errors.DecodeError, "no octets|announced|cut"),
            (AARE[:-2], errors.DecodeError, "cut short"),
            (AARE + "00", errors.DecodeError, "after the end"),
            ("", errors.DecodeError, "no octets"),
            ("D80203", errors.ExceptionResponse, "other-reason"),
            ("0E010601", errors.ConfirmedServiceError, "initiateError"),
            ("C401C1000600000001", errors.UnexpectedApdu, "GetResponse where AareApdu"),
            (RLRE, errors.UnexpectedApdu, "RlreApdu where AareApdu"),
            (seal(INITIATE_RESPONSE, 1), errors.DecipheringError, "has none"),
        ],
    )
    def test_anything_else(self, answer: str | bytes, kind: type, reason: str) -> None:
        error = refused(Association(plain()), answer)
        assert isinstance(error, kind)
        assert not error.association_usable or isinstance(error, errors.ExceptionResponse)
        with pytest.raises(kind, match=reason):
            raise error

    def test_a_notification_before_it_is_kept(self) -> None:
        association = Association(plain())
        drive(association.associate(b""), NOTIFICATION, AARE)
        assert association.state is State.ASSOCIATED
        assert len(association.notifications) == 1

    def test_a_second_one_is_not_opened_inside_the_first_procedure(self) -> None:
        association = Association(plain())
        procedure = association.associate(b"")
        next(procedure)
        with pytest.raises(errors.NotAssociated):
            next(association.associate(b""))
        assert association.state is State.OPENING

    def test_again_after_a_refusal_and_while_open(self) -> None:
        association = Association(plain())
        refused(association, f"6117{CONTEXT}A203020101A305A10302010D")
        drive(association.associate(b""), AARE)
        drive(association.associate(b""), AARE)
        assert association.state is State.ASSOCIATED


@pytest.mark.clause("Green Book 8.3, 9.2.7.4")
class TestGmac:
    """The four passes with the Green Book's keys, titles and challenges."""

    def test_both_sides_prove_themselves(self) -> None:
        association = Association(gmac(), Counter(1))
        _, sent = drive(association.associate(C_TO_S), AARE_HLS, PASS_4_RESPONSE)
        assert sent[1] == PASS_3_REQUEST
        assert association.state is State.ASSOCIATED

    def test_nothing_else_is_served_meanwhile(self) -> None:
        association = Association(gmac(), Counter(1))
        procedure = association.associate(C_TO_S)
        next(procedure)
        procedure.send(bytes.fromhex(AARE_HLS))
        assert association.state is State.AUTHENTICATING
        with pytest.raises(errors.NotAssociated):
            next(association.request(get()))

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (PASS_4_RESPONSE[:-2] + "B8", "wrong"),
            ("C70141000100" + "0911" + PASS_3.hex(), "wrong"),  # our own proof, reflected
            ("C70141000100" + "0910" + PASS_4.hex()[:-2], "no GMAC"),
            ("C7014100", "cut short"),
            ("C701410000", "refused our proof .success"),
            ("C7014100010100", "refused our proof"),
            ("C701410300", "refused our proof .read-write-denied"),
            ("C70141FA00", "refused our proof .other-reason"),
            ("C70141000100" + "0A11" + PASS_4.hex(), "refused our proof"),
            ("C7014100010000", "refused our proof"),
        ],
    )
    def test_the_device_does_not(self, answer: str, reason: str) -> None:
        error = refused(Association(gmac(), Counter(1)), AARE_HLS, answer)
        assert isinstance(error, errors.DecodeError if reason == "cut short" else errors.AuthenticationFailed)
        assert not error.association_usable
        with pytest.raises(type(error), match=reason):
            raise error

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (("503677524A323146", C_TO_S.hex().upper()), "own challenge back"),
            (("A0A8008503677524A323146", "A098007503677524A3231"), "7 octets"),
        ],
    )
    def test_challenges_that_prove_nothing(self, change: tuple[str, str], reason: str) -> None:
        aare = AARE_HLS.replace(*change)
        if "0980" in change[1]:
            aare = aare.replace("6142", "6141").replace("AA0A8008", "AA098007")
        error = refused(Association(gmac(), Counter(1)), aare)
        assert isinstance(error, errors.AuthenticationFailed)
        assert reason in str(error)

    def test_an_answer_without_a_challenge_opens_nothing(self) -> None:
        """A device that accepts at once, without authentication, may be anybody."""
        error = refused(Association(gmac(), Counter(1)), AARE)
        assert isinstance(error, errors.AuthenticationFailed)

    def test_a_refused_service_ends_it(self) -> None:
        assert isinstance(refused(Association(gmac(), Counter(1)), AARE_HLS, "D80101"), errors.ExceptionResponse)
        assert isinstance(refused(Association(gmac(), Counter(1)), AARE_HLS, "C401410003"), errors.DecodeError)
        assert isinstance(refused(Association(gmac(), Counter(1)), AARE_HLS, "C40141010B"), errors.UnexpectedApdu)

    def test_a_stale_answer_and_a_notification_before_pass_4(self) -> None:
        association = Association(gmac(), Counter(1))
        drive(association.associate(C_TO_S), AARE_HLS, "C401450006000000FF", NOTIFICATION, PASS_4_RESPONSE)
        assert association.state is State.ASSOCIATED
        assert len(association.notifications) == 1

    def test_the_title_of_another_device(self) -> None:
        title = "A40A0408" + "4D4D4D0000BC614F"
        aare = AARE_HLS.replace("88020780", title + "88020780").replace("6142", "614E")
        assert isinstance(refused(Association(gmac(), Counter(1)), aare), errors.WrongSystemTitle)

    def test_the_title_is_taken_from_the_answer_where_none_is_registered(self) -> None:
        title = "A40A0408" + SERVER_TITLE.hex().upper()
        aare = AARE_HLS.replace("88020780", title + "88020780").replace("6142", "614E")
        association = Association(gmac(server_title=None), Counter(1))
        drive(association.associate(C_TO_S), aare, PASS_4_RESPONSE)
        assert association.state is State.ASSOCIATED

    def test_without_keys(self) -> None:
        error = refused(Association(gmac(credentials=Credentials()), Counter(1)), AARE_HLS)
        assert isinstance(error, errors.KeyUnusable)
        error = refused(Association(gmac()), AARE_HLS)
        assert isinstance(error, errors.KeyUnusable)

    def test_ciphered_besides(self) -> None:
        """The proof takes one counter, the ciphering around it the next; the device's own are in any order."""
        association = Association(gmac(ciphering=KEYS, control=BOTH), Counter(7))
        initiate = seal(INITIATE_RESPONSE, 1)
        aare = bytes.fromhex(AARE_HLS[:-36].replace("080101", "080103") + "BE230421") + initiate
        aare = bytes((0x61, len(aare) - 2)) + aare[2:]
        pass_4 = "C70141000100" + "0911" + gmac_of(C_TO_S, 3)
        _, sent = drive(association.associate(C_TO_S), aare, seal(pass_4, 2))
        assert sent[1].startswith("CB")
        assert sent[1][4:14] == "3000000009"  # the AARQ took 7, the proof 8
        assert unseal(sent[1])[:40] == "C30141000F0000280000FF010109111000000008"
        assert association.state is State.ASSOCIATED


def gmac_of(challenge: bytes, counter: int) -> str:
    """What the device proves itself with."""
    device = Handshake(Mechanism.HIGH_GMAC, Credentials(ciphering=KEYS), SERVER_TITLE, CLIENT_TITLE, S_TO_C, challenge)
    return device.reply(counter).hex()


@pytest.mark.parametrize(("mechanism", "sha"), [(Mechanism.HIGH_MD5, "md5"), (Mechanism.HIGH_SHA1, "sha1")])
def test_the_older_mechanisms_need_no_title(mechanism: Mechanism, sha: str) -> None:
    """f(StoC) is the digest of challenge and secret (Green Book 8.3, 9.2.7.4)."""

    def proof(challenge: bytes) -> str:
        return hashlib.new(sha, challenge + b"secret", usedforsecurity=False).hexdigest().upper()

    association = Association(plain(mechanism=mechanism, credentials=Credentials(secret=Secret(b"secret"))))
    size = f"{len(proof(b'')) // 2:02X}"
    aare = AARE_HLS.replace("080205", f"0802{mechanism:02X}")
    _, sent = drive(association.associate(C_TO_S), aare, f"C7014100010009{size}" + proof(C_TO_S))
    assert sent[0][:26] == "6036" + CONTEXT  # no calling-AP-title, not even an empty one
    assert sent[1] == f"C30141000F0000280000FF010109{size}" + proof(S_TO_C)
    assert association.state is State.ASSOCIATED


class TestRelease:
    def test_plain(self) -> None:
        association = opened()
        _, sent = drive(association.release(), RLRE)
        assert sent == ["6203800100"]
        assert association.state is State.IDLE

    @pytest.mark.parametrize("answer", ["6300", "6303800101", "630380011E"])
    def test_any_answer_ends_it(self, answer: str) -> None:
        association = opened()
        drive(association.release(), answer)
        assert association.state is State.IDLE

    def test_ciphered(self) -> None:
        association = opened(ciphered(), Counter(1))
        answer = seal(INITIATE_RESPONSE, 5)
        rlre = bytes((0x63, len(answer) + 7, 0x80, 1, 0, 0xBE, len(answer) + 2, 4, len(answer))) + answer
        _, sent = drive(association.release(), rlre)
        assert sent[0].startswith("6228800100BE230421211F3000000002")
        assert unseal(sent[0][18:]) == INITIATE_REQUEST

    def test_a_notification_before_the_answer_is_kept(self) -> None:
        association = opened()
        drive(association.release(), NOTIFICATION, RLRE)
        assert len(association.notifications) == 1

    @pytest.mark.parametrize("answer", ["", "D80101", "6129", AARE, "C40141010B"])
    def test_a_wrong_answer_ends_it_as_well(self, answer: str) -> None:
        association = opened()
        with pytest.raises(errors.DlmsError):
            drive(association.release(), answer)
        assert association.state is State.IDLE

    def test_given_up(self) -> None:
        association = opened()
        procedure = association.release()
        next(procedure)
        procedure.close()
        assert association.state is State.IDLE

    def test_only_what_is_open(self) -> None:
        association = Association(plain())
        with pytest.raises(errors.NotAssociated):
            next(association.release())
        assert association.state is State.IDLE

    def test_loss_of_the_link_ends_it_in_any_state(self) -> None:
        association = opened()
        association.abort()
        association.abort()
        assert association.state is State.IDLE


def test_nothing_of_the_settings_is_shown() -> None:
    settings = plain(mechanism=Mechanism.LOW, password=Secret(b"12345678"), ciphering=KEYS)
    assert "12345678" not in repr(settings)
    assert "0001020304" not in repr(settings)
