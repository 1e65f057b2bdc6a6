"""Lists of elements with one attribute each: read at once as one by one, whatever stands between."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas import xml
from cas.bindings.device_access import DevicesReferenceList
from cas.xml import leaves

DEV = "http://iec.ch/TC13/2014/schema/DeviceAccess"
MANY = 3 * leaves.LEAVES_WORTH_IT

devices = st.integers(0, 99).map(lambda n: f'<d:DeviceReference DeviceID="meter {n} &amp; &lt;&#233;"/>')
groups = st.integers(0, 99).map(lambda n: f'<d:GroupReference GroupID="group{n}"/>')
oddities = st.sampled_from(
    [
        "<d:DeviceReference/>",
        "<d:DeviceReference></d:DeviceReference>",
        '<d:DeviceReference GroupID="other"/>',
        '<d:DeviceReference DeviceID="a" GroupID="b"/>',
        '<d:DeviceReference d:DeviceID="a"/>',
        '<d:DeviceReference DeviceID="a" d:more="b"/>',
        '<d:DeviceReference DeviceID="a"> </d:DeviceReference>',
        '<d:DeviceReference DeviceID="a">text</d:DeviceReference>',
        '<d:DeviceReference DeviceID="a"><d:DeviceReference DeviceID="b"/></d:DeviceReference>',
        '<DeviceReference DeviceID="a"/>',
        '<d:MeterReference DeviceID="a"/>',
        "text",
        "\n  ",
        "\u00a0",
    ]
)


def read(document: str) -> object:
    """What the list is read as, or what is wrong with it."""
    try:
        return xml.read(DevicesReferenceList, xml.parse(document.encode()))
    except xml.XmlError as error:
        return str(error)


def written(children: list[str]) -> str:
    return f'<d:DevicesReferenceList xmlns:d="{DEV}">{"".join(children)}</d:DevicesReferenceList>'


@given(
    st.lists(devices | groups, min_size=MANY, max_size=MANY),
    st.lists(st.tuples(st.integers(0, MANY), oddities), max_size=2),
)
def test_what_is_read_at_once_is_what_is_read_one_by_one(children: list[str], odd: list[tuple[int, str]]) -> None:
    for place, text in odd:
        children.insert(place, text)
    at_once = read(written(children))
    with mock.patch.object(leaves, "LEAVES_WORTH_IT", 1000):
        assert at_once == read(written(children))


@pytest.mark.parametrize("between", ["", "\n    "])
def test_devices_and_groups_stand_in_one_list(between: str) -> None:
    devices = [f"{number:016X}" for number in range(MANY)]
    children = [f'<d:DeviceReference DeviceID="{device}"/>' for device in devices]
    found = read(written([between.join([*children, '<d:GroupReference GroupID="west"/>'])]))
    assert isinstance(found, DevicesReferenceList)
    assert [one.device_id for one in found.device_reference] == devices
    assert [one.group_id for one in found.group_reference] == ["west"]
