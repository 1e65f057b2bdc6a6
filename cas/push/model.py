"""What the reception of notifications deals in: what was heard, who may have sent it, what is handed on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

from cas.dlms.notification import Kind
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection


class Wire(StrEnum):
    """How a notification came: over a connection (wrapper or HDLC), or in a datagram, which may name any sender."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Heard:
    """An APDU that came: from `host` and `peer` (host:port), between two wPorts or HDLC addresses, at a time."""

    wire: Wire
    host: str
    peer: str
    source: int
    destination: int
    apdu: bytes
    reply: Callable[[bytes], None]
    at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """A registered device as a sender of notifications."""

    device_id: str
    title: bytes | None
    """8 octets; None if it is not registered: then the title is what the notification names."""
    host: str | None
    """Where it is, None for a device that dials in from anywhere."""
    required: Protection = field(default_factory=Protection)
    """The least protection that is accepted."""
    ciphering: Ciphering | None = None
    counter_scope: Callable[[bytes], bytes] | None = None
    """What its invocation counters belong to, by its system title; None without keys."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of a registered device, recognised and plain: octets of the whole APDU."""

    device_id: str
    received_at: datetime
    apdu: bytes
    kind: Kind


Sink: TypeAlias = Callable[[Notification], Awaitable[bool]]
"""Takes a notification; False, or an error, if it cannot: then the device is not told that it arrived."""


class Directory(Protocol):
    """Knows the devices."""

    async def by_title(self, title: bytes) -> Sender | None:
        """The device with this system title."""
        ...

    async def by_address(self, host: str, source: int) -> Sender | None:
        """The one device at this address and wPort (or HDLC address); None if there is none or more than one."""
        ...

    async def seal(self, sender: Sender, plain: bytes, control: SecurityControl) -> bytes:
        """An APDU to this device, protected as its own was."""
        ...


class CounterMemory(Protocol):
    """Remembers the greatest invocation counter that was accepted, by scope (a key and a system title)."""

    async def last(self, scope: bytes) -> int | None:
        """The greatest one accepted; None if there was none."""
        ...

    async def accept(self, scope: bytes, counter: int) -> None:
        """This one was accepted; lowers nothing."""
        ...


class CountersInMemory:
    """A CounterMemory that lasts as long as the process. It grows with the registered devices only."""

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}

    async def last(self, scope: bytes) -> int | None:
        """The greatest one accepted; None if there was none."""
        return self._last.get(scope)

    async def accept(self, scope: bytes, counter: int) -> None:
        """This one was accepted."""
        self._last[scope] = max(counter, self._last.get(scope, -1))


@dataclass(frozen=True, slots=True)
class PushSettings:
    """Bounds of the reception; sizes in octets, times in seconds."""

    by_address: bool = True
    """Whether a sender that names no title may be recognised by its address."""
    idle: float = 900.0
    """A TCP connection on which nothing comes for so long is closed, and what is known of a link is forgotten."""
    max_connections: int = 10_000
    lanes: int = 16
    """Notifications looked at at the same time; those of one host keep their order."""
    max_waiting: int = 10_000
    """Arrivals that wait to be looked at."""
    max_waiting_octets: int = 64 << 20
    max_waiting_host: int = 1_000
    """Arrivals of one host that wait."""
    block_window: int = 16
    """Blocks that are taken in a row."""
    block_limit: int = 1 << 20
    """Octets of a notification that comes in blocks."""
    block_transfers: int = 1_000
    """Transfers under way."""
    block_octets: int = 64 << 20
    """Octets of all of them."""
    block_idle: float = 60.0
    """A transfer that stands still for so long is forgotten."""
    block_size: int = 512
    """Octets of a block that is sent."""
    links: int = 10_000
    """Links of which the device is remembered, and devices of which the last notification is."""
