"""Errors of the store.

StoreError
├── EmbeddedServerError     the embedded PostgreSQL cannot be started here
├── DatabaseUnavailable     no connection to the database
└── SchemaOutOfDate         migrations are missing, or the database is newer than this program
"""

from psycopg import OperationalError

from cas.errors import CasError


class StoreError(CasError):
    """The database cannot be used."""


def is_away(error: Exception) -> bool:
    """Whether the database as a whole cannot be used, and not only one statement was refused.

    Without connection, room or memory (SQLSTATE classes 08, 53, 58), or shut down (57P).
    """
    cause = error.__cause__ if isinstance(error, StoreError) and error.__cause__ is not None else error
    if isinstance(cause, OperationalError):
        return cause.sqlstate is None or cause.sqlstate.startswith(("08", "53", "57P", "58"))
    return isinstance(error, StoreError)


class EmbeddedServerError(StoreError):
    """The embedded PostgreSQL cannot be started here."""


class DatabaseUnavailable(StoreError):
    """No connection to the database."""


class SchemaOutOfDate(StoreError):
    """The database's schema is not the one that this program needs."""
