"""What the service knows of a device, besides its keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias

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
    HLS_ECDSA = "hls-ecdsa"


class Protection(StrEnum):
    """How xDLMS APDUs are protected (Green Book 8.3, 9.2.7.2)."""

    NONE = "none"
    AUTHENTICATED = "authenticated"
    ENCRYPTED = "encrypted"
    BOTH = "both"


Ciphering: TypeAlias = Literal["service", "general", "identified", "wrapped", "agreed-one-pass", "agreed-static"]
ReadCounter: TypeAlias = Literal["on-error", "first", "always", "never"]


def _quirk(default: Any, meaning: str, clause: str, simulated: str) -> Any:
    """A field of `Quirks`. The README's table is made of them.

    `clause` is what the standard has to say; `simulated` the oddity of a simulated meter that behaves so, or `model`
    where a model of one's own does.
    """
    return field(default=default, metadata={"meaning": meaning, "clause": clause, "simulated": simulated})


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where a device departs from the standard, or has a choice that it leaves open."""

    # For pydantic, which makes it from files.
    __pydantic_config__ = {"extra": "forbid"}

    release: bool = _quirk(True, "release by RLRQ before the link is closed", "Green Book 8.3, 9.4.5", "silent-release")
    release_refused: bool = _quirk(
        False, "an exception-response to RLRQ ends the association", "Green Book 8.3, 9.4.5", "release-exception"
    )
    pre_established: bool = _quirk(
        False, "the association is open without AARQ", "Green Book 8.3, 9.4.4.1", "pre-established"
    )
    short_names: bool = _quirk(
        False,
        "objects have short names only; requests by logical names are mapped onto them",
        "Green Book 8.3, 9.1.4.4.2",
        "short-names",
    )
    pause: float = _quirk(0.0, "seconds without a link after each association", "", "pause")
    list_size: int | None = _quirk(
        None, "most items of one request; 1: single ones only", "Green Book 8.3, 9.3.4", "list-size"
    )
    selective_access: bool = _quirk(
        True,
        "knows access selectors; else whole profiles are read and filtered here",
        "Blue Book 12, 4.3.6",
        "no-selection",
    )
    selected_values: bool = _quirk(True, "takes a choice of columns in a range", "Blue Book 12, 4.3.6", "no-columns")
    sort_object: bool = _quirk(
        False,
        "a range of time is restricted by the profile's sort object, which may be a UNIX clock",
        "Blue Book 12, 4.3.6",
        "sort-object",
    )
    reversed_deviation: bool = _quirk(
        False,
        "the deviation of its clock counts from UTC to local time",
        "Blue Book 12, 4.1.6.1",
        "reversed-deviation",
    )
    surplus_octets: bool = _quirk(False, "octets follow the value of an answer", "IEC 61334-6, 6", "surplus-octets")
    general_block_transfer: bool = _quirk(
        True, "general block transfer is proposed", "Green Book 8.3, 9.4.6.13", "no-general-blocks"
    )
    general_blocks: bool = _quirk(
        False,
        "it is used also where a service has blocks of its own",
        "Green Book 8.3, 9.4.6.13",
        "general-blocks",
    )
    block_window: int = _quirk(16, "blocks that we take in a row, 1 to 63", "Green Book 8.3, 9.4.6.13", "block-window")
    ciphering: Ciphering = _quirk(  # noqa: RUF009 - it makes a field
        "service",
        "ciphered APDUs: glo- and ded- (service), general-glo- and -ded- (general), "
        "or general-ciphering with a key that is named so",
        "Green Book 8.3, 9.2.7.2",
        "general-only",
    )
    dedicated_key: bool = _quirk(
        False, "a dedicated key for each association", "Green Book 8.3, 9.2.3.3.3", "dedicated-only"
    )
    signing: bool = _quirk(False, "requests are signed, and answers must be", "Green Book 8.3, 9.2.7.2", "signed-only")
    response_protection: Literal["none", "authenticated", "encrypted", "both"] | None = _quirk(
        None, "least protection of answers, if it is not that of requests", "Blue Book 12, 4.4.7", "encrypted-answers"
    )
    read_counter: ReadCounter = _quirk(  # noqa: RUF009 - it makes a field
        "on-error",
        "when the invocation counter is read by the public client: on-error, "
        "first (before the first use), always, never",
        "Green Book 8.3, 9.2.3.3",
        "silent-counter",
    )
    counter_object: str = _quirk("0.0.43.1.0.255", "where it stands, attribute 2", "Blue Book 12, 6.2.33", "model")
    counter_client: int = _quirk(16, "SAP of the public client", "Green Book 8.3, 4.1.8.4", "model")
    counter_associates: bool = _quirk(
        True, "the public client associates before it reads", "Green Book 8.3, 9.4.4.1", "public-unassociated"
    )
    security_setup: str = _quirk(
        "0.0.43.0.0.255", "the Security setup object that takes new keys", "Blue Book 12, 4.4.7", "model"
    )
    counter_restarts: bool = _quirk(
        False,
        "its own counter begins anew in each association: a replay from another one is not told",
        "Green Book 8.3, 9.2.3.3",
        "counter-restarts",
    )


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
        if self.authentication not in (Authentication.NONE, Authentication.HLS_GMAC, Authentication.HLS_ECDSA):
            needed.add(KeyKind.SECRET)
        if self.authentication is Authentication.HLS_ECDSA or self.quirks.signing:
            needed |= {KeyKind.SIGNING, KeyKind.DEVICE_SIGNING}
        return frozenset(needed | _KEYS_OF_CIPHERING.get(self.quirks.ciphering, set()))


_KEYS_OF_CIPHERING = {
    "wrapped": {KeyKind.MASTER},
    "agreed-one-pass": {KeyKind.SIGNING, KeyKind.DEVICE_SIGNING, KeyKind.AGREEMENT, KeyKind.DEVICE_AGREEMENT},
    "agreed-static": {KeyKind.AGREEMENT, KeyKind.DEVICE_AGREEMENT},
}


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
