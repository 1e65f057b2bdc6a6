"""Long lists of device references: read folded as unfolded, whatever stands between, with the same words if wrong."""

import re
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cas import xml
from cas.access.codes import Code
from cas.access.errors import Problem
from cas.access.order import unknown_devices
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.soap.envelope import recognise
from cas.soap.errors import MessageRefused, NotSoap
from cas.soap.message import read_message
from cas.soap.problems import errors_of
from cas.soap.schema import Validator
from cas.xml.folding import FOLDS_WORTH_IT
from tests.soap_messages import DEV, create, envelope, request

MANY = 2 * FOLDS_WORTH_IT
VALIDATOR = Validator()
REFERENCE = '<dev:DeviceReference DeviceID="M{}"/>'
ENDS_A_COMMENT = '<dev:DeviceReference DeviceID="--><dev:DeviceReference DeviceID=\'"/>'

references = st.integers(0, 99).map(lambda n: f'<dev:DeviceReference DeviceID="meter {n} &amp; &lt;&#233;\u00e9"/>')
oddities = st.sampled_from(
    [
        "",
        "text",
        "\n  ",
        "\u00a0",
        "<!-- -->",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?pi",
        "?>",
        '<dev:GroupReference GroupID="west"/>',
        '<dev:MeterReference DeviceID="a"/>',
        "<dev:DeviceReference/>",
        "<dev:DeviceReference DeviceID='a'/>",
        "<dev:DeviceReference DeviceID='",
        "'/>",
        '<dev:DeviceReference DeviceID="-->\'"/>',
        ENDS_A_COMMENT,
        '<dev:DeviceReference DeviceID="\'/>"/>',
        '<dev:DeviceReference DeviceID=""/>',
        '<dev:DeviceReference DeviceID="&#10;&#x7C;"/>',
        '<dev:DeviceReference DeviceID="&#1"/>',
        '<dev:DeviceReference DeviceID="&am"/>',
        '<dev:DeviceReference DeviceID="a&b"/>',
        '<dev:DeviceReference DeviceID="a<b"/>',
        '<dev:DeviceReference DeviceID="a"></dev:DeviceReference>',
        '<dev:DeviceReference DeviceID="a"> </dev:DeviceReference>',
        '<dev:DeviceReference DeviceID="a">text</dev:DeviceReference>',
        '<dev:DeviceReference DeviceID="a" GroupID="b"/>',
        '<dev:DeviceReference dev:DeviceID="a"/>',
        '<dev:DeviceReference DeviceID="a" dev:more="b"/>',
        '<dev:DeviceReference DeviceID="a" xmlns:dev="urn:other"/>',
        f'<dev:DeviceReference DeviceID="a" xmlns:dev="{DEV}"/>',
        '<dev:DeviceReference xmlns:dev="urn:other" DeviceID="a"/>',
        '<dev:DeviceReference DeviceID="a"><dev:DeviceReference DeviceID="b"/></dev:DeviceReference>',
        '<mes:DeviceReference DeviceID="a"/>',
        '<DeviceReference DeviceID="a"/>',
        "</dev:DevicesReferenceList><dev:DevicesReferenceList>",
        "</dev:DevicesReferenceList>",
    ]
)


def outcome(parse: Callable[[bytes], xml.Element], octets: bytes) -> object:
    """What the door reads, or what it says is wrong."""
    try:
        return read_message(recognise(parse(octets)).body, VALIDATOR, limit=100_000, strict=False).content
    except MessageRefused as refused:
        return refused.errors
    except (NotSoap, xml.XmlError) as error:
        return str(error)


def listed(children: list[str], place: str = "dev:DevicesReferenceList") -> bytes:
    """A request with a list of references."""
    return create([]).replace(
        b"<dev:DevicesReferenceList></dev:DevicesReferenceList>", f"<{place}>{''.join(children)}</{place}>".encode()
    )


def elements(root: xml.Element) -> int:
    return sum(1 for _ in root.iter("{*}DeviceReference"))


@given(
    st.lists(references, min_size=MANY, max_size=MANY),
    st.lists(st.tuples(st.integers(0, MANY), oddities), max_size=3),
)
def test_what_is_read_folded_is_what_is_read_one_by_one(children: list[str], odd: list[tuple[int, str]]) -> None:
    for place, text in sorted(odd, reverse=True):
        children.insert(place, text)
    octets = listed(children)
    assert outcome(xml.parse_folded, octets) == outcome(xml.parse, octets)


@pytest.mark.parametrize("between", ["", "\n    "])
@pytest.mark.parametrize("end", ["/>", " />", "></dev:DeviceReference>"])
def test_a_list_is_one_element_and_all_its_devices_are_read(between: str, end: str) -> None:
    devices = [f"{number:016X}" for number in range(MANY)]
    children = [f'<dev:DeviceReference DeviceID="{device}"{end}' for device in devices]
    octets = listed([between.join([*children, '<dev:GroupReference GroupID="west"/>'])])
    root = xml.parse_folded(octets)
    assert elements(root) == 1
    noun = read_message(recognise(root).body, VALIDATOR, limit=0, strict=True).noun
    assert noun is not None
    assert noun.devices_reference_list is not None
    assert [one.device_id for one in noun.devices_reference_list.device_reference] == devices
    assert [one.group_id for one in noun.devices_reference_list.group_reference] == ["west"]


