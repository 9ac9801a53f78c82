"""The ledger's store: fills booked per second from journal to committed rows, against plain COPY of the same rows.

A journal of ``FILLS`` fills is written first (eight instruments, four strategies, buys and sells of orders that stay open). ``ours`` is the writer at work: it
reads and checks the frames, applies them with the engine's code, whose ledger books each fill, chains the hashes, and commits batches with their journal
position. ``theirs`` is COPY of the very same rows, encoded before the clock starts, into the same tables with the same indexes and checks, in transactions of
the same size: what the server alone can take. Both are on a private server that syncs its log. Goals: 100,000 fills a second, 0.7 of plain COPY.
SQLite is measured beside it, without a peer. Writer and server work at the same time, so rates need two idle cores; processor time a fill, of each, holds on a
busy host too.

``--verify`` measures nothing of that: fills with commissions in three currencies, at rates that move, one in a hundred of them busted, go into PostgreSQL,
and then the tables of the engine that made them, the store with its views and a cold rebuild are compared to the last unit. ``--fills N`` is how many.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ringfence.bench.harness import Report, Row, parse, show
from ringfence.bench.recovery import EPOCH, INSTANCE, INSTRUMENTS, STRATEGIES, append, cl_ord_ids, definitions, one_frame, raw, slots
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import ledger_verify
from ringfence.tools.errors import ToolError
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.ledger_cluster import PrivateCluster
from ringfence.tools.ledger_copy import HEADER, TRAILER, executions_rows, postings_rows
from ringfence.tools.ledger_state import MONEY_DIGITS
from ringfence.tools.ledger_store import EXECUTION_COLUMNS, POSTING_COLUMNS, Batch, Book, Store, iso_day, open_store
from ringfence.tools.ledger_writer import LedgerWriter

FILLS, FILLS_QUICK, PART = 500_000, 2_000, 50_000
QTY_MAX, PX = 10**12, 11_000
HEAD_BYTES = 64
BUST_EVERY = 100
CURRENCIES = ((b"USD", 10**9), (b"EUR", 1_100_000_000), (b"JPY", 6_900_000))
"""With their first rates; the first is the firm's."""
_KIND = ENUMS["FrameKind"].by_name


def make(directory: Path, fills: int, *, varied: bool = False) -> tuple[Path, Replayer]:
    """Write the journal; it, and the engine's tables after it. ``varied``: with commissions, busts, marks and rates."""
    limits = Limits(orders=1024, executions=fills + 16)
    replayer, random = Replayer(limits), np.random.default_rng(1)
    with JournalWriter(directory / "journal", INSTANCE) as writer:
        append(writer, replayer, definitions(limits))
        if varied:
            _define_money(writer, replayer)
        append(writer, replayer, _orders(replayer.seq + 1))
        day = int(replayer.state.table("engine")[1]["day_code"])
        for first in range(1, fills + 1, PART):
            append(writer, replayer, _fills(replayer.seq + 1, np.arange(first, min(first + PART, fills + 1)), day, random, varied=varied))
            if varied:
                _move_market(writer, replayer, random)
        writer.sync()
    return directory / "journal", replayer


def _apply(writer: JournalWriter, replayer: Replayer, kind: str, record: str, *, command: str = "", source: int = 0, **values: Any) -> None:
    """One frame; of a command, what it defines is its body."""
    row = np.zeros(1, dtype(record))
    for name, content in values.items():
        row[0][name] = content
    if command:
        control = np.zeros(1, dtype("Control"))
        control[0]["kind"], control[0]["body"] = ENUMS["ControlKind"].by_name[command], row.tobytes()
        row = control
    append(writer, replayer, one_frame(replayer.seq + 1, kind, row, source))


def _define_money(writer: JournalWriter, replayer: Replayer) -> None:
    """The firm's currency, two more, and instruments that are quoted in them; first in, first out."""
    for row, (code, rate) in enumerate(CURRENCIES, 1):
        _apply(writer, replayer, "CONTROL", "Currency", command="DEFINE_CURRENCY", id=row, code=code, rate=rate, is_firm=row == 1, status=1)
    terms = {"tick": 1, "lot": 1, "qty_max": QTY_MAX, "multiplier": 1, "price_digits": 4, "status": 1, "settle_days": 2}
    for row in range(1, INSTRUMENTS + 1):
        quote = CURRENCIES[row % len(CURRENCIES)][0]
        _apply(writer, replayer, "CONTROL", "Instrument", command="DEFINE_INSTRUMENT", id=row, symbol=f"S{row}", base=f"S{row}", quote=quote, **terms)
    method = ENUMS["LedgerMethod"].by_name["FIFO"]
    _apply(writer, replayer, "CONTROL", "Account", command="DEFINE_ACCOUNT", id=1, name="main", code="ACC1", status=1, method=method)


def _move_market(writer: JournalWriter, replayer: Replayer, random: Any) -> None:
    """Other rates and marks."""
    for row, (code, rate) in list(enumerate(CURRENCIES, 1))[1:]:
        moved = rate * int(random.integers(900, 1100)) // 1000
        _apply(writer, replayer, "CONTROL", "Currency", command="DEFINE_CURRENCY", id=row, code=code, rate=moved, status=1)
    for row in range(1, INSTRUMENTS + 1):
        bid = PX + int(random.integers(-500, 500))
        _apply(writer, replayer, "MARK", "Mark", bid=bid, ask=bid + 3, instrument=row)


