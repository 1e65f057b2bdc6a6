"""What counts as an acknowledgement of an event, and what does not."""

import pytest

from cas.push.acknowledgement import check_acknowledgement
from cas.push.errors import NotAcknowledged
from tests.events_bench import an_event
from tests.soap_messages import MES, SOAP11, SOAP12

EVENT = an_event("https://mdm.example/", ack_required=True)
MESSAGE_ID = str(EVENT.message_id)


def response(result: str = "OK", correlation: str = "corr-7", inside: str = "") -> str:
    return (
        f'<ResponseMessage xmlns="{MES}"><Header><Verb>reply</Verb><Noun>DeviceAccess</Noun>'
        f"<CorrelationID>{correlation}</CorrelationID></Header><Reply><Result>{result}</Result>{inside}</Reply>"
        "</ResponseMessage>"
    )


def soap(text: str, version: str = SOAP12) -> bytes:
    return f'<S:Envelope xmlns:S="{version}"><S:Header/><S:Body>{text}</S:Body></S:Envelope>'.encode()


@pytest.mark.parametrize(
    "octets",
    [soap(response()), soap(response(), SOAP11), response().encode(), soap(response(correlation=MESSAGE_ID))],
)
def test_ok_with_the_right_correlation(octets: bytes) -> None:
    check_acknowledgement(octets, EVENT)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "sends none"),
        (b"OK", "sends none"),
        (b"<html/>", "sends html"),
        (soap(""), "sends Envelope"),
        (soap(f'<RequestMessage xmlns="{MES}"/>'), "sends Envelope"),
        (soap(f'<ResponseMessage xmlns="{MES}"/>'), "sends none"),
        (soap(response("PARTIAL")), "Result is PARTIAL"),
        (
            soap(response("FAILED", inside="<Error><code>5.1</code><details>the disk is full</details></Error>")),
            "FAILED: the disk is full",
        ),
        (soap(response(correlation="other")), "'other' is neither"),
        (b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", "document type"),
    ],
)
def test_anything_else_is_none(octets: bytes, why: str) -> None:
    with pytest.raises(NotAcknowledged, match=why):
        check_acknowledgement(octets, EVENT)


def test_an_event_without_a_correlation_is_acknowledged_by_its_message_id_only() -> None:
    event = an_event("https://mdm.example/", ack_required=True, correlation_id=None)
    check_acknowledgement(soap(response(correlation=MESSAGE_ID)), event)
    with pytest.raises(NotAcknowledged, match="None is neither"):
        check_acknowledgement(soap(response().replace("<CorrelationID>corr-7</CorrelationID>", "")), event)
