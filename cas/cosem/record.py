"""What the generated classes have in common: shown, compared and hashed by their fields.

As a dataclass does it, that makes three functions for each of many classes whenever the program starts, by compiling
them; here they are made once.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any


class Record:
    """The base of a frozen dataclass that has neither its own `__eq__` nor its own `__repr__`."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(_contents(self) == _contents(other))

    def __hash__(self) -> int:
        return hash(_contents(self))

    def __repr__(self) -> str:
        cls: Any = type(self)
        return f"{cls.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _names(cls))})"


def _contents(record: object) -> object:
    cls: Any = type(record)
    return _getter(cls)(record)


@cache
def _getter(cls: Any) -> Callable[[object], object]:
    names = _names(cls)
    return attrgetter(*names) if names else lambda _record: ()


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))
