"""The benchmark of the ledger does not rot: a quick run measures, and what it books are the fills it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ringfence.bench.ledger import METHODS, called_from_python, ledger_for, long_only, loop, stream


def test_ledger_bench_when_run_quickly_prints_one_json_object() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "ringfence.bench", "ledger", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bench"] == "ledger"
    counted = [r for r in found["rows"] if r["metric"] == "instructions"]
    # A compiler may make a few more of them; what costs a tenth above the goal is a regression.
    assert (counted and all(100 < r["ours"] < 1.1 * r["theirs"] for r in counted)) or any("valgrind" in note for note in found["notes"])


def test_ledger_bench_when_fills_are_streamed_every_method_books_the_same_quantities() -> None:
    fills = stream(500)
    for method in METHODS:
        assert loop(method, fills, legs=True)()["fills/s"] > 0
    net: dict[tuple[int, int], int] = {}
    ledger = ledger_for(len(fills), "FIFO")
    for seq, (account, instrument, qty, px) in enumerate(fills, 1):
        ledger.book("FILL", seq=seq, account=account, instrument=instrument, qty=qty, px=px)
        net[account, instrument] = net.get((account, instrument), 0) + qty
    assert {(p.account, p.instrument): p.qty for p in ledger.positions()} == net


def test_ledger_bench_when_a_long_position_is_streamed_it_is_never_flat() -> None:
    fills = long_only(300)
    held = 0
    for qty, _ in fills:
        held += qty
        assert held > 0
    assert called_from_python("FIFO", fills)[1] == held
