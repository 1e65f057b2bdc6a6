"""The targets: a parser, seeds for it, and the errors that it may raise; anything else that it raises is a finding.

A target also checks what must hold of what was read: what is written again is read as the same.
"""

import asyncio
import gzip
import json
import tempfile
import tomllib
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cas.bindings import cosempdu as cos
from cas.cli._frames import cut
from cas.client.errors import ClientError
from cas.client.messages import response_of
from cas.console.asking import AskingError, parse_lines
from cas.cosem.data import Data
from cas.cosem.data_xml import TextError, from_xml, to_xml
from cas.cosem.interface_classes import interface_classes
from cas.cosem.kinds import DataError
from cas.cosem.obis import Obis
from cas.cosem.profile import Column, plain_rows, rows
from cas.cosem.readable import ScalerUnit, plain, readable
from cas.cosem.selecting import Layout, select, select_columns
from cas.cosem.selection import CaptureObject, SelectionError, parse_selection, resolve_selection
from cas.devices.browsing import parse_objects, parse_short_objects
from cas.devices.entry import parse_entry
from cas.devices.errors import DeviceRefused
from cas.devices.files import read_rows
from cas.dlms import ber
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.errors import DlmsError
from cas.dlms.security.wrapping import unwrap
from cas.dlms.selection import capture_objects
from cas.dlms.translate import Translator
from cas.errors import ConfigurationError
from cas.push.acknowledgement import check_acknowledgement
from cas.push.dialling import by_first_push
from cas.push.errors import NotAcknowledged, TargetRefused
from cas.push.events import Event, EventVerb
from cas.push.targets import Targets
from cas.security.authentication import Credentials, Method, Passwords, authenticate
from cas.security.errors import ClientRefused, TokenRefused, TooManyRequests, Unauthenticated
from cas.security.model import directory_of, read_definitions
from cas.security.rates import Rate
from cas.security.tls import names_of
from cas.security.tokens import Issuer, read_issuer, verify_token
from cas.soap.envelope import recognise
from cas.soap.errors import SoapError
from cas.soap.message import read_message
from cas.soap.schema import Validator
from cas.xml import DECLARATIONS, XmlError, parse, parse_folded
from tests.fuzz import meters
from tests.soap_messages import GET_ENERGY, by_id, create, deployed_create
from tests.unit.dlms.device import AARE, AARE_HLS, seal
from transports.errors import FramingError
from transports.hdlc.frame import FrameDecoder
from transports.iec62056_21 import read_identification
from transports.wrapper import WrapperDecoder

MOST_OCTETS = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """One parser."""

    run: Callable[[bytes], object]
    seeds: Sequence[bytes]
    allowed: tuple[type[BaseException], ...] = ()

    def __call__(self, octets: bytes) -> None:
        try:
            self.run(octets)
        except self.allowed:
            pass


VECTORS = [
    bytes.fromhex(text)
    for text in (
        "C001C100080000010000FF0200",
        "C401C10009060102030405FF",
        "C401C1000600003039",
        "C402C1000000000100820004AABBCCDD",
        "C403C102000600000001011101",
        "C501C100",
        "C701C1000001000900",
        "D8010000",
        "DA40000001000100020600000001",
        "0F00000001000204060000000112000216090901",
        "E0800001000004C4010000",
        "C20000080000010000FF0209060102030405FF",
        "0C0100060000303A",
        "0E0101",
        "DB084D4D4D0000BC614E1220000000011122334455667788990011223344",
    )
]
HDLC = [
    bytes.fromhex(text)
    for text in (
        "7EA00A00020023219318717E",
        "7EA0230002002373F6C58181140502008006020080070400000001080400000001CE6A7E",
        "7EA00702230321A2777E",
    )
]
DATA = [
    bytes.fromhex(text)
    for text in (
        "00",
        "0203060000000109020102110A",
        "010202020600000001110102020600000002110A",
        "13020206120C000000010002000000020003",
        "090C07E90301060C000000FFC400",
        "04090180",
        "0A0548656C6C6F",
        "17412C0000",
    )
]
DEVICES_TOML = b"""
[[device]]
device_id = "M1"
url = "tcp://h:1?client=1&server=1"
encryption_key = "00"
[device.label]
a = "b"
"""
CLIENTS_TOML = b"""
[[role]]
name = "r"
verbs = ["get"]
prefixes = ["a"]
[[client]]
name = "c"
roles = ["r"]
subjects = ["s"]
"""
TOML = [DEVICES_TOML, CLIENTS_TOML]
CIPHERED = [seal("C001C100080000010000FF0200", 1), seal("C501C100", 1, general=True)]
CSV = [
    b"device_id,url,label.a,quirk.release\nM1,tcp://h:1?client=1&server=1,x,true\n",
    b'\xef\xbb\xbfdevice_id;url\n"M\n1";"tcp://h:1"\n',
]


