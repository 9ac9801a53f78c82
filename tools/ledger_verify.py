"""Do the ledger's store, a cold rebuild from the journal and the running engine say the same, to the last unit?

    journal ──Books, cut where the store's batches were cut──▶ heads, rows, names, figures ◀──compared──▶ the store
                                        └─ positions and lots ◀──compared──▶ region ``state`` of the instance, where it runs

Everything in the store is read: each batch's head and each of its rows, every row of the small tables, the figures and methods that the views give, the trial
balance, what was refused: all as of one moment, so a writer may be at work. A difference names the batch, the row and both values. The engine goes on trading
meanwhile: a position is compared when nothing was booked in it between the two readings. Reads only. What can fail is what a replay and the store can fail
with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ringfence.ipc.schema import ENUMS
from ringfence.tools.cash_state import balances
from ringfence.tools.defects import Defect
from ringfence.tools.errors import StoreDiffers
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.ledger_books import BATCH_ROWS, Books
from ringfence.tools.ledger_state import MONEY_DIGITS, Owner, Table, disagreements, equity_of, lots_of, tied_owners, used, wide
from ringfence.tools.ledger_store import (
    EXECUTION_COLUMNS,
    NOW,
    POSTING_COLUMNS,
    SMALL_TABLES,
    Batch,
    Book,
    Head,
    Store,
    execution_tuples,
    posting_tuples,
    word_rows,
)
from ringfence.tools.replay import END, cut, journal_limits

DIFFERENCES_MAX = 100
BASE_FIGURES = ("cost_base", "realized_base", "realized_fx", "fees_base", "income_base", "moved_base")
CASH_FIGURES = ("entered", "entered_base", "paid", "paid_base")
STORED_FIGURES = ("qty", "cost", "realized", "fees", "funding", "income", "moved", "fees_elsewhere", *BASE_FIGURES)
ENGINE_FIGURES = ("qty", "cost", "realized", "flow", "moved", "fees", "fees_elsewhere", "funding", "income", "settled", *BASE_FIGURES)
LOT_FIGURES = ("qty", "cost", "cost_base")
_KINDS, _BOOKED = ENUMS["LedgerEventKind"].by_name, ENUMS["LedgerResult"].by_name["BOOKED"]
_REFUSED = "SELECT count(*) AS n FROM executions WHERE result NOT IN (0, 1, 2)"
_REFUSED_ONCE = """
SELECT execution, kind, result, account, strategy, instrument FROM executions
WHERE execution IN (SELECT execution FROM executions WHERE result NOT IN (0, 1, 2)) ORDER BY seq
"""
_NOT_BOOKED = """
SELECT r.name AS result, count(*) AS n
FROM (SELECT result, row_number() OVER (PARTITION BY execution ORDER BY seq DESC) AS newest FROM executions) AS x
LEFT JOIN words r ON r.enum = 'LedgerResult' AND r.id = x.result
WHERE x.newest = 1 AND x.result <> 1 GROUP BY r.name
"""


@dataclass
class Verification:
    """What was compared, and what differs."""

    batches: int = 0
    postings: int = 0
    executions: int = 0
    positions: int = 0
    balances: int = 0
    last_seq: int = 0
    journal_seq: int = 0
    refused: int = 0
    """Executions and entries of which the ledger does not have what the newest report says: refused, or never asked for."""
    waiting: int = 0
    """Closes that wait for the names of their lots (SPEC)."""
    lacking: int = 0
    """Positions that are not compared with the ledger, since it refused some of their trades, or those of positions tied to them."""
    running: int | None = None
    """Positions of the running engine; None: none runs on this journal."""
    live: int = 0
    """Those of them that were compared: nothing was booked in them while they were read, and the journal's files have all that was booked before."""
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


