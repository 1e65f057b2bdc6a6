"""The peers' side of sessions.py, in their own environment: reads the name of a case, answers its seconds a session."""

import datetime
import itertools
import json
import socket
import sys
import threading
import time

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
PORT = int(sys.argv[1])
BLOCK_KEY, AUTH_KEY, TITLE = bytes(range(16)), bytes(range(0xD0, 0xE0)), b"PEER0001"
BEGIN = datetime.datetime(2025, 1, 2, tzinfo=datetime.timezone.utc)
END = BEGIN + datetime.timedelta(days=1)
SESSIONS, AT_ONCE = 5, 200
COUNTERS = itertools.count(1 << 24, 1000)


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


def session_gurux():
    c = GXDLMSSecureClient(True, 1, 1, Authentication.HIGH_GMAC, None, InterfaceType.WRAPPER)
    c.ciphering.systemTitle = bytearray(TITLE)
    c.ciphering.blockCipherKey = bytearray(BLOCK_KEY)
    c.ciphering.authenticationKey = bytearray(AUTH_KEY)
    c.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    c.ciphering.invocationCounter = next(COUNTERS)
    with socket.create_connection(("127.0.0.1", PORT)) as sock:
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
        reply.clear()
        ask(sock, c, c.readRowsByRange(profile, GXDateTime(BEGIN), GXDateTime(END)), reply)
        assert len(reply.value) in (96, 97), len(reply.value)
        ask(sock, c, c.releaseRequest(), reply)


def session_dlms_cosem():
    client = DlmsClient(
        transport=TcpTransport(client_logical_address=1, server_logical_address=1, io=BlockingTcpIO("127.0.0.1", PORT)),
        authentication=HighLevelSecurityGmacAuthentication(challenge_length=16),
        encryption_key=BLOCK_KEY,
        authentication_key=AUTH_KEY,
        client_system_title=TITLE,
        client_initial_invocation_counter=next(COUNTERS),
    )
    clock = cosem.CosemAttribute(enumerations.CosemInterface.CLOCK, cosem.Obis(0, 0, 1, 0, 0), 2)
    profile = cosem.CosemAttribute(enumerations.CosemInterface.PROFILE_GENERIC, cosem.Obis(1, 0, 99, 1, 0), 2)
    client.connect()
    client.associate()
    wanted = RangeDescriptor(CaptureObject(clock), BEGIN, END)
    rows = parse_as_dlms_data(client.get(profile, wanted))
    assert len(rows) in (96, 97), len(rows)
    client.release_association()
    client.disconnect()


def one_after_the_other(session):
    for _ in range(SESSIONS):
        session()
    return SESSIONS


def at_once(session):
    threads = [threading.Thread(target=session) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return AT_ONCE


HOW = {"threads": at_once, "one": one_after_the_other}
SESSION = {"gurux-dlms": session_gurux, "dlms-cosem": session_dlms_cosem}
for line in sys.stdin:
    how, name = line.split()
    began = time.process_time()
    sessions = HOW[how](SESSION[name])
    print(json.dumps({"seconds": (time.process_time() - began) / sessions}), flush=True)
