"""Makes objects of frozen classes whose fields are known to be right, without their `__init__`.

That sets each field through `object.__setattr__`, which takes thrice the time: half of what decoding an answer took.
Whoever makes an object so sets every one of its fields before giving it away.
"""

from collections.abc import Callable

new = object.__new__


def slot(cls: type, attribute: str) -> Callable[[object, object], None]:
    """What sets this field of an object just made. Not for a class that checks its fields when it is made."""
    assert not hasattr(cls, "__post_init__")  # noqa: S101 - a fact of the classes that are made so
    set_field: Callable[[object, object], None] = getattr(cls, attribute).__set__
    return set_field
