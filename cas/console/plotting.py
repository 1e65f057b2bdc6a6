"""Series to plot: columns of profiles and values of registers, from stored answers or from a device's own table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import pairwise

from cas.console.describing import Request, column_name, data_of, scales_of, short_name
from cas.console.views import Answered
from cas.cosem.date_time import CosemDateTime
from cas.cosem.kinds import DataError
from cas.cosem.obis import Obis
from cas.cosem.obis_names import obis_name
from cas.cosem.profile import Column, Row, rows
from cas.cosem.readable import ScalerUnit
from cas.cosem.selection import BUFFER, PROFILE_GENERIC, SelectionError
from cas.dlms.selection import capture_objects

_CAPTURE_OBJECTS, _CAPTURE_PERIOD = 3, 4
_REGISTERS = {3: 2, 4: 2, 5: 2}
_VALUE = 2
_CLOCK = 8
_TIME_INTEGRAL = (1, 8)
"""Value groups A and D."""
Scales = Mapping[tuple[int, Obis | None, int], ScalerUnit]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that can be plotted: the value of a register, or a column of a profile."""

    key: str
    name: str
    profile: str = ""
    """The profile that it is a column of."""
    unit: str = ""
    is_measured: bool = True
    """Not a status or a counter of the profile itself."""
    is_cumulative: bool = False
    """A column that only grows, of which the gain tells more: a time integral of electricity."""

    @property
    def label(self) -> str:
        """What it is among others, with its unit."""
        of = f", {self.profile}" if self.profile else ""
        return f"{self.name}{of}{f' ({self.unit})' if self.unit else ''}"


@dataclass(slots=True)
class Series:
    """A quantity of one device over time, in the order of time."""

    device_id: str
    points: dict[datetime, float] = field(default_factory=dict)


@dataclass(slots=True)
class Plots:
    """Every quantity that answers hold, each with its series by device."""

    quantities: dict[str, Quantity] = field(default_factory=dict)
    series: dict[str, dict[str, Series]] = field(default_factory=dict)
    unscaled: set[Obis] = field(default_factory=set)
    """Registers whose scaler and unit nobody asked for."""

    def add(self, quantity: Quantity, device_id: str, at: datetime, value: float) -> None:
        """A point."""
        known = self.quantities.setdefault(quantity.key, quantity)
        if quantity.unit and not known.unit:
            self.quantities[quantity.key] = quantity
        of_device = self.series.setdefault(quantity.key, {})
        of_device.setdefault(device_id, Series(device_id)).points[at] = value

    def add_table(
        self, profile: Obis, device_id: str, columns: Sequence[Column], table: Iterable[Row], zone: tzinfo
    ) -> None:
        """The numbers of a profile's rows, under the times that the rows have."""
        quantities = [_quantity_of(profile, column, place) for place, column in enumerate(columns)]
        for row in table:
            at = _instant(row.time, zone)
            if at is None:
                continue
            for column, quantity, cell in zip(columns, quantities, row.cells, strict=True):
                value = _number(cell)
                if value is not None and column.class_id != _CLOCK:
                    self.add(quantity, device_id, at, value)
        self.unscaled |= {
            column.logical_name
            for column in columns
            if column.class_id in _REGISTERS and column.attribute == _VALUE and column.scaler is None
        }


def wanted(requests: Sequence[Request]) -> list[int]:
    """The requests whose answers can be plotted, or are needed for it."""
    profile = {BUFFER, _CAPTURE_OBJECTS, _CAPTURE_PERIOD}
    return [
        place
        for place, request in enumerate(requests)
        if (request.class_id == PROFILE_GENERIC and request.attribute in profile) or request.class_id in _REGISTERS
    ]


