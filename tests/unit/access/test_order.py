"""What of a create is accepted, and what is told of one that is not."""

from datetime import UTC, datetime, timedelta

import pytest
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.access.model import Origin
from cas.access.order import Rules, read_order
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.cosem.selection import CaptureObject, Range
from cas.dlms.apdu import decode_apdu
from tests.access_fakes import get_request

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOWHEN = Data.of("octet-string", bytes.fromhex("FFFDFFFFFFFFFF03FFFFFFFF"))


def noun(**content: object) -> dev.DeviceAccess:
    given = dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(get_request=get_request()))
    usual: dict[str, object] = {
        "devices_reference_list": dev.DevicesReferenceList(device_reference=(dev.DeviceReference(device_id="M1"),)),
        "cosem_access_list": dev.CosemAccessList(cosem_access=(dev.CosemAccess(cosem_access_descriptor=given),)),
    }
    return dev.DeviceAccess(**{**usual, **content})  # type: ignore[arg-type]  # the tests give what the fields take


def descriptor_problems(descriptor: dev.CosemAccessDescriptor) -> list[Problem]:
    access = dev.CosemAccess(cosem_access_descriptor=descriptor)
    return problems(noun(cosem_access_list=dev.CosemAccessList(cosem_access=(access,))))


def problems(order: dev.DeviceAccess, origin: Origin | None = None) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        read_order(order, origin or Origin(), NOW, Rules())
    return list(refused.value.problems)


def when(instant: datetime) -> XmlDateTime:
    return XmlDateTime.from_datetime(instant)


@pytest.mark.clause("5.2.2")
def test_an_order_for_now_is_read() -> None:
    order = read_order(noun(priority=7, activates=when(NOW - HOUR), expires=when(NOW + HOUR)), Origin(), NOW, Rules())
    assert order.names == ("M1",)
    assert [decode_apdu(octets) for octets in order.requests] == [get_request()]
    assert (order.terms.priority, order.terms.activates, order.terms.expires) == (7, NOW - HOUR, NOW + HOUR)


def test_a_time_without_a_zone_is_utc() -> None:
    order = read_order(noun(expires=XmlDateTime(2025, 3, 1, 13, 0, 0)), Origin(), NOW, Rules())
    assert order.terms.expires == NOW + HOUR


def test_a_day_ends_with_the_first_moment_of_the_next() -> None:
    order = read_order(noun(expires=XmlDateTime(2025, 12, 31, 24, 0, 0)), Origin(), NOW, Rules())
    assert order.terms.expires == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["PT1S", "PT1.00000000001S", "P1M", "P1000Y"])
def test_an_interval_of_a_second_or_longer_is_taken(text: str) -> None:
    order = read_order(noun(repeating_interval=XmlDuration(text)), Origin(), NOW, Rules())
    assert order.terms.repeating_interval == text


