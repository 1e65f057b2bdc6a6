"""A wrapper responder that knows its answers by heart, so that the client under test is the bottleneck. Prints READY.

AARQ: a fixed AARE (no authentication, LN); GET: double-long-unsigned 1234567 under the request's invoke-id; RLRQ: RLRE.
With `gmac` after the port: the same for HLS-GMAC, suite 0, authenticated and encrypted, and a day's load profile for a
GET of a profile; what the client sends is deciphered, its tags are not looked at. Or, where answers are given after
the port, in hex: those, one after the other on each connection.
"""

import asyncio
import signal
import struct
import sys
from collections.abc import Callable
from typing import cast

import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AARE = bytes.fromhex("6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007c1fffff0007")
HEAD, LENGTH = struct.Struct(">HHHH"), struct.Struct(">BH")
VALUE = b"\x00\x06" + struct.pack(">I", 1234567)
GCM, AUTHENTICATION_KEY = AESGCM(bytes(range(16))), bytes(range(0xD0, 0xE0))
TITLE, CHALLENGE = bytes.fromhex("4752580000000001"), bytes(range(1, 17))
INITIATE_RESPONSE = bytes.fromhex("0800065f1f0400007e1fffff0007")
ACCEPTED = (
    bytes.fromhex("a109060760857405080103a203020100a305a10302010ea40a0408") + TITLE
    + bytes.fromhex("88020780890760857405080205aa128010") + CHALLENGE
)  # fmt: skip
"""Authentication required; the meter's title and challenge."""

ROW = struct.Struct(">4sHBBBBBBBhB" + "BI" * 5)
PROFILE = b"\x00\x01\x60" + b"".join(
    ROW.pack(b"\x02\x06\x09\x0c", 2025, 1, 2, 4, n // 4, n % 4 * 15, 0, 0, -32768, 0, *(6, 1000 + n) * 5)
    for n in range(96)
)


class Responder(asyncio.Protocol):
    """One connection; any number of requests may be in one segment."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        out = []
        at = 0
        while len(data) - at >= 8:
            _, source, destination, size = HEAD.unpack_from(data, at)
            if len(data) - at < 8 + size:
                break
            answer = self.answer(data[at + 8 : at + 8 + size])
            out.append(HEAD.pack(1, destination, source, len(answer)) + answer)
            at += 8 + size
        self.rest = data[at:]
        self.transport.write(b"".join(out))

    def answer(self, apdu: bytes) -> bytes:
        if apdu[0] == 0xC0:
            return b"\xc4\x01" + apdu[2:3] + VALUE
        return AARE if apdu[0] == 0x60 else b"\x63\x03\x80\x01\x00"


class Ciphering(Responder):
    """One association under HLS-GMAC."""

    counter = 0

    def answer(self, apdu: bytes) -> bytes:
        self.is_general = apdu[0] == 0xDB
        if apdu[0] == 0x60:
            values = fields(apdu)
            self.client, self.challenge = values[0xA6][2:], values[0xAC][2:]
            return acse(0x61, ACCEPTED, self.sealed(0x28, INITIATE_RESPONSE))
        if apdu[0] == 0x62:
            return acse(0x63, b"\x80\x01\x00", self.sealed(0x28, INITIATE_RESPONSE))
        protected = apdu[11:] if self.is_general else apdu[2:]
        plain = GCM.encrypt(self.client + protected[1:5], protected[5:-12], None)[:-16]
        if plain[0] == 0xC0:
            return self.sealed(0xCC, b"\xc4\x01" + plain[2:3] + (PROFILE if plain[4] == 7 else VALUE))
        self.counter += 1
        head = struct.pack(">BI", 0x10, self.counter)
        tag = GCM.encrypt(TITLE + head[1:], b"", head[:1] + AUTHENTICATION_KEY + self.challenge)[:12]
        return self.sealed(0xCF, b"\xc7\x01" + plain[2:3] + b"\x00\x01\x00\x09\x11" + head + tag)

    def sealed(self, tag: int, plain: bytes) -> bytes:
        self.counter += 1
        head = struct.pack(">BI", 0x30, self.counter)
        content = head + GCM.encrypt(TITLE + head[1:], plain, head[:1] + AUTHENTICATION_KEY)[:-4]
        start = b"\xdb\x08" + TITLE if self.is_general else bytes((tag,))
        return start + (bytes((len(content),)) if len(content) < 128 else LENGTH.pack(0x82, len(content))) + content


def fields(aarq: bytes) -> dict[int, bytes]:
    """The fields of an AARQ by their tags; all its lengths are of one octet."""
    found, at = {}, 2
    while at < len(aarq):
        end = at + 2 + aarq[at + 1]
        found[aarq[at]] = aarq[at + 2 : end]
        at = end
    return found


def acse(tag: int, content: bytes, information: bytes) -> bytes:
    """An AARE or RLRE with its user-information."""
    content += bytes((0xBE, len(information) + 2, 0x04, len(information))) + information
    return bytes((tag, len(content))) + content


class Replaying(asyncio.Protocol):
    """One connection on which each segment is a request; whatever it says, the next answer goes back."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = iter(answers)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self.transport.write(next(self.answers))


async def main(port: int, protocol: Callable[[], asyncio.Protocol]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(protocol, "127.0.0.1", port, backlog=2048)
    print("READY", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    _, where, *told = sys.argv
    answers = [bytes.fromhex(answer) for answer in told if told != ["gmac"]]
    uvloop.run(main(int(where), (lambda: Replaying(answers)) if answers else Ciphering if told else Responder))
