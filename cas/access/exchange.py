"""Single steps of the procedures that the service carries out on a device: read, write, invoke.

What a device answers is a value, also when it is an error: a procedure ends with it, and the client sees it.
"""

from dataclasses import dataclass

from cas.access.model import Failure
from cas.access.ports import Session
from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms.apdu import Response

# The invoke-id on the wire is the association's; this one only has the form of one: confirmed, high priority.
INVOKE_ID = 0xC1


@dataclass(frozen=True, slots=True)
class Object:
    """A COSEM object: class and logical name."""

    class_id: int
    instance_id: bytes


class Ended(Exception):
    """A procedure ends here: with what the device answered, or with why there is nothing to answer."""

    def __init__(self, outcome: Response | Failure) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


async def get(session: Session, target: Object, attribute: int) -> Response:
    """Read an attribute, whatever the answer."""
    descriptor = cos.CosemAttributeDescriptor(
        class_id=target.class_id, instance_id=target.instance_id, attribute_id=attribute
    )
    normal = cos.GetRequestNormal(invoke_id_and_priority=INVOKE_ID, cosem_attribute_descriptor=descriptor)
    return await session.request(cos.GetRequest(get_request_normal=normal))


async def read(session: Session, target: Object, attribute: int) -> Data:
    """The value of an attribute. Raises Ended when the device gives none."""
    response = await get(session, target, attribute)
    value = data_of(response)
    if value is None:
        raise Ended(response)
    return value


def data_of(response: Response) -> Data | None:
    """The value in the answer to a get; None when there is none."""
    if isinstance(response, cos.GetResponse) and response.get_response_normal is not None:
        return response.get_response_normal.result.data
    return None


async def write(session: Session, target: Object, attribute: int, value: Data) -> Response:
    """Write an attribute, whatever the answer."""
    descriptor = cos.CosemAttributeDescriptor(
        class_id=target.class_id, instance_id=target.instance_id, attribute_id=attribute
    )
    normal = cos.SetRequestNormal(invoke_id_and_priority=INVOKE_ID, cosem_attribute_descriptor=descriptor, value=value)
    return await session.request(cos.SetRequest(set_request_normal=normal))


async def invoke(session: Session, target: Object, method: int, parameters: Data) -> Response:
    """Invoke a method, whatever the answer."""
    descriptor = cos.CosemMethodDescriptor(class_id=target.class_id, instance_id=target.instance_id, method_id=method)
    normal = cos.ActionRequestNormal(
        invoke_id_and_priority=INVOKE_ID, cosem_method_descriptor=descriptor, method_invocation_parameters=parameters
    )
    return await session.request(cos.ActionRequest(action_request_normal=normal))


def action_result(response: Response) -> cos.ActionResult | None:
    """What an invocation came to; None when the answer is of another kind."""
    if isinstance(response, cos.ActionResponse) and response.action_response_normal is not None:
        return response.action_response_normal.single_response.result
    return None


def done() -> cos.ActionResponse:
    """The answer of a device whose method succeeded."""
    response = cos.ActionResponseWithOptionalData(result=cos.ActionResult.SUCCESS)
    normal = cos.ActionResponseNormal(invoke_id_and_priority=INVOKE_ID, single_response=response)
    return cos.ActionResponse(action_response_normal=normal)
