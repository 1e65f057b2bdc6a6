"""The corpus replayed, and a short run of every target; a long one is `make fuzz`."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
STORED = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_is_not_found_again(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read(name: str) -> None:
    for octets in TARGETS[name].seeds:
        TARGETS[name](octets)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_changed_seeds_are_read_or_refused(name: str, seed: int) -> None:
    target = TARGETS[name]
    chance = random.Random(seed)
    octets = mutate(chance, chance.choice(target.seeds), chance.choice(target.seeds))
    target(octets)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=100)
@given(octets=st.binary(max_size=300))
def test_any_octets_are_read_or_refused(name: str, octets: bytes) -> None:
    TARGETS[name](octets)
