"""Makes cas/bindings from the schemas: `python -m codegen.bindings [--check | --dry-run | --adopt] [revision]`."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from lxml import etree

from codegen import asn1_model, changes, coding
from codegen.generator import BindingsGenerator, analyze, configuration, kept

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "schemas"
BINDINGS = ROOT / "cas" / "bindings"
FILES = {
    "http://www.dlms.com/COSEMpdu": "COSEMpdu.xsd",
    "http://iec.ch/TC13/2014/schema/DeviceAccess": "DeviceAccess.xsd",
    "http://iec.ch/TC57/2011/schema/message": "Message.xsd",
}
"""The schemas by target namespace, each after those it imports."""
INIT = '"""Classes of the messages and APDUs, generated from schemas/ by codegen; never edited by hand."""\n'
LINT = [
    *("--fix", "--exit-zero", "--quiet", "--select", "I,F401,D200,D212,D209"),
    *("--config", 'lint.isort.known-first-party=["cas"]'),
]
XS = "{http://www.w3.org/2001/XMLSchema}"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 1 if the check finds stale files; 2 if the schemas do not say enough."""
    parser = argparse.ArgumentParser(
        prog="python -m codegen.bindings", description="Make cas/bindings from the schemas."
    )
    parser.add_argument(
        "revision", nargs="?", type=Path, help="a revised XSD, or a directory of them; default: schemas/"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if cas/bindings is stale")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; print what would change in the classes")
    parser.add_argument("--adopt", action="store_true", help="also put the revision into schemas/, its tags filled in")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as staging:
            schemas = stage(options.revision, Path(staging))
            files = generate(schemas, known=None if options.revision is None else SCHEMAS)
            if options.adopt and not options.dry_run:
                for path in schemas.values():
                    shutil.copyfile(path, SCHEMAS / path.name)
    except asn1_model.SchemaError as error:
        print(error, file=sys.stderr)
        return 2
    before = {name: _text(BINDINGS / name) for name in files}
    stale = [name for name in files if before[name] != files[name]]
    if options.check:
        for name in stale:
            print(f"stale: {(BINDINGS / name).relative_to(ROOT)}; run `make bindings`", file=sys.stderr)
        return 1 if stale else 0
    print(changes.report(before, files))
    if not options.dry_run:
        for name in stale:
            (BINDINGS / name).write_text(files[name], encoding="utf-8")
        if options.revision is not None and not options.adopt:
            print("\nschemas/ is unchanged, so the check will call cas/bindings stale; --adopt keeps the revision.")
    return 0


def generate(schemas: Mapping[str, Path], known: Path | None = None) -> dict[str, str]:
    """The files of cas/bindings, by name, from the staged `schemas`.

    Raises SchemaError where COSEMpdu.xsd, and its predecessor in the directory `known`, leave a tag or a number open.
    """
    pdu = FILES["http://www.dlms.com/COSEMpdu"]
    module = asn1_model.read(schemas[pdu], None if known is None else asn1_model.read(known / pdu))
    config = configuration()
    classes = kept(analyze(schemas.values(), config))
    generator = BindingsGenerator(config)
    sources = {f"{name}.py": source for name, source in generator.modules(classes).items()}
    sources["coding.py"] = coding.source(module, coding.python_names(classes, generator.filters))
    return {"__init__.py": INIT} | {name: tidy(source) for name, source in sorted(sources.items())}


def stage(revision: Path | None, into: Path) -> dict[str, Path]:
    """Put the schemas side by side under their usual names, those of `revision` first; imports point at each other."""
    found = {FILES[namespace]: SCHEMAS / FILES[namespace] for namespace in FILES}
    if revision is not None:
        for path in sorted(revision.glob("*.xsd")) if revision.is_dir() else [revision]:
            namespace = etree.parse(path).getroot().get("targetNamespace", "")
            if namespace in FILES:
                found[FILES[namespace]] = path
    staged = {name: into / name for name in found}
    for name, path in found.items():
        shutil.copyfile(path, staged[name])
        document = etree.parse(staged[name])
        for node in document.iter(f"{XS}import"):
            node.set("schemaLocation", FILES.get(node.get("namespace", ""), node.get("schemaLocation", "")))
        document.write(staged[name], encoding="UTF-8", xml_declaration=True)
    return staged


def tidy(source: str) -> str:
    """`source` with sorted imports, in the format of the pinned ruff."""
    source = (
        '"""Generated from the schemas by codegen; not to be edited."""\n\n' + source if source[:3] != '"""' else source
    )
    source = _ruff(["check", *LINT], source)
    return _ruff(["format", "--quiet"], source)


def _ruff(command: Iterable[str], source: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    common = ["--isolated", "--line-length", "120", "--target-version", "py311", "-"]
    return subprocess.run([ruff, *command, *common], input=source, capture_output=True, check=True, text=True).stdout


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