@pytest.mark.parametrize(
    ("terms", "code", "element"),
    [
        ({"expires": when(NOW)}, Code.RELATIONSHIP, "Expires"),
        ({"expires": when(NOW - HOUR), "activates": when(NOW - 2 * HOUR)}, Code.RELATIONSHIP, "Expires"),
        ({"duration": XmlDuration("PT0S")}, Code.PAYLOAD, "Duration"),
        ({"duration": XmlDuration("-PT1H")}, Code.PAYLOAD, "Duration"),
        ({"repeating_interval": XmlDuration("P0D")}, Code.PAYLOAD, "RepeatingInterval"),
        ({"repeating_interval": XmlDuration("PT0.999999S")}, Code.PAYLOAD, "RepeatingInterval"),
        ({"duration": XmlDuration("PT0.00000000001S")}, Code.PAYLOAD, "Duration"),
        ({"expires": XmlDateTime(12025, 3, 1, 13, 0, 0)}, Code.PAYLOAD, "Expires"),
        ({"repeating_interval": XmlDuration("P9999Y")}, Code.PAYLOAD, "RepeatingInterval"),
        ({"duration": XmlDuration("P99999999999999D")}, Code.PAYLOAD, "Duration"),
        ({"devices_reference_list": None}, Code.MANDATORY, "DevicesReferenceList"),
        ({"devices_reference_list": dev.DevicesReferenceList()}, Code.MANDATORY, "DevicesReferenceList"),
        ({"cosem_access_list": None}, Code.MANDATORY, "CosemAccessList"),
        ({"cosem_access_list": dev.CosemAccessList()}, Code.MANDATORY, "CosemAccessList"),
        (
            {"cosem_access_list": dev.CosemAccessList(cosem_access=(dev.CosemAccess(),))},
            Code.MANDATORY,
            "CosemAccessList/CosemAccess[1]",
        ),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(terms: dict[str, object], code: Code, element: str) -> None:
    assert [(problem.code, problem.element) for problem in problems(noun(**terms))] == [(code, element)]


@pytest.mark.clause("5.3")
def test_groups_and_devices_mix_each_group_once() -> None:
    mixed = dev.DevicesReferenceList(
        device_reference=(dev.DeviceReference(device_id="M1"),),
        group_reference=tuple(dev.GroupReference(group_id=name) for name in ("G", "DG_ALL_METERS", "G")),
    )
    order = read_order(noun(devices_reference_list=mixed), Origin(), NOW, Rules())
    assert (order.names, order.groups) == (("M1",), ("G", "DG_ALL_METERS"))


def test_all_problems_are_told_at_once() -> None:
    told = problems(
        noun(activates=when(NOW + HOUR), expires=when(NOW), cosem_access_list=None), Origin(async_reply=True)
    )
    assert {problem.element for problem in told} == {
        "Expires",
        "/Header/ReplyAddress",
        "CosemAccessList",
    }
    assert all(problem.details for problem in told)


_DESCRIPTOR = cos.CosemAttributeDescriptor(class_id=7, instance_id=bytes(6), attribute_id=2)
_BLOCK = cos.DataBlockSa(last_block=True, block_number=1, raw_data=b"\x00")


@pytest.mark.parametrize(
    ("descriptor", "form"),
    [
        (
            dev.CosemXdlmsDescriptor(
                get_request=cos.GetRequest(
                    get_request_next=cos.GetRequestNext(invoke_id_and_priority=1, block_number=1)
                )
            ),
            "get-request/get-request-next",
        ),
        (
            dev.CosemXdlmsDescriptor(
                set_request=cos.SetRequest(
                    set_request_with_first_datablock=cos.SetRequestWithFirstDatablock(
                        invoke_id_and_priority=1, cosem_attribute_descriptor=_DESCRIPTOR, datablock=_BLOCK
                    )
                )
            ),
            "set-request/set-request-with-first-datablock",
        ),
        (
            dev.CosemXdlmsDescriptor(
                action_request=cos.ActionRequest(
                    action_request_with_pblock=cos.ActionRequestWithPblock(invoke_id_and_priority=1, pblock=_BLOCK)
                )
            ),
            "action-request/action-request-with-pblock",
        ),
        (
            dev.CosemXdlmsDescriptor(
                read_request=cos.ReadRequest(
                    variable_access_specification=(
                        cos.VariableAccessSpecification(variable_name=8),
                        cos.VariableAccessSpecification(block_number_access=cos.BlockNumberAccess(block_number=1)),
                    )
                )
            ),
            "readRequest/Variable-Access-Specification/block-number-access",
        ),
    ],
)
def test_the_parts_of_a_block_transfer_are_refused(descriptor: dev.CosemXdlmsDescriptor, form: str) -> None:
    (problem,) = descriptor_problems(dev.CosemAccessDescriptor(cosem_xdlms_descriptor=descriptor))
    assert problem.code is Code.PAYLOAD
    assert problem.element == f"CosemAccessList/CosemAccess[1]/CosemAccessDescriptor/CosemXDLMSDescriptor/{form}"
    assert form.rpartition("/")[2] in problem.details


@pytest.mark.clause("7.2.6")
def test_a_procedure_is_checked_with_the_place_of_what_is_wrong() -> None:
    sync = dev.CosemTimeSync(cosem_object=_DESCRIPTOR, min_time_diff=90, max_time_diff=60)
    told = descriptor_problems(dev.CosemAccessDescriptor(cosem_time_sync=sync))
    path = "CosemAccessList/CosemAccess[1]/CosemAccessDescriptor/CosemTimeSync"
    assert [problem.element for problem in told] == [f"{path}/cosem-object", f"{path}/min-time-diff"]


@pytest.mark.clause("5.2.4")
def test_notifications_may_be_taken_of_all_devices_and_without_an_access() -> None:
    listening = {"accept_data_notification": True, "devices_reference_list": None}
    order = read_order(noun(**listening, cosem_access_list=None), Origin(), NOW, Rules())
    assert (order.names, order.groups, order.requests) == ((), (), ())
    assert read_order(noun(**listening), Origin(), NOW, Rules()).groups == ("DG_ALL_METERS",)


def test_a_value_that_does_not_fit_its_type_is_refused() -> None:
    request = cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(
            invoke_id_and_priority=0xC1,
            cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
                class_id=70_000, instance_id=bytes(6), attribute_id=2
            ),
        )
    )
    descriptor = dev.CosemXdlmsDescriptor(get_request=request)
    (problem,) = descriptor_problems(dev.CosemAccessDescriptor(cosem_xdlms_descriptor=descriptor))
    assert problem.code is Code.PAYLOAD
    assert "class" in problem.details


@pytest.mark.clause("7.2.6")
def test_a_relative_time_that_no_device_can_be_told_is_refused_at_once() -> None:
    selection = Range(CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2), NOWHEN, NOWHEN)
    access = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=selection.encode())
    profile = cos.CosemAttributeDescriptor(class_id=7, instance_id=bytes((1, 0, 99, 1, 0, 255)), attribute_id=2)
    normal = cos.GetRequestNormal(
        invoke_id_and_priority=0xC1, cosem_attribute_descriptor=profile, access_selection=access
    )
    request = cos.GetRequest(get_request_normal=normal)
    (problem,) = descriptor_problems(
        dev.CosemAccessDescriptor(cosem_xdlms_descriptor=dev.CosemXdlmsDescriptor(get_request=request))
    )
    assert problem.code is Code.PAYLOAD
    assert problem.element.endswith("CosemXDLMSDescriptor/get-request")
    assert "FFFDFFFFFFFFFF03FFFFFFFF is no relative time" in problem.details
