"""What a request asks for, read from requests as they come over the wire."""

import pytest
from lxml import etree

from cas.bindings import message as mes
from cas.security.demands import demand_of, objects_of
from cas.security.model import Service, Verb
from cas.soap.envelope import recognise
from cas.soap.message import read_message
from cas.soap.schema import Validator
from tests.soap_messages import GET_ENERGY, access, by_id, create, request

VALIDATOR = Validator()
DESCRIPTOR = "<cos:class-id>70</cos:class-id><cos:instance-id>0000600300FF</cos:instance-id>"
INVOKE = "<cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
NUMBERED = f"{DESCRIPTOR}<cos:attribute-id>2</cos:attribute-id>"
ATTRIBUTE = f"<cos:cosem-attribute-descriptor>{NUMBERED}</cos:cosem-attribute-descriptor>"
METHOD = f"<cos:cosem-method-descriptor>{DESCRIPTOR}<cos:method-id>1</cos:method-id></cos:cosem-method-descriptor>"
SET = (
    f"<cos:set-request><cos:set-request-normal>{INVOKE}{ATTRIBUTE}<cos:value><cos:enum>4</cos:enum></cos:value>"
    "</cos:set-request-normal></cos:set-request>"
)
ACTION = (
    f"<cos:action-request><cos:action-request-normal>{INVOKE}{METHOD}</cos:action-request-normal></cos:action-request>"
)


def access_request(*parts: str) -> str:
    specification = "".join(
        f"<cos:Access-Request-Specification>{part}</cos:Access-Request-Specification>" for part in parts
    )
    data = "<cos:Data><cos:null-data/></cos:Data>" * len(parts)
    return (
        "<cos:access-request><cos:long-invoke-id-and-priority>1</cos:long-invoke-id-and-priority><cos:date-time/>"
        f"<cos:access-request-body><cos:access-request-specification>{specification}</cos:access-request-specification>"
        f"<cos:access-request-list-of-data>{data}</cos:access-request-list-of-data></cos:access-request-body>"
        "</cos:access-request>"
    )


ACCESS_GET = f"<cos:access-request-get>{ATTRIBUTE}</cos:access-request-get>"
ACCESS_SET = f"<cos:access-request-set>{ATTRIBUTE}</cos:access-request-set>"
ACCESS_ACTION = f"<cos:access-request-action>{METHOD}</cos:access-request-action>"
VARIABLE = "<cos:Variable-Access-Specification>{}</cos:Variable-Access-Specification>"
NAME = "<cos:variable-name>1000</cos:variable-name>"


def parameterised(selector: int) -> str:
    return (
        f"<cos:parameterized-access>{NAME}<cos:selector>{selector}</cos:selector><cos:parameter><cos:null-data/>"
        "</cos:parameter></cos:parameterized-access>"
    )


def read_request(*parts: str) -> str:
    return f"<cos:readRequest>{''.join(VARIABLE.format(part) for part in parts)}</cos:readRequest>"


WRITE = (
    f"<cos:writeRequest><cos:variable-access-specification>{VARIABLE.format(NAME)}</cos:variable-access-specification>"
    "<cos:list-of-data><cos:Data><cos:enum>1</cos:enum></cos:Data></cos:list-of-data></cos:writeRequest>"
)
CLOCK = f"<dev:cosem-object>{NUMBERED}</dev:cosem-object>"
LIMITS = "<dev:min-time-diff>1</dev:min-time-diff><dev:max-time-diff>2</dev:max-time-diff>"


def content(octets: bytes) -> mes.RequestMessageType:
    body = recognise(etree.fromstring(octets)).body
    return read_message(body, VALIDATOR, limit=1_000_000, strict=False).content


