"""Objects by name: what a person finds who looks for `energy`, `voltage l1` or `1.8.0`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cas.cosem.interface_classes import class_name
from cas.cosem.obis import Obis
from cas.cosem.obis_names import obis_name, usual_class

SHOWN = 30
_ENERGIES = (8,)
_QUANTITIES = (*range(1, 17), *range(21, 37), *range(41, 57), *range(61, 77), 91, 92)
_PROCESSINGS = (7, 8, 6, 4, 5)
_RATES = range(5)


@dataclass(frozen=True, slots=True)
class Found:
    """An object that meters commonly have."""

    code: str
    name: str
    class_id: int
    class_name: str


def search(words: str) -> list[Found]:
    """The objects whose name, class or code has all of these words, those that begin with them first."""
    wanted = words.lower().split()
    if not wanted:
        return []
    fitting = [(haystack, found) for haystack, found in _catalogue() if all(word in haystack for word in wanted)]
    fitting.sort(key=lambda entry: not entry[0].startswith(wanted[0]))
    return [found for _, found in fitting[:SHOWN]]


@cache
def _catalogue() -> tuple[tuple[str, Found], ...]:
    """Each object, with the text that is searched; what is asked for most comes first."""
    codes = [*_electricity(), *_others()]
    found = []
    for code in dict.fromkeys(codes):
        name, class_id = obis_name(code), usual_class(code)
        if name and class_id:
            entry = Found(str(code), name, class_id, class_name(class_id))
            found.append((f"{name} {entry.class_name} {code} {code.grouped}".lower(), entry))
    return tuple(found)


def _electricity() -> list[Obis]:
    return [
        Obis(bytes((1, 0, quantity, processing, rate, 255)))
        for rate in _RATES
        for processing in _PROCESSINGS
        for quantity in _QUANTITIES
        if rate == 0 or processing in _ENERGIES
    ]


def _others() -> list[Obis]:
    """The whole codes of the table, with their first channel and value."""
    table = tomllib.loads((files("cas.cosem") / "obis_names.toml").read_text("utf-8"))
    found = []
    for pattern in sorted(table["codes"], key=lambda pattern: not pattern.startswith("1.")):
        a, b, c, d, e = pattern.split(".")
        channel = 1 if (a, c) == ("0", "24") else 0  # the channels of M-Bus begin at 1
        groups = (a, channel if b == "b" else b, c, d, 0 if e == "e" else e, 255)
        found.append(Obis(bytes(int(group) for group in groups)))
    return found
