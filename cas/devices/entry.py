"""One device as a person gives it: a row of an import file, or the options of `cas device add`.

Every problem is told by the name of its field and what would be right; keys are never part of a message.
"""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from cas.devices.keys import KeyKind, Secret
from cas.devices.model import (
    Authentication,
    Device,
    Protection,
    Quirks,
    is_alias,
    is_system_title,
    normalise_name,
)
from cas.dlms.errors import KeyUnusable
from cas.dlms.security.key_forms import private_key, public_key
from cas.dlms.security.suites import SUITES
from transports.errors import URLError
from transports.registry import open_transport

KEY_FIELDS: Mapping[str, KeyKind] = {
    "encryption_key": KeyKind.ENCRYPTION,
    "authentication_key": KeyKind.AUTHENTICATION,
    "broadcast_key": KeyKind.BROADCAST,
    "master_key": KeyKind.MASTER,
    "secret": KeyKind.SECRET,
    "signing_key": KeyKind.SIGNING,
    "signing_certificate": KeyKind.CERTIFICATE,
    "agreement_key": KeyKind.AGREEMENT,
    "device_signing_key": KeyKind.DEVICE_SIGNING,
    "device_agreement_key": KeyKind.DEVICE_AGREEMENT,
}
_ASYMMETRIC = {
    KeyKind.SIGNING: private_key,
    KeyKind.CERTIFICATE: public_key,
    KeyKind.AGREEMENT: private_key,
    KeyKind.DEVICE_SIGNING: public_key,
    KeyKind.DEVICE_AGREEMENT: public_key,
}
_HEX_PREFIX = "hex:"
_PEM = "-----BEGIN "
_KEY_OCTETS = {0: 16, 1: 16, 2: 32}  # Green Book 8.3, 9.2.3.7


def _wrong(message: str) -> PydanticCustomError:
    # The message is data here, never a template: it may hold what a file said.
    return PydanticCustomError("device", "{message}", {"message": message})


def _title(value: object) -> object:
    if isinstance(value, str):
        if not is_system_title(value.strip()):
            raise _wrong("must be 16 hex digits")
        return bytes.fromhex(value.strip())
    return value


def _name(value: str) -> str:
    value = normalise_name(value)
    if not is_system_title(value) and not is_alias(value):
        raise _wrong("must be 16 hex digits (a system title), or 1 to 64 visible ASCII characters")
    return value


def _alias(value: str) -> str:
    if not is_alias(value.strip()):
        raise _wrong("must be 1 to 64 visible ASCII characters without blanks, and not 16 hex digits")
    return value.strip()


def _url(value: str) -> str:
    try:
        open_transport(value)
    except URLError as problem:
        raise _wrong(str(problem)) from None
    return value


def _key(value: object) -> object:
    if isinstance(value, str):
        try:
            return Secret(_octets(value))
        except ValueError:
            raise _wrong("must be hex digits, or PEM") from None
    return value


def _octets(text: str) -> bytes:
    """What hex digits stand for, or PEM without its frame (RFC 7468). Raises ValueError."""
    if not text.startswith(_PEM):
        return bytes.fromhex(text)
    return base64.b64decode("".join(text.strip().splitlines()[1:-1]), validate=True)


