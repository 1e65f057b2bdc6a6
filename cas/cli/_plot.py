"""A load profile drawn in the terminal, by the dots of Braille: two by four of them to a cell."""

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from rich.text import Text

from cas.cli._common import console
from cas.console.plotting import Plots, Quantity, differences
from cas.cosem.profile import Row
from cas.devices.reading import Reading

HEIGHT = 12
"""Rows of cells of one drawing."""
_COLOURS = ("cyan", "magenta", "yellow", "green")
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a cell, by column and row of its dots."""
_EMPTY = 0x2800
_DOTS_WIDE, _DOTS_HIGH = 2, 4
_STEPS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6),
          timedelta(hours=12), timedelta(days=1), timedelta(days=2), timedelta(days=7), timedelta(days=14),
          timedelta(days=30), timedelta(days=91), timedelta(days=365))  # fmt: skip
_LABEL_CELLS = 14
"""Least distance of two labels of the time."""


def print_plot(reading: Reading) -> None:
    """Draw every measured column of a profile; of what only grows the gain of each row."""
    out = console()
    width = min(out.width, shutil.get_terminal_size((100, 24)).columns)
    table = reading.table
    plots = Plots()
    if table is not None:
        plots.add_table(reading.attribute.logical_name, "", table.columns, table.rows, _zone(table.rows))
    drawn = 0
    for key, quantity in plots.quantities.items():
        if not quantity.is_measured:
            continue
        series = plots.series[key][""]
        points = differences(series).points if quantity.is_cumulative else series.points
        if len(points) > 1:
            out.print(_title(quantity))
            for line in draw(points, quantity.unit, width, HEIGHT, _COLOURS[drawn % len(_COLOURS)]):
                out.print(line, soft_wrap=True)
            drawn += 1
    if not drawn:
        out.print("nothing to draw: two rows with times and numbers are needed", style="yellow")


def draw(points: Mapping[datetime, float], unit: str, width: int, height: int, colour: str) -> Iterator[Text]:
    """Lines of a drawing as wide as this, with its axes and what stands out. Needs two points or more."""
    times = sorted(points)
    low, high = _bounds(min(points.values()), max(points.values()))
    labels = [_number(high), _number((low + high) / 2), _number(low)]
    margin = max(map(len, labels)) + 1
    cells = max(20, width - margin - 2)
    grid = _Grid(cells, height)
    span = (times[-1] - times[0]).total_seconds()
    previous: tuple[int, int] | None = None
    usual = min(b - a for a, b in pairwise(times))
    for at, before in zip(times, [None, *times], strict=False):
        x = round((at - times[0]).total_seconds() / span * (cells * _DOTS_WIDE - 1))
        y = round((high - points[at]) / (high - low) * (height * _DOTS_HIGH - 1))
        is_gap = before is not None and at - before > 2 * usual
        grid.line((x, y) if previous is None or is_gap else previous, (x, y))
        previous = (x, y)
    marks = {0: labels[0], height // 2: labels[1], height - 1: labels[2]}
    for number, row in enumerate(grid.rows()):
        label = marks.get(number, "")
        yield Text.assemble((f"{label:>{margin}} ", "dim"), ("┤" if label else "│", "dim"), (row, colour))
    yield from (Text(" " * (margin + 1) + line, "dim") for line in _time_axis(times, cells))
    peak = max(times, key=lambda at: points[at])
    values = points.values()
    yield Text(
        f"{' ' * (margin + 2)}{len(points)} rows: least {_number(min(values))}, mean "
        f"{_number(math.fsum(values) / len(values))}, most {_number(points[peak])} {unit}".rstrip()
        + f" at {peak:%Y-%m-%d %H:%M}\n"
    )


class _Grid:
    """Cells of dots."""

    def __init__(self, width: int, height: int) -> None:
        self._cells = [[0] * width for _ in range(height)]

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Dots from here to there; y counts downwards."""
        steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for step in range(steps + 1):
            x = round(start[0] + (end[0] - start[0]) * step / steps)
            y = round(start[1] + (end[1] - start[1]) * step / steps)
            self._cells[y // _DOTS_HIGH][x // _DOTS_WIDE] |= _DOTS[x % _DOTS_WIDE][y % _DOTS_HIGH]

    def rows(self) -> Iterator[str]:
        """The rows as text."""
        return ("".join(chr(_EMPTY + dots) for dots in row) for row in self._cells)


def _title(quantity: Quantity) -> Text:
    gained = ", gained in each row" if quantity.is_cumulative else ""
    unit = f" in {quantity.unit}" if quantity.unit else ""
    return Text.assemble((quantity.label.rpartition(" (")[0], "bold"), f"{gained}{unit}")


def _bounds(low: float, high: float) -> tuple[float, float]:
    """From zero where that is not far, to a round number."""
    if 0 < low <= high / 2 or low == high > 0:
        low = 0.0
    if high == low:
        high = low + 1
    step = 10 ** math.floor(math.log10(high - low)) / 2
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _time_axis(times: Sequence[datetime], cells: int) -> Iterator[str]:
    """The axis, and below it the times of its ticks: round ones, as many as there is room for."""
    span = times[-1] - times[0]
    most = max(1, cells // _LABEL_CELLS)
    step = next((step for step in _STEPS if span / step <= most), _STEPS[-1])
    axis, labels = ["─"] * cells, [" "] * (cells + _LABEL_CELLS)
    midnight = times[0].replace(hour=0, minute=0, second=0, microsecond=0)
    tick = midnight + ((times[0] - midnight) // step + (1 if (times[0] - midnight) % step else 0)) * step
    while tick <= times[-1]:
        place = min(cells - 1, round((tick - times[0]) / span * (cells - 1)))
        label = f"{tick:%m-%d %H:%M}" if step < timedelta(days=1) else f"{tick:%Y-%m-%d}"
        begin = max(0, min(place - len(label) // 2, cells - len(label)))
        if all(sign == " " for sign in labels[max(0, begin - 1) : begin + len(label) + 1]):
            labels[begin : begin + len(label)] = label
        axis[place] = "┴"
        tick += step
    yield "└" + "".join(axis)
    yield " " + "".join(labels).rstrip()


def _zone(rows: Sequence[Row]) -> tzinfo:
    """The device's own time, where its rows tell the deviation; times are shown in that of the first row."""
    for row in rows:
        if row.time is not None and row.time.deviation is not None:
            at = row.time.to_datetime(UTC)
            return at.tzinfo or UTC
    return UTC
