"""Measure the engine: nanoseconds and instructions per new intent, ack and fill, through its real step functions.

A new intent is measured from its slot in the strategy's ring to the journal frame, the order record, the command in the gateway's ring and the event in
the strategy's; an ack and a fill from the gateway's ring likewise, a fill including execution and position. The floor is the least that
taking an intent can cost: the same slot copied into a journal slot, checked, stamped and published, without the engine.

Nanoseconds are medians over interleaved rounds. Instructions come from callgrind in a subprocess: the inclusive cost of the step function, which is
exact and the same on an idle and a busy host. Goals: 1,500 instructions for a new intent, 2,000 for a fill.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from ringfence.bench.engine_loops import run
from ringfence.bench.floor import ping
from ringfence.bench.harness import Options, Report, Row, interleave, parse, show
from ringfence.core.counters import COUNTERS, HISTOGRAMS
from ringfence.core.engine import Engine
from ringfence.core.rules import RULES
from ringfence.core.state import Limits, State
from ringfence.ipc.clock import Clock
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

Kind = Literal["intent", "ack", "fill", "copy"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMES = {"intent": "new intent", "ack": "ack", "fill": "fill"}
GOALS = {"intent": 1500, "fill": 2000}
MESSAGES, MESSAGES_QUICK, MESSAGES_COUNTED = 50_000, 500, 2_000
RING_SLOTS = 1024
EPOCH = 1
WIDE = {"qty": 2**50, "amount": 2**59, "ns": 2**60, "ppm": 900_000, "count": 10**9, "per_s": 10**9, "choice": 1}  # limits that refuse nothing here


class Stage:
    """An engine with one strategy, one venue and a sidecar in shared memory of its own, and the peers' ends of the links."""

    serial = 0

    def __init__(self, messages: int, rules: Sequence[str] = ()) -> None:
        Stage.serial += 1
        self.instance = f"bench{os.getpid()}x{Stage.serial}"
        self.segments: list[Segment] = []
        roles = ENUMS["Role"].by_name
        limits = Limits(orders=messages + 1, executions=2 * messages + 64, positions=16, breaks=16)
        metrics = Metrics.create(self.instance, "engine", COUNTERS, HISTOGRAMS, role=roles["ENGINE"], epoch=EPOCH)
        self.segments.append(metrics.segment)
        self.metrics = metrics
        journal, self.sidecar = self.link("sidecar", "JournalSlot", None)
        control, supervisor = self.link("control", None, "Control")
        feed, self.feed = self.link("feed", None, "Mark")
        state = State.in_memory(limits, touched=True)  # as the live engine's region is prefaulted
        self.engine = Engine(state, Clock.calibrate(0.001), metrics, journal=journal, control=control, feed=feed, timer_ns=0)
        gateway, self.gateway = self.link("gw.bench", "OrderCommand", "VenueEvent")
        strategy, self.strategy = self.link("strat.bench", "StrategyEvent", "Intent")
        configure(supervisor)
        set_limits(supervisor, rules)
        self.settle()
        self.engine.set_gateway(1, gateway, 0)
        self.engine.set_strategy(1, strategy)
        self.feed.send(row("Mark", instrument=1, bid=9999, ask=10001, last=10000))
        self.gateway.send(row("VenueEvent", kind=ENUMS["VenueEventKind"].by_name["SESSION_UP"]))
        self.settle()

    def link(self, peer: str, out: str | None, back: str | None) -> tuple[Link, Link]:
        role = ENUMS["Role"].by_name["ENGINE"]
        to = Segment.create(self.instance, f"to.{peer}", link_sections(out, RING_SLOTS if out else 0), role=role, epoch=EPOCH)
        back_end = Segment.create(self.instance, f"from.{peer}", link_sections(back, RING_SLOTS if back else 0), role=role, epoch=EPOCH)
        self.segments += [to, back_end]
        return Link(to, back_end), Link(back_end, to)

    def settle(self) -> None:
        """Let the engine take what is there, and the sidecar read it."""
        while self.engine.poll():
            while self.sidecar.receive() is not None:
                pass

    def measure(self, kind: Kind, n: int, first: int = 1) -> float:
        """Return nanoseconds per message."""
        return float(run(self.engine, self.strategy, self.gateway, self.sidecar, kind, n, first))

    def close(self) -> None:
        for segment in self.segments:
            segment.unlink()


def row(name: str, /, **values: Any) -> Any:
    """Return one record; bytes for texts."""
    import numpy as np

    from ringfence.ipc.layout import dtype

    made = np.zeros(1, dtype(name))
    for key, value in values.items():
        made[0][key] = value
    return made[0]


