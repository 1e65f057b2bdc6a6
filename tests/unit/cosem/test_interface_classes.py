"""The tables of interface classes: complete in themselves, and right where users look first."""

import pytest

from cas.cosem.interface_classes import (
    attribute_of,
    class_name,
    find_class,
    interface_classes,
    method_of,
    names_of_bits,
    names_of_values,
)
from cas.cosem.value_type import ANY, ValueType, parse_type

BUILT_IN = {"", "obis", "date_time", "date", "time", "text", "hex", "ipv4", "ipv6", "unit"}


def _meanings(kind: ValueType) -> set[str]:
    inner = [kind.element] if kind.element else [field for _, field in kind.fields]
    return {kind.meaning}.union(*map(_meanings, inner))


def test_every_meaning_that_a_table_uses_exists() -> None:
    members = [
        member
        for versions in interface_classes().values()
        for cls in versions.values()
        for member in (*cls.attributes.values(), *cls.methods.values())
    ]
    used = set().union(*(_meanings(member.type) for member in members))
    assert not [name for name in used - BUILT_IN if not names_of_values(name) and not names_of_bits(name)]


@pytest.mark.parametrize(
    ("class_id", "number", "name"),
    [(3, 1, "logical_name"), (3, 3, "scaler_unit"), (7, 2, "buffer"), (7, 8, "profile_entries"), (8, 9, "clock_base"),
     (15, 9, "security_setup_reference"), (18, 6, "image_transfer_status"), (20, 10, "activate_passive_calendar_time"),
     (70, 4, "control_mode"), (71, 11, "actions"), (64, 3, "security_suite"), (22, 4, "execution_time")],
)  # fmt: skip
def test_attributes_by_number(class_id: int, number: int, name: str) -> None:
    assert attribute_of(class_id, number).name == name
    cls = find_class(class_id)
    assert cls
    assert cls.attribute(name.upper()) == number


@pytest.mark.parametrize(
    ("class_id", "number", "name"),
    [(3, 1, "reset"), (8, 6, "shift_time"), (15, 1, "reply_to_HLS_authentication"), (18, 4, "image_activate"),
     (70, 2, "remote_reconnect"), (64, 2, "key_transfer"), (7, 2, "capture"), (9, 1, "execute")],
)  # fmt: skip
def test_methods_by_number(class_id: int, number: int, name: str) -> None:
    assert method_of(class_id, number).name == name


def test_the_version_decides() -> None:
    assert attribute_of(15, 7, 0).name == "LLS_secret"
    assert attribute_of(64, 2, 0).type.meaning == "security_policy"
    assert attribute_of(64, 2, 1).type.meaning == "security_policy_bits"
    newest = find_class(15)
    unknown = find_class(15, 9)
    assert newest
    assert unknown
    assert (newest.version, unknown.version) == (3, 3)


def test_what_is_not_known_is_called_by_its_number() -> None:
    assert class_name(8192) == "class 8192"
    assert attribute_of(8192, 5).name == "attribute 5"
    assert attribute_of(8192, 1).type.meaning == "obis"
    assert attribute_of(3, 9).type is ANY
    assert method_of(3, 200).name == "method 200"


@pytest.mark.parametrize("text", ["", "[long", "{a long b}", "longish", "long long", "{a}", "lo ng"])
def test_a_wrong_type_is_refused(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        parse_type(text, lambda _: None)


def test_kinds_are_those_of_data() -> None:
    assert parse_type("[{a long-unsigned, b enum:x}]", lambda _: None) == ValueType(
        "array",
        element=ValueType("structure", fields=(("a", ValueType("long-unsigned")), ("b", ValueType("enum", "x")))),
    )


# the classes of the Blue Book's 16th edition, by number; version 0 unless told
CATALOGUE = {
    *(
        1,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        15,
        17,
        18,
        19,
        20,
        21,
        22,
        23,
        24,
        25,
        26,
        27,
        28,
        29,
        30,
        40,
        41,
        42,
        43,
        44,
    ),
    *(
        45,
        46,
        47,
        48,
        50,
        51,
        52,
        53,
        55,
        56,
        57,
        58,
        59,
        61,
        62,
        63,
        64,
        65,
        67,
        68,
        70,
        71,
        72,
        73,
        74,
        76,
        77,
        80,
        81,
    ),
    *(82, 83, 84, 85, 86, 90, 91, 92, 95, 96, 97, 98, 100, 101, 102, 103, 104, 105, 111, 112, 113, 115, 116, 122, 123),
    *(124, 126, 127, 128, 129, 130, 131, 132, 133, 140, 141, 142, 143, 151, 152, 153, 160, 161, 162),
}


def test_no_class_of_the_blue_book_is_missing() -> None:
    assert not CATALOGUE - interface_classes().keys()


@pytest.mark.parametrize(
    ("class_id", "version", "attributes", "methods"),
    [(12, 2, 4, 8), (15, 3, 11, 6), (40, 0, 7, 1), (40, 2, 13, 2), (68, 0, 6, 2), (91, 4, 29, 2),
     (92, 4, 40, 0), (96, 0, 6, 1),
     (101, 0, 12, 0), (104, 0, 4, 11), (116, 0, 12, 0), (128, 0, 11, 3), (152, 0, 13, 0), (160, 0, 9, 1),
     (161, 1, 38, 1),
     (111, 0, 19, 3), (113, 0, 13, 5), (72, 1, 14, 8), (65, 1, 8, 2), (67, 0, 15, 1)],
)  # fmt: skip
def test_how_many_attributes_and_methods(class_id: int, version: int, attributes: int, methods: int) -> None:
    found = find_class(class_id, version)
    assert found is not None
    assert found.version == version
    assert (len(found.attributes), len(found.methods)) == (attributes, methods)
