"""ACSE as the Green Book's examples have it: which AARE opens an association, and what every field must say."""

import json
from pathlib import Path

import pytest

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.association import Association
from cas.dlms.errors import AssociationRefused, DlmsError
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.keys import Secret
from cas.dlms.states import State
from tests.unit.dlms.device import drive, plain

VECTORS = {
    vector["name"]: bytes.fromhex(vector["hex"])
    for vector in json.loads((Path(__file__).parents[1] / "vectors/apdus.json").read_text())["apdus"]
}


@pytest.mark.clause("Green Book 8.3, 9.4.2")
@pytest.mark.parametrize("name", [name for name in VECTORS if name.startswith(("AARQ", "AARE", "RLRQ", "RLRE"))])
def test_every_field_survives(name: str) -> None:
    assert encode_apdu(decode_apdu(VECTORS[name])) == VECTORS[name]


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("AARQ, logical names, no security", plain()),
        ("AARQ, low level security", plain(mechanism=Mechanism.LOW, password=Secret(b"12345678"))),
        ("AARQ, high level security", plain(mechanism=Mechanism.HIGH_GMAC)),
    ],
)
def test_the_request_of_the_example(name: str, settings: object) -> None:
    procedure = Association(settings).associate(b"K56iVagY")  # type: ignore[arg-type]  # Settings
    assert next(procedure) == VECTORS[name]


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
@pytest.mark.parametrize(
    ("name", "result", "diagnostic"),
    [
        ("AARE, application context not supported", "rejected-permanent", "application-context-name-not-supported"),
        ("AARE, refused by the xDLMS server", "rejected-permanent", "dlms-version-too-low"),
        ("AARE, authentication failure", "rejected-permanent", "authentication-failure"),
        ("AARE, refused by the provider", "rejected-transient", "no-common-acse-version"),
    ],
)
def test_refusals_of_the_examples(name: str, result: str, diagnostic: str) -> None:
    association = Association(plain())
    with pytest.raises(AssociationRefused) as caught:
        drive(association.associate(b""), VECTORS[name])
    assert (caught.value.result, caught.value.diagnostic) == (result, diagnostic)
    assert association.state is State.IDLE


@pytest.mark.clause("Green Book 8.3, 9.4.4.1")
def test_the_answer_of_the_example() -> None:
    association = Association(plain())
    negotiated, _ = drive(association.associate(b""), VECTORS["AARE, logical names, accepted"])
    assert association.state is State.ASSOCIATED
    assert (negotiated.max_pdu, negotiated.vaa_name) == (500, 7)
    assert negotiated.conformance.names() == [
        "priority-mgmt-supported",
        "block-transfer-with-get-or-read",
        "get",
        "set",
        "selective-access",
        "event-notification",
        "action",
    ]


@pytest.mark.clause("Green Book 8.3, 9.4.1")
@pytest.mark.parametrize("name", [name for name in VECTORS if not name.startswith("AARE")])
def test_no_other_apdu_opens_an_association(name: str) -> None:
    association = Association(plain())
    procedure = association.associate(b"")
    next(procedure)
    try:
        procedure.send(VECTORS[name])
    except DlmsError:
        assert association.state is State.IDLE
    else:  # what comes unasked is kept, and the answer awaited
        assert association.state is State.OPENING
        assert isinstance(
            association.notifications[0],
            cos.DataNotification | cos.EventNotificationRequest | cos.InformationReportRequest,
        )
