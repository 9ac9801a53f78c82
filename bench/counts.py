"""The gate: instructions of the hot paths, counted by callgrind, against a checked-in baseline; a path that grew by more than 5 % fails.

    --drive (every loop once, one process) ──callgrind──▶ inclusive instructions of each step ──▶ compared with counts_baseline.json

Counts are exact, the same on an idle and a busy host, and differ by build: the baseline names its compiler and architecture, and counts of another are shown
but not judged. ``--update`` writes the baseline anew: do that in the change that means to cost what it costs, so that the review sees the figure. A path that
shrank by more than the bound is said, too: a stale baseline would hide the next growth.
Exit codes: 0 within bounds (or not comparable, or no valgrind, which the output says), 1 grown.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ringfence.bench import fix, host, ledger
from ringfence.bench.engine import EPOCH, Stage, one_round
from ringfence.bench.fix_loops import Loops as FixLoops
from ringfence.bench.floor_loops import broadcast_ns, clock_ns, record_ns, ring_ns
from ringfence.bench.host import PeerMissing
from ringfence.bench.ledger_loops import Loops as LedgerLoops
from ringfence.ipc.clock import Clock
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

BASELINE = Path(__file__).resolve().parent / "counts_baseline.json"
GROWTH_MAX = 0.05
MESSAGES = 1_000
FIX_TIMES = 16
STEPS = {  # path -> (function in callgrind's profile, messages)
    "new intent, no limits": (r"_step_intent", MESSAGES),
    "ack": (r"_step_ack", MESSAGES),
    "fill, with the ledger": (r"_step_fill", MESSAGES),
    "slot to journal frame (copy, CRC, stamp)": (r"_step_copy", MESSAGES),
    "FIX encode NewOrderSingle": (r"Loops_\d*encode", FIX_TIMES * fix.VARIANTS),
    "FIX parse and read ExecutionReport": (r"Loops_\d*parse", FIX_TIMES * fix.VARIANTS),
    "FIX parse and validate ExecutionReport": (r"Loops_\d*check", FIX_TIMES * fix.VARIANTS),
    "ledger, a fill at average cost": (r"Loops_\d*book", MESSAGES),
    "ring, a message through": (r"_step_ring", MESSAGES),
    "broadcast ring, a tick to one reader": (r"_step_broadcast", MESSAGES),
    "clock, a reading": (r"_step_clock", MESSAGES),
    "histogram, a record": (r"_step_record", MESSAGES),
}


def drive() -> None:
    """Run every loop once: what callgrind counts."""
    one_round(MESSAGES)
    with fix.ours() as loops:
        fix_loops(loops)
    LedgerLoops(ledger.ledger_for(MESSAGES, "WAC"), ledger.events(ledger.stream(MESSAGES), "WAC"), False).book(0, MESSAGES)
    stage = Stage(16)
    try:
        clock = Clock.calibrate(0.001)
        clock_ns(clock, MESSAGES)
        record_ns(clock, stage.metrics, "apply", MESSAGES)
        sender, reader = stage.link("counts", "QuoteTick", None)
        ring_ns(clock, sender, reader, MESSAGES)
        market = Segment.create(
            stage.instance, "market", [("head", "RingCursor", 1), ("ticks", "QuoteTick", 1024)], role=ENUMS["Role"].by_name["FEED"], epoch=EPOCH
        )
        stage.segments.append(market)
        broadcast_ns(clock, market, MESSAGES)
    finally:
        stage.close()


def fix_loops(loops: FixLoops) -> None:
    """The three loops of the codec."""
    raw = b"".join(fix.REPORTS)
    if loops.parse(raw, FIX_TIMES) <= 0 or loops.check(raw, FIX_TIMES) <= 0 or loops.encode(fix.commands(), FIX_TIMES, fix.NOW_NS) <= 0:
        raise RuntimeError("the FIX loops did not do their work")


def count() -> dict[str, float]:
    """Return instructions per message of every path.

    Raises
    ------
    PeerMissing
        If there is no valgrind.
    RuntimeError
        If it fails, or shows no such function.
    """
    if shutil.which("valgrind") is None or shutil.which("callgrind_annotate") is None:
        raise PeerMissing("no valgrind; apt-get install valgrind")
    with tempfile.TemporaryDirectory(prefix="ringfence-counts-") as scratch:
        out = Path(scratch) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-m", "ringfence.bench.counts", "--drive"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        if ran.returncode:
            raise RuntimeError(f"callgrind failed with {ran.returncode}: {ran.stderr.strip()[-400:]}")
        shown = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)], capture_output=True, text=True, check=True)
    return {path: inclusive(shown.stdout, function) / messages for path, (function, messages) in STEPS.items()}


def inclusive(annotated: str, function: str) -> int:
    """Return the inclusive instructions of the function of our benches whose name ends in ``function``; the largest, where wrappers have it too."""
    pattern = re.compile(rf"^\s*([\d,]+) .*:\w*ringfence_?\w*{function}(?:'\d+)?(?:\s|$)")
    found = [int(m[1].replace(",", "")) for line in annotated.splitlines() if (m := pattern.match(line))]
    if not found:
        raise RuntimeError(f"callgrind_annotate shows no function {function}: was the extension built without symbols (-g)?")
    return max(found)


def build() -> str:
    """What counts depend on besides the source: compiler and architecture."""
    described = host.machine()
    return f"gcc {str(described['compiler']).split('.')[0]}, {described['arch']}"


def judge(counted: Mapping[str, float], baseline: Mapping[str, float]) -> tuple[list[str], bool]:
    """Return a line for each path, and whether any grew by more than ``GROWTH_MAX`` (or has no baseline)."""
    lines, grown = [f"{'path':44}{'instructions':>14}{'baseline':>12}{'change':>9}"], False
    for path, now in counted.items():
        then = baseline.get(path)
        if then is None:
            lines.append(f"{path:44}{now:>14,.0f}{'-':>12}{'':>9}  NEW: --update")
            grown = True
            continue
        change = now / then - 1
        word = "GREW" if change > GROWTH_MAX else "shrank: --update" if change < -GROWTH_MAX else ""
        grown |= change > GROWTH_MAX
        lines.append(f"{path:44}{now:>14,.0f}{then:>12,.0f}{change:>+9.1%}  {word}".rstrip())
    return lines, grown


def main(argv: Sequence[str]) -> int:
    """Count, compare, print; 1 when a path grew."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.bench counts", description="Instructions of the hot paths against the checked-in baseline")
    parser.add_argument("--update", action="store_true", help=f"write {BASELINE.name} anew")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--drive", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.drive:
        drive()
        return 0
    try:
        counted = count()
    except PeerMissing as e:
        print(f"counts: not measured: {e}")
        return 0
    kept: dict[str, Any] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"build": build(), "instructions": {}}
    if arguments.update:
        BASELINE.write_text(json.dumps({"build": build(), "instructions": {path: round(n, 1) for path, n in counted.items()}}, indent=1) + "\n")
        kept = json.loads(BASELINE.read_text())
    comparable = kept["build"] == build()
    lines, grown = judge(counted, kept["instructions"])
    if arguments.json:
        rows = [{"name": p, "peer": "baseline", "metric": "instructions", "ours": n, "theirs": kept["instructions"].get(p)} for p, n in counted.items()]
        print(json.dumps({"bench": "counts", "machine": host.machine(), "floor": {}, "rows": [r | {"ratio": _ratio(r)} for r in rows], "notes": []}, indent=1))
    else:
        print("\n".join(lines))
    if not comparable:
        print(f"counts: not judged: the baseline is of {kept['build']}, this build of {build()}", file=sys.stderr)
        return 0
    if grown:
        print("counts: a hot path grew by more than 5 %; if the change is meant: python -m ringfence.bench counts --update", file=sys.stderr)
    return int(grown)


def _ratio(found: Mapping[str, object]) -> float | None:
    return float(str(found["ours"])) / float(str(found["theirs"])) if found["theirs"] else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
