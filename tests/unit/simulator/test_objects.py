"""What the objects of a simulated meter do, as a client in its association sees it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from cas.bindings import cosempdu as cos
from cas.bindings.cosempdu import ActionResult
from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data, Value
from cas.cosem.date_time import CosemDateTime
from cas.cosem.obis import Obis
from cas.simulator.meter import Meter
from cas.simulator.reading import load_model
from cas.simulator.view import View

NOW = datetime(2026, 3, 1, 12, 7, 30, tzinfo=UTC)
ENERGY, CLOCK, PROFILE, DAILY = "1.0.1.8.0.255", "0.0.1.0.0.255", "1.0.99.1.0.255", "1.0.99.2.0.255"
RELAY, SCRIPTS, IMAGE, SECURITY = "0.0.96.3.10.255", "0.0.10.0.106.255", "0.0.44.0.0.255", "0.0.43.0.0.255"
MESSAGE = "0.0.96.13.0.255"


class Bench:
    """A meter, a clock moved by hand, and a client."""

    def __init__(self, model: str = "residential", client: int = 17) -> None:
        self.time = NOW.timestamp()
        self.meter = Meter(load_model(model), 7, seed=0, clock=lambda: self.time)
        self.view = View(self.meter, self.meter.model.offers[client], 1)

    def read(
        self, class_id: int, name: str, attribute: int = 2, selection: tuple[int, Data] | None = None
    ) -> Data | Result:
        selected = selection and cos.SelectiveAccessDescriptor(
            access_selector=selection[0], access_parameters=selection[1]
        )
        return self.view.read(descriptor(class_id, name, attribute), selected)

    def value(self, class_id: int, name: str, attribute: int = 2, selection: tuple[int, Data] | None = None) -> Value:
        found = self.read(class_id, name, attribute, selection)
        assert isinstance(found, Data), found
        return found.value

    def rows(self, name: str, selection: tuple[int, Data] | None = None) -> list[tuple[Value, ...]]:
        return cast("list[tuple[Value, ...]]", self.value(7, name, 2, selection))

    def write(self, class_id: int, name: str, attribute: int, value: Data) -> Result:
        return self.view.write(descriptor(class_id, name, attribute), None, value)

    def invoke(self, class_id: int, name: str, method: int, parameters: Data | None = None) -> ActionResult:
        target = cos.CosemMethodDescriptor(class_id=class_id, instance_id=Obis.parse(name).octets, method_id=method)
        return self.view.invoke(target, parameters or Data.of("integer", 0))[0]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def descriptor(class_id: int, name: str, attribute: int) -> cos.CosemAttributeDescriptor:
    return cos.CosemAttributeDescriptor(class_id=class_id, instance_id=Obis.parse(name).octets, attribute_id=attribute)


def octets(text: str) -> Data:
    """A time as octet-string, from ISO 8601."""
    return Data.of("octet-string", CosemDateTime.from_datetime(datetime.fromisoformat(text)).encode())


def by_range(begin: str, end: str, columns: list[Data] | None = None) -> tuple[int, Data]:
    clock = capture(8, CLOCK, 2)
    return 1, Data.structure(clock, octets(begin), octets(end), Data.array(columns or []))


def by_entry(*numbers: int) -> tuple[int, Data]:
    first, last, *columns = (
        Data.of("double-long-unsigned" if i < 2 else "long-unsigned", n) for i, n in enumerate(numbers)
    )
    return 2, Data.structure(first, last, *columns)


def capture(class_id: int, name: str, attribute: int) -> Data:
    return Data.structure(
        Data.of("long-unsigned", class_id),
        Data.of("octet-string", Obis.parse(name).octets),
        Data.of("integer", attribute),
        Data.of("long-unsigned", 0),
    )


def times(rows: list[tuple[Value, ...]]) -> list[str]:
    return [str(CosemDateTime.decode(cast("bytes", row[0]))) for row in rows]


# ---------------------------------------------------------------- registers


def test_energy_grows_with_time(bench: Bench) -> None:
    before = bench.value(3, ENERGY)
    bench.time += 3600
    after = bench.value(3, ENERGY)
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert 30 < after - before < 2000
    assert after == bench.meter.value(ENERGY)


def test_tariffs_make_up_the_total(bench: Bench) -> None:
    first, second = bench.value(3, "1.0.1.8.1.255"), bench.value(3, "1.0.1.8.2.255")
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert first + second - cast("int", bench.value(3, ENERGY)) in (-1, 0)


def test_scaler_and_unit(bench: Bench) -> None:
    assert bench.value(3, "1.0.32.7.0.255", 3) == (-1, 35)
    assert 2240 <= cast("int", bench.value(3, "1.0.32.7.0.255")) <= 2360


def test_extended_register_holds_the_last_quarter() -> None:
    bench = Bench("three-phase", client=1)
    quarter = NOW.replace(minute=0, second=0).timestamp()
    assert bench.value(4, "1.0.1.9.0.255") == bench.meter.value(ENERGY, at=quarter)
    assert bench.value(4, "1.0.1.9.0.255", 5) == bytes.fromhex("07EA0301070D000000FFC400")


# ---------------------------------------------------------------- rights


@pytest.mark.parametrize(
    ("class_id", "name", "attribute", "result"),
    [
        (3, "1.0.99.99.0.255", 2, Result.OBJECT_UNDEFINED),
        (1, ENERGY, 2, Result.OBJECT_CLASS_INCONSISTENT),
        (3, ENERGY, 9, Result.OBJECT_UNDEFINED),
        (3, ENERGY, -1, Result.OBJECT_UNDEFINED),
        (15, "0.0.40.0.0.255", 7, Result.READ_WRITE_DENIED),
        (15, "0.0.40.0.0.255", 99, Result.OBJECT_UNDEFINED),
    ],
)
def test_what_cannot_be_read(bench: Bench, class_id: int, name: str, attribute: int, result: Result) -> None:
    assert bench.read(class_id, name, attribute) is result


def test_the_public_client_may_only_read() -> None:
    bench = Bench(client=16)
    assert bench.write(1, MESSAGE, 2, Data.of("octet-string", b"x")) is Result.READ_WRITE_DENIED
    assert bench.invoke(70, RELAY, 1) is ActionResult.READ_WRITE_DENIED
    assert bench.value(70, RELAY, 3) == 1


def test_the_public_client_sees_what_the_model_shows_it() -> None:
    bench = Bench("three-phase", client=16)
    assert bench.read(3, ENERGY) is Result.OBJECT_UNDEFINED
    names = [cast("tuple[Value, ...]", one)[2] for one in cast("list[Value]", bench.value(15, "0.0.40.0.0.255"))]
    assert Obis.parse(CLOCK).octets in names
    assert Obis.parse(ENERGY).octets not in names


def test_object_list_tells_rights_as_they_are(bench: Bench) -> None:
    listed = cast(
        "list[tuple[int, int, bytes, tuple[list[tuple[int, int, Value]], list[Value]]]]",
        bench.value(15, "0.0.40.0.0.255"),
    )
    for class_id, _, name, (attributes, methods) in listed:
        assert attributes[0][0] == 1
        for attribute, mode, _ in attributes:
            found = bench.read(class_id, str(Obis(name)), attribute)
            assert isinstance(found, Data) == bool(mode & 1), (class_id, name, attribute)
        assert [method for method, _ in cast("list[tuple[int, int]]", methods)] == list(range(1, len(methods) + 1))
    assert {8, 3, 7, 70, 9, 15, 17, 18, 64, 1, 11, 20} == {class_id for class_id, *_ in listed}
    profile = next(one for one in listed if one[0] == 7)
    assert profile[3][0][1] == (2, 1, [1, 2])


def test_set_is_kept_and_typed(bench: Bench) -> None:
    assert bench.write(1, MESSAGE, 2, Data.of("octet-string", b"hello")) is Result.SUCCESS
    assert bench.value(1, MESSAGE) == b"hello"
    assert bench.write(1, MESSAGE, 2, Data.of("unsigned", 1)) is Result.TYPE_UNMATCHED
    assert bench.write(3, ENERGY, 2, Data.of("double-long-unsigned", 1)) is Result.READ_WRITE_DENIED
    assert bench.write(3, ENERGY, 9, Data.of("double-long-unsigned", 1)) is Result.OBJECT_UNDEFINED
    assert Bench().value(1, MESSAGE) == b""  # other meters are as they were


# ---------------------------------------------------------------- clock


def test_clock_shows_local_time(bench: Bench) -> None:
    assert bench.value(8, CLOCK) == bytes.fromhex("07EA0301070D071E00FFC400")
    bench.time = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
    assert bench.value(8, CLOCK) == bytes.fromhex("07EA0701030E000000FF8880")
    assert bench.value(8, CLOCK, 4) == 0x80
    assert bench.value(8, CLOCK, 3) == -60


def test_clock_is_set_and_goes_on(bench: Bench) -> None:
    assert bench.write(8, CLOCK, 2, octets("2026-03-01T13:00:00+01:00")) is Result.SUCCESS
    bench.time += 90
    assert bench.value(8, CLOCK) == bytes.fromhex("07EA0301070D011E00FFC400")
    assert bench.meter.clock_offset == -450
    assert bench.write(8, CLOCK, 2, Data.of("octet-string", b"short")) is Result.OTHER_REASON


@pytest.mark.parametrize(("method", "parameter", "shown"), [(1, 0, "0D0F00"), (3, 0, "0D0800"), (6, -40, "0D0632")])
def test_clock_is_adjusted(bench: Bench, method: int, parameter: int, shown: str) -> None:
    bench.time += 5  # 13:07:35
    assert bench.invoke(8, CLOCK, method, Data.of("long", parameter)) is ActionResult.SUCCESS
    found = cast("bytes", bench.value(8, CLOCK))[5:8].hex().upper()
    assert found == {"0D0632": "0D0637"}.get(shown, shown)
    assert bench.invoke(8, CLOCK, 6, Data.of("long", 901)) is ActionResult.OTHER_REASON


# ---------------------------------------------------------------- profile


def test_profile_holds_a_row_for_each_period(bench: Bench) -> None:
    rows = bench.rows(PROFILE)
    assert len(rows) == bench.value(7, PROFILE, 7) == 8640
    assert times(rows)[-2:] == [
        "2026-03-01 (weekday 7) 12:45:00.00 +01:00",
        "2026-03-01 (weekday 7) 13:00:00.00 +01:00",
    ]
    assert rows[-1][2] == bench.meter.value(ENERGY, at=NOW.timestamp() - 450)
    bench.time += 900
    assert bench.rows(PROFILE)[:-1] == rows[1:]


def test_profile_by_range(bench: Bench) -> None:
    rows = bench.rows(PROFILE, by_range("2026-02-28T00:00:00+01:00", "2026-02-28T23:59:59+01:00"))
    assert len(rows) == 96
    assert times(rows)[0] == "2026-02-28 (weekday 6) 00:00:00.00 +01:00"
    assert times(rows)[-1] == "2026-02-28 (weekday 6) 23:45:00.00 +01:00"
    values = [cast("int", row[2]) for row in rows]
    assert values == sorted(values)
    whole = bench.rows(PROFILE)
    assert whole[whole.index(rows[0]) :][:96] == rows


@pytest.mark.parametrize(
    ("begin", "end", "count"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", 1),  # both ends belong to it
        ("2026-03-01T10:00:01Z", "2026-03-01T10:14:59Z", 0),
        ("2026-03-01T11:50:00Z", "2027-01-01T00:00:00Z", 1),  # nothing of the future
        ("2020-01-01T00:00:00Z", "2020-12-31T00:00:00Z", 0),  # nothing that is gone
        ("2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z", 0),
    ],
)
def test_ends_of_a_range(bench: Bench, begin: str, end: str, count: int) -> None:
    assert len(bench.rows(PROFILE, by_range(begin, end))) == count


def test_columns_of_a_range(bench: Bench) -> None:
    selection = by_range("2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z", [capture(3, ENERGY, 2), capture(8, CLOCK, 2)])
    rows = bench.rows(PROFILE, selection)
    assert [len(row) for row in rows] == [2, 2]
    assert times(rows)[0] == "2026-03-01 (weekday 7) 11:00:00.00 +01:00"
    unknown = by_range("2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z", [capture(3, "1.0.9.8.0.255", 2)])
    assert bench.read(7, PROFILE, 2, unknown) is Result.OBJECT_UNDEFINED


def test_profile_by_entry(bench: Bench) -> None:
    whole = bench.rows(PROFILE)
    assert bench.rows(PROFILE, by_entry(1, 10, 1, 0)) == whole[:10]
    assert bench.rows(PROFILE, by_entry(8638, 0, 1, 0)) == whole[-3:]
    assert bench.rows(PROFILE, by_entry(8640, 9000, 3, 3)) == [(whole[-1][2],)]
    assert bench.rows(PROFILE, by_entry(9000, 0, 1, 0)) == []


@pytest.mark.parametrize(
    "selection",
    [
        (3, Data.of("null-data")),
        (1, Data.of("null-data")),
        (1, Data.structure(Data.of("unsigned", 1))),
        by_entry(0, 1, 1, 0),
        (
            1,
            Data.structure(
                capture(3, ENERGY, 2), *by_range("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z")[1].children()[1:]
            ),
        ),
    ],
)
def test_selections_that_make_no_sense_are_refused(bench: Bench, selection: tuple[int, Data]) -> None:
    assert isinstance(bench.read(7, PROFILE, 2, selection), Result)


def test_daily_values_are_taken_at_local_midnight(bench: Bench) -> None:
    bench.time = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
    rows = bench.rows(DAILY, by_range("2026-03-28T00:00:00+01:00", "2026-03-30T00:00:00+02:00"))
    assert times(rows) == [
        "2026-03-28 (weekday 6) 00:00:00.00 +01:00",
        "2026-03-29 (weekday 7) 00:00:00.00 +01:00",
        "2026-03-30 (weekday 1) 00:00:00.00 +02:00",
    ]


def test_reset_empties_the_buffer(bench: Bench) -> None:
    assert bench.invoke(7, PROFILE, 1) is ActionResult.SUCCESS
    assert bench.value(7, PROFILE, 7) == 0
    assert bench.rows(PROFILE) == []
    bench.time += 1800
    assert len(bench.rows(PROFILE)) == 2


def test_rows_follow_the_clock_of_the_meter(bench: Bench) -> None:
    bench.meter.clock_offset = 450  # 13:15 at the meter
    row = bench.rows(PROFILE)[-1]
    assert times([row]) == ["2026-03-01 (weekday 7) 13:15:00.00 +01:00"]
    assert row[2] == bench.meter.value(ENERGY)


def test_compressed_profile_leaves_out_times() -> None:
    bench = Bench("three-phase", client=1)
    rows = bench.rows(PROFILE, by_range("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"))
    assert times(rows[:1]) == ["2026-03-01 (weekday 7) 11:00:00.00 +01:00"]
    assert [row[0] for row in rows[1:]] == [None] * 4


# ---------------------------------------------------------------- relay, scripts


@pytest.mark.clause("Blue Book 12, 4.5.8")
@pytest.mark.parametrize(("mode", "after"), [(1, 2), (2, 1), (3, 2), (4, 1), (5, 2), (6, 2)])
def test_relay_by_control_mode(bench: Bench, mode: int, after: int) -> None:
    assert bench.write(70, RELAY, 4, Data.of("enum", mode)) is Result.SUCCESS
    assert (bench.value(70, RELAY, 2), bench.value(70, RELAY, 3)) == (True, 1)
    assert bench.invoke(70, RELAY, 1) is ActionResult.SUCCESS
    assert (bench.value(70, RELAY, 2), bench.value(70, RELAY, 3)) == (False, 0)
    assert bench.invoke(70, RELAY, 2) is ActionResult.SUCCESS
    assert bench.value(70, RELAY, 3) == after


def test_relay_in_mode_0_cannot_be_moved(bench: Bench) -> None:
    bench.write(70, RELAY, 4, Data.of("enum", 0))
    assert bench.invoke(70, RELAY, 1) is ActionResult.READ_WRITE_DENIED
    assert bench.write(70, RELAY, 4, Data.of("enum", 7)) is Result.OTHER_REASON


def test_scripts_move_the_relay(bench: Bench) -> None:
    assert bench.invoke(9, SCRIPTS, 1, Data.of("long-unsigned", 1)) is ActionResult.SUCCESS
    assert bench.value(70, RELAY, 3) == 0
    assert bench.invoke(9, SCRIPTS, 1, Data.of("long-unsigned", 2)) is ActionResult.SUCCESS
    assert bench.value(70, RELAY, 3) == 1
    assert bench.invoke(9, SCRIPTS, 1, Data.of("long-unsigned", 3)) is ActionResult.OBJECT_UNDEFINED


# ---------------------------------------------------------------- image transfer

FIRMWARE = bytes(range(256)) * 2 + b"the last block"


def initiate(bench: Bench) -> ActionResult:
    parameters = Data.structure(Data.of("octet-string", b"fw2"), Data.of("double-long-unsigned", len(FIRMWARE)))
    return bench.invoke(18, IMAGE, 1, parameters)


def transfer(bench: Bench, number: int, octets: bytes | None = None) -> ActionResult:
    block = FIRMWARE[256 * number :][:256] if octets is None else octets
    parameters = Data.structure(Data.of("double-long-unsigned", number), Data.of("octet-string", block))
    return bench.invoke(18, IMAGE, 2, parameters)


@pytest.mark.clause("Blue Book 12, 4.4.6")
def test_image_transfer(bench: Bench) -> None:
    assert bench.value(18, IMAGE, 2) == 256
    assert initiate(bench) is ActionResult.SUCCESS
    assert bench.value(18, IMAGE, 6) == 1
    assert transfer(bench, 2) is ActionResult.SUCCESS
    assert transfer(bench, 0) is ActionResult.SUCCESS
    assert (bench.value(18, IMAGE, 3), bench.value(18, IMAGE, 4)) == ("101", 1)
    assert bench.invoke(18, IMAGE, 3) is ActionResult.OTHER_REASON
    assert bench.value(18, IMAGE, 6) == 4
    assert transfer(bench, 1) is ActionResult.SUCCESS
    assert bench.invoke(18, IMAGE, 4) is ActionResult.OTHER_REASON  # not verified yet
    assert bench.invoke(18, IMAGE, 3) is ActionResult.SUCCESS
    assert bench.value(18, IMAGE, 7) == [(len(FIRMWARE), b"fw2", b"")]
    assert bench.invoke(18, IMAGE, 4) is ActionResult.SUCCESS
    assert bench.value(18, IMAGE, 6) == 6
    assert bench.meter.image is not None
    assert bench.meter.image.octets == FIRMWARE


def test_blocks_that_do_not_fit_are_refused(bench: Bench) -> None:
    assert transfer(bench, 0) is ActionResult.OTHER_REASON
    initiate(bench)
    assert transfer(bench, 3, b"x") is ActionResult.OTHER_REASON
    assert transfer(bench, 0, b"short") is ActionResult.TYPE_UNMATCHED
    assert bench.value(18, IMAGE, 4) == 0


# ---------------------------------------------------------------- security setup


def wrapped(bench: Bench, number: int, key: bytes, kek: bytes | None = None) -> Data:
    with_key = kek or cast("bytes", bench.meter.keys.master)
    return Data.structure(Data.of("enum", number), Data.of("octet-string", aes_key_wrap(with_key, key)))


@pytest.mark.clause("Blue Book 12, 4.4.7")
def test_keys_are_replaced(bench: Bench) -> None:
    new = bytes(range(16))
    authentication = bench.meter.keys.authentication
    items = Data.array([wrapped(bench, 0, new)])
    assert bench.invoke(64, SECURITY, 2, items) is ActionResult.SUCCESS
    assert bench.meter.keys.encryption == new
    assert bench.meter.keys.authentication == authentication


@pytest.mark.parametrize(
    "make",
    [
        lambda bench: wrapped(bench, 0, bytes(16), kek=bytes(16)),
        lambda bench: wrapped(bench, 9, bytes(16)),
        lambda bench: wrapped(bench, 0, bytes(24)),
        lambda bench: Data.of("null-data"),
    ],
)
def test_keys_that_cannot_be_taken_change_nothing(bench: Bench, make: Callable[[Bench], Data]) -> None:
    before = bench.meter.keys
    items = Data.array([wrapped(bench, 2, bytes(range(16))), make(bench)])
    assert bench.invoke(64, SECURITY, 2, items) is not ActionResult.SUCCESS
    assert bench.meter.keys == before


def test_policy_is_only_made_stricter(bench: Bench) -> None:
    assert bench.invoke(64, SECURITY, 1, Data.of("enum", 0x24)) is ActionResult.SUCCESS
    assert bench.value(64, SECURITY, 2) == 0x24
    assert bench.invoke(64, SECURITY, 1, Data.of("enum", 0x04)) is ActionResult.READ_WRITE_DENIED


def test_keys_are_not_shown(bench: Bench) -> None:
    assert bench.meter.keys.encryption.hex() not in repr(bench.meter) + repr(bench.meter.keys)


@pytest.mark.clause("Green Book 8.3, 9.3.7")
class TestAllAttributesAtOnce:
    """SET of attribute 0: a structure of all attributes, null-data where one is to stay."""

    NULL = Data.of("null-data")

    def clock(self, bench: Bench, **given: Data) -> Result:
        values = [given.get(name, self.NULL) for name in "abcdefghi"]
        return bench.write(8, CLOCK, 0, Data.structure(*values))

    def test_what_is_given_is_set(self, bench: Bench) -> None:
        bench.time += 3600
        before = bench.value(8, CLOCK, 3)
        time = Data.of("octet-string", bytes.fromhex("07EA03010708000000FFC400"))
        assert self.clock(bench, b=time) is Result.SUCCESS
        assert bytes(cast("bytes", bench.value(8, CLOCK)))[:8] == time.octets[2:10]
        assert bench.value(8, CLOCK, 3) == before

    def test_nothing_is_set_where_one_may_not_be(self, bench: Bench) -> None:
        before = bench.value(8, CLOCK)
        time = Data.of("octet-string", bytes.fromhex("07EA03010708000000FFC400"))
        assert self.clock(bench, b=time, d=Data.of("unsigned", 0)) is Result.READ_WRITE_DENIED
        assert self.clock(bench, b=Data.of("unsigned", 1)) is Result.TYPE_UNMATCHED
        assert bench.write(8, CLOCK, 0, Data.structure(self.NULL)) is Result.TYPE_UNMATCHED
        assert bench.value(8, CLOCK) == before
