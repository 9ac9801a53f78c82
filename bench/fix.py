"""The FIX codec: encode a NewOrderSingle and parse an ExecutionReport, against simplefix and quickfix.

Same work on each side. Parse: 64 different reports of 20 fields between BodyLength and CheckSum in turn; message bytes in, 16 typed values out (numbers as
numbers, time as time, ids as text). Encode: typed values in, the whole message with BodyLength and CheckSum out. Every result is checked once.

Each peer is used in the fastest way that its Python interface has (quickfix: fields by tag, without dictionary; simplefix: pairs), and its
amounts become floats, which is cheaper than the exact decimals that we read. simplefix checks neither CheckSum nor BodyLength; ours and quickfix do.

Validation (``Dictionary.fault``): framing, BodyLength, CheckSum and every check of the data dictionary, against quickfix with the FIX42.xml that its
wheel ships (parse with the dictionary, then ``DataDictionary.validate``). simplefix has no validation, so it has no such row.

Two rows per peer. ``called from Python``: one Python call per message on both sides; this is the row that the goal is measured by. ``C loop``: ours as the
gateway runs it, no Python at all, against the same Python-called peer. With valgrind, the rows
``instructions`` hold what the C loops execute per message, against the goal.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringfence.bench import fix_counts, floor, harness, host
from ringfence.bench.fix_loops import Loops
from ringfence.gateways.fix import dictionary
from ringfence.gateways.fix.codec import encode, timestamp_text
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.messages import event_values
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore

NOW_NS = 1_700_000_000_123_000_000
NOW = datetime.fromtimestamp(NOW_NS // 10**9, UTC).replace(microsecond=123_000, tzinfo=None)
VARIANTS = 64
NUMBERS = (38, 32, 31, 151, 14, 6)
TEXTS = (37, 11, 17, 20, 150, 39, 55, 54)
ENCODE, PARSE = "encode NewOrderSingle", "parse ExecutionReport, 20 fields"
CHECK, RECEIVE = "parse and validate ExecutionReport, 20 fields", "parse, validate and read ExecutionReport, 20 fields"
PEERS = {ENCODE: ("simplefix", "quickfix"), PARSE: ("simplefix", "quickfix"), CHECK: ("quickfix",)}
LOOPS = {"check": (CHECK, 3000.0), "parse": (PARSE, None), "receive": (RECEIVE, None), "encode": (ENCODE, 1200.0)}
"""By function of ``Loops``: what it does, and the goal [instructions a message]."""


def report(i: int) -> bytes:
    """One ExecutionReport: 5 header and 15 body fields."""
    header: list[tuple[int, bytes | str | int]] = [(34, 1000 + i), (49, "VENUE"), (52, timestamp_text(NOW_NS + i * 10**6)), (56, "FIRM")]
    body: list[tuple[int, bytes | str | int]] = [
        *((6, f"{100 + i}.125"), (11, f"RF9IQ-00{i:05d}-00"), (14, 10 * i + 10), (17, f"EXEC-{i:08d}"), (20, 0), (31, f"{100 + i}.25"), (32, i + 1)),
        *((37, f"ORD-{i:08d}"), (38, 1000), (39, 1), (54, 1 + i % 2), (55, "BTC-USD"), (60, timestamp_text(NOW_NS)), (150, 1), (151, 990 - 10 * i)),
    ]
    return encode(b"8", [*header, *body])


REPORTS = [report(i) for i in range(VARIANTS)]
ORDERS = [(f"RF9IQ-00{i:05d}-00", "BTC-USD", "ACC1", 1 + i % 2, 100 + i, 10025 + i) for i in range(VARIANTS)]


@contextlib.contextmanager
def ours() -> Iterator[Loops]:
    """The loops with a session whose store is a scratch file."""
    with tempfile.TemporaryDirectory(prefix="rf-bench-fix-") as folder:
        store = MessageStore(Path(folder) / "store", "bench")
        yield Loops(Session(SessionConfig("FIRM", "VENUE"), store))
        store.close()


def rate(call: Callable[[int], object], count: int) -> dict[str, float]:
    """Call with 0 .. count-1; messages per second."""
    begin = time.perf_counter_ns()
    for i in range(count):
        call(i)
    return {"messages/s": count * 1e9 / (time.perf_counter_ns() - begin)}


# ---- ours


def our_rates(loops: Loops, count: int) -> dict[str, Callable[[], dict[str, float]]]:
    """Measures of ours: called from Python, and in C."""
    orders = [(o[0].encode(), o[1].encode(), o[2].encode(), o[3], 2, 1, o[4], o[5], 2, NOW_NS) for o in ORDERS]
    stream = b"".join(REPORTS)
    encoded = commands()
    times = max(1, count // VARIANTS) * 10

    def parse_loop() -> dict[str, float]:
        begin = time.perf_counter_ns()
        total = loops.parse(stream, times)
        end = time.perf_counter_ns()
        if total != times * sum(range(1, VARIANTS + 1)):
            raise RuntimeError(f"the C loop read LastShares wrong: {total}")
        return {"messages/s": times * VARIANTS * 1e9 / (end - begin)}

    def check_loop() -> dict[str, float]:
        begin = time.perf_counter_ns()
        valid = loops.check(stream, times)
        end = time.perf_counter_ns()
        if valid != times * VARIANTS:
            raise RuntimeError(f"the C loop found {valid} of {times * VARIANTS} reports valid")
        return {"messages/s": times * VARIANTS * 1e9 / (end - begin)}

    def encode_loop() -> dict[str, float]:
        begin = time.perf_counter_ns()
        written = loops.encode(encoded, times, NOW_NS)
        end = time.perf_counter_ns()
        if written < times * VARIANTS * 150:
            raise RuntimeError(f"the C loop wrote {written} bytes only")
        return {"messages/s": times * VARIANTS * 1e9 / (end - begin)}

    rules = dictionary.load("FIX.4.2")
    return {
        f"ours {CHECK}": lambda: rate(lambda i: rules.fault(REPORTS[i % VARIANTS]), count),
        f"loop {CHECK}": check_loop,
        f"ours {ENCODE}": lambda: rate(lambda i: loops.new_order(*orders[i % VARIANTS]), count),
        f"ours {PARSE}": lambda: rate(lambda i: event_values(REPORTS[i % VARIANTS]), count),
        f"loop {ENCODE}": encode_loop,
        f"loop {PARSE}": parse_loop,
    }


def commands() -> list[bytes]:
    """The orders as OrderCommand records."""
    return [_command(o) for o in ORDERS]


def _command(order: tuple[str, str, str, int, int, int]) -> bytes:
    """An OrderCommand record as the engine would write it."""
    import numpy as np

    from ringfence.ipc.layout import dtype

    c = np.zeros(1, dtype("OrderCommand"))
    cl_ord_id, symbol, account, side, qty, px = order
    values = {"kind": 1, "side": side, "ord_type": 2, "time_in_force": 1, "qty": qty, "px": px, "px_digits": 2, "engine_ns": NOW_NS}
    for name, value in {**values, "cl_ord_id": cl_ord_id, "symbol": symbol, "account_code": account}.items():
        c[0][name] = value
    return c.tobytes()


# ---- peers


def simplefix_calls() -> tuple[Callable[[int], bytes], Callable[[int], dict[int, Any]]]:
    """Encode and parse of simplefix."""
    try:
        import simplefix
    except ImportError as error:
        raise host.PeerMissing(f"simplefix: {error}; pip install simplefix") from error

    def encode_one(i: int) -> bytes:
        cl_ord_id, symbol, account, side, qty, px = ORDERS[i % VARIANTS]
        m = simplefix.FixMessage()
        for tag, value in ((8, "FIX.4.2"), (35, "D"), (34, 1), (49, "FIRM")):
            m.append_pair(tag, value)
        m.append_utc_timestamp(52, NOW)
        m.append_pair(56, "VENUE")
        for tag, value in ((1, account), (11, cl_ord_id), (21, 1), (38, qty), (40, 2), (44, f"{px / 100:.2f}"), (54, side), (55, symbol), (59, 0)):
            m.append_pair(tag, value)
        m.append_utc_timestamp(60, NOW)
        return bytes(m.encode())

    def parse_one(i: int) -> dict[int, Any]:
        parser = simplefix.FixParser()
        parser.append_buffer(REPORTS[i % VARIANTS])
        m = parser.get_message()
        out: dict[int, Any] = {tag: float(m.get(tag)) for tag in NUMBERS}
        for tag in TEXTS:
            out[tag] = m.get(tag)
        out[34] = int(m.get(34))
        out[60] = datetime.fromisoformat(m.get(60).decode())
        return out

    return encode_one, parse_one


def quickfix_calls() -> tuple[Callable[[int], bytes], Callable[[int], dict[int, Any]]]:
    """Encode and parse of quickfix."""
    try:
        import quickfix
    except ImportError as error:
        raise host.PeerMissing(f"quickfix: {error}; pip install quickfix") from error
    texts = [r.decode() for r in REPORTS]
    stamp = timestamp_text(NOW_NS).decode()
    day, clock = stamp[:17], stamp[18:]

    def encode_one(i: int) -> bytes:
        cl_ord_id, symbol, account, side, qty, px = ORDERS[i % VARIANTS]
        m = quickfix.Message()
        header = m.getHeader()
        now = f"{day}.{int(clock):03d}"
        for tag, value in ((8, "FIX.4.2"), (35, "D"), (34, "1"), (49, "FIRM"), (52, now), (56, "VENUE")):
            header.setField(tag, value)
        for tag, value in ((1, account), (11, cl_ord_id), (21, "1"), (38, str(qty)), (40, "2"), (44, f"{px / 100:.2f}"), (54, str(side)), (55, symbol)):
            m.setField(tag, value)
        m.setField(59, "0")
        m.setField(60, now)
        return bytes(m.toString().encode("latin-1"))

    def parse_one(i: int) -> dict[int, Any]:
        m = quickfix.Message(texts[i % VARIANTS], True)
        get = m.getField
        out: dict[int, Any] = {tag: float(get(tag)) for tag in NUMBERS}
        for tag in TEXTS:
            out[tag] = get(tag)
        out[34] = int(m.getHeader().getField(34))
        out[60] = datetime.fromisoformat(get(60))
        return out

    return encode_one, parse_one


def quickfix_validation() -> Callable[[int], object]:
    """Parse with the dictionary and validate, by quickfix; it raises on a fault and returns nothing otherwise."""
    try:
        import quickfix
    except ImportError as error:
        raise host.PeerMissing(f"quickfix: {error}; pip install quickfix") from error
    path = Path(sys.prefix, "share", "quickfix", "FIX42.xml")
    if not path.exists():
        raise host.PeerMissing(f"quickfix: its dictionary is not at {path}; pip install quickfix into the environment that runs this")
    rules = quickfix.DataDictionary(str(path))
    texts = [r.decode() for r in REPORTS]

    def validate_one(i: int) -> object:
        return rules.validate(quickfix.Message(texts[i % VARIANTS], rules, True))

    lacking = encode(b"8", [(34, 1), (49, "VENUE"), (52, timestamp_text(NOW_NS)), (56, "FIRM"), (37, "ORD-1")]).decode()
    try:
        rules.validate(quickfix.Message(lacking, rules, True))
    except quickfix.RequiredTagMissing:
        return validate_one
    raise RuntimeError("quickfix accepts an ExecutionReport without its required fields: it does not validate")


def check(loops: Loops, name: str, encode_one: Callable[[int], bytes], parse_one: Callable[[int], dict[int, Any]]) -> None:
    """Raise when a peer's result is not ours: then the two do not do the same work."""
    for i in (0, VARIANTS - 1):
        o = ORDERS[i]
        mine = loops.new_order(o[0].encode(), o[1].encode(), o[2].encode(), o[3], 2, 1, o[4], o[5], 2, NOW_NS)
        if encode_one(i) != mine:
            raise RuntimeError(f"{name} encodes {encode_one(i)!r}, ours {mine!r}")
        theirs, values = parse_one(i), event_values(REPORTS[i])
        if values is None:
            raise RuntimeError("ours reads no event")
        for tag, field in ((38, "qty"), (32, "last_qty"), (31, "last_px"), (151, "leaves_qty"), (14, "cum_qty"), (6, "avg_px")):
            mantissa, digits = values[field]  # type: ignore[misc]
            if mantissa / 10**digits != theirs[tag]:
                raise RuntimeError(f"{name} reads {theirs[tag]} in {tag}, ours {values[field]!r}")
        if theirs[34] != values["msg_seq_num"] or theirs[60] != NOW:
            raise RuntimeError(f"{name} reads {theirs[34]} and {theirs[60]}")


