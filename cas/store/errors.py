"""Errors of the store.

StoreError
├── EmbeddedServerError     the embedded PostgreSQL cannot be started here
├── DatabaseUnavailable     no connection to the database
└── SchemaOutOfDate         migrations are missing, or the database is newer than this program
"""

from cas.errors import CasError


class StoreError(CasError):
    """The database cannot be used."""


class EmbeddedServerError(StoreError):
    """The embedded PostgreSQL cannot be started here."""


class DatabaseUnavailable(StoreError):
    """No connection to the database."""


class SchemaOutOfDate(StoreError):
    """The database's schema is not the one that this program needs."""
