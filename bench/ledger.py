"""The ledger: fills booked per second and instructions per fill, by cost method, against nautilus_trader's Position and beancount.

``C loop`` is how an engine books: prepared events, no Python, one core; with an expensed fee each, over 64 positions that open, close and flip. ``with legs``
also writes the double entry of each fill. Instructions are callgrind's, so they hold on a busy host. Goals: 2 million fills per second and 600 instructions
for WAC, 1 million and 900 for FIFO.

Peers book the same fills of one long position, called from Python as their users call them, and so is ours in those rows. They run in an environment of
their own when ``RINGFENCE_PEER_PYTHON`` names its interpreter. nautilus_trader nets at an average price in floats; beancount books FIFO lots in decimals.
Both results are compared with ours before a rate counts.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from statistics import median

import numpy as np

from ringfence.bench import floor, harness, host, peers
from ringfence.bench.ledger_loops import Loops
from ringfence.core.ledger import Ledger, Limits, bytes_needed
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS

FILLS, FILLS_QUICK, FILLS_COUNTED, FILLS_PEER = 200_000, 2_000, 20_000, 2_000
ACCOUNTS = INSTRUMENTS = 8
MONEY_DIGITS = 10
METHODS = ("WAC", "FIFO", "LIFO", "HIFO")
GOALS = {"WAC": (2e6, 600.0), "FIFO": (1e6, 900.0)}
HELD_MAX = 400
WORD = 2**64


def stream(count: int, seed: int = 1) -> list[tuple[int, int, int, int]]:
    """Fills as (account, instrument, signed quantity, price in hundredths); positions stay within some hundreds of units."""
    random, held, fills = Random(seed), dict[tuple[int, int], int](), []
    for _ in range(count):
        key = random.randint(1, ACCOUNTS), random.randint(1, INSTRUMENTS)
        qty = random.choice((1, -1)) * random.randint(1, 100)
        if abs(held.get(key, 0)) > HELD_MAX:
            qty = abs(qty) if held[key] < 0 else -abs(qty)
        held[key] = held.get(key, 0) + qty
        fills.append((*key, qty, 10_000 + random.randint(-500, 500)))
    return fills


def events(fills: list[tuple[int, int, int, int]], method: str) -> bytes:
    """The fills as LedgerEvent rows, with a fee each."""
    rows = np.zeros(len(fills), dtype("LedgerEvent"))
    for seq, (row, (account, instrument, qty, px)) in enumerate(zip(rows, fills, strict=True), 1):
        row["seq"] = row["key"] = row["content"] = seq
        row["kind"], row["account"], row["instrument"] = ENUMS["LedgerEventKind"].by_name["FILL"], account, instrument
        row["method"] = ENUMS["LedgerMethod"].by_name[method]
        row["qty"], row["px"] = (qty % WORD, WORD - 1 if qty < 0 else 0), (px, 0)
        row["fee_kind"], row["fee"] = ENUMS["LedgerFee"].by_name["EXPENSE"], (25 * 10 ** (MONEY_DIGITS - 2), 0)
    return rows.tobytes()


def ledger_for(count: int, method: str) -> Ledger:
    """An empty ledger that has room for so many fills."""
    limits = Limits(instruments=INSTRUMENTS, positions=ACCOUNTS * INSTRUMENTS, lots=20_000, events=count, picks=1, checkpoints=count // 32 + 64)
    ledger = Ledger(bytearray(bytes_needed(limits)), limits, method=method)
    for row in range(1, INSTRUMENTS + 1):
        ledger.define(row, qty_digits=0, px_digits=2, money_digits=MONEY_DIGITS, settle_asset=1, base_asset=1 + row)
    return ledger


def loop(method: str, fills: list[tuple[int, int, int, int]], *, legs: bool) -> Callable[[], dict[str, float]]:
    """A measure of the C loop."""
    loops = Loops(ledger_for(len(fills), method), events(fills, method), legs)

    def measure() -> dict[str, float]:
        loops.forget()
        begin = time.perf_counter()
        booked = loops.book(0, len(fills))
        seconds = time.perf_counter() - begin
        if booked != len(fills):
            raise RuntimeError(f"{method}: fill {booked + 1} was refused")
        return {"fills/s": len(fills) / seconds}

    return measure


def bust_us(method: str, fills: int, back: int, rounds: int) -> float:
    """Median time to bust a fill that lies ``back`` fills behind the newest of one position, called from Python [us]."""
    ledger = ledger_for(fills + rounds, method)
    for seq, (qty, px) in enumerate(long_only(fills), 1):
        ledger.book("FILL", seq=seq, account=1, instrument=1, qty=qty, px=px, key=seq, content=seq)
    times = []
    for n in range(rounds):
        begin = time.perf_counter()
        ledger.book("BUST", seq=fills + 1 + n, ref_key=fills - back - n)
        times.append(time.perf_counter() - begin)
    return median(times) * 1e6


# ---- peers


def long_only(count: int, seed: int = 2) -> list[tuple[int, int]]:
    """Fills of one position that is never short nor flat (nautilus_trader begins anew then), as (signed quantity, price): what all three can book."""
    random, held, fills = Random(seed), 0, []
    for _ in range(count):
        sells = held > 1 and random.random() < 0.5
        qty = -random.randint(1, min(held - 1, 100)) if sells else random.randint(1, 100)
        held += qty
        fills.append((qty, 10_000 + random.randint(-500, 500)))
    return fills


def called_from_python(method: str, fills: list[tuple[int, int]]) -> tuple[float, int, float]:
    """Book by ``Ledger.book``; seconds, quantity at the end and realized."""
    ledger = ledger_for(len(fills), method)
    begin = time.perf_counter()
    for seq, (qty, px) in enumerate(fills, 1):
        ledger.book("FILL", seq=seq, account=1, instrument=1, qty=qty, px=px, key=seq, content=seq)
    seconds = time.perf_counter() - begin
    position = ledger.position(1)
    return seconds, position.qty, position.realized / 10**MONEY_DIGITS


def peer(name: str, fills: list[tuple[int, int]]) -> Mapping[str, float]:
    """Run a peer over the fills in its own interpreter.

    Raises
    ------
    PeerMissing
        If it is not installed there.
    RuntimeError
        If it failed.
    """
    try:
        python = peers.python()
    except host.PeerMissing:
        python = sys.executable
    program = Path(__file__).with_name("ledger_peers.py")
    done = subprocess.run([python, str(program), name], input=json.dumps(fills), capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 3:
        raise host.PeerMissing(f"{name}: {done.stderr.strip()}; {peers.INSTALL}")
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr.strip()[-300:]}")
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


def compare(name: str, method: str, fills: list[tuple[int, int]], rounds: int) -> harness.Row:
    """One row against a peer; its result must be ours (nautilus_trader rounds each fill to cents)."""
    rates: list[tuple[float, float]] = []
    for _ in range(rounds):
        seconds, qty, realized = called_from_python(method, fills)
        theirs = peer(name, fills)
        if theirs["qty"] != qty or abs(theirs["realized"] - realized) > 0.01 * len(fills):
            raise RuntimeError(f"{name} says {theirs}, ours quantity {qty}, realized {realized}: they do not do the same work")
        rates.append((len(fills) / seconds, len(fills) / theirs["seconds"]))
    rates.sort()
    mine = rates[len(rates) // 2][0]
    other = sorted(r[1] for r in rates)[len(rates) // 2]
    return harness.Row(f"{method}, called from Python", name, "fills/s", mine, other)


# ---- instructions


def instructions(method: str, count: int, *, legs: bool) -> float:
    """Instructions per fill of the C loop, by callgrind.

    Raises
    ------
    PeerMissing
        If there is no valgrind, or it cannot run Python here.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise host.PeerMissing("instructions per fill: no valgrind; apt-get install valgrind")
    with tempfile.TemporaryDirectory(prefix="rf-bench-ledger-") as folder:
        options = ["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*Loops*book*", f"--callgrind-out-file={folder}/out"]
        command = [valgrind, *options, sys.executable, "-m", "ringfence.bench.ledger", "--loop", method, str(count), str(int(legs))]
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
    if run.returncode or not found:
        raise host.PeerMissing(f"instructions per fill: valgrind failed with {run.returncode}: {run.stderr.strip()[-200:]}")
    return int(found.group(1)) / count