def _orders(first_seq: int) -> Any:
    """A buy and a sell of each strategy in each instrument."""
    count = 2 * INSTRUMENTS * STRATEGIES
    numbers = np.arange(count)
    made = slots(first_seq, np.full(count, _KIND["INTENT"]), np.full(count, dtype("Intent").itemsize), numbers // 2 % STRATEGIES + 1)
    rows = np.zeros(count, dtype("Intent"))
    rows["client_id"], rows["created_ns"], rows["epoch"], rows["kind"] = numbers + 1, made_ns(made), EPOCH, ENUMS["IntentKind"].by_name["NEW"]
    rows["instrument"], rows["side"], rows["ord_type"], rows["time_in_force"] = numbers // 2 // STRATEGIES + 1, numbers % 2 + 1, 2, 1
    rows["px"], rows["qty"] = PX, QTY_MAX
    raw(made)[:, HEAD_BYTES : HEAD_BYTES + rows.dtype.itemsize] = raw(rows)
    return made


def made_ns(made: Any) -> Any:
    """Engine times of slots [ns]."""
    return raw(made)[:, 16:24].copy().view("<u8").reshape(-1)


def _fills(first_seq: int, numbers: Any, day: int, random: Any, *, varied: bool = False) -> Any:
    count = len(numbers)
    made = slots(first_seq, np.full(count, _KIND["VENUE_EVENT"]), np.full(count, dtype("VenueEvent").itemsize), 1)
    rows = np.zeros(count, dtype("VenueEvent"))
    rows["venue"], rows["kind"], rows["received_ns"] = 1, ENUMS["VenueEventKind"].by_name["FILL"], made_ns(made)
    rows["cl_ord_id"] = cl_ord_ids(day, random.integers(1, 2 * INSTRUMENTS * STRATEGIES + 1, count), 0)
    rows["exec_id"] = cl_ord_ids(day, numbers, 31)
    rows["last_px"], rows["last_px_digits"], rows["last_qty"] = PX + random.integers(-500, 500, count), 4, random.integers(1, 1000, count)
    rows["present"] = sum(CONSTANTS[f"PRESENT_{n}"][0] for n in ("LAST_PX", "LAST_QTY"))
    if varied:
        rows["present"] |= CONSTANTS["PRESENT_COMMISSION"][0]
        rows["commission"], rows["comm_digits"], rows["comm_type"] = random.integers(-20, 200, count), 4, CONSTANTS["COMM_TYPE_ABSOLUTE"][0]
        rows["comm_currency"] = np.array([c for c, _ in CURRENCIES], "S8")[random.integers(0, len(CURRENCIES), count)]
        gone = np.arange(BUST_EVERY, count, BUST_EVERY)
        named = gone - random.integers(1, BUST_EVERY, len(gone))
        rows["kind"][gone] = ENUMS["VenueEventKind"].by_name["BUST"]
        rows["cl_ord_id"][gone], rows["exec_ref_id"][gone] = rows["cl_ord_id"][named], rows["exec_id"][named]
    raw(made)[:, HEAD_BYTES : HEAD_BYTES + rows.dtype.itemsize] = raw(rows)
    return made


@dataclass(frozen=True)
class Cost:
    """What a number of fills took, by the wall and of two processors [s]."""

    fills: int
    seconds: float
    writer: float
    server: float

    def figures(self) -> tuple[float, float, float]:
        """Fills a second, and microseconds of writer and server a fill."""
        return self.fills / self.seconds, self.writer / self.fills * 1e6, self.server / self.fills * 1e6


def server_seconds(store: Any) -> float:
    """Processor time of the server's process behind a store; 0 where there is none."""
    connection = getattr(store, "connection", None)
    info = getattr(connection, "info", None)
    if info is None:
        return 0.0
    fields = Path(f"/proc/{info.backend_pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written(journal: Path, store: Store) -> Cost:
    """What a writer needs for the whole journal."""
    writer = LedgerWriter(journal, store)
    begin, mine, theirs = time.perf_counter(), time.process_time(), server_seconds(store)
    writer.begin()
    writer.catch_up()
    cost = (time.perf_counter() - begin, time.process_time() - mine, server_seconds(store) - theirs)
    writer.close()
    return Cost(sum(h.executions for h in store.heads()), *cost)


class Keeper:
    """Keeps the batches that a writer appends to the real store."""

    def __init__(self, store: Store) -> None:
        self.batches: list[Batch] = []
        self._append, store.append = store.append, self.append  # type: ignore[method-assign]

    def append(self, batch: Batch) -> None:
        """Append, and keep."""
        self._append(batch)
        self.batches.append(batch)


def plain_copy(batches: Sequence[Batch], store: Any) -> Cost:
    """What the same rows need, ready to be sent."""
    store.prepare(Book("bench", MONEY_DIGITS))
    ready = []
    for b in batches:
        day = iso_day(int(b.changes["day"][0])) if len(b.changes) else ""
        ready.append((day, bytes(postings_rows(b.postings, 0, len(b.postings))), bytes(executions_rows(b.changes, 0, len(b.changes)))))
    for day in {day for day, *_ in ready if day}:
        store.connection.execute("SELECT open_day(%s)", (day,))
    begin, mine, theirs = time.perf_counter(), time.process_time(), server_seconds(store)
    for day, postings, executions in ready:
        with store.connection.transaction(), store.connection.cursor() as cursor:
            for table, columns, data in (("postings", POSTING_COLUMNS, postings), ("executions", EXECUTION_COLUMNS, executions)):
                if day:
                    with cursor.copy(f"COPY {table}_{day.replace('-', '')} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
                        copy.write(HEADER)
                        copy.write(data)
                        copy.write(TRAILER)
    cost = (time.perf_counter() - begin, time.process_time() - mine, server_seconds(store) - theirs)
    return Cost(sum(len(b.changes) for b in batches), *cost)


def rounds(journal: Path, cluster: PrivateCluster, count: int) -> Iterator[tuple[float, ...]]:
    """Figures of ours and of plain COPY, round by round."""
    for n in range(count):
        ours, theirs = (open_store(f"{cluster.url}#bench_{n}_{what}") for what in ("ours", "copy"))
        kept = Keeper(ours)
        yield (*written(journal, ours).figures(), *plain_copy(kept.batches, theirs).figures())
        for store in (ours, theirs):
            store.clear()
            store.close()


def _say(what: str, begin: float) -> None:
    print(f"{time.perf_counter() - begin:8.1f} s  {what}", file=sys.stderr, flush=True)


def compared(fills: int) -> tuple[list[Row], list[str]]:
    """Book so many varied fills, then compare engine, store and rebuild; what it took, and what differs. A bust walks the executions, so this is long."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="rfb") as directory:
        os.chmod(directory, 0o755)
        _say(f"an engine makes a journal of {fills:,} fills", started)
        journal, engine = make(Path(directory), fills, varied=True)
        _say("the writer books it into PostgreSQL", started)
        cluster = PrivateCluster(Path(directory) / "s").start()
        try:
            store = open_store(f"{cluster.url}#bench")
            cost = written(journal, store)
            _say("engine, store and a rebuild are compared", started)
            begin = time.perf_counter()
            found = ledger_verify.verify(journal, store, engine.state.table)
            seconds = time.perf_counter() - begin
            _say("done", started)
            store.close()
        finally:
            cluster.remove()
    counts = [("postings", found.postings), ("executions", found.executions), ("positions", found.positions), ("positions of the engine", found.live)]
    rows = [Row(f"{name} compared", "-", "", float(count), None) for name, count in counts]
    rows += [Row("PostgreSQL, journal to committed rows", "-", "fills/s", cost.fills / cost.seconds, None), Row("verify", "-", "s", seconds, None)]
    if found.live != found.positions:
        found.note(f"{found.positions - found.live} positions of the engine were not compared")
    return rows, found.differences


def main(argv: Sequence[str]) -> int:
    """Run it; see ``harness``. With ``--verify`` 1 when something differs."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--verify", action="store_true")
    own.add_argument("--fills", type=int, default=0)
    chosen, rest = own.parse_known_args(argv)
    options = parse("ledger_store", rest, __doc__, rounds=3)
    fills = chosen.fills or (FILLS_QUICK if options.quick else FILLS)
    if chosen.verify:
        rows, differences = compared(fills)
        show(Report("ledger_store", {}, rows, differences or ["engine, store and rebuild agree to the last unit"]), options)
        return 1 if differences else 0
    rows, notes = [], [f"{fills:,} fills; goals: 100,000 fills a second, 0.7 of plain COPY"]
    with tempfile.TemporaryDirectory(prefix="rfb") as directory:
        os.chmod(directory, 0o755)  # the server's user has to pass
        journal, _ = make(Path(directory), fills)
        sqlite = open_store(str(Path(directory) / "ledger.db"))
        rate, cpu, _ = written(journal, sqlite).figures()
        sqlite.close()
        rows += [Row("SQLite, journal to committed rows", "-", "fills/s", rate, None), Row("SQLite, writer", "-", "CPU us a fill", cpu, None)]
        try:
            cluster = PrivateCluster(Path(directory) / "s").start()
        except ToolError as e:
            notes.append(f"PostgreSQL is not measured: {e}")
        else:
            try:
                found = list(rounds(journal, cluster, options.rounds))
            finally:
                cluster.remove()
            rate, writer, server, copy_rate, copy_client, copy_server = (median(side) for side in zip(*found, strict=True))
            rows.append(Row("PostgreSQL, journal to committed rows", "plain COPY", "fills/s", rate, copy_rate))
            rows.append(Row("PostgreSQL, writer", "plain COPY", "CPU us a fill", writer, copy_client))
            rows.append(Row("PostgreSQL, server", "plain COPY", "CPU us a fill", server, copy_server))
    return show(Report("ledger_store", {}, rows, notes), options)
