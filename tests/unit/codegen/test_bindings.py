"""codegen: the committed classes are fresh, and a revision of the schemas is followed or refused with a reason."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen import bindings
from codegen.asn1_model import SchemaError

FOREIGN = re.compile(r' asn1:(tag|explicit|number|kind|application-tag)="[^"]*"')
Edit = Callable[[str], str]


@pytest.fixture
def revise(tmp_path: Path) -> Callable[[Edit], Path]:
    """Makes a directory that holds COSEMpdu.xsd as the edit leaves it."""

    def make(edit: Edit) -> Path:
        before = (bindings.SCHEMAS / "COSEMpdu.xsd").read_text(encoding="utf-8")
        after = edit(before)
        assert after != before
        (tmp_path / "revision").mkdir()
        (tmp_path / "revision" / "COSEMpdu-2027.xsd").write_text(after, encoding="utf-8")
        return tmp_path / "revision"

    return make


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's schemas and bindings, which codegen then works on."""
    for name, folder in (("SCHEMAS", bindings.SCHEMAS), ("BINDINGS", bindings.BINDINGS)):
        shutil.copytree(folder, tmp_path / "project" / folder.relative_to(bindings.ROOT))
        monkeypatch.setattr(bindings, name, tmp_path / "project" / folder.relative_to(bindings.ROOT))
    monkeypatch.setattr(bindings, "ROOT", tmp_path / "project")
    return tmp_path / "project"


def rows(table: str) -> set[tuple[str, ...]]:
    """The cells of the table, its head and legend left out."""
    body = table.split("\n\n")[0].splitlines()[2:]
    return {tuple(re.split(r"\s{2,}", line)) for line in body}


def test_the_committed_bindings_are_fresh() -> None:
    assert bindings.main(["--check"]) == 0


