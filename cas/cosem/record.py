"""What the generated classes are: frozen dataclasses, which share how they are made, compared, hashed and shown.

Each would have six functions of its own for that, compiled whenever the program starts; here they are made once.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

from cas.cosem.frozen import slot

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class with annotations a record; `Record` is its base, or the base of its base."""
    return dataclass(init=False, repr=False, eq=False, slots=True, kw_only=True)(cls)


class Record:
    """The base of records, whose fields are given by name, and hold nothing that can be changed."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init__(self, **values: Any) -> None:
        cls: Any = type(self)
        for name, put, default in _plan(cls):
            value = values.pop(name, default)
            if value is MISSING:
                raise TypeError(f"{cls.__name__} lacks {name}")
            put(self, value)
        if values:
            raise TypeError(f"{cls.__name__} has no {', '.join(values)}")

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        for name, value in state[1].items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(_contents(self) == _contents(other))

    def __hash__(self) -> int:
        return hash(_contents(self))

    def __repr__(self) -> str:
        shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
        return f"{type(self).__qualname__}({shown})"


def _contents(one: object) -> object:
    cls: Any = type(one)
    return _getter(cls)(one)


@cache
def _getter(cls: Any) -> Callable[[object], object]:
    names = [each.name for each in fields(cls)]
    return attrgetter(*names) if names else lambda _one: ()


@cache
def _plan(cls: Any) -> tuple[tuple[str, Callable[[object, object], None], object], ...]:
    """Of each field: its name, what sets it, and its default."""
    return tuple((each.name, slot(cls, each.name), _default(each)) for each in fields(cls))


def _default(of: "Field[Any]") -> object:
    return of.default if of.default_factory is MISSING else of.default_factory()
