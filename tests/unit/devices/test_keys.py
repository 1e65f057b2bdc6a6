"""Keys: hidden in memory, bound to device and kind at rest."""

import copy
import pickle
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from cas.config import Settings
from cas.devices.errors import KeyUnreadable, MasterKeyError
from cas.devices.keys import KeyKind, Keyring, SealedKey, Secret
from cas.devices.master_key import load_keyring

KEY = Secret(bytes(range(16)))
OLD, NEW = Secret(b"o" * 32), Secret(b"n" * 32)


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(b"hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>30}", repr([secret]), repr({"k": secret})]
    assert not any("hunter2" in text or "68756e74" in text for text in shown)
    assert secret.reveal() == b"hunter2"


@pytest.mark.parametrize("attempt", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_copied_by_accident(attempt: object) -> None:
    assert callable(attempt)
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        attempt(Secret(b"hunter2"))


def test_secrets_compare_by_their_octets() -> None:
    assert Secret(b"a") == Secret(b"a")
    assert Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"


def test_a_sealed_key_comes_back() -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal("METER", KeyKind.ENCRYPTION, KEY)
    assert KEY.reveal() not in sealed.wrapped
    assert keyring.unseal("METER", KeyKind.ENCRYPTION, sealed) == KEY


def test_the_same_key_is_sealed_differently_each_time() -> None:
    keyring = Keyring([NEW])
    assert len({keyring.seal("METER", KeyKind.ENCRYPTION, KEY).wrapped for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("device_id", "kind"), [("OTHER", KeyKind.ENCRYPTION), ("METER", KeyKind.AUTHENTICATION)], ids=["device", "kind"]
)
def test_a_key_moved_elsewhere_is_refused(device_id: str, kind: KeyKind) -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal("METER", KeyKind.ENCRYPTION, KEY)
    with pytest.raises(KeyUnreadable, match=f"device {device_id}.*{kind} key"):
        keyring.unseal(device_id, kind, sealed)


@pytest.mark.parametrize("position", [0, 12, -1])
def test_an_altered_or_cut_key_is_refused(position: int) -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal("METER", KeyKind.SECRET, KEY)
    altered = bytearray(sealed.wrapped)
    altered[position] ^= 1
    for wrapped in (bytes(altered), sealed.wrapped[:position], b""):
        with pytest.raises(KeyUnreadable, match="damaged"):
            keyring.unseal("METER", KeyKind.SECRET, SealedKey(sealed.master_key_id, wrapped))


def test_an_older_master_key_still_opens_what_it_sealed() -> None:
    sealed = Keyring([OLD]).seal("METER", KeyKind.SECRET, KEY)
    both = Keyring([NEW, OLD])
    assert both.unseal("METER", KeyKind.SECRET, sealed) == KEY
    assert both.seal("METER", KeyKind.SECRET, KEY).master_key_id == Keyring([NEW]).current_id


def test_a_lost_master_key_is_named() -> None:
    sealed = Keyring([OLD]).seal("METER", KeyKind.SECRET, KEY)
    with pytest.raises(KeyUnreadable, match=rf"METER.*{sealed.master_key_id}.*restore that master key"):
        Keyring([NEW]).unseal("METER", KeyKind.SECRET, sealed)


def test_the_first_use_makes_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    notices: list[str] = []
    settings = Settings(data_dir=tmp_path / "new")
    first = load_keyring(settings, notices.append)
    path = tmp_path / "new" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(notices) == 1
    assert str(path) in notices[0]
    assert load_keyring(settings, notices.append).current_id == first.current_id
    assert len(notices) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_keyring(Settings(data_dir=tmp_path), lambda _: None)
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(MasterKeyError, match="open to other users: chmod 600"):
        load_keyring(Settings(data_dir=tmp_path), lambda _: None)


def test_the_setting_goes_before_the_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, master_key=SecretStr(f"{'6e' * 32},{'6f' * 32}"))
    assert load_keyring(settings, lambda _: None).current_id == Keyring([NEW]).current_id
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("content", ["", "# only a comment\n", "12\n", "x" * 64, "6e" * 31 + "\n"])
def test_a_file_without_a_good_key_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    file = tmp_path / "mk"
    file.write_text(content)
    with pytest.raises(MasterKeyError, match="mk: ") as caught:
        load_keyring(Settings(master_key_file=file), lambda _: None)
    assert "x" * 64 not in str(caught.value)
    assert "6e6e" not in str(caught.value)


def test_a_named_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="No such file"):
        load_keyring(Settings(master_key_file=tmp_path / "mk"), lambda _: None)
