"""The peers' side of load_profile.py, in their own environment: reads the name of a case, answers its seconds."""

import json
import struct
import sys
import time

import gurux_dlms.GXDLMSChippering  # noqa: F401
from dlms_cosem import dlms_data as dd
from dlms_cosem import utils
from dlms_cosem.connection import XDlmsApduFactory
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, DataType, InterfaceType, TranslatorOutputType
from gurux_dlms.GXDLMSClient import GXDLMSClient
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXDLMSTranslator import GXDLMSTranslator
from gurux_dlms.internal._GXCommon import _GXCommon

ROWS = 2880


def cells(rows=ROWS):
    found = []
    for i in range(rows):
        day, minute = divmod(15 * i, 1440)
        stamp = struct.pack(">HBBBBBBBHB", 2025, 1 + day // 28 % 12, 1 + day % 28, 255, minute // 60, minute % 60, 0, 0, 0, 0)
        found.append((stamp, 0, 1000000 + 37 * i, 2000 + i, 300000 + 5 * i, 40000 + 3 * i))
    return found


def encode_by_hand(table):
    count = bytes((len(table),)) if len(table) < 128 else b"\x82" + struct.pack(">H", len(table))
    out = [b"\x01" + count]
    for stamp, status, *registers in table:
        out.append(b"\x02\x06\x09\x0c" + stamp + b"\x11" + bytes((status,)))
        out += (b"\x06" + value.to_bytes(4, "big") for value in registers)
    return b"".join(out)


TABLE = cells()
DATA = encode_by_hand(TABLE)
APDU = b"\xc4\x01\xc1\x00" + DATA
DAY = b"\xc4\x01\xc1\x00" + encode_by_hand(cells(96))
CLIENT = GXDLMSClient(True, 16, 1, Authentication.NONE, None, InterfaceType.PDU)
SETTINGS = GXDLMSSettings(False, None)
TRANSLATOR = GXDLMSTranslator(TranslatorOutputType.STANDARD_XML)


def decode_gurux():
    reply = GXReplyData()
    CLIENT.getData(GXByteBuffer(bytearray(APDU)), reply, GXReplyData())
    assert len(reply.value) == ROWS


def decode_dlms_cosem():
    assert len(utils.parse_as_dlms_data(bytes(XDlmsApduFactory.apdu_from_bytes(APDU).data))) == ROWS


def encode_gurux():
    buffer = GXByteBuffer()
    buffer.setUInt8(DataType.ARRAY)
    _GXCommon.setObjectCount(len(TABLE), buffer)
    for stamp, status, *registers in TABLE:
        buffer.setUInt8(DataType.STRUCTURE)
        buffer.setUInt8(6)
        _GXCommon.setData(SETTINGS, buffer, DataType.OCTET_STRING, stamp)
        _GXCommon.setData(SETTINGS, buffer, DataType.UINT8, status)
        for value in registers:
            _GXCommon.setData(SETTINGS, buffer, DataType.UINT32, value)
    assert bytes(buffer.array()) == DATA


def encode_dlms_cosem():
    out = [b"\x01\x82" + struct.pack(">H", ROWS)]
    for stamp, status, *registers in TABLE:
        out.append(b"\x02\x06" + dd.OctetStringData(stamp).to_bytes() + dd.UnsignedIntegerData(status).to_bytes())
        out += (dd.DoubleLongUnsignedData(value).to_bytes() for value in registers)
    assert b"".join(out) == DATA


def to_xml_gurux():
    TRANSLATOR.pduToXml(bytearray(DAY))


def from_xml_gurux():
    TRANSLATOR.xmlToPdu(XML)


XML = TRANSLATOR.pduToXml(bytearray(DAY))
# its translator is quadratic in the length: a day's profile, taken thirty times, is kinder to it than the month
CASES = {
    "decode gurux-dlms": (decode_gurux, 1),
    "decode dlms-cosem": (decode_dlms_cosem, 1),
    "encode gurux-dlms": (encode_gurux, 1),
    "encode dlms-cosem": (encode_dlms_cosem, 1),
    "to xml gurux-dlms": (to_xml_gurux, 30),
    "from xml gurux-dlms": (from_xml_gurux, 30),
}
for line in sys.stdin:
    work, times = CASES[line.strip()]
    began = time.process_time()
    work()
    print(json.dumps({"seconds": (time.process_time() - began) * times}), flush=True)