def test_two_runs_give_the_same_octets(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(bindings.generate(bindings.stage(None, tmp_path / name)))
    assert made[0] == made[1]


def test_check_names_the_stale_file_and_writes_nothing(sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = sandbox / "cas" / "bindings" / "message.py"
    stale.write_text("# edited by hand\n", encoding="utf-8")
    assert bindings.main(["--check"]) == 1
    assert "stale: cas/bindings/message.py" in capsys.readouterr().err
    assert stale.read_text(encoding="utf-8") == "# edited by hand\n"


def test_no_change_is_said(sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bindings.main([]) == 0
    assert capsys.readouterr().out == "No class changed.\n"


def test_a_revision_without_our_attributes_takes_them_over(revise: Callable[[Edit], Path], tmp_path: Path) -> None:
    bare = revise(lambda text: FOREIGN.sub("", text))
    (tmp_path / "staged").mkdir()
    files = bindings.generate(bindings.stage(bare, tmp_path / "staged"), known=bindings.SCHEMAS)
    assert files["coding.py"] == (bindings.BINDINGS / "coding.py").read_text(encoding="utf-8")


def test_a_changed_size_shows_in_class_and_coding(
    revise: Callable[[Edit], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    longer = revise(lambda text: text.replace('<xs:length value="6"/>', '<xs:length value="8"/>'))
    assert bindings.main(["--dry-run", str(longer)]) == 0
    assert {
        ("~ coding", "Cosem-Object-Instance-Id", "Octets(6)", "Octets(8)"),
        (
            "~ field",
            "cosempdu.CosemMethodDescriptor.instance_id",
            "bytes, <instance-id>, length 6",
            "bytes, <instance-id>, length 8",
        ),
    } <= rows(capsys.readouterr().out)


def test_an_added_element_and_its_type_show(revise: Callable[[Edit], Path], capsys: pytest.CaptureFixture[str]) -> None:
    def add(text: str) -> str:
        element = '<xs:element name="get-request-lazy" type="cos:Get-Request-Lazy" asn1:tag="4"/>'
        part = '<xs:element name="why" type="xs:hexBinary"/>'
        kind = f'<xs:complexType name="Get-Request-Lazy"><xs:sequence>{part}</xs:sequence></xs:complexType>'
        text = re.sub(r'(name="get-request-with-list"[^>]*>)', rf"\1{element}", text, count=1)
        return text.replace("</xs:schema>", f"{kind}</xs:schema>")

    assert bindings.main(["--dry-run", str(revise(add))]) == 0
    table = capsys.readouterr().out
    assert {
        ("+ class", "cosempdu.GetRequestLazy", "why"),
        ("+ field", "cosempdu.GetRequest.get_request_lazy", "GetRequestLazy | None, <get-request-lazy>"),
        ("+ coding", "Get-Request.get_request_lazy", "'Get-Request-Lazy', 4"),
    } == rows(table)
    assert "+ class   new;" in table


def test_a_removed_and_a_retyped_element_show(
    revise: Callable[[Edit], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def change(text: str) -> str:
        text = re.sub(r' *<xs:element name="data-notification-confirm".*\n', "", text)
        return text.replace('name="block-data" type="xs:hexBinary"', 'name="block-data" type="cos:Unsigned8"')

    assert bindings.main(["--dry-run", str(revise(change))]) == 0
    assert {
        (
            "- field",
            "cosempdu.XDlmsApdu.data_notification_confirm",
            "DataNotificationConfirm | None, <data-notification-confirm>",
        ),
        ("- coding", "xDLMS-APDU.data_notification_confirm", "'Data-Notification-Confirm', 16"),
        ("~ field", "cosempdu.GeneralBlockTransfer.block_data", "bytes, <block-data>", "int, <block-data>"),
        ("~ coding", "General-Block-Transfer.block_data", "'OCTET STRING'", "'Unsigned8'"),
    } <= rows(capsys.readouterr().out)


def test_a_new_value_of_an_enumeration_needs_its_number(
    revise: Callable[[Edit], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    new = '<xs:enumeration value="too-hot"/>'
    hot = revise(
        lambda text: text.replace('<xs:enumeration value="master-key"', f'{new}<xs:enumeration value="master-key"')
    )
    assert bindings.main(["--dry-run", str(hot)]) == 2
    assert 'type Kek-Id: value too-hot has no number; add asn1:number="N"' in capsys.readouterr().err


def test_every_gap_is_named_at_once(revise: Callable[[Edit], Path]) -> None:
    def add(text: str) -> str:
        text = FOREIGN.sub("", text)
        text = text.replace('name="rlrq"', 'name="rlrx"')
        text = text.replace('name="key-id" type="cos:Key-Id"', 'name="key-id" type="xs:integer"')
        return text.replace('name="charstring"', 'name="octets"')

    folder = revise(add)
    (folder / "staged").mkdir()
    with pytest.raises(SchemaError) as caught:
        bindings.generate(bindings.stage(folder, folder / "staged"), known=bindings.SCHEMAS)
    gaps = str(caught.value).splitlines()
    assert any("type aCSE-APDU: element rlrx has no tag" in gap for gap in gaps)
    assert any("type Authentication-value: element octets has no tag" in gap for gap in gaps)
    assert any("type integer: neither defined here nor understood" in gap for gap in gaps)


def test_adoption_fills_the_tags_into_the_schemas(
    revise: Callable[[Edit], Path], sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = revise(lambda text: FOREIGN.sub("", text).replace("Any APDU of xDLMS.", "Any xDLMS APDU."))
    assert bindings.main(["--adopt", str(bare)]) == 0
    adopted = (sandbox / "schemas" / "COSEMpdu.xsd").read_text(encoding="utf-8")
    assert 'name="get-request" type="cos:Get-Request" asn1:tag="192"' in adopted
    assert bindings.main(["--check"]) == 0
    assert '"""Any xDLMS APDU."""' in (sandbox / "cas" / "bindings" / "cosempdu.py").read_text(encoding="utf-8")
    capsys.readouterr()


def test_a_single_file_replaces_the_schema_of_its_namespace(
    revise: Callable[[Edit], Path], sandbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = revise(lambda text: text.replace('name="key-id" type="cos:Key-Id"', 'name="key-name" type="cos:Key-Id"'))
    assert bindings.main([str(folder / "COSEMpdu-2027.xsd")]) == 0
    assert {
        ("- field", "cosempdu.IdentifiedKey.key_id", "KeyId, <key-id>"),
        ("+ field", "cosempdu.IdentifiedKey.key_name", "KeyId, <key-name>"),
    } <= rows(capsys.readouterr().out)
    assert bindings.main(["--check"]) == 1
    capsys.readouterr()
