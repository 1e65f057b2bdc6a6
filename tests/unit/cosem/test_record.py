"""Records: compared, hashed and shown as the dataclasses that they stand for."""

from dataclasses import dataclass, field, make_dataclass, replace

import pytest

from cas.bindings.device_access import DeviceReference, DevicesReferenceList, GroupReference
from cas.cosem.record import Record


@dataclass(repr=False, eq=False, frozen=True, slots=True, kw_only=True)
class Empty(Record):
    pass


@dataclass(repr=False, eq=False, frozen=True, slots=True, kw_only=True)
class Base(Record):
    number: int
    names: tuple[str, ...] = field(default_factory=tuple)


@dataclass(repr=False, eq=False, frozen=True, slots=True, kw_only=True)
class Derived(Base):
    more: "Base | None" = None


RECORDS = [Empty(), Base(number=1), Base(number=2), Base(number=1, names=("a",)), Derived(number=1), Derived(number=2)]


@pytest.mark.parametrize("one", RECORDS, ids=repr)
def test_a_record_equals_what_has_its_class_and_its_contents(one: Record) -> None:
    assert [other for other in RECORDS if other == one] == [one]
    assert replace(one) == one  # type: ignore[type-var]  # they all are dataclasses
    assert hash(replace(one)) == hash(one)  # type: ignore[type-var]
    assert one != "a record"


def test_a_record_is_shown_as_a_dataclass_is() -> None:
    ordinary = make_dataclass("Derived", ["number", "names", "more"])
    record = Derived(number=1, names=("a",), more=Base(number=2))
    assert repr(record) == repr(ordinary(1, ("a",), Base(number=2)))


def test_records_are_as_different_as_what_they_hold() -> None:
    group = DevicesReferenceList(group_reference=(GroupReference(group_id="west"),))
    device = DevicesReferenceList(device_reference=(DeviceReference(device_id="west"),))
    assert len({group, device, replace(group)}) == 2