def rebuilt(directory: Path, heads: list[Head], *, stops: Collection[int] = (), until: int = END, until_ns: int = END) -> Iterator[tuple[Books, Batch | None]]:
    """Make the books anew from the journal, cut where ``heads`` say.

    They come with None at the sequences ``stops``, and once more at last, as they are at the journal's end or ``until``.
    """
    reader = JournalReader(directory)
    books = Books(journal_limits(reader), max([BATCH_ROWS, *(max(h.postings, h.executions) + 1 for h in heads)]))
    ahead, pauses = list(reversed(heads)), sorted(stops, reverse=True)
    for item in reader.chunks():
        if isinstance(item, Defect):
            break
        left: Chunk = cut(item, until, until_ns)
        bounded = left.frames < item.frames
        while left.frames:
            now = cut(left, min(ahead[-1].last_seq if ahead else END, pauses[-1] if pauses else END))
            rest = books.take(now)
            taken = now.frames - rest.frames
            left = left._replace(start=rest.start, first_seq=rest.first_seq, frames=left.frames - taken)
            if pauses and books.seq == pauses[-1]:
                pauses.pop()
                yield books, None
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


@dataclass(frozen=True)
class Held:
    """A position of a ledger at one moment."""

    figures: tuple[int, ...]
    lots: tuple[tuple[int, ...], ...]


Sums = tuple[int, ...]
"""A row of table cash: when it changed, whose it is, its figures."""


class Holdings(NamedTuple):
    """Positions and rows of balances in the order of their rows; None: somebody wrote it while it was read."""

    positions: list[Held | None]
    cash: list[Sums | None]


class Reading(NamedTuple):
    """What a running engine holds, read one after the other while it was at inputs ``first_seq`` to ``last_seq``."""

    first_seq: int
    last_seq: int
    holdings: Holdings


def reading_of(table: Table) -> Reading:
    """Read the tables of a running engine."""
    first_seq = int(table("engine")[1]["seq"])
    holdings = held(table)
    return Reading(first_seq, int(table("engine")[1]["seq"]), holdings)


def held(table: Table) -> Holdings:
    """Every position and every balance."""
    out: list[Held | None] = []
    cash: list[Sums | None] = []
    for p in used(table, "ledger_positions", "position_count")[1:]:
        now = p.copy()
        lots = tuple((int(lot["seq"]), *(wide(lot[n]) for n in LOT_FIGURES)) for lot in lots_of(table, now))
        found = Held((int(now["updated_seq"]), int(now["method"]), int(now["base_unknown"]), *(wide(now[n]) for n in ENGINE_FIGURES)), lots)
        out.append(found if now.tobytes() == p.tobytes() else None)
    for c in table("cash")[1:]:
        row = c.copy()
        if not row["account"]:
            break
        sums = (*(int(row[n]) for n in ("updated_seq", "account", "currency", "entries", "base_unknown")), *(wide(row[n]) for n in CASH_FIGURES))
        cash.append(sums if row.tobytes() == c.tobytes() else None)
    return Holdings(out, cash)


def verify(directory: Path, store: Store, engine: Table | None = None) -> Verification:
    """Compare a store, and the tables of a running engine, with a cold rebuild from the journal.

    Raises
    ------
    StoreDiffers
        If there is nothing in the store, or it says things that cannot be compared.
    """
    book = store.book()
    if book is None:
        raise StoreDiffers(f"{store.where}: there is no ledger in it; book the journal first: ringfence ledger write")
    store.as_of(NOW)
    live = reading_of(engine) if engine is not None else None
    with store.snapshot():  # a writer goes on meanwhile
        return _compare(directory, store, book, live)


def _compare(directory: Path, store: Store, book: Book, live: Reading | None) -> Verification:
    found, heads = Verification(), store.heads()
    if book.money_digits != MONEY_DIGITS:
        found.note(f"the store has {book.money_digits} money digits, this version books with {MONEY_DIGITS}")
    wanted = iter(heads)
    small: dict[str, list[tuple[Any, ...]]] = defaultdict(list, words=word_rows())
    stops = {live.first_seq - 1, live.first_seq, live.last_seq} - {0, -1} if live is not None else set()
    moments: dict[int, Holdings] = {}
    for books, batch in rebuilt(directory, heads, stops=stops):
        if batch is None:
            if books.seq in stops:
                moments[books.seq] = held(books.state.table)
            found.journal_seq = books.seq
            continue
        stored = next(wanted)
        for name in Head._fields:
            if getattr(batch.head, name) != getattr(stored, name):
                found.note(f"batch {stored.number}: {name} is {getattr(stored, name)} in the store, {getattr(batch.head, name)} by the journal")
        _compare_rows(found, store, batch)
        for table, rows in batch.rows.items():
            small[table] += rows
        found.batches += 1
        found.last_seq = stored.last_seq
        if stored is heads[-1]:
            _compare_small(found, store, small)
            _compare_figures(found, store, books)
            _compare_cash(found, store, books)
    _compare_ends(found, store, list(wanted))
    if live is not None:
        _compare_engine(found, live, moments)
    return found


