"""A listener without sockets: octets are put in, notifications and answers come out. Ciphers by itself, by the book."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.policy import Protection
from cas.dlms.security.suites import SUITES
from cas.push.listener import PushListener, into
from cas.push.model import Notification, PushSettings, Sender, Sink, Wire
from transports.listener import Arrival

EK = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
AK = bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
TITLE = bytes.fromhex("4D4D4D0000BC614E")
HOST = "192.0.2.7"

# written by hand from the ASN.1 of COSEMpdu
PUSH = bytes.fromhex("0F000000010C07EA011F060D2D0000FFC400020209060100010700FF06000003E8")
PUSH_CONFIRMED = bytes.fromhex("0F40000007000203090600002B0100FF12001106000003E8")
CONFIRM = bytes.fromhex("104000000700")
EVENT = bytes.fromhex("C20000010000600BD8FF021101")
REPORT = bytes.fromhex("180001022BC8011105")

BOTH, AUTHENTICATED, ENCRYPTED = 0x30, 0x10, 0x20


def protected(plain: bytes, counter: int, control: int = BOTH, header: bytes = b"", title: bytes = TITLE) -> bytes:
    """SC || IC || content || tag (Green Book 8.3, 9.2.7.2)."""
    count = counter.to_bytes(4, "big")
    cipher = AESGCM(EK)
    if control & BOTH == BOTH:
        sealed = cipher.encrypt(title + count, plain, bytes((control,)) + AK + header)[:-4]
    elif control & BOTH == ENCRYPTED:
        sealed = cipher.encrypt(title + count, plain, None)[:-16]
    elif control & BOTH == AUTHENTICATED:
        sealed = plain + cipher.encrypt(title + count, b"", bytes((control,)) + AK + header + plain)[:-4]
    else:
        sealed = plain
    return bytes((control,)) + count + sealed


def general_glo(plain: bytes, counter: int, control: int = BOTH, title: bytes = TITLE) -> bytes:
    content = protected(plain, counter, control, title=title)
    assert len(content) < 128
    return b"\xdb\x08" + title + bytes((len(content),)) + content


def general_ciphering(plain: bytes, counter: int, key_info: bytes = b"\x00") -> bytes:
    header = b"\x01\x2a" + b"\x08" + TITLE + b"\x08" + b"CASxxxxx" + b"\x00" + b"\x00"
    content = protected(plain, counter, header=header)
    return b"\xdd" + header + key_info + bytes((len(content),)) + content


def glo(tag: int, plain: bytes, counter: int) -> bytes:
    content = protected(plain, counter)
    return bytes((tag, len(content))) + content


def block(control: int, number: int, ack: int, data: bytes = b"") -> bytes:
    assert len(data) < 128
    return b"\xe0" + bytes((control,)) + number.to_bytes(2, "big") + ack.to_bytes(2, "big") + bytes((len(data),)) + data


CIPHERED = Sender(
    device_id="4D4D4D0000BC614E",
    title=TITLE,
    host="198.51.100.1",
    required=Protection(authentication=True, encryption=True),
    ciphering=Ciphering(SUITES[0], EK, AK),
    counter_scope=lambda title: b"scope" + title,
)
PLAIN = Sender(device_id="house-7", title=None, host=HOST)


@dataclass
class Book:
    """A directory of a few senders; which addresses they have is said apart from it."""

    senders: list[Sender] = field(default_factory=lambda: [CIPHERED])
    places: dict[tuple[str, int], Sender] = field(default_factory=dict)

    async def by_title(self, title: bytes) -> Sender | None:
        return next((sender for sender in self.senders if sender.title == title), None)

    async def by_address(self, host: str, source: int) -> Sender | None:
        return self.places.get((host, source))

    async def seal(self, sender: Sender, plain: bytes, control: SecurityControl) -> bytes:
        return b"sealed " + bytes((control.octet,)) + plain


@dataclass
class Bench:
    """A listener, what it took and what it answered."""

    push: PushListener
    taken: asyncio.Queue[Notification]
    answers: list[bytes] = field(default_factory=list)
    time: datetime = datetime(2026, 1, 31, tzinfo=UTC)

    def put(self, *apdus: bytes, host: str = HOST, port: int = 40000, source: int = 1, wire: Wire = Wire.TCP) -> None:
        for apdu in apdus:
            self.push.hear(wire, Arrival(f"{host}:{port}", source, 103, apdu, self.answers.append))

    async def settle(self) -> None:
        await asyncio.gather(*(lane.join() for lane in self.push._lanes))

    async def hear(
        self, *apdus: bytes, host: str = HOST, port: int = 40000, source: int = 1, wire: Wire = Wire.TCP
    ) -> list[bytes]:
        """What is answered to these APDUs."""
        self.answers.clear()
        self.put(*apdus, host=host, port=port, source=source, wire=wire)
        await self.settle()
        return list(self.answers)

    def all_taken(self) -> list[Notification]:
        return [self.taken.get_nowait() for _ in range(self.taken.qsize())]

    def plain(self) -> list[bytes]:
        return [notification.apdu for notification in self.all_taken()]

    def refused(self) -> dict[str, int]:
        return {reason: number for reason, number in self.push.counts.snapshot()["refused"].items() if number}

    def answered(self) -> dict[str, int]:
        return {reason: number for reason, number in self.push.counts.snapshot()["answered"].items() if number}

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@asynccontextmanager
async def bench(
    book: Book | None = None, *, size: int = 100, sink: Sink | None = None, **settings: object
) -> AsyncIterator[Bench]:
    taken: asyncio.Queue[Notification] = asyncio.Queue(size)
    chosen = replace(PushSettings(), **settings)  # type: ignore[arg-type]  # names of fields, each test its own
    push = PushListener(book or Book(), sink or into(taken), settings=chosen, clock=lambda: made.time)
    made = Bench(push, taken)
    async with push:
        yield made
