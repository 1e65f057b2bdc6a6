"""ResourceDirectory: a summary of every DeviceAccess.

ResourceType is that of the first access which is no AARQ or RLRQ; a resource without any that takes notifications is
DATA-NOTIFICATION. A method stands among the attribute descriptors with its own number in place of an attribute's (D).
ResourceStatus (D): EXECUTING while an activation is under way; then FINISHED if there will be no further one; else what
the last one came to, and ACCEPTED before the first. An activation that was missed counts as stopped.
"""

from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from uuid import UUID

from psycopg.rows import TupleRow
from xsdata.models.datatype import XmlDateTime, XmlDuration

from cas.access.model import Octets, State
from cas.access.ports import Step
from cas.access.steps import step_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings import message as mes
from cas.store.database import Pool
from cas.store.queries import query

# Resources in one page: each may name very many devices.
PAGE = 16

_AFTER = query("directory_after")
_FIRST = (datetime(1, 1, 2, tzinfo=UTC), UUID(int=0))

_STATUS = {
    None: mes.ResourceStatus.ACCEPTED,
    "executing": mes.ResourceStatus.EXECUTING,
    "ok": mes.ResourceStatus.ITERATION_OK,
    "not-completed": mes.ResourceStatus.ITERATION_NOT_COMPLETED,
    "failed": mes.ResourceStatus.ITERATION_FAILED,
    "empty": mes.ResourceStatus.ITERATION_EMPTY,
    "stopped": mes.ResourceStatus.ITERATION_STOPPED,
    "missed": mes.ResourceStatus.ITERATION_STOPPED,
}


async def iterate_directory(pool: Pool, *, page: int = PAGE) -> AsyncGenerator[mes.Resource]:
    """The summaries of all resources, the oldest first; a page of them is in memory at a time."""
    created_at, resource_id = _FIRST
    while True:
        parameters = {"created_at": created_at, "id": resource_id, "page": page}
        async with pool.connection() as connection:
            rows = await (await connection.execute(_AFTER, parameters, binary=True)).fetchall()
        for row in rows:
            yield _resource(row)
        if len(rows) < page:
            return
        resource_id, created_at = rows[-1][:2]


def status_of(state: State, outcome: str | None) -> mes.ResourceStatus:
    """How far a resource is, by its state and the outcome of its last activation."""
    if state is not State.ACTIVE and outcome != "executing":
        return mes.ResourceStatus.FINISHED
    return _STATUS[outcome]


def type_of(steps: list[Step]) -> mes.ResourceType:
    """What a resource is about."""
    for step in steps:
        if (found := _type(step)) is not None:
            return found
    return mes.ResourceType.ACTION if steps else mes.ResourceType.DATA_NOTIFICATION


def attributes_of(step: Step) -> Iterator[cos.CosemAttributeDescriptor]:
    """The attributes and methods that a step is about; those of short names have no descriptor."""
    match step:
        case dev.CosemTimeSync() | dev.CosemUpgrade():
            yield step.cosem_object
        case cos.GetRequest(get_request_normal=cos.GetRequestNormal() as normal):
            yield normal.cosem_attribute_descriptor
        case cos.GetRequest(get_request_with_list=cos.GetRequestWithList() as listed):
            for each in listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection:
                yield each.cosem_attribute_descriptor
        case cos.SetRequest(set_request_normal=cos.SetRequestNormal() as normal):
            yield normal.cosem_attribute_descriptor
        case cos.SetRequest(set_request_with_list=cos.SetRequestWithList() as listed):
            for each in listed.attribute_descriptor_list.cosem_attribute_descriptor_with_selection:
                yield each.cosem_attribute_descriptor
        case cos.ActionRequest(action_request_normal=cos.ActionRequestNormal() as normal):
            yield _method(normal.cosem_method_descriptor)
        case cos.ActionRequest(action_request_with_list=cos.ActionRequestWithList() as listed):
            yield from map(_method, listed.cosem_method_descriptor_list.cosem_method_descriptor)
        case cos.AccessRequest():
            for one in step.access_request_body.access_request_specification.access_request_specification:
                yield from _accessed(one)


def _accessed(one: cos.AccessRequestSpecification) -> Iterator[cos.CosemAttributeDescriptor]:
    if one.access_request_action is not None:
        yield _method(one.access_request_action.cosem_method_descriptor)
        return
    plain = one.access_request_get or one.access_request_set
    selected = one.access_request_get_with_selection or one.access_request_set_with_selection
    chosen = plain or selected
    if chosen is not None:
        yield chosen.cosem_attribute_descriptor


def _method(method: cos.CosemMethodDescriptor) -> cos.CosemAttributeDescriptor:
    return cos.CosemAttributeDescriptor(
        class_id=method.class_id, instance_id=method.instance_id, attribute_id=method.method_id
    )


def _type(step: Step) -> mes.ResourceType | None:
    match step:
        case dev.CosemTimeSync():
            return mes.ResourceType.TIMESYNC
        case dev.CosemUpgrade():
            return mes.ResourceType.UPGRADE
        case cos.GetRequest() | cos.ReadRequest():
            return mes.ResourceType.GET
        case cos.SetRequest() | cos.WriteRequest():
            return mes.ResourceType.SET
        case cos.ActionRequest():
            return mes.ResourceType.ACTION
        case cos.AccessRequest():
            wanted = step.access_request_body.access_request_specification.access_request_specification
            if any(one.access_request_action for one in wanted):
                return mes.ResourceType.ACTION
            is_set = any(one.access_request_set or one.access_request_set_with_selection for one in wanted)
            return mes.ResourceType.SET if is_set else mes.ResourceType.GET
        case _:
            return None


def _resource(row: TupleRow) -> mes.Resource:
    steps = [step_of(Octets(octets)) for octets in row[14]]
    return mes.Resource(
        id=str(row[0]),
        resource_type=type_of(steps),
        resource_status=status_of(State(row[2]), row[16]),
        device_reference=tuple(dev.DeviceReference(device_id=name) for name in row[12]),
        group_reference=tuple(dev.GroupReference(group_id=group_id) for group_id in row[13]),
        cosem_attribute_descriptor=tuple(each for step in steps for each in attributes_of(step)),
        priority=row[5],
        activates=_time(row[6]),
        expires=_time(row[9]),
        not_older_than=_time(row[10]),
        repeating_interval=None if row[7] is None else XmlDuration(row[7]),
        duration=None if row[8] is None else XmlDuration(row[8]),
        last_activation=_time(row[15]),
        async_reply_flag=row[4],
        reply_address=row[3],
        accept_data_notification=row[11],
    )


def _time(moment: datetime | None) -> XmlDateTime | None:
    return None if moment is None else XmlDateTime.from_datetime(moment.astimezone(UTC))
