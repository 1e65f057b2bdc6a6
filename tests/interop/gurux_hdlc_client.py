#!/usr/bin/env python3
"""Write and read one attribute with gurux-dlms' client over HDLC, and print it. Runs in its own environment.

Usage: gurux_hdlc_client.py PORT SERVER-SIZE INFO WINDOW LENGTH; the attribute is an octet string of LENGTH octets.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from gurux_dlms import GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, DataType, InterfaceType
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.objects import GXDLMSData


class Meter:
    """gurux_dlms.GXDLMSClient over a blocking socket."""

    def __init__(self, port: int, size: int, info: int, window: int) -> None:
        server = GXDLMSClient.getServerAddress(1, 17) if size > 1 else 1
        self.c = GXDLMSClient(True, 16, server, Authentication.NONE, None, InterfaceType.HDLC)
        self.c.serverAddressSize = size if size > 1 else 0
        limits = self.c.settings.hdlc
        limits.maxInfoTX = limits.maxInfoRX = info
        limits.windowSizeTX = window
        limits.windowSizeRX = 1  # it answers every frame of a window, whether or not it was given the turn
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)

    def exchange(self, data: Any, reply: Any) -> None:
        self.sock.sendall(bytes(data))
        received = GXByteBuffer()
        while True:
            got = self.sock.recv(65536)
            if not got:
                raise ConnectionError("closed by the meter")
            received.set(got)
            if self.c.getData(received, reply, GXReplyData()):
                return

    def call(self, data: Any) -> Any:
        reply = GXReplyData()
        for item in data if isinstance(data, list) else [data]:
            reply.clear()
            self.exchange(item, reply)
        while reply.isMoreData():
            self.exchange(self.c.receiverReady(reply), reply)
        return reply


def main() -> None:
    port, size, info, window, length = map(int, sys.argv[1:])
    meter = Meter(port, size, info, window)
    meter.c.parseUAResponse(meter.call(meter.c.snrmRequest()).data)
    meter.c.parseAareResponse(meter.call(meter.c.aarqRequest()).data)
    thing = GXDLMSData("0.0.96.13.0.255")
    thing.value = bytes(n % 256 for n in range(length))
    thing.setDataType(2, DataType.OCTET_STRING)
    meter.call(meter.c.write(thing, 2))
    print(bytes(meter.c.updateValue(thing, 2, meter.call(meter.c.read(thing, 2)).value)).hex())
    meter.call(meter.c.disconnectRequest(True))


main()
