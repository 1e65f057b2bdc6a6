"""An independent reader and writer of the XML: xsdata's own bindings, plain Data and all, made at test time.

`cas.xml` and the generated classes are compared with it; nothing of codegen takes part.
"""

import importlib
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from lxml import etree
from xsdata.codegen.models import Class
from xsdata.codegen.transformer import ResourceTransformer
from xsdata.formats.dataclass.generator import DataclassGenerator
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.models.config import GeneratorConfig

SCHEMAS = Path(__file__).parents[1] / "schemas"
PACKAGE = "oracle_bindings"
MODULES = {
    "http://www.dlms.com/COSEMpdu": "cosempdu",
    "http://iec.ch/TC13/2014/schema/DeviceAccess": "device_access",
    "http://iec.ch/TC57/2011/schema/message": "message",
}


class _Unformatted(DataclassGenerator):
    """xsdata's generator without its subprocesses and its import of what was written."""

    def ruff_code(self, file_paths: list[str]) -> None:
        """Leave the sources as they are."""

    def validate_imports(self) -> None:
        """They are imported below."""


@cache
def bindings() -> dict[str, ModuleType]:
    """The modules of the plain bindings: cosempdu, device_access, message."""
    config = GeneratorConfig()
    config.output.package = PACKAGE
    config.output.compound_fields.enabled = True  # the order in a structure is told by nothing else
    transformer = ResourceTransformer(config)
    transformer.process_sources([path.as_uri() for path in sorted(SCHEMAS.glob("*.xsd"))])
    classes: list[Class] = transformer.analyze_classes(transformer.classes)
    generator = _Unformatted(config)
    generator.normalize_packages(classes)
    target = Path(tempfile.mkdtemp(prefix="oracle-"))
    for result in generator.render(classes):
        path = target / result.path.relative_to(Path.cwd())
        path.parent.mkdir(exist_ok=True)
        path.write_text("" if path.name == "__init__.py" else result.source, encoding="utf-8")
    sys.path.insert(0, str(target))
    try:
        return {name: importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES.values()}
    finally:
        sys.path.remove(str(target))


def class_of(name: str) -> type[Any]:
    """The plain class of the global element or type `name`, `{namespace}local`."""
    qname = etree.QName(name)
    for cls in vars(bindings()[MODULES[qname.namespace or ""]]).values():
        if isinstance(cls, type) and getattr(getattr(cls, "Meta", None), "name", cls.__name__) == qname.localname:
            return cls
    raise LookupError(name)


def parse(document: bytes) -> Any:
    """The document as an object of the plain class of its root element; raises on what the schema does not know."""
    cls = class_of(etree.fromstring(document).tag)
    config = ParserConfig(
        fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True
    )
    return XmlParser(config=config).from_bytes(document, cls)


def render(value: object) -> bytes:
    """The object of a plain class as a document."""
    return XmlSerializer().render(value).encode()