def plots_of(requests: Sequence[Request], answers: Sequence[Answered], zone: tzinfo) -> Plots:
    """What the answers hold."""
    plots = Plots()
    by_device: dict[str, list[Answered]] = {}
    for answer in answers:
        by_device.setdefault(answer.device_id, []).append(answer)
    for device_id, found in by_device.items():
        pairs = [(requests[answer.request], answer) for answer in found]
        scales = scales_of([(request, answer.answer) for request, answer in pairs])
        for request, answer in pairs:
            if _REGISTERS.get(request.class_id) == request.attribute and request.code is not None:
                _add_register(plots, request, answer, scales.get(request.key), device_id)
            elif (request.class_id, request.attribute) == (PROFILE_GENERIC, BUFFER) and request.code is not None:
                _add_buffer(plots, request.code, pairs, answer, scales, device_id, zone)
    return plots


def table_csv(quantity: Quantity, series: Sequence[Series], zone: tzinfo) -> str:
    """One row for each time, one column for each device; times with their offset."""
    out = io.StringIO()
    writer = csv.writer(out)
    unit = f" [{quantity.unit}]" if quantity.unit else ""
    writer.writerow(["time", *(f"{each.device_id}{unit}" for each in series)])
    for at in sorted({at for each in series for at in each.points}):
        values = [each.points.get(at) for each in series]
        shown = ["" if value is None else f"{value:.12g}" for value in values]
        writer.writerow([at.astimezone(zone).isoformat(), *shown])
    return out.getvalue()


def differences(series: Series) -> Series:
    """What a register gained from each point to the next, under the later time."""
    times = sorted(series.points)
    gained = {b: series.points[b] - series.points[a] for a, b in pairwise(times)}
    return Series(series.device_id, gained)


def _add_register(plots: Plots, request: Request, answer: Answered, scale: ScalerUnit | None, device_id: str) -> None:
    data = data_of(answer.answer)
    if data is None or request.code is None:
        return
    value = _number(scale.apply(data.value) if scale else data.value)
    if value is not None:
        unit = scale.symbol if scale else ""
        plots.add(
            Quantity(f"{request.class_id}/{request.code}", short_name(request.name), unit=unit),
            device_id,
            answer.activated,
            value,
        )


def _add_buffer(
    plots: Plots,
    profile: Obis,
    pairs: Sequence[tuple[Request, Answered]],
    answer: Answered,
    scales: Scales,
    device_id: str,
    zone: tzinfo,
) -> None:
    told = {request.attribute: each.answer for request, each in pairs if request.code == profile}
    columns = _columns(told.get(_CAPTURE_OBJECTS), scales)
    buffer = data_of(answer.answer)
    if not columns or buffer is None:
        return
    period = data_of(told[_CAPTURE_PERIOD]) if _CAPTURE_PERIOD in told else None
    seconds = period.value if period else None
    try:
        cells = buffer.value
        table = rows(columns, cells, seconds if isinstance(seconds, int) else 0)  # type: ignore[arg-type]  # judged there
    except (ValueError, TypeError, DataError):
        return  # another number of columns than the profile says
    plots.add_table(profile, device_id, columns, table, zone)


def _columns(answer: bytes | None, scales: Scales) -> list[Column]:
    data = data_of(answer) if answer is not None else None
    if data is None:
        return []
    try:
        captured = capture_objects(data)
    except (SelectionError, DataError):
        return []
    found = []
    for each in captured:
        name = Obis(each.logical_name)
        scale = scales.get((each.class_id, name, each.attribute)) if not each.data_index else None
        found.append(
            Column(
                each.class_id,
                name,
                each.attribute,
                each.data_index,
                scale.scaler if scale else None,
                scale.unit if scale else None,
            )
        )
    return found


def _quantity_of(profile: Obis, column: Column, place: int) -> Quantity:
    name, of = short_name(column_name(column)), obis_name(profile) or str(profile)
    medium, _, _, processing, _, _ = column.logical_name.octets
    is_register = column.class_id in _REGISTERS
    grows = is_register and (medium, processing) == _TIME_INTEGRAL
    return Quantity(f"7/{profile}/{place}", name, of, column.unit_symbol, is_register, grows)


def _instant(at: CosemDateTime | None, zone: tzinfo) -> datetime | None:
    if at is None:
        return None
    try:
        return at.to_datetime(zone)
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value)
