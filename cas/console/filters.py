"""How pages write numbers, spans and counts."""

import re
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup, escape

THIN = "\N{NARROW NO-BREAK SPACE}"
"""Stands between thousands, and before a unit."""
_CODE = re.compile("`([^`]+)`")
_TAG = re.compile(r"&lt;.*?&gt;")


def segment(text: object) -> str:
    """A name as one segment of a path."""
    return quote(str(text), safe="")


def number(value: float | None) -> str:
    """A number with its thousands apart."""
    return "-" if value is None else f"{value:,}".replace(",", THIN)


def percent(share: float | None) -> str:
    """A share in percent; only what is complete is 100 %."""
    if share is None:
        return "-"
    shown = round(share * 100, 1)
    if shown == 100 and share < 1:
        shown = 99.9
    return f"{shown:g}{THIN}%"


def seconds(value: float | None) -> str:
    """A span of time, in its two largest units."""
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    for size, large, small, part in ((86400, "d", "h", 3600), (3600, "h", "min", 60), (60, "min", "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {large} {rest} {small}" if rest else f"{whole // size} {large}"
    return f"{whole} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, or in how long, in its largest unit."""
    if moment is None:
        return "never"
    passed = (now - moment).total_seconds()
    span = seconds(abs(passed)).split(" ")
    text = " ".join(span[:2]) if abs(passed) >= 10 else "a moment"
    return f"{text} ago" if passed >= 0 else f"in {text}"


def tags(xml: str) -> Markup:
    """XML whose tags stand back behind what they hold."""
    return Markup(_TAG.sub(r'<span class="faint">\g<0></span>', str(escape(xml))))  # noqa: S704 - escaped


def codes(text: str) -> Markup:
    """A text whose parts between backticks are what to type."""
    return Markup(_CODE.sub(r"<code>\g<1></code>", str(escape(text))))  # noqa: S704 - escaped


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its word: 1 device, 12 480 devices."""
    return f"{number(count)}\N{NO-BREAK SPACE}{one if count == 1 else many or one + 's'}"


def left(span: float | None) -> str:
    """How long something still takes, roughly."""
    if span is None:
        return ""
    return "less than a minute left" if span < 60 else f"about {seconds(span - span % 60)} left"
