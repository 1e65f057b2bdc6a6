"""Master keys from a package that somebody else made."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from cas.config import Settings
from cas.devices import master_key
from cas.devices.errors import MasterKeyError
from cas.devices.keys import KeyKind, LocalMasterKey, MasterKey, Secret


def provider(argument: str) -> Sequence[Secret | MasterKey]:
    if argument != "slot=1":
        raise MasterKeyError(f"no token {argument}")
    return [LocalMasterKey(Secret(b"\x01" * 32)), Secret(b"\x02" * 32)]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = EntryPoint("pkcs11", f"{__name__}:provider", master_key.PROVIDERS)
    monkeypatch.setattr(EntryPoint, "load", lambda _: provider)
    monkeypatch.setattr(master_key, "entry_points", lambda **select: EntryPoints([here]).select(**select))


def test_a_provider_gives_the_master_keys() -> None:
    keyring = master_key.load_keyring(Settings(master_key_provider="pkcs11:slot=1"))
    assert len(keyring.identities) == 2
    sealed = keyring.seal("M1", KeyKind.ENCRYPTION, Secret(b"k" * 16))
    assert sealed.master_key_id == keyring.identities[0]
    assert keyring.unseal("M1", KeyKind.ENCRYPTION, sealed) == Secret(b"k" * 16)


def test_a_provider_that_is_not_there_is_told() -> None:
    with pytest.raises(MasterKeyError, match="vault: no such provider is installed; there are: pkcs11"):
        master_key.load_keyring(Settings(master_key_provider="vault:x"))


def test_an_extra_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: EntryPoint) -> None:
        raise ModuleNotFoundError("No module named 'pkcs11'", name="pkcs11")

    ours = EntryPoint("pkcs11", "cas.devices.pkcs11:master_keys", master_key.PROVIDERS)
    monkeypatch.setattr(EntryPoint, "load", missing)
    monkeypatch.setattr(master_key, "entry_points", lambda **select: EntryPoints([ours]).select(**select))
    with pytest.raises(MasterKeyError, match=r"pkcs11 is not installed: install cosem-access-service\[pkcs11\]"):
        master_key.load_keyring(Settings(master_key_provider="pkcs11:token=cas"))


def test_what_the_provider_says_is_told() -> None:
    with pytest.raises(MasterKeyError, match="no token slot=2"):
        master_key.load_keyring(Settings(master_key_provider="pkcs11:slot=2"))
