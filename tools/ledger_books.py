"""The books as the journal makes them: replay, ledger and what they say, cut into batches for a store.

    chunks of frames ──Books.take──▶ Feed (replay + ledger) ──▶ rows ──Books.cut──▶ Batch

A pure function of the journal, the cost method and where the batches are cut: a restarted writer, ``ledger verify`` and ``ledger rebuild`` make the same books
from the same frames, and the heads of the batches say so. Memory: a private copy of the engine's tables, a ledger with room for as many events as the journal's
instance may have executions (touched as it is used), and the rows of one batch. What can fail: JournalCorrupt and ReplayDiffers of the replay;
``TablesGrew`` when a later START has larger tables: then begin again with those.
"""

from __future__ import annotations

import hashlib
import mmap
from typing import Any

import numpy as np

from ringfence.core.errors import ReplayError, StateMismatch
from ringfence.core.ledger import Ledger, Position, bytes_needed
from ringfence.core.ledger import Limits as LedgerLimits
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.errors import JournalCorrupt, StoreError
from ringfence.tools.journal import Chunk
from ringfence.tools.ledger_feed import CHANGE, POSTING, ROOM, Feed, balanced
from ringfence.tools.ledger_store import NO_HEAD, Batch, Head, iso_day
from ringfence.tools.replay import TABLES, ReplayDiffers, limits_in

MONEY_DIGITS = 18
"""Of every figure in every asset: price and quantity of most instruments together, so that the value of a trade is exact and sums need no rescaling."""
BATCH_ROWS = 1 << 14
METHOD = "ACCOUNT"
"""Positions by the cost methods of their accounts, as in the engine; the name of a LedgerMethod books all by that one instead."""
MARGINED = frozenset({"FX_FORWARD", "FX_NDF", "PERPETUAL", "FUTURE"})
SUSPENSE = "suspense"
LAZY = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
"""Pages appear when they are used."""
_KINDS = ENUMS["InstrumentKind"].by_value


class TablesGrew(Exception):
    """The journal goes on with larger tables than these books have; ``limits`` are large enough."""

    def __init__(self, limits: Limits) -> None:
        super().__init__("the journal goes on with larger tables")
        self.limits = limits


def larger(one: Limits | None, other: Limits) -> Limits:
    """Table sizes that hold what either holds."""
    return other if one is None else Limits(**{t: max(getattr(one, t), getattr(other, t)) for t in TABLES})


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _assets(instrument: Any) -> tuple[str, str]:
    """Base and quote of an instrument; what has no name is called after the instrument."""
    symbol = _text(instrument["symbol"])
    return _text(instrument["base"]) or symbol, _text(instrument["quote"]) or f"{symbol}:quote"


