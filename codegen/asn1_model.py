"""Reads COSEMpdu.xsd as the ASN.1 module it stands for: types, components, tags, numbers, sizes.

What XML Schema cannot say stands in attributes of the namespace urn:cas:asn1 (see the head of schemas/COSEMpdu.xsd). A
revision that lacks them takes them over from a known module, by the names of type and element; what remains unknown is
reported, all of it at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
ASN1 = "{urn:cas:asn1}"
etree.register_namespace("asn1", ASN1.strip("{}"))
DATA = "Data"
TOP_LEVEL = ("xDLMS-APDU", "aCSE-APDU")
KINDS = ("BIT STRING", "OBJECT IDENTIFIER", "VisibleString", "GraphicString", "UTF8String", "NULL", "ANY")
BUILTIN = {
    "hexBinary": "OCTET STRING",
    "boolean": "BOOLEAN",
    "string": "UTF8String",
    "byte": "Integer8",
    "short": "Integer16",
    "int": "Integer32",
    "long": "Integer64",
    "unsignedByte": "Unsigned8",
    "unsignedShort": "Unsigned16",
    "unsignedInt": "Unsigned32",
    "unsignedLong": "Unsigned64",
}
Element = etree._Element  # noqa: SLF001 - lxml has no public name for its element type


class SchemaError(Exception):
    """The schema does not say enough to code its types; one line for each gap, with what to add."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a SEQUENCE, an alternative of a CHOICE, or the element of a SEQUENCE OF."""

    name: str
    type: str
    optional: bool = False
    default: str | None = None
    tag: int | None = None
    explicit: bool = False
    universal: bool = False
    """BER: it has its type's own tag and no other."""


