"""What the service knows of a device, besides its keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cas.devices.keys import KeyKind

_TITLE = re.compile(r"[0-9A-Fa-f]{16}")
_PASSWORD = re.compile(r"^([^/?#]*//[^/?#:@]*:)[^/?#]*@")
_ALIAS = re.compile(r"[!-~]{1,64}")


class Authentication(StrEnum):
    """How the client proves itself (Green Book 8.3, 9.2.7); the values stand in files and in the database."""

    NONE = "none"
    LLS = "lls"
    HLS = "hls"
    HLS_MD5 = "hls-md5"
    HLS_SHA1 = "hls-sha1"
    HLS_GMAC = "hls-gmac"
    HLS_SHA256 = "hls-sha256"


class Protection(StrEnum):
    """How xDLMS APDUs are protected (Green Book 8.3, 9.2.7.2)."""

    NONE = "none"
    AUTHENTICATED = "authenticated"
    ENCRYPTED = "encrypted"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where a device departs from the standard."""

    # For pydantic, which makes it from files.
    __pydantic_config__ = {"extra": "forbid"}

    release: bool = True
    """Whether the association is released by RLRQ before the connection is closed."""
    list_size: int | None = None
    """The most items that the device takes in one -with-list request; 1: none at all."""
    selective_access: bool = True
    """Whether the device understands access selectors; if not, whole profiles are read and filtered here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The profile of one registered device."""

    device_id: str
    """The name that answers use: the system title as 16 upper case hex digits, or the alias."""
    system_title: bytes | None
    """8 octets; None: not known yet."""
    alias: str | None
    url: str
    """The transport, with the SAPs of client and server: `tcp://host:4059?client=1&server=1`."""
    authentication: Authentication = Authentication.NONE
    suite: int = 0
    protection: Protection = Protection.NONE
    client_system_title: bytes | None = None
    """8 octets; None: that of the service."""
    max_pdu: int = 0xFFFF
    """The client's max receive PDU size, in octets; 0: no limit."""
    quirks: Quirks = Quirks()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed_keys(self) -> frozenset[KeyKind]:
        """The keys without which the association cannot be opened."""
        ciphered = self.protection is not Protection.NONE or self.authentication is Authentication.HLS_GMAC
        needed = {KeyKind.ENCRYPTION, KeyKind.AUTHENTICATION} if ciphered else set()
        if self.authentication not in (Authentication.NONE, Authentication.HLS_GMAC):
            needed.add(KeyKind.SECRET)
        return frozenset(needed)


def is_system_title(name: str) -> bool:
    """Whether a name has the form of a system title: 16 hex digits. An alias never has."""
    return _TITLE.fullmatch(name) is not None


def is_alias(name: str) -> bool:
    """Whether a name may be an alias: 1 to 64 visible ASCII characters, not the form of a system title."""
    return _ALIAS.fullmatch(name) is not None and not is_system_title(name)


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return _PASSWORD.sub(r"\1***@", url)


def normalise_name(name: str) -> str:
    """A name as it is stored: surrounding blanks go; the hex digits of a system title become upper case."""
    name = name.strip()
    return name.upper() if is_system_title(name) else name
