"""The coding tables against a table typed by hand from the ASN.1 module (Green Book 8.3, 9.5)."""

import dataclasses
from enum import Enum

import pytest

from cas.bindings import coding, cosempdu
from cas.bindings.coding import TYPE_NAME, TYPES
from cas.cosem.asn1 import Bits, Choice, Enumerated, Integer, Octets, Sequence, SequenceOf

XDLMS = """
initiate-request 1, read-request 5, write-request 6, initiate-response 8, read-response 12, write-response 13,
confirmed-service-error 14, data-notification 15, data-notification-confirm 16, unconfirmed-write-request 22,
information-report-request 24,
glo-initiate-request 33, glo-read-request 37, glo-write-request 38, glo-initiate-response 40, glo-read-response 44,
glo-write-response 45, glo-confirmed-service-error 46, glo-unconfirmed-write-request 54,
glo-information-report-request 56,
ded-initiate-request 65, ded-read-request 69, ded-write-request 70, ded-initiate-response 72, ded-read-response 76,
ded-write-response 77, ded-confirmed-service-error 78, ded-unconfirmed-write-request 86,
ded-information-report-request 88,
get-request 192, set-request 193, event-notification-request 194, action-request 195, get-response 196,
set-response 197, action-response 199,
glo-get-request 200, glo-set-request 201, glo-event-notification-request 202, glo-action-request 203,
glo-get-response 204, glo-set-response 205, glo-action-response 207,
ded-get-request 208, ded-set-request 209, ded-event-notification-request 210, ded-action-request 211,
ded-get-response 212, ded-set-response 213, ded-action-response 215,
exception-response 216, access-request 217, access-response 218, general-glo-ciphering 219, general-ded-ciphering 220,
general-ciphering 221, general-signing 223, general-block-transfer 224
"""

CHOICES = {
    "xDLMS-APDU": XDLMS,
    "aCSE-APDU": "aarq 96, aare 97, rlrq 98, rlre 99",
    "Get-Request": "get-request-normal 1, get-request-next 2, get-request-with-list 3",
    "Get-Response": "get-response-normal 1, get-response-with-datablock 2, get-response-with-list 3",
    "Set-Request": "set-request-normal 1, set-request-with-first-datablock 2, set-request-with-datablock 3,"
    "set-request-with-list 4, set-request-with-list-and-first-datablock 5",
    "Set-Response": "set-response-normal 1, set-response-datablock 2, set-response-last-datablock 3,"
    "set-response-last-datablock-with-list 4, set-response-with-list 5",
    "Action-Request": "action-request-normal 1, action-request-next-pblock 2, action-request-with-list 3,"
    "action-request-with-first-pblock 4, action-request-with-list-and-first-pblock 5, action-request-with-pblock 6",
    "Action-Response": "action-response-normal 1, action-response-with-pblock 2, action-response-with-list 3,"
    "action-response-next-pblock 4",
    "Get-Data-Result": "data 0, data-access-result 1",
    "DataBlock-G-Result": "raw-data 0, data-access-result 1",
    "Access-Request-Specification": "access-request-get 1, access-request-set 2, access-request-action 3,"
    "access-request-get-with-selection 4, access-request-set-with-selection 5",
    "Access-Response-Specification": "access-response-get 1, access-response-set 2, access-response-action 3",
    "ExceptionResponse-Service-Error": "operation-not-possible 1, service-not-supported 2, other-reason 3,"
    "pdu-too-long 4, deciphering-error 5, invocation-counter-error 6",
    "ConfirmedServiceError": "initiate-error 1, get-status 2, get-name-list 3, get-variable-attribute 4, read 5,"
    "write 6, get-data-set-attribute 7, get-tiattribute 8, change-scope 9, start 10, stop 11, resume 12,"
    "make-usable 13, initiate-load 14, load-segment 15, terminate-load 16, initiate-up-load 17, up-load-segment 18,"
    "terminate-up-load 19",
    "ServiceError": "application-reference 0, hardware-resource 1, vde-state-error 2, service 3, definition 4,"
    "access 5, initiate 6, load-data-set 7, task 9",
    "Variable-Access-Specification": "variable-name 2, parameterized-access 4, block-number-access 5,"
    "read-data-block-access 6, write-data-block-access 7",
    "ReadResponse-CHOICE": "data 0, data-access-error 1, data-block-result 2, block-number 3",
    "WriteResponse-CHOICE": "success 0, data-access-error 1, block-number 2",
    "Key-Info": "identified-key 0, wrapped-key 1, agreed-key 2",
    "Authentication-value": "charstring 0, bitstring 1, external 2, other 3",
    "Associate-source-diagnostic": "acse-service-user 1, acse-service-provider 2",
}

ENUMERATIONS = {
    "Data-Access-Result": "success 0, hardware-fault 1, temporary-failure 2, read-write-denied 3, object-undefined 4,"
    "object-class-inconsistent 9, object-unavailable 11, type-unmatched 12, scope-of-access-violated 13,"
    "data-block-unavailable 14, long-get-aborted 15, no-long-get-in-progress 16, long-set-aborted 17,"
    "no-long-set-in-progress 18, data-block-number-invalid 19, other-reason 250",
    "Action-Result": "success 0, hardware-fault 1, temporary-failure 2, read-write-denied 3, object-undefined 4,"
    "object-class-inconsistent 9, object-unavailable 11, type-unmatched 12, scope-of-access-violated 13,"
    "data-block-unavailable 14, long-action-aborted 15, no-long-action-in-progress 16, other-reason 250",
    "ExceptionResponse-State-Error": "service-not-allowed 1, service-unknown 2",
    "Association-result": "accepted 0, rejected-permanent 1, rejected-transient 2",
    "Key-Id": "global-unicast-encryption-key 0, global-broadcast-encryption-key 1",
    "Kek-Id": "master-key 0",
    "Release-request-reason": "normal 0, urgent 1, user-defined 30",
    "Release-response-reason": "normal 0, not-finished 1, user-defined 30",
    "ServiceError-Initiate": "other 0, dlms-version-too-low 1, incompatible-conformance 2, pdu-size-too-short 3,"
    "refused-by-the-VDE-Handler 4",
    "ServiceError-Access": "other 0, scope-of-access-violated 1, object-access-violated 2, hardware-fault 3,"
    "object-unavailable 4",
}

