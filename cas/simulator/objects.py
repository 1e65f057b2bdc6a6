"""COSEM objects of a model: shared by all meters of that model, they hold no value of a meter (Blue Book 12).

`get` gives an attribute at a time, `put` sets one, `call` runs a method; each raises `Refused` where a meter would say
no. What a meter has of its own it keeps itself (`cas.simulator.meter`), and only where it differs from the model.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.bindings.cosempdu import SelectiveAccessDescriptor
from cas.cosem.data import Data
from cas.cosem.kinds import OCTET_STRING, DataError, Kind
from cas.simulator.errors import Refused
from cas.simulator.values import Source

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

NULL = Data.of("null-data")
READ, WRITE = 1, 2
"""Access modes of an attribute; both together are 3 (Blue Book 12, 4.4.4)."""


class CosemObject:
    """An object. `rights` has the access mode of each attribute; attributes it does not name do not exist."""

    class_id: ClassVar[int]
    version: ClassVar[int] = 0
    selectors: ClassVar[Mapping[int, tuple[int, ...]]] = {}
    """Access selectors by attribute."""
    methods: ClassVar[int] = 0
    """How many methods there are."""

    def __init__(self, logical_name: bytes, rights: Mapping[int, int]) -> None:
        self.logical_name = logical_name
        self.rights: dict[int, int] = {1: READ, **rights}

    def read(self, meter: "Meter", attribute: int, at: int) -> Data:
        """An attribute as the meter has it: set by a client, or measured at that time. Raises Refused."""
        if attribute == 1:
            return Data.of("octet-string", self.logical_name)
        if attribute not in self.rights:
            raise Refused(Result.OBJECT_UNDEFINED)
        return meter.own(self.logical_name, attribute) or self.get(meter, attribute, at)

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """An attribute as the model has it. Raises Refused."""
        raise Refused(Result.OBJECT_UNDEFINED)

    def select(self, meter: "Meter", attribute: int, selection: SelectiveAccessDescriptor, at: int) -> Data:
        """A part of an attribute. Raises Refused."""
        raise Refused(Result.SCOPE_OF_ACCESS_VIOLATED)

    def put(self, meter: "Meter", attribute: int, value: Data) -> None:
        """Set an attribute; it must be of the type that it has. Raises Refused."""
        if value.tag != self.read(meter, attribute, meter.now()).tag:
            raise Refused(Result.TYPE_UNMATCHED)
        meter.set_own(self.logical_name, attribute, value)

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Run a method. Raises Refused."""
        raise Refused(Result.OBJECT_UNDEFINED)


class Static(CosemObject):
    """An object of any class whose attributes stand in the model."""

    def __init__(
        self, class_id: int, version: int, logical_name: bytes, attributes: Mapping[int, Data], writable: set[int]
    ) -> None:
        super().__init__(logical_name, {n: READ | WRITE if n in writable else READ for n in attributes})
        self.class_id = class_id  # type: ignore[misc]  # of the class everywhere but here
        self.version = version  # type: ignore[misc]
        self._attributes = dict(attributes)

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """The value of the model."""
        return self._attributes[attribute]


class Computed(CosemObject):
    """Class 1, Data, whose value is a function of the meter."""

    class_id = 1

    def __init__(self, logical_name: bytes, value: Callable[["Meter"], Data]) -> None:
        super().__init__(logical_name, {2: READ})
        self._value = value

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """What the function gives."""
        return self._value(meter)


class Register(CosemObject):
    """Class 3: a value that is measured, its scaler and unit."""

    class_id = 3
    methods = 1

    def __init__(self, logical_name: bytes, kind: Kind, scaler: int, unit: int, source: Source) -> None:
        super().__init__(logical_name, {2: READ, 3: READ})
        self.source = source
        self._kind: Kind = kind
        self._divisor = 10 ** (3 + scaler)  # sources are in thousandths
        self.scaler_unit = Data.structure(Data.of("integer", scaler), Data.of("enum", unit))

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """The value at that time; scaler_unit."""
        if attribute == 3:
            return self.scaler_unit
        return Data.of(self._kind, self.source(meter.key, at) // self._divisor)

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Refuse reset: the value is measured."""
        raise Refused(Result.READ_WRITE_DENIED)


class ExtendedRegister(Register):
    """Class 4: a register with a status and the time of its value, the last full quarter of an hour."""

    class_id = 4
    _period = 900

    def __init__(self, logical_name: bytes, kind: Kind, scaler: int, unit: int, source: Source) -> None:
        super().__init__(logical_name, kind, scaler, unit, source)
        self.rights |= {4: READ, 5: READ}

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """Value, scaler_unit, status, capture_time."""
        captured = at - at % self._period
        if attribute == 4:
            return Data.of("unsigned", 0)
        if attribute == 5:
            return Data.of("octet-string", meter.local_time(captured))
        return super().get(meter, attribute, captured)


def octets_of(value: Data | None) -> bytes:
    """The octets of an octet-string. Raises Refused for anything else."""
    found = value.value if value is not None and value.tag == OCTET_STRING else None
    if not isinstance(found, bytes):
        raise Refused(Result.TYPE_UNMATCHED)
    return found


def number_of(value: Data | None) -> int:
    """A whole number of any kind. Raises Refused for anything else."""
    found = value.value if value is not None else None
    if not isinstance(found, int) or isinstance(found, bool):
        raise Refused(Result.TYPE_UNMATCHED)
    return found


def members_of(value: Data | None, count: int | None = None) -> list[Data]:
    """The elements of an array or structure. Raises Refused for anything else, or another number of them."""
    try:
        found = value.children() if value is not None else []
    except DataError:
        raise Refused(Result.TYPE_UNMATCHED) from None
    if count is not None and len(found) != count:
        raise Refused(Result.TYPE_UNMATCHED)
    return found
