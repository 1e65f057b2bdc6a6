"""What is counted of notifications, and who sent some without being known."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cas import metrics
from cas.dlms.notification import Kind
from cas.push.errors import Refusal
from cas.push.model import Wire


class Counts:
    """Counters that only grow, each known from the start."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {
            "heard": dict.fromkeys(Wire, 0),
            "accepted": dict.fromkeys(Kind, 0),
            "refused": dict.fromkeys(Refusal, 0),
            "answered": {"confirmation": 0, "repeated": 0, "blocks": 0},
        }

    def count(self, what: str, label: str, number: int = 1) -> None:
        """Add to a counter. Raises KeyError for one that does not exist."""
        self._counts[what][label] += number
        metrics.NOTIFICATIONS.labels(what, label).inc(number)

    def snapshot(self) -> Mapping[str, Mapping[str, int]]:
        """Every counter as of now: heard by wire, accepted by kind, refused by reason, answered by what for."""
        return {what: {str(label): number for label, number in labels.items()} for what, labels in self._counts.items()}


@dataclass(frozen=True, slots=True)
class UnknownSender:
    """An address that sent notifications of no registered device, and the system title that it named, if any."""

    host: str
    title: bytes
    first_at: datetime
    last_at: datetime
    count: int


class UnknownSenders:
    """The unknown senders heard last, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._senders: OrderedDict[tuple[str, bytes], UnknownSender] = OrderedDict()

    def add(self, host: str, title: bytes, at: datetime) -> None:
        """One was heard."""
        key = host, title[:8]  # what is no title may be long
        known = self._senders.pop(key, None)
        self._senders[key] = (
            replace(known, last_at=at, count=known.count + 1) if known else UnknownSender(*key, at, at, 1)
        )
        if len(self._senders) > self._size:
            self._senders.popitem(last=False)

    def list(self) -> list[UnknownSender]:
        """All that are remembered, the one heard last first."""
        return list(reversed(self._senders.values()))
