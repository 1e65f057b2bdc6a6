"""Which answer belongs to a request: the class of its service, whole, or an error of the device."""

from typing import cast

from cas.bindings import cosempdu as cos
from cas.dlms.apdu import Request, Response
from cas.dlms.errors import UnexpectedApdu
from cas.dlms.xdlms.exchange import alternative, unexpected

_ANSWERS: dict[type, type] = {
    cos.GetRequest: cos.GetResponse,
    cos.SetRequest: cos.SetResponse,
    cos.ActionRequest: cos.ActionResponse,
    cos.AccessRequest: cos.AccessResponse,
    cos.ReadRequest: cos.ReadResponse,
    cos.WriteRequest: cos.WriteResponse,
}
_IN_FORMS = frozenset((cos.GetResponse, cos.SetResponse, cos.ActionResponse))
_WHOLE_ANSWERS = frozenset(
    f"{service}_response_{form}" for service in ("get", "set", "action") for form in ("normal", "with_list")
)


def checked(answer: object, body: Request) -> Response:
    """The answer, if it is a whole one to such a request, or an error. Raises UnexpectedApdu."""
    if isinstance(answer, cos.GetResponse) and answer.get_response_normal is not None and type(body) is cos.GetRequest:
        return answer  # most are this one
    expected = _ANSWERS[type(body)]
    if type(answer) is not expected:
        if isinstance(answer, cos.ExceptionResponse | cos.ConfirmedServiceError):
            return answer
        raise unexpected(answer, expected.__name__)
    if expected in _IN_FORMS and (form := alternative(answer)[0]) not in _WHOLE_ANSWERS:
        raise UnexpectedApdu(form.replace("_", "-"), "a whole answer")
    return cast("Response", answer)
