"""SOAP documents: a request of 1,000 devices and 10 descriptors, an answer of 2 MB, beside xsdata and lxml."""

from collections.abc import Iterable

from lxml import etree
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.cosem.data import Data
from cas.soap.message import read_message
from cas.soap.schema import Validator
from tests import oracle
from tests.benchmarks.measure import Row, compare, timed

DEVICES, DESCRIPTORS, RESULTS = 1000, 10, 4000


def get(number: int) -> cos.GetRequest:
    name = bytes((1, 0, 1 + number % 90, 8, 0, 255))
    attribute = cos.CosemAttributeDescriptor(class_id=3, instance_id=name, attribute_id=2)
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(invoke_id_and_priority=193, cosem_attribute_descriptor=attribute)
    )


def access(number: int, results: int = 0) -> dev.CosemAccess:
    descriptor = dev.CosemXdlmsDescriptor(get_request=get(number))
    return dev.CosemAccess(
        cosem_access_descriptor=dev.CosemAccessDescriptor(cosem_xdlms_descriptor=descriptor),
        cosem_access_result=tuple(result(device) for device in range(results)),
    )


def result(device: int) -> dev.CosemAccessResult:
    data = cos.GetDataResult(data=Data.of("double-long-unsigned", 1_000_000 + device))
    normal = cos.GetResponseNormal(invoke_id_and_priority=193, result=data)
    return dev.CosemAccessResult(
        device_id=f"{device:016X}",
        cosem_xdlms_result=dev.CosemXdlmsResult(get_response=cos.GetResponse(get_response_normal=normal)),
    )


def payload(accesses: Iterable[dev.CosemAccess]) -> mes.PayloadType:
    devices = tuple(dev.DeviceReference(device_id=f"{number:016X}") for number in range(DEVICES))
    return mes.PayloadType(
        device_access=(
            dev.DeviceAccess(
                devices_reference_list=dev.DevicesReferenceList(device_reference=devices),
                cosem_access_list=dev.CosemAccessList(cosem_access=tuple(accesses)),
            ),
        )
    )


def rows(rounds: int) -> Iterable[Row]:
    """Every measurement of this module."""
    header = mes.HeaderType(verb=mes.Verb.CREATE, noun="DeviceAccess")
    request = mes.RequestMessage(header=header, payload=payload(access(n) for n in range(DESCRIPTORS)))
    document = xml.document(request)
    validator, context = Validator(), XmlContext()
    theirs = oracle.class_of("{http://iec.ch/TC57/2011/schema/message}RequestMessage")
    parser = XmlParser(context=context)

    def ours() -> mes.RequestMessageType:
        return read_message(xml.parse_folded(document), validator, limit=len(document), strict=True).content

    assert xml.write(ours(), "mes:RequestMessage") == xml.write(request, "mes:RequestMessage")
    yield compare(
        "SOAP request, 1,000 devices x 10: parse, validate, read",
        {
            "ours": timed(ours),
            "floor: lxml parse, validate": timed(lambda: validator.accepts(etree.fromstring(document))),
            "xsdata parser, not validated": timed(lambda: parser.from_bytes(document, theirs)),
        },
        {"xsdata parser, not validated": 8.0},
        rounds,
    )
    answer = mes.ResponseMessage(
        header=mes.HeaderType(verb=mes.Verb.REPLY, noun="DeviceAccess"),
        reply=mes.ReplyType(result=mes.Result.OK),
        payload=payload([access(0, RESULTS)]),
    )
    written = xml.document(answer)
    plain = oracle.parse(written)
    serializer = XmlSerializer(context=context)
    tree = etree.fromstring(written)
    yield compare(
        f"SOAP answer of {len(written) / 1e6:.1f} MB from objects to XML",
        {
            "ours": timed(lambda: xml.document(answer)),
            "floor: lxml tostring of a tree": timed(lambda: etree.tostring(tree)),
            "xsdata serialiser": timed(lambda: serializer.render(plain)),
        },
        {"xsdata serialiser": 20.0},
        rounds,
    )
