"""Every named query is one that PostgreSQL understands on the schema of this release."""

import re

import psycopg
import pytest

from cas.store.queries import all_queries

_PARAMETER = re.compile(rb"%\((\w+)\)[sb]")


@pytest.mark.parametrize("name", sorted(all_queries()))
def test_prepares(name: str, shared_dsn: str) -> None:
    statement = all_queries()[name]
    if statement.startswith(b"COPY"):
        pytest.skip("COPY cannot be prepared")
    order = list(dict.fromkeys(_PARAMETER.findall(statement)))
    numbered = _PARAMETER.sub(lambda match: b"$%d" % (order.index(match[1]) + 1), statement).replace(b"%%", b"%")
    with psycopg.connect(shared_dsn) as connection:
        connection.execute(b"PREPARE it AS " + numbered)
