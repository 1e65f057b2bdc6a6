"""The guard against regressions: the ratios of now beside those that are kept in `ratios.json`. Never times."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.measure import Row, Spread

KEPT = Path(__file__).with_name("ratios.json")
MARGIN = 0.15
"""Of a ratio, beyond its quartiles: how far it may differ between two runs on two machines, and nothing has changed."""

Ratios = Mapping[str, Mapping[str, Spread]]
"""By work and case."""


def read_ratios(path: Path = KEPT) -> Ratios:
    """The ratios that are kept."""
    return {
        work: {name: Spread(**spread) for name, spread in ratios.items()}
        for work, ratios in json.loads(path.read_text()).items()
    }


def keep_ratios(rows: Iterable[Row], path: Path = KEPT) -> None:
    """Keep the ratios of these rows, and no others."""
    kept = {
        row.work: {
            name: {part: float(f"{value:.4g}") for part, value in asdict(ratio).items()}
            for name, ratio in row.ratios.items()
        }
        for row in rows
    }
    path.write_text(json.dumps(kept, indent=1) + "\n")


def regressions(rows: Iterable[Row], kept: Ratios) -> Iterator[str]:
    """What is slower or larger than it was, beyond the noise: the upper quartile of now is below the lower of then."""
    for row in rows:
        for name, ratio in row.ratios.items():
            was = kept.get(row.work, {}).get(name)
            if was is not None and ratio.high < was.low * (1 - MARGIN):
                yield f"{row.work}, beside {name}: {ratio.median:.2f}, it was {was.median:.2f}"
