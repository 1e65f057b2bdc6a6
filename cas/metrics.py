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
PERMIT_WAIT = Histogram(
    "cas_permit_wait_seconds",
    "Time that devices waited for one of the permits of this process (devices_at_once)",
    ["kind"],  # on-demand, bulk
    buckets=_WAITS,
)
ROUND_TRIP = Histogram(
    "cas_round_trip_seconds",
    "Time from an APDU sent to the next one received",
    ["segment"],
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
