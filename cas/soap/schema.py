"""The schemas: compiled once for validation, and served to clients beside the WSDL."""

import re
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from lxml import etree

import cas
from cas.access.codes import Code
from cas.bindings import message as mes
from cas.soap.problems import error_at
from cas.xml import PREFIX, unfold

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

# Errors told of one message; a document that is wrong throughout has thousands.
ERRORS_TOLD = 20

_ELEMENT = re.compile(r"^Element '[^']+': ")
_STEP = re.compile(r"(?:(?P<prefix>[^:*\[]+):)?(?P<name>[^\[]+)(?:\[(?P<place>\d+)\])?")


@cache
def directory() -> Path:
    """Where the schemas are: in the installed package, or beside it in a checkout."""
    package = Path(cas.__file__).parent
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


class Validator:
    """Validates messages against Message.xsd and what it imports."""

    def __init__(self) -> None:
        self._schema = etree.XMLSchema(file=str(directory() / "Message.xsd"))
        # The schema keeps the errors of its last validation.
        self._lock = threading.Lock()

    def accepts(self, message: Element) -> bool:
        """Whether all is valid."""
        with self._lock:
            return self._schema.validate(message)

    def errors(self, message: Element) -> list[mes.ErrorType]:
        """What is not valid, one Error each; empty if all is. The message is unfolded, as errors tell places."""
        unfold(message)
        with self._lock:
            if self._schema.validate(message):
                return []
            log: Any = self._schema.error_log
            found = [(entry.path or "", entry.message) for entry in log]
        errors = [
            error_at(Code.INVALID, _shorten(text), _resolve(message, where)) for where, text in found[:ERRORS_TOLD]
        ]
        if len(found) > ERRORS_TOLD:
            errors.append(error_at(Code.INVALID, f"{len(found) - ERRORS_TOLD} more errors", message))
        return errors


def _resolve(message: Element, where: str) -> Element:
    """The element of an error's path, as in /mes:RequestMessage/*[2]; the message if there is none."""
    at = message
    steps = list(_steps(where))
    for step in steps[1:]:
        candidates = list(at)
        if step["name"] != "*":
            candidates = [
                child
                for child in candidates
                if etree.QName(child).localname == step["name"] and child.prefix == step["prefix"]
            ]
        place = int(step["place"] or 1)
        if place > len(candidates):
            return at
        at = candidates[place - 1]
    return at


def _steps(where: str) -> Iterator[re.Match[str]]:
    for text in where.strip("/").split("/"):
        if step := _STEP.fullmatch(text):
            yield step


def _shorten(text: str) -> str:
    """An error of libxml2 without the element, which is told before, and with prefixes in place of namespaces."""
    for namespace, prefix in PREFIX.items():
        text = text.replace(f"{{{namespace}}}", f"{prefix}:")
    return _ELEMENT.sub("", text)
