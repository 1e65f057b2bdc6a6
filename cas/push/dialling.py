"""Meters that dial in: who they are is told by their heartbeat, or by the first notification that they push.

The name must be that of the URL `tcp-in://HOST:PORT/NAME` of the device; a notification names the system title.
A name proves nothing: what a meter may do with it is dial in, and then it has to pass the association's security.
"""

import re

from cas.dlms.errors import DecodeError
from cas.dlms.notification import named_title
from transports.dial_in import Recognise, Recognition, by_pattern, first_of
from transports.errors import FramingError
from transports.wrapper import WrapperDecoder


def recogniser(heartbeat: str | None, reply: str | None) -> Recognise:
    """By the heartbeat, a regular expression over octets (latin-1) with a group `device`, or by the first push.

    `reply` is what a heartbeat is answered with, in hex. Raises ValueError.
    """
    if heartbeat is None:
        return by_first_push
    try:
        answer = bytes.fromhex(reply or "")
        return first_of(by_pattern(heartbeat.encode("latin-1"), answer), by_first_push)
    except re.error as error:
        raise ValueError(f"the heartbeat's pattern: {error}") from None


def by_first_push(octets: bytes, _peer: str) -> Recognition | None:
    """The system title that a whole first notification names; nothing of it is consumed."""
    try:
        for frame in WrapperDecoder().feed(octets):
            if title := named_title(frame.apdu):
                return Recognition(title.hex().upper())
    except (FramingError, DecodeError):
        pass  # some other heartbeat; the listener deals with what nobody knows
    return None
