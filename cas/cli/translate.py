"""`cas translate`: recorded octets as COSEM XML, and COSEM XML as octets."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from lxml import etree

from cas import xml
from cas.bindings import cosempdu as cos
from cas.cli._common import examples, print_json, run
from cas.cli._frames import Unit, cut
from cas.cli._key_input import KEY_INPUT, read_key
from cas.config import load_settings
from cas.devices.keys import KeyKind
from cas.devices.master_key import load_keyring
from cas.devices.registry import get_device
from cas.dlms.errors import EncodeError
from cas.dlms.translate import Broken, Keys, Translated, Translator, encode
from cas.errors import CasError
from cas.store.database import open_database
from transports.tap import Record
from transports.tap import read as read_recording

app = typer.Typer(add_completion=False, help="Translate octets to COSEM XML and back.")

KeyInput = Annotated[str | None, typer.Option(metavar="SOURCE", help=KEY_INPUT)]
Title = Annotated[str | None, typer.Option(metavar="HEX", help="16 hex digits, if the input does not tell it.")]
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_FILLING = re.compile(r"0[xX](?=[0-9A-Fa-f]{2})|[\s:,;-]")
_RECORD = re.compile(r'\{"time": "|\d{4}-\d\d-\d\dT\S+ \S+ \S+ [+><!-](?: |$)')
_NAMESPACE = "http://www.dlms.com/COSEMpdu"
_SHOWN = 12
"""Fields in front of a fault that are shown."""


class NotTranslated(CasError):
    """The input is neither hex nor XML of APDUs."""


@app.command(
    epilog=examples(
        "cas translate C401C1000600BC614E",
        "cas translate 7EA00A0002002321932F18717E  # a frame of HDLC",
        "cas translate --file .cas/records/apdus-2026-11-22.jsonl --device 53494D0000000001",
        "echo '<get-request xmlns=\"http://www.dlms.com/COSEMpdu\"/>' | cas translate -",
    ),
)
def translate(
    octets: Annotated[
        list[str] | None, typer.Argument(metavar="[HEX|XML]...", help="Default: standard input.", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Read the input from a file.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Each line of hex is a message of its own.")] = False,
    device: Annotated[str | None, typer.Option(help="Take keys and titles of this registered device.")] = None,
    encryption_key: KeyInput = None,
    authentication_key: KeyInput = None,
    dedicated_key: KeyInput = None,
    system_title: Title = None,
    client_system_title: Title = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each frame or APDU.")] = False,
) -> None:
    """Translate hex of APDUs, or of whole HDLC or wrapper frames, to COSEM XML; and such XML to hex.

    A recording of links (`cas record`) is translated record by record. With keys, ciphered APDUs are deciphered; what
    stands inside an APDU is shown below it in comments, so that the output can be translated back. Exit status 1 if
    something is broken: the octet where it breaks is told, and what was understood before.
    """
    text = _input(octets, file)
    if text.lstrip().startswith("<"):
        _to_octets(text, as_json=as_json)
        return
    keys = _keys(device, encryption_key, authentication_key, dedicated_key, system_title, client_system_title)
    if (records := _recording(text)) is not None:
        sound = _translate_recording(records, keys, as_json=as_json)
        raise typer.Exit(0 if sound else 1)
    translator = Translator(keys)
    sound = True
    for message in _messages(text, lines=lines):
        for unit in cut(message):
            translated = None if unit.apdu is None else translator.translate(unit.apdu)
            sound = sound and not unit.broken and (translated is None or translated.whole)
            if as_json:
                print_json(_fields(unit, message, translated))
            else:
                _print(unit, translated)
    if not sound:
        raise typer.Exit(1)


# ---------------------------------------------------------------- input


def _input(given: list[str] | None, file: Path | None) -> str:
    if file is not None:
        if given:
            raise typer.BadParameter("give either the input itself or --file")
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NotTranslated(f"{file}: {error}") from None
    if given and given != ["-"]:
        return " ".join(given)
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise NotTranslated(f"standard input: {error}: hex digits or XML are due") from None


def _recording(text: str) -> list[Record] | None:
    """The records of a recording of links (`cas record`); None if the text is none. Raises NotTranslated."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not _RECORD.match(first):
        return None
    try:
        return list(read_recording(text.splitlines()))
    except ValueError as error:
        raise NotTranslated(str(error)) from None