def _hdlc(octets: bytes) -> None:
    whole = FrameDecoder().feed(octets)
    split, decoder = [], FrameDecoder()
    for at in range(len(octets)):
        split += decoder.feed(octets[at : at + 1])
    assert split == whole
    decoder.give_up()


def _wrapper(octets: bytes) -> None:
    whole = list(WrapperDecoder().feed(octets))
    decoder = WrapperDecoder()
    assert [frame for at in range(len(octets)) for frame in decoder.feed(octets[at : at + 1])] == whole


def _apdu(octets: bytes) -> None:
    read = decode_apdu(octets)
    if isinstance(read, cos.XDlmsApdu):
        return  # a ciphered one, which is written by other means
    assert decode_apdu(encode_apdu(read)) == read


def _acse(octets: bytes) -> None:
    for cls in (cos.AarqApdu, cos.AareApdu, cos.RlrqApdu, cos.RlreApdu):
        try:
            ber.decode(cls, octets)
        except DlmsError:
            pass


def _data(octets: bytes) -> None:
    data = Data.decode(octets)
    repr(data)
    text = to_xml(data, "cos:")
    element = parse(f"<x{DECLARATIONS}>{text}</x>".encode())[0]
    assert from_xml(element).kind == data.kind


# an object_list, rows with null-data and a difference, a range, an entry descriptor, rows in a compact-array
MEANT = [
    *DATA,
    *(
        bytes.fromhex(text)
        for text in (
            "01010204120003110009060100010800FF0202010102030F02160100010102020F011601",
            "01030203090C07EA0101040000000000000011010600000064020300001C05020300110200",
            "0204020412000809060000010000FF0F02120000090C07EA01010400000000000000090C07EA010204000000000000000100",
            "020406000000010600000002120001120002",
            "130202111106010A020B030C",
        )
    ),
]
CLOCK, STATUS, ENERGY = (
    CaptureObject(class_id, bytes.fromhex(name), 2)
    for class_id, name in ((8, "0000010000FF"), (1, "0000600A01FF"), (3, "0100010800FF"))
)
LAYOUT = Layout((CLOCK, STATUS, ENERGY), 900)
COLUMNS = [Column(one.class_id, Obis(one.logical_name), 2, scaler=-1, unit=30) for one in LAYOUT.columns]
ATTRIBUTES = [
    member.type
    for versions in interface_classes().values()
    for found in versions.values()
    for member in found.attributes.values()
]


def _meaning(octets: bytes) -> None:
    """What is made of a value that a device sent, whatever it was asked for."""
    data = Data.decode(octets)
    json.dumps(readable(data, ATTRIBUTES[len(octets) % len(ATTRIBUTES)]), allow_nan=False)
    ScalerUnit.from_data(data)
    with suppress(DlmsError):
        parse_objects(data)
    with suppress(DlmsError):
        parse_short_objects(data, data)
    with suppress(SelectionError, DataError):
        capture_objects(data)
    with suppress(SelectionError, DataError):
        select_columns(data, (ENERGY,), LAYOUT)
    for selector in (1, 2):
        with suppress(SelectionError):
            selection = resolve_selection(parse_selection(selector, data), datetime(2026, 1, 1, tzinfo=UTC), 60)
            assert parse_selection(selector, selection.encode()) == selection
            select(Data(MEANT[-4]), selection, LAYOUT)
            select(data, selection, LAYOUT)
    with suppress(ValueError):  # another number of columns, an ill-made compact-array
        for row in rows(COLUMNS, plain_rows(data) or (), 900):
            json.dumps([plain(cell) for cell in row.cells], allow_nan=False)


def _frames(octets: bytes) -> None:
    """What `cas translate` makes of octets: frames one after the other, and an APDU is read or told where it breaks."""
    end = 1
    for unit in cut(octets):
        assert end - 1 <= unit.start <= unit.end <= len(octets)  # two frames of HDLC may share a flag
        end = unit.end
        if unit.apdu is not None:
            translated = Translator().translate(unit.apdu)
            assert translated.whole or translated.broken or translated.inside


