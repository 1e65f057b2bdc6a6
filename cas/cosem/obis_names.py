"""Names of OBIS codes by their value groups, from the table beside (IEC 62056-6-1; Blue Book 12, 7)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from cas.cosem.obis import Obis

_ELECTRICITY = 1
_CURRENT = 255
_INTEGRALS = frozenset((8, 9, 10, 29, 30, 58))
_AVERAGES = frozenset((4, 5, 14, 15, 24, 25, 27, 28))
_EXTREMES = frozenset((3, 6, 13, 16, 23, 26))
_PHASES = {0: "", 1: " L1", 2: " L2", 3: " L3"}
_PHASED = 80
_TARIFFS = 63
_VOLTAGES_AND_CURRENTS = frozenset((11, 12))
_DISTORTION = {
    124: "total harmonic distortion", 125: "total demand distortion",
    126: "all harmonics", 127: "all harmonics to nominal value",
}  # fmt: skip
_REGISTER, _EXTENDED_REGISTER, _DEMAND_REGISTER = 3, 4, 5
_BILLING_PERIODS = 99


def obis_name(code: Obis) -> str | None:
    """What the code names, such as `Active energy import (+A), time integral 1, total`; None when it is not known."""
    a, b, c, d, e, f = code.octets
    entry = _code(a, c, d, e)
    if entry is not None:
        parts = [entry[0].replace("{e+1}", str(e + 1)).replace("{e}", str(e))]
    elif a == _ELECTRICITY:
        parts = _electricity(c, d, e)
    else:
        parts = _other(a, c, d, e)
    if not parts:
        return None
    if b:
        parts.append(f"channel {b}")
    if f != _CURRENT:
        parts.append(f"billing period {f}" if f <= _BILLING_PERIODS else f"F {f}")
    return ", ".join(parts)


def medium(code: Obis) -> str | None:
    """What value group A names; None when it is not known."""
    found: str | None = _table()["media"].get(str(code.octets[0]))
    return found


def usual_class(code: Obis) -> int | None:
    """The interface class that an object of this name usually has; None when nothing suggests one."""
    a, _, c, d, e, _ = code.octets
    entry = _code(a, c, d, e)
    if entry is not None:
        return entry[1]
    if a == _ELECTRICITY and _electricity(c, d, e):
        if d in _AVERAGES:
            return _DEMAND_REGISTER
        return _EXTENDED_REGISTER if d in _EXTREMES else _REGISTER
    return _REGISTER if _other(a, c, d, e) else None


def _electricity(c: int, d: int, e: int) -> list[str]:
    table = _table()["electricity"]
    processing = table["processing"].get(str(d))
    if processing is None or not c:
        return []
    quantity: str | None = table["quantity"].get(str(c))
    phase, base = divmod(c - 1, 20)
    if quantity is None and c <= _PHASED:
        names = table["phased"][str(base + 1)]
        name = names.get("energy") if d in _INTEGRALS else None
        quantity = f"{name or names['power']}{_PHASES[phase]}"
    if quantity is None:
        return []
    return [quantity, processing, *_group_e(base + 1 if c <= _PHASED else c, d, e)]


def _group_e(base: int, d: int, e: int) -> list[str]:
    """What E adds: a tariff, or of a voltage or current its harmonics."""
    if base in _VOLTAGES_AND_CURRENTS:
        if e == 0:
            return []
        return [_DISTORTION.get(e) or f"harmonic {e}"]
    if e == 0:
        return ["total"] if d in _INTEGRALS else []
    return [f"rate {e}"] if e <= _TARIFFS else [f"E {e}"]


def _other(a: int, c: int, d: int, e: int) -> list[str]:
    quantity = _table()["quantity"].get(str(a), {}).get(str(c))
    processing = _table()["processing"].get(str(d))
    if quantity is None or processing is None:
        return []
    return [quantity, processing, *([f"rate {e}"] if 0 < e <= _TARIFFS else [])]


def _code(a: int, c: int, d: int, e: int) -> tuple[str, int] | None:
    found = _codes().get((a, c, d))
    return (found.get(e) or found.get(None)) if found else None


@cache
def _codes() -> Mapping[tuple[int, int, int], Mapping[int | None, tuple[str, int]]]:
    """By groups A, C and D, then by E, or None for any."""
    found: dict[tuple[int, int, int], dict[int | None, tuple[str, int]]] = {}
    for pattern, (name, class_id) in _table()["codes"].items():
        a, _, c, d, e = pattern.split(".")
        found.setdefault((int(a), int(c), int(d)), {})[None if e == "e" else int(e)] = (name, class_id)
    return found


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("cas.cosem") / "obis_names.toml").read_text("utf-8"))