def _translate_recording(records: list[Record], keys: Keys, *, as_json: bool) -> bool:
    """Print every record, its APDU translated; what one device said earlier helps to read what it says later."""
    translators: dict[str, Translator] = {}
    sound = True
    for record in records:
        head = f"{record.time.isoformat()} {record.device} {record.event} {record.note}".rstrip()
        translated = None
        if record.apdu:
            translated = translators.setdefault(record.device, Translator(keys)).translate(record.apdu)
            sound = sound and translated.whole
        if as_json:
            fields = {"time": record.time.isoformat(), "device": record.device, "event": record.event}
            more = {} if translated is None else _apdu_fields(translated, 0)
            print_json(fields | ({"note": record.note} if record.note else {}) | more)
        else:
            typer.echo(_comment(head))
            if translated is not None:
                _print(Unit(0, len(record.apdu), "", record.apdu, 0), translated)
    return sound


def _messages(text: str, *, lines: bool) -> Iterator[bytes]:
    text = _COMMENT.sub("", text)
    found = False
    for number, message in enumerate(text.splitlines() if lines else [text], 1):
        digits = _FILLING.sub("", message)
        where = f"line {number}: " if lines else ""
        if wrong := re.search("[^0-9A-Fa-f]", digits):
            raise NotTranslated(f"{where}{wrong[0]!r} behind {wrong.start() // 2} octets is no hex digit")
        if len(digits) % 2:
            raise NotTranslated(f"{where}{len(digits)} hex digits: one is missing, or one too many")
        if digits:
            found = True
            yield bytes.fromhex(digits)
    if not found:
        raise NotTranslated("the input is empty: hex digits or XML are due")


def _keys(
    device: str | None,
    encryption: str | None,
    authentication: str | None,
    dedicated: str | None,
    system_title: str | None,
    client_system_title: str | None,
) -> Keys:
    known = run(_registered(device)) if device else Keys()
    given = [
        _hex(name, None if source is None else read_key(name, source))
        for name, source in (
            ("encryption_key", encryption),
            ("authentication_key", authentication),
            ("dedicated_key", dedicated),
        )
    ]
    return Keys(
        given[0] or known.encryption,
        given[1] or known.authentication,
        given[2] or known.dedicated,
        _hex("client_system_title", client_system_title, 8) or known.client_title,
        _hex("system_title", system_title, 8) or known.server_title,
    )


def _hex(name: str, text: str | None, size: int | None = None) -> bytes | None:
    if text is None:
        return None
    option = f"--{name.replace('_', '-')}"
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        raise typer.BadParameter(f"{option}: hex digits are due") from None  # which may be a key: not repeated
    if len(octets) not in ((size,) if size else (16, 32)):
        raise typer.BadParameter(f"{option}: {len(octets)} octets; {size or '16 or 32'} are due")
    return octets


async def _registered(name: str) -> Keys:
    settings = load_settings()
    async with open_database(settings) as pool:
        registered = await get_device(pool, name)
    keys = {kind: key.reveal() for kind, key in registered.unseal(load_keyring(settings)).items()}
    return Keys(
        encryption=keys.get(KeyKind.ENCRYPTION),
        authentication=keys.get(KeyKind.AUTHENTICATION),
        client_title=registered.device.client_system_title or settings.client_title,
        server_title=registered.device.system_title,
    )


# ---------------------------------------------------------------- octets to XML


def _print(unit: Unit, translated: Translated | None) -> None:
    if unit.header:
        typer.echo(_comment(f"octets {unit.start}-{unit.end - 1}, {unit.header}"))
    if unit.broken:
        typer.echo(f"cas: octet {unit.broken_at}: {unit.broken}", err=True)
    if translated is not None:
        if translated.body is not None:
            typer.echo(_pretty(translated))
        for inner in translated.inside:
            _print_inside(inner, translated.name)
        if translated.broken:
            _complain(translated.broken, unit.apdu_start)


def _print_inside(inner: Translated, of: str) -> None:
    if inner.body is not None:
        typer.echo(_comment(f"inside {of}: {inner.protection}\n{_pretty(inner)}\n"))
    if inner.broken:
        typer.echo(f"cas: inside {of} ({inner.protection}):", err=True)
        _complain(inner.broken, 0)
    for deeper in inner.inside:
        _print_inside(deeper, inner.name)


