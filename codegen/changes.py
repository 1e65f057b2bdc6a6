"""What a revision changes in the classes: a table for the developer who has to follow it.

Both sides are read from the generated sources, so that the table tells what the code that uses the classes will meet.
"""

import ast
from collections.abc import Iterator, Mapping

Facts = dict[tuple[str, str], str]
"""What there is to know of a class, field, value or coding, by kind and place."""

MEANING = {
    "+ class": "new; nothing that exists refers to it but through the new fields",
    "- class": "code that names it fails in mypy and on import",
    "~ class": "has other bases: it may lack fields, or have more",
    "+ field": "has a default: old code builds the class as before; else (no `| None`, no tuple) it must be given",
    "- field": "code that reads or gives it fails in mypy",
    "~ field": "code that reads or gives it must follow the type; values of the former size are refused",
    "+ value": "exhaustive matches on the enumeration need a branch for it",
    "- value": "a device that still sends its number is not understood",
    "~ value": "the name in XML changed, the number did not",
    "+ coding": "the octets have a new part",
    "- coding": "the octets lack a part",
    "~ coding": "the octets changed: devices of the earlier revision are no longer understood here",
}


def report(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The table from the sources before and after, by file name, and what its rows mean."""
    old, new = _facts(before), _facts(after)
    rows = list(_rows(old, new))
    if not rows:
        return "No class changed."
    head = ("change", "where", "before", "after")
    widths = [max(len(row[column]) for row in (*rows, head)) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    title = "  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)).rstrip()
    kinds = sorted({row[0] for row in rows}, key=list(MEANING).index)
    meaning = [f"{kind.ljust(8)}  {MEANING[kind]}" for kind in kinds]
    return "\n".join([title, "  ".join("-" * width for width in widths), *lines, "", "What that means:", *meaning])


def _rows(old: Facts, new: Facts) -> Iterator[tuple[str, str, str, str]]:
    whole = {key for key in old.keys() ^ new.keys() if key[0] in {"class", "type"}}
    for kind, where in [*new, *(key for key in old if key not in new)]:
        key = (kind, where)
        owner = ("type" if kind == "coding" else "class", where.rpartition(".")[0])
        if old.get(key) == new.get(key) or owner in whole or kind == "type":
            continue
        sign = "+" if key not in old else "-" if key not in new else "~"
        if kind == "class" and sign != "~":
            yield f"{sign} {kind}", where, _members(where, old), _members(where, new)
        else:
            yield f"{sign} {kind}", where, old.get(key, ""), new.get(key, "")


def _members(owner: str, facts: Facts) -> str:
    return ", ".join(where.rpartition(".")[2] for _, where in facts if where.startswith(f"{owner}."))


def _facts(sources: Mapping[str, str]) -> Facts:
    facts: Facts = {}
    for name, source in sources.items():
        module = name.removesuffix(".py")
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                facts |= _class_facts(f"{module}.{node.name}", node)
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "TYPES" and node.value is not None:
                facts |= _coding_facts(node.value)
    return facts


def _class_facts(where: str, node: ast.ClassDef) -> Facts:
    facts: Facts = {("class", where): ", ".join(ast.unparse(base) for base in node.bases)}
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.value, ast.Call):
            facts["field", f"{where}.{ast.unparse(item.target)}"] = _field(item.annotation, item.value)
        elif isinstance(item, ast.Assign):
            facts["value", f"{where}.{ast.unparse(item.targets[0])}"] = ast.unparse(item.value).strip("'")
    return facts


def _field(annotation: ast.expr, call: ast.Call) -> str:
    """Its type, what restricts it, and its name in XML."""
    parts = [ast.unparse(annotation)]
    for keyword in call.keywords:
        if keyword.arg == "default" and ast.unparse(keyword.value) != "None":
            parts.append(f"default {ast.unparse(keyword.value)}")
        if keyword.arg == "metadata":
            metadata = ast.literal_eval(keyword.value)
            parts += [f"{key} {metadata[key]}" for key in metadata.keys() - {"name", "type", "namespace", "format"}]
            parts.append(f"<{metadata['name']}>" if "name" in metadata else "")
    return ", ".join(filter(None, [parts[0], *sorted(parts[1:])]))


def _coding_facts(table: ast.expr) -> Facts:
    """A fact for each part of a SEQUENCE, alternative of a CHOICE, number of an enumeration; else one for the type."""
    facts: Facts = {}
    types = table if isinstance(table, ast.Dict) else ast.Dict([], [])
    for key, shape in zip(types.keys, types.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(shape, ast.Call):
            continue
        name, kind = str(key.value), ast.unparse(shape.func)
        facts["type", name] = ""
        match shape.args:
            case [_, ast.Tuple(elts=parts)]:
                for part in parts:
                    if isinstance(part, ast.Call):
                        attribute, *rest = [*map(ast.unparse, part.args), *map(ast.unparse, part.keywords)]
                        facts["coding", f"{name}.{ast.literal_eval(attribute)}"] = ", ".join(rest)
            case [_, ast.Dict(keys=numbers, values=members)]:
                for number, member in zip(numbers, members, strict=True):
                    if number is not None:
                        facts["coding", f"{name}.{ast.unparse(member).rpartition('.')[2]}"] = ast.unparse(number)
            case _:
                facts["coding", name] = f"{kind}({', '.join(map(ast.unparse, [*shape.args, *shape.keywords]))})"
    return facts
