"""Where the events of a resource are to go: whether that can be, before it is made (IEC TS 62056-9-1, 7.2.3)."""

from collections.abc import Callable, Iterator
from datetime import datetime

from cas.access.codes import Code
from cas.access.errors import Problem
from cas.access.model import Origin, Terms
from cas.push.errors import TargetRefused

_ELEMENT = "/Header/ReplyAddress"

CheckAddress = Callable[[str], object]
"""Raises TargetRefused for an address that events must not go to: `cas.push.targets.Targets.check`."""


def has_events(origin: Origin, terms: Terms, now: datetime) -> bool:
    """Whether the events of a resource go to its ReplyAddress; the trigger `event_targets` decides in the same way.

    A synchronous answer to an on-demand access has all that an event could tell: it has none (D).
    """
    later = terms.activates is not None and terms.activates > now
    return bool(origin.async_reply or terms.accept_data_notification or terms.repeating_interval or later)


def check_reply(origin: Origin, terms: Terms, now: datetime, check: CheckAddress) -> Iterator[Problem]:
    """What is wrong with the ReplyAddress of a create."""
    if not has_events(origin, terms, now):
        return  # nothing goes there, so it may be anything: clients are in use that always send one
    if not origin.reply_address:
        if origin.async_reply:
            yield Problem(Code.HEADER, "AsyncReplyFlag is true: say where the results are to go", _ELEMENT)
        return
    try:
        check(origin.reply_address)
    except TargetRefused as problem:
        yield Problem(Code.POLICY, f"{problem}: the setting event_targets lists them", _ELEMENT)
