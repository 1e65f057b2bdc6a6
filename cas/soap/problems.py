"""Errors of a message as the envelope has them, each with the element that it is about."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TypeAlias
from xml.etree.ElementTree import QName

from lxml import etree

from cas.access.codes import Code
from cas.access.errors import Problem
from cas.bindings import message as mes
from cas.xml import PREFIX, name, path, places, unfold

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it

_Children: TypeAlias = Mapping[str, Sequence[Element]]

PROBLEMS_TOLD = 100
"""Problems told one by one: a list may name 100,000 devices that nobody knows."""

_STEP = re.compile(r"([^\[]+)(?:\[(\d+)\])?")


def error(
    code: Code,
    details: str,
    *,
    reason: str = "",
    xpath: str | None = None,
    level: mes.ErrorLevel = mes.ErrorLevel.FATAL,
    about: str | None = None,
) -> mes.ErrorType:
    """An Error; `xpath` is the name of an element with our prefix, `about` the ID of a resource."""
    return mes.ErrorType(
        code=code.value,
        level=level,
        reason=reason or code.reason,
        details=details,
        xpath=QName(xpath) if xpath else None,
        id=about,
    )


def error_at(code: Code, details: str, element: Element, *, reason: str = "") -> mes.ErrorType:
    """An Error about an element: its name in xpath, which the schema makes a QName, and its path in the details."""
    return error(code, f"{path(element)}: {details}", reason=reason, xpath=_qname(element))


def errors_of(problems: Sequence[Problem], message: Element) -> list[mes.ErrorType]:
    """The Errors of what the use cases refuse, about elements of `message`; one for all beyond `PROBLEMS_TOLD`."""
    unfold(message)
    # There may be a problem with each of many devices in one list: what stands where is looked up once.
    children, path_of = cache(_children), partial(path, places_in=cache(places))
    errors = [_error_of(problem, message, children, path_of) for problem in problems[:PROBLEMS_TOLD]]
    if more := problems[PROBLEMS_TOLD:]:
        counts = Counter(problem.reason or problem.code.reason for problem in more)
        details = ", ".join(f"{count} more of: {reason}" for reason, count in counts.items())
        errors.append(error(more[0].code, details))
    return errors


def _error_of(
    problem: Problem, message: Element, children: Callable[[Element], _Children], path_of: Callable[[Element], str]
) -> mes.ErrorType:
    if not problem.element:
        return error(problem.code, problem.details, reason=problem.reason, about=problem.id)
    if problem.element.startswith("/"):
        base: Element | None = message
        prefix = "mes"
    else:
        base = next((child for child in message.iterfind("{*}Payload/{*}DeviceAccess")), None)
        prefix = "dev"
    at, missing = _follow(base if base is not None else message, problem.element.strip("/"), children)
    if missing:
        where, xpath = f"{path_of(at)}/{missing}", f"{prefix}:{_name(missing.rpartition('/')[2])}"
    else:
        where, xpath = path_of(at), _qname(at) or ""
    return error(
        problem.code, f"{where}: {problem.details}", reason=problem.reason, xpath=xpath or None, about=problem.id
    )


def _children(parent: Element) -> _Children:
    """The children, by local name."""
    found: dict[str, list[Element]] = {}
    for child in parent:
        found.setdefault(etree.QName(child).localname, []).append(child)
    return found


def _follow(at: Element, steps: str, children: Callable[[Element], _Children]) -> tuple[Element, str]:
    """Go down as far as there are elements; return the last one, and the steps that are left."""
    left = steps.split("/")
    while left:
        match = _STEP.fullmatch(left[0])
        if match is None:
            break
        same = children(at).get(match[1], [])
        place = int(match[2] or 1)
        if place > len(same):
            break
        at = same[place - 1]
        left.pop(0)
    return at, "/".join(left)


def _name(step: str) -> str:
    return step.partition("[")[0]


def _qname(element: Element) -> str | None:
    # Only prefixes that the answer declares.
    return name(element) if etree.QName(element).namespace in PREFIX else None
