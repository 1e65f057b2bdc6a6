"""Where events may go: the receivers that the operator lists, as they are named and as their names resolve.

An entry of the list is one of

https://mdm.example.com/events   an address; it allows what stands below it as well
mdm.example.com[:port]           a host, by http and https; without a port only at their own ports
*.example.com[:port]             any host of a domain
192.0.2.7[:port], [2001:db8::7]  a host named by its address, also a private one
10.20.0.0/16                     a network: hosts allowed by name may have their addresses in it

A name is resolved for each connection, and the connection goes to an address that was checked then: one that is global,
or in a listed network; `localhost` to this machine. So neither a redirect, which is not followed, nor a name server
leads into the operator's own network.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from cas.errors import ConfigurationError
from cas.push.errors import TargetRefused

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST = 2000
"""Characters of an address."""
_LOCALHOST = "localhost"
# No space, no control character, no backslash (which some take for a slash), nothing outside of ASCII.
_PLAIN = re.compile(r"[!-\[\]-~]+", re.ASCII)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# IPv4 addresses in IPv6 that nobody uses any more, and that stacks read in their own ways.
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A receiver of the list."""

    scheme: str | None
    host: str
    """A name, an address, or `*.` and a domain."""
    port: int | None
    path: str = ""

    def fits(self, url: URL, host: str) -> bool:
        if self.scheme not in (None, url.scheme) or not _fits_host(self.host, host):
            return False
        if self.port is None and not url.is_default_port():
            return False
        if self.port not in (None, url.port):
            return False
        base = self.path.rstrip("/")
        return not base or url.path == base or url.path.startswith(f"{base}/")


@dataclass(frozen=True, slots=True)
class Targets:
    """The receivers that the operator allows."""

    entries: tuple[_Entry, ...] = ()
    networks: tuple[_Network, ...] = ()

    @staticmethod
    def parse(listed: Iterable[str]) -> "Targets":
        """Read the list. Raises ConfigurationError, which names the entry."""
        entries: list[_Entry] = []
        networks: list[_Network] = []
        for text in listed:
            network = _network(text)
            if network is not None:
                networks.append(network)
            else:
                entries.append(_entry(text))
        return Targets(tuple(entries), tuple(networks))

    def check(self, address: str) -> URL:
        """The URL of an address that is allowed as it is written. Raises TargetRefused."""
        url = _url(address)
        host = _host(url)
        if not any(entry.fits(url, host) for entry in self.entries):
            raise TargetRefused(f"{url.origin()} is not among the receivers that the operator allows")
        return url

    def permits(self, host: str, address: str) -> bool:
        """Whether a host that was checked may be reached at this address."""
        found = _address(address)
        if found is None:
            return False
        if _address(host) is not None:
            return found == _address(host)  # it was listed as it is
        if host == _LOCALHOST:
            return found.is_loopback
        return _is_global(found) or any(found in network for network in self.networks)


class CheckedResolver(AbstractResolver):
    """Resolves names to the addresses that are allowed. Raises TargetRefused where there is none."""

    def __init__(self, targets: Targets, resolver: AbstractResolver) -> None:
        self._targets = targets
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host, without those that are not allowed."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [result for result in found if self._targets.permits(host.lower(), result["host"])]
        if not allowed:
            raise TargetRefused(f"{host} resolves to {', '.join(r['host'] for r in found)}, which is not allowed")
        return allowed

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._resolver.close()


def _url(address: str) -> URL:
    if len(address) > LONGEST or not _PLAIN.fullmatch(address):
        raise TargetRefused("the address must be a URL of plain characters")
    try:
        url = URL(address)
        known = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
        str(url.origin())  # a host that can be read may still be one that cannot be written
    except (ValueError, IndexError) as problem:  # IndexError: of brackets where a host should be
        raise TargetRefused(f"the address is no URL: {problem}") from None
    if not known:
        raise TargetRefused("the address must be a URL with http or https and a host")
    authority = re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0]
    if "@" in authority:  # also an empty one, which `URL` drops
        raise TargetRefused("the address must not name a user or password")
    if "%" in authority:  # a zone of IPv6, or octets that others may decode
        raise TargetRefused("the host of the address must be plain")
    # What a server would make of encoded separators is its own affair, and not ours to guess.
    if any(step in (".", "..") for step in re.split(r"[/\\]", url.path)) or "%2f" in url.raw_path.lower():
        raise TargetRefused("the path of the address must be plain")
    return url


def _host(url: URL) -> str:
    return (url.raw_host or "").lower()


def _fits_host(listed: str, host: str) -> bool:
    if listed.startswith("*."):
        return _address(host) is None and host.endswith(listed[1:])
    address = _address(listed)
    return host == listed if address is None else address == _address(host)


def _address(text: str) -> _Address | None:
    """An IP address; an IPv4 address also where it is written in IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_global(address: _Address) -> bool:
    """Whether an address, and any that is wrapped in it, is of the public network."""
    if isinstance(address, ipaddress.IPv6Address) and (address in _COMPATIBLE or address.scope_id is not None):
        return False
    return all(inner.is_global and not inner.is_multicast and not inner.is_reserved for inner in _unwrapped(address))


def _unwrapped(address: _Address) -> Iterator[_Address]:
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    else:
        yield address


def _network(text: str) -> _Network | None:
    if "/" not in text or "://" in text:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError as problem:
        raise ConfigurationError(f"event_targets: {text!r} is no network: {problem}") from None


def _entry(text: str) -> _Entry:
    is_address = "://" in text
    wildcard = "*." if text.startswith("*.") else ""
    try:
        url = _url(text if is_address else f"https://{_bracketed(text.removeprefix(wildcard))}")
    except TargetRefused as problem:
        raise ConfigurationError(f"event_targets: {text!r}: {problem}") from None
    host = wildcard + _host(url)
    if is_address:
        if url.query_string or url.fragment:
            raise ConfigurationError(f"event_targets: {text!r}: leave out the query")
        return _Entry(url.scheme, host, url.port, url.path)
    return _Entry(None, host, url.explicit_port)


def _bracketed(text: str) -> str:
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