# ---- instructions


def instructions(times: int) -> list[harness.Row]:
    """Instructions per message in the C loops, with the goal as the peer; raises PeerMissing without valgrind."""
    rows = []
    for function, (what, goal) in LOOPS.items():
        found = fix_counts.count(function, times).instructions / (times * VARIANTS)
        rows.append(harness.Row(f"{what}, C loop", "goal" if goal else "-", "instructions", found, goal))
    return rows


def run_loop(function: str, times: int) -> int:
    """The part that runs under callgrind."""
    with ours() as loops:
        if function == "encode":
            return 0 if loops.encode(commands(), times, NOW_NS) > 0 else 1
        reads = {"parse": loops.parse, "check": loops.check, "receive": loops.receive}
        return 0 if reads[function](b"".join(REPORTS), times) > 0 else 1


def main(argv: list[str]) -> int:
    """Measure and print; the exit code."""
    if argv[:1] == ["--loop"]:
        return run_loop(argv[1], int(argv[2]))
    options = harness.parse("fix", argv, __doc__)
    count = 640 if options.quick else 20_000
    notes = []
    with ours() as loops:
        measures = our_rates(loops, count)
        for name, peer in (("simplefix", simplefix_calls), ("quickfix", quickfix_calls)):
            try:
                encode_one, parse_one = peer()
            except host.PeerMissing as missing:
                notes.append(str(missing))
                continue
            check(loops, name, encode_one, parse_one)
            measures[f"{name} {ENCODE}"] = lambda call=encode_one: rate(call, count // 4)  # type: ignore[misc]
            measures[f"{name} {PARSE}"] = lambda call=parse_one: rate(call, count // 4)  # type: ignore[misc]
        try:
            validate_one = quickfix_validation()
            measures[f"quickfix {CHECK}"] = lambda: rate(validate_one, count // 4)
        except host.PeerMissing as missing:
            notes.append(str(missing))
        found = harness.interleave(measures, options.rounds, floor.ping)
    rows = []
    for how, label in (("ours", "called from Python"), ("loop", "C loop, peer called from Python")):
        for what, peers in PEERS.items():
            mine = found[f"{how} {what}"]["messages/s"]
            for name in peers:
                theirs = found.get(f"{name} {what}")
                rows.append(harness.Row(f"{what}, {label}", name, "messages/s", mine, theirs["messages/s"] if theirs else None))
    if not options.quick:
        try:
            rows += instructions(100)
        except host.PeerMissing as missing:
            notes.append(str(missing))
    notes.append(found.note)
    notes.append("simplefix cannot validate: no row of it for validation")
    notes.append("goal (20x simplefix, 5x quickfix, both ways): the rows called from Python")
    return harness.show(harness.Report("fix", {}, rows, notes), options)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