def _complain(broken: Broken, start: int | None) -> None:
    """Tell what is wrong; octets are counted from the start of the input where the APDU stands there in one piece."""
    if broken.understood:
        typer.echo("cas: understood before:", err=True)
        for piece in broken.understood[-_SHOWN:]:
            typer.echo(f"cas:   octet {piece.start + (start or 0)}: {piece.path}: {piece.text}", err=True)
    where = "" if broken.offset is None else f"octet {broken.offset + (start or 0)}: "
    if start is None and where:
        where = f"of the APDU, {where}"
    typer.echo(f"cas: {where}{f'{broken.path}: ' if broken.path else ''}{broken.reason}", err=True)


def _comment(text: str) -> str:
    return f"<!-- {text.replace('--', '- -')} -->"


def _pretty(translated: Translated) -> str:
    document = etree.fromstring(_xml(translated).encode())
    etree.indent(document)
    return etree.tostring(document, encoding="unicode")


def _xml(translated: Translated) -> str:
    body = translated.body
    if body is None:
        return ""
    return xml.write(body, xml.root_name(type(body)), f' xmlns:cos="{_NAMESPACE}"')


def _fields(unit: Unit, message: bytes, translated: Translated | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "start": unit.start,
        "end": unit.end,
        "octets": message[unit.start : unit.end].hex().upper(),
        "frame": unit.header or None,
    }
    if unit.broken:
        found["error"] = {"octet": unit.broken_at, "reason": unit.broken}
    return found if translated is None else found | _apdu_fields(translated, unit.apdu_start)


def _apdu_fields(translated: Translated, start: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"apdu": translated.name or None, "xml": _xml(translated) or None}
    if translated.inside:
        found["inside"] = [
            {"protection": inner.protection, "octets": inner.octets.hex().upper()} | _apdu_fields(inner, None)
            for inner in translated.inside
        ]
    if (broken := translated.broken) is not None:
        octet = None if broken.offset is None or start is None else broken.offset + start
        found["error"] = {
            "octet": octet,
            "octet_of_apdu": broken.offset,
            "field": broken.path or None,
            "reason": broken.reason,
            "understood": [
                {"octet": piece.start, "field": piece.path, "value": piece.text} for piece in broken.understood
            ],
        }
    return found


# ---------------------------------------------------------------- XML to octets


def _to_octets(text: str, *, as_json: bool) -> None:
    try:
        root = xml.parse(f"<all>{re.sub(r'<[?]xml.*?[?]>', '', text)}</all>".encode())
        _qualify(root)
        for element in root:
            octets = encode(_body(element))
            if as_json:
                print_json({"apdu": etree.QName(element).localname, "octets": octets.hex().upper()})
            else:
                typer.echo(octets.hex().upper())
    except xml.XmlError as error:
        raise NotTranslated(str(error)) from None
    except EncodeError as error:
        raise NotTranslated(str(error)) from None


def _qualify(root: xml.Element) -> None:
    """Put elements without a namespace into that of COSEMpdu: typed by hand, or cut out of a document."""
    for element in root.iter("{}*"):
        element.tag = f"{{{_NAMESPACE}}}{element.tag}"


def _body(element: xml.Element) -> "cos.XDlmsApdu | cos.ACseApdu":
    """The APDU of an element: `xDLMS-APDU`, `aCSE-APDU`, or one of their alternatives by itself."""
    name = etree.QName(element).localname
    classes: tuple[type[cos.XDlmsApdu | cos.ACseApdu], ...] = (cos.XDlmsApdu, cos.ACseApdu)
    for cls in classes:
        root = xml.root_name(cls).removeprefix("cos:")
        whole = element
        if name != root:
            alternatives = {field.metadata.get("name", key) for key, field in cls.__dataclass_fields__.items()}
            if name not in alternatives:
                continue
            whole = etree.Element(f"{{{_NAMESPACE}}}{root}")
            whole.append(element)
        xml.arrange(whole, cls)
        return xml.read(cls, whole)
    raise xml.XmlError("is no APDU: xDLMS-APDU, aCSE-APDU or the name of one is due", element)
