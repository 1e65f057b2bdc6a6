"""The command's verbs are found, and cost nothing until they are called."""

import signal
import socket
import subprocess
import sys

import pytest

from cas.cli import main, verbs


def test_every_verb_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"database", "device"} <= set(verbs())
    for verb in verbs():
        with pytest.raises(SystemExit) as ended:
            main([verb, "--help"])
        assert ended.value.code == 0
        assert f"cas {verb}" in capsys.readouterr().out


def test_the_help_names_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(verb in out for verb in verbs())


def test_an_unknown_verb_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["devise"])
    assert ended.value.code == 2
    assert "No such command 'devise'" in capsys.readouterr().err


def test_the_version_is_shown_without_importing_a_verb() -> None:
    code = "import sys; from cas.cli import main\ntry: main(['--version'])\nfinally: print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, imported = done.stdout.splitlines()
    assert version.startswith("cas ")
    assert imported == "False"


def test_an_interrupted_command_ends_with_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}?client=16"
        command = [sys.executable, "-m", "cas", "read", url, "0.0.1.0.0.255"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            link, _ = silent.accept()
            with link:
                assert link.recv(100)
                process.send_signal(signal.SIGINT)
                _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_what_refers_to_itself_is_collected_also_where_the_collector_looks_seldom() -> None:
    code = """
import gc, weakref
from cas.cli._common import COLLECT_AFTER, collect_seldom

class Ring:
    def __init__(self):
        self.itself = self

collect_seldom()
assert gc.get_freeze_count() > 1000
first = weakref.ref(Ring())
rings = (Ring() for _ in range(2 * COLLECT_AFTER))
print(any(first() is None for ring in rings))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