def test_a_group_is_read_folded_too() -> None:
    members = "".join(f'<mes:DeviceReference DeviceID="M{number}"/>' for number in range(MANY))
    groups = (
        f'<mes:Payload><mes:DeviceGroups><mes:DeviceGroup GroupID="g">{members}</mes:DeviceGroup></mes:DeviceGroups>'
    )
    octets = request("create", f"{groups}</mes:Payload>", noun="DeviceGroups")
    assert elements(xml.parse_folded(octets)) == 1
    assert outcome(xml.parse_folded, octets) == outcome(xml.parse, octets)


LIST = tuple(dev.DeviceReference(device_id=f"M{number}") for number in range(MANY))
ACCESS = mes.PayloadType(
    device_access=(dev.DeviceAccess(devices_reference_list=dev.DevicesReferenceList(device_reference=LIST)),)
)
RESOURCE = mes.Resource(
    id="1", resource_type=mes.ResourceType.GET, resource_status=mes.ResourceStatus.EXECUTING, device_reference=LIST
)
DIRECTORY = mes.PayloadType(resource_directory=mes.ResourceDirectory(resource=(RESOURCE,)))
HEADER = mes.HeaderType(verb=mes.Verb.REPLY, noun="DeviceAccess")


@pytest.mark.parametrize(
    "message",
    [
        mes.ResponseMessage(header=HEADER, reply=mes.ReplyType(result=mes.Result.OK), payload=ACCESS),
        mes.ResponseMessage(header=HEADER, reply=mes.ReplyType(result=mes.Result.OK), payload=DIRECTORY),
        mes.EventMessage(header=HEADER, payload=ACCESS),
    ],
)
def test_what_the_client_is_told_is_read_folded_too(message: mes.ResponseMessage | mes.EventMessage) -> None:
    root = xml.parse_folded(envelope(xml.write(message, f"mes:{type(message).__name__}")))
    assert elements(root) == 1
    assert xml.read(type(message), recognise(root).body) == message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!--", "-->"),
        ("<![CDATA[", "]]>"),
        ("<?pi ", "?>"),
        ('<mes:Header><x:any xmlns:x="urn:x">', "</x:any></mes:Header>"),
        ('<dev:DeviceReference DeviceID="first" xmlns:dev="urn:other">', "</dev:DeviceReference>"),
        (f"<!-- {REFERENCE}{ENDS_A_COMMENT}", ""),
    ],
)
def test_what_is_no_list_is_not_folded(before: str, after: str) -> None:
    children = [REFERENCE.format(number) for number in range(MANY)]
    octets = listed([before, *children, after])
    try:
        assert elements(xml.parse_folded(octets)) == elements(xml.parse(octets))
    except xml.XmlError as error:
        with pytest.raises(xml.XmlError) as plain:
            xml.parse(octets)
        assert str(plain.value) == str(error)


@pytest.mark.parametrize("many", [2, MANY])
def test_what_stands_between_quotes_elsewhere_costs_nothing(many: int) -> None:
    """Each of the pieces was an object: a document of 10 MB took 190 MB."""
    octets = listed([REFERENCE.format(number) for number in range(many)])
    octets = octets.replace(b"<mes:Verb>", b"<mes:Verb>" + 100_000 * b'xy"')
    tail = octets.replace(b"</mes:RequestMessage>", 100_000 * b'xy"' + b"</mes:RequestMessage>")
    for hostile in (octets, tail):
        tracemalloc.start()
        try:
            xml.parse_folded(hostile)
            assert tracemalloc.get_traced_memory()[1] < 5 * len(hostile)
        finally:
            tracemalloc.stop()


def test_unfolded_it_is_the_document() -> None:
    octets = listed([REFERENCE.format(number) for number in range(MANY)])
    root = xml.parse_folded(octets)
    xml.unfold(root)
    assert etree.tostring(root, method="c14n") == etree.tostring(xml.parse(octets), method="c14n")


def test_what_the_use_cases_refuse_is_told_with_its_place() -> None:
    body = recognise(xml.parse_folded(listed([REFERENCE.format(number) for number in range(MANY)]))).body
    problem = Problem(Code.DEVICE, "no such device", element=f"DevicesReferenceList/DeviceReference[{MANY}]")
    (error,) = errors_of([problem], body)
    assert error.details is not None
    assert f"/dev:DeviceReference[{MANY}]: no such device" in error.details


def test_of_a_problem_with_each_of_many_devices_the_first_hundred_are_told() -> None:
    """To look for each place from the start took a minute for 4,000 devices."""
    many = 4000
    body = recognise(xml.parse_folded(listed([REFERENCE.format(number) for number in range(many)]))).body
    began = time.process_time()
    *errors, last = errors_of(unknown_devices([f"M{number}" for number in range(many)], ()), body)
    assert time.process_time() - began < 10.0
    told = [re.search(r"DeviceReference\[(\d+)\]: the device 'M(\d+)'", error.details or "") for error in errors]
    assert [(int(one[1]), int(one[2])) for one in told if one] == [(place + 1, place) for place in range(100)]
    assert (last.code, last.details) == ("2.4", "3900 more of: unknown device")
