"""Reading files of named queries."""

import pytest

from cas.store.queries import all_queries, parse_queries, query


def test_splits_at_the_names_and_keeps_comments() -> None:
    text = "-- About this file.\n\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT 2\n"
    assert parse_queries(text, "x.sql") == {"one": "SELECT 1", "two": "-- why\nSELECT 2"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT 1;\n-- name: one\nSELECT 1", "x.sql: SQL before the first"),
        ("-- name: one\nSELECT 1\n-- name: one\nSELECT 2", "x.sql: the query name one is used twice"),
        ("-- name: One\nSELECT 1", "x.sql: 'One' cannot name a query"),
        ("-- name:\nSELECT 1", "x.sql: '' cannot name a query"),
        ("-- name: one\n-- nothing\n;", "x.sql: the query one is empty"),
    ],
)
def test_refuses_a_file_that_is_not_clear(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_queries(text, "x.sql")


def test_an_unknown_name_is_an_error_at_import() -> None:
    with pytest.raises(KeyError, match="no query is named 'nothing'"):
        query("nothing")


def test_the_service_s_queries_are_found() -> None:
    assert all_queries()
