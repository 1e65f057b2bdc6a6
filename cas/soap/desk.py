"""What the handlers of the nouns work with, and what a handler is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from cas.access.inventory import Inventory
from cas.access.service import AccessService
from cas.soap.answer import Answer
from cas.soap.message import Message


@dataclass(frozen=True, slots=True)
class Desk:
    """The use cases behind the door."""

    access: AccessService
    inventory: Inventory


Handler: TypeAlias = Callable[[Desk, Message], Awaitable[Answer]]
"""Does what a message asks for. Raises Refused, NotNow, StoreError."""
