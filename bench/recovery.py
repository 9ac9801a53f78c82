"""Recovery: how long until the state is back, from the whole journal and from snapshots of several ages.

A journal of ``--events`` frames is written first, as an instance would have: eight instruments, four strategies, one venue; of two orders one is filled, the
other cancelled, about ten are in flight at a time, and a checkpoint of a window stands after every batch. Its files are in the page cache then, so this is
the price of reading, checking and applying, not of the disk. The curve is one replay with the clock read on its way. What is replayed each time is what
``recover`` does when an engine starts: CRC of every frame, SHA-256 of every closed segment, every checkpoint compared.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.bench.harness import Report, Row, parse, show
from ringfence.core.clordid import encode_cl_ord_id
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools import frames, snapshot
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.recovery import recover
from ringfence.tools.replay import apply_chunk

EVENTS = 5_000_000
QUICK_EVENTS = 20_000
INSTANCE = "bench"
BATCH_ORDERS_MAX = 20_000
IN_FLIGHT = 10
AGES = (0.0, 0.01, 0.1, 0.5)
CURVE = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
INSTRUMENTS, STRATEGIES, EPOCH, QTY, PX = 8, 4, 1, 100, 11_000
START_NS, STEP_NS = 1_767_348_000_000_000_000, 1_000
_BASE32 = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", np.uint8)
_KIND = ENUMS["FrameKind"].by_name
_HEAD_BYTES = 64


@dataclass(frozen=True)
class Made:
    """A journal, what its last state hashes to, and a snapshot directory for each age (the share of events after it)."""

    journal: Path
    frames: int
    bytes: int
    limits: Limits
    state_hash: int
    snapshots: dict[float, Path]


# ---- the journal -------------------------------------------------------------------------------------------------------


def make(directory: Path, events: int) -> Made:
    """Write a journal of about ``events`` frames and its snapshots."""
    orders = max(2, 2 * (events // 7))  # three frames of one kind of order, four of the other
    limits = Limits(orders=orders + 16, executions=2 * orders)
    replayer = Replayer(limits)
    ages = sorted(AGES, reverse=True)
    batch = min(BATCH_ORDERS_MAX, orders // 100 + 1)
    made: dict[float, Path] = {}
    with JournalWriter(directory / "journal", INSTANCE) as writer:
        size = append(writer, replayer, definitions(limits))
        first = 1
        while first <= orders:
            count = min(batch, orders - first + 1)
            size += append(writer, replayer, _flow(replayer.seq + 1, first, count, int(replayer.state.table("engine")[1]["day_code"])))
            size += append(writer, replayer, _checkpoint(replayer, first))
            first += count
            while ages and (first - 1) / orders >= 1 - ages[0] - 1e-9:
                age = ages.pop(0)
                made[age] = directory / f"snapshots-{age:g}"
                snapshot.write(made[age], replayer, INSTANCE)
        writer.sync()
    return Made(directory / "journal", replayer.seq, size, limits, replayer.state_hash(), made)


def append(writer: JournalWriter, replayer: Replayer, rows: Any) -> int:
    """Write slots to the journal and apply them; the bytes written."""
    data = frames.encode(rows)
    replayer.apply_buffer(data, 0, len(data))
    at = 0
    while at < len(data):
        at = writer.append(data, at, len(data))
    return len(data)


def slots(first_seq: int, kinds: Any, sizes: Any, sources: Any) -> Any:
    """Journal slots with their heads filled."""
    n = len(kinds)
    made = np.zeros(n, dtype("JournalSlot"))
    heads = np.zeros(n, dtype("Frame"))
    heads["slot_seq"] = heads["seq"] = np.arange(first_seq, first_seq + n)
    heads["engine_ns"] = START_NS + heads["seq"] * STEP_NS
    heads["source_position"], heads["source_epoch"], heads["source"] = heads["seq"], EPOCH, sources
    heads["kind"], heads["payload_bytes"], heads["instance_epoch"] = kinds, sizes, 1
    raw(made)[:, :_HEAD_BYTES] = raw(heads)
    return made


def raw(rows: Any) -> Any:
    """Records as rows of bytes."""
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)


def one_frame(first_seq: int, kind: str, payload: Any, source: int = 0) -> Any:
    """One frame as an array of one slot."""
    made = slots(first_seq, [_KIND[kind]], [payload.nbytes], source)
    raw(made)[0, _HEAD_BYTES : _HEAD_BYTES + payload.nbytes] = np.frombuffer(payload.tobytes(), np.uint8)
    return made


def _record(name: str, /, **values: Any) -> Any:
    row = np.zeros(1, dtype(name))
    for field, value in values.items():
        row[0][field] = value.encode() if isinstance(value, str) else value
    return row[0]


def definitions(limits: Limits) -> Any:
    """START and the configuration, as an engine journals it."""

    def control(kind: str, body: Any = None, **fields: Any) -> Any:
        return _record("Control", kind=ENUMS["ControlKind"].by_name[kind], **({} if body is None else {"body": body.tobytes()}), **fields)

    sizes = _record("TableRows", **{n: getattr(limits, n) for n in limits.__dataclass_fields__})
    terms = {"tick": 1, "lot": 1, "qty_max": 10**12, "multiplier": 1, "price_digits": 4, "status": 1}
    payloads = [("CONTROL", control("START", sizes, day=20260102, prefix="RF", epoch=1))]
    payloads += [("CONTROL", control("DEFINE_INSTRUMENT", _record("Instrument", id=k, symbol=f"S{k}", **terms))) for k in range(1, INSTRUMENTS + 1)]
    payloads += [("CONTROL", control("DEFINE_ACCOUNT", _record("Account", id=1, name="main", code="ACC1", status=1)))]
    payloads += [("CONTROL", control("DEFINE_VENUE", _record("Venue", id=1, name="sim", status=1, durability=1)))]
    for k in range(1, STRATEGIES + 1):
        payloads.append(("CONTROL", control("DEFINE_STRATEGY", _record("Strategy", id=k, name=f"s{k}", status=1))))
        payloads.append(("CONTROL", control("STRATEGY_ATTACH", strategy=k, epoch=EPOCH, pid=1)))
    payloads += [("CONTROL", control("DEFINE_ROUTE", _record("Route", id=1, account=1, venue=1, status=1)))]
    payloads += [("VENUE_EVENT", _record("VenueEvent", venue=1, kind=ENUMS["VenueEventKind"].by_name["SESSION_UP"]))]
    return np.concatenate([one_frame(k, kind, payload, int(kind == "VENUE_EVENT")) for k, (kind, payload) in enumerate(payloads, 1)])


def _checkpoint(replayer: Replayer, first_row: int) -> Any:
    rows = 256
    body = {"state_hash": replayer.state.window_hash(first_row, rows), "first_row": first_row, "rows": rows, "logic": snapshot.LOGIC}
    return one_frame(replayer.seq + 1, "CHECKPOINT", _record("Checkpoint", **body))


def cl_ord_ids(day: int, orders: Any, revision: int) -> Any:
    """ClOrdIDs of many orders at once, by the arithmetic of ``encode_cl_ord_id``."""
    texts = np.tile(np.frombuffer(encode_cl_ord_id("RF", day, 0, revision).encode().ljust(24, b"\0"), np.uint8), (len(orders), 1))
    for k in range(7):
        texts[:, 12 - k] = _BASE32[(orders >> (5 * k)) & 31]
    return texts.reshape(-1).view("S24")


def _flow(first_seq: int, first: int, count: int, day: int) -> Any:
    """The frames of orders ``first`` to ``first + count - 1``, about ten of them in flight at a time."""
    orders = np.arange(first, first + count)
    filled = orders % 2 == 1
    steps = [("NEW", orders), ("ACK", orders), ("FILL", orders[filled]), ("CANCEL", orders[~filled]), ("CANCELED", orders[~filled])]
    turn = {"NEW": 0, "ACK": 1, "FILL": 2, "CANCEL": 2, "CANCELED": 3}
    when = np.concatenate([of + turn[what] * IN_FLIGHT // 3 for what, of in steps])
    place = np.empty(len(when), np.int64)
    place[np.lexsort((np.concatenate([np.full(len(of), turn[what]) for what, of in steps]), when))] = np.arange(len(when))
    is_intent = np.concatenate([np.full(len(of), what in {"NEW", "CANCEL"}) for what, of in steps])
    numbers = np.concatenate([of for _, of in steps])
    kinds, sizes, sources = np.empty((3, len(when)), np.int64)
    kinds[place] = np.where(is_intent, _KIND["INTENT"], _KIND["VENUE_EVENT"])
    sizes[place] = np.where(is_intent, dtype("Intent").itemsize, dtype("VenueEvent").itemsize)
    sources[place] = np.where(is_intent, numbers % STRATEGIES + 1, 1)
    made = slots(first_seq, kinds, sizes, sources)
    at = 0
    for what, of in steps:
        rows = place[at : at + len(of)]
        payload = _intents(what, of, first_seq + rows) if what in {"NEW", "CANCEL"} else _reports(what, of, first_seq + rows, day)
        raw(made)[rows, _HEAD_BYTES : _HEAD_BYTES + payload.dtype.itemsize] = raw(payload)
        at += len(of)
    return made


def _intents(what: str, orders: Any, seqs: Any) -> Any:
    rows = np.zeros(len(orders), dtype("Intent"))
    rows["client_id"], rows["created_ns"], rows["epoch"], rows["kind"] = orders, START_NS + seqs * STEP_NS, EPOCH, ENUMS["IntentKind"].by_name[what]
    if what == "NEW":
        rows["instrument"], rows["side"], rows["ord_type"], rows["time_in_force"] = orders % INSTRUMENTS + 1, 1 + orders // 2 % 2, 2, 1
        rows["px"], rows["qty"] = PX + orders % 50, QTY
    return rows


def _reports(what: str, orders: Any, seqs: Any, day: int) -> Any:
    rows = np.zeros(len(orders), dtype("VenueEvent"))
    rows["venue"], rows["kind"], rows["received_ns"] = 1, ENUMS["VenueEventKind"].by_name[what], START_NS + seqs * STEP_NS
    rows["cl_ord_id"] = cl_ord_ids(day, orders, 1 if what == "CANCELED" else 0)
    rows["venue_order_id"] = cl_ord_ids(day, orders, 0)
    if what == "CANCELED":
        rows["orig_cl_ord_id"] = cl_ord_ids(day, orders, 0)
    if what == "FILL":
        rows["exec_id"] = cl_ord_ids(day, orders, 31)
        rows["last_px"], rows["last_px_digits"], rows["last_qty"], rows["cum_qty"] = PX + orders % 50, 4, QTY, QTY
        rows["present"] = sum(CONSTANTS[f"PRESENT_{n}"][0] for n in ("LAST_PX", "LAST_QTY", "CUM_QTY"))
    return rows


# ---- the measurements --------------------------------------------------------------------------------------------------


def curve(made: Made) -> Iterator[tuple[int, float]]:
    """Frames applied and seconds since the start, for each share of ``CURVE``; one replay of everything."""
    wanted = [share * made.frames for share in CURVE]
    replayer, begin = Replayer(made.limits), time.perf_counter()
    for item in JournalReader(made.journal).chunks():
        assert isinstance(item, Chunk)
        apply_chunk(replayer, item)
        while wanted and replayer.seq >= wanted[0]:
            wanted.pop(0)
            yield replayer.seq, time.perf_counter() - begin


def recovered(made: Made, snapshots: Path | None) -> tuple[float, float]:
    """Seconds of one recovery, by the wall and of this process on its core; its state must be the journal's."""
    state = State.in_memory(made.limits)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    replayer, _ = recover(made.journal, state, {}, snapshots=snapshots, instance=INSTANCE)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    assert replayer.state_hash() == made.state_hash, "recovered to another state"
    return seconds, cpu


