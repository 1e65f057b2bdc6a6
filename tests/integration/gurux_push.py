"""A meter that pushes, on gurux-dlms, in its own process: `gurux_push.py tcp|udp|hdlc PORT FORM COUNTER OCTETS`.

FORM is plain, ciphered, blocks or event. Prints what is answered first, in hex.
"""

import socket
import sys

from gurux_dlms import GXByteBuffer
from gurux_dlms.enums import Conformance, DataType, InterfaceType, Security
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects import GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureNotify

wire, port, form, counter, size = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
notify = GXDLMSSecureNotify(True, 103, 1, InterfaceType.HDLC if wire == "hdlc" else InterfaceType.WRAPPER)
if form == "ciphered":
    notify.ciphering.systemTitle = bytes.fromhex("4D4D4D0000BC614E")
    notify.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    notify.ciphering.blockCipherKey = bytes(range(16))
    notify.ciphering.authenticationKey = bytes(range(0xD0, 0xE0))
    notify.ciphering.invocationCounter = counter
if form == "blocks":
    notify.conformance = Conformance.GENERAL_BLOCK_TRANSFER
    notify.maxReceivePDUSize = 64
if form == "event":
    register = GXDLMSRegister("1.0.1.8.0.255")
    register.value = 5
    messages = notify.generateReport(None, [(register, 2)])
else:
    data = GXByteBuffer()
    _GXCommon.setData(notify.settings, data, DataType.OCTET_STRING, bytes(range(size)))
    messages = notify.generateDataNotificationMessages(None, data)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if wire == "udp" else socket.SOCK_STREAM) as link:
    link.settimeout(30)
    link.connect(("127.0.0.1", port))
    for message in messages:
        link.sendall(bytes(message))
    if form != "event":
        print(link.recv(4096).hex(), flush=True)