VALIDATOR = Validator()


def _request(octets: bytes) -> None:
    read_message(recognise(parse_folded(octets)).body, VALIDATOR, limit=100_000, strict=False)


def _compressed(octets: bytes) -> None:
    """A payload as it stands in Compressed, before it is put into base64."""
    packed = b"<mes:Payload><mes:Compressed>" + b64encode(octets) + b"</mes:Compressed></mes:Payload>"
    head, _, rest = create(["M1"]).partition(b"<mes:Payload>")
    _request(head + packed + rest.partition(b"</mes:Payload>")[2])


def _acknowledgement(octets: bytes) -> None:
    check_acknowledgement(octets, EVENT)


def _target(octets: bytes) -> None:
    url = TARGETS_LISTED.check(octets.decode("utf-8", "surrogateescape"))
    assert url.host in ("mdm.example.com", "192.0.2.7", "::ffff:c000:207", "::ffff:192.0.2.7")
    assert url.user is None
    assert url.scheme in ("http", "https")


def _jwks(octets: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(octets)
        file.flush()
        read_issuer(Path(file.name), "i", "a")


def _devices(suffix: str) -> Callable[[bytes], None]:
    def run(octets: bytes) -> None:
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:
            file.write(octets)
            file.flush()
            for row in read_rows(Path(file.name)):
                parse_entry(row.fields)

    return run


def _clients(octets: bytes) -> None:
    directory_of(read_definitions(tomllib.loads(octets.decode())))


def _token(octets: bytes) -> None:
    verify_token(octets.decode("latin-1"), ISSUER, 1.0)


async def _no_token(_name: str, _limit: Rate) -> float:
    return 1.0


def _authorization(octets: bytes) -> None:
    shown = Credentials("192.0.2.1", (octets.decode("utf-8", "surrogateescape"),))
    directory = directory_of(read_definitions({}))
    asyncio.run(authenticate(shown, frozenset(Method), directory, Passwords(_no_token), ISSUER, 1.0))


def _jws(*parts: bytes) -> bytes:
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)


SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ISSUER = Issuer({"k": ("EdDSA", SIGNER.public_key())}, "i", "a")
SIGNED = _jws(b'{"alg":"EdDSA","kid":"k"}', json.dumps({"exp": 9, "sub": "s", "iss": "i", "aud": "a"}).encode())
TOKENS = [
    SIGNED + b"." + _jws(SIGNER.sign(SIGNED)),
    _jws(b'{"alg":"none"}', b"{}", b""),
]

