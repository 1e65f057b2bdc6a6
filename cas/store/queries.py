"""Named queries: every SQL statement of the service stands in `sql/*.sql` under a line `-- name: what_it_does`.

A module takes its queries when it is imported (`DEVICE_BY_ID = query("device_by_id")`), so that a misspelt name fails
at once. Parameters are psycopg's, by name: `%(device_id)s`. `(SELECT %(ids)s::uuid[])` keeps from PostgreSQL how many
there are, so that it keeps one plan for all, where finding one takes longer than carrying it out.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: *(\S*) *$", re.MULTILINE)
_GOOD_NAME = re.compile(r"[a-z][a-z0-9_]*")


def query(name: str) -> bytes:
    """The statement of this name. Raises KeyError if there is none."""
    statements = all_queries()
    if name not in statements:
        raise KeyError(f"no query is named {name!r} in cas/store/sql")
    return statements[name]


@cache
def all_queries() -> Mapping[str, bytes]:
    """Every named query, by name. Raises ValueError if a name is used twice or a statement is empty."""
    found: dict[str, bytes] = {}
    folder = files("cas.store") / "sql"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            for name, statement in parse_queries(file.read_text("utf-8"), file.name).items():
                if name in found:
                    raise ValueError(f"{file.name}: the query name {name} is used twice")
                found[name] = statement.encode()
    return found


def parse_queries(text: str, file_name: str) -> dict[str, str]:
    """Split one file into its statements. Raises ValueError, naming the file and the query."""
    head, *parts = _NAME.split(text)
    if re.sub(r"--.*", "", head).strip():
        raise ValueError(f"{file_name}: SQL before the first `-- name:` line")
    found: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        statement = body.strip().removesuffix(";")
        if not _GOOD_NAME.fullmatch(name):
            raise ValueError(f"{file_name}: {name!r} cannot name a query: use lower case, digits and _")
        if name in found:
            raise ValueError(f"{file_name}: the query name {name} is used twice")
        if not re.sub(r"--.*", "", statement).strip():
            raise ValueError(f"{file_name}: the query {name} is empty")
        found[name] = statement
    return found
