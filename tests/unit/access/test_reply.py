"""The ReplyAddress of a create: when it counts, and what is told of one that cannot be."""

from datetime import UTC, datetime, timedelta

import pytest

from cas.access.codes import Code
from cas.access.model import Origin, Terms
from cas.access.reply import check_reply
from cas.push.targets import Targets

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
TARGETS = Targets.parse(["https://mdm.example.org/events"])
LISTED, OTHER = "https://mdm.example.org/events", "https://evil.example/"


def codes(origin: Origin, terms: Terms) -> list[tuple[Code, str]]:
    return [(problem.code, problem.element) for problem in check_reply(origin, terms, NOW, TARGETS.check)]


LATER = [
    (Origin(reply_address=OTHER, async_reply=True), Terms()),
    (Origin(reply_address=OTHER), Terms(repeating_interval="PT1M")),
    (Origin(reply_address=OTHER), Terms(activates=NOW + timedelta(seconds=1))),
    (Origin(reply_address=OTHER), Terms(accept_data_notification=True)),
]


@pytest.mark.parametrize(("origin", "terms"), LATER)
def test_an_address_that_is_not_allowed_is_refused(origin: Origin, terms: Terms) -> None:
    assert codes(origin, terms) == [(Code.POLICY, "/Header/ReplyAddress")]
    assert codes(Origin(reply_address=LISTED, async_reply=origin.async_reply), terms) == []


def test_an_address_that_nothing_goes_to_may_be_anything() -> None:
    assert codes(Origin(reply_address="nowhere"), Terms(activates=NOW, duration="PT1H")) == []


def test_an_asynchronous_reply_needs_an_address() -> None:
    assert codes(Origin(async_reply=True), Terms()) == [(Code.HEADER, "/Header/ReplyAddress")]
    assert codes(Origin(async_reply=True, reply_address=""), Terms()) == [(Code.HEADER, "/Header/ReplyAddress")]
    assert codes(Origin(), Terms(repeating_interval="P1D")) == []
