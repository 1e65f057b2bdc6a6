"""`cas request`: requests to a service, from a file or from options."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from cas.bindings import device_access as dev
from cas.cli._common import examples, print_json, print_table, run
from cas.cli._key_input import read_key
from cas.cli._readings import print_readings, reading_fields
from cas.client import Access, CasClient, FaultError, attribute
from cas.client.messages import body_of, read_response
from cas.client.messages import envelope as enveloped
from cas.config import load_settings
from cas.soap.http import PATH
from cas.xml import XmlError, parse

app = typer.Typer(add_completion=False, help="Send a request to a service, and show the answer.")

_MES = "{http://iec.ch/TC57/2011/schema/message}"
_SECRET = "From file:PATH, env:NAME, or - for standard input."  # noqa: S105 - a help text


@dataclass(frozen=True, slots=True)
class _Output:
    """How an answer is shown."""

    as_json: bool
    as_xml: bool


@app.command(
    no_args_is_help=True,
    epilog=examples(
        "cas request request.xml  # any message, from a file",
        "cas request --create 1.0.1.8.0.255 --device 53494D0000000001",
        "cas request --create 1.0.99.1.0.255 --class 7 --group DG_ALL_METERS --every PT1H --duration PT30M",
        "cas request --get 2b4c9e1e-8f0e-4f39-9d0b-0f9a6f1d3c55 --last-valid",
        "cas request --directory --url https://cas.example.net/cas --user mdm --password file:mdm.password",
    ),
)
def request(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A SOAP message, or a RequestMessage; -: standard input.")
    ] = None,
    get: Annotated[list[str] | None, typer.Option("--get", metavar="ID", help="Show a resource's results.")] = None,
    cancel: Annotated[list[str] | None, typer.Option("--cancel", metavar="ID", help="Stop a resource.")] = None,
    close: Annotated[
        list[str] | None, typer.Option("--close", metavar="ID", help="Let a resource activate no further.")
    ] = None,
    delete: Annotated[
        list[str] | None, typer.Option("--delete", metavar="ID", help="Remove a resource and its results.")
    ] = None,
    directory: Annotated[bool, typer.Option("--directory", help="List the resources.")] = False,
    create: Annotated[
        list[str] | None, typer.Option("--create", metavar="OBIS[:ATTRIBUTE]", help="Read this; several times.")
    ] = None,
    device: Annotated[list[str] | None, typer.Option("--device", metavar="ID", help="On this device.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", metavar="ID", help="On this group.")] = None,
    class_id: Annotated[int | None, typer.Option("--class", help="Interface class; default: by the code.")] = None,
    priority: Annotated[int | None, typer.Option(help="0 (most urgent) to 255.", min=0, max=255)] = None,
    activates: Annotated[str | None, typer.Option(metavar="TIME", help="First activation; default: now.")] = None,
    every: Annotated[str | None, typer.Option(metavar="PERIOD", help="Repeat, such as PT15M, P1D or P1M.")] = None,
    duration: Annotated[str | None, typer.Option(metavar="PERIOD", help="Window of each activation.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="No activation from then on.")] = None,
    notifications: Annotated[bool, typer.Option("--notifications", help="Accept data notifications.")] = False,
    reply_to: Annotated[str | None, typer.Option(metavar="URL", help="Where events go (ReplyAddress).")] = None,
    asynchronous: Annotated[
        bool, typer.Option("--async", help="Do not wait for results; they go to --reply-to.")
    ] = False,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="With --get: results from then.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="With --get: results before then.")] = None,
    last_valid: Annotated[bool, typer.Option("--last-valid", help="With --get: only the newest good results.")] = False,
    url: Annotated[str | None, typer.Option(help="Of the service; default: by the settings host and port.")] = None,
    user: Annotated[str | None, typer.Option(help="Name for HTTP Basic.")] = None,
    password: Annotated[str | None, typer.Option(metavar="SOURCE", help=f"For HTTP Basic. {_SECRET}")] = None,
    token: Annotated[str | None, typer.Option(metavar="SOURCE", help=f"Bearer token. {_SECRET}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each result.")] = False,
    as_xml: Annotated[bool, typer.Option("--xml", help="With FILE: print the answer as it came.")] = False,
) -> None:
    """Send one request: FILE, or --get, --cancel, --close, --delete, --directory, or --create with what it takes.

    A time without a zone is UTC. Exit status 1 if the request is refused, or any result is a failure.
    """
    asked = [file is not None, *map(bool, (get, cancel, close, delete, directory)), bool(create) or notifications]
    if sum(asked) != 1:
        raise typer.BadParameter("give one of FILE, --get, --cancel, --close, --delete, --directory and --create")
    client = CasClient(url or _default_url(), source="cas request", **_credentials(user, password, token))
    output = _Output(as_json, as_xml)
    if file is not None:
        good = run(_post(client, _octets(file), output))
    elif get:
        chosen = {"devices": device or (), "start": _time(start), "end": _time(end), "last_valid": last_valid}
        good = run(_get(client, get, chosen, output))
    elif directory:
        good = run(_directory(client, output))
    elif not create and not notifications:
        good = run(_end(client, cancel or (), close or (), delete or (), output))
    else:
        descriptors = [_descriptor(text, class_id) for text in create or ()]
        terms: dict[str, Any] = {
            "groups": group or (),
            "priority": priority,
            "activates": _time(activates),
            "repeating_interval": every,
            "duration": duration,
            "expires": _time(expires),
            "accept_data_notification": notifications or None,
            "reply_address": reply_to,
            "async_reply": asynchronous or None,
        }
        good = run(_create(client, device or (), descriptors, terms, output))
    if not good:
        raise typer.Exit(1)


async def _post(client: CasClient, octets: bytes, output: _Output) -> bool:
    async with client:
        answer, status = await client.post(octets)
    if output.as_xml:
        sys.stdout.buffer.write(answer)
        return status == 200
    response = read_response(body_of(answer, status), status)
    payload = response.payload
    found = () if payload is None else (*payload.device_access, *payload.device_access_of_dev)
    access = Access(
        id=next((each.value for each in response.reply.id), ""),
        result=response.reply.result,
        errors=response.reply.error,
    )
    shown = [_show(_with(access, resource), output) for resource in found] or [_show(access, output)]
    return all(shown)


async def _get(client: CasClient, ids: Sequence[str], chosen: dict[str, Any], output: _Output) -> bool:
    async with client:
        if not output.as_json:
            shown = [_show(access, output) for access in await client.get(*ids, **chosen)]
            return all(shown)
        good = True
        async for reading in client.stream(*ids, **chosen):
            print_json(reading_fields(reading))
            good = good and reading.ok
    return good


async def _end(
    client: CasClient, cancel: Sequence[str], close: Sequence[str], delete: Sequence[str], output: _Output
) -> bool:
    async with client:
        for done, ids, call in (
            ("canceled", cancel, client.cancel),
            ("closed", close, client.close),
            ("deleted", delete, client.delete),
        ):
            if ids:
                await call(*ids)
                if output.as_json:
                    print_json({done: list(ids)})
                else:
                    typer.echo(f"{done} {', '.join(ids)}")
    return True


async def _directory(client: CasClient, output: _Output) -> bool:
    async with client:
        resources = await client.directory()
    lines = [
        {
            "id": each.id,
            "type": each.resource_type.value,
            "status": each.resource_status.value,
            "repeating_interval": str(each.repeating_interval) if each.repeating_interval else None,
            "last_activation": str(each.last_activation) if each.last_activation else None,
        }
        for each in resources
    ]
    if output.as_json:
        for line in lines:
            print_json(line)
    else:
        print_table(
            ("ID", "type", "status", "every", "last activation"),
            [[value or "" for value in line.values()] for line in lines],
        )
    return True


async def _create(
    client: CasClient,
    devices: Sequence[str],
    descriptors: Sequence[dev.CosemAccessDescriptor],
    terms: dict[str, Any],
    output: _Output,
) -> bool:
    async with client:
        return _show(await client.create(devices, descriptors, **terms), output)


def _with(access: Access, resource: dev.DeviceAccess) -> Access:
    return Access(id=resource.id or access.id, result=access.result, errors=access.errors, resource=resource)


def _show(access: Access, output: _Output) -> bool:
    """Print an access; whether all is good."""
    told = [str(FaultError.of(error)) for error in access.errors]
    readings = access.readings
    if output.as_json:
        fields = [reading_fields(reading) for reading in readings]
        print_json({"id": access.id, "result": access.result.value, "errors": told, "readings": fields})
    else:
        typer.echo(f"{access.result.value} {access.id}")
        for line in told:
            typer.echo(line, err=True)
        if readings:
            print_readings(readings)
    return all(reading.ok for reading in readings)


def _default_url() -> str:
    settings = load_settings()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}{PATH}"


def _credentials(user: str | None, password: str | None, token: str | None) -> dict[str, Any]:
    if (user is None) != (password is None):
        raise typer.BadParameter("--user and --password go together")
    if user is not None and password is not None:
        return {"auth": aiohttp.BasicAuth(user, read_key("password", password), "utf-8")}
    if token is not None:
        return {"headers": {"Authorization": f"Bearer {read_key('token', token)}"}}
    return {}


def _octets(file: Path) -> bytes:
    try:
        octets = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        root = parse(octets)
    except (OSError, XmlError) as problem:
        raise typer.BadParameter(f"{file}: {problem}") from None
    if not root.tag.startswith(_MES):
        return octets
    from lxml import etree

    return enveloped(etree.tostring(root, encoding="unicode"))


def _descriptor(text: str, class_id: int | None) -> dev.CosemAccessDescriptor:
    code, number = text, "2"
    if text.count(":") > ("-" in text):  # 1-0:1.8.0 has a colon of its own
        code, _, number = text.rpartition(":")
    try:
        return attribute(code, int(number), class_id=class_id)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write it as 2025-03-01T12:00") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
