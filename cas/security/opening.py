"""From the settings to the guard and to TLS; what does not fit together is told before the door opens."""

import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog

from cas.config import Settings
from cas.errors import ConfigurationError
from cas.security.authentication import Method
from cas.security.authorisation import Known
from cas.security.clients import Directories, from_database, from_file
from cas.security.guard import Guard, Rules, anyone
from cas.security.model import Service
from cas.security.rates import Rate
from cas.security.tls import server_context
from cas.security.tokens import Issuer, read_issuer
from cas.store.database import Pool
from cas.system_events import Kind, tell

log = structlog.get_logger(__name__)


def is_guarded(settings: Settings) -> bool:
    """Whether the door may be open to other machines: who asks is known, and nobody between can read or change it.

    Raises ConfigurationError for settings that contradict each other.
    """
    _check(settings)
    return bool(settings.authentication) and settings.tls_certificate is not None


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """The context of the door's TLS, if there is a certificate. Raises ConfigurationError."""
    if settings.tls_certificate is None:
        return None
    return server_context(
        settings.tls_certificate,
        settings.tls_key,
        client_ca=settings.tls_client_ca,
        crl=settings.tls_client_crl,
        required=settings.authentication == (Method.CERTIFICATE,),
    )


def tls_files(settings: Settings) -> tuple[Path, ...]:
    """The files that `tls_of` reads."""
    files = (settings.tls_certificate, settings.tls_key, settings.tls_client_ca, settings.tls_client_crl)
    return tuple(file for file in files if file is not None)


async def guard_of(settings: Settings, pool: Pool, known: Known) -> Guard:
    """The guard. Raises ConfigurationError, ClientRefused, StoreError."""
    load = from_database(pool) if settings.clients_file is None else from_file(settings.clients_file)
    directories = Directories(load, time.monotonic)
    if settings.authentication and not (await directories.get()).clients:
        log.warning("no client is known, so nobody can be authenticated: `cas client add` makes one")
    issuer: Callable[[], Issuer | None] = lambda: None  # noqa: E731 - the same form as the other
    if settings.token_keys is not None:
        issuer = issuer_of(settings.token_keys, settings.token_issuer or "", settings.token_audience or "")
    rules = Rules(
        methods=frozenset(Method(name) for name in settings.authentication),
        issuer=issuer,
        rate=Rate(settings.client_rate, settings.client_burst),
        replay_window=timedelta(seconds=settings.replay_window),
        replay_required=settings.replay_required,
        anyone=None if settings.authentication else anyone([Service(name) for name in settings.anyone_services]),
    )
    return Guard(pool, rules, directories, known)


def issuer_of(jwks: Path, issuer: str, audience: str) -> Callable[[], Issuer]:
    """The issuer as its file has it now, or the last one that was valid. Raises ConfigurationError."""
    current = read_issuer(jwks, issuer, audience)
    stamp = jwks.stat().st_mtime_ns

    def get() -> Issuer:
        nonlocal current, stamp
        try:
            new = jwks.stat().st_mtime_ns
            if new != stamp:
                current, stamp = read_issuer(jwks, issuer, audience), new
        except (OSError, ConfigurationError) as problem:
            tell(Kind.DEFINITIONS_INVALID, str(jwks), problem=str(problem))
        return current

    return get


def _check(settings: Settings) -> None:
    methods = settings.authentication
    if settings.tls_certificate is None and (settings.tls_key or settings.tls_client_ca or settings.tls_client_crl):
        raise ConfigurationError("tls_key, tls_client_ca and tls_client_crl mean nothing without tls_certificate")
    if settings.tls_client_crl is not None and settings.tls_client_ca is None:
        raise ConfigurationError("tls_client_crl means nothing without tls_client_ca")
    if Method.CERTIFICATE in methods and (settings.tls_certificate is None or settings.tls_client_ca is None):
        raise ConfigurationError("authentication by certificate needs tls_certificate and tls_client_ca")
    tokens = (settings.token_keys, settings.token_issuer, settings.token_audience)
    if Method.BEARER in methods and not all(tokens):
        raise ConfigurationError("authentication by bearer needs token_keys, token_issuer and token_audience")
    if Method.BEARER not in methods and any(tokens):
        raise ConfigurationError(
            "token_keys, token_issuer and token_audience mean nothing without bearer authentication"
        )
    if settings.clients_file is not None and not methods:
        raise ConfigurationError("clients_file means nothing without authentication: name its methods")
