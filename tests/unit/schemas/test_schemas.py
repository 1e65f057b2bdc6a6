"""The schemas and the WSDL: they compile everywhere, admit what they should and nothing else."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import xmlschema
import zeep
from lxml import etree

from tests import oracle

SCHEMAS = Path(__file__).parents[3] / "schemas"
SAMPLES = Path(__file__).parents[2] / "vectors" / "xml"
VALID = sorted((SAMPLES / "valid").glob("*.xml"))
INVALID = {
    "deployed-order": "AsyncReplyFlag",
    "device-without-id": "DeviceID",
    "enum-out-of-range": "enum",
    "response-as-request": "get-response",
    "short-instance-id": "instance-id",
    "unknown-enumeration": "state-error",
    "unknown-payload": "Meters",
}
MES = "{http://iec.ch/TC57/2011/schema/message}"


@cache
def by_lxml() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / "Message.xsd"))


@cache
def by_xmlschema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(SCHEMAS / "Message.xsd")


@cache
def client() -> Any:
    return zeep.Client(str(SCHEMAS / "cas.wsdl"))  # type: ignore[no-untyped-call]  # zeep has no types


@pytest.mark.clause("A.1")
@pytest.mark.parametrize("name", ["COSEMpdu.xsd", "DeviceAccess.xsd", "Message.xsd"])
def test_schema_compiles(name: str) -> None:
    etree.XMLSchema(etree.parse(SCHEMAS / name))
    xmlschema.XMLSchema(SCHEMAS / name)


@pytest.mark.parametrize("name", ["COSEMpdu.xsd", "DeviceAccess.xsd", "Message.xsd", "cas.wsdl"])
def test_provenance_is_told(name: str) -> None:
    assert "RECONSTRUCTED" in (SCHEMAS / name).read_text(encoding="utf-8")[:1000]


@pytest.mark.clause("A.2")
@pytest.mark.clause("A.3")
@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_sample_is_accepted(path: Path) -> None:
    document = etree.parse(path)
    by_lxml().assertValid(document)
    by_xmlschema().validate(document)


@pytest.mark.clause("A.2")
@pytest.mark.clause("A.3")
@pytest.mark.parametrize(("name", "culprit"), INVALID.items())
def test_invalid_sample_is_refused_at_the_culprit(name: str, culprit: str) -> None:
    document = etree.parse(SAMPLES / "invalid" / f"{name}.xml")
    with pytest.raises(etree.DocumentInvalid, match=culprit):
        by_lxml().assertValid(document)
    assert not by_xmlschema().is_valid(document)


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_oracle_reads_and_writes_every_sample(path: Path) -> None:
    value = oracle.parse(path.read_bytes())
    written = oracle.render(value)
    assert oracle.parse(written) == value
    by_lxml().assertValid(etree.fromstring(written))


@pytest.mark.clause("A.4")
def test_zeep_makes_a_valid_request_of_dictionaries() -> None:
    descriptor = {"class-id": 3, "instance-id": "0100010800FF", "attribute-id": 2}
    request = {"get-request-normal": {"invoke-id-and-priority": 193, "cosem-attribute-descriptor": descriptor}}
    access = {"CosemAccessDescriptor": {"CosemXDLMSDescriptor": {"get-request": request}}}
    message = client().create_message(
        client().service,
        "Request",
        Header={"Verb": "create", "Noun": "DeviceAccess"},
        Payload={
            "DeviceAccess": {
                "DevicesReferenceList": {"DeviceReference": [{"DeviceID": "4D4D4D0000BC614E"}]},
                "CosemAccessList": {"CosemAccess": [access]},
            }
        },
    )
    body = etree.fromstring(etree.tostring(message[-1][0]))
    by_lxml().assertValid(body)
    assert body.findtext(".//{*}instance-id") == "0100010800FF"


@pytest.mark.clause("A.4")
def test_zeep_reads_an_answer() -> None:
    document = etree.parse(SAMPLES / "valid" / "response-results.xml").getroot()
    value = client().get_element(f"{MES}ResponseMessage").parse(document, client().wsdl.types)
    results = value.Payload.DeviceAccess[0].CosemAccessList.CosemAccess[0].CosemAccessResult
    assert [result.DeviceID for result in results] == ["4D4D4D0000BC614E", "4D4D4D0000BC614F", "house 7", "house 8"]
    assert results[1].CosemXDLMSResult["exception-response"]["service-error"]["invocation-counter-error"] == 2**32 - 1
    assert results[2].CosemErrorResult.code == "4.1"


@pytest.mark.clause("8.2")
def test_wsdl_offers_soap_12_and_11() -> None:
    (service,) = client().wsdl.services.values()
    assert {port.binding.__class__.__name__ for port in service.ports.values()} == {"Soap12Binding", "Soap11Binding"}
    for port in service.ports.values():
        assert sorted(port.binding.all()) == ["DeviceStatistic", "Request"]
