"""Import files: rows with the place they come from."""

from pathlib import Path

import pytest

from cas.devices.errors import DeviceRefused
from cas.devices.files import read_rows


def rows(folder: Path, name: str, content: str | bytes) -> list[tuple[str, dict[str, object]]]:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(row.place.removeprefix(f"{folder}/"), dict(row.fields)) for row in read_rows(file)]


def test_csv_names_the_line_of_each_row_and_drops_empty_cells(tmp_path: Path) -> None:
    text = "device_id,url,alias,label.region\nA,tcp://a,,North\n\n B , tcp://b\n"
    assert rows(tmp_path, "m.csv", text) == [
        ("m.csv:2", {"device_id": "A", "url": "tcp://a", "label": {"region": "North"}}),
        ("m.csv:4", {"device_id": "B", "url": "tcp://b"}),
    ]


def test_csv_of_a_spreadsheet(tmp_path: Path) -> None:
    text = '\ufeffdevice_id;url;secret\r\nA;tcp://a;"a;b"\r\n'
    assert rows(tmp_path, "m.CSV", text) == [("m.CSV:2", {"device_id": "A", "url": "tcp://a", "secret": "a;b"})]


def test_toml_names_the_line_of_each_table(tmp_path: Path) -> None:
    text = '# two\n[[device]]\ndevice_id = "A"\n\n[[device]]\ndevice_id = "B"\nlabel.region = "N"\n'
    assert rows(tmp_path, "m.toml", text) == [
        ("m.toml:2", {"device_id": "A"}),
        ("m.toml:5", {"device_id": "B", "label": {"region": "N"}}),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.txt", "", r"must end in \.csv or \.toml"),
        ("m.csv", "", "m.csv:1: column device_id is missing"),
        ("m.csv", "device_id,url,colour\n", "m.csv:1: column colour: unknown; known are device_id, url"),
        ("m.csv", "device_id,url,url\n", "m.csv:1: column url is there twice"),
        ("m.csv", "device_id,url\nA,tcp://a\nB,b,c\n", "m.csv:3: 3 cells, but the first line names 2 columns"),
        ("m.csv", 'device_id,url\nA,"tcp\n', "m.csv:.*: unexpected end of data"),
        ("m.csv", b"device_id,url\n\xff,x\n", "m.csv: not UTF-8"),
        ("m.toml", "[[device]\n", r"m.toml: .*line 1"),
        ("m.toml", "[device]\n", r"m.toml: only tables \[\[device\]\]"),
        ("m.toml", "[[devices]]\n", r"m.toml: only tables \[\[device\]\] may stand here: devices"),
    ],
)
def test_refuses_what_is_not_such_a_file(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(DeviceRefused, match=says):
        rows(tmp_path, name, content)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceRefused, match=r"m\.csv: No such file"):
        list(read_rows(tmp_path / "m.csv"))
