"""What a meter sends unasked: its registers in a data-notification that it wants confirmed (Green Book 8.3, 9.3.10)."""

import asyncio

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.dlms.security.ciphering import Ciphering
from cas.dlms.security.control import SecurityControl
from cas.dlms.security.wrapping import wrap_general
from cas.simulator.meter import Meter
from cas.simulator.simulator import MANAGEMENT
from transports.wrapper import WrapperDecoder, encode

REGISTERS = ("1.0.1.8.0.255", "1.0.2.8.0.255")
CLIENT = 103
"""The wPort of the receiver of pushes (Blue Book 12, 4.4.8)."""
_CONFIRMED = 1 << 30
_NUMBERS = 1 << 24


def data_notification(meter: Meter, number: int) -> bytes:
    """The APDU: the meter's name, and the values of its energy registers, at its own time; in the clear."""
    registers = [meter.data(name) for name in REGISTERS]
    body = Data.structure(Data.of("octet-string", meter.logical_device_name), *registers)
    return encode_apdu(
        cos.DataNotification(
            long_invoke_id_and_priority=_CONFIRMED | number % _NUMBERS,
            date_time=meter.local_time(meter.now()),
            notification_body=cos.NotificationBody(data_value=body),
        )
    )


def protected(meter: Meter, plain: bytes) -> bytes:
    """An APDU of this meter, authenticated and encrypted with its global keys."""
    keys = meter.keys
    control = SecurityControl(keys.suite.number, authentication=True, encryption=True)
    ciphering = Ciphering(keys.suite, keys.encryption, keys.authentication)
    return wrap_general(meter.system_title, ciphering.protect(plain, meter.system_title, meter.take_counter(), control))


async def push(meter: Meter, host: str, port: int) -> bool:
    """Send a notification over a connection of its own; return whether it was confirmed. Raises OSError."""
    number = meter.take_counter()
    return await send(protected(meter, data_notification(meter, number)), host, port)


async def send(apdu: bytes, host: str, port: int, *, patience: float = 10.0) -> bool:
    """Send an APDU in the wrapper; return whether anything is answered within `patience` seconds. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(encode(MANAGEMENT, CLIENT, apdu))
        decoder = WrapperDecoder()
        async with asyncio.timeout(patience):
            while octets := await reader.read(4096):
                if any(decoder.feed(octets)):
                    return True
    except TimeoutError:
        pass
    finally:
        writer.close()
    return False
