"""Orders per second through risk and execution: new, acknowledged, filled; against nautilus_trader with its simulated venue.

Ours, one thread: an intent through every check that has a limit, the journal and the tables to a command; an acknowledgement and a whole fill of it back
through journal, position and ledger, every message through its ring (the step functions of ``bench engine``). The venue is a loop that acknowledges and fills.
Theirs, one thread: a strategy that submits a limit order at the touch with every quote, risk engine, execution engine, matching engine, fill, position; the
time of the same quotes without orders is taken off, and it keeps no journal. Both trade one instrument in one account, buys and sells in turn. What is not
equal: their venue matches against a quote, ours fills what it is asked. The second row counts ours with everything around it, a call from Python for each message.
Verified: as many fills as orders on both sides. Goal: 20 times.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ringfence.bench import peers
from ringfence.bench.checks import ALONE, SETTINGS
from ringfence.bench.engine import KINDS, Stage
from ringfence.bench.floor import ping
from ringfence.bench.harness import Report, Row, interleave, parse, show
from ringfence.bench.host import PeerMissing

ORDERS, ORDERS_QUICK = 20_000, 300
GOAL = 20
PEER = "nautilus_trader"
RULES = [f"{name}@1" for name in (*ALONE, *SETTINGS)]


def ours(orders: int) -> dict[str, float]:
    """New, ack and fill of so many orders in C."""
    stage = Stage(orders, RULES)
    try:
        ns = sum(stage.measure(kind, orders) for kind in KINDS if kind != "copy")
        booked = int(stage.engine.state.table("engine")[1]["fills"])
    finally:
        stage.close()
    if booked != orders:
        raise RuntimeError(f"{booked} of {orders} orders were filled")
    return {"orders/s": 1e9 / ns}


def ours_from_python(orders: int) -> dict[str, float]:
    """The same with everything around it: making the messages, playing the peers, a call from Python for each message."""
    stage = Stage(orders, RULES)
    try:
        begin = time.perf_counter()
        for order in range(1, orders + 1):
            for kind in KINDS:
                if kind != "copy":
                    stage.measure(kind, 1, order)
        seconds = time.perf_counter() - begin
        booked = int(stage.engine.state.table("engine")[1]["fills"])
    finally:
        stage.close()
    if booked != orders:
        raise RuntimeError(f"{booked} of {orders} orders were filled")
    return {"orders/s": orders / seconds}


def theirs(orders: int) -> dict[str, float]:
    """nautilus_trader's backtest of so many orders."""
    found = json.loads(peers.run(Path(__file__).with_name("orders_peer.py"), str(orders)).splitlines()[-1])
    if not found["sent"] == found["filled"] == orders:
        raise RuntimeError(f"{PEER} sent {found['sent']} and filled {found['filled']} of {orders} orders: not the same work")
    return {"orders/s": orders / (found["seconds"] - found["quotes_alone_s"])}


def main(argv: Sequence[str]) -> int:
    """Measure and print; 0 when every order was filled on both sides."""
    options = parse("orders", argv, __doc__, rounds=5)
    orders = ORDERS_QUICK if options.quick else ORDERS
    measures = {"ours": partial(ours, orders), "called": partial(ours_from_python, orders), "theirs": partial(theirs, orders)}
    notes = [f"goal {GOAL}x; every order filled on both sides; {', '.join(peers.PACKAGES[:1])}"]
    try:
        theirs(100)
    except PeerMissing as e:
        del measures["theirs"]
        notes.append(f"{PEER} was not measured: {e}")
    found = interleave(measures, options.rounds, ping)
    other = found["theirs"]["orders/s"] if "theirs" in found else None
    rows = [
        Row("new, ack, fill, with every check, journal and ledger", PEER, "orders/s", found["ours"]["orders/s"], other),
        Row("the same, with its peers, a Python call a message", PEER, "orders/s", found["called"]["orders/s"], other),
    ]
    return show(Report("orders", {}, rows, [*notes, found.note]), options)
