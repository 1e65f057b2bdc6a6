"""Secrets of a new installation, each in a file of its own, made at random where they are missing.

    cas_master_key      the key over the stored device keys: back it up, without it they are lost
    tls.pem             a self-signed certificate and its private key, until you have one of your authority
    postgres_password   password of the database user `cas`
    cas_dsn             the same as the setting `dsn`

The service takes those that begin with `cas_` from the directory that CAS_SECRETS names.
"""

import ipaddress
import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cas.errors import ConfigurationError

MASTER_KEY, TLS, PASSWORD, DSN = "cas_master_key", "tls.pem", "postgres_password", "cas_dsn"
VALID = timedelta(days=825)


def make_secrets(directory: Path, hosts: Sequence[str], database: str | None, now: datetime) -> list[Path]:
    """Make what is missing and return its files. `hosts`: names in the certificate; `database`: host of PostgreSQL.

    Raises ConfigurationError.
    """
    made: list[Path] = []

    def make(name: str, content: Callable[[], str]) -> None:
        if not (directory / name).exists():
            _write(directory / name, content())
            made.append(directory / name)

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        make(MASTER_KEY, lambda: secrets.token_hex(32))
        make(TLS, lambda: _self_signed(hosts, now))
        if database is not None:
            make(PASSWORD, lambda: secrets.token_urlsafe(24))
            password = (directory / PASSWORD).read_text("ascii").strip()
            make(DSN, lambda: f"postgresql://cas:{password}@{database}/cas")
    except OSError as problem:
        raise ConfigurationError(f"{problem.filename or directory}: {problem.strerror}") from None
    return made


def _write(file: Path, content: str) -> None:
    """Whole or not at all, and never open to others."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(content + "\n")
        out.flush()
        os.fsync(out.fileno())
    part.rename(file)


def _self_signed(hosts: Sequence[str], now: datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(hours=1))
        .not_valid_after(now.astimezone(UTC) + VALID)
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        # so that a client can trust this very certificate
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (certificate.public_bytes(Encoding.PEM) + private).decode().rstrip()


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
