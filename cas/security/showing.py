"""What a request over HTTP shows of who sent it."""

from aiohttp import web

from cas.security.authentication import Credentials


def credentials_of(request: web.Request) -> Credentials:
    """The peer, what it says of itself, and the certificate that it proved to have; nothing of it is judged here."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    return Credentials(
        peer=request.remote or "",
        authorization=tuple(request.headers.getall("Authorization", ())),
        certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
    )
