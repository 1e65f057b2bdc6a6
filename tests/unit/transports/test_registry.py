"""Transports by URL."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import transports
from transports import Transport, open_transport, registry
from transports.errors import URLError


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("tcp://meter.example", "meter.example:4059"),
        ("tcp://192.0.2.7:5000?client=16&server=1", "192.0.2.7:5000"),
        ("tcp://[2001:db8::7]:5000/?client=0x10&timeout=2.5&connect-timeout=3", "[2001:db8::7]:5000"),
        ("hdlc+tcp://gateway:4060?client=1&server=1&physical=17&address-size=4&info=128&window=7", "gateway:4060"),
        ("hdlc+tcp://gateway?server=200&physical=300&frame-timeout=2&retries=5&pause=0.5", "gateway:4059"),
    ],
)
def test_urls_lead_to_their_endpoint(url: str, endpoint: str) -> None:
    assert open_transport(url).endpoint == endpoint


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://meter", r"unknown transport 'ftp'; known are .*hdlc\+tcp, .*tcp"),
        ("meter:4059", "unknown transport"),
        ("", "unknown transport"),
        ("tcp://:4059", "the host is missing"),
        ("tcp://meter:x", "the port is not a number"),
        ("tcp://meter:70000", "the port is not a number"),
        ("tcp://meter/path", "path '/path' means nothing"),
        ("tcp://meter#1", "fragment"),
        ("tcp://meter?cleint=1", "unknown parameter 'cleint'"),
        ("tcp://meter?client=1&client=2", "given twice"),
        ("tcp://meter?client=", "'client' is empty"),
        ("tcp://meter?client", "bad query field"),
        ("tcp://meter?client=one", "'client' is not a whole number: 'one'"),
        ("tcp://meter?client=65536", "'client' must lie between 1 and 65535, not 65536"),
        ("tcp://meter?timeout=soon", "'timeout' is not a number of seconds"),
        ("tcp://meter?timeout=0", "'timeout' must lie between"),
        ("tcp://meter?timeout=nan", "'timeout' must lie between"),
        ("hdlc+tcp://meter?address-size=3", "'address-size' must be one of 0, 1, 2, 4, not '3'"),
        ("hdlc+tcp://meter?server=200", "'server', 'physical', 'address-size'"),
        ("hdlc+tcp://meter?window=8", "'window' must lie between 1 and 7"),
        ("tcp://[::1", "Invalid IPv6"),
    ],
)
def test_what_is_wrong_is_named(url: str, message: str) -> None:
    with pytest.raises(URLError, match=message):
        open_transport(url)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(URLError) as caught:
        open_transport("tcp://user:secret@meter?wrong=1")
    assert "secret" not in str(caught.value)


def test_a_plug_in_adds_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("mine", "tests.unit.transports.test_registry:plug_in", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == "cas.transports" else [])
    assert open_transport("mine://somewhere?colour=red").endpoint == "somewhere:4059"
    assert "mine" in registry.factories()
    with pytest.raises(URLError, match="'colour' must be one of red, green"):
        open_transport("mine://somewhere?colour=blue")


def plug_in(target: registry.Target) -> Transport:
    target.choice("colour", "green", ("red", "green"))
    target.finish()
    return open_transport(f"tcp://{target.host()}")


def test_the_readme_knows_every_scheme() -> None:
    text = (Path(transports.__file__).parent / "README.md").read_text()
    assert [scheme for scheme in registry.factories() if f"`{scheme}" not in text] == []
