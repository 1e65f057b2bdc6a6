#!/usr/bin/env python3
"""Read, set and act on one meter with gurux-dlms' client, and print what came as JSON. Runs in its own environment.

Usage: gurux_client.py PORT SERVER AUTH JSON, where AUTH is none, lls or gmac, and JSON has client, title, password,
encryption, authentication (octets as hex), protect (bool), max_pdu, begin, end (ISO 8601, UTC) of the range to read,
hdlc (bool, else the wrapper), short_names (bool, else logical names), message (octets to write, as hex).
"""

from __future__ import annotations

import datetime as dt
import json
import socket
import sys
from typing import Any

import gurux_dlms.GXDLMSChippering  # noqa: F401
from gurux_dlms import GXDateTime, GXReplyData
from gurux_dlms.enums import Authentication, DataType, InterfaceType, ObjectType, Security
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.GXDLMSException import GXDLMSException
from gurux_dlms.objects import GXDLMSAssociationLogicalName
from gurux_dlms.secure import GXDLMSSecureClient

# decryptAesGcm of gurux-dlms 1.0.203 prints for each APDU; the attribute of that name is the class
vars(sys.modules["gurux_dlms.GXDLMSChippering"])["print"] = lambda *a, **k: None

LEVELS = {"none": Authentication.NONE, "lls": Authentication.LOW, "gmac": Authentication.HIGH_GMAC}
CLIENT_TITLE = b"GURUX001"


class Meter:
    """gurux_dlms.GXDLMSSecureClient over a blocking socket."""

    def __init__(self, port: int, server: int, auth: str, options: dict[str, Any]) -> None:
        self.hdlc = options["hdlc"]
        if self.hdlc:  # the server is the physical device; all are behind logical device 1
            server = GXDLMSSecureClient.getServerAddress(1, server)
        interface = InterfaceType.HDLC if self.hdlc else InterfaceType.WRAPPER
        names = not options["short_names"]
        c = self.c = GXDLMSSecureClient(names, options["client"], server, LEVELS[auth], None, interface)
        c.password = bytes.fromhex(options["password"]) if auth == "lls" else None
        c.ciphering.systemTitle = bytearray(CLIENT_TITLE)
        c.ciphering.blockCipherKey = bytearray.fromhex(options["encryption"])
        c.ciphering.authenticationKey = bytearray.fromhex(options["authentication"])
        c.ciphering.invocationCounter = options["counter"]
        if options["protect"]:
            c.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
        c.maxReceivePDUSize = options["max_pdu"]
        self.auth = auth
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)

    def exchange(self, data: Any, reply: Any) -> None:
        rd = GXByteBuffer()
        self.sock.sendall(bytes(data))
        while True:
            got = self.sock.recv(65536)
            if not got:
                raise ConnectionError("closed by the meter")
            rd.set(got)
            if self.c.getData(rd, reply, GXReplyData()):
                break
        if reply.error:
            raise GXDLMSException(reply.error)

    def call(self, data: Any, reply: Any = None) -> Any:
        reply = reply or GXReplyData()
        if isinstance(data, list):
            for item in data:
                self.call(item, reply)
            return reply
        reply.clear()
        self.exchange(data, reply)
        while reply.isMoreData():
            self.exchange(self.c.receiverReady(reply), reply)
        return reply

    def associate(self) -> None:
        if self.hdlc:
            self.c.parseUAResponse(self.call(self.c.snrmRequest()).data)
        reply = self.call(self.c.aarqRequest())
        self.c.parseAareResponse(reply.data)
        if self.auth == "gmac":
            reply = self.call(self.c.getApplicationAssociationRequest())
            self.c.parseApplicationAssociationResponse(reply.data)

    def find(self, kind: ObjectType, name: str) -> Any:
        """An object of the meter's list, which knows its short name."""
        return self.c.objects.findByLN(kind, name)

    def read(self, what: Any, index: int) -> Any:
        return self.c.updateValue(what, index, self.call(self.c.read(what, index)).value)


def plain(value: Any) -> Any:
    """Something JSON can hold."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, GXDateTime):
        return value.value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (int, float, str, type(None))) else str(value)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def rows(meter: Meter, profile: Any, data: Any) -> Any:
    profile.buffer = []
    meter.c.updateValue(profile, 2, meter.call(data).value)
    return plain(profile.buffer)


def main() -> None:
    port, server, auth, text = sys.argv[1:]
    options = json.loads(text)
    meter = Meter(int(port), int(server), auth, options)
    meter.associate()
    found: dict[str, object] = {}
    meter.c.parseObjects(meter.call(meter.c.getObjectsRequest()).data, True)
    found["objects"] = [[int(one.objectType), str(one.logicalName)] for one in meter.c.objects]
    register, clock = meter.find(ObjectType.REGISTER, "1.0.1.8.0.255"), meter.find(ObjectType.CLOCK, "0.0.1.0.0.255")
    meter.read(register, 3)
    found["scaler_unit"] = [register.scaler, int(register.unit)]
    found["energy"] = meter.read(register, 2)
    found["clock"] = plain(meter.read(clock, 2))
    name = meter.read(meter.find(ObjectType.DATA, "0.0.42.0.0.255"), 2)  # gurux knows that this is text
    found["name"] = plain(name.encode() if isinstance(name, str) else name)
    if not options["short_names"]:
        association = GXDLMSAssociationLogicalName("0.0.40.0.0.255")
        meter.read(association, 4)
        meter.read(association, 6)
        context, mechanism = association.applicationContextName, association.authenticationMechanismName
        found["context"], found["mechanism"] = int(context.contextId), int(mechanism.mechanismId)
        found["status"] = int(meter.read(association, 8))
    saps = meter.find(ObjectType.SAP_ASSIGNMENT, "0.0.41.0.0.255")
    found["saps"] = plain([[sap, name] for sap, name in meter.read(saps, 2)])
    profile = meter.find(ObjectType.PROFILE_GENERIC, "1.0.99.1.0.255")
    meter.read(profile, 3)
    found["columns"] = [[str(one.logicalName), definition.attributeIndex] for one, definition in profile.captureObjects]
    found["in_use"] = meter.read(profile, 7)
    found["range"] = rows(
        meter, profile, meter.c.readRowsByRange(profile, moment(options["begin"]), moment(options["end"]))
    )
    found["entries"] = rows(meter, profile, meter.c.readRowsByEntry(profile, 2, 3))
    found["list"] = plain(meter.call(meter.c.readList([(register, 2), (clock, 2)])).value)
    if options["full"]:
        message = meter.find(ObjectType.DATA, "0.0.96.13.0.255")
        message.value = bytearray.fromhex(options["message"])
        message.setDataType(2, DataType.OCTET_STRING)
        meter.call(meter.c.write(message, 2))
        found["message"] = plain(meter.read(message, 2))
    if options["relay"]:
        relay = meter.find(ObjectType.DISCONNECT_CONTROL, "0.0.96.3.10.255")
        states = []
        for step in (relay.remoteDisconnect, relay.remoteReconnect):
            meter.call(step(meter.c))
            states.append(int(meter.read(relay, 3)))
        scripts = meter.find(ObjectType.SCRIPT_TABLE, "0.0.10.0.106.255")
        meter.read(scripts, 2)
        meter.call(scripts.execute(meter.c, 1))
        states.append(int(meter.read(relay, 3)))
        found["relay"] = states
        security = meter.find(ObjectType.SECURITY_SETUP, "0.0.43.0.0.255")
        found["server_title"] = plain(meter.read(security, 5))
    request = meter.c.releaseRequest()
    if request:
        meter.call(request)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
