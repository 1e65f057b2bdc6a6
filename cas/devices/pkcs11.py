"""Master keys that never leave their security module: the provider `pkcs11`, of the extra of that name.

The setting is a URI (RFC 7512), `pkcs11:token=LABEL;object=KEY[,OLDER...]?module-path=FILE&pin-source=file:FILE`, which
names AES keys of 256 bits by their labels, newest first; the token may be named by `serial` instead. The PIN stands in
a file, never in the URI. The module must do AES-GCM with a nonce that it is given (CKM_AES_GCM, PKCS #11 v2.40, 2.12).
"""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pkcs11
from cryptography.exceptions import InvalidTag
from pkcs11.exceptions import PKCS11Error, UserAlreadyLoggedIn

from cas.devices.errors import MasterKeyError
from cas.devices.keys import MASTER_KEY_OCTETS, MasterKey

_KNOWN = {"token", "serial", "object", "module-path", "pin-source"}
_NEEDED = {"object", "module-path", "pin-source"}
_TAG_BITS = 128


def master_keys(argument: str) -> Sequence[MasterKey]:
    """The master keys that the part of a URI behind `pkcs11:` names, newest first. Raises MasterKeyError."""
    named = _read(argument)
    token = _Token(named)
    return [_ModuleKey(token, label) for label in named["object"].split(",")]


class _Token:
    """A token, logged in; its keys by label. When it does not do as asked, it is opened once more."""

    def __init__(self, named: Mapping[str, str]) -> None:
        self._named = named
        self._labels = named["object"].split(",")
        self._lock = threading.Lock()  # a session does one thing at a time (PKCS #11 v2.40, 5.1)
        self._session: pkcs11.Session | None = None
        self._keys: dict[str, Any] = {}
        self._open()

    def do(self, label: str, work: Callable[[Any], bytes]) -> bytes:
        """Work with a key. Raises MasterKeyError where the token is not there, PKCS11Error where it is and refuses."""
        with self._lock:
            try:
                return work(self._keys[label])
            except PKCS11Error:
                self._open()
                return work(self._keys[label])

    def _open(self) -> None:
        try:
            if self._session is not None:
                self._session.close()
        except PKCS11Error:
            pass  # it went away
        serial = self._named.get("serial")
        try:
            token = pkcs11.lib(self._named["module-path"]).get_token(
                token_label=self._named.get("token"), token_serial=None if serial is None else serial.encode()
            )
            try:
                self._session = token.open(user_pin=_pin(self._named["pin-source"]))
            except UserAlreadyLoggedIn:
                self._session = token.open()  # the login is that of the process
            for label in self._labels:
                self._keys[label] = _find(self._session, label)
        except PKCS11Error as problem:
            reason = str(problem) or type(problem).__name__
            raise MasterKeyError(f"master_key_provider pkcs11, {self._named['module-path']}: {reason}") from None


class _ModuleKey:
    """A master key in a security module: `cas.devices.keys.MasterKey`."""

    def __init__(self, token: _Token, label: str) -> None:
        self._token = token
        self._label = label
        # The tag of nothing: it tells keys apart wherever they are kept, and nothing of them.
        tag = self.encrypt(bytes(12), b"", b"cas master key")
        self.identity = hashlib.sha256(tag).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._label})"

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Ciphertext and tag. Raises MasterKeyError."""
        gcm = _gcm(nonce, associated_data)
        try:
            return self._token.do(self._label, lambda key: key.encrypt(data, **gcm))
        except PKCS11Error as problem:
            raise MasterKeyError(f"master key {self._label}: the module does no AES-GCM: {problem!r}") from None

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """The plaintext. Raises InvalidTag, MasterKeyError."""
        gcm = _gcm(nonce, associated_data)
        try:
            return self._token.do(self._label, lambda key: key.decrypt(data, **gcm))
        except PKCS11Error:  # modules have several words for it, and this one was opened anew just now
            raise InvalidTag from None


def _gcm(nonce: bytes, associated_data: bytes) -> dict[str, object]:
    return {
        "mechanism": pkcs11.Mechanism.AES_GCM,
        "mechanism_param": pkcs11.GCMParams(nonce, associated_data, _TAG_BITS),
    }


def _find(session: pkcs11.Session, label: str) -> Any:  # what a key can do is mixed in when it is found
    try:
        key = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, key_type=pkcs11.KeyType.AES, label=label)
    except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as problem:
        many = "no" if isinstance(problem, pkcs11.NoSuchKey) else "more than one"
        raise MasterKeyError(f"master_key_provider pkcs11: the token has {many} AES key {label!r}") from None
    if not isinstance(key, pkcs11.SecretKey) or key.key_length != 8 * MASTER_KEY_OCTETS:
        raise MasterKeyError(f"master_key_provider pkcs11: key {label!r} has not {8 * MASTER_KEY_OCTETS} bits")
    return key


def _read(argument: str) -> dict[str, str]:
    """The attributes of a URI. Nothing of its values is repeated in errors: a PIN may stand there by mistake."""
    path, _, rest = argument.partition("?")
    parts = [part for part in (*path.split(";"), *rest.split("&")) if part]
    named = {name: unquote(value) for name, _, value in (part.partition("=") for part in parts)}
    problems = [f"{name} is not known here" for name in sorted(named.keys() - _KNOWN)]
    problems += [f"{name} is missing" for name in sorted(_NEEDED - named.keys())]
    if named.keys().isdisjoint(("token", "serial")):
        problems.append("token or serial is missing")
    if problems:
        example = (
            "pkcs11:token=cas;object=master-1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/cas/pin"
        )
        raise MasterKeyError(f"master_key_provider pkcs11: {', '.join(problems)}; write it as {example}")
    return named


def _pin(source: str) -> str:
    try:
        return Path(source.removeprefix("file:")).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not text"
        raise MasterKeyError(f"master_key_provider pkcs11, pin-source: {reason}") from None
