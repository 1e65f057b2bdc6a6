"""A network of its own: a namespace of Linux, at the end of a cable that loses, delays, repeats, or is pulled.

Sockets stay in the namespace in which they were made: so the meters run in this process, and all that passes goes
through the network stack of either side. The cable is a pair of TUN devices with us in between, as many kernels have no
netem; what it does to a packet a seed says.
"""

import asyncio
import ctypes
import fcntl
import os
import random
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

_NETWORK = 0x4000_0000  # CLONE_NEWNET
_SET_NAME = 0x4004_54CA  # TUNSETIFF
_PACKETS = 0x1001  # IFF_TUN, IFF_NO_PI
_LARGEST = 65_536


class NoNamespaces(Exception):
    """They cannot be made here."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to packets: shares of them, and seconds."""

    loss: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    """Added to the delay by chance: so that they overtake one another."""
    answers_late_by: float = 0.0
    """Of what comes from the meters alone."""


@dataclass(slots=True)
class Namespace:
    """The namespace, and the cable to it."""

    name: str
    host: str
    """The address of who is in it."""
    here: str
    """Ours, as those in it see it."""
    weather: Weather | None = field(default_factory=Weather)
    """None: the cable is pulled; nothing passes, and nobody is told."""
    dropped: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(6))

    def pull(self) -> None:
        """Pull the cable out."""
        self.weather = None

    def mend(self) -> None:
        """Put a good one in."""
        self.weather = Weather()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread makes is in the namespace."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        away = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _enter(away)
            yield
        finally:
            _enter(home)
            os.close(away)
            os.close(home)

    def carry(self, source: int, target: int, *, answers: bool) -> None:
        """Packets have come to one end."""
        loop = asyncio.get_running_loop()
        with suppress(BlockingIOError):
            while packet := os.read(source, _LARGEST):
                weather = self.weather
                if weather is None or self.chance.random() < weather.loss:
                    self.dropped += 1
                    continue
                for _ in range(1 + (self.chance.random() < weather.repeat)):
                    late = weather.answers_late_by if answers else 0.0
                    loop.call_later(
                        weather.delay + late + weather.jitter * self.chance.random(), _write, target, packet
                    )


@asynccontextmanager
async def namespace() -> AsyncIterator[Namespace]:
    """A namespace with a cable. Raises NoNamespaces."""
    if os.geteuid() != 0:
        raise NoNamespaces("only root makes namespaces of the network")
    number = os.getpid()
    net, place = f"10.{200 + (number >> 14 & 7)}.{number >> 6 & 0xFF}", (number & 0x3F) << 2
    made = Namespace(f"cas-{number}", host=f"{net}.{place + 2}", here=f"{net}.{place + 1}")
    _run("ip", "netns", "add", made.name)
    ends: list[int] = []
    try:
        ends.append(_end(f"casn{number}"))
        with made.inside():
            ends.append(_end(f"casf{number}"))
        near, far = ends
        _run("ip", "address", "add", f"{made.here}/30", "dev", f"casn{number}")
        _run("ip", "link", "set", f"casn{number}", "up")
        _run("ip", "-n", made.name, "address", "add", f"{made.host}/30", "dev", f"casf{number}")
        _run("ip", "-n", made.name, "link", "set", f"casf{number}", "up")
        loop = asyncio.get_running_loop()
        loop.add_reader(near, lambda: made.carry(near, far, answers=False))
        loop.add_reader(far, lambda: made.carry(far, near, answers=True))
        try:
            yield made
        finally:
            loop.remove_reader(near)
            loop.remove_reader(far)
    finally:
        made.weather = None
        for end in ends:
            os.close(end)  # the device goes with it
        _run("ip", "netns", "delete", made.name)


def _end(name: str) -> int:
    """One end of the cable, in the namespace of this thread."""
    try:
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, _SET_NAME, struct.pack("16sH22x", name.encode(), _PACKETS))
    except OSError as problem:
        raise NoNamespaces(f"TUN: {problem.strerror}") from None
    return end


def _write(end: int, packet: bytes) -> None:
    with suppress(OSError):  # it is closed, or full
        os.write(end, packet)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NoNamespaces(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as problem:
        raise NoNamespaces(f"{' '.join(command)}: {problem.stderr.strip()}") from None
