"""SOAP messages as text, in the forms of clients: schema order, and the order of the deployed client."""

from collections.abc import Sequence
from typing import Any

from lxml import etree

SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
MES = "http://iec.ch/TC57/2011/schema/message"
DEV = "http://iec.ch/TC13/2014/schema/DeviceAccess"
COS = "http://www.dlms.com/COSEMpdu"
NAMESPACES = {"mes": MES, "dev": DEV, "cos": COS}
_DECLARATIONS = f'xmlns:mes="{MES}" xmlns:dev="{DEV}" xmlns:cos="{COS}"'

GET_ENERGY = (
    "<cos:get-request><cos:get-request-normal><cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
    "<cos:cosem-attribute-descriptor><cos:class-id>3</cos:class-id><cos:instance-id>0100010800FF</cos:instance-id>"
    "<cos:attribute-id>2</cos:attribute-id></cos:cosem-attribute-descriptor>"
    "</cos:get-request-normal></cos:get-request>"
)
GET_LIST = (
    "<cos:get-request><cos:get-request-with-list><cos:invoke-id-and-priority>193</cos:invoke-id-and-priority>"
    "<cos:attribute-descriptor-list>{items}</cos:attribute-descriptor-list></cos:get-request-with-list></cos:get-request>"
)


def envelope(body: str, soap: str = SOAP12) -> bytes:
    return f'<soap:Envelope xmlns:soap="{soap}" {_DECLARATIONS}><soap:Body>{body}</soap:Body></soap:Envelope>'.encode()


def request(verb: str, inside: str = "", *, noun: str = "DeviceAccess", header: str = "", soap: str = SOAP12) -> bytes:
    return envelope(
        f"<mes:RequestMessage><mes:Header><mes:Verb>{verb}</mes:Verb><mes:Noun>{noun}</mes:Noun>{header}</mes:Header>"
        f"{inside}</mes:RequestMessage>",
        soap,
    )


def device_access(
    devices: Sequence[str], requests: Sequence[str] = (GET_ENERGY,), *, terms: str = "", form: str = "mes"
) -> str:
    references = "".join(f'<dev:DeviceReference DeviceID="{device}"/>' for device in devices)
    accesses = "".join(access(request) for request in requests)
    return (
        f"<mes:Payload><{form}:DeviceAccess><dev:DevicesReferenceList>{references}</dev:DevicesReferenceList>"
        f"<dev:CosemAccessList>{accesses}</dev:CosemAccessList>{terms}</{form}:DeviceAccess></mes:Payload>"
    )


def access(request: str) -> str:
    return (
        "<dev:CosemAccess><dev:CosemAccessDescriptor><dev:CosemXDLMSDescriptor>"
        f"{request}</dev:CosemXDLMSDescriptor></dev:CosemAccessDescriptor></dev:CosemAccess>"
    )


def create(devices: Sequence[str], requests: Sequence[str] = (GET_ENERGY,), **more: str) -> bytes:
    payload = device_access(devices, requests, terms=more.pop("terms", ""), form=more.pop("form", "mes"))
    return request("create", payload, **more)


def by_id(verb: str, *ids: str, more: str = "", payload: str = "") -> bytes:
    named = "".join(f"<mes:ID>{each}</mes:ID>" for each in ids)
    return request(verb, f"<mes:Request>{named}{more}</mes:Request>{payload}")


def deployed_create(*devices: str) -> bytes:
    """A create as the deployed client writes it: default prefixes of its own, its order, its constant MessageID."""
    references = "".join(f'<ns3:DeviceReference DeviceID="{device}"/>' for device in devices)
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<S:Envelope xmlns:S="{SOAP12}" xmlns="{MES}" xmlns:ns2="{COS}" xmlns:ns3="{DEV}">
  <S:Header/>
  <S:Body>
    <RequestMessage>
      <Header>
        <Verb>create</Verb><Noun>DeviceAccess</Noun><Timestamp>2025-03-01T12:00:00Z</Timestamp><Source>console</Source>
        <MessageID>MessageID</MessageID><CorrelationID>corr-7</CorrelationID>
        <AsyncReplyFlag>false</AsyncReplyFlag><ReplyAddress>http://10.1.1.1/events</ReplyAddress>
      </Header>
      <Payload>
        <DeviceAccess>
          <ns3:CosemAccessList><ns3:CosemAccess><ns3:CosemAccessDescriptor><ns3:CosemXDLMSDescriptor>
            <ns2:get-request><ns2:get-request-normal>
              <ns2:cosem-attribute-descriptor>
                <ns2:instance-id>0100010800ff</ns2:instance-id><ns2:class-id>3</ns2:class-id>
                <ns2:attribute-id>2</ns2:attribute-id>
              </ns2:cosem-attribute-descriptor>
              <ns2:invoke-id-and-priority>193</ns2:invoke-id-and-priority>
            </ns2:get-request-normal></ns2:get-request>
          </ns3:CosemXDLMSDescriptor></ns3:CosemAccessDescriptor></ns3:CosemAccess></ns3:CosemAccessList>
          <ns3:DevicesReferenceList>{references}</ns3:DevicesReferenceList>
          <ns3:Priority>10</ns3:Priority>
          <ns3:NotOlderThan>2025-03-01T11:00:00Z</ns3:NotOlderThan>
          <ns3:AcceptDataNotification>false</ns3:AcceptDataNotification>
          <ns3:Activates>2025-03-01T11:00:00Z</ns3:Activates>
          <ns3:Duration>PT1H</ns3:Duration>
        </DeviceAccess>
      </Payload>
      <Request><ID></ID><StartTime>2025-03-01T11:00:00Z</StartTime></Request>
    </RequestMessage>
  </S:Body>
</S:Envelope>""".encode()


class Answer:
    """An answer, looked into by XPath with the prefixes mes, dev, cos, soap."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.root = etree.fromstring(octets)
        self.soap = etree.QName(self.root).namespace

    def all(self, path: str) -> list[Any]:
        found: Any = self.root.xpath(path, namespaces={**NAMESPACES, "soap": self.soap})
        return list(found)

    def texts(self, path: str) -> list[str]:
        return [str(getattr(found, "text", found)) for found in self.all(path)]

    def text(self, path: str) -> str:
        (found,) = self.texts(path)
        return found

    @property
    def result(self) -> str:
        return self.text("//mes:Reply/mes:Result")

    @property
    def id(self) -> str:
        return self.text("//mes:Reply/mes:ID")

    @property
    def codes(self) -> list[str]:
        return self.texts("//mes:Reply/mes:Error/mes:code")

    @property
    def is_fault(self) -> bool:
        return bool(self.all("/soap:Envelope/soap:Body/soap:Fault"))
