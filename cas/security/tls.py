"""TLS at the door: the context of the server, and the names in a client's certificate."""

import ipaddress
import ssl
from pathlib import Path

from cryptography import x509

from cas.errors import ConfigurationError

# Of TLS 1.2 only what has forward secrecy and authenticated encryption; TLS 1.3 has nothing else.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# What cryptography raises beside ValueError; TypeError is for values of names that are no text.
_UNREADABLE = (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, TypeError)


def server_context(
    certificate: Path,
    key: Path | None,
    *,
    client_ca: Path | None = None,
    crl: Path | None = None,
    required: bool = False,
) -> ssl.SSLContext:
    """A context for TLS 1.2 and 1.3 that shows `certificate` (PEM, with its chain; its key there or in `key`).

    With `client_ca`, clients may show a certificate of those authorities; if `required` they must. `crl`: revoked ones.
    Raises ConfigurationError, which names the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError) as problem:
        names = ", ".join(str(name) for name in (certificate, key) if name)
        raise ConfigurationError(f"TLS certificate {names}: {_reason(problem)}") from None
    if client_ca is None:
        return context
    for file in filter(None, (client_ca, crl)):
        try:
            context.load_verify_locations(file)
        except (OSError, ssl.SSLError) as problem:
            raise ConfigurationError(f"TLS client authorities {file}: {_reason(problem)}") from None
    if crl is not None:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def names_of(certificate: bytes) -> tuple[str, ...]:
    """The names in a certificate (DER) that TLS has verified: its subject (RFC 4514), and SAN as DNS:, URI:, ...

    Raises ValueError for one that cannot be read.
    """
    try:
        read = x509.load_der_x509_certificate(certificate)
        names = [read.subject.rfc4514_string()]
        alternatives = [each.value for each in read.extensions if isinstance(each.value, x509.SubjectAlternativeName)]
    except _UNREADABLE as problem:
        raise ValueError(str(problem)) from None
    for name in (name for alternative in alternatives for name in alternative):
        if isinstance(name, x509.DNSName):
            names.append(f"DNS:{name.value}")
        elif isinstance(name, x509.UniformResourceIdentifier):
            names.append(f"URI:{name.value}")
        elif isinstance(name, x509.RFC822Name):
            names.append(f"email:{name.value}")
        elif isinstance(name, x509.IPAddress) and isinstance(name.value, ipaddress.IPv4Address | ipaddress.IPv6Address):
            names.append(f"IP:{name.value}")
    return tuple(name for name in names if name)


def _no_password() -> str:
    # OpenSSL would ask on the terminal.
    raise ConfigurationError("the key of the TLS certificate is encrypted: give it without a password, mode 600")


def _reason(problem: OSError) -> str:
    return problem.strerror or str(problem)
