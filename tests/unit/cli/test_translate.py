"""`cas translate` as a person calls it: frames and APDUs to XML, XML to octets, and where the input breaks."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lxml import etree

from cas.cli import main
from cas.cli._frames import cut
from transports.hdlc.address import Address
from transports.hdlc.frame import Frame, Kind

VECTORS = Path(__file__).parents[2] / "vectors"
APDUS: list[dict[str, str]] = json.loads((VECTORS / "apdus.json").read_text())["apdus"]
GET = "C0010000080000010000FF0200"
EK, AK, TITLE = "000102030405060708090A0B0C0D0E0F", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF", "4D4D4D0000BC614E"
CIPHERED = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"
# "Examples for DLMS/COSEM information exchange", prepared by G. Kmethy, DLMS User Association
SNRM = "7EA00A00020023219318717E"
UA = "7EA023210002002373F6C58180140502008006020080070400000001080400000001CE6A7E"
AARQ = "7EA02E0002002321107ECBE6E600601DA109060760857405080101BE10040E01000000065F1F040000301DFFFFD4C57E"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Done]


@pytest.fixture
def translate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def call(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(["translate", *arguments])
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return call


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("EK", EK)
    monkeypatch.setenv("AK", AK)
    return ["--encryption-key", "env:EK", "--authentication-key", "env:AK"]


@pytest.mark.parametrize("vector", APDUS[::5], ids=lambda vector: vector["name"])
def test_there_and_back(translate: Command, vector: dict[str, str]) -> None:
    done = translate(stdin=vector["hex"].lower())
    assert (done.code, done.err) == (0, "")
    assert translate(stdin=done.out).out == vector["hex"].upper() + "\n"
    assert translate(vector["xml"]).out == vector["hex"].upper() + "\n"


@pytest.mark.parametrize(
    "text",
    [GET, GET.lower(), "c0 01 00:00 08\n00-00-01 00 00 FF 02 00", "# a get\n0xC0, 0x01, 0x00 0008 0000010000FF 0200"],
)
def test_hex_as_tools_write_it(translate: Command, text: str) -> None:
    done = translate(stdin=text)
    assert done.code == 0
    assert "<cos:instance-id>0000010000FF</cos:instance-id>" in done.out


def test_an_alternative_stands_for_the_whole(translate: Command) -> None:
    request = (
        '<?xml version="1.0"?><get-request xmlns="http://www.dlms.com/COSEMpdu"><get-request-normal>'
        "<cosem-attribute-descriptor><class-id>8</class-id><instance-id>0000010000ff</instance-id>"
        "<attribute-id>2</attribute-id></cosem-attribute-descriptor>"
        "<invoke-id-and-priority>0</invoke-id-and-priority></get-request-normal></get-request>"
    )
    assert translate(stdin=request).out == GET + "\n"
    assert translate("--json", stdin=request + request).json == [{"apdu": "get-request", "octets": GET}] * 2


@pytest.mark.clause("IEC 62056-47")
def test_frames_of_the_wrapper(translate: Command) -> None:
    frame = f"000100100001000D{GET}"
    done = translate(frame + frame)
    assert done.out.count("<!-- octets") == 2
    assert "octets 21-41, wrapper: wPort 16 to 1, 13 octets" in done.out
    first, second = translate(frame + frame, "--json").json
    assert (first["start"], second["end"], second["octets"], second["apdu"]) == (0, 42, frame, "get-request")


@pytest.mark.clause("IEC 62056-46")
def test_frames_of_hdlc(translate: Command) -> None:
    done = translate(SNRM, UA, AARQ)
    assert (done.code, done.err) == (0, "")
    assert "octets 0-11, HDLC: SNRM 16 to 1/17, P/F" in done.out
    assert "information transmit 128 receive 128, window transmit 1 receive 1" in done.out
    assert "<cos:application-context-name>2.16.756.5.8.1.1</cos:application-context-name>" in done.out
    assert "inside aarq: user-information" in done.out
    assert "<cos:client-max-receive-pdu-size>65535</cos:client-max-receive-pdu-size>" in done.out


def test_segments_are_put_together() -> None:
    apdu = b"\xe6\xe6\x00" + bytes.fromhex(GET)
    client, meter = Address(16), Address(1, 17, 4)
    frames = [
        Frame(meter, client, Kind.I, segmented=True, information=apdu[:7]),
        Frame(client, meter, Kind.RR, receive_number=1),
        Frame(meter, client, Kind.I, send_number=1, information=apdu[7:]),
    ]
    units = list(cut(b"".join(frame.encode() for frame in frames)))
    assert [unit.apdu.hex().upper() if unit.apdu else None for unit in units] == [None, None, GET]
    assert units[2].apdu_start is None
    # frames may share a flag
    shared = frames[0].encode()[:-1] + frames[2].encode()
    assert [unit.broken for unit in cut(shared)] == [None, None]


def test_ciphered_with_keys(translate: Command, keys: list[str]) -> None:
    done = translate(CIPHERED, *keys, "--client-system-title", TITLE)
    assert done.code == 0
    assert "suite 0, authenticated and encrypted, invocation counter 19088743" in done.out
    assert "<cos:class-id>8</cos:class-id>" in done.out
    assert EK not in done.out + done.err
    # what is shown inside stands in comments
    assert translate(stdin=done.out).out == CIPHERED + "\n"
    (found,) = translate(CIPHERED, *keys, "--client-system-title", TITLE, "--json").json
    assert found["inside"][0]["octets"] == GET
    assert etree.fromstring(found["inside"][0]["xml"])[0].tag.endswith("get-request")


def test_a_wrong_title_is_a_failure(translate: Command, keys: list[str]) -> None:
    done = translate(CIPHERED, *keys, "--client-system-title", "4D4D4D0000BC614F")
    assert done.code == 1
    assert "inside glo-get-request" in done.err
    assert "authentication tag is wrong" in done.err


def test_a_key_is_not_taken_from_the_command_line(translate: Command) -> None:
    done = translate(CIPHERED, "--encryption-key", EK)
    assert done.code == 2
    assert EK not in done.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GET[:-2], "octet 12: get-request.get-request-normal.access-selection: cut short"),
        ("FF00", "octet 0:"),
        (f"000100100001000D{GET[:-4]}", "octet 19: cut short: 2 octets of 13 are missing"),
        (f"000100100001000D{GET}0002", "octet 23: cut short"),
        (f"000100100001000C{GET[:-2]}", "octet 20: get-request.get-request-normal.access-selection: cut short"),
        (AARQ[:20] + "00" + AARQ[22:], "octet 1: bad header check sequence"),
        (AARQ[:-2] + "00", "octet 47: 00 where a flag (7E) closes the frame"),
        (AARQ[:-8], "octet 44: cut short: 4 octets are missing"),
        (SNRM + "00", "octet 12: 00 where a flag (7E) opens a frame"),
    ],
)  # fmt: skip
def test_the_octet_where_the_input_breaks(translate: Command, text: str, says: str) -> None:
    done = translate(text)
    assert done.code == 1
    assert says in done.err
    errors = [found["error"] for found in translate(text, "--json").json if "error" in found]
    assert f"octet {errors[-1]['octet']}:" in says or says == "octet 0:"


def test_what_was_understood_before(translate: Command) -> None:
    done = translate(GET[:-2])
    assert "octet 3: get-request.get-request-normal.cosem-attribute-descriptor.class-id: 8" in done.err
    assert "instance-id: 0000010000FF" in done.err


def test_a_frame_that_is_cut_short_shows_what_there_is_of_its_apdu(translate: Command) -> None:
    done = translate("00010010000100FF" + GET)
    assert done.code == 1
    assert "octet 21: cut short: 242 octets of 255 are missing" in done.err
    assert "<cos:get-request-normal>" in done.out


def test_xml_without_its_namespace(translate: Command) -> None:
    bare = (
        "<get-request><get-request-normal><invoke-id-and-priority>0</invoke-id-and-priority><cosem-attribute-descriptor>"
        "<class-id>8</class-id><instance-id>0000010000FF</instance-id><attribute-id>2</attribute-id>"
        "</cosem-attribute-descriptor></get-request-normal></get-request>"
    )
    assert translate(bare).out == GET + "\n"


def test_lines_are_messages_of_their_own(translate: Command) -> None:
    done = translate("--lines", "--json", stdin=f"{GET}\n\n# a frame\n{SNRM}\n")
    assert [found.get("apdu") or found["frame"] for found in done.json] == ["get-request", "HDLC: SNRM 16 to 1/17, P/F"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("C0 01 0G", "'G' behind 2 octets is no hex digit"),
        ("C00", "one is missing"),
        ("", "the input is empty"),
        ("<a/>", "is no APDU"),
        ("<get-request", "line 1"),
        ('<get-request xmlns="http://www.dlms.com/COSEMpdu"><get-request-normal/></get-request>', "missing"),
    ],
)
def test_what_is_no_input(translate: Command, text: str, says: str) -> None:
    done = translate(stdin=text)
    assert done.code == 1
    assert done.err.startswith("cas: ")
    assert says in done.err


def test_the_input_from_a_file(translate: Command, tmp_path: Path) -> None:
    file = tmp_path / "get.hex"
    file.write_text(GET)
    assert "get-request-normal" in translate("--file", str(file)).out
    assert translate("--file", str(tmp_path / "none")).code == 1
    assert translate("--file", str(file), GET).code == 2
