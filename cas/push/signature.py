"""The signature of events by HTTP, which shows a receiver that they are the service's.

It stands in the header `CAS-Signature: t=SECONDS,v1=HEX`: the HMAC with SHA-256 of the text `SECONDS.`, the time of
sending in seconds since 1970, and the octets of the body.
"""

import hashlib
import hmac

HEADER = "CAS-Signature"
TOLERANCE = 300.0
"""Seconds that a message may be on its way, or that clocks may differ."""


class Signature:
    """The signature of a body that is given in pieces."""

    def __init__(self, key: bytes, seconds: int) -> None:
        self._seconds = seconds
        self._mac = hmac.new(key, f"{seconds}.".encode(), hashlib.sha256)

    def update(self, octets: bytes) -> None:
        """The next octets of the body."""
        self._mac.update(octets)

    def __str__(self) -> str:
        return f"t={self._seconds},v1={self._mac.hexdigest()}"


def signature_fits(key: bytes, header: str, body: bytes, *, now: float) -> bool:
    """Whether a signature is that of a body, and made within `TOLERANCE` seconds of `now`: for receivers."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    seconds = parts.get("t", "")
    if not seconds.isascii() or not seconds.isdecimal() or len(seconds) > 15 or abs(now - int(seconds)) > TOLERANCE:
        return False
    expected = hmac.new(key, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), parts.get("v1", "").encode())
