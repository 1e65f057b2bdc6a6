"""xDLMS services as the Green Book's examples have them: request and answer, blocks and errors."""

import json
from pathlib import Path
from typing import ClassVar

import pytest

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.conformance import LOGICAL_NAME
from cas.dlms.errors import ConfirmedServiceError, DlmsError, ExceptionResponse
from cas.dlms.states import State
from cas.dlms.xdlms.exchange import raise_for_error
from tests.unit.dlms.device import drive, get, opened, plain

VECTORS = {
    vector["name"]: bytes.fromhex(vector["hex"])
    for vector in json.loads((Path(__file__).parents[1] / "vectors/apdus.json").read_text())["apdus"]
}
ASKED = (cos.GetRequest, cos.SetRequest, cos.ActionRequest)


def answered(request: str, *responses: str, size: int = 500) -> tuple[bytes, list[bytes]]:
    """The answer under the request's invoke-id, and what was sent; the examples have invoke-id 1."""
    body = decode_apdu(VECTORS[request])
    assert isinstance(body, ASKED)
    association = opened(plain(conformance=LOGICAL_NAME), size=size)
    answer, sent = drive(association.request(body), *(VECTORS[response] for response in responses))
    assert association.state is State.ASSOCIATED
    return encode_apdu(answer), [bytes.fromhex(apdu) for apdu in sent]


@pytest.mark.clause("Green Book 8.3, 9.4.4.3")
@pytest.mark.parametrize(
    ("request_name", "response"),
    [
        ("get-request-normal", "get-response-normal, octet-string"),
        ("get-request-normal", "get-response-normal, object-undefined"),
        ("get-request-with-list", "get-response-with-list"),
        ("set-request-normal", "set-response-normal"),
        ("set-request-with-list", "set-response-with-list"),
        ("get-request-normal", "exception-response, operation-not-possible"),
        ("set-request-normal", "confirmedServiceError, write, deciphering error"),
    ],
)
def test_question_and_answer(request_name: str, response: str) -> None:
    answer, sent = answered(request_name, response)
    assert answer == VECTORS[response]
    confirmed = bytearray(VECTORS[request_name])
    confirmed[2] |= 0x40  # we ask for confirmation, always; the examples have it in the priority only
    assert sent == [bytes(confirmed)]


@pytest.mark.clause("Green Book 8.3, 9.4.6.6")
def test_get_in_blocks() -> None:
    answer, sent = answered(
        "get-request-normal", "get-response-with-datablock, first", "get-response-with-datablock, last"
    )
    assert answer == VECTORS["get-response-normal, octet-string"]
    assert sent[1][:2] + sent[1][3:] == VECTORS["get-request-next"][:2] + VECTORS["get-request-next"][3:]


@pytest.mark.clause("Green Book 8.3, 9.4.6.7")
def test_set_in_blocks() -> None:
    """The value of the example, for a device that takes 54 octets where the request has 65."""
    answer, sent = answered("set-request-normal", "set-response-datablock", "set-response-last-datablock", size=54)
    assert answer == VECTORS["set-response-normal"]
    assert all(len(apdu) <= 54 for apdu in sent)
    first, last = decode_apdu(sent[0]), decode_apdu(sent[1])
    assert isinstance(first, cos.SetRequest)
    assert isinstance(last, cos.SetRequest)
    assert first.set_request_with_first_datablock is not None
    assert last.set_request_with_datablock is not None
    raw = first.set_request_with_first_datablock.datablock.raw_data + last.set_request_with_datablock.datablock.raw_data
    assert VECTORS["set-request-normal"].endswith(raw)
    assert len(raw) == 52


@pytest.mark.clause("Green Book 8.3, 9.4.4")
@pytest.mark.parametrize("name", VECTORS)
def test_any_apdu_as_the_answer_ends_in_an_answer_an_error_or_patience(name: str) -> None:
    association = opened(plain(conformance=LOGICAL_NAME))
    procedure = association.request(get())
    next(procedure)
    try:
        following = procedure.send(VECTORS[name])
    except StopIteration as stop:
        assert isinstance(stop.value, cos.GetResponse | cos.ExceptionResponse | cos.ConfirmedServiceError)
    except DlmsError as error:
        assert not error.association_usable
    else:
        is_block = name.startswith("get-response-with-datablock")
        assert is_block or following is None


@pytest.mark.clause("Green Book 8.3, 9.4.4.9")
class TestErrorsOfTheDevice:
    """Every code that an exception-response or confirmedServiceError may have is an answer, and says what it is."""

    @pytest.mark.parametrize("state", [1, 2])
    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("01", "operation-not-possible"),
            ("02", "service-not-supported"),
            ("03", "other-reason"),
            ("04", "pdu-too-long"),
            ("05", "deciphering-error"),
            ("0600000007", "invocation-counter-error"),
        ],
    )
    def test_exception_responses(self, state: int, code: str, error: str) -> None:
        answer, _ = drive(opened(plain()).request(get()), f"D8{state:02X}{code}")
        assert encode_apdu(answer).hex().upper() == f"D8{state:02X}{code}"
        with pytest.raises(ExceptionResponse) as caught:
            raise_for_error(answer)
        assert caught.value.error == error
        assert caught.value.counter == (7 if code.startswith("06") else None)
        assert caught.value.association_usable == (state == 2 and caught.value.counter is None)

    @pytest.mark.parametrize("octets", ["D80001", "D80301", "D80100", "D80107", "D801", "D80106000000", "D8010100"])
    def test_codes_that_do_not_exist(self, octets: str) -> None:
        with pytest.raises(DlmsError):
            drive(opened(plain()).request(get()), octets)

    SERVICES = (1, 5, 6)
    KINDS: ClassVar = {
        0: (0, 1, 2, 3, 4, 5, 6),  # application-reference
        1: (0, 1, 2, 3, 4),  # hardware-resource
        2: (0, 1, 2, 3, 4),  # vde-state-error
        3: (0, 1, 2),  # service
        4: (0, 1, 2, 3),  # definition
        5: (0, 1, 2, 3, 4),  # access
        6: (0, 1, 2, 3, 4),  # initiate
        7: (0, 1, 2, 3, 4, 5, 6),  # load-data-set
        9: (0, 1, 2, 3, 4),  # task
    }

    @pytest.mark.parametrize("service", SERVICES)
    @pytest.mark.parametrize("kind", KINDS)
    def test_confirmed_service_errors(self, service: int, kind: int) -> None:
        names = set()
        for code in self.KINDS[kind]:
            octets = bytes((14, service, kind, code))
            answer, _ = drive(opened(plain()).request(get()), octets)
            assert encode_apdu(answer) == octets
            with pytest.raises(ConfirmedServiceError) as caught:
                raise_for_error(answer)
            names.add(str(caught.value))
        assert len(names) == len(self.KINDS[kind])
