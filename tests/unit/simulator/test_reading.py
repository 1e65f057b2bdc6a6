"""Object models from TOML: what is there is taken, what is wrong is named."""

from pathlib import Path

import pytest

from cas.cosem.data import Data
from cas.simulator import ModelError, builtin_models, load_model
from cas.simulator.meter import Meter
from cas.simulator.reading import read_data, read_model

HEAD = "[model]\ninstalled = 2024-01-01T00:00:00Z\n[[association]]\nclient = 16\n"
DATA = '[[object]]\nclass = 1\nlogical_name = "0.0.1.0.0.255"\nattributes = '
CLOCK = '[[object]]\nclass = "clock"\nlogical_name = "0.0.1.0.0.255"\n'
PROFILE = CLOCK.replace("clock", "profile-generic") + "period = 900\nentries = 9\n"


@pytest.mark.parametrize("name", builtin_models())
def test_every_attribute_of_the_built_in_models_can_be_read(name: str) -> None:
    meter = Meter(load_model(name), 1, seed=0, clock=lambda: 1_772_366_850.0)
    for (class_id, logical_name), found in meter.model.objects.items():
        assert found.class_id == class_id
        for attribute in found.rights:
            value = found.read(meter, attribute, meter.now())
            assert Data.decode(value.octets) == value, (logical_name.hex(), attribute)


def test_there_are_models_of_several_kinds() -> None:
    assert builtin_models() == ["minimal", "residential", "three-phase"]
    assert load_model("minimal") is load_model("minimal")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x", "m: "),
        ("", "[model]|model is missing"),
        ("[model]\n", "installed is missing"),
        (HEAD.replace("00Z", "00"), "installed needs a zone"),
        (HEAD.replace("client", "klient"), "association 1: client is missing"),
        (HEAD + 'authentication = "secret"\n', "authentication must be one of none, lls"),
        (HEAD + "depth = 1\n", "association 1: unknown: depth"),
        (HEAD + "[[object]]\nclass = 3.5\n", "class must be a number"),
        (HEAD + '[[object]]\nclass = "klock"\n', "class must be a number, or one of"),
        (HEAD + '[[object]]\nclass = "clock"\nlogical_name = "1.2"\n', "'1.2' is no OBIS code"),
        (HEAD + CLOCK + CLOCK, "object 0.0.1.0.0.255: this class and logical name are there twice"),
        (HEAD + CLOCK + "zone = 1\n", "unknown: zone"),
        (HEAD + DATA + "{2 = {unsigned = 300}}\n", "attributes: 300 is no unsigned"),
        (HEAD + DATA + "{2 = {unsignd = 3}}\n", "'unsignd' is no kind"),
        (HEAD + DATA + "{2 = 3}\n", "3 is no Data"),
        (
            HEAD + CLOCK.replace("clock", "register") + 'measures = "luck"\nof = "0.0.1.0.0.255"\n',
            "is no object that stands",
        ),
        (
            HEAD + CLOCK + PROFILE + 'capture = ["0.0.1.0.0.255 x"]\n',
            "write it as 1.0.1.8.0.255 2",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_model("m", text)
    assert any(part in str(caught.value) for part in complaint.split("|"))


def test_models_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + CLOCK)
    model = load_model(str(file))
    assert model.name == "mine"
    assert list(model.offers) == [16]
    with pytest.raises(ModelError, match="nowhere"):
        load_model(str(tmp_path / "nowhere.toml"))
    with pytest.raises(ModelError, match="built in are minimal"):
        load_model("unheard-of")


def test_notation_of_data() -> None:
    value = read_data({"structure": [{"octet-string": "AABB"}, {"array": [{"long": -2}]}, {"null-data": ""}]})
    assert value.octets == bytes.fromhex("02030902AABB010110FFFE00")
