"""Master keys in a security module, against SoftHSM where it is installed (Debian: softhsm2)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pkcs11
import pytest
from pydantic import SecretStr

from cas.config import Settings
from cas.devices.errors import KeyUnreadable, MasterKeyError
from cas.devices.keys import KeyKind, Keyring, Secret
from cas.devices.master_key import load_keyring
from cas.devices.registration import Row, register_devices
from cas.devices.rotation import rotate, tally, unreadable_keys
from cas.simulator import Simulator
from cas.store.database import Pool

UTIL = shutil.which("softhsm2-util")
LIBRARIES = [
    *Path("/usr/lib").glob("**/softhsm/libsofthsm2.so"),
    *Path("/usr/local/lib").glob("softhsm/libsofthsm2.so"),
]
PIN = "correct-horse"
KEY = Secret(bytes(range(100, 116)))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a token `cas` that has the keys `one`, `two` and `short`; the file `pin` has its PIN."""
    if UTIL is None or not LIBRARIES:
        pytest.skip("SoftHSM is not installed (Debian: softhsm2)")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    (folder / "pin").write_text(f"{PIN}\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    made = (UTIL, "--init-token", "--free", "--label", "cas", "--pin", PIN, "--so-pin", PIN)
    subprocess.run(made, check=True, capture_output=True)
    with pkcs11.lib(str(LIBRARIES[0])).get_token(token_label="cas").open(rw=True, user_pin=PIN) as session:
        hidden = {pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.SENSITIVE: True}
        for label, bits in (("one", 256), ("two", 256), ("short", 128), ("twice", 256), ("twice", 256)):
            session.generate_key(pkcs11.KeyType.AES, bits, label=label, store=True, template=hidden)
    yield folder
    del os.environ["SOFTHSM2_CONF"]


def keyring(folder: Path, keys: str = "one", master_key: str | None = None, **more: str) -> Keyring:
    query = {"module-path": str(LIBRARIES[0]), "pin-source": f"file:{folder / 'pin'}", **more}
    uri = f"pkcs11:token=cas;object={keys}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())
    older = None if master_key is None else SecretStr(master_key)
    return load_keyring(Settings(master_key_provider=uri, master_key=older))


def test_a_key_is_sealed_and_read_again_by_the_module(tokens: Path) -> None:
    ring = keyring(tokens)
    sealed = ring.seal("M1", KeyKind.ENCRYPTION, KEY)
    assert KEY.reveal() not in sealed.wrapped
    assert ring.unseal("M1", KeyKind.ENCRYPTION, sealed) == KEY
    # the same key has the same name in another process, and another key another one
    assert keyring(tokens).identities == (sealed.master_key_id,)
    assert len({*keyring(tokens, "two,one").identities, sealed.master_key_id}) == 2
    for device, kind in (("M2", KeyKind.ENCRYPTION), ("M1", KeyKind.AUTHENTICATION)):
        with pytest.raises(KeyUnreadable, match="damaged or was moved there from elsewhere"):
            ring.unseal(device, kind, sealed)
    with pytest.raises(KeyUnreadable, match="is not at hand"):
        keyring(tokens, "two").unseal("M1", KeyKind.ENCRYPTION, sealed)


def test_the_key_cannot_be_taken_out(tokens: Path) -> None:
    with pkcs11.lib(str(LIBRARIES[0])).get_token(token_label="cas").open() as session:
        key = session.get_key(label="one")
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]


def test_a_session_that_was_lost_is_opened_again(tokens: Path) -> None:
    ring = keyring(tokens)
    sealed = ring.seal("M1", KeyKind.ENCRYPTION, KEY)
    pkcs11.lib(str(LIBRARIES[0])).reinitialize()
    assert ring.unseal("M1", KeyKind.ENCRYPTION, sealed) == KEY


async def test_stored_keys_are_put_under_a_key_of_the_module(tokens: Path, pool: Pool) -> None:
    old = Keyring([Secret(b"\x01" * 32)])
    async with Simulator(1, model=["residential"]) as simulator:
        await register_devices(pool, old, [Row(simulator.device(0))])
    before = await tally(pool)
    rotated = await rotate(pool, keyring(tokens, master_key="01" * 32))
    new = keyring(tokens)
    assert (rotated.done, rotated.unreadable) == (before[0].keys, ())
    assert [each.master_key_id for each in await tally(pool)] == [new.current_id]
    assert [problem async for problem in unreadable_keys(pool, new, lambda _: None)] == []


@pytest.mark.parametrize(
    ("keys", "more", "says"),
    [
        ("three", {}, "the token has no AES key 'three'"),
        ("twice", {}, "the token has more than one AES key 'twice'"),
        ("short", {}, "key 'short' has not 256 bits"),
        ("one", {"pin-source": "file:/nowhere"}, "pin-source: No such file"),
        ("one", {"pin-value": PIN}, "pin-value is not known here"),
        ("one", {"module-path": "/nowhere.so"}, "nowhere.so: OS exception while loading"),
    ],
)
def test_what_is_wrong_is_told_and_no_pin(tokens: Path, keys: str, more: dict[str, str], says: str) -> None:
    with pytest.raises(MasterKeyError, match=says) as caught:
        keyring(tokens, keys, **more)
    assert PIN not in str(caught.value)
