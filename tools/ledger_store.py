"""The ledger's store: one interface, two databases, the same views.

    LedgerWriter ──Batch──▶ Store.append: one database transaction ──▶ postings, executions, names, marks and the journal position that they go up to
    ringfence ledger ◀──rows── views, as of a sequence, an engine time, a value date (``Moment``)

    Store ── SQLiteStore (ledger_sqlite.py): a file, the default; nothing to install
         └── PostgresStore (ledger_postgres.py): a server, extra ``postgres``

A store only grows. What it says it holds (``heads``) came in the same transaction as what it holds, so a killed writer or server loses and doubles nothing.
Tables are made by numbered files in ``ledger_schema``; each is recorded with its SHA-256, and a store whose record differs from the files is refused.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringfence.ipc.schema import ENUMS
from ringfence.tools.errors import StoreDiffers, StoreError
from ringfence.tools.ledger_rows import AMOUNTS, CASH_MOVE

SCHEMA = Path(__file__).parent / "ledger_schema"
FILE_NAME = "ledger.db"
EPOCH = date(2000, 1, 1)
NO_HEAD = "0" * 64
WORDS = ("LedgerEventKind", "LedgerResult", "Side", "LedgerFee", "MarkSide")
_ABOUT = ("seq", "engine_ns", "position", "execution", "day", "value_day", "correction", "venue", "base_unknown")
POSTING_COLUMNS = (*_ABOUT, *AMOUNTS)
EXECUTION_COLUMNS = (
    *("seq", "engine_ns", "transact_ns", "order_id", "qty", "px", "amount", "fee", "execution", "execution_row", "instrument", "position"),
    *("day", "trade_day", "value_day", "account", "strategy", "venue", "side", "kind", "result", "fee_kind", "fee_currency", "exec_id", "venue_order_id"),
)
_DAYS, _TEXTS, _WIDE = ("day", "trade_day", "value_day"), ("fee_currency", "exec_id", "venue_order_id"), ("amount", "fee")
SMALL_TABLES = {
    "days": ("day", "first_seq"),
    "accounts": ("id", "name", "code", "currency"),
    "strategies": ("id", "name"),
    "memberships": ("seq", "engine_ns", "what", "id", "name"),
    "venues": ("id", "name"),
    "instruments": ("id", "symbol", "qty_digits", "px_digits"),
    "valuations": ("id", "base", "quote", "unit", "settle", "money_digits", "inverse", "margin", "daily", "factor", "divisor", "unit_scale", "qty_scale"),
    "position_keys": ("id", "account", "strategy", "instrument"),
    "methods": ("seq", "engine_ns", "position", "method"),
    "marks": ("seq", "engine_ns", "instrument", "bid", "ask", "last", "side"),
    "rates": ("seq", "engine_ns", "currency", "rate", "is_firm"),
    "cash_moves": CASH_MOVE,
}
"""Tables whose rows a batch brings as tuples, and their columns."""


class Book(NamedTuple):
    """What a store is about; it never changes."""

    instance: str
    money_digits: int


class Head(NamedTuple):
    """The journal position that a batch goes up to, and what was known there.

    ``journal_head`` and ``entries_head`` chain the batches: SHA-256 of the one before and of the batch's own frames, or rows. ``state_hash`` is that of the
    positions' figures.
    """

    number: int
    first_seq: int
    last_seq: int
    engine_ns: int
    frame_crc: int
    postings: int
    executions: int
    journal_head: str
    entries_head: str
    state_hash: str


@dataclass
class Batch:
    """What one transaction appends: arrays of POSTING and CHANGE (ledger_rows.pyx), and rows of small tables by name."""

    head: Head
    postings: NDArray[Any]
    changes: NDArray[Any]
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)


class Moment(NamedTuple):
    """As of when: each bound holds if it is given. ``seq`` and ``ns`` are when it was booked, ``value_day`` (YYYY-MM-DD) when it is settled."""

    seq: int | None = None
    ns: int | None = None
    value_day: str | None = None


NOW = Moment()


class Migration(NamedTuple):
    """One numbered file, as text for a database."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(database: str) -> list[Migration]:
    """Return the files for ``sqlite`` or ``postgres`` in order: those of its own and those that are the same for all."""
    found = []
    for path in sorted(SCHEMA.glob("*.sql")):
        m = re.fullmatch(r"(\d{4})_(\w+?)(?:\.(\w+))?\.sql", path.name)
        if m is None:
            raise StoreError(f"{path}: a migration is called NNNN_NAME.sql or NNNN_NAME.DATABASE.sql")
        if m.group(3) in (None, database):
            found.append(Migration(int(m.group(1)), m.group(2), path.read_text()))
    return found


def pending(where: str, recorded: dict[int, str], database: str) -> list[Migration]:
    """Return the migrations that a store has not had; ``recorded`` are the SHA-256 of those it had.

    Raises
    ------
    StoreDiffers
        If one that it had reads differently now, or is not known here.
    """
    known = migrations(database)
    numbers = {m.number for m in known}
    for number in sorted(recorded.keys() - numbers):
        raise StoreDiffers(f"{where}: has migration {number:04d}, which this version does not know; use the version that made it, or a newer one")
    for m in known:
        if recorded.get(m.number, m.sha256) != m.sha256:
            raise StoreDiffers(f"{where}: migration {m.number:04d}_{m.name} was applied with another text; rebuild the store: ringfence ledger rebuild")
    return [m for m in known if m.number not in recorded]


