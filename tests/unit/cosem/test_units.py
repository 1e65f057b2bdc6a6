"""The unit table."""

import pytest

from cas.cosem.units import SYMBOLS, symbol


@pytest.mark.clause("Blue Book 12, 4.3.2")
@pytest.mark.parametrize(
    ("unit", "text"), [(27, "W"), (30, "Wh"), (32, "varh"), (33, "A"), (35, "V"), (44, "Hz"), (13, "m³"), (255, "")]
)
def test_units_that_meters_have(unit: int, text: str) -> None:
    assert symbol(unit) == text


def test_every_number_has_a_text() -> None:
    assert set(SYMBOLS) <= set(range(1, 256))
    assert all(symbol(unit) or unit == 255 for unit in range(256))
    assert symbol(200) == "unit 200"