def applied(made: Made) -> float:
    """Nanoseconds of its core an event takes in ``apply`` alone, with the first touch of its rows: frames were read and checked before."""
    chunks = [item for item in JournalReader(made.journal).chunks(chain=False) if isinstance(item, Chunk)]
    replayer, begin = Replayer(made.limits), time.process_time()
    for item in chunks:
        apply_chunk(replayer, item)
    return (time.process_time() - begin) / made.frames * 1e9


def measure(events: int, rounds: int) -> Report:
    """Write the journal and recover from it in every way."""
    with tempfile.TemporaryDirectory(prefix="rf-recovery-") as name:
        made = make(Path(name), events)
        rows = [
            Row(f"whole journal up to {count:,} events", "-", "s", seconds, None)
            for count, seconds in min((list(curve(made)) for _ in range(rounds)), key=lambda found: found[-1][1])
        ]
        best = min(recovered(made, None) for _ in range(rounds))
        rows += _both("recovery from the whole journal", best)
        rows.append(Row("recovery from the whole journal", "-", "events a s", made.frames / best[0], None))
        rows.append(Row("recovery from the whole journal", "-", "events a CPU s", made.frames / best[1], None))
        for age in AGES:
            path = made.snapshots[age]
            size = next(path.glob("*.rfs")).stat().st_size
            what = f"snapshot of {size / 1e6:,.1f} MB, {int(age * made.frames):,} events ago"
            rows += _both(what, min(recovered(made, path) for _ in range(rounds)))
        rows.append(Row("apply alone", "-", "CPU ns an event", min(applied(made) for _ in range(rounds)), None))
        notes = [f"{made.frames:,} events, {made.bytes / 1e6:,.0f} MB of journal, {made.limits.orders:,} orders; best of {rounds} rounds"]
        return Report("recovery", {}, rows, notes)


def _both(what: str, seconds: tuple[float, float]) -> list[Row]:
    return [Row(what, "-", metric, value, None) for metric, value in zip(("s", "CPU s"), seconds, strict=True)]


def main(argv: Sequence[str]) -> int:
    """Entry of ``python -m ringfence.bench recovery``."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--events", type=int, default=0)
    known, rest = own.parse_known_args(argv)
    options = parse("recovery", rest, __doc__, rounds=3)
    events = known.events or (QUICK_EVENTS if options.quick else EVENTS)
    return show(measure(events, options.rounds), options)
