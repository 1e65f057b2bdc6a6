"""The embedded PostgreSQL: start, share, crash, odd places."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from cas.store.embedded import embedded_server
from cas.store.errors import EmbeddedServerError

HOLD = """
import sys
from pathlib import Path
from cas.store.embedded import embedded_server
with embedded_server(Path(sys.argv[1]), durable=False) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


def _hold(data_dir: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _is_up(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def test_starts_keeps_the_data_and_stops(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "d", durable=False) as dsn, psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert not _is_up(dsn)
    with embedded_server(tmp_path / "d", durable=False) as dsn, psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_only_its_user_may_enter_the_data_directory(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "d", durable=False):
        assert (tmp_path / "d").stat().st_mode & 0o077 == 0


def test_runs_until_the_last_process_leaves(tmp_path: Path) -> None:
    with _hold(tmp_path) as other:
        assert other.stdout is not None
        dsn = other.stdout.readline().strip()
        with embedded_server(tmp_path, durable=False) as ours:
            assert ours == dsn
            other.communicate()
            assert other.returncode == 0
            assert _is_up(dsn)
        assert not _is_up(dsn)


def test_two_processes_may_start_it_at_once(tmp_path: Path) -> None:
    with _hold(tmp_path) as one, _hold(tmp_path) as two:
        assert one.stdout is not None
        assert two.stdout is not None
        assert one.stdout.readline() == two.stdout.readline() != ""


def test_attaches_after_a_kill_of_the_owner_and_stops_the_server(tmp_path: Path) -> None:
    with _hold(tmp_path) as owner:
        assert owner.stdout is not None
        dsn = owner.stdout.readline().strip()
        owner.kill()
    assert _is_up(dsn)
    with embedded_server(tmp_path, durable=False) as again:
        assert again == dsn
    assert not _is_up(dsn)


def test_restarts_after_a_kill_of_the_server(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as dsn:
        os.kill(_postmaster(tmp_path), signal.SIGKILL)
        while _is_up(dsn):
            time.sleep(0.02)
        with embedded_server(tmp_path, durable=False) as again:
            assert _is_up(again)
    assert not _is_up(dsn)


def test_survives_a_pid_file_whose_number_belongs_to_another_program(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False):
        lines = (tmp_path / "postgres" / "postmaster.pid").read_text().splitlines(keepends=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        stale = "".join([f"{stranger.pid}\n", *lines[1:]])
        (tmp_path / "postgres" / "postmaster.pid").write_text(stale)
        with embedded_server(tmp_path, durable=False) as dsn:
            assert _is_up(dsn)
        stranger.kill()


def test_survives_an_empty_pid_file(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False):
        pass
    (tmp_path / "postgres" / "postmaster.pid").write_text("")
    with embedded_server(tmp_path, durable=False) as dsn:
        assert _is_up(dsn)


def test_starts_in_a_directory_whose_path_is_too_long_for_a_socket_and_has_odd_characters(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long it's " * 15)
    with embedded_server(data_dir, durable=False) as dsn:
        assert _is_up(dsn)


def test_says_which_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EmbeddedServerError, match=r"data_dir .*/file/d: Not a directory"),
        embedded_server(tmp_path / "file" / "d"),
    ):
        pass
