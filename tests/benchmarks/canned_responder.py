"""A wrapper responder that knows its answers by heart, so that the client under test is the bottleneck. Prints READY.

AARQ: a fixed AARE (no authentication, LN); GET: double-long-unsigned 1234567 under the request's invoke-id; RLRQ: RLRE.
Or, where answers are given after the port, in hex: those, one after the other on each connection.
"""

import asyncio
import signal
import struct
import sys
from typing import cast

import uvloop

AARE = bytes.fromhex("6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007c1fffff0007")
HEAD = struct.Struct(">HHHH")
VALUE = b"\x00\x06" + struct.pack(">I", 1234567)


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

    @staticmethod
    def answer(apdu: bytes) -> bytes:
        if apdu[0] == 0xC0:
            return b"\xc4\x01" + apdu[2:3] + VALUE
        return AARE if apdu[0] == 0x60 else b"\x63\x03\x80\x01\x00"


class Replaying(asyncio.Protocol):
    """One connection on which each segment is a request; whatever it says, the next answer goes back."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = iter(answers)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self.transport.write(next(self.answers))


async def main(port: int, answers: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    protocol = (lambda: Replaying(answers)) if answers else Responder
    server = await loop.create_server(protocol, "127.0.0.1", port, backlog=2048)
    print("READY", server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), [bytes.fromhex(answer) for answer in sys.argv[2:]]))
