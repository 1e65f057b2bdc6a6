"""`cas read` and `cas browse` as a person calls them, with a foreign meter and with our own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cas.cli import main
from cas.cli._stage import free_port
from tests.processes import cas, gurux_meter, running

PROFILE = "1.0.99.1.0.255"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        """The lines, each read as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Done]


@pytest.fixture(scope="module")
def foreign() -> Iterator[str]:
    """URL of the foreign meter, for a client of no authentication."""
    port = str(free_port())
    with running(gurux_meter("--port", port, "--rows", "200")):
        yield f"tcp://127.0.0.1:{port}?client=16"


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    """URL of a meter of our own, for a client of no authentication."""
    port = str(free_port())
    with running(cas("simulate", "--meters", "1", "--port", port)):
        yield f"tcp://127.0.0.1:{port}?client=16"


# These tests are not async: a command runs a loop of its own.
@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return call


def test_registers_are_scaled_and_named(call: Command, foreign: str) -> None:
    done = call("read", foreign, "1.0.1.8.0.255", "1-0:32.7.0", "1.0.31.7.0.255:scaler_unit", "--json")
    assert done.code == 0
    energy, voltage, scaler = done.json
    assert energy["name"] == "Active energy import (+A), time integral 1, total"
    assert (energy["class"], energy["attribute_name"]) == ("Register", "value")
    assert (energy["value"], energy["unit"]) == (1234568, "Wh")
    assert (voltage["value"], voltage["unit"], voltage["data"]) == (230.1, "V", "06000008FD")
    assert scaler["value"] == {"scaler": -2, "unit": "A"}
    assert "230.1 V" in call("read", foreign, "1.0.32.7.0.255").out


def test_the_octets_and_the_xml_of_a_value(call: Command, foreign: str) -> None:
    assert call("read", foreign, "1.0.32.7.0.255", "--raw").out == "06000008FD\n"
    assert call("read", foreign, "1.0.32.7.0.255", "--xml").out == "<double-long-unsigned>2301</double-long-unsigned>\n"
    assert call("read", foreign, "1.0.32.7.0.255", "--xml", "--raw").code == 2


@pytest.mark.clause("Blue Book 12, 4.3.6")
def test_rows_of_a_profile_between_two_times(call: Command, foreign: str) -> None:
    options = ("--from", "2025-01-01T01:00:00Z", "--to", "2025-01-01T02:00:00Z")
    (found,) = call("read", foreign, PROFILE, *options, "--json").json
    assert [column["logical_name"] for column in found["columns"]][:3] == [
        "0.0.1.0.0.255", "0.0.96.10.1.255", "1.0.1.8.0.255",
    ]  # fmt: skip
    assert [row[0] for row in found["rows"]] == [
        f"2025-01-01T{time}:00Z" for time in ("01:00", "01:15", "01:30", "01:45", "02:00")
    ]
    assert found["rows"][0][2] == 1000000 + 37 * 4
    shown = call("read", foreign, PROFILE, *options).out
    assert "5 rows of 6 columns" in shown
    assert "2025-01-01 01:15:00Z" in shown


def test_the_newest_rows_and_chosen_columns(call: Command, ours: str) -> None:
    (found,) = call("read", ours, PROFILE, "--last", "3", "--json").json
    assert len(found["rows"]) == 3
    (chosen,) = call("read", ours, PROFILE, "--days", "1", "--columns", "1.0.1.8.0.255,1", "--json").json
    assert [column["logical_name"] for column in chosen["columns"]] == ["0.0.1.0.0.255", "1.0.1.8.0.255"]
    assert len(chosen["rows"]) in (95, 96, 97)
    assert [row[0] for row in chosen["rows"]][-3:] == [row[0] for row in found["rows"]]
    (both,) = call("read", ours, PROFILE, "--last", "2", "--columns", "4", "--json").json
    assert both["rows"] == [[row[0], row[3]] for row in found["rows"][1:]]


def test_a_profile_is_drawn(call: Command, ours: str) -> None:
    done = call("read", ours, PROFILE, "--last", "48", "--plot")
    assert done.code == 0
    assert "Active energy import (+A), total" in done.out
    assert ", gained in each row in Wh" in done.out
    assert done.out.count("47 rows: least ") == 2
    assert any("\u2801" <= sign <= "\u28ff" for sign in done.out)
    assert call("read", ours, "0.0.42.0.0.255", "--plot").code == 0
    assert call("read", ours, PROFILE, "--plot", "--json").code == 2


