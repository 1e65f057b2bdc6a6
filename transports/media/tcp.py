"""TCP out, with or without TLS. The channel is asyncio's own transport: nothing stands between it and the link."""

import asyncio
import errno
import socket
import ssl
from typing import cast

from transports.base import Channel, Receiver
from transports.errors import (
    CertificateError,
    ConnectError,
    ConnectTimeout,
    NameLookupFailed,
    NameNotFound,
    PortUnavailable,
    Refused,
    TLSError,
    Unreachable,
)

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_NAME_UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class TcpMedium:
    """Connects to `host:port`; with `tls`, the certificate must be good for `server_name` (the host if None)."""

    def __init__(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, server_name: str | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._server_name = server_name

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def open(self, receiver: Receiver) -> Channel:
        """Connect. Raises ConnectError and its kin."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(
                lambda: cast("asyncio.Protocol", receiver),
                self._host,
                self._port,
                ssl=self._tls,
                server_hostname=(self._server_name or self._host) if self._tls else None,
            )
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError) as error:
            raise connect_error(self.endpoint, error) from error
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return transport


def connect_error(endpoint: str, error: Exception) -> ConnectError:
    """Return the ConnectError that tells why a connection could not be opened."""
    kind: type[ConnectError] = ConnectError
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, ssl.SSLCertVerificationError):
        kind = CertificateError
    elif isinstance(error, ssl.SSLError):
        about_certificate = "certificate" in str(error).lower() or "unknown ca" in str(error).lower()
        kind = CertificateError if about_certificate else TLSError
    elif isinstance(error, socket.gaierror):
        kind = NameNotFound if code in _NAME_UNKNOWN else NameLookupFailed
    elif isinstance(error, ConnectionRefusedError):
        kind = Refused
    elif isinstance(error, TimeoutError) or code == errno.ETIMEDOUT:
        kind = ConnectTimeout
    elif code in _UNREACHABLE:
        kind = Unreachable
    elif code in {errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE}:
        kind = PortUnavailable
    return kind(f"{endpoint}: {str(error) or type(error).__name__}")
