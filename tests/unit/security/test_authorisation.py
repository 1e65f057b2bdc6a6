"""What roles grant: verbs, services, devices; and that nothing is found out by who may not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.access.model import DeviceAccess, Octets, Origin, Target, Terms
from cas.access.steps import octets_of
from cas.bindings import cosempdu as cos
from cas.bindings import device_access as dev
from cas.cosem.data import Data
from cas.dlms.apdu import encode_apdu
from cas.security.authorisation import authorise
from cas.security.demands import Demand
from cas.security.errors import NotAuthorised
from cas.security.guard import anyone
from cas.security.model import Role, Service, Verb

DEVICES = {
    "M1": "M1",
    "M2": "M2",
    "MX": "MX",
    "OTHER": "OTHER",
    "ALIAS": "OTHER",
    "53494D0000000001": "53494D0000000001",
}
GROUPS = {"G_M": ["M1", "M2"], "G_OTHER": ["OTHER"], "G_MIXED": ["M1", "OTHER"], "G_EMPTY": []}

DISCONNECT = cos.ActionRequest(
    action_request_normal=cos.ActionRequestNormal(
        invoke_id_and_priority=1,
        cosem_method_descriptor=cos.CosemMethodDescriptor(
            class_id=70, instance_id=bytes.fromhex("0000600300FF"), method_id=1
        ),
        method_invocation_parameters=Data.of("integer", 0),
    )
)
SYNC = dev.CosemAccessDescriptor(
    cosem_time_sync=dev.CosemTimeSync(
        cosem_object=cos.CosemAttributeDescriptor(
            class_id=8, instance_id=bytes.fromhex("0000010000FF"), attribute_id=2
        ),
        min_time_diff=1,
        max_time_diff=2,
    )
)


class Known:
    """`cas.security.authorisation.Known` in memory."""

    def __init__(self, resources: Sequence[DeviceAccess] = ()) -> None:
        self.stored = {access.id: access for access in resources}

    async def resolve(self, names: Sequence[str]) -> Mapping[str, str]:
        return {name: DEVICES[name.strip()] for name in names if name.strip() in DEVICES}

    async def resources(self, ids: Sequence[UUID]) -> Mapping[UUID, DeviceAccess]:
        return {each: self.stored[each] for each in ids if each in self.stored}

    async def outside(self, groups: Sequence[str], device_ids: Sequence[str]) -> bool:
        return bool(set(device_ids) - {member for group in groups for member in GROUPS.get(group, ())})

    async def members(self, groups: Sequence[str]) -> Sequence[str]:
        return [member for group in groups for member in GROUPS.get(group, ())]


def resource(
    devices: Sequence[str], *requests: Octets, groups: tuple[str, ...] = (), notify: bool = False
) -> DeviceAccess:
    return DeviceAccess(
        id=uuid4(),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        origin=Origin(),
        terms=Terms(accept_data_notification=notify),
        targets=tuple(Target(name, name) for name in devices),
        requests=requests,
        groups=groups,
    )


async def granted(roles: Sequence[Role], demand: Demand, *resources: DeviceAccess) -> bool:
    try:
        await authorise(roles, demand, Known(resources))
    except NotAuthorised:
        return False
    return True


READER = Role(name="reader", verbs=(Verb.CREATE, Verb.GET), prefixes=("M",))
OPERATOR = Role(
    name="operator", verbs=(Verb.CREATE, Verb.CANCEL), services=(Service.GET, Service.ACTION), devices=("M1",)
)
GROUPED = Role(name="grouped", verbs=tuple(Verb), groups=("G_M",))
EVERYTHING = anyone(list(Service))
READ = Demand(verb=Verb.CREATE, noun="DeviceAccess", services=frozenset({Service.GET}), names=("M1",))


@pytest.mark.parametrize("service", [service for service in Service if service is not Service.GET])
async def test_a_role_that_names_no_services_only_gets(service: Service) -> None:
    assert await granted([READER], READ)
    assert not await granted([READER], replace(READ, services=frozenset({service})))
    assert not await granted([READER], replace(READ, services=frozenset({Service.GET, service})))


@pytest.mark.parametrize("verb", list(Verb))
async def test_no_role_grants_nothing(verb: Verb) -> None:
    for noun in ("DeviceAccess", "DeviceGroups", "DeviceGroup", "ResourceDirectory", "Statistics", ""):
        assert not await granted([], Demand(verb=verb, noun=noun))
        assert not await granted([Role(name="empty", verbs=tuple(Verb))], Demand(verb=verb, noun=noun, names=("M1",)))


async def test_what_is_no_noun_is_nobodys() -> None:
    assert not await granted([EVERYTHING], Demand(verb=Verb.GET, noun="Tariff"))


async def test_roles_add_up_device_by_device_but_not_services_of_one_to_devices_of_another() -> None:
    act = replace(READ, services=frozenset({Service.ACTION}))
    assert await granted([READER, OPERATOR], act)
    assert not await granted([READER, OPERATOR], replace(act, names=("M2",)))
    assert not await granted([READER, OPERATOR], replace(act, names=("M1", "M2")))
    assert await granted([READER, OPERATOR], replace(READ, names=("M1", "M2")))


@pytest.mark.parametrize(
    ("names", "is_granted"),
    [
        (("M1",), True),
        (("M1", "M2"), True),
        ((" M1 ",), True),
        (("OTHER",), False),
        (("ALIAS",), False),
        (("M1", "OTHER"), False),
        (("UNKNOWN",), False),
        (("MISSING",), True),
        (("m1",), False),
    ],
)
async def test_devices_are_those_of_the_registry(names: tuple[str, ...], is_granted: bool) -> None:
    # an alias is its device; a name that nobody has is nobody's, but for one that would be granted anyhow
    assert await granted([READER], replace(READ, names=names)) is is_granted


async def test_no_devices_means_all_of_them() -> None:
    listening = replace(READ, names=(), everything=True, lasting=True)
    assert not await granted([READER], listening)
    assert await granted([EVERYTHING], listening)


@pytest.mark.parametrize(
    ("group", "lasting", "is_granted"),
    [
        ("G_M", False, True),
        ("G_M", True, True),
        ("G_OTHER", False, False),
        ("G_MIXED", False, False),
        ("G_EMPTY", False, False),
        ("G_NONE", False, False),
        ("DG_ALL_METERS", False, False),
    ],
)
async def test_a_group_of_the_role_is_granted_whoever_is_in_it(group: str, lasting: bool, is_granted: bool) -> None:
    assert await granted([GROUPED], replace(READ, names=(), groups=(group,), lasting=lasting)) is is_granted


async def test_another_group_counts_by_its_members_and_only_while_they_cannot_change() -> None:
    once = replace(READ, names=(), groups=("G_M",))
    assert await granted([READER], once)
    assert not await granted([READER], replace(once, lasting=True))


async def test_members_of_the_roles_group_may_be_named() -> None:
    assert await granted([GROUPED], replace(READ, names=("M1", "M2")))
    assert not await granted([GROUPED], replace(READ, names=("M1", "MX")))


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.CLOSE, Verb.DELETE, Verb.CHANGE])
async def test_a_resource_is_what_it_does_and_where(verb: Verb) -> None:
    every = Role(name="every", verbs=tuple(Verb), prefixes=("M",))
    acting = every.model_copy(update={"services": tuple(Service)})
    disconnect, sync = resource(["M1"], Octets(encode_apdu(DISCONNECT))), resource(["M1"], octets_of(SYNC))
    for access in (disconnect, sync):
        demand = Demand(verb=verb, noun="DeviceAccess", ids=(str(access.id),), lasting=verb is Verb.CHANGE)
        assert not await granted([every], demand, access)
        assert await granted([acting], demand, access)
    foreign = resource(["M1", "OTHER"], Octets(encode_apdu(DISCONNECT)))
    assert not await granted([acting], Demand(verb=verb, noun="DeviceAccess", ids=(str(foreign.id),)), foreign)


async def test_a_change_reaches_neither_further_nor_deeper() -> None:
    every = Role(name="every", verbs=tuple(Verb), prefixes=("M",), services=tuple(Service))
    access = resource(["M1"], octets_of(SYNC))
    change = Demand(verb=Verb.CHANGE, noun="DeviceAccess", ids=(str(access.id),), lasting=True)
    assert await granted([every], replace(change, names=("M2",)), access)
    assert not await granted([every], replace(change, names=("OTHER",)), access)
    narrow = every.model_copy(update={"services": (Service.TIME_SYNC, Service.GET)})
    assert not await granted([narrow], replace(change, services=frozenset({Service.SET})), access)


async def test_results_are_read_where_devices_may_be_read() -> None:
    mine, foreign = resource(["M1"], Octets(encode_apdu(DISCONNECT))), resource(["OTHER"])
    listening = resource([], notify=True)
    for access, is_granted in ((mine, True), (foreign, False), (listening, False)):
        demand = Demand(verb=Verb.GET, noun="DeviceAccess", ids=(str(access.id),))
        assert await granted([READER], demand, access) is is_granted
        assert await granted([EVERYTHING], demand, access)
    both = Demand(verb=Verb.GET, noun="DeviceAccess", ids=(str(mine.id), str(foreign.id)))
    assert not await granted([READER], both, mine, foreign)


@pytest.mark.parametrize("access_id", ["0d2f4c5e-1111-4222-8333-444455556666", "no id", "", "' OR 1=1 --"])
async def test_an_id_that_does_not_exist_is_denied_like_one_of_others(access_id: str) -> None:
    demand = Demand(verb=Verb.GET, noun="DeviceAccess", ids=(access_id,))
    assert not await granted([READER], demand)
    # who may see everything is told that there is none
    assert await granted([EVERYTHING], demand)


async def test_groups_are_changed_only_within_reach() -> None:
    keeper = Role(name="keeper", group_verbs=tuple(Verb), prefixes=("M",), groups=("G_EMPTY",))
    change = Demand(verb=Verb.CHANGE, noun="DeviceGroups", ids=("G_M",), names=("M1",))
    assert await granted([keeper], change)
    assert await granted([keeper], replace(change, ids=("G_EMPTY",)))
    assert not await granted([keeper], replace(change, ids=("G_OTHER",)))
    assert not await granted([keeper], replace(change, names=("M1", "OTHER")))
    assert not await granted([keeper], replace(change, ids=()))
    assert not await granted([READER], change)
    create = Demand(verb=Verb.CREATE, noun="DeviceGroup", names=("M1",))
    assert await granted([keeper], create)
    assert await granted([keeper], replace(create, names=(), prefixes=("M1",)))
    assert not await granted([keeper], replace(create, names=(), prefixes=("",)))
    assert not await granted([keeper], replace(create, names=(), prefixes=("OTHER",)))


async def test_the_directory_is_granted_by_name() -> None:
    demand = Demand(verb=Verb.GET, noun="ResourceDirectory")
    assert not await granted([READER, GROUPED], demand)
    assert await granted([READER.model_copy(update={"directory": True})], demand)
    assert not await granted([READER.model_copy(update={"directory": True})], replace(demand, verb=Verb.DELETE))


NAMES = st.sampled_from([*DEVICES, "UNKNOWN", "MISSING"])
SERVICES = st.frozensets(st.sampled_from(list(Service)), max_size=3)
ROLES = st.builds(
    Role,
    name=st.just("role"),
    verbs=st.lists(st.sampled_from(list(Verb)), max_size=4).map(tuple),
    services=SERVICES.map(lambda services: tuple(sorted(services))),
    devices=st.lists(NAMES, max_size=3).map(tuple),
    prefixes=st.lists(st.sampled_from(["M", "M1", "OTH", "5349"]), max_size=2).map(tuple),
    groups=st.lists(st.sampled_from([*GROUPS, "DG_ALL_METERS"]), max_size=2).map(tuple),
)
DEMANDS = st.builds(
    lambda verb, services, names, lasting: Demand(
        verb=verb, noun="DeviceAccess", services=services, names=tuple(names), lasting=lasting, everything=not names
    ),
    st.sampled_from([Verb.CREATE, Verb.GET]),
    SERVICES.filter(bool),
    st.lists(NAMES, max_size=3),
    st.booleans(),
)


@given(st.lists(ROLES, max_size=3), DEMANDS)
async def test_what_is_granted_is_granted_piece_by_piece(roles: list[Role], demand: Demand) -> None:
    """An independent reading of the rule: every device, every service, one role with the verb that has both."""

    def reaches(role: Role, name: str) -> bool:
        device = DEVICES.get(name, name)
        members = [member for group in role.groups for member in GROUPS.get(group, ())]
        return (
            role.everything
            or device in role.devices
            or device.startswith(role.prefixes or ("\0",))
            or device in members
        )

    services = {Service.GET} if demand.verb is Verb.GET else demand.services
    expected = all(
        any(demand.verb in role.verbs and service in role.services and reaches(role, name) for role in roles)
        for service in services
        for name in demand.names
    )
    if demand.everything:
        expected = all(
            any(demand.verb in role.verbs and service in role.services and role.everything for role in roles)
            for service in services
        )
    assert await granted(roles, demand) is expected
