"""One simulated meter: its number, and what distinguishes it from the model. Everything else is computed.

Ten thousand of them fit one process: an untouched meter is one object of a few hundred octets.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from cas.cosem.data import Data, Value
from cas.cosem.obis import Obis
from cas.dlms.errors import DlmsError, ReplayedCounter
from cas.dlms.security.keys import Secret, SymmetricKeys
from cas.dlms.security.wrapping import Scope
from cas.simulator import identity
from cas.simulator.errors import SimulatorError
from cas.simulator.faults import Fault
from cas.simulator.image import Image
from cas.simulator.model import Model
from cas.simulator.oddities import Oddities, Oddity
from cas.simulator.values import BEGIN
from cas.simulator.vault import Vault

Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970, UTC."""

_COUNTERS_A_SECOND = 8


class Meter:
    """A meter. `number` is unique to it; `fault` is what is wrong with it and may be set at any time.

    `exclusive`: it refuses a second association while one is open, as small meters do. `oddities`: how it departs from
    the standard.
    """

    __slots__ = (
        "_closed_at",
        "_counter",
        "_own",
        "_seed",
        "_vault",
        "clock",
        "clock_offset",
        "counters",
        "exclusive",
        "fault",
        "image",
        "key",
        "keys",
        "model",
        "number",
        "oddities",
        "open_associations",
        "pairs",
        "secret",
        "violations",
    )

    def __init__(
        self,
        model: Model,
        number: int,
        *,
        seed: int,
        clock: Clock,
        exclusive: bool = True,
        oddities: Oddities | None = None,
    ) -> None:
        if not 0 < number <= identity.MAX_NUMBER:
            raise SimulatorError(f"a meter's number lies between 1 and {identity.MAX_NUMBER}, not {number}")
        self.model = model
        self.number = number
        self.key = identity.value_key(seed, number)
        self.keys: SymmetricKeys = identity.keys(seed, number, model.suite)
        self.pairs = identity.pairs(seed, number, model.suite)
        """The private keys that it begins with, and its client."""
        self.secret: Secret = identity.secret(seed, number)
        self._seed = seed
        self._vault: Vault | None = None
        self.clock = clock
        self.clock_offset = 0
        """Seconds that the meter's clock is ahead."""
        self.exclusive = exclusive
        self.oddities = oddities or {}
        self._closed_at = 0.0
        self.fault: Fault | None = None
        self.open_associations = 0
        self.counters: dict[bytes, dict[Scope, int]] = {}
        """The last invocation counters accepted, by client system title."""
        self.violations: tuple[DlmsError, ...] = ()
        """Invocation counters that were used twice."""
        self.image: Image | None = None
        """The firmware image that has arrived, or is arriving."""
        self._own: dict[tuple[bytes, int], Data] = {}
        self._counter = 0

    def __repr__(self) -> str:
        return f"<Meter {self.device_id} {self.model.name}>"

    @property
    def system_title(self) -> bytes:
        """8 octets."""
        return identity.system_title(self.number)

    @property
    def device_id(self) -> str:
        """The system title as it stands in requests: 16 hex digits."""
        return self.system_title.hex().upper()

    @property
    def serial_number(self) -> str:
        """The number as printed on the meter."""
        return identity.serial_number(self.number)

    @property
    def logical_device_name(self) -> bytes:
        """Manufacturer and serial number, 16 octets."""
        return identity.MANUFACTURER + self.serial_number.encode()

    @property
    def vault(self) -> Vault | None:
        """Its key pairs and certificates; None in suite 0, which has none."""
        if self._vault is None and self.pairs is not None:
            suite = self.keys.suite
            self._vault = Vault(self.pairs, self.system_title, identity.authority(self._seed, suite.number), suite)
        return self._vault

    @property
    def client_title(self) -> bytes:
        """The system title of the client that was last new here; empty before there was one."""
        return next(reversed(self.counters), b"")

    @property
    def last_client_counter(self) -> int:
        """The highest invocation counter that any client has used with the present key; 0 at first."""
        return max((last.get(Scope.GLOBAL, 0) for last in self.counters.values()), default=0)

    def now(self) -> int:
        """The simulator's time, whole seconds."""
        return int(self.clock())

    def local_time(self, at: int) -> bytes:
        """What the meter's clock shows at that time, 12 octets."""
        return self.model.zone.octets(at + self.clock_offset)

    def data(self, logical_name: str, attribute: int = 2, at: float | None = None) -> Data:
        """An attribute as a client must read it at that time (default: now). Raises SimulatorError, Refused."""
        found = self.model.find(Obis.parse(logical_name).octets)
        if found is None:
            raise SimulatorError(f"model {self.model.name} has no object {logical_name}")
        return found.read(self, attribute, self.now() if at is None else int(at))

    def value(self, logical_name: str, attribute: int = 2, at: float | None = None) -> Value:
        """Python's view of `data`; of a register the raw value, before the scaler."""
        return self.data(logical_name, attribute, at).value

    def own(self, logical_name: bytes, attribute: int) -> Data | None:
        """A value that a client has set, or a method; None where the model's still stands."""
        return self._own.get((logical_name, attribute))

    def set_own(self, logical_name: bytes, attribute: int, value: Data) -> None:
        """Keep a value of this meter's own."""
        self._own[logical_name, attribute] = value

    def take_counter(self) -> int:
        """The meter's next invocation counter; grows with time, so that it goes on after a restart."""
        if Oddity.COUNTER_RESTARTS in self.oddities:
            self._counter += 1
            return self._counter
        by_time = max(self.now() - BEGIN, 0) * _COUNTERS_A_SECOND
        self._counter = max(self._counter + 1, by_time)
        return self._counter

    def replace_keys(self, **changed: bytes) -> None:
        """Take new keys, by the names of SymmetricKeys; counters begin anew under a new encryption key."""
        fields: dict[str, Any] = dict(changed)
        self.keys = replace(self.keys, **fields)
        if "encryption" in changed:
            self.counters.update({title: {} for title in self.counters})

    def admit(self) -> bool:
        """Open an association, if there is room for one."""
        if self.exclusive and self.open_associations:
            return False
        if time.monotonic() < self._closed_at + self.oddities.get(Oddity.PAUSE, 0.0):
            return False
        if Oddity.COUNTER_RESTARTS in self.oddities:
            self._counter = 0
        self.open_associations += 1
        return True

    def closed(self) -> None:
        """An association has ended."""
        self.open_associations -= 1
        if Oddity.PAUSE in self.oddities:
            self._closed_at = time.monotonic()

    def refused(self, error: DlmsError) -> None:
        """Keep in mind who used a counter twice."""
        if isinstance(error, ReplayedCounter):
            self.violations += (error,)
