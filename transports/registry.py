"""Transports by URL: `tcp://meter.example:4059?client=16&server=1`.

A third party adds a scheme by an entry point of group `cas.transports`: its name is the scheme, its value a callable
that is given a `Target` and returns a `Transport`. Parameters are taken from the target one by one; what nobody took is
an error.
"""

import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from transports.base import Framing, Medium, Transport
from transports.datagram import RETRIES, RETRY_AFTER, DatagramFraming
from transports.dial_in import DialInMedium
from transports.errors import ConnectError, ConnectTimeout, NotDialledIn, URLError
from transports.hdlc.address import Address
from transports.hdlc.connection import TIMING, Connection, Timing
from transports.hdlc.framing import HdlcFraming
from transports.hdlc.negotiation import DEFAULT_WINDOW, MAX_INFORMATION, MAX_WINDOW, Parameters
from transports.hdlc.states import Role
from transports.iec62056_21 import SIGN_ON, ModeEMedium
from transports.link import CONNECT_TIMEOUT, RESPONSE_TIMEOUT, Link
from transports.media.serial import Line, SerialMedium
from transports.media.tcp import TcpMedium
from transports.media.tls import client_context
from transports.media.udp import UdpMedium
from transports.plain import PlainFraming
from transports.wrapper import PORT, WrapperFrame, WrapperFraming

GROUP = "cas.transports"
CLIENT = 16
"""The public client (Green Book 8.3, 4.1.8.4)."""
SERVER = 1
"""The management logical device."""
SERIAL_PAUSE = 0.5
"""Seconds within a frame after which its end is lost; a network may hold it up for longer."""
_PARITY: dict[str, Literal["N", "E", "O"]] = {"N": "N", "E": "E", "O": "O"}


