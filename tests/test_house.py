"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cas", "transports")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
OURS = [path for path in SOURCES if "bindings" not in path.parts]
LONGEST = 800
TOP_LEVEL = {
    "pyproject.toml", "codegen", "schemas", "cas", "transports", "tests", "Makefile", "README.md",
    "CHANGELOG.md", "LICENSE", "SECURITY.md", "Dockerfile", "compose.yaml",
}  # fmt: skip

IMPORT_ALONE = """
import importlib, os, sys
for other in sys.argv[1].split(","):
    importlib.import_module(other)
for module in sys.argv[2:]:
    if (child := os.fork()) == 0:
        importlib.import_module(module)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(module)
"""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> Iterator[str]:
    """The modules that a module names in its imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_says_in_its_first_line_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert docstring.splitlines()[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("path", OURS, ids=name)
def test_modules_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.timeout(600)
def test_every_module_imports_alone() -> None:
    """Each in a process of its own, forked where what is not ours has been imported: that would take minutes."""
    paths = [path for path in SOURCES if path.stem != "__main__"]  # that runs when it is imported
    modules = [name(path.with_suffix("")).replace("/", ".").removesuffix(".__init__") for path in paths]
    others = sorted({module for path in SOURCES for module in imported(path) if module.split(".")[0] not in PACKAGES})
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALONE, ",".join(others), *modules], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_only_rooms_that_the_house_has() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {path.split("/", 1)[0] for path in listed}
    assert {entry for entry in top if not entry.startswith(".")} <= TOP_LEVEL


def test_the_wheel_holds_the_packages_and_what_they_read(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    data = {
        name(p)
        for package in PACKAGES
        for p in (ROOT / package).rglob("*")
        if p.suffix in {".sql", ".toml", ".typed", ".service", ".yml"}
    }
    schemas = {f"cas/{name(path)}" for path in (ROOT / "schemas").iterdir() if path.suffix in {".xsd", ".wsdl"}}
    assert {name(path) for path in SOURCES} | data | schemas <= held
    assert not [entry for entry in held if entry.startswith(("tests", "codegen"))]


def test_each_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text.partition("\ndependencies = [")[2].partition("\n]")[0]
    told = re.findall(r'^    "([a-z0-9-]+)[^#\n]*, # (.+)$', block, re.MULTILINE)
    listed = [re.match("[a-z0-9-]+", each) for each in tomllib.loads(text)["project"]["dependencies"]]
    assert [name for name, _ in told] == [each[0] for each in listed if each]


def test_the_gpl_stays_outside() -> None:
    for path in SOURCES:
        assert "gurux" not in path.read_text().lower(), name(path)
