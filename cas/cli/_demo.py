"""The main job from beginning to end, each step a command that a newcomer can repeat.

Starts three simulated meters and the service (with its embedded PostgreSQL) as processes of their own in a directory
that is thrown away, registers the meters, sends one SOAP request, shows what came, and stops everything.
"""

import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import typer
from lxml import etree
from rich.syntax import Syntax

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.cli._common import console, print_table
from cas.cli._stage import PATIENCE, answers, device_ids, free_port, running, step
from cas.cosem.data import Data
from cas.cosem.date_time import CosemDateTime
from cas.cosem.obis import Obis
from cas.cosem.profile import Column, rows
from cas.cosem.selection import clock_range, selector_of
from cas.cosem.units import symbol
from cas.errors import CasError

METERS = 3
SHOWN_LINES = 60

ENERGY = {"1.0.1.8.0.255": "active energy import", "1.0.2.8.0.255": "active energy export"}
PROFILE = "1.0.99.1.0.255"
_REGISTER, _VALUE, _SCALER_UNIT = 3, 2, 3
_PROFILE_GENERIC, _BUFFER, _CAPTURE_OBJECTS, _CAPTURE_PERIOD = 7, 2, 3, 4

# what the request asks of each device, in this order: class, logical name, attribute
ACCESSES = [
    *((_REGISTER, name, attribute) for name in ENERGY for attribute in (_VALUE, _SCALER_UNIT)),
    (_PROFILE_GENERIC, PROFILE, _CAPTURE_OBJECTS),
    (_PROFILE_GENERIC, PROFILE, _CAPTURE_PERIOD),
    (_PROFILE_GENERIC, PROFILE, _BUFFER),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over HTTP."""

    status: int
    document: bytes


def run() -> None:
    """Do it, and raise CasError if anything does not go as it should."""
    out = console()
    with tempfile.TemporaryDirectory(prefix="cas-demo-") as directory, ExitStack() as stack:
        work = Path(directory)
        port = free_port()
        environment = os.environ | {"CAS_DATA_DIR": str(work / "data"), "CAS_PORT": str(port), "CAS_LOG_LEVEL": "error"}
        url = f"http://127.0.0.1:{port}/cas"
        devices = work / "devices.toml"
        simulate = ["simulate", "--meters", str(METERS), "--port", "0", "--export", str(devices)]
        models = ["residential", "residential", "three-phase"]
        simulate += [word for model in models for word in ("--model", model)]
        stack.enter_context(running(simulate, environment, work / "simulate.log", devices.exists))
        step(environment, "device", "import", str(devices))
        stack.enter_context(running(["serve"], environment, work / "serve.log", lambda: answers(url)))

        request = _request(device_ids(devices), datetime.now(UTC))
        (work / "request.xml").write_bytes(request)
        out.rule("request")
        _show(request, out.print)
        began = time.perf_counter()
        answer = _post(url, request)
        out.rule(f"answer: HTTP {answer.status}, {len(answer.document):,} octets, {time.perf_counter() - began:.2f} s")
        _show(answer.document, out.print)
        out.rule("values")
        _tables(answer.document)
        out.rule()
        out.print("Everything is stopped and removed. `make run` starts a service that stays.")


def _post(url: str, document: bytes) -> Answer:
    request = urllib.request.Request(url, document, {"Content-Type": "application/soap+xml; charset=utf-8"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.read())


# ---------------------------------------------------------------- the request


def _request(device_ids: list[str], now: datetime) -> bytes:
    """A create DeviceAccess, on demand: energy registers, and yesterday's load profile by range."""

    end = now.replace(hour=0, minute=0, second=0, microsecond=0)
    accesses = [
        _access(*access, _day(end) if access[-1] == _BUFFER and access[0] == _PROFILE_GENERIC else None)
        for access in ACCESSES
    ]
    devices = tuple(dev.DeviceReference(device_id=device_id) for device_id in device_ids)
    message = mes.RequestMessage(
        header=mes.HeaderType(
            verb=mes.Verb.CREATE, noun="DeviceAccess", source="demo", message_id=str(uuid4()), correlation_id="demo-1"
        ),
        payload=mes.PayloadType(
            device_access=(
                dev.DeviceAccess(
                    devices_reference_list=dev.DevicesReferenceList(device_reference=devices),
                    cosem_access_list=dev.CosemAccessList(cosem_access=tuple(accesses)),
                ),
            )
        ),
    )
    body = xml.write(message, "mes:RequestMessage")
    soap = "http://www.w3.org/2003/05/soap-envelope"
    return (
        f'<soap:Envelope xmlns:soap="{soap}"{xml.DECLARATIONS}><soap:Body>{body}</soap:Body></soap:Envelope>'.encode()
    )


def _access(
    class_id: int, name: str, attribute: int, selection: cos.SelectiveAccessDescriptor | None
) -> dev.CosemAccess:

    normal = cos.GetRequestNormal(
        invoke_id_and_priority=0xC1,
        cosem_attribute_descriptor=cos.CosemAttributeDescriptor(
            class_id=class_id, instance_id=Obis.parse(name).octets, attribute_id=attribute
        ),
        access_selection=selection,
    )
    descriptor = dev.CosemXdlmsDescriptor(get_request=cos.GetRequest(get_request_normal=normal))
    return dev.CosemAccess(cosem_access_descriptor=dev.CosemAccessDescriptor(cosem_xdlms_descriptor=descriptor))


def _day(end: datetime) -> cos.SelectiveAccessDescriptor:
    """The day before `end`, as a range of the clock column (Blue Book 12, 4.3.6, access selector 1)."""
    day = clock_range(end - timedelta(days=1), end, 0, Obis.parse("0.0.1.0.0.255").octets, ())
    return cos.SelectiveAccessDescriptor(access_selector=selector_of(day), access_parameters=day.encode())


# ---------------------------------------------------------------- the answer


def _show(document: bytes, put: Callable[..., None]) -> None:

    root = etree.fromstring(document)
    etree.indent(root)
    lines = etree.tostring(root, encoding="unicode").splitlines()
    put(Syntax("\n".join(line[:160] for line in lines[:SHOWN_LINES]), "xml", background_color="default"))
    if len(lines) > SHOWN_LINES:
        put(f"[dim]... {len(lines) - SHOWN_LINES:,} more lines")


def _tables(document: bytes) -> None:
    """Registers and profiles of every device, as a person reads them."""

    root = xml.parse(document)
    found = next(root.iter("{http://iec.ch/TC57/2011/schema/message}ResponseMessage"), None)
    if found is None:
        raise CasError("the service answered with a fault")
    response = xml.read(mes.ResponseMessage, found)
    values = dict(_values(response))
    devices = sorted({device for device, _ in values})
    _registers(values, devices)
    for device in devices:
        _profile(values, device)
    if response.reply.result is not mes.Result.OK:
        raise CasError(f"not every device answered everything: {response.reply.result.value}")


def _values(response: mes.ResponseMessage) -> Iterator[tuple[tuple[str, int], Data]]:
    """Each value by device and number of the access."""
    found = response.payload.device_access if response.payload else ()
    accesses = found[0].cosem_access_list.cosem_access if found and found[0].cosem_access_list else ()
    for number, item in enumerate(accesses):
        for result in item.cosem_access_result:
            answer = result.cosem_xdlms_result.get_response if result.cosem_xdlms_result else None
            if answer and answer.get_response_normal and answer.get_response_normal.result.data:
                yield (result.device_id or "", number), answer.get_response_normal.result.data


def _registers(values: dict[tuple[str, int], Data], devices: list[str]) -> None:

    rows = []
    for device in devices:
        for index, (name, meaning) in enumerate(ENERGY.items()):
            value, scaler_unit = (values.get((device, 2 * index + part)) for part in (0, 1))
            if value and scaler_unit and isinstance(value.value, int) and isinstance(scaler_unit.value, tuple):
                scaler, unit = (_number(part) or 0 for part in scaler_unit.value)
                shown = f"{Decimal(value.value).scaleb(scaler):,f} {symbol(unit)}"
                rows.append((device, name, meaning, shown))
    print_table(["device", "register", "", "value"], rows)


def _profile(values: dict[tuple[str, int], Data], device: str) -> None:

    first = len(ENERGY) * 2
    captured, period, buffer = (values.get((device, first + i)) for i in range(3))
    if captured is None or period is None or buffer is None:
        return
    columns = [_column(item, values, device) for item in captured.children()]
    cells = [[cell.value for cell in row.children()] for row in buffer.children()]
    table = rows(columns, cells, _number(period.value) or 0)
    typer.echo(f"load profile of {device}: {len(table)} rows")
    shown = [*table[:3], *table[-3:]] if len(table) > 6 else table
    print_table(
        [f"{column.logical_name} {column.unit_symbol}".strip() for column in columns],
        [[_cell(cell) for cell in row.cells] for row in shown],
    )


def _column(captured: Data, values: dict[tuple[str, int], Data], device: str) -> Column:
    """A capture object, with the scaler and unit of its register where the request asked for them."""
    class_id, name, attribute, index = (child.value for child in captured.children())
    obis = Obis(name if isinstance(name, bytes) else bytes(6))
    known = str(obis) in ENERGY
    scaler_unit = values.get((device, 2 * list(ENERGY).index(str(obis)) + 1)) if known else None
    scaler, unit = [child.value for child in scaler_unit.children()] if scaler_unit else (None, None)
    return Column(
        _number(class_id) or 0, obis, _number(attribute) or 0, _number(index) or 0, _number(scaler), _number(unit)
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _cell(cell: object) -> str:

    return cell.to_xs() if isinstance(cell, CosemDateTime) else f"{cell}"
