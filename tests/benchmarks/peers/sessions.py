"""The peers' side of sessions.py, in their own environment: reads the name of a case, answers its seconds a session."""

import datetime
import itertools
import json
import socket
import sys
import time
import tomllib
import urllib.parse
from pathlib import Path

import gurux_dlms.GXDLMSChippering  # noqa: F401
from gurux_dlms import GXByteBuffer, GXDateTime, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.objects import GXDLMSClock, GXDLMSProfileGeneric, GXDLMSRegister, GXDLMSData
from gurux_dlms.objects.GXDLMSCaptureObject import GXDLMSCaptureObject
from gurux_dlms.secure import GXDLMSSecureClient

sys.modules["gurux_dlms.GXDLMSChippering"].print = lambda *a, **k: None
METERS = tomllib.loads(Path(sys.argv[1]).read_text())["device"]
SESSIONS = 5
COUNTERS = itertools.count(1 << 24, 1000)
TITLE = b"PEER0001"


def ask(sock, client, messages, reply):
    for message in messages if isinstance(messages, list) else [messages]:
        reply.clear()
        exchange(sock, client, message, reply)
        while reply.isMoreData():
            exchange(sock, client, client.receiverReady(reply), reply)


def exchange(sock, client, message, reply):
    sock.sendall(bytes(message))
    buffer, notify = GXByteBuffer(), GXReplyData()
    while True:
        buffer.set(sock.recv(65536))
        if client.getData(buffer, reply, notify):
            return


def session(meter):
    c = GXDLMSSecureClient(True, 1, 1, Authentication.HIGH_GMAC, None, InterfaceType.WRAPPER)
    c.ciphering.systemTitle = bytearray(TITLE)
    c.ciphering.blockCipherKey = bytearray.fromhex(meter["encryption_key"])
    c.ciphering.authenticationKey = bytearray.fromhex(meter["authentication_key"])
    c.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    c.ciphering.invocationCounter = next(COUNTERS)
    port = urllib.parse.urlsplit(meter["url"]).port
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reply = GXReplyData()
        ask(sock, c, c.aarqRequest(), reply)
        c.parseAareResponse(reply.data)
        reply.clear()
        ask(sock, c, c.getApplicationAssociationRequest(), reply)
        c.parseApplicationAssociationResponse(reply.data)
        profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
        for captured in (GXDLMSClock(), GXDLMSData("0.0.96.10.1.255"), *(GXDLMSRegister(f"1.0.{n}.8.0.255") for n in (1, 2, 3, 4))):
            profile.captureObjects.append((captured, GXDLMSCaptureObject(2, 0)))
        utc = datetime.timezone.utc
        day = datetime.datetime.now(utc).replace(hour=0, minute=0, second=0, microsecond=0) - datetime.timedelta(days=2)
        reply.clear()
        ask(sock, c, c.readRowsByRange(profile, GXDateTime(day), GXDateTime(day + datetime.timedelta(days=1))), reply)
        assert len(reply.value) in (96, 97), len(reply.value)
        ask(sock, c, c.releaseRequest(), reply)


for line in sys.stdin:
    began = time.process_time()
    for meter in METERS[:SESSIONS]:
        session(meter)
    print(json.dumps({"seconds": (time.process_time() - began) / SESSIONS}), flush=True)
