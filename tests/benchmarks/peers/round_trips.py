"""The peers' side of round_trips.py, in their own environment: reads the name of a case, answers its seconds a GET."""

import json
import os
import socket
import sys
import tempfile
import threading
import time

PORT = int(sys.argv[1])
BLOCK_KEY, AUTH_KEY, TITLE = bytes(range(16)), bytes(range(0xD0, 0xE0)), b"PEER0001"
EXPECTED = (1234567, 1234568)
GETS, MANY, GETS_OF_MANY, GMAC_GETS, GMAC_GETS_OF_MANY = 1500, 100, 15, 150, 3


def counter():
    return int(time.time() * 16) & 0x7FFFFFFF


class Gurux:
    """GXDLMSSecureClient over a blocking socket."""

    def __init__(self, gmac=False):
        import gurux_dlms.GXDLMSChippering  # noqa: F401
        from gurux_dlms import GXReplyData
        from gurux_dlms.enums import Authentication, InterfaceType, Security
        from gurux_dlms.objects import GXDLMSRegister
        from gurux_dlms.secure import GXDLMSSecureClient

        sys.modules["gurux_dlms.GXDLMSChippering"].print = lambda *a, **k: None
        level = Authentication.HIGH_GMAC if gmac else Authentication.NONE
        c = self.c = GXDLMSSecureClient(True, 1 if gmac else 16, 1, level, None, InterfaceType.WRAPPER)
        c.ciphering.systemTitle = bytearray(TITLE)
        c.ciphering.blockCipherKey, c.ciphering.authenticationKey = bytearray(BLOCK_KEY), bytearray(AUTH_KEY)
        if gmac:
            c.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
            c.ciphering.invocationCounter = counter()
        self.sock = socket.create_connection(("127.0.0.1", PORT))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.register = GXDLMSRegister("1.0.1.8.0.255")
        self.reply = GXReplyData
        reply = GXReplyData()
        self.ask(c.aarqRequest(), reply)
        c.parseAareResponse(reply.data)
        if gmac:
            reply.clear()
            self.ask(c.getApplicationAssociationRequest(), reply)
            c.parseApplicationAssociationResponse(reply.data)

    def ask(self, messages, reply):
        from gurux_dlms import GXByteBuffer, GXReplyData

        for message in messages:
            reply.clear()
            self.sock.sendall(bytes(message))
            buffer, notify = GXByteBuffer(), GXReplyData()
            while True:
                buffer.set(self.sock.recv(65536))
                if self.c.getData(buffer, reply, notify):
                    break

    def get(self):
        reply = self.reply()
        self.ask(self.c.read(self.register, 2), reply)
        return self.c.updateValue(self.register, 2, reply.value) in EXPECTED

    def close(self):
        self.sock.close()


class DlmsCosem:
    def __init__(self, gmac=False):
        import structlog
        from dlms_cosem import cosem, enumerations, utils
        from dlms_cosem.client import DlmsClient
        from dlms_cosem.io import BlockingTcpIO, TcpTransport
        from dlms_cosem.security import HighLevelSecurityGmacAuthentication, NoSecurityAuthentication

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        more = {"authentication": NoSecurityAuthentication()}
        if gmac:
            more = {
                "authentication": HighLevelSecurityGmacAuthentication(challenge_length=16), "encryption_key": BLOCK_KEY,
                "authentication_key": AUTH_KEY, "client_system_title": TITLE, "client_initial_invocation_counter": counter(),
            }
        io = BlockingTcpIO("127.0.0.1", PORT)
        transport = TcpTransport(client_logical_address=1 if gmac else 16, server_logical_address=1, io=io)
        self.c = DlmsClient(transport=transport, **more)
        self.c.connect()
        self.c.associate()
        self.a = cosem.CosemAttribute(enumerations.CosemInterface.REGISTER, cosem.Obis(1, 0, 1, 8, 0), 2)
        self.parse = utils.parse_as_dlms_data

    def get(self):
        return self.parse(self.c.get(self.a)) in EXPECTED

    def close(self):
        self.c.disconnect()


class Pydlms:
    def __init__(self, gmac=False):
        from pydlms import DlmsClient, Mechanism, SecurityContext

        more = {"client_sap": 16}
        if gmac:
            context = SecurityContext(
                encryption_key=BLOCK_KEY, authentication_key=AUTH_KEY, client_system_title=TITLE, invocation_counter=counter()
            )
            more = {"client_sap": 1, "mechanism": Mechanism.HLS_GMAC, "security": context}
        self.c = DlmsClient.tcp("127.0.0.1", PORT, **more)
        self.c.connect()

    def get(self):
        return self.c.get("1.0.1.8.0.255", 3, 2).value in EXPECTED

    def close(self):
        self.c.close()


def one(cls, gets, clock, gmac=False):
    client = cls(gmac)
    try:
        assert client.get()
        began = clock()
        for _ in range(gets):
            client.get()
        return (clock() - began) / gets
    finally:
        client.close()


def many(cls, gets, gmac=False):
    clients = [cls(gmac) for _ in range(MANY)]
    start, end = threading.Barrier(MANY + 1), threading.Barrier(MANY + 1)

    def work(client):
        start.wait()
        for _ in range(gets):
            client.get()
        end.wait()

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.process_time()
    end.wait()
    cost = (time.process_time() - began) / (MANY * gets)
    for thread, client in zip(threads, clients):
        thread.join()
        client.close()
    return cost


CLASSES = {"gurux-dlms": Gurux, "dlms-cosem": DlmsCosem, "pydlms-client": Pydlms}
os.chdir(tempfile.gettempdir())
for line in sys.stdin:
    kind, name = line.split()
    cls = CLASSES[name]
    cost = {
        "one": lambda: one(cls, GETS, time.perf_counter),
        "many": lambda: many(cls, GETS_OF_MANY),
        "many-gmac": lambda: many(cls, GMAC_GETS_OF_MANY, gmac=True),
        "gmac": lambda: one(cls, GMAC_GETS, time.process_time, gmac=True),
    }[kind]()
    print(json.dumps({"seconds": cost}), flush=True)