def run_loop(method: str, count: int, *, legs: bool) -> int:
    """The part that runs under callgrind."""
    fills = stream(count)
    return 0 if Loops(ledger_for(count, method), events(fills, method), legs).book(0, count) == count else 1


def main(argv: list[str]) -> int:
    """Measure and print; the exit code."""
    if argv[:1] == ["--loop"]:
        return run_loop(argv[1], int(argv[2]), legs=argv[3] == "1")
    options = harness.parse("ledger", argv, __doc__)
    fills = stream(FILLS_QUICK if options.quick else FILLS)
    measures = {f"{m} {legs}": loop(m, fills, legs=legs == "legs") for m in METHODS for legs in ("plain", "legs")}
    found = harness.interleave(measures, options.rounds, floor.ping)
    rows, notes = [], []
    for method in METHODS:
        goal = GOALS.get(method, (None, None))[0]
        rows.append(harness.Row(f"{method}, C loop", "goal" if goal else "-", "fills/s", found[f"{method} plain"]["fills/s"], goal))
        rows.append(harness.Row(f"{method}, C loop with legs", "-", "fills/s", found[f"{method} legs"]["fills/s"], None))
    fills_behind, back = (300, 100) if options.quick else (20_000, 1_000)
    for method in ("WAC", "FIFO"):
        rows.append(harness.Row(f"{method}, bust {back:,} fills back of {fills_behind:,}", "-", "us", bust_us(method, fills_behind, back, 9), None))
    counted = FILLS_QUICK if options.quick else FILLS_COUNTED
    try:
        for method in ("FIFO",) if options.quick else METHODS:
            goal = GOALS.get(method, (None, None))[1]
            rows.append(harness.Row(f"{method}, C loop", "goal" if goal else "-", "instructions", instructions(method, counted, legs=False), goal))
        if not options.quick:
            rows += [harness.Row(f"{m}, C loop with legs", "-", "instructions", instructions(m, counted, legs=True), None) for m in ("WAC", "FIFO")]
    except host.PeerMissing as missing:
        notes.append(str(missing))
    for name, method in (("nautilus_trader", "WAC"), ("beancount", "FIFO")):
        try:
            rows.append(compare(name, method, long_only(100 if options.quick else FILLS_PEER), options.rounds))
        except host.PeerMissing as missing:
            notes.append(str(missing))
    return harness.show(harness.Report("ledger", {}, rows, [*notes, found.note]), options)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
