"""A long list of device references, folded into one element before it is parsed, and spread again when it is read.

A request for many devices is little else, and each element costs many times its octets: to parse, to validate, and
most of all to look at from Python. So where references follow each other that differ in nothing but the identifier,
what stands between two identifiers is replaced by a seam, and one element holds them all:

    <dev:DeviceReference DeviceID="A"/><dev:DeviceReference DeviceID="B"/><dev:DeviceReference DeviceID="C"/>
    <dev:DeviceReference DeviceID="A seam B seam C"/>

The identifiers stay where the parser checks them, and nothing else of the document changes. It is well formed and
valid exactly if the folded one is, whose schema asks of an identifier that it is not empty and of the references that
they stand together. Whoever looks at the tree otherwise than by `read` unfolds it first; so does whoever tells what is
wrong, as paths count elements.
"""

import re
from collections import deque
from collections.abc import Sequence
from copy import copy
from itertools import repeat
from typing import Any
from uuid import uuid4

from lxml import etree

from cas.bindings.device_access import DeviceReference
from cas.cosem.frozen import new, slot
from cas.xml.documents import Element, XmlError, admit, build

FOLDS_WORTH_IT = 8
"""Seams from which on it pays to fold."""

# What nobody knows nobody writes. The bar in front ends a character reference, which must not reach over a seam.
_SEAM = f"|{uuid4().hex[:8]}|"

_FIRST_TWO = re.compile(
    rb'<((?:[A-Za-z_][\w.-]*:)?DeviceReference)[ \t\r\n]+DeviceID="([^"<]+)"'
    rb'([ \t\r\n]*(?:/>|></\1[ \t\r\n]*>)[ \t\r\n]*<\1[ \t\r\n]+DeviceID=)"'
)
# What may hold a list; not a header and the like, where elements of any kind are kept as they came.
_HOLDERS = frozenset(
    (
        "Envelope",
        "Body",
        "RequestMessage",
        "ResponseMessage",
        "EventMessage",
        "Payload",
        "DeviceAccess",
        "DevicesReferenceList",
        "DeviceGroups",
        "DeviceGroup",
        "ResourceDirectory",
        "Resource",
    )
)

_set_id = slot(DeviceReference, "device_id")


def parse_folded(octets: bytes) -> Element:
    """As `parse`, with the device references folded where they are many and alike. Raises the same XmlError."""
    octets = admit(octets)
    folded, seams = _fold(octets)
    if seams:
        try:
            root = build(folded)
        except XmlError:
            return build(octets)  # raises too, and tells line and column as they are
        if _is_whole(root, seams):
            return root
    return build(octets)


def _fold(octets: bytes) -> tuple[bytes, int]:
    """The document with its references folded, and its seams: none if they are few or no single run of equals."""
    first = _FIRST_TWO.search(octets)
    if first is None:
        return octets, 0
    start, seam = first.start(2), first[3]
    seams = octets.count(b'"%b"' % seam, start)
    if seams < FOLDS_WORTH_IT:
        return octets, 0
    # No further than the last seam: to take what else stands between quotes may cost far more than is folded.
    quoted = octets[start:].split(b'"', 2 * seams)
    identifiers = quoted[::2]  # with the last one comes all that follows it
    if quoted[1::2] != [seam] * seams or not all(identifiers) or identifiers[-1].startswith(b'"'):
        return octets, 0
    return octets[:start] + _SEAM.encode().join(identifiers), seams


def _folded(element: Element) -> list[Element]:
    """The elements of the document that hold several references."""
    references = element.getroottree().iter("{*}DeviceReference")
    return [reference for reference in references if _SEAM in reference.get("DeviceID", "")]


def _is_whole(root: Element, seams: int) -> bool:
    """Whether what was folded is one element with nothing else in it, that could as well stand there many times.

    It is none if references stand in a comment or in a text.
    """
    found = _folded(root)
    if len(found) != 1:
        return False
    (reference,) = found
    parent = reference.getparent()
    return (
        str(reference.get("DeviceID")).count(_SEAM) == seams
        and parent is not None
        and reference.nsmap == parent.nsmap  # one that declares a prefix declares it for itself alone
        and len(reference.keys()) == 1
        and len(reference) == 0
        and not reference.text
        and all(etree.QName(holder).localname in _HOLDERS for holder in reference.iterancestors())
    )


def unfold(element: Element) -> None:
    """Give each reference in the element's document an element of its own again."""
    for reference in _folded(element):
        first, *others = str(reference.get("DeviceID")).split(_SEAM)
        tail, reference.tail = reference.tail, None
        reference.set("DeviceID", first)
        references = [copy(reference) for _ in others]
        for another, identifier in zip(references, others, strict=True):
            another.set("DeviceID", identifier)
        references[-1].tail = tail
        parent = reference.getparent()
        assert parent is not None  # noqa: S101 - else it was not folded
        at = parent.index(reference) + 1
        parent[at:at] = references


def spread(references: Sequence[DeviceReference]) -> tuple[DeviceReference, ...]:
    """The references as they were before they were folded."""
    if not any(_SEAM in reference.device_id for reference in references):
        return tuple(references)
    identifiers = [identifier for reference in references for identifier in reference.device_id.split(_SEAM)]
    made: list[Any] = list(map(new, repeat(DeviceReference, len(identifiers))))
    deque(map(_set_id, made, identifiers), maxlen=0)
    return tuple(made)
