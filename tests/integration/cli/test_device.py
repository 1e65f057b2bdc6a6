"""`cas device` and `cas database` as a person calls them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cas.cli import main

TITLE = "4D4D4D0000BC614E"
URL = "tcp://127.0.0.1:4059?client=1&server=1"
KEY = "00112233445566778899aabbccddeeff"


class Done(NamedTuple):
    code: int
    out: str
    err: str


Cas = Callable[..., Done]


def _caller(capsys: pytest.CaptureFixture[str]) -> Cas:
    def call(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    return call


# These tests are not async: a command runs a loop of its own.
@pytest.fixture
def cas(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cas:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", dsn)
    return _caller(capsys)


def test_a_device_is_added_shown_listed_and_removed(cas: Cas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EK", KEY)
    Path("ak").write_text(KEY + "\n")
    gmac = ("--authentication", "hls-gmac", "--protection", "both")
    keys = ("--encryption-key", "env:EK", "--authentication-key", "file:ak")
    done = cas("device", "add", TITLE.lower(), URL, "--alias", "house-7", *gmac, *keys)
    assert (done.code, done.out) == (0, "1 added, 0 changed, 0 unchanged\n")
    assert "a new master key was made in .cas/master.key" in done.err

    shown = json.loads(cas("device", "show", "house-7", "--json").out)
    assert shown["device_id"] == TITLE
    assert shown["url"] == URL
    assert (shown["keys"], shown["missing_keys"]) == (["authentication", "encryption"], [])
    assert shown["next_invocation_counter"] == 1

    everything = cas("device", "show", TITLE).out + cas("device", "list").out + cas("device", "list", "--json").out
    assert "house-7" in everything
    assert KEY not in everything.lower()

    assert cas("device", "remove", "house-7", "--yes") == Done(0, f"removed {TITLE}\n", "")
    assert cas("device", "list", "--json").out == ""


def test_missing_keys_are_told_and_named(cas: Cas) -> None:
    done = cas("device", "add", TITLE, URL, "--authentication", "lls")
    assert "1 of them lack keys" in done.err
    assert "secret" in cas("device", "list").out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("show", "nothing"), 1, "cas: not registered: nothing"),
        (("remove", "nothing", "--yes"), 1, "cas: not registered: nothing"),
        (("remove", "nothing"), 2, "--yes"),
        (("add", "a b", URL), 1, "cas: device a b: device_id: must be 16 hex digits"),
        (("add", "a", "gopher://x"), 1, "unknown transport 'gopher'"),
        (("add", "a", URL, "--suite", "3"), 2, "--suite"),
        (("add", "a", URL, "--authentication", "md5"), 2, "--authentication"),
        (("add", "a", URL, "--label", "x"), 2, "NAME=VALUE"),
        (("add", "a", URL, "--secret", "env:NOTHING"), 2, "the environment has no variable NOTHING"),
        (("add", "a", URL, "--secret", "file:nothing"), 2, "cannot be read from nothing"),
        (("import", "nothing.csv"), 1, "cas: nothing.csv: No such file or directory"),
        (("list", "--limit", "0"), 2, "--limit"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(cas: Cas, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = cas("device", *arguments)
    assert done.code == code
    assert says in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err


def test_a_key_as_an_argument_is_refused_and_not_repeated(cas: Cas) -> None:
    done = cas("device", "add", "a", URL, "--encryption-key", KEY)
    assert done.code == 2
    assert "use file:PATH, env:NAME or -" in " ".join(done.err.replace("│", " ").split())
    assert KEY not in done.err


def test_a_file_is_imported_whole_or_not_at_all(cas: Cas) -> None:
    Path("good.csv").write_text(f"device_id,url,authentication,secret\nA,{URL},lls,pw\nB,{URL},none,\n")
    assert cas("device", "import", "good.csv").out == "2 added, 0 changed, 0 unchanged\n"
    assert json.loads(cas("device", "import", "good.csv", "--json").out) == {
        "added": 0,
        "changed": 0,
        "unchanged": 2,
        "without_keys": 0,
    }
    Path("bad.toml").write_text(f'[[device]]\ndevice_id = "C"\nurl = "{URL}"\n[[device]]\ndevice_id = "D"\n')
    done = cas("device", "import", "bad.toml")
    assert (done.code, done.out, done.err) == (1, "", "cas: bad.toml:4: device D: url: is missing\n")
    assert [json.loads(line)["device_id"] for line in cas("device", "list", "--json").out.splitlines()] == ["A", "B"]


def test_lists_say_when_they_are_cut(cas: Cas) -> None:
    Path("m.csv").write_text("device_id,url\n" + "".join(f"m{number},{URL}\n" for number in range(3)))
    cas("device", "import", "m.csv")
    cut = cas("device", "list", "--limit", "2")
    assert "m1" in cut.out
    assert "m2" not in cut.out
    assert "only the first 2 devices are shown" in cut.err
    assert cas("device", "list", "--limit", "3").err == ""
    assert len(cas("device", "list", "--prefix", "m2", "--json").out.splitlines()) == 1


def test_the_password_of_a_url_is_not_shown(cas: Cas) -> None:
    cas("device", "add", "a", "tcp://user:hunter2@host:1")
    assert "hunter2" not in cas("device", "show", "a").out


def test_a_database_is_checked_and_migrated(
    empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", empty_dsn)
    cas = _caller(capsys)
    assert cas("device", "list").code == 1
    before = cas("database", "check")
    assert before.code == 1
    assert "cas database migrate" in before.err
    assert "applied 0001_devices.pre" in cas("database", "migrate").out
    assert json.loads(cas("database", "migrate", "--json").out) == {"applied": []}
    assert cas("database", "check") == Done(0, "the schema is up to date\n", "")


def test_without_a_dsn_the_embedded_database_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cas = _caller(capsys)
    assert cas("device", "add", "a", URL).code == 0
    assert json.loads(cas("device", "list", "--json").out)["device_id"] == "a"


def test_a_wrong_setting_ends_the_command(cas: Cas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_PROT", "1")
    done = cas("device", "list")
    assert done.code == 1
    assert done.err.startswith("cas: unknown settings in the environment: CAS_PROT")
