"""Reads an object model from TOML; the built-in ones lie in `cas/simulator/models/` and show all there is.

    [model]          suite, max_pdu, installed (date-time), deviation (minutes), daylight_saving
    [[association]]  client, authentication, protection, rights ("read" or "full"), objects (logical names), certified
    [[object]]       class (a name of `_CLASSES`, or a number), logical_name, and what that class needs

Registers measure something: `measures` is "energy" or "wander", or a part of another register: "share", "rest",
"power", then `of` names it. Any other class is static: a number as class, `version`, and `attributes` written as Data:
`{2 = {octet-string = "AABB"}, 3 = {array = [{unsigned = 1}]}}`.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from cas.cosem.data import Data
from cas.cosem.kinds import TAG, DataError, Kind
from cas.cosem.obis import Obis
from cas.dlms.conformance import LOGICAL_NAME
from cas.dlms.security.authentication import Mechanism
from cas.dlms.security.policy import Protection
from cas.simulator import values
from cas.simulator.clock import Clock
from cas.simulator.control import DisconnectControl, ScriptTable, Step
from cas.simulator.errors import ModelError
from cas.simulator.image import ImageTransfer
from cas.simulator.model import Model, Offer
from cas.simulator.objects import Computed, CosemObject, ExtendedRegister, Register, Static
from cas.simulator.profile import Column, ProfileGeneric
from cas.simulator.security import SecuritySetup
from cas.simulator.values import Source
from cas.simulator.zone import Zone

T = TypeVar("T")
Objects = dict[tuple[int, bytes], CosemObject]

_MECHANISMS = {
    "none": Mechanism.LOWEST,
    "lls": Mechanism.LOW,
    "hls": Mechanism.HIGH,
    "hls-md5": Mechanism.HIGH_MD5,
    "hls-sha1": Mechanism.HIGH_SHA1,
    "hls-gmac": Mechanism.HIGH_GMAC,
    "hls-sha256": Mechanism.HIGH_SHA256,
    "hls-ecdsa": Mechanism.HIGH_ECDSA,
}
AUTHENTICATIONS: Mapping[Mechanism, str] = {mechanism: name for name, mechanism in _MECHANISMS.items()}
"""The words that registry files use too."""
_PROTECTIONS = {
    "none": Protection(),
    "authenticated": Protection(authentication=True),
    "encrypted": Protection(encryption=True),
    "both": Protection(authentication=True, encryption=True),
}
PROTECTIONS: Mapping[Protection, str] = {protection: name for name, protection in _PROTECTIONS.items()}


class _Table:
    """A TOML table whose fields are taken one by one; what nobody took is an error."""

    def __init__(self, fields: Mapping[str, Any], place: str) -> None:
        self._fields = dict(fields)
        self.place = place

    def wrong(self, what: str) -> ModelError:
        return ModelError(f"{self.place}: {what}")

    def take(self, name: str, kind: type[T], default: T | None = None) -> T:
        """A field of that type. Raises ModelError."""
        value = self._fields.pop(name, default)
        if value is None:
            raise self.wrong(f"{name} is missing")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(f"{name} must be of type {kind.__name__}")
        return value

    def word(self, name: str, known: Mapping[str, T], default: str) -> T:
        """One of several words. Raises ModelError."""
        word = self.take(name, str, default)
        if word not in known:
            raise self.wrong(f"{name} must be one of {', '.join(known)}, not {word!r}")
        return known[word]

    def logical_name(self, name: str = "logical_name") -> bytes:
        """An OBIS code. Raises ModelError."""
        return _obis(self.take(name, str), self)

    def finish(self) -> None:
        """Complain about what nobody took."""
        if self._fields:
            raise self.wrong(f"unknown: {', '.join(self._fields)}")


def builtin_models() -> list[str]:
    """The names of the built-in models."""
    folder = resources.files("cas.simulator") / "models"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@cache
def load_model(name: str) -> Model:
    """A built-in model by its name, or one from a file `NAME.toml`. Raises ModelError, naming file and object."""
    if name in builtin_models():
        text = (resources.files("cas.simulator") / "models" / f"{name}.toml").read_text("utf-8")
        return read_model(name, text)
    file = Path(name)
    if file.suffix != ".toml":
        raise ModelError(f"no model {name!r}; built in are {', '.join(builtin_models())}, others are files NAME.toml")
    try:
        return read_model(file.stem, file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise ModelError(f"{file}: {problem}") from None


def read_model(name: str, text: str) -> Model:
    """A model from TOML. Raises ModelError."""
    try:
        document = _Table(tomllib.loads(text), name)
    except tomllib.TOMLDecodeError as problem:
        raise ModelError(f"{name}: {problem}") from None
    head = _Table(document.take("model", dict), f"{name}: [model]")
    zone = Zone(head.take("deviation", int, 0), head.take("daylight_saving", bool, False))
    installed = head.take("installed", datetime)
    if installed.tzinfo is None:
        raise head.wrong("installed needs a zone, as 2024-01-01T00:00:00Z")
    offers = [
        _offer(_Table(table, f"{name}: association {number}"))
        for number, table in enumerate(document.take("association", list), 1)
    ]
    model = Model(
        name=name,
        suite=head.take("suite", int, 0),
        max_pdu=head.take("max_pdu", int, 0xFFFF),
        installed=int(installed.timestamp()),
        zone=zone,
        conformance=LOGICAL_NAME,
        offers={offer.client: offer for offer in offers},
        objects=_objects(name, document.take("object", list), zone),
    )
    head.finish()
    document.finish()
    return model


def _offer(table: _Table) -> Offer:
    seen = table.take("objects", list, [])
    offer = Offer(
        client=table.take("client", int),
        mechanism=table.word("authentication", _MECHANISMS, "none"),
        protection=table.word("protection", _PROTECTIONS, "none"),
        full=table.word("rights", {"full": True, "read": False}, "read"),
        objects=frozenset(_obis(one, table) for one in seen) if seen else None,
        certified=table.take("certified", bool, False),
    )
    table.finish()
    return offer


def _objects(name: str, tables: Sequence[Mapping[str, Any]], zone: Zone) -> Objects:
    found: Objects = {}
    for fields in tables:
        table = _Table(fields, f"{name}: object {fields.get('logical_name')}")
        kind: object = table.take("class", object)
        if isinstance(kind, int):
            made: CosemObject = _static(table, kind)
        elif isinstance(kind, str) and kind in _CLASSES:
            made = _CLASSES[kind](table, found, zone)
        else:
            raise table.wrong(f"class must be a number, or one of {', '.join(_CLASSES)}")
        table.finish()
        if (made.class_id, made.logical_name) in found:
            raise table.wrong("this class and logical name are there twice")
        found[made.class_id, made.logical_name] = made
    return found


# ---------------------------------------------------------------- classes


def _static(table: _Table, class_id: int) -> Static:
    attributes = table.take("attributes", dict)
    try:
        read = {int(number): read_data(value) for number, value in attributes.items()}
    except (ValueError, TypeError) as problem:
        raise table.wrong(f"attributes: {problem}") from None
    writable = set(table.take("writable", list, []))
    return Static(class_id, table.take("version", int, 0), table.logical_name(), read, writable)


def _register(table: _Table, found: Objects, _zone: Zone, make: type[Register] = Register) -> Register:
    logical_name = table.logical_name()
    source = _source(table, found, int.from_bytes(logical_name, "big"))
    kind = table.word("type", {name: name for name in TAG}, "double-long-unsigned")
    scaler, unit = table.take("scaler", int, 0), table.take("unit", int)
    if scaler < -3:
        raise table.wrong("scaler must be -3 or more: values are known to the thousandth")
    return make(logical_name, kind, scaler, unit, source)


def _source(table: _Table, found: Objects, salt: int) -> Source:
    measures = table.take("measures", str)
    if measures == "energy":
        return values.energy(table.take("power", int), salt)
    if measures == "wander":
        low, high = (round(1000 * table.take(name, float)) for name in ("low", "high"))
        return values.wander(low, high, salt)
    of = _find(table.take("of", str), found, table)
    if not isinstance(of, Register):
        raise table.wrong("of must name a register that stands before this one")
    if measures == "power":
        return values.power(of.source)
    if measures in ("share", "rest"):
        part = values.share if measures == "share" else values.rest
        return part(of.source, table.take("percent", int))
    raise table.wrong(f"measures must be energy, wander, share, rest or power, not {measures!r}")


def _extended(table: _Table, found: Objects, zone: Zone) -> Register:
    return _register(table, found, zone, ExtendedRegister)


def _serial_number(table: _Table, _found: Objects, _zone: Zone) -> Computed:
    return Computed(table.logical_name(), lambda meter: Data.of("visible-string", meter.serial_number))


def _device_name(table: _Table, _found: Objects, _zone: Zone) -> Computed:
    return Computed(table.logical_name(), lambda meter: Data.of("octet-string", meter.logical_device_name))


def _counter(table: _Table, _found: Objects, _zone: Zone) -> Computed:
    """The last invocation counter taken from any client, which a public client may read."""
    return Computed(table.logical_name(), lambda meter: Data.of("double-long-unsigned", meter.last_client_counter))


def _clock(table: _Table, _found: Objects, zone: Zone) -> Clock:
    return Clock(table.logical_name(), zone)


def _profile(table: _Table, found: Objects, _zone: Zone) -> ProfileGeneric:
    columns = [_column(text, found, table) for text in table.take("capture", list)]
    period = table.take("period", int)
    if period < 1:
        raise table.wrong("period must be a number of seconds above 0")
    return ProfileGeneric(
        table.logical_name(),
        columns,
        period,
        table.take("entries", int),
        compressed=table.take("compressed", bool, False),
    )


def _column(text: str, found: Objects, table: _Table) -> Column:
    """A capture object as `1.0.1.8.0.255 2`, or `... 2 1` for the first element of the attribute."""
    name, *numbers = text.split()
    try:
        attribute, index = (*map(int, numbers), 0)[:2]
    except ValueError:
        raise table.wrong(f"capture {text!r}: write it as 1.0.1.8.0.255 2") from None
    return Column(_find(name, found, table), attribute, index)


def _relay(table: _Table, _found: Objects, _zone: Zone) -> DisconnectControl:
    return DisconnectControl(table.logical_name(), table.take("mode", int))


def _scripts(table: _Table, found: Objects, _zone: Zone) -> ScriptTable:
    scripts: dict[int, list[Step]] = {}
    for fields in table.take("scripts", list):
        step = _Table(fields, f"{table.place}, script")
        target = _find(step.take("object", str), found, step)
        service = step.word("service", {"write": 1, "execute": 2}, "execute")
        parameter = read_data(step.take("parameter", dict, {"integer": 0}))
        number = step.take("number", int)
        scripts.setdefault(number, []).append(Step(service, target, step.take("index", int), parameter))
        step.finish()
    return ScriptTable(table.logical_name(), scripts)


def _security(table: _Table, _found: Objects, _zone: Zone) -> SecuritySetup:
    return SecuritySetup(table.logical_name(), table.take("policy", int, 0))


def _image(table: _Table, _found: Objects, _zone: Zone) -> ImageTransfer:
    return ImageTransfer(table.logical_name(), table.take("block_size", int))


_CLASSES: Mapping[str, Callable[[_Table, Objects, Zone], CosemObject]] = {
    "serial-number": _serial_number,
    "logical-device-name": _device_name,
    "invocation-counter": _counter,
    "register": _register,
    "extended-register": _extended,
    "clock": _clock,
    "profile-generic": _profile,
    "disconnect-control": _relay,
    "script-table": _scripts,
    "security-setup": _security,
    "image-transfer": _image,
}


# ---------------------------------------------------------------- values


def read_data(value: object) -> Data:
    """Data from its notation, `{kind = value}`; octets are hex. Raises ValueError, which DataError is too."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise DataError(f"{value!r} is no Data: write it as {{unsigned = 1}}")
    ((name, content),) = value.items()
    if name not in TAG:
        raise DataError(f"{name!r} is no kind of Data")
    kind: Kind = name
    if kind == "array":
        return Data.array(read_data(item) for item in content)
    if kind == "structure":
        return Data.structure(*(read_data(item) for item in content))
    if kind in ("octet-string", "date-time", "date", "time"):
        return Data.of(kind, bytes.fromhex(content))
    return Data.of(kind) if kind in ("null-data", "dont-care") else Data.of(kind, content)


def _obis(text: object, table: _Table) -> bytes:
    try:
        return Obis.parse(str(text)).octets
    except ValueError as problem:
        raise table.wrong(str(problem)) from None


def _find(text: str, found: Objects, table: _Table) -> CosemObject:
    name = _obis(text, table)
    for (_, logical_name), one in found.items():
        if logical_name == name:
            return one
    raise table.wrong(f"{text} is no object that stands before this one")
