"""The directory of resources in a real database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from cas.access.directory import attributes_of, iterate_directory, status_of, type_of
from cas.access.model import DeviceAccess, Octets, Origin, State, Target, Terms
from cas.access.ports import Step
from cas.access.postgres import open_store
from cas.access.steps import octets_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.bindings.message import ResourceStatus, ResourceType
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.store.database import Pool
from tests.access_fakes import KEYRING, ended, get_request

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
CLOCK = cos.CosemAttributeDescriptor(class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2)
SYNC = dev.CosemTimeSync(cosem_object=CLOCK, min_time_diff=3, max_time_diff=60)
AARQ = cos.AarqApdu(application_context_name="2.16.756.5.8.1.1")
SET = cos.SetRequest(
    set_request_normal=cos.SetRequestNormal(
        invoke_id_and_priority=0xC1, cosem_attribute_descriptor=CLOCK, value=Data.of("null-data")
    )
)
RELAY = cos.CosemMethodDescriptor(class_id=70, instance_id=bytes.fromhex("000060030AFF"), method_id=1)
ACTION = cos.ActionRequest(
    action_request_normal=cos.ActionRequestNormal(invoke_id_and_priority=0xC1, cosem_method_descriptor=RELAY)
)


def access_request(**chosen: object) -> cos.AccessRequest:
    one = cos.AccessRequestSpecification(**chosen)  # type: ignore[arg-type]  # one of the alternatives
    return cos.AccessRequest(
        long_invoke_id_and_priority=1,
        date_time=b"",
        access_request_body=cos.AccessRequestBody(
            access_request_specification=cos.ListOfAccessRequestSpecification(access_request_specification=(one,)),
            access_request_list_of_data=cos.ListOfData(data=(Data.of("null-data"),)),
        ),
    )


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([get_request()], ResourceType.GET),
        ([AARQ, SET, get_request()], ResourceType.SET),
        ([ACTION], ResourceType.ACTION),
        ([SYNC], ResourceType.TIMESYNC),
        ([], ResourceType.DATA_NOTIFICATION),
        (
            [access_request(access_request_get=cos.AccessRequestGet(cosem_attribute_descriptor=CLOCK))],
            ResourceType.GET,
        ),
        (
            [access_request(access_request_set=cos.AccessRequestSet(cosem_attribute_descriptor=CLOCK))],
            ResourceType.SET,
        ),
        (
            [access_request(access_request_action=cos.AccessRequestAction(cosem_method_descriptor=RELAY))],
            ResourceType.ACTION,
        ),
    ],
    ids=str,
)
def test_a_resource_is_of_the_type_of_its_first_access(steps: list[Step], kind: ResourceType) -> None:
    assert type_of(steps) is kind
    assert all(isinstance(each, cos.CosemAttributeDescriptor) for step in steps for each in attributes_of(step))


@pytest.mark.parametrize(
    ("state", "outcome", "status"),
    [
        (State.ACTIVE, None, ResourceStatus.ACCEPTED),
        (State.ACTIVE, "executing", ResourceStatus.EXECUTING),
        (State.CANCELED, "executing", ResourceStatus.EXECUTING),
        (State.ACTIVE, "ok", ResourceStatus.ITERATION_OK),
        (State.ACTIVE, "not-completed", ResourceStatus.ITERATION_NOT_COMPLETED),
        (State.ACTIVE, "failed", ResourceStatus.ITERATION_FAILED),
        (State.ACTIVE, "empty", ResourceStatus.ITERATION_EMPTY),
        (State.ACTIVE, "stopped", ResourceStatus.ITERATION_STOPPED),
        (State.ACTIVE, "missed", ResourceStatus.ITERATION_STOPPED),
        (State.FINISHED, "ok", ResourceStatus.FINISHED),
        (State.CLOSED, None, ResourceStatus.FINISHED),
    ],
)
def test_the_status_says_how_far_it_is(state: State, outcome: str | None, status: ResourceStatus) -> None:
    assert status_of(state, outcome) is status


def access(minute: int, *requests: Octets) -> DeviceAccess:
    return DeviceAccess(
        id=uuid4(),
        created_at=NOON + timedelta(minutes=minute),
        origin=Origin(reply_address="http://head-end/events"),
        terms=Terms(priority=7, repeating_interval="P1D", duration="PT2H", activates=NOON),
        targets=(Target("house-7", "4D4D4D0000BC614E"), Target("b", "b")),
        requests=requests,
    )


async def test_every_resource_is_summarised_page_by_page(pool: Pool) -> None:
    made = [access(minute, Octets(encode_apdu(get_request()))) for minute in range(3)]
    sync = replace(access(3), requests=(octets_of(dev.CosemAccessDescriptor(cosem_time_sync=SYNC)),))
    twin = replace(sync, id=UUID(int=sync.id.int ^ 1))  # made at the same moment
    async with open_store(pool, KEYRING) as store:
        for each in (*made, sync, twin):
            await store.create(each, b"", None)
        await store.finish(ended(made[0].id, NOON, stopped=True))
        async with pool.connection() as connection:
            await connection.execute("INSERT INTO access_group VALUES (%s, 0, 'street')", [made[1].id])
        found = [resource async for resource in iterate_directory(pool, page=2)]
    assert [resource.id for resource in found[:3]] == [str(each.id) for each in made]
    assert {resource.id for resource in found[3:]} == {str(sync.id), str(twin.id)}
    first, second, *_, last = found
    assert first.resource_status is ResourceStatus.FINISHED
    assert second.resource_status is ResourceStatus.EXECUTING
    assert (last.resource_type, last.cosem_attribute_descriptor) == (ResourceType.TIMESYNC, (CLOCK,))
    assert second.group_reference == (dev.GroupReference(group_id="street"),)
    assert [reference.device_id for reference in first.device_reference] == ["house-7", "b"]
    assert (str(first.repeating_interval), str(first.duration), first.priority) == ("P1D", "PT2H", 7)
    assert (str(first.activates), str(first.last_activation)) == ("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z")
    assert first.reply_address == "http://head-end/events"
