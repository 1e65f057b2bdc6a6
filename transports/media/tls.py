"""TLS contexts for the media that can be secured."""

import functools
import ssl
from pathlib import Path

from transports.errors import URLError


def client_context(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """Return a context that trusts `ca` (a PEM file; None: what the system trusts) and shows our certificate, if any.

    Contexts are shared until one of the files changes. Raises URLError when a file cannot be used.
    """
    if key is not None and certificate is None:
        raise URLError("parameter 'key' means nothing without 'cert'")
    try:
        stamps = tuple(Path(name).stat().st_mtime_ns if name else 0 for name in (ca, certificate, key))
        return _context(ca, certificate, key, stamps)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(name for name in (ca, certificate, key) if name)
        raise URLError(f"TLS files {files}: {error}") from error


@functools.lru_cache(maxsize=64)
def _context(ca: str | None, certificate: str | None, key: str | None, stamps: tuple[int, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
