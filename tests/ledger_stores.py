"""Fixtures of the ledger's stores: each test that takes ``store`` runs once for each database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ringfence.tools.ledger_store import Store, open_store


class SQLiteHome:
    """Stores as files in a directory."""

    refusal: type[Exception] = sqlite3.IntegrityError

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


@pytest.fixture(params=["sqlite"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return SQLiteHome(tmp_path)


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


__all__ = ["alter", "home", "refusal", "store"]
