"""Documents from strangers, parsed within bounds; and the name and place of an element, to tell what is wrong."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from lxml import etree

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

PREFIX = {
    "http://iec.ch/TC57/2011/schema/message": "mes",
    "http://iec.ch/TC13/2014/schema/DeviceAccess": "dev",
    "http://www.dlms.com/COSEMpdu": "cos",
}
"""The prefixes of what we write."""
DECLARATIONS = "".join(f' xmlns:{prefix}="{namespace}"' for namespace, prefix in PREFIX.items())


MOST_TAGS = 500_000
"""Tags of a document, and attributes. A request for 100 000 devices has a fifth of them."""
MOST_NAMESPACES = 10_000
"""Declarations of namespaces in a document."""


_ENCODINGS = ("utf-8", "us-ascii", "ascii", "iso-8859-1")
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION_OCTETS = 1000
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")


class XmlError(ValueError):
    """A document, or an element of one, that is not what it should be; `element` is at fault, None for the document."""

    def __init__(self, reason: str, element: Element | None = None) -> None:
        super().__init__(reason if element is None else f"{path(element)}: {reason}")
        self.reason = reason
        self.element = element


def parse(octets: bytes) -> Element:
    """Parse a document from a stranger: no DTD, no entities, nothing fetched; comments and instructions are dropped.

    Raises XmlError. UTF-8, UTF-16, ISO-8859-1 and ASCII are read, and no other encoding: in UTF-7 and its like a `<`
    can be written in ways that no check before the parser sees. Elements and attributes are bounded by `MOST_TAGS`,
    depth (256), names (50 000) and the length of a text (10 MB) by libxml2.
    """
    return build(admit(octets))


def admit(octets: bytes) -> bytes:
    """The document in UTF-8, if it holds nothing that no parser should see. Raises XmlError."""
    octets = _utf_8(octets)
    # To look for one octet takes a tenth of the time, and few documents have it.
    if b"!" in octets and b"<!DOCTYPE" in octets:
        raise XmlError("a document type declaration is not accepted")
    _refuse_too_many(octets)
    return octets


def build(octets: bytes) -> Element:
    """The tree of a document that was admitted. Raises XmlError."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        raise XmlError(error.msg) from None  # which ends with the line and the column
    except (ValueError, LookupError) as error:
        raise XmlError(str(error)) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype:  # pragma: no cover - nobody knows how; that it cannot be is not left to the check above
        raise XmlError("a document type declaration is not accepted")
    return root


def _refuse_too_many(octets: bytes) -> None:
    """Bound what a document holds before there is any of it. What is too short to hold so many is not counted."""
    size = len(octets)
    # Each element takes many times the octets that it is written with.
    if size > MOST_TAGS and (octets.count(b"<") > MOST_TAGS or octets.count(b"=") > MOST_TAGS):
        raise XmlError(f"more than {MOST_TAGS} tags or attributes: divide the document")
    # To move an element, every namespace in scope is looked through for each element in it.
    if size > MOST_NAMESPACES * len(' xmlns=""') and octets.count(b"xmlns") > MOST_NAMESPACES:
        raise XmlError(f"more than {MOST_NAMESPACES} declarations of namespaces: declare them once, at the root")


def _utf_8(octets: bytes) -> bytes:
    """The document in UTF-8, whatever it says of itself (XML 1.0, appendix F). Raises XmlError."""
    try:
        if octets.startswith(_UTF_32):
            raise XmlError("UTF-32 is not read: send UTF-8")
        if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
            return octets.decode("utf-16").encode()
        if octets.startswith((b"<\0", b"\0<")):
            return octets.decode("utf-16-le" if octets[0] else "utf-16-be").encode()
        declared = _ENCODING.match(octets[:_DECLARATION_OCTETS])
        encoding = declared[1].decode().lower() if declared is not None else "utf-8"
        if encoding not in _ENCODINGS:
            raise XmlError(f"the encoding {encoding[:40]} is not read: send UTF-8")
        return octets if encoding == "utf-8" else octets.decode(encoding).encode()
    except UnicodeError as error:
        raise XmlError(f"not in its encoding: {error.reason if hasattr(error, 'reason') else error}") from None


def name(element: Element) -> str:
    """The element's name with our prefix, or the document's own where it is none of our namespaces."""
    qualified = etree.QName(element)
    prefix = PREFIX.get(qualified.namespace or "", element.prefix)
    return f"{prefix}:{qualified.localname}" if prefix else qualified.localname


def places(parent: Element) -> dict[Element, int]:
    """The place of each child among those of its name; 0 for one that is alone."""
    equals: dict[str, list[Element]] = {}
    for child in parent:
        equals.setdefault(child.tag, []).append(child)
    return {each: place if len(same) > 1 else 0 for same in equals.values() for place, each in enumerate(same, 1)}


def path(element: Element, places_in: Callable[[Element], Mapping[Element, int]] = places) -> str:
    """Where the element stands, from the root: names, and a position among equals where there are several.

    Who asks for many elements of one parent lets `places_in` remember.
    """
    steps = []
    at: Element | None = element
    while at is not None:
        parent = at.getparent()
        place = 0 if parent is None else places_in(parent)[at]
        steps.append(f"{name(at)}[{place}]" if place else name(at))
        at = parent
    return "/" + "/".join(reversed(steps))
