"""Brings children that the schema knows into its order before a document is validated."""

import dataclasses
import typing
from collections.abc import Callable
from itertools import pairwise

from lxml import etree

from cas.cosem.asn1 import Enumerated
from cas.cosem.data import Data
from cas.xml.classes import OID_PREFIX, once, parts_of, whole_oid
from cas.xml.documents import Element


def arrange(element: Element, cls: type) -> None:
    """Bring what the schema knows into the form that it asks for, in place, all the way down.

    Children go into schema order, numbers of enumerations become their names, and an application-context-name or
    mechanism-name given by its last arc becomes whole. What is unknown stays, for the validation to complain about.
    """
    order, inner, unknown = _arrangement(cls)
    for child in element:
        if known := inner.get(child.tag):
            known(child)
    _sort(element, order, unknown)


def _sort(element: Element, order: dict[str, int], unknown: int) -> None:
    children = list(element)
    ranks = [order.get(child.tag, unknown) for child in children]
    if all(a <= b for a, b in pairwise(ranks)):
        return
    for _, child in sorted(zip(ranks, children, strict=True), key=lambda pair: pair[0]):
        element.append(child)  # moves it


@once
def _arrangement(cls: type) -> tuple[dict[str, int], dict[str, Callable[[Element], None]], int]:
    """The ranks of the children, how each is arranged inside, and the rank of what is unknown."""
    parts = parts_of(cls)
    ranks = {part.tag: rank for rank, part in enumerate(parts) if part.kind == "Element"}
    unknown = next((rank for rank, part in enumerate(parts) if part.kind == "Wildcard"), len(parts))
    inner: dict[str, Callable[[Element], None]] = {}
    for part in parts:
        if part.kind != "Element":
            continue
        if dataclasses.is_dataclass(part.type) and part.type is not Data:
            if any(inside.kind == "Element" for inside in parts_of(typing.cast("type", part.type))):
                inner[part.tag] = _arrange_inside(typing.cast("type", part.type))
        elif isinstance(part.shape, Enumerated):
            inner[part.tag] = _respell({str(number): str(m.value) for number, m in part.shape.members.items()}.get)
        elif (prefix := OID_PREFIX.get(etree.QName(part.tag).localname)) is not None:
            inner[part.tag] = _respell(whole_oid(prefix))
    return ranks, inner, unknown


def _arrange_inside(cls: type) -> Callable[[Element], None]:
    return lambda element: arrange(element, cls)


def _respell(better: Callable[[str], str | None]) -> Callable[[Element], None]:
    def respell(element: Element) -> None:
        if text := better((element.text or "").strip()):
            element.text = text

    return respell
