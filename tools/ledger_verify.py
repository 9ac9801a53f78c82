"""Does the ledger's store say what the journal says, to the last unit?

    journal ──Books, cut where the store's batches were cut──▶ heads, rows, figures ◀──compared──▶ the store
                                        └─ the engine's own ledger, as the replay has it: the same figures

Everything in the store is read: each batch's head and each of its rows, then the figures that the views add up, the trial balance, and every figure of the
engine's ledger (its quantities only, where the store books by another method). A difference names the batch, the row and both values. Reads only. What can
fail is what a replay and the store can fail with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.tools.defects import Defect
from ringfence.tools.errors import StoreDiffers
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.ledger_books import BATCH_ROWS, METHOD, MONEY_DIGITS, Books
from ringfence.tools.ledger_state import by_owner, wide
from ringfence.tools.ledger_store import EXECUTION_COLUMNS, NOW, POSTING_COLUMNS, Batch, Head, Store, execution_tuples, posting_tuples
from ringfence.tools.replay import END, cut, journal_limits

DIFFERENCES_MAX = 100
FIGURES = ("qty", "cost", "realized", "fees", "income", "cash")
ENGINE_FIGURES = ("qty", "cost", "realized", "flow", "moved", "fees", "funding", "income", "settled")


@dataclass
class Verification:
    """What was compared, and what differs."""

    batches: int = 0
    postings: int = 0
    executions: int = 0
    positions: int = 0
    last_seq: int = 0
    journal_seq: int = 0
    refused: int = 0
    differences: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a difference, up to a number that people can read."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(text)


def plain(value: Any) -> Any:
    """A value of either database as one that can be compared: whole numbers as int, days as text."""
    if value is None or isinstance(value, (int, str)):
        return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value
    return int(value) if isinstance(value, Decimal) else str(value)


def rebuilt(directory: Path, heads: list[Head], method: str, *, until: int = END, until_ns: int = END) -> Iterator[tuple[Books, Batch | None]]:
    """Make the books anew from the journal, cut where ``heads`` say; at last, once more with None, as they are at the journal's end or ``until``."""
    reader = JournalReader(directory)
    books = Books(journal_limits(reader), method, max([BATCH_ROWS, *(max(h.postings, h.executions) + 256 for h in heads)]))
    ahead = list(reversed(heads))
    for item in reader.chunks():
        if isinstance(item, Defect):
            break
        left: Chunk = cut(item, until, until_ns)
        bounded = left.frames < item.frames
        while left.frames:
            now = cut(left, ahead[-1].last_seq) if ahead else left
            rest = books.take(now)
            taken = now.frames - rest.frames
            left = left._replace(start=rest.start, first_seq=rest.first_seq, frames=left.frames - taken)
            if ahead and books.seq == ahead[-1].last_seq:
                ahead.pop()
                yield books, books.cut()
            elif books.full:
                books.cut()  # rows that the store does not have yet, or not as they should be
                if ahead:
                    raise StoreDiffers(f"batch {ahead[-1].number} has fewer rows in the store than its frames give")
        if bounded:
            break
    yield books, None


def verify(directory: Path, store: Store) -> Verification:
    """Compare a store with a cold rebuild from the journal.

    Raises
    ------
    StoreDiffers
        If there is nothing in the store, or it says things that cannot be compared.
    """
    book = store.book()
    if book is None:
        raise StoreDiffers(f"{store.where}: there is no ledger in it; book the journal first: ringfence ledger write")
    store.as_of(NOW)
    found, heads = Verification(), store.heads()
    if book.money_digits != MONEY_DIGITS:
        found.note(f"the store has {book.money_digits} money digits, this version books with {MONEY_DIGITS}")
    wanted = iter(heads)
    for books, batch in rebuilt(directory, heads, book.method):
        if batch is None:
            _compare_ends(found, store, books, list(wanted))
            continue
        stored = next(wanted)
        for name in Head._fields:
            if getattr(batch.head, name) != getattr(stored, name):
                found.note(f"batch {stored.number}: {name} is {getattr(stored, name)} in the store, {getattr(batch.head, name)} by the journal")
        _compare_rows(found, store, batch)
        found.batches += 1
        found.last_seq = stored.last_seq
        if stored is heads[-1]:
            _compare_figures(found, store, books)
    return found


def stored_postings(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of ``postings`` as ``posting_tuples`` gives them."""
    return [(*v[:4], str(v[4]), str(v[5]), v[6], *map(plain, v[7:])) for v in (tuple(r.values()) for r in rows)]


def stored_executions(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of ``executions`` as ``execution_tuples`` gives them."""
    return [(*v[:10], *map(str, v[10:13]), *v[13:]) for v in (tuple(r.values()) for r in rows)]


def _compare_rows(found: Verification, store: Store, batch: Batch) -> None:
    for table, columns, read, rows in (
        ("postings", POSTING_COLUMNS, stored_postings, posting_tuples(batch.postings)),
        ("executions", EXECUTION_COLUMNS, stored_executions, execution_tuples(batch.changes)),
    ):
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE seq BETWEEN :first AND :last"
        stored = read(store.query(sql, first=batch.head.first_seq, last=batch.head.last_seq))
        made, count = set(rows), len(batch.postings if table == "postings" else batch.changes)
        setattr(found, table, getattr(found, table) + len(stored))
        if len(stored) != count:
            found.note(f"batch {batch.head.number}: {len(stored)} {table} in the store, {count} by the journal")
        for row in sorted(set(stored) - made):
            found.note(f"batch {batch.head.number}: the store has {table} {dict(zip(columns, row, strict=True))}, which the journal does not give")
        for row in sorted(made - set(stored)):
            found.note(f"batch {batch.head.number}: the store lacks {table} {dict(zip(columns, row, strict=True))}")


def _compare_figures(found: Verification, store: Store, books: Books) -> None:
    """The views' sums against the ledger's own figures, when the rebuild is where the store is."""
    stored = {int(r["position"]): r for r in store.query("SELECT * FROM figures")}
    found.refused = books.feed.refused
    for p in books.ledger.positions():
        row = stored.pop(p.row, None)
        for name in FIGURES:
            theirs = plain(row[name]) if row is not None else 0
            if theirs != getattr(p, name):
                found.note(f"position {p.row}: {name} is {theirs} in the store, {getattr(p, name)} by the journal (whole numbers)")
        found.positions += 1
    for unknown in stored:
        found.note(f"position {unknown} is in the store and not in the journal's books")
    for total in store.query("SELECT * FROM trial_balance_totals"):
        if Decimal(str(total["total"])):
            found.note(f"the trial balance of {total['asset']} ({total['what']}) is {total['total']}, and must be 0")
    for owner, theirs in by_owner(books.state.table).items():
        mine = books.ledger.find(*owner)
        for name in ENGINE_FIGURES if books.method == METHOD else ("qty",):
            ours = getattr(mine, name) if mine is not None else 0
            if ours != wide(theirs[name]):
                found.note(f"account, strategy, instrument {owner}: {name} is {wide(theirs[name])} in the engine's ledger, {ours} in the books")


def _compare_ends(found: Verification, store: Store, books: Books, missing: list[Head]) -> None:
    found.journal_seq = books.seq
    if missing:
        found.note(f"the store has booked up to sequence {missing[-1].last_seq}, the journal ends at {books.seq}")
    last = found.last_seq
    for table in ("postings", "executions"):
        beyond = store.query(f"SELECT count(*) AS n FROM {table} WHERE seq > :last", last=last)[0]["n"]
        if beyond and not missing:
            found.note(f"{beyond} {table} are behind the last batch, which ends at sequence {last}")