@dataclass(frozen=True, slots=True)
class Type:
    """An ASN.1 type; `kind` is its ASN.1 keyword."""

    name: str
    kind: str
    components: tuple[Component, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    """ENUMERATED: number by name."""
    size: int | None = None
    """INTEGER: octets; OCTET STRING: octets if fixed; BIT STRING: bits if fixed."""
    signed: bool = False
    application_tag: int | None = None


Module = dict[str, Type]


def read(path: Path, known: Module | None = None) -> Module:
    """Every type that an APDU needs, Data closed; raises SchemaError naming each tag and number that is missing.

    What `known` knew and the schema did not say is written into the schema at `path`.
    """
    reader = _Reader(path, known or {})
    module = reader.module()
    if known is not None:
        reader.document.write(path, encoding="UTF-8", xml_declaration=True)
    return module


class _Reader:
    def __init__(self, path: Path, known: Module) -> None:
        self.known = known
        self.types: Module = {}
        self.gaps: list[str] = []
        self.path = path
        self.document = etree.parse(path)
        root = self.document.getroot()
        self.named = {
            (etree.QName(node).localname, node.get("name")): node for node in root if isinstance(node.tag, str)
        }
        self.anonymous: dict[str, Element] = {}

    def module(self) -> Module:
        for name in TOP_LEVEL:
            if ("element", name) not in self.named:
                raise SchemaError(f"{self.path.name}: no element {name}")
            self.resolve(name)
        self.require_tags()
        if self.gaps:
            raise SchemaError("\n".join(f"{self.path.name}: {gap}" for gap in self.gaps))
        return self.types

    def resolve(self, name: str) -> None:
        """Adds type `name` and what it is made of to the module."""
        if name in self.types:
            return
        node = self.definition(name)
        if node is None:
            if name not in BUILTIN.values():
                self.gaps.append(
                    f"type {name}: neither defined here nor understood; give it a size, as xs:unsignedByte"
                )
            self.types[name] = _builtin(name)
        elif name == DATA:
            self.types[name] = Type(name, "Data")
        elif node.tag == f"{XS}simpleType":
            self.types[name] = self.simple(name, node)
        else:
            self.types[name] = Type(name, "")  # breaks the recursion
            self.types[name] = self.complex(name, node)

    def definition(self, name: str) -> Element | None:
        if name in self.anonymous:
            return self.anonymous[name]
        if ("element", name) in self.named:
            return self.named["element", name].find(f"{XS}complexType")
        for kind in ("complexType", "simpleType"):
            if (kind, name) in self.named:
                return self.named[kind, name]
        return None

    # Simple types

    def simple(self, name: str, node: Element) -> Type:
        facets: dict[str, str] = {}
        enumeration: list[Element] = []
        kind: str | None = None
        application_tag: str | int | None = None
        step: Element | None = node
        base = ""
        while step is not None:
            kind = kind or step.get(f"{ASN1}kind")
            application_tag = application_tag or step.get(f"{ASN1}application-tag")
            restriction = step.find(f"{XS}restriction")
            if restriction is None:
                self.gaps.append(f"type {name}: only restrictions are understood here, not xs:list or xs:union")
                return Type(name, "")
            enumeration = enumeration or restriction.findall(f"{XS}enumeration")
            for facet in restriction:
                if isinstance(facet.tag, str):
                    facets.setdefault(etree.QName(facet).localname, facet.get("value", ""))
            base = _local(restriction.get("base", ""))
            step = self.named.get(("simpleType", base))
        known = self.known.get(name)
        size = int(facets["length"]) if "length" in facets else None
        if enumeration:
            return Type(name, "ENUMERATED", numbers=self.numbers(name, enumeration))
        builtin = _builtin(BUILTIN.get(base, base))
        if builtin.kind == "integer":
            builtin = Type(name, "INTEGER", size=8, signed=True)
        if builtin.kind == "INTEGER":
            return _integer(name, builtin, facets)
        if kind is None and known is not None and known.kind in KINDS:
            kind, application_tag = known.kind, application_tag or known.application_tag
            node.set(f"{ASN1}kind", kind)
            if application_tag is not None:
                node.set(f"{ASN1}application-tag", str(application_tag))
        if builtin.kind not in {"OCTET STRING", "BOOLEAN", "UTF8String"}:
            self.gaps.append(f"type {name}: restricts {base}, which ASN.1 has not")
        if kind is None and builtin.kind == "UTF8String":
            self.gaps.append(f"type {name}: a string of unknown ASN.1 kind; add asn1:kind, one of {', '.join(KINDS)}")
        tag = int(application_tag) if application_tag is not None else None
        return Type(name, kind or builtin.kind, size=size, application_tag=tag)

    def numbers(self, name: str, enumeration: list[Element]) -> dict[str, int]:
        known = self.known.get(name)
        numbers: dict[str, int] = {}
        for node in enumeration:
            value = node.get("value", "")
            number = node.get(f"{ASN1}number")
            if number is None and known is not None and value in known.numbers:
                number = str(known.numbers[value])
                node.set(f"{ASN1}number", number)
            if number is None:
                self.gaps.append(f'type {name}: value {value} has no number; add asn1:number="N" to its xs:enumeration')
            else:
                numbers[value] = int(number)
        return numbers

    # Complex types

    def complex(self, name: str, node: Element) -> Type:
        known = self.known.get(name)
        kind = node.get(f"{ASN1}kind")
        models = [child for child in node if child.tag in {f"{XS}sequence", f"{XS}choice", f"{XS}group"}]
        if not models:
            if kind == "NULL" or (known is not None and known.kind == "NULL"):
                node.set(f"{ASN1}kind", "NULL")
                return Type(name, "NULL")
            self.gaps.append(
                f'type {name}: it holds nothing that is understood here; if it is NULL add asn1:kind="NULL"'
            )
            return Type(name, "")
        model = models[0]
        if model.tag == f"{XS}group":
            model = self.content(self.named["group", _local(model.get("ref", ""))])
        nodes = list(self.elements(model))
        components = tuple(self.component(name, element) for element in nodes)
        if model.tag == f"{XS}choice":
            return Type(name, "CHOICE", components)
        if len(nodes) == 1 and nodes[0].get("maxOccurs", "1") != "1":
            return Type(name, "SEQUENCE OF", components)
        for element in nodes:
            if element.get("maxOccurs", "1") != "1":
                self.gaps.append(
                    f"type {name}: element {element.get('name')} repeats beside others; ASN.1 has no such type"
                )
        return Type(name, "SEQUENCE", components)

    def elements(self, model: Element) -> Iterator[Element]:
        for child in model:
            if child.tag == f"{XS}element":
                yield child
            elif child.tag == f"{XS}group":
                yield from self.elements(self.content(self.named["group", _local(child.get("ref", ""))]))

    @staticmethod
    def content(group: Element) -> Element:
        return next(child for child in group if child.tag in {f"{XS}sequence", f"{XS}choice"})

    def component(self, owner: str, node: Element) -> Component:
        name = node.get("name") or _local(node.get("ref", ""))
        if node.get("type"):
            type_name = _local(node.get("type", ""))
            type_name = BUILTIN.get(type_name, type_name)
        elif node.get("ref"):
            reference = self.named["element", name]
            type_name = _local(reference.get("type", "")) or name
        else:
            type_name = f"{owner}_{name}"
            self.anonymous[type_name] = next(
                child for child in node if child.tag in {f"{XS}complexType", f"{XS}simpleType"}
            )
        self.resolve(type_name)
        self.carry_tag(owner, name, node)
        tag = node.get(f"{ASN1}tag")
        default = node.get("default")
        return Component(
            name=name,
            type=type_name,
            optional=node.get("minOccurs") == "0" and default is None,
            default=default,
            tag=int(tag) if tag not in {None, "universal"} else None,
            explicit=node.get(f"{ASN1}explicit") == "true",
            universal=tag == "universal",
        )

    def carry_tag(self, owner: str, name: str, node: Element) -> None:
        """Give the element the tag that it has in the known module, unless it says its own."""
        if node.get(f"{ASN1}tag") is not None or owner not in self.known:
            return
        for known in self.known[owner].components:
            if known.name == name and (known.universal or known.tag is not None):
                node.set(f"{ASN1}tag", "universal" if known.universal else str(known.tag))
                if known.explicit:
                    node.set(f"{ASN1}explicit", "true")

    def require_tags(self) -> None:
        """Every alternative has a tag, and so has every component of what BER codes."""
        in_ber = reachable(self.types, "aCSE-APDU")
        for name, shape in self.types.items():
            for component in shape.components:
                missing = component.tag is None and not component.universal
                where = f"type {name}: element {component.name} has no tag"
                if missing and shape.kind == "CHOICE":
                    self.gaps.append(f'{where}; add asn1:tag="N", the tag of this alternative in the ASN.1')
                elif missing and shape.kind == "SEQUENCE" and name in in_ber:
                    self.gaps.append(f'{where}; add asn1:tag="N" (and asn1:explicit="true" if it is), or "universal"')


def reachable(module: Module, root: str) -> set[str]:
    """The names of the types that `root` is made of, itself included."""
    seen: set[str] = set()
    todo = [root]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(component.type for component in module[name].components)
    return seen


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _builtin(name: str) -> Type:
    if name.startswith(("Integer", "Unsigned")):
        bits = int(name.removeprefix("Integer").removeprefix("Unsigned"))
        return Type(name, "INTEGER", size=bits // 8, signed=name.startswith("Integer"))
    return Type(name, name)


def _integer(name: str, base: Type, facets: dict[str, str]) -> Type:
    """The smallest integer that holds the range which `facets` leave of `base`."""
    size = base.size or 8
    low = int(facets.get("minInclusive", -(1 << size * 8 - 1) if base.signed else 0))
    high = int(facets.get("maxInclusive", (1 << size * 8 - base.signed) - 1))
    signed = low < 0
    for octets in (1, 2, 4, 8):
        if low >= (-(1 << octets * 8 - 1) if signed else 0) and high < 1 << octets * 8 - signed:
            return Type(name, "INTEGER", size=octets, signed=signed)
    return Type(name, "INTEGER", size=8, signed=signed)