def configure(supervisor: Link) -> None:
    """Send the commands that a supervisor sends: one of everything that an order belongs to."""
    kinds = ENUMS["ControlKind"].by_name
    terms = {"tick": 1, "lot": 1, "qty_max": 10**9, "multiplier": 1, "price_digits": 5, "status": 1}
    bodies = {
        "DEFINE_CURRENCY": row("Currency", id=1, code=b"USD", rate=10**9, is_firm=1, status=1),
        "DEFINE_BROKER": row("Broker", id=1, name=b"broker", status=1),
        "DEFINE_DESK": row("Desk", id=1, name=b"desk", status=1),
        "DEFINE_INSTRUMENT": row("Instrument", id=1, symbol=b"EURUSD", quote=b"USD", **terms),
        "DEFINE_ACCOUNT": row("Account", id=1, code=b"ACC1", broker=1, status=1),
        "DEFINE_VENUE": row("Venue", id=1, status=1, durability=1),
        "DEFINE_STRATEGY": row("Strategy", id=1, desk_row=1, status=1),
        "DEFINE_ROUTE": row("Route", id=1, account=1, venue=1, status=1),
        "BOOK_ENTRY": row("LedgerEntry", reference=b"cash", kind=ENUMS["LedgerEventKind"].by_name["DEPOSIT"], account=1, other=1, amount=10**12),
    }
    supervisor.send(row("Control", kind=kinds["START"], day=20260102, prefix=b"BE", epoch=EPOCH))
    for kind, body in bodies.items():
        supervisor.send(row("Control", kind=kinds[kind], body=body.tobytes()))
    supervisor.send(row("Control", kind=kinds["STRATEGY_ATTACH"], strategy=1, epoch=EPOCH, pid=os.getpid()))


def set_limits(supervisor: Link, rules: Sequence[str]) -> None:
    """Set each rule in every scope of the orders where it can be set, so wide that all of them pass; of PERMISSION a grant of everything.

    A name that ends in ``@1`` is set in one scope alone, the first kind of its rule.
    """
    kinds, parts = ENUMS["ControlKind"].by_name, ENUMS["PermissionPart"].by_name
    for given in rules:
        name = given.removesuffix("@1")
        rule = RULES[name]
        for kind in rule.scopes[: 1 if given != name else None]:
            pair = kind in ("ACCOUNT_INSTRUMENT", "STRATEGY_INSTRUMENT")
            body = row(
                "LimitChange",
                value=1 if name == "DUPLICATE_CONTENT" else WIDE[rule.unit],
                a=kind != "FIRM",
                b=pair,
                kind=ENUMS["ScopeKind"].by_name[kind],
                rule=rule.number,
            )
            supervisor.send(row("Control", kind=kinds["SET_LIMIT"], body=body.tobytes()))
        if name == "PERMISSION":
            for part in ("STRATEGY", *(p for p in parts if p not in ("STRATEGY", "0"))):
                body = row("PermissionChange", permission=1, part=parts[part], grant=1, value=CONSTANTS["ANY"][0], name=b"all")
                supervisor.send(row("Control", kind=kinds["SET_PERMISSION"], body=body.tobytes()))


def one_round(messages: int, rules: Sequence[str] = ()) -> dict[str, float]:
    """Run every kind over the same orders, in a fresh stage; return nanoseconds per message by kind."""
    stage = Stage(messages, rules)
    try:
        found = {kind: stage.measure(kind, messages) for kind in KINDS if kind != "copy"}
        return found | {"copy": stage.measure("copy", messages, messages + 1)}
    finally:
        stage.close()


def count_instructions(messages: int, rules: Sequence[str] = ()) -> dict[str, float]:
    """Return instructions per message by kind, from callgrind.

    Raises
    ------
    RuntimeError
        If valgrind is missing or fails; the message says which.
    """
    if shutil.which("valgrind") is None or shutil.which("callgrind_annotate") is None:
        raise RuntimeError("valgrind is missing: apt-get install valgrind")
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as scratch:
        out = Path(scratch) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-m", "ringfence.bench.engine", str(messages), *rules]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        if ran.returncode:
            raise RuntimeError(f"callgrind failed with {ran.returncode}: {ran.stderr.strip()[-300:]}")
        shown = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)], capture_output=True, text=True, check=True)
    return {kind: inclusive(shown.stdout, f"step_{kind}") / messages for kind in KINDS}


def inclusive(annotated: str, function: str) -> int:
    """Return the inclusive instructions of a C function of the benchmark, read from callgrind_annotate's table."""
    for line in annotated.splitlines():
        if re.search(rf":\w*_{function}(?:'\d+)?(?:\s|$)", line):
            return int(line.split()[0].replace(",", ""))
    raise RuntimeError(f"callgrind_annotate shows no function {function}: was the extension built without symbols (-g)?")


def instruction_rows(options: Options) -> tuple[list[Row], list[str]]:
    """Return a row per kind with its goal; without valgrind rows that say so."""
    try:
        counted = count_instructions(MESSAGES_QUICK if options.quick else MESSAGES_COUNTED)
    except RuntimeError as e:
        return [Row(NAMES[kind], f"not measured ({e})", "instructions", 0.0, None) for kind in NAMES], [f"instructions were not measured: {e}"]
    rows = [Row(NAMES[kind], "goal" if kind in GOALS else "-", "instructions", counted[kind], GOALS.get(kind)) for kind in NAMES]
    return [*rows, Row("copy only", "-", "instructions", counted["copy"], None)], []


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0."""
    options = parse("engine", argv, __doc__, rounds=5)
    messages = MESSAGES_QUICK if options.quick else MESSAGES
    rounds = interleave({"engine": lambda: one_round(messages)}, options.rounds, ping)
    found = rounds["engine"]
    rows = [Row(NAMES[kind], "copy only", "ns per message", found[kind], found["copy"]) for kind in NAMES]
    counted, notes = instruction_rows(options)
    floor = {"copy_ns": found["copy"]}
    notes = [*notes, rounds.note, "copy only: the slot copied into a journal slot, CRC checked, stamped and published, without the engine"]
    return show(Report("engine", floor, [*rows, *counted], notes), options)


if __name__ == "__main__":  # what runs under callgrind: every kind once, nothing printed
    one_round(int(sys.argv[1]), sys.argv[2:])
