"""Writes cas/bindings/coding.py: the shapes of the ASN.1 types, bound to the generated classes."""

from collections.abc import Mapping
from dataclasses import dataclass

from xsdata.codegen.models import Class
from xsdata.formats.dataclass.filters import Filters

from codegen.asn1_model import Component, Module, Type
from codegen.generator import COSEM

HEAD = '''"""Tags, sizes and numbers of the ASN.1 types, which XML does not tell. Generated from COSEMpdu.xsd."""

from collections.abc import Mapping
from enum import Enum

from cas.bindings import cosempdu as cos
from cas.cosem.asn1 import (
    {shapes}
)

XDLMS_APDU = "xDLMS-APDU"
ACSE_APDU = "aCSE-APDU"

TYPES: Mapping[str, Shape] = {{
{types}
}}
"""Shape by ASN.1 type name. The tags of aCSE-APDU are identifier octets, [APPLICATION n]."""

TYPE_NAME: Mapping[type, str] = {{
    shape.cls: name for name, shape in TYPES.items() if isinstance(shape, Sequence | Choice | SequenceOf | Enumerated)
}}
"""ASN.1 type name by class."""
'''


@dataclass(frozen=True, slots=True)
class Names:
    """What a class and its fields or members are called in Python; `fields` is keyed by XML name."""

    cls: str
    fields: Mapping[str, str]


def python_names(classes: list[Class], filters: Filters) -> dict[str, Names]:
    """Names by ASN.1 type name."""
    names: dict[str, Names] = {}
    for obj in classes:
        if obj.target_namespace == COSEM:
            rename = filters.constant_name if obj.is_enumeration else filters.field_name
            members = {
                (attr.default or "") if obj.is_enumeration else attr.local_name: rename(attr.name, obj.name)
                for attr in obj.attrs
            }
            names[obj.meta_name or obj.name] = Names(filters.class_name(obj.name), members)
    return names


def source(module: Module, names: Mapping[str, Names]) -> str:
    """The source of coding.py, unformatted."""
    lines = [f"    {name!r}: {_shape(shape, module, names)}," for name, shape in module.items()]
    used = sorted({line.split(": ", 1)[1].split("(", 1)[0] for line in lines} | {"Alternative", "Field", "Shape"})
    return HEAD.format(shapes="".join(f"{name}, " for name in used), types="\n".join(lines))


def _shape(shape: Type, module: Module, names: Mapping[str, Names]) -> str:
    match shape.kind:
        case "SEQUENCE" | "CHOICE":
            fields = names[shape.name].fields
            if shape.kind == "SEQUENCE":
                parts = "".join(f"{_field(part, fields[part.name], module[part.type])}, " for part in shape.components)
            else:
                parts = "".join(f"{_alternative(part, fields[part.name])}, " for part in shape.components)
            return f"{shape.kind.title()}(cos.{names[shape.name].cls}, ({parts}))"
        case "SEQUENCE OF":
            element = shape.components[0]
            attribute = names[shape.name].fields[element.name]
            return f"SequenceOf(cos.{names[shape.name].cls}, {attribute!r}, {element.type!r})"
        case "ENUMERATED":
            cls, fields = names[shape.name].cls, names[shape.name].fields
            members = "".join(f"{number}: cos.{cls}.{fields[name]}, " for name, number in shape.numbers.items())
            return f"Enumerated(cos.{cls}, {{{members}}})"
        case "INTEGER":
            return f"Integer({shape.size}, signed={shape.signed})"
        case "OCTET STRING":
            return f"Octets({shape.size})"
        case "BIT STRING":
            tag = "" if shape.application_tag is None else f", application_tag={shape.application_tag}"
            return f"Bits({shape.size}{tag})"
        case "VisibleString" | "GraphicString" | "UTF8String":
            return f"Text({shape.kind.removesuffix('String').lower()!r})"
        case kind:
            plain = {"Data": "CosemData", "OBJECT IDENTIFIER": "ObjectIdentifier", "ANY": "Any"}
            return f"{plain.get(kind, kind.title())}()"


def _field(item: Component, attribute: str, shape: Type) -> str:
    options = [", optional=True"] if item.optional else []
    if item.default is not None:
        options.append(f", default={_default(item.default, shape)}")
    if item.tag is not None:
        options.append(f", tag={item.tag}")
    if item.explicit:
        options.append(", explicit=True")
    return f"Field({attribute!r}, {item.type!r}{''.join(options)})"


def _alternative(item: Component, attribute: str) -> str:
    explicit = ", explicit=True" if item.explicit else ""
    return f"Alternative({attribute!r}, {item.type!r}, {item.tag}{explicit})"


def _default(text: str, shape: Type) -> str:
    match shape.kind:
        case "BOOLEAN":
            return str(text in {"true", "1"})
        case "INTEGER":
            return str(int(text))
        case _:
            return repr(text)
