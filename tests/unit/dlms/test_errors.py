"""The tree of errors: what the docstring draws is what there is, and what each error says of association and retry."""

import re
from dataclasses import fields

import pytest

import cas.dlms.errors
from cas.bindings.cosempdu import ExceptionResponseServiceError
from cas.dlms.errors import (
    AssociationLost,
    AssociationRefused,
    ConfirmedServiceError,
    CounterExhausted,
    DecipheringError,
    DecodeError,
    DlmsError,
    EncodeError,
    ExceptionResponse,
    KeyUnusable,
    LocalProtocolError,
    NotAssociated,
    RemoteProtocolError,
    ReplayedCounter,
    RequestTooLong,
    SecurityError,
    ServiceNotSupported,
)


def below(cls: type[DlmsError]) -> set[type[DlmsError]]:
    return {cls}.union(*map(below, cls.__subclasses__()))


def test_the_tree_is_as_drawn() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (cas.dlms.errors.__doc__ or "").splitlines():
        if match := re.match(r"    ((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)(?:  |$)", line):
            depth = len(match[1]) // 4 + ("── " in line)
            del path[depth:]
            drawn[match[2]] = path[-1] if path else "Exception"
            path.append(match[2])
    there = {cls.__name__: cls.__bases__[0].__name__ for cls in below(DlmsError) if cls.__module__ == "cas.dlms.errors"}
    assert drawn == there


def test_our_own_mistakes_leave_the_association_usable() -> None:
    for error in (
        NotAssociated("get", "idle"),
        ServiceNotSupported("access"),
        EncodeError("300 does not fit 8 bits", "invoke-id-and-priority"),
        RequestTooLong(2000, 1200),
        CounterExhausted(2**32),
        KeyUnusable("no key"),
    ):
        assert isinstance(error, LocalProtocolError)
        assert (error.association_usable, error.retryable) == (True, False)


def test_forgeries_end_the_association_and_are_not_retried() -> None:
    for error in (DecipheringError("wrong"), ReplayedCounter(3, 7)):
        assert isinstance(error, SecurityError)
        assert isinstance(error, RemoteProtocolError)
        assert (error.association_usable, error.retryable) == (False, False)


@pytest.mark.parametrize(
    ("error", "usable", "retryable"),
    [
        (AssociationRefused("rejected-permanent", "authentication-failure"), False, False),
        (AssociationRefused("rejected-transient", "no-reason-given"), False, True),
        (AssociationLost("the device closed the connection"), False, True),
        (ExceptionResponse("service-not-allowed", "other-reason"), False, False),
        (ExceptionResponse("service-unknown", "service-not-supported"), True, False),
        (ExceptionResponse("service-unknown", "operation-not-possible"), True, True),
        (ExceptionResponse("service-not-allowed", "invocation-counter-error", 291), False, True),
        (ConfirmedServiceError("initiateError", "initiate", "dlms-version-too-low"), False, False),
        (ConfirmedServiceError("read", "definition", "object-undefined"), True, False),
    ],
)
def test_what_the_peer_refuses_says_what_to_do(error: DlmsError, usable: bool, retryable: bool) -> None:
    assert (error.association_usable, error.retryable) == (usable, retryable)


def test_messages_name_the_place() -> None:
    assert (
        str(DecodeError("no Data has the tag 7", 12, "result.data")) == "octet 12: result.data: no Data has the tag 7"
    )
    assert str(DecodeError("cut short", 0)) == "octet 0: cut short"
    assert str(EncodeError("300 does not fit", "attribute-id")) == "attribute-id: 300 does not fit"
    assert "its counter is 291" in str(ExceptionResponse("service-not-allowed", "invocation-counter-error", 291))


def test_every_error_has_an_answer_that_a_server_can_send() -> None:
    names = {item.metadata["name"] for item in fields(ExceptionResponseServiceError)}
    assert {cls.service_error for cls in below(DlmsError)} <= names
