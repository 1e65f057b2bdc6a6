"""The XML of selective access as clients write it, mended before it is validated.

In a range descriptor `date-time` may hold an xs:dateTime in place of 12 octets. It becomes the octets, at the deviation
that it names; `cas.cosem.selection.resolve_selection` makes of it what each device expects.
"""

from collections.abc import Iterator
from typing import TypeAlias

from lxml import etree

from cas.cosem.date_time import CosemDateTime

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it


def mend_selections(request: Element) -> None:
    """Mend every range descriptor inside a request APDU, in place; what cannot be mended stays for the validation."""
    for access in _descendants(request, "access-selection"):
        for time in _descendants(access, "date-time"):
            text = (time.text or "").strip()
            if "T" in text:
                time.text = _octets(text)


def _octets(text: str) -> str:
    try:
        return CosemDateTime.from_xs(text).encode().hex().upper()
    except ValueError:
        return text


def _descendants(element: Element, local: str) -> Iterator[Element]:
    return element.iterfind(f".//{{*}}{local}")