EVENT = Event(
    rows=(1,),
    target="https://mdm.example.com",
    access_id=UUID(int=1),
    verb=EventVerb.CHANGED,
    message_id=UUID(int=2),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    correlation_id="c",
    ack_required=True,
)
RESPONSE = (
    b'<mes:ResponseMessage xmlns:mes="http://iec.ch/TC57/2011/schema/message"><mes:Header><mes:Verb>reply</mes:Verb>'
    b"<mes:Noun>DeviceAccess</mes:Noun><mes:CorrelationID>c</mes:CorrelationID></mes:Header>"
    b"<mes:Reply><mes:Result>OK</mes:Result></mes:Reply></mes:ResponseMessage>"
)
ANSWER = (
    b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>' + RESPONSE + b"</e:Body></e:Envelope>"
)
TARGETS_LISTED = Targets.parse(["https://mdm.example.com:8443/events", "mdm.example.com", "192.0.2.7:80"])
URLS = [
    b"https://mdm.example.com:8443/events/1",
    b"http://user@mdm.example.com/",
    b"https://[::ffff:192.0.2.7]:80/",
    b"http://0xC0000207:80/",
]
PUBLIC = {"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}
ANSWERS = [bytes.fromhex(AARE), bytes.fromhex(AARE_HLS)]

# subject CN=mdm,O=Utility; SAN DNS:mdm.example, URI:urn:x, IP:192.0.2.1; made once, valid for a day
CERTIFICATE = b64decode(
    "MIIBFTCByKADAgECAgEBMAUGAytlcDAgMRAwDgYDVQQKDAdVdGlsaXR5MQwwCgYDVQQDDANtZG0wHhcNMjYwMTAxMDAwMDAwWhcN"
    "MjYwMTAyMDAwMDAwWjAgMRAwDgYDVQQKDAdVdGlsaXR5MQwwCgYDVQQDDANtZG0wKjAFBgMrZXADIQA7aie8zrakLWKjqNAqbw1z"
    "ZTIVdx3iQ6Y6wEihi1naKaMnMCUwIwYDVR0RBBwwGoILbWRtLmV4YW1wbGWGBXVybjp4hwTAAAIBMAUGAytlcANBAFQ/YS6iieVh"
    "MF+n3Hfq8S6PjhvJT5kPBOTAOMM1r0ZQKeaZsggaeLHj/nnIKr4EJ2jCypg76Sruw8GuQn+1wAI="
)

TARGETS: dict[str, Target] = {
    "hdlc": Target(_hdlc, HDLC),
    "wrapper": Target(_wrapper, [b"\0\1\0\1\0\x10\0\2ab", b"\0\1\0\1\0\x10\xff\xff"], (FramingError,)),
    "iec62056-21": Target(read_identification, [b"/LGZ5\\2ZMD120\r\n", b"/ABC0x\r\n"]),
    "apdu": Target(_apdu, VECTORS, (DlmsError,)),
    "acse": Target(_acse, [bytes.fromhex(AARE), bytes.fromhex(AARE_HLS), bytes.fromhex("6303800100")]),
    "ciphered": Target(unwrap, CIPHERED, (DlmsError,)),
    "meaning": Target(_meaning, MEANT, (DataError,)),
    "frames": Target(_frames, [*HDLC, *VECTORS, b"\0\1\0\1\0\x10\0\2ab", b"\xe6\xe7\0" + VECTORS[1]]),
    "data": Target(_data, DATA, (DataError, TextError)),
    "request": Target(
        _request, [create(["M1"]), create(["M1"], [GET_ENERGY] * 2), by_id("get", "a"), deployed_create("M1")],
        (XmlError, SoapError),
    ),
    "compressed": Target(_compressed, [gzip.compress(create(["M1"]), mtime=0), b"\x1f\x8b"], (XmlError, SoapError)),
    "acknowledgement": Target(_acknowledgement, [RESPONSE, ANSWER], (NotAcknowledged,)),
    "response": Target(lambda octets: response_of(octets, 200), [ANSWER, b"<e:Envelope/>"], (ClientError,)),
    "reply-address": Target(_target, URLS, (TargetRefused,)),
    "console-lines": Target(
        lambda octets: parse_lines(octets.decode("utf-8", "replace")),
        [b"1.0.1.8.0.255\n7/1.0.99.1.0.255:2 last 3 days", b"1.8.0 # energy"],
        (AskingError,),
    ),
    "get": Target(meters.request(secure=False), [meters.joined(each) for each in VECTORS]),
    "get-secure": Target(meters.request(secure=True), [meters.joined(each) for each in CIPHERED]),
    "association": Target(meters.association, [meters.joined(each) for each in ANSWERS]),
    "hdlc-link": Target(meters.hdlc_link, HDLC),
    "blocks": Target(meters.blocks, [b"\x10" + meters.joined(each[1:]) for each in VECTORS[:4]], (DlmsError,)),
    "notification": Target(meters.notification, [VECTORS[9], *CIPHERED], (DlmsError,)),
    "first-push": Target(lambda octets: by_first_push(octets, "192.0.2.1"), [b"\0\1\0\1\0\x10\0\2ab", VECTORS[-1]]),
    "translate": Target(meters.translate, [meters.joined(*VECTORS)]),
    "devices-csv": Target(_devices(".csv"), CSV, (DeviceRefused,)),
    "devices-toml": Target(_devices(".toml"), TOML, (DeviceRefused,)),
    "clients-toml": Target(
        _clients, TOML, (ClientRefused, ConfigurationError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError)
    ),
    "jwks": Target(_jwks, [json.dumps({"keys": [PUBLIC]}).encode(), b'{"keys": []}'], (ConfigurationError,)),
    "token": Target(_token, TOKENS, (TokenRefused,)),
    "authorization": Target(
        _authorization,
        [b"Basic bWRtOnNlY3JldA==", b"Bearer " + TOKENS[0], b"Digest a=b"],
        (Unauthenticated, TooManyRequests),
    ),
    "certificate": Target(names_of, [CERTIFICATE], (ValueError,)),
}  # fmt: skip
