"""Mode E of IEC 62056-21: signing on at 300 baud and going over to HDLC (annex E; Green Book 8.3, 7.3.4.1).

    reader   / ? address ! CR LF                    300 baud, 7 bits, even parity
    meter    / X X X Z \\ 2 identification CR LF     Z: the fastest rate it offers; \\2: it speaks HDLC
    reader   ACK 2 Z 2 CR LF                        protocol 2, the rate chosen, mode 2
    both     the rate chosen, 8 bits, no parity; HDLC begins

Most meters confirm by sending the acknowledgement back, some at the old and some at the new rate, some not at all; so
what comes until the line is quiet is passed over. The codec is sans-IO; `ModeEMedium` drives it.
"""

import asyncio
import re
from dataclasses import dataclass

from transports.base import Channel, Receiver
from transports.errors import ConnectTimeout, LinkRefused, PortUnavailable
from transports.media.serial import Line, SerialChannel, SerialMedium

RATES = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
"""Baud rate characters of protocol modes C and E (6.3.14, 13 c)."""
_MESSAGE = re.compile(rb"/([A-Za-z]{3})([0-9A-Z])((?:\\[^/!\r\n])*)([^/!\r\n]{0,64})\r\n")
_ADDRESS = re.compile(r"[0-9A-Za-z ]{0,32}")
_MAX_MESSAGE = 256
REACTION = 1.5
"""Seconds within which a meter answers (6.3.6: 200 ms to 1500 ms), beyond the time on the line."""
QUIET = 0.25
"""Seconds without an octet after which HDLC begins."""
SIGN_ON = Line(300, 7, "E", 1)


@dataclass(frozen=True, slots=True)
class Identification:
    """What a meter says of itself: maker, the fastest rate it offers (0: none of mode E), whether it speaks HDLC."""

    maker: str
    baud: int
    hdlc: bool
    identification: str


def request(address: str = "") -> bytes:
    """Return the request message; without an address any meter answers. Raises ValueError for a bad address."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"a device address has at most 32 letters and digits, not {address!r}")
    return b"/?" + address.encode() + b"!\r\n"


def read_identification(octets: bytes) -> Identification | None:
    """Find the identification message among octets received; None when it is not there yet."""
    found = _MESSAGE.search(bytes(octet & 0x7F for octet in octets[-_MAX_MESSAGE:]))
    if found is None:
        return None
    maker, rate, escapes, rest = (group.decode("ascii") for group in found.groups())
    return Identification(maker, RATES.get(rate, 0), r"\2" in escapes, rest)


def acknowledge(baud: int) -> bytes:
    """Return the message that chooses HDLC at `baud`. Raises ValueError for a rate that has no character."""
    for character, rate in RATES.items():
        if rate == baud:
            return b"\x062" + character.encode() + b"2\r\n"
    raise ValueError(f"mode E has no rate of {baud} baud, only {', '.join(map(str, RATES.values()))}")


class ModeEMedium:
    """A serial port on which the meter is signed on to HDLC first, at `max_baud` or the fastest rate that it offers."""

    def __init__(
        self,
        path: str,
        *,
        address: str = "",
        max_baud: int = 9600,
        sign_on: Line = SIGN_ON,
        echo: bool = False,
        tries: int = 3,
    ) -> None:
        self._serial = SerialMedium(path, sign_on, echo=echo)
        self._request = request(address)
        acknowledge(max_baud)
        self._max_baud = max_baud
        self._tries = tries

    @property
    def endpoint(self) -> str:
        """The path of the port."""
        return self._serial.endpoint

    async def open(self, receiver: Receiver) -> Channel:
        """Open the port and sign on. Raises PortUnavailable, ConnectTimeout, LinkRefused."""
        ear = _Ear()
        channel = self._serial.open_line(ear)
        try:
            await self._sign_on(channel, ear)
        except BaseException:
            channel.abort()
            raise
        channel.receiver = receiver
        return channel

    async def _sign_on(self, channel: SerialChannel, ear: "_Ear") -> None:
        meter = await self._identify(channel, ear)
        if not meter.hdlc:
            raise LinkRefused(f"{self.endpoint}: {meter.maker} {meter.identification} does not offer HDLC (no \\2)")
        baud = min(meter.baud, self._max_baud)
        if baud not in RATES.values():
            raise LinkRefused(f"{self.endpoint}: {meter.maker} {meter.identification} offers no rate of mode E")
        message = acknowledge(baud)
        channel.write(message)
        await asyncio.sleep(channel.line.seconds(len(message)) + 0.02)
        channel.change(Line(baud))
        while await ear.hear(QUIET):
            pass

    async def _identify(self, channel: SerialChannel, ear: "_Ear") -> Identification:
        loop = asyncio.get_running_loop()
        for _ in range(self._tries):
            ear.octets.clear()
            channel.write(self._request)
            until = loop.time() + channel.line.seconds(len(self._request)) + REACTION
            while await ear.hear(until - loop.time()):
                until = max(until, loop.time() + channel.line.seconds(4))
                meter = read_identification(bytes(ear.octets))
                if meter is not None:
                    return meter
                if len(ear.octets) > _MAX_MESSAGE * 16:
                    break  # a line that never falls silent
        raise ConnectTimeout(f"{self.endpoint}: no meter identified itself, asked {self._tries} times")


class _Ear:
    """Collects octets while there is no link yet."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self._came = asyncio.Event()
        self._lost: Exception | None = None

    async def hear(self, seconds: float) -> bool:
        """Wait for octets; return whether some came. Raises PortUnavailable when the port is gone."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._came.wait()
        except TimeoutError:
            return False
        self._came.clear()
        if self._lost is not None:
            raise self._lost
        return True

    def data_received(self, data: bytes) -> None:
        self.octets += data
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = PortUnavailable(f"the serial port closed while signing on: {exc}")
        self._came.set()

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass
