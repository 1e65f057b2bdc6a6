"""Names of OBIS codes by their groups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.cosem.interface_classes import find_class
from cas.cosem.obis import Obis
from cas.cosem.obis_names import medium, obis_name, usual_class


@pytest.mark.parametrize(
    ("code", "name", "class_id"),
    [
        ("1.0.1.8.0.255", "Active energy import (+A), time integral 1, total", 3),
        ("1.0.2.8.2.255", "Active energy export (-A), time integral 1, rate 2", 3),
        ("1.0.3.8.0.255", "Reactive energy import (+R), time integral 1, total", 3),
        ("1.0.32.7.0.255", "Voltage L1, instantaneous value", 3),
        ("1.0.71.7.0.255", "Current L3, instantaneous value", 3),
        ("1.0.31.7.3.255", "Current L1, instantaneous value, harmonic 3", 3),
        ("1.0.41.7.0.255", "Active power import (+P) L2, instantaneous value", 3),
        ("1.0.1.6.0.255", "Active power import (+P), maximum 1", 4),
        ("1.0.1.4.0.255", "Active power import (+P), current average 1", 5),
        ("1.1.1.8.0.3", "Active energy import (+A), time integral 1, total, channel 1, billing period 3", 3),
        ("1.0.99.1.0.255", "Load profile with recording period 1", 7),
        ("0.0.1.0.0.255", "Clock", 8),
        ("0.0.42.0.0.255", "COSEM logical device name", 1),
        ("0.0.40.0.0.255", "Current association", 15),
        ("0.0.40.0.3.255", "Association 3", 15),
        ("0.0.96.1.0.255", "Device ID 1", 1),
        ("0.2.24.2.1.255", "M-Bus value 1, channel 2", 4),
        ("8.0.1.0.0.255", "Accumulated volume, current value", 3),
    ],
)
def test_names(code: str, name: str, class_id: int) -> None:
    assert obis_name(Obis.parse(code)) == name
    assert usual_class(Obis.parse(code)) == class_id


@pytest.mark.parametrize("code", ["0.0.94.91.0.255", "1.0.200.8.0.255", "7.0.3.0.0.255", "128.0.1.8.0.255"])
def test_an_unknown_code_stays_a_code(code: str) -> None:
    assert obis_name(Obis.parse(code)) is None
    assert usual_class(Obis.parse(code)) is None


@given(st.binary(min_size=6, max_size=6))
def test_any_code_can_be_asked_for(octets: bytes) -> None:
    code = Obis(octets)
    name, class_id = obis_name(code), usual_class(code)
    assert name is None or (name and "{" not in name)
    assert class_id is None or find_class(class_id)
    assert medium(Obis.parse("1.0.1.8.0.255")) == "electricity"
