"""Our generator on xsdata's plug-in point: records, with the project's own Data in Data's place.

It renders to memory. Nothing is written, formatted or imported here, so that a check leaves no trace.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from xsdata.codegen.models import Attr, AttrType, Class
from xsdata.codegen.resolver import DependenciesResolver
from xsdata.codegen.transformer import ResourceTransformer
from xsdata.formats.dataclass.filters import Filters
from xsdata.formats.dataclass.generator import DataclassGenerator
from xsdata.models.config import ExtensionType, GeneratorConfig, GeneratorExtension

COSEM = "http://www.dlms.com/COSEMpdu"
PREFIX = {COSEM: "cos", "http://iec.ch/TC13/2014/schema/DeviceAccess": "dev"}
DATA = f"{{{COSEM}}}Data"
NULL = f"{{{COSEM}}}NULL"
PACKAGE = "cas.bindings"
RECORD = "cas.cosem.record.Record"
"""The base of all classes."""


def configuration() -> GeneratorConfig:
    """What we ask of xsdata."""
    config = GeneratorConfig()
    config.output.package = PACKAGE
    config.output.format.slots = True
    config.output.format.frozen = True  # tuples, not lists
    config.extensions.extension = [GeneratorExtension(ExtensionType.CLASS, ".*", RECORD)]
    config.output.unnest_classes = True
    config.output.max_line_length = 120
    return config


def analyze(schemas: Iterable[Path], config: GeneratorConfig) -> list[Class]:
    """The classes xsdata sees in `schemas`, in the order of the schemas."""
    transformer = ResourceTransformer(config)
    transformer.process_sources([path.resolve().as_uri() for path in schemas])
    defaults = {
        (obj.qname, attr.local_name): attr.default for obj in transformer.classes for attr in obj.attrs if attr.default
    }
    classes = transformer.analyze_classes(transformer.classes)
    for obj in classes:
        _shorten_homonyms(obj)
        for attr in obj.attrs:
            if obj.target_namespace == COSEM and not obj.is_enumeration:
                # xsdata drops the default of an element that may be absent; in ASN.1 absence is the default
                attr.default = defaults.get((obj.qname, attr.local_name))
    return classes


SPELLING = ((r"XDLMS", "Xdlms"), (r"ACSE(?=-|[A-Z]|$)", "Acse"), (r"^ID(?=[A-Z])", "Id"))
"""Abbreviations that run into the next word, or into the one before."""


def _shorten_homonyms(obj: Class) -> None:
    """Of two elements that differ in namespace alone, the one from elsewhere says whose it is: DeviceAccess_of_dev."""
    for attr in obj.attrs:
        if attr.name != attr.local_name and attr.namespace != obj.target_namespace and not obj.is_enumeration:
            attr.name = f"{attr.local_name}_of_{PREFIX.get(attr.namespace or '', 'other')}"


class BindingsFilters(Filters):
    """xsdata's naming and typing, but for a few spellings and NULL, which is True where it is present."""

    def safe_name(self, name: str, prefix: str, name_case: Callable[..., str], **kwargs: Any) -> str:
        """`CosemXDLMSResult` becomes CosemXdlmsResult, `CosemACSEResult` cosem_acse_result."""
        for pattern, spelling in SPELLING:
            name = re.sub(pattern, spelling, name)
        return super().safe_name(name, prefix, name_case, **kwargs)

    def type_name(self, attr_type: AttrType) -> str:
        """`Literal[True]` for NULL."""
        return "Literal[True]" if attr_type.qname == NULL else super().type_name(attr_type)

    def field_type(self, obj: Class, attr: Attr) -> str:
        """`X | None` rather than `None | X`."""
        name = super().field_type(obj, attr)
        return f"{name.removeprefix('None | ')} | None" if name.startswith("None | ") else name

    def class_annotations(self, obj: Class, class_name: str) -> list[str]:
        """A record rather than a dataclass."""
        return ["@record"]

    @classmethod
    def build_import_patterns(cls) -> dict[str, dict[str, Any]]:
        """Adds typing.Literal, and what makes a record."""
        patterns = super().build_import_patterns()
        patterns["typing"]["Literal"] = [": Literal["]
        patterns["cas.cosem.record"] = {"record": ["@record"]}
        return patterns


class BindingsGenerator(DataclassGenerator):
    """Renders the modules of cas/bindings, by name."""

    @classmethod
    def init_filters(cls, config: GeneratorConfig) -> Filters:
        """Our filters."""
        return BindingsFilters(config)

    def modules(self, classes: list[Class]) -> dict[str, str]:
        """Source by module name, unformatted; `classes` as `kept` returned them."""
        self.normalize_packages(classes)
        registry = {obj.qname: obj.target_module for obj in classes}
        registry |= {DATA: "cas.cosem.data", NULL: PACKAGE}
        resolver = DependenciesResolver(registry=registry)
        groups = self.group_by_module(classes)
        return {path.name: self.render_in_order(resolver, cluster) for path, cluster in groups.items()}

    def render_in_order(self, resolver: DependenciesResolver, classes: list[Class]) -> str:
        """One module: enumerations, then classes as the schema has them, then classes with bases."""
        resolver.process(classes)
        imports = [imported for imported in resolver.sorted_imports() if imported.qname != NULL]
        resolver.sorted_classes()  # applies the aliases of imported names
        ordered = sorted(classes, key=lambda obj: 0 if obj.is_enumeration else 2 if obj.extensions else 1)
        namespace = classes[0].target_namespace
        return self.env.get_template(self.module_template).render(
            output=self.render_classes(ordered, namespace),
            classes=ordered,
            module=classes[0].target_module,
            imports=imports,
            namespace=namespace,
        )


def kept(classes: list[Class]) -> list[Class]:
    """`classes` without Data, NULL, and what only Data needs."""
    by_name = {obj.qname: obj for obj in classes}
    below_data = _reachable({DATA}, by_name, stop=set())
    roots = set(by_name) - below_data
    live = _reachable(roots, by_name, stop={DATA, NULL})
    return [obj for obj in classes if obj.qname in live]


def _reachable(roots: set[str], by_name: dict[str, Class], stop: set[str]) -> set[str]:
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen and name not in stop and name in by_name:
            seen.add(name)
            todo.extend(by_name[name].dependencies(allow_circular=True))
    return seen
