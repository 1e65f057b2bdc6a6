"""`cas group` as a person calls it."""

import json
from pathlib import Path

import pytest

from cas.cli import main

URL = "tcp://127.0.0.1:4059?client=1&server=1"


# Not async: a command runs a loop of its own.
def test_groups_are_made_shown_changed_and_deleted(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAS_DSN", dsn)

    def cas(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return (ended.value.code or 0, *capsys.readouterr())

    for name in ("house-7", "house-8", "barn"):
        assert cas("device", "add", name, URL)[0] == 0
    assert cas("group", "create", "street", "house-7")[:2] == (0, "created street\n")
    assert cas("group", "create", "houses", "--prefix", "house-", "--json")[1] == '{"created": ["houses"]}\n'
    assert cas("group", "show", "houses")[1] == "house-7\nhouse-8\n"
    assert cas("group", "add", "street", "barn")[0] == 0
    assert cas("group", "remove", "street", "house-7")[0] == 0
    lines = [json.loads(line) for line in cas("group", "show", "street", "--json")[1].splitlines()]
    assert lines == [{"group_id": "street", "prefix": None}, {"device_id": "barn"}]
    assert cas("group", "change", "street", "house-8")[0] == 0
    assert cas("group", "show", "street")[1] == "house-8\n"
    listed = [json.loads(line) for line in cas("group", "list", "--json")[1].splitlines()]
    assert [(group["group_id"], group["members"]) for group in listed] == [
        ("DG_ALL_METERS", None),
        ("houses", None),
        ("street", 1),
    ]
    assert "by rule" in cas("group", "list")[1]
    assert cas("group", "delete", "houses", "street")[1] == "deleted houses, street\n"
    code, _, error = cas("group", "delete", "houses")
    assert code == 1
    assert "no group has the GroupID 'houses'" in error
