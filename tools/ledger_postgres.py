"""The ledger's store in PostgreSQL, by psycopg 3 (extra ``postgres``).

    append ──BEGIN──▶ COPY BINARY into the day's partitions, names, journal position ──COMMIT──▶ on the server's disk

One schema is one ledger (``#SCHEMA`` at the end of the URL; ``ledger`` when there is none). ``prepare`` needs an owner: it makes schema, tables and the roles
``SCHEMA_writer`` (may read and add) and ``SCHEMA_reader`` (may read). Every session of the writer then acts as ``SCHEMA_writer``, so that not even this program
can change what is booked. In production log in as a member of that role: ``prepare`` only looks then. Batches are numbered by a primary key: of two writers one
is refused by the server itself. What can fail: StoreAway whenever the connection breaks, StoreDiffers for tables that are not those of this version, StoreError
with what the server says.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ringfence.tools.errors import ExtraMissing, StoreAway, StoreDiffers, StoreError
from ringfence.tools.ledger_copy import HEADER, TRAILER, executions_rows, postings_rows
from ringfence.tools.ledger_store import EXECUTION_COLUMNS, POSTING_COLUMNS, SMALL_TABLES, Batch, Book, Head, Moment, Store, iso_day, pending, word_rows

if TYPE_CHECKING:
    import psycopg

SCHEMA = "ledger"
LINK = {"connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
"""After how long a server that does not answer is away [s; the last ms], where the URL does not say: the kernel waits a quarter of an hour and more."""
_HOPELESS = re.compile(r"authentication failed|no password supplied|no pg_hba\.conf entry|FATAL: +(role|database) .* does not exist")
"""What a server says that will say the same again; it tells a client no code before it has logged in."""
_NAMED = re.compile(r"(?<!:):(\w+)")


class PostgresStore(Store):
    """A store in a schema of a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError as e:
            raise ExtraMissing("a ledger in PostgreSQL", "postgres") from e
        self._psycopg = psycopg
        self.url, _, schema = url.partition("#")
        self.schema = schema or SCHEMA
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,40}", self.schema):
            raise StoreError(f"schema was {self.schema!r}; allowed: small letters, digits and _, 41 at most")
        parts = urlsplit(self.url)
        self.where = f"postgresql://{parts.hostname or ''}{parts.path}#{self.schema}" if not parts.query else f"postgresql:{parts.path}#{self.schema}"
        self._days: set[str] = set()
        self._writes = False
        self._connect()

    def _connect(self) -> None:
        try:
            asked: Any = LINK | self._psycopg.conninfo.conninfo_to_dict(self.url)
            self.connection = self._psycopg.connect(**asked, autocommit=True)
            self.connection.execute(f"SET search_path TO {self.schema}, pg_temp")
            self.connection.execute("SET timezone TO 'UTC'")
        except self._psycopg.ProgrammingError as e:
            raise StoreError(f"{self.where}: {_said(e)}; write it as libpq takes it: postgresql://USER@HOST/DATABASE#SCHEMA") from e
        except self._psycopg.OperationalError as e:
            if _HOPELESS.search(_said(e)):
                raise StoreError(f"{self.where}: {_said(e)}; let the database's owner make what is missing, or name another one") from e
            raise StoreAway(f"{self.where}: {_said(e)}") from e

    @contextmanager
    def _asking(self) -> Iterator[psycopg.Connection[Any]]:
        """The connection; what breaks it is StoreAway, what the server refuses is StoreError."""
        try:
            yield self.connection
        except (self._psycopg.OperationalError, self._psycopg.InterfaceError) as e:
            raise StoreAway(f"{self.where}: {_said(e)}") from e
        except self._psycopg.errors.UniqueViolation as e:
            raise StoreDiffers(f"{self.where}: {_said(e)}: another writer is at work; stop one of them") from e
        except (self._psycopg.errors.UndefinedTable, self._psycopg.errors.UndefinedColumn) as e:
            raise StoreDiffers(f"{self.where}: {_said(e)}: not the tables of this version; book the journal anew: ringfence ledger rebuild") from e
        except self._psycopg.Error as e:
            raise StoreError(f"{self.where}: {_said(e)}") from e

    def _has(self, table: str) -> bool:
        with self._asking() as c:
            row = c.execute("SELECT to_regclass(%s)", (f"{self.schema}.{table}",)).fetchone()
        return row is not None and row[0] is not None

    def prepare(self, book: Book) -> None:
        """Make or upgrade the tables and roles, as far as this user may; then act as the writer."""
        with self._asking() as c:
            c.execute("RESET ROLE")
            with c.transaction():
                c.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"ringfence {self.schema}",))
                known = self._has("migrations")
                recorded = dict(c.execute("SELECT number, sha256 FROM migrations").fetchall()) if known else {}
                if waiting := pending(self.where, recorded, "postgres"):
                    self._migrate(waiting, known=known)
                self.check_book(self.book(), book)
                if self.book() is None:
                    c.execute("INSERT INTO book (instance, money_digits) VALUES (%s, %s)", book)
            c.execute(f"SET ROLE {self.schema}_writer")
        self._writes = True
        self._days.clear()

    def _migrate(self, waiting: list[Any], *, known: bool) -> None:
        c, writer, reader = self.connection, f"{self.schema}_writer", f"{self.schema}_reader"
        if not known:
            c.execute(f"CREATE SCHEMA IF NOT EXISTS {self.schema}")
            c.execute("CREATE TABLE migrations (number int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_ns bigint NOT NULL)")
        for role in (writer, reader):
            if c.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
                c.execute(f"CREATE ROLE {role}")
                c.execute(f"GRANT {role} TO CURRENT_USER")
        for m in waiting:
            c.execute(_sums(m.text).encode())
            c.execute("INSERT INTO migrations VALUES (%s, %s, %s, %s)", (m.number, m.name, m.sha256, time.time_ns()))
        with c.cursor() as cursor:
            cursor.executemany("INSERT INTO words VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", word_rows())
        c.execute(f"GRANT USAGE ON SCHEMA {self.schema} TO {writer}, {reader}")
        c.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {self.schema} TO {writer}, {reader}")
        c.execute(f"GRANT INSERT ON batches, {', '.join(SMALL_TABLES)}, postings, executions, book TO {writer}")
        c.execute("REVOKE EXECUTE ON FUNCTION open_day(date) FROM PUBLIC")
        c.execute(f"GRANT EXECUTE ON FUNCTION open_day(date) TO {writer}")

    def book(self) -> Book | None:
        """Return what it is about."""
        if not self._has("book"):
            return None
        with self._asking() as c:
            found = c.execute("SELECT instance, money_digits FROM book").fetchone()
        return Book(*found) if found else None

    def heads(self, after: int = 0) -> list[Head]:
        """Return what is known of every batch later than ``after``."""
        if not self._has("batches"):
            return []
        with self._asking() as c:
            return [Head(*row) for row in c.execute(f"SELECT {', '.join(Head._fields)} FROM batches WHERE number > %s ORDER BY number", (after,))]

    def append(self, batch: Batch) -> None:
        """Append a batch; see ``Store``."""
        opened: set[str] = set()
        with self._asking() as c, c.transaction(), c.cursor() as cursor:
            row = cursor.execute("SELECT max(number) FROM batches").fetchone()
            self.check_next(row[0] if row else None, batch)
            names = Head._fields
            cursor.execute(f"INSERT INTO batches ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})", batch.head)
            for table, rows in batch.rows.items():
                with cursor.copy(f"COPY {table} ({', '.join(SMALL_TABLES[table])}) FROM STDIN") as copy:
                    for values in rows:
                        copy.write_row(values)
            for table, columns, array, encode in (
                ("postings", POSTING_COLUMNS, batch.postings, postings_rows),
                ("executions", EXECUTION_COLUMNS, batch.changes, executions_rows),
            ):
                for day, first, end in _by_day(array):
                    if day not in self._days | opened:
                        cursor.execute("SELECT open_day(%s)", (day,))
                        opened.add(day)
                    part = f"{table}_{day.replace('-', '')}"
                    self._copy(cursor, f"COPY {part} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)", encode, array, first, end)
        self._days |= opened

    @staticmethod
    def _copy(cursor: Any, sql: str, encode: Callable[[NDArray[Any], int, int], memoryview], array: NDArray[Any], first: int, end: int) -> None:
        with cursor.copy(sql) as copy:
            copy.write(HEADER)
            for at in range(first, end, 2048):
                copy.write(encode(array, at, min(at + 2048, end)))
            copy.write(TRAILER)

    def query(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return rows by column name."""
        text = _sums(sql)
        with self._asking() as c:
            cursor = c.execute(_NAMED.sub(r"%(\1)s", text.replace("%", "%%")).encode() if values else text.encode(), values or None)
            names = [d.name for d in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the database."""
        with self._asking() as c, c.transaction():
            c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            c.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # a rebuild goes on between two questions
            yield

    def as_of(self, moment: Moment) -> None:
        """Let every view answer as of a moment."""
        with self._asking() as c:
            c.execute("SELECT as_of(%s, %s, %s::date)", moment)

    def clear(self) -> None:
        """Remove the schema in one transaction; only an owner may. Its roles stay: they are the server's, and people may be members of them."""
        if not self._has("book") and self._exists():
            raise StoreError(f"{self.where}: the schema is there and is no ledger of ours; name another one")
        with self._asking() as c:
            c.execute("RESET ROLE")
            with c.transaction():
                c.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"ringfence {self.schema}",))
                c.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
        self._days.clear()

    def _exists(self) -> bool:
        with self._asking() as c:
            return c.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self.schema,)).fetchone() is not None

    def reconnect(self) -> None:
        """Connect anew, as whoever this object acted as."""
        self.close()
        self._connect()
        if self._writes:
            with self._asking() as c:
                c.execute(f"SET ROLE {self.schema}_writer")
        self._days.clear()

    def close(self) -> None:
        """Disconnect."""
        self.connection.close()


def _by_day(array: NDArray[Any]) -> Iterator[tuple[str, int, int]]:
    """The runs of rows that were booked on one day, which never falls."""
    if not len(array):
        return
    days, first = np.unique(array["day"], return_index=True)
    ends = [*first[1:].tolist(), len(array)]
    for day, at, end in zip(days.tolist(), first.tolist(), ends, strict=True):
        yield iso_day(day), at, end


def _sums(sql: str) -> str:
    """The sum of whole numbers of any size, by this server's name."""
    return sql.replace("exact_sum(", "sum(")


def _said(e: Exception) -> str:
    """What the server or the library says, on one line."""
    return " ".join(str(e).split()) or type(e).__name__
