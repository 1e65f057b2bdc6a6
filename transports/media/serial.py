"""Serial lines: RS-485, optical probes, modems. The port's file descriptor is watched by the event loop, no thread."""

import asyncio
import contextlib
import errno
import os
import termios
from dataclasses import dataclass
from typing import Literal

import serial

from transports.base import Channel, Receiver
from transports.errors import PortBusy, PortUnavailable

_CHUNK = 4096
_HIGH_WATER = 1 << 16


@dataclass(frozen=True, slots=True)
class Line:
    """Settings of the line: bits a second, data bits, parity (none, even, odd), stop bits."""

    baud: int = 9600
    bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop: Literal[1, 2] = 1

    def seconds(self, octets: int) -> float:
        """Return how long octets take on the line."""
        return octets * (1 + self.bits + (self.parity != "N") + self.stop) / self.baud


class SerialMedium:
    """Opens the port at `path`, for itself alone. `echo`: the line gives back what we send (two wires, some probes)."""

    def __init__(self, path: str, line: Line, *, echo: bool = False) -> None:
        self._path = path
        self._line = line
        self._echo = echo

    @property
    def endpoint(self) -> str:
        """The path of the port."""
        return self._path

    async def open(self, receiver: Receiver) -> Channel:
        """Open the port. Raises PortUnavailable."""
        return self.open_line(receiver)

    def open_line(self, receiver: Receiver) -> "SerialChannel":
        """Open the port and return the channel with what only a serial line can do."""
        line = self._line
        try:
            port = serial.Serial(
                self._path, line.baud, line.bits, line.parity, line.stop, timeout=0, write_timeout=0, exclusive=True
            )
        except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
            kind = PortBusy if getattr(error, "errno", None) in {errno.EBUSY, errno.EAGAIN} else PortUnavailable
            raise kind(f"{self._path}: {error}") from error
        return SerialChannel(port, receiver, line, echo=self._echo)


class SerialChannel:
    """An open port."""

    def __init__(self, port: serial.Serial, receiver: Receiver, line: Line, *, echo: bool) -> None:
        self.receiver = receiver
        self.line = line
        self._port: serial.Serial | None = port
        self._fd: int = port.fileno()
        self._loop = asyncio.get_running_loop()
        self._out = bytearray()
        self._paused = False
        self._closing = False
        self._echo: bytearray | None = bytearray() if echo else None
        self._loop.add_reader(self._fd, self._read)

    def write(self, data: bytes) -> None:
        """Send octets."""
        if self._port is None or self._closing or not data:
            return
        if self._echo is not None:
            self._echo += data
        self._out += data
        self._write()

    def close(self) -> None:
        """Close after what was written has gone out."""
        self._closing = True
        if not self._out:
            self._shut(None)

    def abort(self) -> None:
        """Close at once."""
        if self._port is not None:
            with contextlib.suppress(OSError, termios.error):
                self._port.reset_output_buffer()  # or closing would wait for it
        self._shut(None)

    def change(self, line: Line) -> None:
        """Go over to other settings; wait `line.seconds` for what was written first. Raises PortUnavailable."""
        if self._port is None:
            raise PortUnavailable("the serial port was closed")
        self.line = line
        settings = {"baudrate": line.baud, "bytesize": line.bits, "parity": line.parity, "stopbits": line.stop}
        try:
            self._port.apply_settings(settings)
        except (OSError, ValueError, termios.error) as error:
            raise PortUnavailable(f"{self._port.name} cannot be set to {line}: {error}") from error

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._shut(error)
            return
        if not data:
            self._shut(None)
            return
        if self._echo:
            data = self._without_echo(data)
        if data:
            self.receiver.data_received(data)

    def _without_echo(self, data: bytes) -> bytes:
        assert self._echo is not None  # noqa: S101 - the caller looked
        count = min(len(self._echo), len(data))
        if data[:count] != self._echo[:count]:
            self._echo.clear()  # something else came; what follows is not taken for an echo
            return data
        del self._echo[:count]
        return data[count:]

    def _write(self) -> None:
        try:
            sent = os.write(self._fd, self._out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._shut(error)
            return
        del self._out[:sent]
        if self._out:
            self._loop.add_writer(self._fd, self._write)
        else:
            self._loop.remove_writer(self._fd)
            if self._closing:
                self._shut(None)
                return
        if self._paused != (len(self._out) > _HIGH_WATER):
            self._paused = not self._paused
            if self._paused:
                self.receiver.pause_writing()
            else:
                self.receiver.resume_writing()

    def _shut(self, error: OSError | None) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        with contextlib.suppress(OSError, termios.error):
            port.close()
        self._loop.call_soon(self.receiver.connection_lost, error)
