"""Lists of elements with one attribute each and nothing else, read at once: a request for many devices is little else.

To look at an element from Python costs several times what it cost to parse it. XPath looks at all of them in C and says
whether they are alike.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeAlias

from lxml import etree

from cas.cosem.frozen import new, slot

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

LEAVES_WORTH_IT = 8
"""Elements from which on it pays to ask XPath."""

_ALIKE = etree.XPath("count(*/@*) = count(*) and not(*/node()) and not(text()[normalize-space()])", regexp=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element with one attribute that must be there, and the frozen class of one field that it is read as."""

    tag: str
    attribute: str
    cls: type
    field: str
    read: Callable[[str], Any]


def reader(leaves: Mapping[str, Leaf]) -> Callable[[Element], dict[str, tuple[Any, ...]] | None]:
    """A function that reads the children of an element, by the names of `leaves`.

    It returns None where a child is not as they are: then each must be looked at by itself, to tell what is wrong.
    """
    values = {name: _values(leaf) for name, leaf in leaves.items()}

    def read_leaves(element: Element) -> dict[str, tuple[Any, ...]] | None:
        if len(element) < LEAVES_WORTH_IT or not _ALIKE(element):
            return None
        found = {name: values_of(element) for name, values_of in values.items()}
        if sum(map(len, found.values())) != len(element):
            return None
        try:
            return {name: tuple(_made(leaves[name], texts)) for name, texts in found.items() if texts}
        except ValueError:
            return None

    return read_leaves


def _values(leaf: Leaf) -> Callable[[Element], list[str]]:
    tag = etree.QName(leaf.tag)
    values: Any = etree.XPath(
        f"leaf:{tag.localname}/@{leaf.attribute}",
        namespaces={"leaf": tag.namespace},
        regexp=False,
        smart_strings=False,
    )
    return values  # type: ignore[no-any-return]


def _made(leaf: Leaf, texts: list[str]) -> list[Any]:
    made: list[Any] = list(map(new, repeat(leaf.cls, len(texts))))
    deque(map(slot(leaf.cls, leaf.field), made, map(leaf.read, texts)), maxlen=0)
    return made
