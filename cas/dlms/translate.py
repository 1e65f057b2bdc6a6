"""Translating what was recorded: APDUs taken apart, also what stands inside them, under their protection or not.

    translator = Translator(Keys(encryption=..., authentication=..., server_title=...))
    for octets in recorded:
        translated = translator.translate(octets)

Meant for people who look at traffic: nothing is judged here but what it takes to read. Counters may repeat, and a
wrong APDU is an answer that says where it breaks. What an association tells of itself is remembered: the system titles
of AARQ and AARE, the dedicated key of a deciphered initiateRequest.
"""

from dataclasses import dataclass, replace

from cas.bindings import cosempdu as cos
from cas.dlms import axdr, ber
from cas.dlms.errors import DecipheringError, DecodeError, DlmsError, KeyUnusable
from cas.dlms.outline import Piece, outline, xml_name
from cas.dlms.security.ciphering import Ciphering, Unprotected
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.general import KeyRing, decipher
from cas.dlms.security.keys import SymmetricKeys
from cas.dlms.security.suites import SUITES
from cas.dlms.security.wrapping import Ciphered, Scope, is_ciphered, unwrap

_ACSE_TAGS = frozenset((0x60, 0x61, 0x62, 0x63))
# initiate, read, write, unconfirmedWrite, get, set, action, access: what a client sends
_CLIENTS = frozenset((1, 5, 6, 22, 192, 193, 195, 217))
_DEPTH = 4


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The keys of a device and the titles of both sides; what is None is not known."""

    encryption: bytes | None = None
    authentication: bytes | None = None
    dedicated: bytes | None = None
    client_title: bytes | None = None
    server_title: bytes | None = None

    def __repr__(self) -> str:
        return "Keys(hidden)"


@dataclass(frozen=True, slots=True)
class Broken:
    """Why octets could not be read, and the octet of the APDU where they break, if it is known."""

    reason: str
    offset: int | None = None
    path: str = ""
    understood: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Translated:
    """An APDU: its octets, its object, and what stands inside it."""

    octets: bytes
    body: "cos.XDlmsApdu | cos.ACseApdu | None"
    """None where it broke."""
    protection: str = ""
    """How it was protected, for what stood under ciphering."""
    inside: "tuple[Translated, ...]" = ()
    broken: Broken | None = None

    @property
    def name(self) -> str:
        """The XML name of the APDU; empty where it broke."""
        if self.body is None:
            return ""
        found = (name for name in self.body.__dataclass_fields__ if getattr(self.body, name) is not None)
        return xml_name(next(found, ""))

    @property
    def whole(self) -> bool:
        """Whether nothing broke, here or inside."""
        return self.broken is None and all(inner.whole for inner in self.inside)


class Translator:
    """Reads APDUs of one association in their order."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._keys = keys or Keys()

    def translate(self, octets: bytes) -> Translated:
        """Read one APDU, and what stands inside it. Never raises: what is wrong is part of the answer."""
        return self._translate(octets, _DEPTH)

    def _translate(self, octets: bytes, depth: int, protection: str = "") -> Translated:
        try:
            body = _decode(octets)
        except DecodeError as error:
            path = ".".join(map(xml_name, error.path.split(".")))
            broken = Broken(error.what, error.offset, path, tuple(outline(octets)))
            return Translated(octets, None, protection, broken=broken)
        found = Translated(octets, body, protection)
        return replace(found, inside=self._inside(octets, body, depth - 1)) if depth else found

    def _inside(self, octets: bytes, body: "cos.XDlmsApdu | cos.ACseApdu", depth: int) -> tuple[Translated, ...]:
        if isinstance(body, cos.ACseApdu):
            return self._user_information(body, depth)
        if body.initiate_request is not None and body.initiate_request.dedicated_key:
            self._keys = replace(self._keys, dedicated=body.initiate_request.dedicated_key)
        if body.general_signing is not None:
            return (self._translate(body.general_signing.content, depth, "signed; the signature is not checked"),)
        if body.general_ciphering is None and not is_ciphered(octets[0]):
            return ()
        try:
            if body.general_ciphering is not None:
                opened = self._open_general(body.general_ciphering)
            else:
                opened = self._open(unwrap(octets))
        except DlmsError as error:
            return (Translated(b"", None, "ciphered", broken=Broken(str(error))),)
        if opened is None:
            return ()
        return (self._translate(opened.plain, depth, _described(opened)),)

    def _user_information(self, body: cos.ACseApdu, depth: int) -> tuple[Translated, ...]:
        if body.aarq is not None and body.aarq.calling_ap_title:
            self._keys = replace(self._keys, client_title=body.aarq.calling_ap_title)
        if body.aare is not None and body.aare.responding_ap_title:
            self._keys = replace(self._keys, server_title=body.aare.responding_ap_title)
        apdu = body.aarq or body.aare or body.rlrq or body.rlre
        if apdu is None or not apdu.user_information:
            return ()
        return (self._translate(apdu.user_information, depth, "user-information"),)

    def _open(self, ciphered: Ciphered) -> Unprotected | None:
        """What a glo-, ded- or general-glo-, general-ded- APDU holds; None without a key. Raises DlmsError."""
        keys = self._keys
        encryption = keys.encryption if ciphered.scope is Scope.GLOBAL else keys.dedicated
        if encryption is None or keys.authentication is None:
            return None
        ciphering = _ciphering(ciphered.content, encryption, keys.authentication)
        titles = [ciphered.title] if ciphered.title else self._titles(ciphered.plain_tag)
        if not titles:
            raise KeyUnusable("the system title of the sender is not known: give it")
        for title in titles[:-1]:
            try:
                return ciphering.unprotect(ciphered.content, title)
            except DecipheringError:
                pass
        return ciphering.unprotect(ciphered.content, titles[-1])

    def _open_general(self, apdu: cos.GeneralCiphering) -> Unprotected | None:
        keys = self._keys
        if keys.encryption is None or keys.authentication is None:
            return None
        suite = SUITES[SecurityControl.parse(_first(apdu.ciphered_content)).suite]
        return decipher(apdu, KeyRing(SymmetricKeys(suite, keys.encryption, keys.authentication)))

    def _titles(self, plain_tag: int | None) -> list[bytes]:
        """The titles that the sender may have, the likelier one first."""
        titles = [self._keys.client_title, self._keys.server_title]
        if plain_tag not in _CLIENTS:
            titles.reverse()
        return [title for title in titles if title]


def encode(body: "cos.XDlmsApdu | cos.ACseApdu") -> bytes:
    """The octets of an APDU. Raises EncodeError."""
    return ber.encode(body) if isinstance(body, cos.ACseApdu) else axdr.encode(body)


def _decode(octets: bytes) -> "cos.XDlmsApdu | cos.ACseApdu":
    if not octets:
        raise DecodeError("no octets", 0)
    if octets[0] in _ACSE_TAGS:
        return ber.decode(cos.ACseApdu, octets)
    return axdr.decode(cos.XDlmsApdu, octets)


def _ciphering(content: bytes, encryption: bytes, authentication: bytes) -> Ciphering:
    control = SecurityControl.parse(_first(content))
    return Ciphering(SUITES[control.suite], encryption, authentication)


def _first(content: bytes) -> int:
    if not content:
        raise DecodeError("no octets", path="ciphered-content")
    return content[0]


def _described(opened: Unprotected) -> str:
    control = opened.control
    how = [
        word
        for word, is_so in (
            ("authenticated", control.authentication),
            ("encrypted", control.encryption),
            ("broadcast key", control.broadcast),
        )
        if is_so
    ]
    return f"suite {control.suite}, {' and '.join(how) or 'neither'}, invocation counter {opened.counter}"
