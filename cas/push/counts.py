"""What is counted of notifications."""

from collections.abc import Mapping

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
