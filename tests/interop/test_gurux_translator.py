"""A foreign judge of octets and XML: what gurux-dlms makes of our APDUs, in its own process.

Its notation differs from COSEMpdu here and there (`notation` below), and it has errors, which are listed with what is
wrong (`ERRORS`, `DATA_ERRORS`); everything else must be the same, and an error that is no more must leave the list.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from cas import xml
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.data_xml import octets_of_utf8
from cas.dlms import axdr, ber
from cas.dlms.apdu import encode_apdu
from tests import strategies

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".peers/bin/python"
VECTORS: list[dict[str, str]] = json.loads((ROOT / "tests/vectors/apdus.json").read_text())["apdus"]
NAMESPACE = "http://www.dlms.com/COSEMpdu"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="the peers are not installed: make test installs them")

Tree: TypeAlias = "tuple[str, str | list[Tree]]"

# ---------------------------------------------------------------- its notation

RENAMED = {
    "CallingAPTitle": "calling-AP-title",
    "RespondingAPTitle": "responding-AP-title",
    "get-response-with-data-block": "get-response-with-datablock",
    "set-request-first-data-block": "set-request-with-first-datablock",
    "set-response-data-block": "set-response-datablock",
    "set-response-with-last-data-block": "set-response-last-datablock",
    **{
        f"{key}-{name}": f"{key}-{camel}"
        for key in ("glo", "ded")
        for name, camel in (
            ("read-request", "readRequest"),
            ("write-request", "writeRequest"),
            ("read-response", "readResponse"),
            ("write-response", "writeResponse"),
            ("confirmed-service-error", "confirmedServiceError"),
        )
    },
}
"""Element names of older editions, or of its own."""
SIGNED = {"bcd": 8, "attribute-id": 8, "method-id": 8, "variable-name": 16, "vaa-name": 16}
"""Numbers that it shows unsigned, most of the time, by their bits."""
NUMBERED = {
    "acse-service-user": [str(member.value) for member in cos.AcseServiceUser],
    "acse-service-provider": [str(member.value) for member in cos.AcseServiceProvider],
}
"""Enumerations that it shows as numbers."""
OIDS = {"application-context-name": "2.16.756.5.8.1.", "mechanism-name": "2.16.756.5.8.2."}
CONFORMANCE = [
    "reserved-zero",
    "general-protection",
    "general-block-transfer",
    "read",
    "write",
    "unconfirmed-write",
    "delta-value-encoding",
    "reserved-seven",
    "attribute0-supported-with-set",
    "priority-mgmt-supported",
    "attribute0-supported-with-get",
    "block-transfer-with-get-or-read",
    "block-transfer-with-set-or-write",
    "block-transfer-with-action",
    "multiple-references",
    "information-report",
    "data-notification",
    "access",
    "parameterized-access",
    "get",
    "set",
    "selective-access",
    "event-notification",
    "action",
]


def theirs(element: xml.Element) -> Tree:
    """What it wrote, in the notation of COSEMpdu."""
    local = etree.QName(element).localname
    local = RENAMED.get(local, local)
    children = [theirs(child) for child in element]
    if children:
        return local, children
    return local, their_value(element, local, (element.text or "").strip())


def their_value(element: xml.Element, local: str, text: str) -> "str | list[Tree]":
    parent = element.getparent()
    within = "" if parent is None else etree.QName(parent).localname
    if local in ("last-block", "boolean"):
        return {"0": "false", "1": "true"}.get(text, text.lower())
    if local in SIGNED:
        half = 1 << SIGNED[local] - 1
        return str((int(text) + half) % (2 * half) - half)
    if local in OIDS:
        return OIDS[local] + text
    if local.endswith("-conformance"):
        return "".join(str(int(name in text.split())) for name in CONFORMANCE)
    if local in NUMBERED:
        return NUMBERED[local][int(text)]
    if local == "result" and within == "aare":
        return str(list(cos.AssociationResult)[int(text)].value)
    if local == "utf8-string":
        return text.replace(" ", "")
    if local == "service-error" and within == "exception-response":
        return [(text, "")]
    return text


def ours(element: xml.Element) -> Tree:
    """What we wrote, without what it leaves out: defaults."""
    local = etree.QName(element).localname
    children = [ours(child) for child in element if etree.QName(child).localname != "protocol-version"]
    if children:
        return local, children
    text = element.text or ""
    if local == "utf8-string":
        return local, octets_of_utf8(text).hex().upper()
    return local, text.strip()


# ---------------------------------------------------------------- its errors

ERRORS = {
    "AARE, refused by the provider": "shows acse-service-provider as acse-service-user",
    "initiateRequest, quality of service, no response": "fails on response-allowed and quality of service",
    "confirmedServiceError, read, object undefined": "shows every service as initiateError",
    "confirmedServiceError, write, deciphering error": "shows every service as initiateError",
    "exception-response, pdu-too-long": "knows service errors 1 to 3 only",
    "exception-response, deciphering-error": "knows service errors 1 to 3 only",
    "exception-response, invocation-counter-error": "knows service errors 1 to 3 only",
    "get-request-with-list, one with selection": "drops the access-selection in a list",
    "get-response-normal, success": "writes an empty data for data-access-result success",
    "get-response-with-list": "writes data without the Get-Data-Result around it",
    "get-response-with-list, one fails": "drops a data-access-result in a list",
    "set-request-with-list-and-first-datablock": "does not know it",
    "set-response-last-datablock-with-list": "does not know it",
    "set-response-with-list": "names the elements data-access-result, not Data-Access-Result",
    "set-response-with-list, one fails": "names the elements data-access-result, not Data-Access-Result",
    "action-request-next-pblock": "does not know it",
    "action-request-with-list": "does not know it",
    "action-request-with-first-pblock": "leaves the action-request empty",
    "action-request-with-list-and-first-pblock": "does not know it",
    "action-request-with-pblock": "does not know it",
    "action-response-normal, no return parameters": "does not close single-response",
    "action-response-normal, object-undefined": "does not close single-response",
    "action-response-with-pblock": "does not know it",
    "action-response-with-list": "does not know it",
    "data-notification-confirm": "does not know it",
    "access-request, all five kinds": "writes an attribute descriptor for a method, and fails on the rest",
    "access-response, all three kinds": "fails on what is no get",
    "access-response, request repeated": "fails on the access-request-specification",
    "readRequest, next block": "writes BlockNumberAccess, and no variable-access-specification",
    "readRequest, block of a request": "writes ReadDataBlockAccess with attributes",
    "readResponse, block": "fails",
    "readResponse, block received": "leaves it empty",
    "writeRequest": "puts all names into one specification",
    "writeRequest, block": "writes WriteDataBlockAccess with attributes",
    "writeResponse": "shows block-number as data-access-result",
    "unconfirmedWriteRequest": "does not know it",
    "informationReportRequest, time": "fails on current-time",
    "glo-initiateRequest": "does not know it outside an AARQ",
    "glo-initiateResponse": "does not know it outside an AARE",
    **{
        f"{key}-{name}": "does not know it"
        for key, names in {
            "glo": ("unconfirmedWriteRequest", "informationReportRequest", "event-notification-request"),
            "ded": (
                "initiateRequest",
                "readRequest",
                "writeRequest",
                "initiateResponse",
                "readResponse",
                "writeResponse",
                "unconfirmedWriteRequest",
                "informationReportRequest",
                "event-notification-request",
            ),
        }.items()
        for name in names
    },
    "general-ded-ciphering, no title, length in two octets": "calls it general-glo-ciphering",
    "general-ciphering, no key-info": "fails",
    "general-ciphering, identified key": "fails",
    "general-ciphering, wrapped key": "fails",
    "general-ciphering, agreed key": "fails",
    "general-signing": "does not know it",
    "Data: visible-string": "does not escape markup",
    "Data: float64": "names it `float64,`",
    "Data: date": "fails",
    "Data: delta-integer": "does not know it",
    "Data: delta-long": "does not know it",
    "Data: delta-double-long": "does not know it",
    "Data: delta-unsigned": "does not know it",
    "Data: delta-long-unsigned": "does not know it",
    "Data: delta-double-long-unsigned": "does not know it",
    "Data: dont-care": "leaves it out",
    "Data: compact-array of long-unsigned": "fails",
    "Data: compact-array of structures with an array": "writes an empty contents-description",
}
"""By the name of the vector that shows it."""


def translate(requests: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """All at once through one process."""
    done = subprocess.run(
        [str(PYTHON), str(ROOT / "tests/interop/gurux_translator.py")],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(requests), done.stderr
    return map(json.loads, lines)


def read_theirs(answer: dict[str, str]) -> "Tree | None":
    """None where it failed, or wrote what is no XML."""
    if "xml" not in answer:
        return None
    try:
        return theirs(etree.fromstring(answer["xml"].replace("\r\n", "\n").encode()))
    except etree.XMLSyntaxError:
        return None


def read_ours(octets: bytes) -> Tree:
    cls = cos.ACseApdu if 0x60 <= octets[0] <= 0x63 else cos.XDlmsApdu
    apdu = ber.decode(cls, octets) if cls is cos.ACseApdu else axdr.decode(cls, octets)
    return ours(xml.parse(xml.document(apdu)))


def test_the_vectors() -> None:
    answers = translate([{"pdu": vector["hex"]} for vector in VECTORS])
    differing = {}
    for vector, answer in zip(VECTORS, answers, strict=True):
        found, expected = read_theirs(answer), read_ours(bytes.fromhex(vector["hex"]))
        if found != expected:
            differing[vector["name"]] = (answer, expected)
    unknown = {name: pair for name, pair in differing.items() if name not in ERRORS}
    assert unknown == {}
    assert set(ERRORS) - set(differing) == set()


# ---------------------------------------------------------------- more of them

# It wants a class_id and a date-time that exist, shows a utf8-string as text or as octets, as it likes, and knows
# neither the other kinds of Data, nor markup in a string, nor the selection of a set-request, nor more of an
# initiateRequest than the usual.
KINDS_IT_KNOWS = {
    "null-data",
    "boolean",
    "bit-string",
    "double-long",
    "double-long-unsigned",
    "octet-string",
    "visible-string",
    "bcd",
    "integer",
    "long",
    "unsigned",
    "long-unsigned",
    "long64",
    "long64-unsigned",
    "enum",
    "float32",
    "time",
}
PLAIN_TEXT = re.compile(rb"[A-Za-z0-9.:/-]*")
DATE_TIME = bytes.fromhex("07EA011F060D2D0000FFC400")


def _is_known(data: Data) -> bool:
    return data.kind in KINDS_IT_KNOWS and (
        data.kind != "visible-string" or bool(PLAIN_TEXT.fullmatch(data.octets[2:]))
    )


leaves = strategies.leaves.filter(_is_known)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(Data.array),
        st.lists(inner, max_size=5).map(lambda items: Data.structure(*items)),
    ),
    max_leaves=10,
)
octet = st.integers(0, 255)
attribute = st.builds(
    cos.CosemAttributeDescriptor,
    class_id=st.sampled_from([1, 3, 7, 8, 15, 18, 64, 70]),
    instance_id=st.binary(min_size=6, max_size=6),
    attribute_id=st.integers(-128, 127),
)
method = st.builds(
    cos.CosemMethodDescriptor,
    class_id=st.sampled_from([7, 8, 15, 18, 70]),
    instance_id=st.binary(min_size=6, max_size=6),
    method_id=st.integers(-128, 127),
)
selection = st.none() | st.builds(cos.SelectiveAccessDescriptor, access_selector=octet, access_parameters=values)
results = st.sampled_from([r for r in cos.DataAccessResult if r is not cos.DataAccessResult.SUCCESS])
answers = st.builds(cos.GetDataResult, data=values) | st.builds(cos.GetDataResult, data_access_result=results)
access_items = st.one_of(
    st.builds(
        lambda a: cos.AccessRequestSpecification(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=a)),
        attribute,
    ),
    st.builds(
        lambda a: cos.AccessRequestSpecification(access_request_set=cos.AccessRequestSet(cosem_attribute_descriptor=a)),
        attribute,
    ),
)
conformance = st.text("01", min_size=24, max_size=24)

APDUS: dict[str, st.SearchStrategy[Any]] = {
    "get-request-normal": st.builds(
        lambda *a: cos.GetRequest(
            get_request_normal=cos.GetRequestNormal(
                invoke_id_and_priority=a[0], cosem_attribute_descriptor=a[1], access_selection=a[2]
            )
        ),
        octet,
        attribute,
        selection,
    ),
    "get-response-normal": st.builds(
        lambda ip, result: cos.GetResponse(
            get_response_normal=cos.GetResponseNormal(invoke_id_and_priority=ip, result=result)
        ),
        octet,
        answers,
    ),
    "get-response-with-datablock": strategies.of("Get-Response-With-Datablock").map(
        lambda body: cos.GetResponse(get_response_with_datablock=body)
    ),
    "set-request-normal": st.builds(
        lambda *a: cos.SetRequest(
            set_request_normal=cos.SetRequestNormal(
                invoke_id_and_priority=a[0], cosem_attribute_descriptor=a[1], value=a[2]
            )
        ),
        octet,
        attribute,
        values,
    ),
    "set-request-with-datablock": strategies.of("Set-Request-With-Datablock").map(
        lambda body: cos.SetRequest(set_request_with_datablock=body)
    ),
    "set-response-normal": strategies.of("Set-Response-Normal").map(
        lambda body: cos.SetResponse(set_response_normal=body)
    ),
    "set-response-last-datablock": strategies.of("Set-Response-Last-Datablock").map(
        lambda body: cos.SetResponse(set_response_last_datablock=body)
    ),
    "action-request-normal": st.builds(
        lambda *a: cos.ActionRequest(
            action_request_normal=cos.ActionRequestNormal(
                invoke_id_and_priority=a[0], cosem_method_descriptor=a[1], method_invocation_parameters=a[2]
            )
        ),
        octet,
        method,
        st.none() | values,
    ),
    "action-response-normal": st.builds(
        lambda ip, result, returned: cos.ActionResponse(
            action_response_normal=cos.ActionResponseNormal(
                invoke_id_and_priority=ip,
                single_response=cos.ActionResponseWithOptionalData(result=result, return_parameters=returned),
            )
        ),
        octet,
        st.sampled_from([r for r in cos.ActionResult if "long-action" not in r.value]),
        answers,
    ),
    "event-notification-request": st.builds(
        lambda *a: cos.EventNotificationRequest(time=a[0], cosem_attribute_descriptor=a[1], attribute_value=a[2]),
        st.sampled_from([None, DATE_TIME]),
        attribute,
        values,
    ),
    "data-notification": st.builds(
        lambda *a: cos.DataNotification(
            long_invoke_id_and_priority=a[0],
            date_time=a[1],
            notification_body=cos.NotificationBody(data_value=a[2]),
        ),
        st.integers(0, 0xFFFFFFFF),
        st.sampled_from([b"", DATE_TIME]),
        values,
    ),
    "access-request": st.builds(
        lambda number, items, data: cos.AccessRequest(
            long_invoke_id_and_priority=number,
            date_time=b"",
            access_request_body=cos.AccessRequestBody(
                access_request_specification=cos.ListOfAccessRequestSpecification(
                    access_request_specification=tuple(items)
                ),
                access_request_list_of_data=cos.ListOfData(data=tuple(data[: len(items)])),
            ),
        ),
        st.integers(0, 0xFFFFFFFF),
        st.lists(access_items, min_size=1, max_size=3),
        st.lists(values, min_size=3, max_size=3),
    ),
    "initiateRequest": st.builds(
        lambda key, bits, size: cos.InitiateRequest(
            dedicated_key=key,
            proposed_dlms_version_number=6,
            proposed_conformance=bits,
            client_max_receive_pdu_size=size,
        ),
        st.none() | st.binary(min_size=16, max_size=16),
        conformance,
        st.integers(0, 0xFFFF),
    ),
    "initiateResponse": st.builds(
        lambda bits, size, name: cos.InitiateResponse(
            negotiated_dlms_version_number=6,
            negotiated_conformance=bits,
            server_max_receive_pdu_size=size,
            vaa_name=name,
        ),
        conformance,
        st.integers(0, 0xFFFF),
        st.sampled_from([7, -1536]),
    ),
    "general-glo-ciphering": strategies.of("General-Glo-Ciphering"),
    "general-block-transfer": strategies.of("General-Block-Transfer"),
}
EACH = 15


def generated(name: str) -> list[bytes]:
    """APDUs of one kind, the same in every run."""
    made: list[bytes] = []

    @settings(max_examples=EACH, phases=[Phase.generate], database=None)
    @given(APDUS[name])
    def make(apdu: object) -> None:
        made.append(encode_apdu(apdu))

    make()
    return made


def test_apdus_of_the_kinds_that_it_knows() -> None:
    made = [octets for name in APDUS for octets in generated(name)]
    assert len(set(made)) >= 200
    differing = []
    for octets, answer in zip(made, translate([{"pdu": octets.hex()} for octets in made]), strict=True):
        if read_theirs(answer) != read_ours(octets):
            differing.append((octets.hex(), answer, read_ours(octets)))
    assert differing == []


BACK = [
    "get-request-normal",
    "get-request-next",
    "get-request-normal, profile by range",
    "get-request-normal, profile by entry",
    "get-request-normal, attribute id negative",
    "get-response-normal, octet-string",
    "get-response-normal, hardware-fault",
    "get-response-normal, object-class-inconsistent",
    "get-response-normal, other-reason",
    "set-request-normal",
    "set-request-normal, clock",
    "set-response-normal",
    "set-response-normal, read-write-denied",
    "action-request-normal, HLS pass 3",
    "action-request-normal, no parameters",
    "action-response-normal, HLS pass 4",
    "action-response-normal, success and data-access-result",
    "event-notification-request, no time",
    "data-notification, no date-time",
    "access-request, get",
    "readRequest, one variable",
    "readRequest, object list of Association SN",
    "informationReportRequest, no time",
    *(
        f"Data: {kind}"
        for kind in (
            "null-data",
            "empty array",
            "empty structure",
            "bit-string of 8",
            "bit-string of 10",
            "bit-string of 0",
            "double-long",
            "double-long-unsigned",
            "octet-string empty",
            "octet-string of 130",
            "octet-string of 300",
            "utf8-string",
            "bcd",
            "integer",
            "long",
            "unsigned",
            "long-unsigned",
            "long64",
            "long64-unsigned",
            "enum",
            "float32",
            "time",
            "scaler and unit",
            "profile rows with null-data",
            "nested arrays and structures",
        )
    ),
]
"""The vectors whose XML it can turn into octets; with the others it fails in ways of its own (1.0.203)."""


def test_our_xml_becomes_the_same_octets() -> None:
    by_name = {vector["name"]: bytes.fromhex(vector["hex"]) for vector in VECTORS}
    expected = [by_name[name] for name in BACK]
    documents = [xml.document(axdr.decode(cos.XDlmsApdu, octets)).decode() for octets in expected]
    for name, octets, answer in zip(BACK, expected, translate([{"xml": d} for d in documents]), strict=True):
        found = bytes.fromhex(answer["pdu"])
        # what it returns is its buffer, filled up with zeros
        assert (name, found[: len(octets)].hex(), found[len(octets) :].strip(b"\0")) == (name, octets.hex(), b"")
