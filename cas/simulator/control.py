"""Classes 70, Disconnect control, and 9, Script table (Blue Book 12, 4.5.8 and 4.5.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data
from cas.simulator.errors import Refused
from cas.simulator.objects import READ, WRITE, CosemObject, number_of

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

OUTPUT_STATE, CONTROL_STATE, CONTROL_MODE = 2, 3, 4
DISCONNECT, RECONNECT = 1, 2
DISCONNECTED, CONNECTED, READY = 0, 1, 2
_MODES = range(7)
_NONE = 0
_DIRECT = (2, 4)
"""Control modes in which a remote reconnection closes the relay at once; in the others somebody must press a button."""
_EXECUTE = 2


class DisconnectControl(CosemObject):
    """The relay of the supply."""

    class_id = 70
    methods = 2

    def __init__(self, logical_name: bytes, mode: int) -> None:
        super().__init__(logical_name, {OUTPUT_STATE: READ, CONTROL_STATE: READ, CONTROL_MODE: READ | WRITE})
        self._mode = Data.of("enum", mode)

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """Output state, control state, control mode; a new meter is connected."""
        if attribute == CONTROL_MODE:
            return self._mode
        if attribute == CONTROL_STATE:
            return Data.of("enum", CONNECTED)
        return Data.of("boolean", number_of(self.read(meter, CONTROL_STATE, at)) == CONNECTED)

    def put(self, meter: "Meter", attribute: int, value: Data) -> None:
        """Set the control mode, 0 to 6. Raises Refused."""
        if number_of(value) not in _MODES:
            raise Refused(Result.OTHER_REASON)
        super().put(meter, attribute, value)

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Disconnect, or reconnect as the mode allows. Raises Refused in mode 0."""
        mode = number_of(self.read(meter, CONTROL_MODE, 0))
        if mode == _NONE or method not in (DISCONNECT, RECONNECT):
            raise Refused(Result.READ_WRITE_DENIED)
        state = DISCONNECTED
        if method == RECONNECT:
            now = number_of(self.read(meter, CONTROL_STATE, 0))
            state = CONNECTED if mode in _DIRECT or now == CONNECTED else READY
        meter.set_own(self.logical_name, CONTROL_STATE, Data.of("enum", state))
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a script: run a method of an object, or write an attribute, with this parameter."""

    service: int
    target: CosemObject
    index: int
    parameter: Data

    @property
    def definition(self) -> Data:
        """The action specification."""
        return Data.structure(
            Data.of("enum", self.service),
            Data.of("long-unsigned", self.target.class_id),
            Data.of("octet-string", self.target.logical_name),
            Data.of("integer", self.index),
            self.parameter,
        )

    def run(self, meter: "Meter") -> None:
        """Do it. Raises Refused."""
        if self.service == _EXECUTE:
            self.target.call(meter, self.index, self.parameter)
        else:
            self.target.put(meter, self.index, self.parameter)


class ScriptTable(CosemObject):
    """Scripts by their number."""

    class_id = 9
    methods = 1

    def __init__(self, logical_name: bytes, scripts: Mapping[int, Sequence[Step]]) -> None:
        super().__init__(logical_name, {2: READ})
        self._scripts = scripts
        self._definition = Data.array(
            Data.structure(Data.of("long-unsigned", number), Data.array(step.definition for step in steps))
            for number, steps in scripts.items()
        )

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """The scripts."""
        return self._definition

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Execute a script by its number. Raises Refused."""
        steps = self._scripts.get(number_of(parameters)) if method == 1 else None
        if steps is None:
            raise Refused(Result.OBJECT_UNDEFINED)
        for step in steps:
            step.run(meter)
        return None
