"""Settings of the service: `cas.toml` in the working directory, overridden by environment variables `CAS_*`.

Another file is named by the environment variable `CAS_CONFIG`. Secrets may also stand in files of their own, one a
setting, named as the variable in lower case (`cas_dsn`): in the directory that `CAS_SECRETS` names (Docker's
/run/secrets), or in systemd's credentials. They go before `cas.toml` and behind the environment. An unknown setting is
an error that names it.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cas.errors import ConfigurationError

PREFIX = "CAS_"
CONFIG_VARIABLE = "CAS_CONFIG"
SECRETS_VARIABLE = "CAS_SECRETS"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
"""Set by systemd where a unit has LoadCredential."""
DEFAULT_FILE = Path("cas.toml")

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """All settings, frozen. Use `load_settings`, which turns problems into a `ConfigurationError`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True)

    data_dir: Path = Field(Path(".cas"), description="directory of the embedded database and the master key")
    dsn: SecretStr | None = Field(
        None,
        description="PostgreSQL to use; without it the embedded server is started",
        examples=["postgresql://cas@db.example.net/cas"],
    )
    pool_size: Count = Field(10, description="most database connections of one process")

    host: str = Field("127.0.0.1", description="address that the service listens on")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(8080, description="TCP port; 0 takes a free one")

    authentication: Annotated[tuple[Literal["certificate", "basic", "bearer"], ...], NoDecode] = Field(
        (),
        description="how clients prove who they are, by commas: certificate, basic, bearer; none: loopback only",
        examples=[["certificate", "basic"]],
    )
    anyone_services: Annotated[
        tuple[Literal["get", "set", "action", "time-sync", "upgrade", "associate"], ...], NoDecode
    ] = Field(("get",), description="what clients may do on devices where there is no authentication, by commas")
    tls_certificate: Path | None = Field(
        None, description="PEM file of the certificate chain that clients are shown", examples=["/etc/cas/tls.pem"]
    )
    tls_key: Path | None = Field(
        None, description="PEM file of its private key; default: in the same file", examples=["/etc/cas/tls.key"]
    )
    tls_client_ca: Path | None = Field(
        None, description="PEM file of the authorities whose clients are accepted", examples=["/etc/cas/clients-ca.pem"]
    )
    tls_client_crl: Path | None = Field(
        None, description="PEM file of the revocation list of those authorities", examples=["/etc/cas/clients.crl"]
    )
    clients_file: Path | None = Field(
        None, description="TOML file of clients and roles; default: the database", examples=["/etc/cas/clients.toml"]
    )
    client_rate: Annotated[float, Field(gt=0, le=100_000)] = Field(
        100.0, description="requests a second of each client, in the long run"
    )
    client_burst: Count = Field(200, description="requests of each client at once")
    token_keys: Path | None = Field(
        None, description="JWKS file of the keys that bearer tokens are signed with", examples=["/etc/cas/jwks.json"]
    )
    token_issuer: str | None = Field(
        None, min_length=1, description="`iss` that bearer tokens must have", examples=["https://login.example.net/"]
    )
    token_audience: str | None = Field(
        None, min_length=1, description="`aud` that bearer tokens must have", examples=["cas"]
    )
    replay_window: Seconds = Field(300.0, description="seconds by which Created of a ReplayDetection may be off")
    replay_required: bool = Field(False, description="refuse requests that change something without ReplayDetection")

    master_key: SecretStr | None = Field(
        None,
        description="keys that protect the device keys at rest: 64 hex digits each, newest first, by commas",
        examples=["64 hex digits"],
    )
    master_key_file: Path | None = Field(
        None,
        description="file with the master keys, one a line; default: master.key in data_dir, made at first use",
        examples=["/etc/cas/master.key"],
    )

    master_key_provider: Annotated[str, Field(pattern="^[^:]+(:.*)?$")] | None = Field(
        None,
        description="NAME:ARGUMENT of an installed provider of the master keys; those of setting and file are older",
        examples=[
            "pkcs11:token=cas;object=master-1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/cas/pin"
        ],
    )

    client_system_title: Annotated[str, Field(pattern="^[0-9A-Fa-f]{16}$")] = Field(
        "4341530000000001", description="system title that the service shows to devices: 16 hex digits"
    )
    sync_wait: Seconds = Field(30.0, description="seconds that a synchronous create waits for its devices")
    pending_accesses: Count = Field(
        1000,
        description="on-demand accesses that one process has under way, a tenth of one device; others get error 3.2",
    )
    connections: Count = Field(1000, description="most connections to devices that one process has open")
    connections_per_second: Annotated[float, Field(gt=0)] = Field(
        200.0, description="most new connections to devices that one process makes in a second"
    )
    segments: dict[str, Count] = Field(
        default_factory=dict,
        description="most connections by segment: the value of the label `segment` of devices",
        examples=[{"north": 20}],
    )
    keep_alive: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0.0, description="seconds that a connection to a device stays open for its next job"
    )
    record_dir: Path | None = Field(
        None, description="directory of recorded APDUs; default: records in data_dir", examples=["/var/log/cas/records"]
    )

    devices_at_once: Count = Field(500, description="devices that one process accesses at the same time")
    stop_grace: Annotated[float, Field(ge=0, le=3600)] = Field(
        10.0, description="seconds that a stopping service leaves to what is under way"
    )
    zone: str = Field("UTC", description="time zone in which days, months and years of RepeatingInterval are counted")
    activation_window: Seconds = Field(
        3600.0, description="seconds in which devices are accessed and retried where a DeviceAccess has no Duration"
    )
    retry_after: Seconds = Field(
        30.0, description="seconds until a device that failed is tried again; doubled each time, up to an hour"
    )
    make_up_missed: bool = Field(
        True, description="make up the newest activation that was missed, as long as its Duration lasts"
    )
    chunk_devices: Count = Field(500, description="devices of an activation that one worker takes at a time")
    worker_stalled_after: Annotated[float, Field(ge=1, le=3600)] = Field(
        30.0, description="seconds without a heartbeat after which a worker is taken for dead"
    )
    keep_results: Annotated[timedelta, Field(ge=timedelta(days=1), le=timedelta(days=36_525))] = Field(
        timedelta(days=400), description="how long results are kept where NotOlderThan does not say it, such as P400D"
    )
    upgrade_dir: Path | None = Field(
        None,
        description="directory of the firmware images that a CosemUpgrade may name; without it there are none",
        examples=["/var/lib/cas/images"],
    )
    strict_order: bool = Field(
        False, description="refuse messages whose elements are out of schema order, as the deployed clients write them"
    )
    max_request_octets: Count = Field(10_000_000, description="largest SOAP request that is read")

    event_targets: tuple[str, ...] = Field(
        (),
        description="receivers that events may go to: URLs, hosts, networks (see cas/push/targets.py); none: nobody",
        examples=[["https://mdm.example.net/events", "10.1.0.0/16"]],
    )
    event_signing_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="key of the signature in the header CAS-Signature of events, 32 characters or more",
        examples=["at least 32 characters, by chance"],
    )
    event_mqtt: SecretStr | None = Field(
        None,
        description="MQTT broker that gets the events of all resources: mqtt[s]://[USER:PASSWORD@]HOST[:PORT][/PREFIX]",
        examples=["mqtts://cas:password@broker.example.net/cas"],
    )

    event_source: str = Field("CAS", description="Source in the header of events")

    push_host: str = Field("127.0.0.1", description="address at which notifications of devices are heard")
    push_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        0, description="TCP and UDP port of notifications (wrapper; TCP: HDLC as well), usually 4059; 0: none are heard"
    )

    dial_in_host: str = Field("127.0.0.1", description="address at which meters dial in")
    dial_in_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        0, description="TCP port at which meters dial in, for URLs tcp-in://HOST:PORT/NAME; 0: none do"
    )
    dial_in_heartbeat: str | None = Field(
        None,
        description="regular expression of a meter's heartbeat, with a group (?P<device>...) for its NAME",
        examples=["hb (?P<device>[0-9A-F]{16})"],
    )
    dial_in_reply: Annotated[str, Field(pattern="^([0-9A-Fa-f]{2})*$")] | None = Field(
        None, description="what a heartbeat is answered with, in hex", examples=["06"]
    )

    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        0, description="TCP port of the metrics of `cas worker`, on `host`; 0: none. A front has them at /metrics"
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="least severe line logged")
    log_format: str = Field("console", pattern="^(console|json)$", description="form of a log line")

    @field_validator("authentication", "anyone_services", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("not a time zone; Europe/Amsterdam is one") from None
        return value

    @property
    def master_key_path(self) -> Path:
        """The file that holds the master keys when the environment does not."""
        return self.master_key_file or self.data_dir / "master.key"

    @property
    def record_path(self) -> Path:
        """The directory of recorded APDUs."""
        return self.record_dir or self.data_dir / "records"

    @property
    def client_title(self) -> bytes:
        """The service's system title, 8 octets."""
        return bytes.fromhex(self.client_system_title)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments go before the environment, which goes before secrets, which go before the file."""
        sources = [init_settings, env_settings]
        if directory := _secrets_directory():
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=directory))
        if file := _config_file():
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=file))
        return tuple(sources)


def load_settings(**overrides: object) -> Settings:
    """Read the settings. Raises `ConfigurationError`, which names every setting that is wrong.

    `overrides` are the options of a command; those that are None count as not given.
    """
    _refuse_unknown_variables(os.environ)
    _refuse_unknown_secrets()
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as problem:
        raise ConfigurationError(_describe(problem)) from None
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{_config_file()}: not TOML: {problem}") from None


def _config_file() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    if named is not None:
        file = Path(named)
        if not file.is_file():
            raise ConfigurationError(f"{CONFIG_VARIABLE} names {file}, which is not a file")
        return file
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _secrets_directory() -> Path | None:
    named = os.environ.get(SECRETS_VARIABLE)
    if named is not None and not Path(named).is_dir():
        raise ConfigurationError(f"{SECRETS_VARIABLE} names {named}, which is not a directory")
    found = named or os.environ.get(CREDENTIALS_VARIABLE)
    return None if found is None else Path(found)


def _refuse_unknown_secrets() -> None:
    # Others may have files there, too; those with our prefix are meant for us.
    directory = _secrets_directory()
    if directory is None:
        return
    known = {(PREFIX + name).lower() for name in Settings.model_fields}
    names = [file.name for file in directory.glob("*") if file.name.lower().startswith(PREFIX.lower())]
    if unknown := sorted(name for name in names if name.lower() not in known):
        raise ConfigurationError(
            f"unknown settings in {directory}: {_listing(unknown)}; known are {_listing(sorted(known))}"
        )


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    # The settings library looks only for the variables it knows; a misspelt one would be silently without effect.
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE, SECRETS_VARIABLE}
    unknown = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise ConfigurationError(
            f"unknown settings in the environment: {_listing(unknown)}; known are {_listing(sorted(known))}"
        )


def _describe(problem: ValidationError) -> str:
    # The value is left out on purpose: it may be a key or a password.
    lines = []
    for error in problem.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            lines.append(f"{name}: unknown setting; known are {_listing(Settings.model_fields)}")
        else:
            lines.append(f"{name}: {error['msg']}")
    where = _config_file()
    return "settings" + (f" (environment, {where})" if where else "") + ": " + "; ".join(lines)


def _listing(names: Iterable[str]) -> str:
    return ", ".join(names)
