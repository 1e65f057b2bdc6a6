"""Reading an answer while it comes: each CosemAccessResult is handed on, and forgotten."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from lxml import etree

from cas.bindings import device_access as dev
from cas.client.errors import NotUnderstood
from cas.client.messages import body_of, read_response
from cas.client.readings import Reading, readings_of_result
from cas.xml import XmlError, read

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

_DEV = "{http://iec.ch/TC13/2014/schema/DeviceAccess}"
_ACCESS = f"{_DEV}CosemAccess"
_DESCRIPTOR = f"{_DEV}CosemAccessDescriptor"
_RESULT = f"{_DEV}CosemAccessResult"


class ResultReader:
    """Is fed the octets of an answer, and gives its readings. Raises NotUnderstood, CasFault."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=(_ACCESS, _DESCRIPTOR, _RESULT),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._descriptor: dev.CosemAccessDescriptor | None = None

    def feed(self, octets: bytes) -> Iterator[Reading]:
        """The readings that these octets complete."""
        try:
            self._parser.feed(octets)
            yield from self._read()
        except (etree.XMLSyntaxError, XmlError) as problem:
            raise NotUnderstood(f"the answer is not what it should be: {problem}", self._status) from None

    def close(self) -> Iterator[Reading]:
        """The end: whether the answer is whole, and no fault."""
        try:
            root: Element = self._parser.close()
            yield from self._read()
        except (etree.XMLSyntaxError, XmlError) as problem:
            raise NotUnderstood(f"the answer is cut off: {problem}", self._status) from None
        read_response(body_of(etree.tostring(root), self._status), self._status)

    def _read(self) -> Iterator[Reading]:
        events: Any = self._parser.read_events()
        for event, element in events:
            if event == "start":
                if element.tag == _ACCESS:
                    self._descriptor = None
            elif element.tag == _DESCRIPTOR:
                self._descriptor = read(dev.CosemAccessDescriptor, element)
            elif element.tag == _RESULT:
                result = read(dev.CosemAccessResult, element)
                element.getparent().remove(element)
                yield from readings_of_result(self._descriptor, result)