def word_rows() -> list[tuple[str, int, str]]:
    """Return the rows of table ``words``: names of the numbers in executions."""
    return [(enum, number, name) for enum in WORDS for number, name in ENUMS[enum].by_value.items()]


def iso_day(days: int) -> str:
    """Return days since 2000-01-01 as YYYY-MM-DD."""
    return (EPOCH + timedelta(days=days)).isoformat()


def plain_text(raw: bytes) -> str:
    """What a venue sent as text, with what is not ASCII as ``?``."""
    return raw.decode("ascii", "replace").replace("\ufffd", "?")


def posting_tuples(postings: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield POSTING records as tuples in the order of POSTING_COLUMNS; days as YYYY-MM-DD, amounts as whole numbers."""
    names = {int(d): iso_day(int(d)) for d in {*postings["day"].tolist(), *postings["value_day"].tolist()}}
    columns = [postings[name].tolist() for name in _ABOUT]
    columns[4], columns[5] = ([names[d] for d in days] for days in (columns[4], columns[5]))
    amounts = (wide_column(postings["amounts"][:, 2 * at : 2 * at + 2]) for at in range(len(AMOUNTS)))
    return zip(*columns, *amounts, strict=True)


def wide_column(words: NDArray[Any]) -> list[int]:
    """A column of 128-bit figures, low word first, as integers."""
    low, high = words[:, 0], words[:, 1].astype("i8")
    if (high == 0).all():
        return low.tolist()  # type: ignore[no-any-return]
    return [a + (b << 64) if b else a for a, b in zip(low.tolist(), high.tolist(), strict=True)]


def execution_tuples(changes: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield CHANGE records as tuples in the order of EXECUTION_COLUMNS."""
    names = {int(d): iso_day(int(d)) for name in _DAYS for d in np.unique(changes[name])}
    columns: list[list[Any]] = []
    for name in EXECUTION_COLUMNS:
        column = changes["row" if name == "execution_row" else name]
        if name in _WIDE:
            columns.append(wide_column(column))
        elif name in _DAYS:
            columns.append([names[d] for d in column.tolist()])
        else:
            columns.append([plain_text(t) for t in column.tolist()] if name in _TEXTS else column.tolist())
    return zip(*columns, strict=True)


class Store(ABC):
    """A store; one object is one connection, used by one thread at a time.

    Attributes
    ----------
    where : str
        What people know it by, without secrets.
    """

    where: str

    @abstractmethod
    def prepare(self, book: Book) -> None:
        """Make or upgrade the tables and note what the store is about.

        Raises
        ------
        StoreDiffers
            If it is about another instance.
        """

    @abstractmethod
    def book(self) -> Book | None:
        """Return what it is about; None when there is nothing in it yet."""

    @abstractmethod
    def heads(self, after: int = 0) -> list[Head]:
        """Return what is known of every batch later than number ``after``, oldest first."""

    @abstractmethod
    def append(self, batch: Batch) -> None:
        """Append a batch in one transaction; it is durable when this returns.

        Raises
        ------
        StoreAway
            If the store went away: then nobody knows whether it has the batch, until ``heads`` answers again.
        StoreDiffers
            If it is not the next batch: another writer is at work.
        """

    @abstractmethod
    def query(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return rows by column name; ``:name`` in the text stands for a value."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything that is asked inside see the store as it is now, whatever is appended meanwhile."""

    @abstractmethod
    def as_of(self, moment: Moment) -> None:
        """Let every view answer as of a moment, from now on."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything in one transaction, as before ``prepare``. Needs more rights than the writer has.

        Raises
        ------
        StoreError
            If what is there is no ledger of ours.
        """

    @abstractmethod
    def reconnect(self) -> None:
        """Connect anew after StoreAway.

        Raises
        ------
        StoreAway
            If it still does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Disconnect; what is appended stays."""

    def check_book(self, found: Book | None, wanted: Book) -> None:
        """Raise StoreDiffers when the store is about something else."""
        if found is not None and found != wanted:
            raise StoreDiffers(
                f"{self.where}: is the ledger of instance {found.instance!r} with {found.money_digits} digits, wanted {wanted.instance!r} with "
                f"{wanted.money_digits}; name another store, or: ringfence ledger rebuild"
            )

    def check_next(self, last: int | None, batch: Batch) -> None:
        """Raise StoreDiffers when ``batch`` does not follow the last one in the store."""
        if (last or 0) + 1 != batch.head.number:
            raise StoreDiffers(f"{self.where}: has batch {last or 0}, so {batch.head.number} is not the next: another writer is at work; stop one of them")


def open_store(where: str) -> Store:
    """Open a store by its name: ``postgresql://...`` (a URL as libpq takes it, with ``#SCHEMA`` for another schema than ``ledger``), or the path of a file.

    Raises
    ------
    ExtraMissing
        If it needs a library that is not installed.
    StoreAway
        If the server does not answer.
    """
    if where.startswith(("postgresql://", "postgres://")):
        from ringfence.tools.ledger_postgres import PostgresStore

        return PostgresStore(where)
    from ringfence.tools.ledger_sqlite import SQLiteStore

    return SQLiteStore(Path(where))
