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
import structlog
from dlms_cosem import cosem, enumerations
from dlms_cosem.client import DlmsClient
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.io import BlockingTcpIO, TcpTransport
from dlms_cosem.security import HighLevelSecurityGmacAuthentication
from dlms_cosem.utils import parse_as_dlms_data
from gurux_dlms import GXByteBuffer, GXDateTime, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.objects import GXDLMSClock, GXDLMSProfileGeneric, GXDLMSRegister, GXDLMSData
from gurux_dlms.objects.GXDLMSCaptureObject import GXDLMSCaptureObject
from gurux_dlms.secure import GXDLMSSecureClient

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
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


def session_gurux(meter):
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
        begin = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        begin, end = begin - datetime.timedelta(days=2), begin - datetime.timedelta(days=1)
        reply.clear()
        ask(sock, c, c.readRowsByRange(profile, GXDateTime(begin), GXDateTime(end)), reply)
        assert len(reply.value) in (96, 97), len(reply.value)
        ask(sock, c, c.releaseRequest(), reply)


def session_dlms_cosem(port):
    client = DlmsClient(
        transport=TcpTransport(client_logical_address=1, server_logical_address=1, io=BlockingTcpIO("127.0.0.1", port)),
        authentication=HighLevelSecurityGmacAuthentication(challenge_length=16),
        encryption_key=bytes(range(16)),
        authentication_key=bytes(range(0xD0, 0xE0)),
        client_system_title=TITLE,
        client_initial_invocation_counter=next(COUNTERS),
    )
    clock = cosem.CosemAttribute(enumerations.CosemInterface.CLOCK, cosem.Obis(0, 0, 1, 0, 0), 2)
    profile = cosem.CosemAttribute(enumerations.CosemInterface.PROFILE_GENERIC, cosem.Obis(1, 0, 99, 1, 0), 2)
    begin = datetime.datetime(2025, 1, 2, tzinfo=datetime.timezone.utc)
    client.connect()
    client.associate()
    wanted = RangeDescriptor(CaptureObject(clock), begin, begin + datetime.timedelta(days=1))
    rows = parse_as_dlms_data(client.get(profile, wanted))
    assert len(rows) in (96, 97), len(rows)
    client.release_association()
    client.disconnect()


PORT = int(sys.argv[2])
SESSION = {
    "gurux-dlms": lambda number: session_gurux(METERS[number]),
    "dlms-cosem": lambda _number: session_dlms_cosem(PORT),
}
for line in sys.stdin:
    session = SESSION[line.strip()]
    began = time.process_time()
    for number in range(SESSIONS):
        session(number)
    print(json.dumps({"seconds": (time.process_time() - began) / SESSIONS}), flush=True)