class Target:
    """A URL whose query parameters are taken one by one, each checked; `finish` complains about the rest."""

    def __init__(self, url: str) -> None:
        self._text = url
        self._url: SplitResult = urlsplit(url)
        pairs = _parameters(self._url.query)
        self._left = dict(pairs)
        if len(self._left) != len(pairs):
            raise self.wrong("a parameter is given twice")
        if self._url.fragment:
            raise self.wrong("a fragment (#...) means nothing here")

    @property
    def scheme(self) -> str:
        """The part before `://`."""
        return self._url.scheme

    @property
    def user(self) -> str | None:
        """The user name, if any."""
        return None if self._url.username is None else unquote(self._url.username)

    @property
    def password(self) -> str | None:
        """The password, if any."""
        return None if self._url.password is None else unquote(self._url.password)

    @property
    def path(self) -> str:
        """The path with its leading slash."""
        return unquote(self._url.path)

    def wrong(self, what: str) -> URLError:
        """Return the error that says what is wrong with this URL; passwords are left out of it."""
        password = self._url.password
        return URLError(f"{self._text.replace(f':{password}@', ':***@') if password else self._text}: {what}")

    def host(self) -> str:
        """Return the host, which must be given."""
        if not (host := self._url.hostname):
            raise self.wrong("the host is missing")
        return host

    @property
    def has_host(self) -> bool:
        """Whether there is anything between the second and the third slash."""
        return bool(self._url.netloc)

    def port(self, default: int) -> int:
        """Return the port."""
        try:
            port = self._url.port
        except ValueError:
            raise self.wrong("the port is not a number from 0 to 65535") from None
        return default if port is None else port

    def no_path(self) -> None:
        """Insist that there is no path."""
        if self._url.path not in {"", "/"}:
            raise self.wrong(f"the path {self._url.path!r} means nothing here")

    def text(self, name: str, default: str | None = None) -> str | None:
        """Take a parameter as it stands."""
        value = self._left.pop(name, None)
        if value == "":
            raise self.wrong(f"parameter {name!r} is empty")
        return default if value is None else value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Take a whole number (decimal or 0x...) from `low` to `high`."""
        text = self.text(name)
        if text is None:
            return default
        try:
            value = int(text, 0)
        except ValueError:
            raise self.wrong(f"parameter {name!r} is not a whole number: {text!r}") from None
        if not low <= value <= high:
            raise self.wrong(f"parameter {name!r} must lie between {low} and {high}, not {value}")
        return value

    def seconds(self, name: str, default: float, high: float = 86400.0) -> float:
        """Take a duration in seconds, above 0."""
        text = self.text(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            raise self.wrong(f"parameter {name!r} is not a number of seconds: {text!r}") from None
        if not 0 < value <= high:
            raise self.wrong(f"parameter {name!r} must lie between 0 and {high:g} seconds, not {text}")
        return value

    def choice(self, name: str, default: str, allowed: Mapping[str, object] | tuple[str, ...]) -> str:
        """Take one of several words."""
        text = self.text(name, default) or default
        if text not in allowed:
            raise self.wrong(f"parameter {name!r} must be one of {', '.join(allowed)}, not {text!r}")
        return text

    def flag(self, name: str) -> bool:
        """Take a yes or no; no when it is not given."""
        return self.choice(name, "no", ("yes", "no")) == "yes"

    def finish(self) -> None:
        """Complain about parameters that nobody took."""
        if self._left:
            raise self.wrong(f"unknown parameter {', '.join(map(repr, sorted(self._left)))}")


@lru_cache(maxsize=256)
def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    """The parameters in a query; those of many devices are the same. Raises ValueError."""
    return tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))


Factory: TypeAlias = Callable[[Target], Transport]


def open_transport(url: str) -> Transport:
    """Return the transport that a URL describes, not yet connected.

    Raises URLError naming what is wrong: the scheme (with the known ones), or the parameter.
    """
    try:
        target = Target(url)
    except ValueError as error:
        if isinstance(error, URLError):
            raise
        raise URLError(f"{url}: {error}") from None
    # plug-ins are looked for on the disk, which costs more than opening the link
    factory = _BUILT_IN.get(target.scheme) or factories().get(target.scheme)
    if factory is None:
        raise target.wrong(f"unknown transport {target.scheme!r}; known are {', '.join(sorted(factories()))}")
    return factory(target)


def factories() -> Mapping[str, Factory]:
    """Return every scheme with its factory: the built-in ones and those of installed plug-ins."""
    found: dict[str, Factory] = dict(_BUILT_IN)
    for entry in entry_points(group=GROUP):
        if entry.name not in found:
            found[entry.name] = entry.load()
    return MappingProxyType(found)


def _wports(target: Target, on_stray: Callable[[WrapperFrame], None] | None = None) -> Callable[[], WrapperFraming]:
    client = target.integer("client", CLIENT, 1, 0xFFFF)
    server = target.integer("server", SERVER, 0, 0xFFFF)
    return lambda: WrapperFraming(local=client, remote=server, on_stray=on_stray)


def _hdlc(target: Target, pause: float = TIMING.pause) -> Callable[[], HdlcFraming]:
    """Take the parameters of an HDLC data link."""
    logical = target.integer("server", SERVER, 0, 0x3FFF)
    physical = target.integer("physical", -1, 0, 0x3FFF)
    size = int(target.choice("address-size", "0", ("0", "1", "2", "4")))
    length = target.integer("info", MAX_INFORMATION, 32, MAX_INFORMATION)
    window = target.integer("window", DEFAULT_WINDOW, 1, MAX_WINDOW)
    timing = Timing(
        response=target.seconds("frame-timeout", TIMING.response),
        retries=target.integer("retries", TIMING.retries, 0, 100),
        pause=target.seconds("pause", pause),
    )
    local = Address(target.integer("client", CLIENT, 1, 0x7F))
    try:
        remote = Address(logical, None if physical < 0 else physical, size)
    except ValueError as error:
        raise target.wrong(f"parameters 'server', 'physical', 'address-size': {error}") from None
    offer = Parameters(length, length, window, window)
    return lambda: HdlcFraming(Connection(Role.CLIENT, local, remote, offer=offer, timing=timing), timing)


def _host(target: Target) -> str:
    host = target.host()
    target.no_path()
    if ":" not in host:  # a name, or an IPv4 address, which has one form
        return host
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _tcp(target: Target) -> Transport:
    return _link(target, _connection(target), _wports(target))


def _hdlc_tcp(target: Target) -> Transport:
    return _link(target, _connection(target), _hdlc(target))


def _connection(target: Target) -> TcpMedium:
    """Take what tells how to connect; the scheme ends in `s` for TLS."""
    tls, name = _tls(target) if target.scheme.endswith("s") else (None, None)
    return TcpMedium(_host(target), target.port(PORT), tls=tls, server_name=name)


def _tls(target: Target) -> tuple[ssl.SSLContext, str | None]:
    try:
        context = client_context(target.text("ca"), target.text("cert"), target.text("key"))
    except URLError as error:
        raise target.wrong(str(error)) from error
    return context, target.text("server-name")


def _mqtt(target: Target) -> Transport:
    plain = target.choice("framing", "wrapper", ("wrapper", "none")) == "none"
    return _link(target, _topics(target), PlainFraming if plain else _wports(target))


def _hdlc_mqtt(target: Target) -> Transport:
    return _link(target, _topics(target), _hdlc(target))


def _topics(target: Target) -> Medium:
    """Take the broker and the topics: the path, then `request` and `response`."""
    from transports.media.mqtt import Broker, MqttMedium  # slow to load, and few need it

    secure = target.scheme.endswith("s")
    tls, name = _tls(target) if secure else (None, None)
    if name is not None:
        raise target.wrong("parameter 'server-name' is not supported with MQTT: use the broker's name as host")
    host, port = target.host(), target.port(8883 if secure else 1883)
    base = target.path.strip("/")
    request = f"{base}/{target.text('request') or 'request'}".lstrip("/")
    response = f"{base}/{target.text('response') or 'response'}".lstrip("/")
    if any(wild in topic for wild in "+#\0" for topic in (request, response)) or request == response:
        raise target.wrong("'request' and 'response' must be two different topics without wildcards")
    qos: Literal[0, 1] = 0 if target.choice("qos", "1", ("0", "1")) == "0" else 1
    broker = Broker(host, port, target.user, target.password, tls)
    return MqttMedium(broker, request=request, response=response, qos=qos)


def _tcp_in(target: Target) -> Transport:
    medium = _dialled(target)
    return _link(target, medium, _wports(target, medium.stray), unreached=NotDialledIn)


def _hdlc_tcp_in(target: Target) -> Transport:
    return _link(target, _dialled(target), _hdlc(target), unreached=NotDialledIn)


def _dialled(target: Target) -> DialInMedium:
    device = target.path.removeprefix("/")
    if not device:
        raise target.wrong("the device is missing: tcp-in://LISTENER-HOST:PORT/DEVICE")
    return DialInMedium(f"{target.host()}:{target.port(PORT)}", device, peer=target.text("peer"))


def _udp(target: Target) -> Transport:
    client = target.integer("client", CLIENT, 1, 0xFFFF)
    server = target.integer("server", SERVER, 0, 0xFFFF)
    after = target.seconds("retry-after", RETRY_AFTER)
    retries = target.integer("retries", RETRIES, 0, 100)
    return _link(
        target,
        UdpMedium(_host(target), target.port(PORT)),
        lambda: DatagramFraming(local=client, remote=server, retry_after=after, retries=retries),
    )


def _hdlc_serial(target: Target) -> Transport:
    line = Line(
        target.integer("baud", 9600, 50, 4_000_000),
        8 if target.choice("bits", "8", ("7", "8")) == "8" else 7,
        _PARITY[target.choice("parity", "N", _PARITY)],
        1 if target.choice("stop", "1", ("1", "2")) == "1" else 2,
    )
    return _link(target, SerialMedium(_port(target), line, echo=target.flag("echo")), _hdlc(target, pause=SERIAL_PAUSE))


def _mode_e(target: Target) -> Transport:
    try:
        medium = ModeEMedium(
            _port(target),
            address=target.text("device") or "",
            max_baud=target.integer("baud", 9600, 300, 19200),
            sign_on=replace(SIGN_ON, baud=target.integer("sign-on-baud", SIGN_ON.baud, 300, 19200)),
            echo=target.flag("echo"),
        )
    except ValueError as error:
        if isinstance(error, URLError):
            raise
        raise target.wrong(str(error)) from None
    return _link(target, medium, _hdlc(target, pause=SERIAL_PAUSE))


def _port(target: Target) -> str:
    if target.has_host or len(target.path) < 2:
        raise target.wrong("the path of the serial port is missing: three slashes, as in hdlc+serial:///dev/ttyUSB0")
    return target.path


def _link(
    target: Target, medium: Medium, framing: Callable[[], Framing], *, unreached: type[ConnectError] = ConnectTimeout
) -> Link:
    """Take what every link has, and make it."""
    connect_timeout = target.seconds("connect-timeout", CONNECT_TIMEOUT)
    response_timeout = target.seconds("timeout", RESPONSE_TIMEOUT)
    target.finish()
    return Link(
        medium, framing, connect_timeout=connect_timeout, response_timeout=response_timeout, unreached=unreached
    )


_BUILT_IN: dict[str, Factory] = {
    "hdlc+mqtt": _hdlc_mqtt,
    "hdlc+mqtts": _hdlc_mqtt,
    "hdlc+tcp": _hdlc_tcp,
    "hdlc+tcps": _hdlc_tcp,
    "mqtt": _mqtt,
    "mqtts": _mqtt,
    "hdlc+serial": _hdlc_serial,
    "mode-e+serial": _mode_e,
    "hdlc+tcp-in": _hdlc_tcp_in,
    "tcp": _tcp,
    "tcp-in": _tcp_in,
    "tcps": _tcp,
    "udp": _udp,
}
