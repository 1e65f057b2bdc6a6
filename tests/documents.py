"""The documents, taken apart: snippets by language, links, headings."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.processes import ROOT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """A block of code in a document."""

    document: str
    line: int
    language: str
    text: str


def documents() -> list[str]:
    """Every Markdown file of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def snippets(document: str, *languages: str) -> list[Snippet]:
    """Its blocks in these languages, in order."""
    text = (ROOT / document).read_text("utf-8")
    return [
        Snippet(document, text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in _BLOCK.finditer(text)
        if match[1] in languages
    ]


def calls(snippet: Snippet) -> Iterator[str]:
    """The commands of a console, each whole, without what they print."""
    for line in re.sub(r"\\\n\s*", "", snippet.text).splitlines():
        if line.startswith("$ "):
            yield line[2:].split("  #")[0].strip()


def links(document: str) -> Iterator[tuple[Path, str]]:
    """Files and anchors that it leads to, in this repository."""
    text = _BLOCK.sub("", (ROOT / document).read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            yield ((ROOT / document).parent / path).resolve() if path else ROOT / document, anchor


def anchors(document: Path) -> set[str]:
    """The anchors that its headings make."""
    headings = re.findall(r"^#+ (.*)$", _BLOCK.sub("", document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
