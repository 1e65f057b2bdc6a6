"""Transports: whole APDUs over whatever meters speak; nothing here knows what an APDU means."""

from transports.base import Transport
from transports.errors import TransportError
from transports.registry import open_transport

__all__ = ["Transport", "TransportError", "open_transport"]