class Books:
    """Replay, ledger and the rows that no batch has yet.

    Parameters
    ----------
    limits : Limits
        Of the instance, from its START.
    method : str
        Cost method of every position, or ``METHOD``.
    rows : int
        Of a batch, at most.
    """

    def __init__(self, limits: Limits, method: str, rows: int = BATCH_ROWS) -> None:
        self.limits, self.method = limits, method
        sizes = LedgerLimits(
            instruments=limits.instruments,
            positions=limits.positions,
            lots=limits.executions + limits.positions + 1,
            events=2 * limits.executions,
            picks=1,
            checkpoints=limits.executions // 32 + limits.positions,
        )
        self._memory = mmap.mmap(-1, bytes_needed(sizes), flags=LAZY)
        by_account = method == METHOD
        self.ledger = Ledger(memoryview(self._memory), sizes, method="WAC" if by_account else method)
        self.feed = Feed(Replayer(limits), self.ledger, by_account=by_account)
        self.state = self.feed.replayer.state
        self._postings, self._changes = np.zeros(rows, POSTING), np.zeros(rows, CHANGE)
        self.posting_count = self.change_count = 0
        self.last = Head(0, 1, 0, 0, 0, 0, 0, NO_HEAD, NO_HEAD, NO_HEAD)
        self._frames = hashlib.sha256()
        self._new: dict[str, list[tuple[Any, ...]]] = {}
        self._named = {"accounts": 0, "strategies": 0, "venues": 0}
        self._day = -1
        self._marks: dict[int, tuple[int, int, int]] = {}
        self._positions = 0

    @property
    def seq(self) -> int:
        """Journal sequence reached."""
        return self.feed.replayer.seq

    @property
    def full(self) -> bool:
        """Whether there is hardly room for more rows: cut."""
        return max(self.posting_count, self.change_count) + ROOM >= len(self._postings)

    def take(self, chunk: Chunk) -> Chunk:
        """Apply the frames of a chunk, and return those that are left when the rows of a batch are full.

        Raises
        ------
        TablesGrew
            If a START in it has larger tables.
        JournalCorrupt, ReplayDiffers
            As a replay.
        """
        if (wanted := limits_in(chunk)) and any(getattr(wanted, t) > getattr(self.limits, t) for t in TABLES):
            raise TablesGrew(larger(self.limits, wanted))
        at, before = chunk.start, self.seq
        while (at < chunk.end or self.feed.wanted) and not self.full:
            try:
                end, self.posting_count, self.change_count = self.feed.apply(
                    chunk.buffer, at, chunk.end, self._postings, self.posting_count, self._changes, self.change_count
                )
            except ReplayError as e:
                kind = ReplayDiffers if isinstance(e, StateMismatch) else JournalCorrupt
                raise kind(str(e), chunk.segment.index, chunk.segment.path, at, self.seq + 1) from e
            self._frames.update(memoryview(chunk.buffer)[at:end])
            at = end
            if self.feed.wanted:
                self._define(self.feed.wanted)
        return chunk._replace(start=at, first_seq=self.seq + 1, frames=chunk.frames - (self.seq - before))

    def cut(self) -> Batch:
        """Make a batch of all that came since the last cut.

        Raises
        ------
        StoreError
            If the rows do not balance: that cannot be, and nothing may be stored then.
        """
        postings, changes = self._postings[: self.posting_count].copy(), self._changes[: self.change_count].copy()
        if not balanced(self._postings, self.posting_count):
            raise StoreError(f"the postings up to sequence {self.seq} do not balance; nothing is stored, please report it with the journal")
        engine = self.state.table("engine")[1]
        rows = hashlib.sha256(hashlib.sha256(postings.tobytes()).digest() + hashlib.sha256(changes.tobytes()).digest()).digest()
        head = Head(
            self.last.number + 1,
            self.last.last_seq + 1,
            self.seq,
            int(engine["engine_ns"]),
            self.feed.replayer.frame_crc,
            len(postings),
            len(changes),
            hashlib.sha256(bytes.fromhex(self.last.journal_head) + self._frames.digest()).hexdigest(),
            hashlib.sha256(bytes.fromhex(self.last.entries_head) + rows).hexdigest(),
            hashlib.sha256(self.feed.figures()).hexdigest(),
        )
        self._note_names()
        self._note_days(changes)
        self._note_marks(head)
        batch = Batch(head, postings, changes, self._new)
        self.last, self._new, self._frames = head, {}, hashlib.sha256()
        self.posting_count = self.change_count = 0
        return batch

    # ---- what things are called

    def describe(self, p: Position) -> tuple[dict[str, str], int, int]:
        """Return how a position's account, strategy, symbol and currency are called, and the digits of its quantity and its money."""
        table = self.state.table
        i = table("instruments")[p.instrument]
        strategy = _text(table("strategies")[p.strategy]["name"]) if p.strategy else SUSPENSE
        who = {"account": _text(table("accounts")[p.account]["name"]) if p.account else "-", "strategy": strategy, "symbol": _text(i["symbol"])}
        base, quote = _assets(i)
        return who | {"currency": base if i["inverse"] else quote}, int(i["qty_digits"]), MONEY_DIGITS

    def _define(self, row: int) -> None:
        """Tell the ledger how an instrument is valued, when it is first traded; its terms never change after that."""
        i = self.state.table("instruments")[row]
        symbol, (base, quote) = _text(i["symbol"]), _assets(i)
        qty_digits, px_digits, inverse = int(i["qty_digits"]), int(i["price_digits"]), bool(i["inverse"])
        multiplier, margin = max(1, int(i["multiplier"])), _KINDS.get(int(i["kind"])) in MARGINED
        settle, unit = (base if inverse else quote), (symbol if margin or inverse else base)
        self.ledger.define(
            row,
            qty_digits=qty_digits,
            px_digits=px_digits,
            money_digits=MONEY_DIGITS,
            multiplier=(multiplier, 0),
            settle_asset=row,
            base_asset=row,
            inverse=inverse,
            margin=margin,
        )
        power = MONEY_DIGITS + px_digits - qty_digits if inverse else MONEY_DIGITS - px_digits - qty_digits
        scale = 10 ** (MONEY_DIGITS - qty_digits)
        self._note(
            "instruments",
            (
                *(row, symbol, base, quote, unit, settle, qty_digits, px_digits, MONEY_DIGITS, int(inverse), int(margin)),
                *(multiplier * 10 ** max(power, 0), 10 ** max(-power, 0), multiplier * scale, scale),
            ),
        )
        self._marks[row] = (0, 0, 0)

    def _note(self, table: str, *rows: tuple[Any, ...]) -> None:
        if rows:
            self._new.setdefault(table, []).extend(rows)

    def _note_names(self) -> None:
        engine, table = self.state.table("engine")[1], self.state.table
        brokers = table("brokers")
        more: tuple[str, ...]
        for name, count in (("accounts", "account_count"), ("strategies", "strategy_count"), ("venues", "venue_count")):
            rows = table(name)
            for row in range(self._named[name] + 1, int(engine[count]) + 1):
                r, more = rows[row], ()
                if name == "accounts":
                    broker = int(r["broker"])
                    more = (_text(r["code"]), _text(r["currency"]), _text(brokers[broker]["name"]) if broker else "")
                self._note(name, (row, _text(r["name"]), *more))
            if name == "strategies" and not self._named[name] and int(engine[count]):
                self._note(name, (0, SUSPENSE))
            self._named[name] = int(engine[count])
        for row in range(self._positions + 1, self.ledger.head.positions + 1):
            p = self.ledger.position(row)
            self._note("position_keys", (row, p.account, p.strategy, p.instrument, p.method))
        self._positions = self.ledger.head.positions

    def _note_days(self, changes: Any) -> None:
        days, first = np.unique(changes["day"], return_index=True)
        for day, at in zip(days.tolist(), first.tolist(), strict=True):
            if day > self._day:
                self._note("days", (iso_day(day), int(changes["seq"][at])))
                self._day = day

    def _note_marks(self, head: Head) -> None:
        """The marks of what was ever traded, where they changed since the last batch."""
        rows = self.state.table("instruments")
        for row, before in self._marks.items():
            i = rows[row]
            now = (int(i["bid"]), int(i["ask"]), int(i["last"]))
            if now != before:
                self._note("marks", (head.last_seq, head.engine_ns, row, *now))
                self._marks[row] = now
