"""A meter at the other end of a serial line: the master side of a pseudo terminal."""

import asyncio
import contextlib
import os
import pty
import termios
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from transports.base import Receiver


class PtyLine:
    """A pseudo terminal under a path that stays the same when the meter's end is closed and opened again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "line"
        self.master = self._slave = -1
        self.renew()

    def renew(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))

    def hang_up(self) -> None:
        os.close(self.master)
        os.close(self._slave)

    def speed(self) -> int:
        """The speed set at our end, a termios constant. Parity and data bits mean nothing to a pseudo terminal."""
        return int(termios.tcgetattr(self._slave)[5])


class PtyChannel:
    """The meter's end as a channel."""

    def __init__(self, line: PtyLine, receiver: Receiver) -> None:
        self.line = line
        self.receiver: Receiver | None = receiver
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(line.master, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self.line.master, 4096)
            if data and self.receiver is not None:
                self.receiver.data_received(data)

    def write(self, data: bytes) -> None:
        os.write(self.line.master, data)

    def close(self) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            self._loop.remove_reader(self.line.master)
            self.line.hang_up()
            self.line.renew()
            self._loop.call_soon(receiver.connection_lost, None)

    abort = close


@contextlib.contextmanager
def pty_line() -> Iterator[PtyLine]:
    with TemporaryDirectory() as folder:
        line = PtyLine(Path(folder))
        try:
            yield line
        finally:
            line.hang_up()


class Reader:
    """Collects what comes in at the meter's end and lets a test react to each piece."""

    def __init__(self, react: Callable[[bytes], None]) -> None:
        self.react = react

    def data_received(self, data: bytes) -> None:
        self.react(data)

    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
