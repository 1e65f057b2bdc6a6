"""Where the master keys come from: a provider, else the setting `master_key`, else a file, made when there is none.

The file has one key a line in 64 hex digits, newest first; empty lines and lines that begin with # do not count.

A provider is a function from an installed package, by the entry point of its name in the group `cas.master_keys`. It
takes the text behind the name and gives the master keys, newest first; those of a security module need not leave it.
A setting or file that is named besides has older ones, to rotate from.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeAlias

from cas.config import Settings
from cas.devices.errors import MasterKeyError
from cas.devices.keys import MASTER_KEY_OCTETS, Keyring, MasterKey, Secret

Provider: TypeAlias = Callable[[str], Sequence[Secret | MasterKey]]
"""Gives the master keys that a text means, newest first. Raises MasterKeyError."""
PROVIDERS = "cas.master_keys"
"""The group of entry points that name providers."""

_HEADER = "# Master keys of the COSEM Access Service, newest first. Without them the stored device keys are lost.\n"


def load_keyring(settings: Settings, notify: Callable[[str], None] | None = None) -> Keyring:
    """The master keys that the settings mean. Raises MasterKeyError.

    A missing default file is made only with `notify`, which is told of it.
    """
    if settings.master_key_provider is not None:
        name, _, argument = settings.master_key_provider.partition(":")
        older = _local(settings) if settings.master_key is not None or settings.master_key_file is not None else []
        return Keyring([*_provider(name)(argument), *older])
    return Keyring(_local(settings, notify))


def _local(settings: Settings, notify: Callable[[str], None] | None = None) -> list[Secret]:
    if settings.master_key is not None:
        return _parse(settings.master_key.get_secret_value().split(","), "master_key (CAS_MASTER_KEY)")
    path = settings.master_key_path
    try:
        if notify is not None and settings.master_key_file is None and _make(path):
            notify(f"a new master key was made in {path}: back it up, without it the stored device keys are lost")
        if settings.master_key_file is None and path.stat().st_mode & 0o077:
            raise MasterKeyError(f"{path} is open to other users: chmod 600 {path}")
        return _parse(path.read_text("ascii").splitlines(), str(path))
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not ASCII text"
        raise MasterKeyError(f"master key file {path}: {reason}") from None


def _provider(name: str) -> Provider:
    for entry_point in entry_points(group=PROVIDERS, name=name):
        try:
            provider: Provider = entry_point.load()
        except ImportError as problem:
            extra = f": install cosem-access-service[{name}]" if entry_point.value.startswith("cas.") else ""
            raise MasterKeyError(f"master_key_provider {name}: {problem.name} is not installed{extra}") from None
        return provider
    known = ", ".join(sorted(entry_points(group=PROVIDERS).names)) or "none"
    raise MasterKeyError(f"master_key_provider {name}: no such provider is installed; there are: {known}")


def _parse(lines: Iterable[str], where: str) -> list[Secret]:
    keys = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            key = Secret(bytes.fromhex(text))
        except ValueError:
            key = Secret(b"")
        if len(key) != MASTER_KEY_OCTETS:
            raise MasterKeyError(f"{where}: key {number} is not {2 * MASTER_KEY_OCTETS} hex digits")
        keys.append(key)
    if not keys:
        raise MasterKeyError(f"{where}: no master key in it")
    return keys


def _make(path: Path) -> bool:
    """Make the file unless it exists. Two processes may try at once; both use the file of the first."""
    if path.exists():
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{_HEADER}{secrets.token_hex(MASTER_KEY_OCTETS)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