@pytest.mark.clause("Green Book 8.3, 9.3.6")
def test_all_attributes_of_an_object_at_once(call: Command, ours: str) -> None:
    (clock,) = call("read", ours, "0.0.1.0.0.255:0", "--json").json
    assert clock["attribute_name"] == "all attributes"
    assert clock["value"]["logical_name"] == "0.0.1.0.0.255"
    assert clock["value"]["time_zone"] == -60


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("1.0.1.8",), 2, "no OBIS code"),
        (("1.0.1.8.0.255:valu",), 2, "has no attribute"),
        (("1.0.1.8.0.255:300",), 2, "more than 127"),
        ((PROFILE, "--last", "1", "--days", "1"), 2, "choose one of"),
        ((PROFILE, "--from", "yesterday"), 2, "write it as"),
        ((PROFILE, "--columns", "9"), 2, "columns"),
        (("1.0.200.8.0.255",), 1, "the device lists no such object"),
    ],
)
def test_what_cannot_be_read(call: Command, ours: str, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = call("read", ours, *arguments)
    assert done.code == code
    assert says in " ".join(done.err.replace("│", " ").split())


def test_errors_of_the_device_are_shown_beside_what_could_be_read(call: Command, ours: str) -> None:
    done = call("read", ours, "0.0.1.0.0.255", "1.0.99.77.0.255", "--class", "8", "--json")
    assert done.code == 1
    good, bad = done.json
    assert good["value"].startswith("20")
    assert bad["error"] == "object-undefined"


def test_attributes_by_number_are_named(call: Command, ours: str) -> None:
    (clock,) = call("read", ours, "0.0.1.0.0.255:9", "--json").json
    assert clock["attribute_name"] == "clock_base"
    assert isinstance(clock["value"], str)


def test_nobody_there(call: Command) -> None:
    done = call("read", f"tcp://127.0.0.1:{free_port()}", "0.0.1.0.0.255")
    assert done.code == 1
    assert done.err.startswith("cas: tcp://127.0.0.1")


def test_the_object_list_with_names(call: Command, foreign: str) -> None:
    done = call("browse", foreign)
    assert done.code == 0
    assert "Active energy import (+A), time integral 1, total" in done.out
    clock = next(entry for entry in call("browse", foreign, "--json").json if entry["class_id"] == 8)
    assert clock["logical_name"] == "0.0.1.0.0.255"
    time = clock["attributes"][1]
    assert (time["name"], time["readable"], time["writable"]) == ("time", True, True)
    assert clock["methods"][5]["name"] == "shift_time"
    assert "method 1 adjust_to_quarter" in call("browse", foreign, "--rights").out


@pytest.mark.parametrize("meter", ["ours", "foreign"])
def test_everything_that_may_be_read(call: Command, meter: str, request: pytest.FixtureRequest) -> None:
    done = call("browse", request.getfixturevalue(meter), "--values", "--json")
    assert done.code == 0
    values = {
        (entry["logical_name"], attribute["name"]): attribute
        for entry in done.json
        for attribute in entry["attributes"]
    }
    assert values["1.0.32.7.0.255", "value"]["unit"] == "V"
    assert 150 < values["1.0.32.7.0.255", "value"]["value"] < 300
    assert values["0.0.96.3.10.255", "control_state"]["value"] == "connected"
    assert values[PROFILE, "capture_period"]["value"] in (900, 3600)
    assert "value" not in values[PROFILE, "buffer"]
    assert values["0.0.1.0.0.255", "time_zone"]["value"] is not None


@pytest.mark.parametrize("selective", ["yes", "no"])
def test_a_registered_device_with_its_password_and_its_quirks(
    call: Command, foreign: str, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selective: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", dsn)
    monkeypatch.setenv("PASSWORD", "Gurux")
    url = foreign.replace("client=16", "client=17")
    registered = call(
        "device", "add", "house-7", url, "--authentication", "lls", "--secret", "env:PASSWORD",
        "--quirk", f"selective_access={selective}",
    )  # fmt: skip
    assert registered.code == 0
    options = ("--from", "2025-01-01T01:00:00Z", "--to", "2025-01-01T02:00:00Z")
    (found,) = call("read", "house-7", PROFILE, *options, "--json").json
    assert [row[0] for row in found["rows"]][::2] == [f"2025-01-01T{t}:00Z" for t in ("01:00", "01:30", "02:00")]
    adhoc = call("read", url, "1.0.1.8.0.255", "--password", "env:PASSWORD", "--json")
    assert adhoc.json[0]["value"] == 1234568


def test_an_unknown_device(call: Command, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", dsn)
    done = call("read", "nobody", "0.0.1.0.0.255")
    assert done.code == 1
    assert done.err.startswith("cas: not registered: nobody")


def test_ciphered_apdus_of_a_registered_device_are_translated(
    call: Command, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", dsn)
    monkeypatch.setenv("EK", "000102030405060708090A0B0C0D0E0F")
    monkeypatch.setenv("AK", "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
    added = call(
        "device", "add", "4D4D4D0000000001", "tcp://127.0.0.1", "--protection", "both",
        "--authentication", "hls-gmac", "--client-system-title", "4D4D4D0000BC614E",
        "--encryption-key", "env:EK", "--authentication-key", "env:AK",
    )  # fmt: skip
    assert added.code == 0
    # Green Book, example of ciphered xDLMS APDUs
    ciphered = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"
    (found,) = call("translate", ciphered, "--device", "4D4D4D0000000001", "--json").json
    assert found["inside"][0]["octets"] == "C0010000080000010000FF0200"
