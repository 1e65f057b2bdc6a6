"""Which receivers are allowed: as their addresses are written, and as their names resolve."""

import socket
from collections.abc import Mapping

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from cas.errors import ConfigurationError
from cas.push.errors import TargetRefused
from cas.push.targets import CheckedResolver, Targets

LISTED = [
    "https://mdm.example.com/events/",
    "http://plain.example.com:8088",
    "mdm.example.org",
    "mdm.example.org:8443",
    "*.energy.example",
    "192.0.2.7:9000",
    "[2001:db8::7]:9000",
    "127.0.0.1:9001",
    "10.20.0.0/16",
]


@pytest.fixture
def targets() -> Targets:
    return Targets.parse(LISTED)


@pytest.mark.parametrize(
    "address",
    [
        "https://mdm.example.com/events",
        "https://mdm.example.com/events/a/b?x=1",
        "https://MDM.Example.COM:443/events/a",
        "http://plain.example.com:8088/",
        "http://plain.example.com:8088/anything",
        "http://mdm.example.org/",
        "https://mdm.example.org/x",
        "https://mdm.example.org:8443",
        "https://a.energy.example/",
        "https://a.b.energy.example/",
        "http://192.0.2.7:9000/x",
        "http://[2001:db8::7]:9000/x",
        "http://[2001:0db8:0::0007]:9000/x",
        "http://127.0.0.1:9001/x",
        "http://[::ffff:127.0.0.1]:9001/x",
    ],
)
def test_what_is_listed_is_allowed(targets: Targets, address: str) -> None:
    assert str(targets.check(address).scheme) in address.lower()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "topic/of/a/queue",
        "ftp://mdm.example.org/",
        "file:///etc/passwd",
        "gopher://mdm.example.org/",
        "https:///events",
        "https://[::ffff&:192.0.2.7]:80/",
        "http://[]/",
        "http://[::ffff:192.0.2.7%25eth0]:9000/x",
        "http://[::ffff:192.0.2.7%:ffff]:9000/x",
        "https://mdm.example%2eorg/",
        "http://]:80/",
        "http://:80[]/",
        "https://other.example.com/events",
        "http://mdm.example.com/events",
        "https://mdm.example.com/eventsandmore",
        "https://mdm.example.com/",
        "https://mdm.example.com:8443/events",
        "https://mdm.example.com/events/../admin",
        "https://mdm.example.com/events/%2e%2e/admin",
        "https://mdm.example.com/events/%2E%2E%2Fadmin",
        "https://mdm.example.com/events/..%5cadmin",
        "https://mdm.example.com.evil.example/events",
        "https://mdm.example.com./events",
        "https://mdm.example.com@evil.example/events",
        "https://user:secret@mdm.example.com/events",
        "https://user@mdm.example.com/events",
        "https://@mdm.example.com/events",
        "https://evil.example\\@mdm.example.com/events",
        "https://mdm.example.com\\.evil.example/events",
        "https://mdm.example.com /events",
        "https://mdm.example.com/events\r\nHost: evil",
        "https://mdm.example.com\u3002evil/events",
        "https://energy.example/",
        "https://xenergy.example/",
        "http://mdm.example.org:8080/",
        "http://mdm.example.org:0/",
        "http://mdm.example.org:99999/",
        "http://127.0.0.1/x",
        "http://127.0.0.1:9002/x",
        "http://127.1:9001/x",
        "http://2130706433:9001/x",
        "http://0x7f000001:9001/x",
        "http://0177.0.0.1:9001/x",
        "http://localhost:9001/x",
        "http://[::1]:9001/x",
        "http://[::]:9001/x",
        "http://[fe80::1%25eth0]:9001/x",
        "http://10.20.1.1/x",
        "http://169.254.169.254/latest/meta-data",
        f"https://mdm.example.org/{'x' * 2000}",
    ],
)
def test_what_is_not_listed_is_refused(targets: Targets, address: str) -> None:
    with pytest.raises(TargetRefused):
        targets.check(address)


def test_an_empty_list_allows_nobody() -> None:
    with pytest.raises(TargetRefused, match=r"https://mdm\.example\.org is not among"):
        Targets().check("https://mdm.example.org/secret-path")


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("mdm.example.org", "93.184.216.34", True),
        ("mdm.example.org", "2606:2800:220:1::1", True),
        ("mdm.example.org", "10.20.30.40", True),  # a listed network
        ("mdm.example.org", "::ffff:10.20.30.40", True),
        ("mdm.example.org", "10.21.30.40", False),
        ("mdm.example.org", "127.0.0.1", False),
        ("mdm.example.org", "127.0.0.53", False),
        ("mdm.example.org", "0.0.0.0", False),
        ("mdm.example.org", "169.254.169.254", False),
        ("mdm.example.org", "192.168.0.1", False),
        ("mdm.example.org", "100.64.0.1", False),
        ("mdm.example.org", "224.0.0.1", False),
        ("mdm.example.org", "255.255.255.255", False),
        ("mdm.example.org", "::", False),
        ("mdm.example.org", "::1", False),
        ("mdm.example.org", "::127.0.0.1", False),
        ("mdm.example.org", "::ffff:127.0.0.1", False),
        ("mdm.example.org", "64:ff9b::7f00:1", False),  # NAT64
        ("mdm.example.org", "64:ff9b::5db8:d822", True),
        ("mdm.example.org", "2002:7f00:1::", False),  # 6to4
        ("mdm.example.org", "2002:5db8:d822::", True),
        ("mdm.example.org", "2001:0:7f00:1::", False),  # Teredo
        ("mdm.example.org", "fe80::1", False),
        ("mdm.example.org", "fe80::1%eth0", False),
        ("mdm.example.org", "fd00::1", False),
        ("mdm.example.org", "ff02::1", False),
        ("mdm.example.org", "not-an-address", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("localhost", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("localhost", "10.20.0.1", False),
    ],
)
def test_addresses_that_a_host_may_have(targets: Targets, host: str, address: str, allowed: bool) -> None:
    assert targets.permits(host, address) is allowed


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.1/8", "http://user@host/", "ftp://host/", "https://host/?a=b", "", "a b", "*."],
)
def test_an_entry_that_is_none_is_named(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="event_targets"):
        Targets.parse([entry])


class Names(AbstractResolver):
    """A name server that gives another answer each time."""

    def __init__(self, answers: Mapping[str, list[list[str]]]) -> None:
        self._answers = answers

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._answers[host].pop(0)
        ]

    async def close(self) -> None:
        pass


async def test_only_the_addresses_that_are_allowed_come_out(targets: Targets) -> None:
    names = Names({"mdm.example.org": [["127.0.0.1", "93.184.216.34"], ["127.0.0.1"]]})
    resolver = CheckedResolver(targets, names)
    first = await resolver.resolve("mdm.example.org", 443)
    assert [result["host"] for result in first] == ["93.184.216.34"]
    with pytest.raises(TargetRefused, match=r"127\.0\.0\.1, which is not allowed"):
        await resolver.resolve("mdm.example.org", 443)
