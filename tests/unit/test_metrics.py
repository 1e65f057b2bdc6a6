"""What the histograms tell Prometheus."""

from prometheus_client import REGISTRY

from cas.metrics import Histogram


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"cas_test_seconds_{name}", labels)


def test_a_histogram_counts_what_is_not_above_its_bounds_by_the_label() -> None:
    histogram = Histogram("cas_test_seconds", "Of this test", "kind", buckets=(0.1, 1, 5))
    try:
        assert sample("count", kind="a") is None
        for value in (0.0, 0.1, 0.5, 7.0):
            histogram.labels("a").observe(value)
        histogram.labels("b").observe(5)
        told = {bound: sample("bucket", kind="a", le=bound) for bound in ("0.1", "1.0", "5.0", "+Inf")}
        assert told == {"0.1": 2, "1.0": 3, "5.0": 3, "+Inf": 4}
        assert (sample("count", kind="a"), sample("sum", kind="a")) == (4, 7.6)
        assert sample("bucket", kind="b", le="5.0") == 1
    finally:
        REGISTRY.unregister(histogram)