@pytest.mark.parametrize(
    ("requests", "services"),
    [
        ([GET_ENERGY], {Service.GET}),
        ([SET], {Service.SET}),
        ([ACTION], {Service.ACTION}),
        ([GET_ENERGY, SET, ACTION], {Service.GET, Service.SET, Service.ACTION}),
        ([access_request(ACCESS_GET)], {Service.GET}),
        ([access_request(ACCESS_GET, ACCESS_SET)], {Service.GET, Service.SET}),
        ([access_request(ACCESS_GET, ACCESS_GET, ACCESS_ACTION)], {Service.GET, Service.ACTION}),
        ([read_request(NAME)], {Service.GET}),
        ([read_request(parameterised(1))], {Service.GET}),
        ([read_request(NAME, parameterised(0))], {Service.GET, Service.ACTION}),
        ([WRITE], {Service.SET, Service.ACTION}),
    ],
)
def test_services_are_those_of_the_apdus_and_their_parts(requests: list[str], services: set[Service]) -> None:
    demand = demand_of(content(create(["M1", "M2"], requests)))
    assert (demand.verb, demand.noun) == (Verb.CREATE, "DeviceAccess")
    assert demand.services == services
    assert demand.names == ("M1", "M2")


def test_procedures_and_associations_are_services_of_their_own() -> None:
    upgrade = (
        f"<dev:CosemUpgrade><dev:upgrade-file>a</dev:upgrade-file><dev:image-identifier>b</dev:image-identifier>"
        f"<dev:image-size>1</dev:image-size>{CLOCK}</dev:CosemUpgrade>"
    )
    sync = f"<dev:CosemTimeSync>{CLOCK}{LIMITS}</dev:CosemTimeSync>"
    release = "<dev:CosemACSEDescriptor><cos:rlrq/></dev:CosemACSEDescriptor>"
    for step, service in ((upgrade, Service.UPGRADE), (sync, Service.TIME_SYNC), (release, Service.ASSOCIATE)):
        wrapped = access("{}").replace("<dev:CosemXDLMSDescriptor>{}</dev:CosemXDLMSDescriptor>", step)
        octets = create(["M1"]).replace(access(GET_ENERGY).encode(), wrapped.encode())
        assert demand_of(content(octets)).services == {service}


@pytest.mark.parametrize("form", ["mes", "dev"])
def test_both_forms_of_the_noun_are_seen(form: str) -> None:
    assert demand_of(content(create(["M1"], [SET], form=form))).services == {Service.SET}


def test_groups_ids_and_lasting_are_seen() -> None:
    octets = create(["M1"], terms="<dev:RepeatingInterval>P1D</dev:RepeatingInterval>").replace(
        b'<dev:DeviceReference DeviceID="M1"/>', b'<dev:GroupReference GroupID="G"/>'
    )
    demand = demand_of(content(octets))
    assert (demand.groups, demand.names, demand.lasting, demand.everything) == (("G",), (), True, False)
    assert demand_of(content(by_id("cancel", "a", "b"))).ids == ("a", "b")


def test_a_create_without_devices_is_about_all() -> None:
    octets = create([], terms="<dev:AcceptDataNotification>true</dev:AcceptDataNotification>")
    assert demand_of(content(octets)).everything


def test_groups_are_asked_for_by_their_members_and_prefixes() -> None:
    payload = (
        '<mes:Payload><mes:DeviceGroup><mes:DeviceGroup GroupID="G"><mes:DeviceReference DeviceID="M1"/>'
        '</mes:DeviceGroup><mes:DeviceGroup GroupID="P" Prefix="M" Type="PREFIX"/></mes:DeviceGroup></mes:Payload>'
    )
    demand = demand_of(content(request("change", payload, noun="DeviceGroup")))
    assert (demand.ids, demand.names, demand.prefixes) == (("G", "P"), ("M1",), ("M",))
    assert demand_of(content(request("create", payload, noun="DeviceGroup"))).ids == ()


def test_the_audit_log_names_objects_and_no_values() -> None:
    found = list(objects_of(content(create(["M1"], [SET, ACTION, access_request(ACCESS_GET)]))))
    assert found == ["attribute 70 0000600300FF 2", "method 70 0000600300FF 1", "attribute 70 0000600300FF 2"]
