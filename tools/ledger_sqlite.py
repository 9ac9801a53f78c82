"""The ledger's store in one SQLite file: for a newcomer, for tests, and wherever a server is too much.

    append ──BEGIN IMMEDIATE──▶ rows, names, journal position ──COMMIT──▶ WAL, synced

SQLite has no integers of 128 bits: an amount is stored as an integer where 64 bits hold it and as text where not, and the views' arithmetic (``exact_*``) are
functions of this module. Another program that opens the file reads the tables; the views need a connection made here. Readers and the writer do not wait for
each other (write-ahead log). What can fail: StoreAway when the disk fails or is full or another process holds the file, StoreDiffers for tables that are not
those of this version, StoreError for a file that is damaged or none of ours.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

from ringfence.tools.errors import StoreAway, StoreDiffers, StoreError
from ringfence.tools.ledger_store import (
    EXECUTION_COLUMNS,
    NOW,
    POSTING_COLUMNS,
    SMALL_TABLES,
    Batch,
    Book,
    Head,
    Moment,
    Store,
    execution_tuples,
    pending,
    posting_tuples,
    word_rows,
)

BUSY_S = 10.0
INT64_MAX = (1 << 63) - 1
FOREVER = "9999-12-31"
_WIDE = Context(prec=80)
_NAMED = re.compile(r"CREATE TABLE (\w+)")

Exact = int | str | None


def _kept(value: int) -> int | str:
    """A whole number as SQLite keeps it."""
    return value if -INT64_MAX <= value <= INT64_MAX else str(value)


def _fitting(value: Any) -> Any:
    """A value of any column as SQLite keeps it."""
    return str(value) if isinstance(value, int) and not -INT64_MAX <= value <= INT64_MAX else value


def _binary(operate: Callable[[int, int], int]) -> Callable[[Exact, Exact], Exact]:
    def function(a: Exact, b: Exact) -> Exact:
        return None if a is None or b is None else _kept(operate(int(a), int(b)))

    return function


def half_even(n: int, d: int) -> int:
    """Return ``n / d`` rounded half-even, as the ledger rounds."""
    if d < 0:
        n, d = -n, -d
    q, r = divmod(n, d)
    return q + (2 * r > d or (2 * r == d and q % 2 == 1))


def exact_value(qty: Exact, px_twice: Exact, factor: Exact, divisor: Exact, inverse: int | None) -> Exact:
    """Return what a quantity is worth at half of ``px_twice``; nothing is known without a price, or at one that an inverse contract cannot have."""
    if qty is None or px_twice is None or factor is None or divisor is None:
        return 0 if qty is not None and int(qty) == 0 else None
    if inverse:
        return 0 if int(qty) == 0 else None if int(px_twice) <= 0 else _kept(-half_even(2 * int(qty) * int(factor), int(px_twice)))
    return _kept(half_even(int(qty) * int(px_twice) * int(factor), 2 * int(divisor)))


def exact_decimal(mantissa: Exact, digits: int | None) -> str | None:
    """Return ``mantissa * 10**-digits`` as text without needless zeros."""
    if mantissa is None or digits is None:
        return None
    value = Decimal(int(mantissa)).scaleb(-digits, _WIDE)
    return f"{value:f}".rstrip("0").rstrip(".") if digits else f"{value:f}"


def at_time(ns: int | None) -> str | None:
    """Return nanoseconds since 1970 as ISO 8601, UTC."""
    return None if ns is None else f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 1_000_000_000:09d}Z"


class _ExactSum:
    """``exact_sum``: of whole numbers of any size; of none: unknown."""

    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, value: Exact) -> None:
        if value is not None:
            self.total = (self.total or 0) + int(value)

    def finalize(self) -> Exact:
        return None if self.total is None else _kept(self.total)


class SQLiteStore(Store):
    """A store in the file ``path``, which is made when it is not there."""

    def __init__(self, path: Path) -> None:
        self.path, self.where, self.moment = path, str(path), NOW
        if not path.parent.is_dir():
            raise StoreError(f"{path}: there is no directory {path.parent}; make it, or name another file")
        self._open()

    def _open(self) -> None:
        with self._asking("give a file that this user may write, with space for it"):
            self.connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
        for name, function in (("exact_add", int.__add__), ("exact_sub", int.__sub__), ("exact_mul", int.__mul__), ("exact_div", half_even)):
            self.connection.create_function(name, 2, _binary(function), deterministic=True)
        self.connection.create_function("exact_neg", 1, lambda a: None if a is None else _kept(-int(a)), deterministic=True)
        self.connection.create_function("exact_sign", 1, lambda a: None if a is None else (int(a) > 0) - (int(a) < 0), deterministic=True)
        self.connection.create_function("exact_is_zero", 1, lambda a: None if a is None else int(int(a) == 0), deterministic=True)
        self.connection.create_function("exact_value", 5, exact_value, deterministic=True)
        self.connection.create_function("exact_decimal", 2, exact_decimal, deterministic=True)
        self.connection.create_function("at_time", 1, at_time, deterministic=True)
        self.connection.create_function("as_of_seq", 0, lambda: INT64_MAX if self.moment.seq is None else self.moment.seq)
        self.connection.create_function("as_of_ns", 0, lambda: INT64_MAX if self.moment.ns is None else self.moment.ns)
        self.connection.create_function("as_of_value_day", 0, lambda: self.moment.value_day or FOREVER)
        self.connection.create_aggregate("exact_sum", 1, _ExactSum)  # type: ignore[arg-type]

    @contextmanager
    def _asking(self, hint: str = "is there space, and may this user write it?") -> Iterator[None]:
        """What SQLite refuses, by what can be done about it."""
        try:
            yield
        except sqlite3.OperationalError as e:
            if str(e).startswith("no such "):
                raise StoreDiffers(f"{self.where}: {e}: not the tables of this version; book the journal anew: ringfence ledger rebuild") from e
            if e.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise StoreError(f"{self.where}: {e}") from e
            raise StoreAway(f"{self.where}: {e}; {hint}") from e
        except sqlite3.IntegrityError as e:
            raise StoreError(f"{self.where}: {e}") from e
        except sqlite3.DatabaseError as e:
            raise StoreError(f"{self.where}: {e}: damaged, or no store of ours; name another file, or restore this one, or: ringfence ledger rebuild") from e

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._asking():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def _tables(self) -> set[str]:
        with self._asking():
            return {name for (name,) in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def prepare(self, book: Book) -> None:
        """Make or upgrade the tables; see ``Store``."""
        with self._transaction() as c:
            c.execute(
                "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_ns INTEGER NOT NULL)"
            )
            recorded = dict(c.execute("SELECT number, sha256 FROM migrations").fetchall())
            for m in pending(self.where, recorded, "sqlite"):
                for statement in _statements(m.text):
                    c.execute(statement)
                for table in _NAMED.findall(m.text):
                    for change in ("UPDATE", "DELETE"):
                        c.execute(
                            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                            "BEGIN SELECT RAISE(ABORT, 'the ledger only grows: book a correction'); END"
                        )
                c.execute("INSERT INTO migrations VALUES (?, ?, ?, ?)", (m.number, m.name, m.sha256, time.time_ns()))
            self.check_book(self.book(), book)
            if self.book() is None:
                c.execute("INSERT INTO book (instance, money_digits) VALUES (?, ?)", book)
            c.executemany("INSERT INTO words VALUES (?, ?, ?) ON CONFLICT DO NOTHING", word_rows())

    def book(self) -> Book | None:
        """Return what it is about."""
        if "book" not in self._tables():
            return None
        with self._asking():
            found = self.connection.execute("SELECT instance, money_digits FROM book").fetchone()
        return Book(*found) if found else None

    def heads(self, after: int = 0) -> list[Head]:
        """Return what is known of every batch later than ``after``."""
        if "batches" not in self._tables():
            return []
        with self._asking():
            return [Head(*row) for row in self.connection.execute(f"SELECT {', '.join(Head._fields)} FROM batches WHERE number > ? ORDER BY number", (after,))]

    def append(self, batch: Batch) -> None:
        """Append a batch; see ``Store``."""
        with self._transaction() as c:
            self.check_next(c.execute("SELECT max(number) FROM batches").fetchone()[0], batch)
            for table, rows in batch.rows.items():
                _insert(c, table, SMALL_TABLES[table], (tuple(map(_fitting, row)) for row in rows))
            _insert(c, "postings", POSTING_COLUMNS, (tuple(map(_fitting, row)) for row in posting_tuples(batch.postings)))
            _insert(c, "executions", EXECUTION_COLUMNS, (tuple(map(_fitting, row)) for row in execution_tuples(batch.changes)))
            _insert(c, "batches", Head._fields, [batch.head])

    def query(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return rows by column name."""
        with self._asking():
            cursor = self.connection.execute(sql, values)
            names = [d[0] for d in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the file; the write-ahead log grows meanwhile."""
        with self._asking():
            self.connection.execute("BEGIN")
        try:
            self._tables()  # the first read is what fixes the state
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def as_of(self, moment: Moment) -> None:
        """Let every view answer as of a moment."""
        self.moment = moment

    def clear(self) -> None:
        """Remove tables and views, inside the file: whoever has it open sees all or nothing of it; see ``Store``."""
        if (tables := self._tables()) and "book" not in tables:
            raise StoreError(f"{self.where}: has tables and is no ledger of ours ({', '.join(sorted(tables)[:5])}); name another file")
        with self._transaction() as c:
            for kind in ("trigger", "view", "table"):
                for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'", (kind,)).fetchall():
                    c.execute(f"DROP {kind} {name}")

    def reconnect(self) -> None:
        """Open the file anew."""
        self.close()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def _insert(c: sqlite3.Connection, table: str, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
    names = tuple(columns)
    c.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)


def _statements(text: str) -> Iterator[str]:
    """The statements of a migration, one by one: ``executescript`` would commit the transaction."""
    held = ""
    for line in text.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""
