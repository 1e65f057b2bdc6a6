"""Many simulated meters in one process, on a port each or all on one port by their server SAP.

async with Simulator(meters=3, model="residential") as simulator:
    simulator.url(0)                                # tcp://127.0.0.1:40001?client=17&server=1
    simulator.meter(0).value("1.0.1.8.0.255")       # what must be read now
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

from cas.dlms.errors import DlmsError
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.key_forms import number_of
from cas.dlms.security.key_transport import public_key_octets
from cas.dlms.security.suites import SUITES
from cas.simulator.errors import SimulatorError
from cas.simulator.faults import Fault
from cas.simulator.hdlc import FIRST_PHYSICAL, HdlcConnection, addresses
from cas.simulator.meter import Clock, Meter
from cas.simulator.model import Model, Offer
from cas.simulator.oddities import Oddities, Oddity, ReversedZone, parse_oddities
from cas.simulator.reading import AUTHENTICATIONS, PROTECTIONS, load_model
from cas.simulator.serving import Connection, Counts, Departures, Desk, MeterConnection

Framing: TypeAlias = Literal["wrapper", "hdlc"]
MANAGEMENT = 1
"""The server SAP of a meter that has a port of its own."""
_MAX_ON_PORT: dict[Framing, int] = {"wrapper": 0xFFFF, "hdlc": 0x3FFF - FIRST_PHYSICAL}
"""Server SAPs end at FFFF; the physical address 3FFF is that of all stations."""
_BACKLOG = 1024


class Simulator:
    """Simulated meters, numbered from `first` on; those of the same number and seed are alike in every run.

    `model`: name or file of an object model, or several, which the meters take by turns. `port` 0 takes free ports;
    otherwise the meters take this port and the following ones, or with `one_port` share it: told apart by their server
    SAP with the wrapper, by their physical address with HDLC. `authentication` is the
    one that `url` and `device` are for (default: the model's first association). `faults`: by index of the meter.
    `oddities`, such as `list-size=3` or `list-size=3:0,2-4`, have all meters or some (`cas.simulator.oddities`).
    `entries`: what stands besides in the registry's entry of a meter, by index.
    `clock` gives seconds since 1970; `latency`, in seconds, goes before each answer.
    """

    def __init__(
        self,
        meters: int = 1,
        *,
        model: str | Sequence[str] = "residential",
        host: str = "127.0.0.1",
        port: int = 0,
        one_port: bool = False,
        framing: Framing = "wrapper",
        first: int = 1,
        seed: int = 0,
        authentication: str | None = None,
        latency: float = 0.0,
        faults: Mapping[int, Fault] | None = None,
        exclusive: bool = True,
        oddities: Sequence[str] = (),
        entries: Mapping[int, Mapping[str, object]] | None = None,
        clock: Clock = time.time,
    ) -> None:
        if one_port and meters > _MAX_ON_PORT[framing]:
            raise SimulatorError(f"{meters} meters do not fit one port: {_MAX_ON_PORT[framing]} do with {framing}")
        if port and not one_port and port + meters - 1 > 0xFFFF:
            raise SimulatorError(f"{meters} meters from port {port} on go beyond 65535")
        odd = parse_oddities(oddities, meters)
        models = [load_model(name) for name in ([model] if isinstance(model, str) else model)]
        self.meters: Sequence[Meter] = [
            Meter(
                _odd_model(models[index % len(models)], odd[index]),
                first + index,
                seed=seed,
                clock=clock,
                exclusive=exclusive,
                oddities=odd[index],
            )
            for index in range(meters)
        ]
        self._entries = entries or {}
        for index, fault in (faults or {}).items():
            self.meters[index].fault = fault
        self.counts = Counts()
        self._offers = {one.name: _offer(one, authentication) for one in models}
        self._host = host
        self._port = port
        self._one_port = one_port
        self._framing = framing
        sizes = {int(each[Oddity.ADDRESS_SIZE]) for each in odd if Oddity.ADDRESS_SIZE in each}
        self._address_size = sizes.pop() if sizes else None
        self._latency = latency
        self._servers: list[asyncio.Server] = []
        self._ports: list[int] = []
        self._connections: set[MeterConnection] = set()

    async def start(self) -> None:
        """Listen on every port. Raises SimulatorError when one cannot be had."""
        departures = Departures()
        try:
            if self._one_port:
                await self._listen(self._port, self._by_sap, departures)
            else:
                for index, meter in enumerate(self.meters):
                    await self._listen(self._port and self._port + index, partial(_alone, meter), departures)
        except OSError as problem:
            await self.stop()
            raise SimulatorError(f"cannot listen on {self._host}: {problem.strerror or problem}") from None

    async def stop(self) -> None:
        """Close every port and connection."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close()
        await asyncio.gather(*(server.wait_closed() for server in self._servers))
        self._servers.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def meter(self, index: int) -> Meter:
        """The meter, counted from 0."""
        return self.meters[index]

    def url(self, index: int, *, client: int | None = None) -> str:
        """Where the meter is reached, by its usual client or the one with this SAP."""
        port = self._ports[0 if self._one_port else index]
        server = index + 1 if self._one_port else MANAGEMENT
        client = client or self.offer(index).client
        if self._framing == "hdlc":
            # the logical device is always the management one; a physical address beyond 7 bits takes 4 octets
            physical = FIRST_PHYSICAL - 1 + server
            return f"hdlc+tcp://{self._host}:{port}?client={client}&server={MANAGEMENT}&physical={physical}"
        return f"tcp://{self._host}:{port}?client={client}&server={server}"

    def offer(self, index: int) -> Offer:
        """The association that `url` and `device` are for."""
        return self._offers[self.meters[index].model.name]

    def device(self, index: int) -> dict[str, str | int]:
        """The meter as an entry of the device registry, keys included."""
        meter, offer = self.meters[index], self.offer(index)
        entry: dict[str, str | int] = {
            "device_id": meter.device_id,
            "url": self.url(index),
            "authentication": AUTHENTICATIONS[offer.mechanism],
            "suite": meter.model.suite,
            "protection": PROTECTIONS[offer.protection],
        }
        if offer.mechanism is Mechanism.HIGH_GMAC or entry["protection"] != "none":
            entry["encryption_key"] = meter.keys.encryption.hex().upper()
            entry["authentication_key"] = meter.keys.authentication.hex().upper()
            entry["master_key"] = (meter.keys.master or b"").hex().upper()
        if (pairs := meter.pairs) is not None:
            suite = SUITES[meter.model.suite]
            entry["signing_key"] = number_of(pairs.client_signing, suite).hex().upper()
            entry["agreement_key"] = number_of(pairs.client_agreement, suite).hex().upper()
            entry["device_signing_key"] = public_key_octets(pairs.signing.public_key()).hex().upper()
            entry["device_agreement_key"] = public_key_octets(pairs.agreement.public_key()).hex().upper()
        if offer.mechanism not in (Mechanism.LOWEST, Mechanism.HIGH_GMAC, Mechanism.HIGH_ECDSA):
            entry["secret"] = meter.secret.octets.decode()
        return entry

    def entry(self, index: int) -> dict[str, object]:
        """As `device`, with what else the registry needs to know of it, such as quirks."""
        return {**self.device(index), **self._entries.get(index, {})}

    def export(self, file: Path) -> None:
        """Write all meters to a TOML file that `cas device import` takes. Raises SimulatorError."""
        try:
            with file.open("w", encoding="utf-8") as out:
                out.write("# simulated meters; the keys are derived from their numbers and protect nothing\n")
                for index in range(len(self.meters)):
                    out.write("\n[[device]]\n")
                    out.writelines(f"{name} = {_toml(value)}\n" for name, value in self.entry(index).items())
        except OSError as problem:
            raise SimulatorError(f"{file}: {problem.strerror}") from None

    def violations(self) -> Iterator[tuple[Meter, DlmsError]]:
        """Every invocation counter that a client used twice, and the meter that saw it."""
        return ((meter, error) for meter in self.meters for error in meter.violations)

    async def _listen(self, port: int, find: Callable[[int], Meter | None], departures: Departures) -> None:
        loop = asyncio.get_running_loop()

        def connection() -> MeterConnection:
            desk = Desk(find, self.counts, self._latency)
            common = (desk, self.counts, self._connections, departures)
            if self._framing == "hdlc":
                stations = addresses(len(self.meters) if self._one_port else 1)
                return HdlcConnection(*common, stations, self._address_size)
            return Connection(*common)

        # a port that may be had again is sought among those in use too: with thousands of them, most of the start
        again = None if port else False
        server = await loop.create_server(connection, self._host, port, backlog=_BACKLOG, reuse_address=again)
        self._servers.append(server)
        self._ports.append(server.sockets[0].getsockname()[1])

    def _by_sap(self, sap: int) -> Meter | None:
        return self.meters[sap - 1] if 1 <= sap <= len(self.meters) else None


def _alone(meter: Meter, sap: int) -> Meter | None:
    return meter if sap == MANAGEMENT else None


def _offer(model: Model, authentication: str | None) -> Offer:
    offers = list(model.offers.values())
    found = [offer for offer in offers if authentication in (None, AUTHENTICATIONS[offer.mechanism])]
    if not found:
        known = ", ".join(AUTHENTICATIONS[offer.mechanism] for offer in offers)
        raise SimulatorError(f"model {model.name} offers no association with {authentication}; it has {known}")
    return found[0]


def _odd_model(model: Model, oddities: Oddities) -> Model:
    if Oddity.REVERSED_DEVIATION not in oddities:
        return model
    return replace(model, zone=ReversedZone(model.zone.deviation, model.zone.daylight_saving))


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else f'"{value}"'