# BER context tag and whether it is explicit (X.690, 8.14); the APDU as a whole is [APPLICATION n] IMPLICIT
ACSE = {
    "AARQ-apdu": "protocol-version 0, application-context-name 1!, called-ap-title 2!, called-ae-qualifier 3!,"
    "called-ap-invocation-id 4!, called-ae-invocation-id 5!, calling-ap-title 6!, calling-ae-qualifier 7!,"
    "calling-ap-invocation-id 8!, calling-ae-invocation-id 9!, sender-acse-requirements 10, mechanism-name 11,"
    "calling-authentication-value 12!, implementation-information 29, user-information 30!",
    "AARE-apdu": "protocol-version 0, application-context-name 1!, result 2!, result-source-diagnostic 3!,"
    "responding-ap-title 4!, responding-ae-qualifier 5!, responding-ap-invocation-id 6!,"
    "responding-ae-invocation-id 7!, responder-acse-requirements 8, mechanism-name 9,"
    "responding-authentication-value 10!, implementation-information 29, user-information 30!",
    "RLRQ-apdu": "reason 0, user-information 30!",
    "RLRE-apdu": "reason 0, user-information 30!",
}


def table(text: str) -> dict[str, str]:
    """Python name to number, of `name number, ...`."""
    rows = (row.split() for row in text.replace("\n", " ").split(",") if row.strip())
    return {name.replace("-", "_"): number for name, number in rows}


@pytest.mark.clause("Green Book 8.3, 9.5")
@pytest.mark.parametrize("name", CHOICES)
def test_tags_of_choices(name: str) -> None:
    shape = TYPES[name]
    assert isinstance(shape, Choice)
    assert {item.attribute: str(item.tag) for item in shape.alternatives} == table(CHOICES[name])


def test_every_choice_is_in_the_table_above() -> None:
    assert {name for name, shape in TYPES.items() if isinstance(shape, Choice)} == set(CHOICES)


@pytest.mark.clause("Green Book 8.3, 9.5")
@pytest.mark.parametrize("name", ENUMERATIONS)
def test_numbers_of_enumerations(name: str) -> None:
    shape = TYPES[name]
    assert isinstance(shape, Enumerated)
    numbers = {member.value.replace("-", "_"): str(number) for number, member in shape.members.items()}
    assert numbers == table(ENUMERATIONS[name])


@pytest.mark.clause("Green Book 8.3, 9.4.2")
@pytest.mark.parametrize("name", ACSE)
def test_context_tags_of_acse(name: str) -> None:
    shape = TYPES[name]
    assert isinstance(shape, Sequence)
    tags = {item.attribute: f"{item.tag}{'!' if item.explicit else ''}" for item in shape.fields}
    assert tags == table(ACSE[name])


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Invoke-Id-And-Priority", Integer(1, signed=False)),
        ("Long-Invoke-Id-And-Priority", Integer(4, signed=False)),
        ("Cosem-Class-Id", Integer(2, signed=False)),
        ("Cosem-Object-Instance-Id", Octets(6)),
        ("Cosem-Object-Attribute-Id", Integer(1, signed=True)),
        ("ObjectName", Integer(2, signed=True)),
        ("Conformance", Bits(24, application_tag=31)),
        ("OCTET STRING", Octets(None)),
    ],
)
def test_sizes(name: str, shape: object) -> None:
    assert TYPES[name] == shape


def test_default_of_response_allowed_and_of_protocol_version() -> None:
    request, aarq = TYPES["InitiateRequest"], TYPES["AARQ-apdu"]
    assert isinstance(request, Sequence)
    assert isinstance(aarq, Sequence)
    assert [(item.attribute, item.default) for item in (*request.fields, *aarq.fields) if item.default is not None] == [
        ("response_allowed", True),
        ("protocol_version", "1"),
    ]


def test_every_class_of_the_apdus_has_a_coding_and_every_coding_fits_its_class() -> None:
    classes = {
        cls
        for cls in vars(cosempdu).values()
        if isinstance(cls, type) and cls.__module__ == cosempdu.__name__ and cls is not Enum
    }
    assert set(TYPE_NAME) == classes
    for name, shape in TYPES.items():
        match shape:
            case Sequence(cls, parts) | Choice(cls, parts):
                assert [field.name for field in dataclasses.fields(cls)] == [part.attribute for part in parts], name
                assert all(part.type in TYPES for part in parts), name
            case SequenceOf(cls, attribute, element):
                assert [field.name for field in dataclasses.fields(cls)] == [attribute], name
                assert element in TYPES, name
            case Enumerated(cls, members):
                assert set(members.values()) == set(cls), name
            case _:
                pass


def test_the_top_level_names_are_types() -> None:
    assert {coding.XDLMS_APDU, coding.ACSE_APDU} <= set(TYPES)
