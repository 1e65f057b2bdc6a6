"""Metrics of this process, for Prometheus: named once, here, and counted where things happen."""

from prometheus_client import Counter, Gauge, Histogram

_WAITS = (0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300)

LINK_WAIT = Histogram(
    "cas_link_wait_seconds",
    "Time that jobs waited before they could use a link",
    ["reason"],  # endpoint, segment, connections, rate
    buckets=_WAITS,
)
SEGMENT_WAIT = Histogram(
    "cas_segment_wait_seconds", "Time that jobs waited for a connection of their segment", ["segment"], buckets=_WAITS
)
LINKS_OPEN = Gauge("cas_links_open", "Connections to devices, open or being opened, kept ones included")
LINKS_KEPT = Gauge("cas_links_kept", "Connections kept open for the next job of their device")
LINKS_WAITING = Gauge("cas_links_waiting", "Jobs that wait for a link now", ["reason"])
COUNTERS_NEAR_TOP = Counter(
    "cas_invocation_counters_near_top_total", "Reservations of invocation counters near the end"
)
