"""Token buckets, against the sum that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from cas.security import rates
from cas.security.rates import Buckets, Rate


def test_a_burst_goes_through_and_then_the_rate_holds() -> None:
    buckets, limit = Buckets(), Rate(2.0, 3)
    assert [buckets.take("a", limit, 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("a", limit, 0.49) > 0
    assert buckets.take("a", limit, 0.5) == 0
    assert buckets.take("b", limit, 0.0) == 0


@given(
    st.lists(st.floats(0, 5, allow_nan=False), max_size=60),
    st.floats(0.1, 50, allow_nan=False),
    st.integers(1, 20),
)
def test_never_more_than_burst_and_rate_allow(pauses: list[float], rate: float, burst: int) -> None:
    buckets, now, taken = Buckets(), 0.0, 0
    for pause in pauses:
        now += pause
        taken += buckets.take("a", Rate(rate, burst), now) == 0
        assert taken <= burst + rate * now + 1e-6


def test_a_clock_that_goes_back_gives_nothing() -> None:
    buckets, limit = Buckets(), Rate(1.0, 1)
    assert buckets.take("a", limit, 100.0) == 0
    assert buckets.take("a", limit, 50.0) > 0


def test_a_flood_of_names_does_not_fill_the_memory() -> None:
    buckets, limit = Buckets(), Rate(1.0, 1)
    for number in range(rates.MOST + 100):
        buckets.take(str(number), limit, 0.0)
    assert len(buckets._levels) == rates.MOST
