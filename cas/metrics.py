"""Metrics of this process, for Prometheus: named once, here, and counted where things happen."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString


class Observed:
    """What was observed under one value of a histogram's label; by one thread, while any may read it."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Histogram:
    """A histogram with one label. Each device is observed a dozen times, which with locks takes 5 % of its CPU."""

    def __init__(self, name: str, documentation: str, label: str, *, buckets: Sequence[float]) -> None:
        self._family = partial(HistogramMetricFamily, name, documentation, labels=(label,))
        self._buckets = buckets
        self._series: dict[str, Observed] = {}
        REGISTRY.register(self)

    def labels(self, value: str) -> Observed:
        """What is observed under this value of the label."""
        if (series := self._series.get(value)) is None:
            series = self._series[value] = Observed(self._buckets)
        return series

    def describe(self) -> list[HistogramMetricFamily]:
        """Its name, for the registry."""
        return [self._family()]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """All that was observed, for the registry."""
        family = self._family()
        bounds = [*map(floatToGoString, self._buckets), "+Inf"]
        for value, series in list(self._series.items()):
            family.add_metric([value], list(zip(bounds, accumulate(series.counts), strict=True)), series.total)
        yield family


_WAITS = (0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300)

LINK_WAIT = Histogram(
    "cas_link_wait_seconds",
    "Time that jobs waited before they could use a link",
    "reason",  # endpoint, segment, connections, rate
    buckets=_WAITS,
)
SEGMENT_WAIT = Histogram(
    "cas_segment_wait_seconds", "Time that jobs waited for a connection of their segment", "segment", buckets=_WAITS
)
PERMIT_WAIT = Histogram(
    "cas_permit_wait_seconds",
    "Time that devices waited for one of the permits of this process (devices_at_once)",
    "kind",  # on-demand, bulk
    buckets=_WAITS,
)
ROUND_TRIP = Histogram(
    "cas_round_trip_seconds",
    "Time from an APDU sent to the next one received",
    "segment",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
LINK_ERRORS = Counter("cas_link_errors_total", "Links that could not be opened or broke", ["segment", "error"])
RESULTS = Counter(
    "cas_results_total", "Results that this process stored, by outcome: ok, or why there is no answer", ["outcome"]
)
JOBS = Gauge("cas_jobs", "Chunks of activations in all processes, by queue", ["queue", "status"])
ACTIVATIONS = Gauge("cas_activations_under_way", "Activations under way in all processes")
EVENTS_WAITING = Gauge("cas_events_waiting", "Events that were not acknowledged yet, of all receivers")
NOTIFICATIONS = Counter(
    "cas_notifications_total",
    "Notifications of devices at this process: heard by wire, accepted by kind, refused by reason, answered",
    ["what", "label"],
)
LINKS_OPEN = Gauge("cas_links_open", "Connections to devices, open or being opened, kept ones included")
LINKS_KEPT = Gauge("cas_links_kept", "Connections kept open for the next job of their device")
LINKS_WAITING = Gauge("cas_links_waiting", "Jobs that wait for a link now", ["reason"])
COUNTERS_NEAR_TOP = Counter(
    "cas_invocation_counters_near_top_total", "Reservations of invocation counters near the end"
)
SYSTEM_EVENTS = Counter(
    "cas_system_events_total", "Numbered events of the service, of this process", ["number", "severity"]
)