def _secret(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.startswith(_HEX_PREFIX):
        return _key(value.removeprefix(_HEX_PREFIX))
    return Secret(value.encode())


SystemTitle = Annotated[bytes, BeforeValidator(_title)]
Key = Annotated[Secret, BeforeValidator(_key)]
Password = Annotated[Secret, BeforeValidator(_secret)]


class Entry(BaseModel):
    """The fields of a device. A key that is not given leaves the stored one as it is."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True, str_max_length=2048
    )

    device_id: Annotated[str, AfterValidator(_name)] = Field(description="system title (16 hex digits) or alias")
    url: Annotated[str, AfterValidator(_url)] = Field(
        description="transport, such as tcp://host:4059?client=1&server=1"
    )
    system_title: SystemTitle | None = Field(None, description="16 hex digits; if device_id is an alias")
    alias: Annotated[str, AfterValidator(_alias)] | None = Field(None, description="a second name")
    authentication: Authentication = Field(Authentication.NONE, description="none, lls, hls, hls-gmac, ...")
    suite: int = Field(0, ge=0, le=2, description="security suite: 0, 1 or 2")
    protection: Protection = Field(Protection.NONE, description="none, authenticated, encrypted, both")
    client_system_title: SystemTitle | None = Field(None, description="16 hex digits; default: the service's")
    max_pdu: int = Field(0xFFFF, ge=0, le=0xFFFF, description="client max receive PDU size in octets; 0: no limit")
    encryption_key: Key | None = Field(None, description="global unicast encryption key, hex")
    authentication_key: Key | None = Field(None, description="authentication key, hex")
    broadcast_key: Key | None = Field(None, description="global broadcast encryption key, hex")
    master_key: Key | None = Field(None, description="master key (KEK) of the device, hex")
    secret: Password | None = Field(None, description="LLS password or HLS secret: text, or hex:...")
    signing_key: Key | None = Field(None, description="our private key for signatures: its number or PKCS #8, hex")
    signing_certificate: Key | None = Field(None, description="the certificate of that key, shown in the AARQ")
    agreement_key: Key | None = Field(None, description="our private key for key agreement, likewise")
    device_signing_key: Key | None = Field(
        None,
        description="the device's public key for signatures: point, DER or certificate, hex or PEM; the certificate of "
        "an authority: the device must show one that it has signed",
    )
    device_agreement_key: Key | None = Field(None, description="the device's public key for key agreement, likewise")
    quirk: Quirks = Field(Quirks(), description="departures from the standard")
    label: dict[str, str] = Field(default_factory=dict, description="free labels")

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        if is_system_title(self.device_id):
            if self.system_title is not None and self.system_title != bytes.fromhex(self.device_id):
                raise _wrong(f"system_title must be the device_id {self.device_id}, or be left out")
        elif self.alias is not None and self.alias != self.device_id:
            raise _wrong(f"alias must be the device_id {self.device_id}, or be left out")
        return self

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        octets = _KEY_OCTETS[self.suite]
        for name in KEY_FIELDS:
            key: Secret | None = getattr(self, name)
            if key is None:
                continue
            if name == "secret":
                if not 1 <= len(key) <= 64:
                    raise _wrong("secret must have 1 to 64 octets")
            elif (parse := _ASYMMETRIC.get(KEY_FIELDS[name])) is not None:
                try:
                    parse(key.reveal(), SUITES[self.suite], name)
                except KeyUnusable as problem:
                    raise _wrong(str(problem)) from None
            elif len(key) != octets:
                raise _wrong(f"{name} must have {2 * octets} hex digits in suite {self.suite}, not {2 * len(key)}")
        return self

    @property
    def device(self) -> Device:
        """The profile."""
        titled = is_system_title(self.device_id)
        return Device(
            device_id=self.device_id,
            system_title=bytes.fromhex(self.device_id) if titled else self.system_title,
            alias=self.alias if titled else self.device_id,
            url=self.url,
            authentication=self.authentication,
            suite=self.suite,
            protection=self.protection,
            client_system_title=self.client_system_title,
            max_pdu=self.max_pdu,
            quirks=self.quirk,
            labels=self.label,
        )

    @property
    def keys(self) -> dict[KeyKind, Secret]:
        """The keys that are given."""
        found = {kind: getattr(self, name) for name, kind in KEY_FIELDS.items()}
        return {kind: key for kind, key in found.items() if key is not None}


def parse_entry(fields: Mapping[str, Any]) -> Entry | list[tuple[str, str]]:
    """The entry, or what is wrong with it: pairs of field ('' if it concerns several) and message."""
    try:
        return Entry.model_validate(fields)
    except ValidationError as problem:
        errors = problem.errors(include_input=False, include_url=False)
        return [(".".join(map(str, error["loc"])), _message(error["type"], error["msg"])) for error in errors]


def _message(kind: str, message: str) -> str:
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        known = [*(name for name in Entry.model_fields if name not in ("quirk", "label")), *_dotted()]
        return f"unknown field; known are {', '.join(known)}"
    return "is missing" if kind == "missing" else message


def _dotted() -> list[str]:
    return [*(f"quirk.{name}" for name in asdict(Quirks())), "label.*"]
