"""Records: made, compared, hashed, shown, copied and left alone as the frozen dataclasses that they are."""

import pickle
from copy import copy, deepcopy
from dataclasses import FrozenInstanceError, field, make_dataclass, replace
from typing import Any

import pytest

from cas.bindings.device_access import DeviceReference, DevicesReferenceList, GroupReference
from cas.cosem.record import Record, record


@record
class Empty(Record):
    pass


@record
class Base(Record):
    number: int
    names: tuple[str, ...] = field(default_factory=tuple)


@record
class Derived(Base):
    more: "Base | None" = None


RECORDS = [Empty(), Base(number=1), Base(number=2), Base(number=1, names=("a",)), Derived(number=1), Derived(number=2)]


@pytest.mark.parametrize("one", RECORDS, ids=repr)
def test_a_record_equals_what_has_its_class_and_its_contents(one: Record) -> None:
    assert [other for other in RECORDS if other == one] == [one]
    for same in (replace(one), copy(one), deepcopy(one), pickle.loads(pickle.dumps(one))):  # noqa: S301 - our own
        assert same == one
        assert hash(same) == hash(one)
    assert one != "a record"


def test_a_record_is_shown_as_a_dataclass_is() -> None:
    ordinary = make_dataclass("Derived", ["number", "names", "more"])
    record = Derived(number=1, names=("a",), more=Base(number=2))
    assert repr(record) == repr(ordinary(1, ("a",), Base(number=2)))


def test_a_record_cannot_be_changed() -> None:
    one: Any = Base(number=1)
    with pytest.raises(FrozenInstanceError):
        one.number = 2
    with pytest.raises(FrozenInstanceError):
        del one.number
    with pytest.raises(FrozenInstanceError):
        one.other = 2
    assert one == Base(number=1)


@pytest.mark.parametrize(
    ("values", "word"),
    [({}, "lacks number"), ({"number": 1, "numbers": 2}, "has no numbers"), ({"names": ()}, "lacks")],
)
def test_a_record_is_made_of_its_fields(values: dict[str, Any], word: str) -> None:
    with pytest.raises(TypeError, match=word):
        Base(**values)


def test_records_are_as_different_as_what_they_hold() -> None:
    group = DevicesReferenceList(group_reference=(GroupReference(group_id="west"),))
    device = DevicesReferenceList(device_reference=(DeviceReference(device_id="west"),))
    assert len({group, device, replace(group)}) == 2
