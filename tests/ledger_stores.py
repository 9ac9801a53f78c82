"""Fixtures of the ledger's stores: each test that takes ``store`` runs once for each database. PostgreSQL is one private server for the whole session."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.tools.errors import StoreError
from ringfence.tools.ledger_cluster import PrivateCluster
from ringfence.tools.ledger_store import Store, open_store
from ringfence.tools.ledger_writer import LedgerWriter


class SQLiteHome:
    """Stores as files in a directory."""

    refusal: type[Exception] = StoreError

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def where(self, name: str) -> str:
        return str(self.directory / f"{name}.db")

    def alter(self, store: Store, sql: str) -> None:
        with sqlite3.connect(store.where) as c:
            for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                c.execute(f"DROP TRIGGER {name}")
            c.execute(sql)
        c.close()

    def foreign(self, store: Store) -> None:
        with sqlite3.connect(store.where) as c:
            c.execute("CREATE TABLE recipes (name)")
        c.close()

    def remove(self) -> None: ...


class PostgresHome:
    """Stores as schemas of one server."""

    refusal: type[Exception] = StoreError
    serial = 0

    def __init__(self, cluster: PrivateCluster) -> None:
        PostgresHome.serial += 1
        self.cluster, self.prefix, self.names = cluster, f"t{PostgresHome.serial}", set[str]()

    def where(self, name: str) -> str:
        self.names.add(name)
        return f"{self.cluster.url}#{self.prefix}_{name}"

    def alter(self, store: Store, sql: str) -> None:
        owner = open_store(store.url + f"#{store.schema}")  # type: ignore[attr-defined]
        owner.connection.execute("ALTER TABLE postings DROP CONSTRAINT balanced")  # type: ignore[attr-defined]
        owner.connection.execute(sql)  # type: ignore[attr-defined]
        owner.close()

    def foreign(self, store: Store) -> None:
        store.connection.execute(f"CREATE SCHEMA {store.schema}")  # type: ignore[attr-defined]
        store.connection.execute("CREATE TABLE recipes (name text)")  # type: ignore[attr-defined]

    def remove(self) -> None:
        for name in self.names:
            owner = open_store(self.where(name))
            owner.connection.execute(f"DROP SCHEMA IF EXISTS {owner.schema} CASCADE")  # type: ignore[attr-defined]
            owner.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[PrivateCluster]:
    """Return a running private server; it is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="rfpg") as directory:
        os.chmod(directory, 0o755)  # the server's user has to pass
        made = PrivateCluster(Path(directory) / "s", synced=False).start()
        try:
            yield made
        finally:
            made.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    made = SQLiteHome(tmp_path) if request.param == "sqlite" else PostgresHome(request.getfixturevalue("cluster"))
    yield made
    made.remove()


@pytest.fixture
def store(home: Any) -> Iterator[Callable[..., Store]]:
    made: list[Store] = []

    def make(name: str) -> Store:
        made.append(open_store(home.where(name)))
        return made[-1]

    yield make
    for s in made:
        s.close()


@pytest.fixture
def alter(home: Any) -> Callable[[Store, str], None]:
    return home.alter  # type: ignore[no-any-return]


@pytest.fixture
def refusal(home: Any) -> type[Exception]:
    return home.refusal  # type: ignore[no-any-return]


def write(directory: Path, store: Store, **options: Any) -> LedgerWriter:
    """Book all that the journal has, by a new writer."""
    writer = LedgerWriter(directory, store, **options)
    try:
        writer.begin()
        writer.catch_up()
    finally:
        writer.close()
    return writer


__all__ = ["alter", "cluster", "home", "refusal", "store", "write"]
