"""What documents say can be said: commands parse, code compiles, data is well-formed, links lead somewhere."""

import re
import tomllib

import pytest
from lxml import etree

from tests.commands import cas_commands, parse
from tests.documents import Snippet, anchors, calls, documents, links, snippets
from tests.processes import ROOT

DOCUMENTS = documents()
NAMESPACES = {
    "soap": "http://www.w3.org/2003/05/soap-envelope",
    "mes": "http://iec.ch/TC57/2011/schema/message",
    "dev": "http://iec.ch/TC13/2014/schema/DeviceAccess",
    "cos": "http://www.dlms.com/COSEMpdu",
}


def every(*languages: str) -> list[pytest.param]:  # type: ignore[valid-type]
    return [
        pytest.param(found, id=f"{found.document}:{found.line}")
        for document in DOCUMENTS
        for found in snippets(document, *languages)
    ]


@pytest.mark.parametrize("snippet", every("console"))
def test_commands_are_understood(snippet: Snippet) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    found = list(calls(snippet))
    assert found
    for call in found:
        for words in cas_commands(call.replace("/opt/cas/bin/cas", "cas").removeprefix("sudo ")):
            if words != ["--install-completion"]:
                parse(words)
        if call.startswith("make "):
            assert call.split()[1] in targets
        if inner := re.search(r"docker compose exec (?:--no-TTY )?cas cas (.*?)(?: <.*)?$", call):
            parse(next(cas_commands(f"cas {inner[1]}")))


@pytest.mark.parametrize("snippet", every("python"))
def test_python_compiles(snippet: Snippet) -> None:
    compile(snippet.text, snippet.document, "exec", flags=0x2000)  # await at the top is allowed


@pytest.mark.parametrize("snippet", every("toml"))
def test_toml_is_toml(snippet: Snippet) -> None:
    assert tomllib.loads(snippet.text)


@pytest.mark.parametrize("snippet", every("xml"))
def test_xml_is_well_formed_and_has_elements_of_the_schemas(snippet: Snippet) -> None:
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    root = etree.fromstring(f"<snippet {declared}>{snippet.text}</snippet>".encode())
    known = {
        name
        for schema in (ROOT / "schemas").glob("*.xsd")
        for name in re.findall(r'\bname="([^"]+)"', schema.read_text())
    }
    used = {
        etree.QName(element).localname
        for element in root.iter(
            f"{{{NAMESPACES['mes']}}}*",
            "{http://iec.ch/TC13/2014/schema/DeviceAccess}*",
            "{http://www.dlms.com/COSEMpdu}*",
        )
    }
    assert used
    assert used <= known


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for path, anchor in links(document):
        assert path.exists(), path
        assert not anchor or anchor in anchors(path), (path, anchor)


def test_the_readme_is_no_wall() -> None:
    text = re.sub(r"<details>.*?</details>", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert len(text.splitlines()) < 350
