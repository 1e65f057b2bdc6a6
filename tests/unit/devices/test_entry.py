"""What a person may write of a device, and what the messages say."""

import pytest

from cas.devices.entry import Entry, parse_entry
from cas.devices.keys import KeyKind
from cas.devices.model import Authentication, Protection

TITLE = "4D4D4D0000BC614E"
URL = "tcp://127.0.0.1:4059?client=1&server=1"


def entry(**fields: object) -> Entry:
    parsed = parse_entry({"device_id": TITLE, "url": URL, **fields})
    assert isinstance(parsed, Entry), parsed
    return parsed


def problems(**fields: object) -> str:
    parsed = parse_entry({"device_id": TITLE, "url": URL, **fields})
    assert isinstance(parsed, list)
    return "\n".join(f"{name}: {message}" for name, message in parsed)


def test_a_system_title_in_any_case_is_the_device_id() -> None:
    device = entry(device_id=TITLE.lower(), alias="house-7").device
    assert (device.device_id, device.system_title, device.alias) == (TITLE, bytes.fromhex(TITLE), "house-7")


def test_an_alias_may_be_the_device_id() -> None:
    device = entry(device_id="house-7", system_title=TITLE).device
    assert (device.device_id, device.system_title, device.alias) == ("house-7", bytes.fromhex(TITLE), "house-7")


def test_words_of_a_file_become_values() -> None:
    given = entry(
        authentication="hls-gmac", suite="0", protection="both", max_pdu="1024", encryption_key="00" * 16,
        authentication_key="11" * 16, secret="pass", quirk={"release": "no", "list_size": "4"}, label={"region": "N"},
    )  # fmt: skip
    device = given.device
    assert device.authentication is Authentication.HLS_GMAC
    assert device.protection is Protection.BOTH
    assert (device.suite, device.max_pdu, dict(device.labels)) == (0, 1024, {"region": "N"})
    assert (device.quirks.release, device.quirks.list_size) == (False, 4)
    assert {kind: key.reveal() for kind, key in given.keys.items()} == {
        KeyKind.ENCRYPTION: bytes(16),
        KeyKind.AUTHENTICATION: b"\x11" * 16,
        KeyKind.SECRET: b"pass",
    }


def test_a_secret_may_be_hex() -> None:
    assert entry(secret="hex:00ff").keys[KeyKind.SECRET].reveal() == b"\x00\xff"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"device_id": "a b"}, "device_id: must be 16 hex digits"),
        ({"device_id": ""}, "device_id: must be 16 hex digits"),
        ({"alias": "00" * 8}, "alias: must be 1 to 64"),
        ({"system_title": "12"}, "system_title: must be 16 hex digits"),
        ({"system_title": "00" * 8}, f"system_title must be the device_id {TITLE}"),
        ({"device_id": "a", "alias": "b"}, "alias must be the device_id a"),
        ({"url": "gopher://x"}, "url: gopher://x: unknown transport 'gopher'; known are"),
        ({"url": "tcp://host?clinet=1"}, "url: .*unknown parameter 'clinet'"),
        ({"url": "tcp://host:{port}"}, "url: .*the port is not a number"),
        ({"authentication": "gmac"}, "authentication: .*'none', 'lls'.*'hls-gmac'"),
        ({"suite": 3}, "suite: .*less than or equal to 2"),
        ({"protection": "all"}, "protection: .*'both'"),
        ({"max_pdu": 70000}, "max_pdu: .*65535"),
        ({"encryption_key": "xx"}, "encryption_key: must be hex digits"),
        ({"encryption_key": "00" * 15}, "encryption_key must have 32 hex digits in suite 0, not 30"),
        ({"encryption_key": "00" * 16, "suite": 2}, "encryption_key must have 64 hex digits in suite 2"),
        ({"secret": "hex:0"}, "secret: must be hex digits"),
        ({"secret": "p" * 65}, "secret must have 1 to 64 octets"),
        ({"quirk": {"relase": True}}, r"quirk.relase: unknown field; .*quirk\.release"),
        ({"colour": "red"}, "colour: unknown field; known are device_id, url"),
    ],
)
def test_says_which_field_is_wrong_and_what_would_be_right(fields: dict[str, object], says: str) -> None:
    import re

    assert re.search(says, problems(**fields)), problems(**fields)


def test_a_missing_field_is_named() -> None:
    assert parse_entry({"device_id": TITLE}) == [("url", "is missing")]


@pytest.mark.parametrize("field", ["encryption_key", "secret", "master_key"])
def test_no_message_shows_a_key(field: str) -> None:
    assert "c0ffee" not in problems(**{field: "hex:c0ffeeZ" if field == "secret" else "c0ffee"})
    assert "c0ffee" not in repr(entry(secret="hex:c0ffee"))


@pytest.mark.parametrize(
    ("authentication", "protection", "needed"),
    [
        ("none", "none", set()),
        ("none", "encrypted", {KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION}),
        ("lls", "none", {KeyKind.SECRET}),
        ("hls-gmac", "none", {KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION}),
        ("hls-sha256", "both", {KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION, KeyKind.SECRET}),
    ],
)
def test_knows_which_keys_an_association_needs(authentication: str, protection: str, needed: set[KeyKind]) -> None:
    assert entry(authentication=authentication, protection=protection).device.needed_keys == needed