def stored_postings(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of ``postings`` as ``posting_tuples`` gives them."""
    return [(*v[:4], str(v[4]), str(v[5]), *v[6:9], *map(plain, v[9:])) for v in (tuple(r.values()) for r in rows)]


def stored_executions(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of ``executions`` as ``execution_tuples`` gives them."""
    return [(*v[:6], plain(v[6]), plain(v[7]), *v[8:12], *map(str, v[12:15]), *v[15:]) for v in (tuple(r.values()) for r in rows)]


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


def _compare_small(found: Verification, store: Store, wanted: dict[str, list[tuple[Any, ...]]]) -> None:
    """Every row of the small tables."""
    for table, columns in {**SMALL_TABLES, "words": ("enum", "id", "name")}.items():
        made = {tuple(plain(v) for v in row) for row in wanted[table]}
        stored = {tuple(plain(v) for v in row.values()) for row in store.query(f"SELECT {', '.join(columns)} FROM {table}")}
        for row in sorted(stored - made, key=str):
            found.note(f"{table}: the store has {dict(zip(columns, row, strict=True))}, which the journal does not give")
        for row in sorted(made - stored, key=str):
            found.note(f"{table}: the store lacks {dict(zip(columns, row, strict=True))}")


def _compare_figures(found: Verification, store: Store, books: Books) -> None:
    """The views' sums against the ledger's own figures, position by position, when the rebuild is where the store is."""
    stored = {int(r["position"]): r for r in store.query("SELECT * FROM named_figures")}
    for row, p in enumerate(books.positions()[1:], 1):
        ours: dict[str, Any] = {name: wide(p[name]) for name in STORED_FIGURES} | {"base_unknown": int(p["base_unknown"])}
        ours |= {"equity": equity_of(books.state.table, p), "cash": books.feed.cash(row), "method": books.describe(p)["method"]}
        theirs = stored.pop(row, None)
        for name, value in ours.items():
            if theirs is None and (value == 0 or name == "method"):
                continue  # a position in which nothing is booked
            if (told := plain(theirs[name]) if theirs is not None else 0) != value:
                found.note(f"position {row}: {name} is {told} in the store, {value} by the journal (whole numbers)")
        found.positions += 1
    for unknown in stored:
        found.note(f"position {unknown} is in the store and not in the journal's books")
    for r in store.query("SELECT position, difference, equity_difference FROM identity"):
        for name in ("difference", "equity_difference"):
            if Decimal(str(r[name])):
                found.note(f"position {r['position']}: {name} of the master identity is {r[name]}, and must be 0")
    for total in store.query("SELECT * FROM trial_balance_totals"):
        if Decimal(str(total["total"])):
            found.note(f"the trial balance of {total['asset']} ({total['what']}) is {total['total']}, and must be 0")
    refused, told = int(books.state.table("ledger")[1]["refused"]), int(store.query(_REFUSED)[0]["n"])
    if refused != told:
        found.note(f"{told} bookings are refused in the store, {refused} by the journal")
    open_now = {r["result"]: int(r["n"]) for r in store.query(_NOT_BOOKED)}
    found.waiting = open_now.pop("HELD", 0)
    found.refused = sum(open_now.values())
    lacking = tied_owners(books.state.table, lack_something(store)) if refused else set()
    found.lacking = len(lacking)
    for text in disagreements(books.state.table, lacking):
        found.note(f"by the journal: {text}")


def lack_something(store: Store) -> set[Owner]:
    """Owners of the trades that positions have and the ledger has not, as it refused what is in force of them; an entry that it refused neither has."""
    now: dict[int, dict[str, Any]] = {}
    trades = set()
    for row in store.query(_REFUSED_ONCE):
        if row["execution"] not in now and row["kind"] == _KINDS["FILL"]:
            trades.add(row["execution"])
        now[row["execution"]] = row
    return {(r["account"], r["strategy"], r["instrument"]) for n, r in now.items() if n in trades and r["result"] != _BOOKED}


def _compare_cash(found: Verification, store: Store, books: Books) -> None:
    """Balances of the store's views against those of the rebuild, account by account and currency by currency."""
    codes = books.state.table("currencies")
    ours = {(b.account, bytes(codes[b.currency]["code"]).decode("ascii", "replace")): b for b in balances(books.state.table)}
    for r in store.query("SELECT * FROM cash_figures"):
        key = int(r["account_id"]), str(r["currency"])
        b = ours.pop(key, None)
        if b is None:
            if any(plain(r[name]) for name in ("entered", "positions", "paid")) and key[1] in {bytes(c["code"]).decode("ascii", "replace") for c in codes[1:]}:
                found.note(f"balance of account {key[0]} in {key[1]} is in the store and not in the journal's books")
            continue
        for name in ("entered", "positions", "paid"):
            if plain(r[name]) != getattr(b, name):
                found.note(f"balance of account {key[0]} in {key[1]}: {name} is {plain(r[name])} in the store, {getattr(b, name)} by the journal")
        if (None if r["base_unknown"] else plain(r["base"])) != b.base:
            found.note(f"balance of account {key[0]} in {key[1]}: base is {plain(r['base'])} in the store, {b.base} by the journal")
        found.balances += 1
    for account, code in ours:
        found.note(f"balance of account {account} in {code} is in the journal's books and not in the store")


def _compare_engine_cash(found: Verification, live: Reading, before: Holdings, first: Holdings, last: Holdings) -> None:
    """Rows of table cash as the running engine has them; of the first input the engine may have done a part."""
    for row, (theirs, ours, then) in enumerate(zip(live.holdings.cash, first.cash, last.cash, strict=False), 1):
        if theirs is not None and ours == then != theirs and theirs not in before.cash[row - 1 : row]:
            found.note(f"balance {row}: the engine has {theirs}, the journal gives {ours}")


def _compare_engine(found: Verification, live: Reading, moments: dict[int, Holdings]) -> None:
    """Positions and lots of the running engine against the rebuild as it was when they were read; of the first input the engine may have done a part."""
    found.running = len(live.holdings.positions)
    if live.last_seq not in moments:
        return
    sooner = moments.get(live.first_seq - 1, Holdings([], []))
    _compare_engine_cash(found, live, sooner, moments[live.first_seq], moments[live.last_seq])
    before, first, last = sooner.positions, moments[live.first_seq].positions, moments[live.last_seq].positions
    for row in range(found.running + 1, len(before) + 1):
        found.note(f"position {row} is in the journal's books and not in the engine")
    for row in range(len(last) + 1, found.running + 1):
        found.note(f"position {row} is in the engine and not in the journal's books")
    for row, (theirs, ours, then) in enumerate(zip(live.holdings.positions, first, last, strict=False), 1):
        if theirs is None or ours is None or ours != then:
            continue
        found.live += 1
        if theirs in before[row - 1 : row]:
            continue
        for name, engine, journal in zip(("updated_seq", "method", "base_unknown", *ENGINE_FIGURES), theirs.figures, ours.figures, strict=True):
            if engine != journal:
                found.note(f"position {row}: {name} is {engine} in the engine, {journal} by the journal (whole numbers)")
        if theirs.lots != ours.lots:
            found.note(f"position {row}: the engine has {len(theirs.lots)} lots, the journal gives {len(ours.lots)}, and they are not the same")


def _compare_ends(found: Verification, store: Store, missing: list[Head]) -> None:
    if missing:
        found.note(f"the store has booked up to sequence {missing[-1].last_seq}, the journal ends at {found.journal_seq}")
    last = found.last_seq
    for table in ("postings", "executions"):
        beyond = store.query(f"SELECT count(*) AS n FROM {table} WHERE seq > :last", last=last)[0]["n"]
        if beyond and not missing:
            found.note(f"{beyond} {table} are behind the last batch, which ends at sequence {last}")
