"""The books as the journal makes them: a replay and what its ledger says, cut into batches for a store.

    chunks of frames ──Books.take──▶ Feed (replay with the engine's ledger) ──▶ rows ──Books.cut──▶ Batch

A pure function of the journal and of where the batches are cut: a restarted writer, ``ledger verify`` and ``ledger rebuild`` make the same books from the same
frames, and the heads of the batches say so. Memory: a private copy of the engine's tables (touched as it is used), and the rows of one batch. What can fail:
JournalCorrupt and ReplayDiffers of the replay; ``TablesGrew`` when a later START has larger tables: then begin again with those.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ringfence.core.errors import ReplayError, StateMismatch
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.errors import JournalCorrupt, StoreError
from ringfence.tools.journal import Chunk
from ringfence.tools.ledger_feed import Feed
from ringfence.tools.ledger_rows import CHANGE, POSTING
from ringfence.tools.ledger_state import INVERSE, MONEY_DIGITS, SUSPENSE, used, wide
from ringfence.tools.ledger_store import NO_HEAD, Batch, Head, iso_day
from ringfence.tools.replay import TABLES, ReplayDiffers, limits_in

BATCH_ROWS = 1 << 14
_METHODS = ENUMS["LedgerMethod"].by_value
_MARGIN: int = CONSTANTS["LEDGER_MARGIN"][0]
_DAILY: int = CONSTANTS["LEDGER_DAILY"][0]
_MID: int = ENUMS["MarkSide"].by_name["MID"]


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
    """Replay, and the rows that no batch has yet.

    Parameters
    ----------
    limits : Limits
        Of the instance, from its START.
    rows : int
        Of a batch; as many more as one input writes.
    """

    def __init__(self, limits: Limits, rows: int = BATCH_ROWS) -> None:
        self.limits, self.rows = limits, rows
        self.feed = Feed(Replayer(limits))
        self.state = self.feed.replayer.state
        self._postings, self._changes = np.zeros(rows + self.feed.room, POSTING), np.zeros(rows + self.feed.change_room, CHANGE)
        self.posting_count = self.change_count = 0
        self.last = Head(0, 1, 0, 0, 0, 0, 0, NO_HEAD, NO_HEAD, NO_HEAD)
        self._frames = hashlib.sha256()
        self._named = {"accounts": 0, "strategies": 0, "venues": 0}
        self._instruments: set[int] = set()
        self._marks: dict[int, tuple[int, int, int, int]] = {}  # of what the ledger has booked
        self._rates: dict[int, tuple[int, int]] = {}
        self._memberships: dict[tuple[str, int], str] = {}
        self._day = -1
        self._positions = 0
        self._methods = 0

    @property
    def seq(self) -> int:
        """Journal sequence reached."""
        return self.feed.replayer.seq

    @property
    def full(self) -> bool:
        """Whether there is hardly room for more rows: cut."""
        return max(self.posting_count, self.change_count) >= self.rows

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
        while at < chunk.end and not self.full:
            try:
                end, self.posting_count, self.change_count = self.feed.apply(
                    chunk.buffer, at, chunk.end, self._postings, self.posting_count, self._changes, self.change_count
                )
            except ReplayError as e:
                kind = ReplayDiffers if isinstance(e, StateMismatch) else JournalCorrupt
                raise kind(str(e), chunk.segment.index, chunk.segment.path, at, self.seq + 1) from e
            self._frames.update(memoryview(chunk.buffer)[at:end])
            at = end
        return chunk._replace(start=at, first_seq=self.seq + 1, frames=chunk.frames - (self.seq - before))

    def cut(self) -> Batch:
        """Make a batch of all that came since the last cut.

        Raises
        ------
        StoreError
            If the rows do not balance: that cannot be, and nothing may be stored then.
        """
        postings, changes = self._postings[: self.posting_count].copy(), self._changes[: self.change_count].copy()
        if not self.feed.balanced:
            raise StoreError(f"the postings up to sequence {self.seq} do not balance; nothing is stored, please report it with the journal")
        engine = self.state.table("engine")[1]
        entries = hashlib.sha256(hashlib.sha256(postings.tobytes()).digest() + hashlib.sha256(changes.tobytes()).digest()).digest()
        head = Head(
            self.last.number + 1,
            self.last.last_seq + 1,
            self.seq,
            int(engine["engine_ns"]),
            self.feed.replayer.frame_crc,
            len(postings),
            len(changes),
            hashlib.sha256(bytes.fromhex(self.last.journal_head) + self._frames.digest()).hexdigest(),
            hashlib.sha256(bytes.fromhex(self.last.entries_head) + entries).hexdigest(),
            hashlib.sha256(self.feed.figures()).hexdigest(),
        )
        rows = self._names() | self._positions_and_methods() | self._instruments_and_days(changes)
        rows |= self._marks_at(head) | self._rates_at(head) | self._memberships_at(head) | self._cash_moves()
        batch = Batch(head, postings, changes, {table: found for table, found in rows.items() if found})
        self.last, self._frames = head, hashlib.sha256()
        self.posting_count = self.change_count = 0
        return batch

    def positions(self) -> Any:
        """Rows of ``ledger_positions``, the first at index 1."""
        return used(self.state.table, "ledger_positions", "position_count")

    # ---- rows of small tables that no batch has yet

    def describe(self, p: Any) -> dict[str, str]:
        """Return how a position's account, strategy, symbol and currency are called."""
        table = self.state.table
        i = table("instruments")[int(p["instrument"])]
        base, quote = _assets(i)
        return {
            "account": _text(table("accounts")[int(p["account"])]["name"]) if p["account"] else "-",
            "strategy": _text(table("strategies")[int(p["strategy"])]["name"]) if p["strategy"] else SUSPENSE,
            "symbol": _text(i["symbol"]),
            "currency": base if i["inverse"] else quote,
            "method": _METHODS[int(p["method"])],
        }

    def _names(self) -> dict[str, list[tuple[Any, ...]]]:
        engine, table = self.state.table("engine")[1], self.state.table
        more: tuple[str, ...]
        out: dict[str, list[tuple[Any, ...]]] = {}
        for name, count in (("accounts", "account_count"), ("strategies", "strategy_count"), ("venues", "venue_count")):
            rows, found = table(name), out.setdefault(name, [])
            if name == "strategies" and not self._named[name] and int(engine[count]):
                found.append((0, SUSPENSE))
            for row in range(self._named[name] + 1, int(engine[count]) + 1):
                r, more = rows[row], ()
                if name == "accounts":
                    more = (_text(r["code"]), _text(r["currency"]))
                found.append((row, _text(r["name"]), *more))
            self._named[name] = int(engine[count])
        return out

    def _positions_and_methods(self) -> dict[str, list[tuple[Any, ...]]]:
        positions = self.positions()
        keys, valuations = [], []
        for row in range(self._positions + 1, len(positions)):
            account, strategy, instrument = (int(positions[row][name]) for name in ("account", "strategy", "instrument"))
            keys.append((row, account, strategy, instrument))
            if instrument not in self._marks:
                self._marks[instrument] = (0, 0, 0, _MID)
                valuations.append(self._valuation(instrument))
        self._positions = len(positions) - 1
        methods = [(seq, ns, position, _METHODS[method]) for seq, ns, position, method in self.feed.methods[self._methods :]]
        self._methods = len(self.feed.methods)
        return {"position_keys": keys, "valuations": valuations, "methods": methods}

    def _valuation(self, row: int) -> tuple[Any, ...]:
        """How the ledger values an instrument, with what its assets are called."""
        i, v = self.state.table("instruments")[row], self.state.table("ledger_instruments")[row]
        symbol, (base, quote) = _text(i["symbol"]), _assets(i)
        inverse, margin, daily = (bool(int(v["flags"]) & flag) for flag in (INVERSE, _MARGIN, _DAILY))
        settle, unit = (base if inverse else quote), (symbol if margin or inverse else base)
        scale = 10 ** (MONEY_DIGITS - int(v["qty_digits"]))
        figures = (wide(v["factor"]), wide(v["divisor"]), max(1, int(i["multiplier"])) * scale, scale)
        return (row, base, quote, unit, settle, MONEY_DIGITS, int(inverse), int(margin), int(daily), *figures)

    def _instruments_and_days(self, changes: Any) -> dict[str, list[tuple[Any, ...]]]:
        rows = self.state.table("instruments")
        traded = sorted((set(np.unique(changes["instrument"]).tolist()) | self._marks.keys()) - self._instruments - {0})
        self._instruments.update(traded)
        instruments = [(r, _text(rows[r]["symbol"]), int(rows[r]["qty_digits"]), int(rows[r]["price_digits"])) for r in traded]
        days = []
        for day, at in zip(*(part.tolist() for part in np.unique(changes["day"], return_index=True)), strict=True):
            if day > self._day:
                days.append((iso_day(day), int(changes["seq"][at])))
                self._day = day
        return {"instruments": instruments, "days": days}

    def _marks_at(self, head: Head) -> dict[str, list[tuple[Any, ...]]]:
        """The marks of what was ever booked, and by which it is valued, where they changed since the last batch."""
        rows = self.state.table("instruments")
        found = []
        for row, before in self._marks.items():
            i = rows[row]
            now = (int(i["bid"]), int(i["ask"]), int(i["last"]), int(i["mark_side"]) or _MID)
            if now != before:
                found.append((head.last_seq, head.engine_ns, row, *now))
                self._marks[row] = now
        return {"marks": found}

    def _rates_at(self, head: Head) -> dict[str, list[tuple[Any, ...]]]:
        """The rates to the firm's currency, where they changed since the last batch."""
        rows, found = self.state.table("currencies"), []
        for row in range(1, int(self.state.table("engine")[1]["currency_count"]) + 1):
            now = (int(rows[row]["rate"]), int(rows[row]["is_firm"]))
            if rows[row]["code"] and now != self._rates.get(row):
                found.append((head.last_seq, head.engine_ns, _text(rows[row]["code"]), *now))
                self._rates[row] = now
        return {"rates": found}

    def _cash_moves(self) -> dict[str, list[tuple[Any, ...]]]:
        """What changed balances since the last batch."""
        codes = self.state.table("currencies")
        found = [
            (seq, ns, execution, iso_day(day), iso_day(value_day), account, _text(codes[currency]["code"]), *figures)
            for seq, ns, execution, day, value_day, account, currency, *figures in self.feed.cash_moves
        ]
        self.feed.cash_moves.clear()
        return {"cash_moves": found}

    def _memberships_at(self, head: Head) -> dict[str, list[tuple[Any, ...]]]:
        """Brokers of accounts and desks of strategies, where they changed since the last batch."""
        engine, table, found = self.state.table("engine")[1], self.state.table, []
        for what, members, count, groups, field in (
            ("account", "accounts", "account_count", "brokers", "broker"),
            ("strategy", "strategies", "strategy_count", "desks", "desk_row"),
        ):
            rows, names = table(members), table(groups)
            for row in range(1, int(engine[count]) + 1):
                group = int(rows[row][field])
                now = _text(names[group]["name"]) if group else "-"
                if now != self._memberships.get((what, row), "-"):
                    found.append((head.last_seq, head.engine_ns, what, row, now))
                    self._memberships[what, row] = now
        return {"memberships": found}
