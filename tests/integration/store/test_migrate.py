"""Migrations against a real database."""

import threading

import psycopg
import pytest

from cas.store.errors import DatabaseUnavailable, SchemaOutOfDate
from cas.store.migrate import all_migrations, migrate, missing_migrations, require_schema


def test_applies_every_migration_once_and_in_order(empty_dsn: str) -> None:
    names = [migration.name for migration in all_migrations()]
    assert missing_migrations(empty_dsn) == names
    assert migrate(empty_dsn) == names
    assert migrate(empty_dsn) == []
    assert missing_migrations(empty_dsn) == []


def test_the_two_phases_make_the_whole(empty_dsn: str) -> None:
    pre = migrate(empty_dsn, "pre")
    assert all(name.endswith(".pre") for name in pre)
    require_schema(empty_dsn)
    assert set(pre + migrate(empty_dsn, "post")) == {migration.name for migration in all_migrations()}


def test_an_empty_database_is_refused_with_the_command_that_helps(empty_dsn: str) -> None:
    with pytest.raises(SchemaOutOfDate, match=r"0001_devices\.pre.*cas database migrate"):
        require_schema(empty_dsn)


def test_a_database_that_is_only_for_a_later_release_is_refused(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO schema_migration (name) VALUES ('9998_future.pre')")
        connection.commit()
        require_schema(dsn)  # in the midst of a rolling upgrade this release still runs
        assert migrate(dsn) == []
        connection.execute("INSERT INTO schema_migration (name) VALUES ('9999_future.post')")
    with pytest.raises(SchemaOutOfDate, match=r"release \(9999_future\.post\): upgrade cas"):
        require_schema(dsn)
    with pytest.raises(SchemaOutOfDate):
        migrate(dsn)


def test_processes_that_migrate_at_once_do_the_work_once(empty_dsn: str) -> None:
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(empty_dsn))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, done)) == [0, 0, 0, len(all_migrations())]


def test_an_unreachable_database_is_named_as_such() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        migrate("host=127.0.0.1 port=1 dbname=x")
