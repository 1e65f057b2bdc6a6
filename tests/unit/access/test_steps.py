"""Descriptors as they are stored, and shown again; results as they are shown."""

from pathlib import Path
from typing import Any

import pytest

from cas.access.model import Octets
from cas.access.steps import check_step, descriptor_of, octets_of, result_of, step_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.dlms.apdu import encode_apdu
from cas.dlms.conformance import LOGICAL_NAME
from tests.access_fakes import get_request

CLOCK = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2)
IMAGE = cos.CosemAttributeDescriptor(class_id=18, instance_id=bytes.fromhex("00002C0000FF"), attribute_id=2)
SYNC = dev.CosemTimeSync(cosem_object=CLOCK, min_time_diff=3, max_time_diff=60)
UPGRADE = dev.CosemUpgrade(upgrade_file="fw <1>.bin", image_identifier="FW&1", image_size=5, cosem_object=IMAGE)
INITIATE = encode_apdu(
    cos.InitiateRequest(
        proposed_dlms_version_number=6, proposed_conformance=LOGICAL_NAME.bits, client_max_receive_pdu_size=500
    )
)


def aarq(context: str = "2.16.756.5.8.1.1", **fields: Any) -> cos.AarqApdu:
    return cos.AarqApdu(**{"application_context_name": context, "user_information": INITIATE} | fields)


@pytest.mark.clause("7.2.6")
@pytest.mark.parametrize(
    ("descriptor", "step"),
    [
        (
            dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(get_request=get_request())),
            get_request(),
        ),
        (dev.CosemAccessDescriptor(cosem_acse_descriptor=dev.CosemAcseDescriptor(aarq=aarq())), aarq()),
        (
            dev.CosemAccessDescriptor(cosem_acse_descriptor=dev.CosemAcseDescriptor(rlrq=cos.RlrqApdu())),
            cos.RlrqApdu(),
        ),
        (dev.CosemAccessDescriptor(cosem_time_sync=SYNC), SYNC),
        (dev.CosemAccessDescriptor(cosem_upgrade=UPGRADE), UPGRADE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_descriptor_survives_the_store(descriptor: dev.CosemAccessDescriptor, step: object) -> None:
    stored = octets_of(descriptor)
    assert step_of(stored) == step
    assert descriptor_of(stored) == descriptor


@pytest.mark.clause("7.2.6")
def test_an_answer_is_shown_as_what_it_is() -> None:
    rlre = cos.RlreApdu(reason=cos.ReleaseResponseReason.NORMAL)
    assert result_of(Octets(encode_apdu(rlre))).cosem_acse_result == dev.CosemAcseResult(rlre=rlre)
    aare = Octets(
        bytes.fromhex("6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F040000501F01F40007")
    )
    acse = result_of(aare).cosem_acse_result
    assert acse is not None
    assert acse.aare is not None
    xdlms = result_of(Octets(bytes.fromhex("C401C10006000000FF"))).cosem_xdlms_result
    assert xdlms is not None
    assert xdlms.get_response is not None


@pytest.mark.parametrize(
    "asked",
    [
        aarq("1.2.3"),
        aarq("2.16.756.5.8.1.9"),
        aarq(mechanism_name="2.16.756.5.8.2.99"),
        aarq(user_information=bytes.fromhex("2103300000")),
        aarq(user_information=b"\x00"),
    ],
    ids=["no context", "unknown context", "unknown mechanism", "ciphered", "no APDU"],
)
def test_an_aarq_that_cannot_be_asked_for_is_refused_beforehand(asked: cos.AarqApdu) -> None:
    descriptor = dev.CosemAccessDescriptor(cosem_acse_descriptor=dev.CosemAcseDescriptor(aarq=asked))
    assert [element for element, _ in check_step(descriptor, None)] == ["CosemACSEDescriptor/aarq"]


def test_procedures_are_checked_with_their_paths(tmp_path: Path) -> None:
    bad = dev.CosemTimeSync(cosem_object=IMAGE, min_time_diff=3, max_time_diff=60)
    found = [element for element, _ in check_step(dev.CosemAccessDescriptor(cosem_time_sync=bad), None)]
    assert found == ["CosemTimeSync/cosem-object"]
    found = [element for element, _ in check_step(dev.CosemAccessDescriptor(cosem_upgrade=UPGRADE), tmp_path)]
    assert found == ["CosemUpgrade/upgrade-file"]
    for good in (aarq(), aarq("2.16.756.5.8.1.3", user_information=None)):
        descriptor = dev.CosemAccessDescriptor(cosem_acse_descriptor=dev.CosemAcseDescriptor(aarq=good))
        assert list(check_step(descriptor, None)) == []
