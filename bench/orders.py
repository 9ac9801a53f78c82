"""Orders per second through risk and execution: new, acknowledged, filled; against nautilus_trader with its simulated venue, on the same order flow.

The flow: a quote, and with each a limit order at its far side, buys and sells of 1,000 in turn; one instrument, one account, every order filled at once.

Theirs, one thread: the strategy's call, risk engine, execution engine, matching engine, fill, position; the time of the same quotes without orders is taken
off, and it keeps no journal. Ours, one thread, in two ways:

    the engine's loop        strategy and venue in C around the real engine and its rings (order_loops.pyx): every check with a limit, journal ring, tables,
                             ledger; the venue matches against the quote
    ringfence.backtest       the same by a strategy class in numba and the backtest's venue on virtual time (driven from Python), without the same quotes alone

The first is what the live path does between market data and FIX; the second is what somebody waits for who tests a strategy. Verified: as many fills as orders
everywhere. Goal: 20 times, of the first. Rejected: their live node (its venues are adapters to places on the internet).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import ringfence
from ringfence import backtest
from ringfence.backtest import Latency
from ringfence.backtest.terms import fx_spot
from ringfence.bench import peers
from ringfence.bench.checks import ALONE, SETTINGS
from ringfence.bench.engine import Stage
from ringfence.bench.floor import ping
from ringfence.bench.harness import Report, Row, interleave, parse, show
from ringfence.bench.host import PeerMissing
from ringfence.bench.order_loops import run

ORDERS, ORDERS_QUICK = 20_000, 300
GOAL = 20
PEER = "nautilus_trader"
RULES = [f"{name}@1" for name in (*ALONE, *SETTINGS)]


def ours(orders: int) -> dict[str, float]:
    """So many orders through the engine's loop."""
    stage = Stage(orders, RULES)
    try:
        seconds = run(stage.engine, stage.strategy, stage.gateway, stage.sidecar, orders)
        booked = int(stage.engine.state.table("engine")[1]["fills"])
    finally:
        stage.close()
    if booked != orders:
        raise RuntimeError(f"{booked} of {orders} orders were filled")
    return {"orders/s": orders / seconds}


@ringfence.strategy(nopython=True)
class Taker:
    """Buys and sells in turn, 1,000 at the far side of every quote; none when ``sends`` is 0."""

    symbols = ("EUR/USD",)
    sends: ringfence.parameter = 1
    sent: int = 0

    def on_quote(self: Any, quote: Any) -> None:
        if self.sends == 0:
            return
        self.sent += 1
        if self.sent % 2:
            self.buy(quote.instrument, 1000, quote.ask)
        else:
            self.sell(quote.instrument, 1000, quote.bid)


def tested(orders: int, mode: str = "numba") -> dict[str, float]:
    """So many orders by a backtest, without the time of the same quotes alone."""
    ticks = np.zeros(orders, [("ns", "i8"), ("bid", "i8"), ("ask", "i8"), ("bid_qty", "i8"), ("ask_qty", "i8")])
    ticks["ns"] = np.arange(1, orders + 1) * 10**6 + 10**18
    ticks["bid"], ticks["ask"], ticks["bid_qty"], ticks["ask_qty"] = 110_000, 110_010, 10**6, 10**6
    seconds = []
    for sends in (1, 0):
        begin = time.perf_counter()
        terms: Any = {"instruments": [fx_spot("EUR/USD", 5)], "latency": Latency(strategy_ns=1, order_ns=1, report_ns=1), "orders": orders + 64}
        found = backtest.run(Taker, ticks, mode=mode, parameters={"sends": sends}, **terms)
        seconds.append(time.perf_counter() - begin)
        if found.summary["fills"] != orders * sends:
            raise RuntimeError(f"the backtest filled {found.summary['fills']} of {orders * sends} orders")
    return {"orders/s": orders / (seconds[0] - seconds[1])}


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
    tested(10)  # compiled once, before anything is measured
    measures = {"ours": partial(ours, orders), "tested": partial(tested, orders // 4), "theirs": partial(theirs, orders)}
    notes = [f"goal {GOAL}x; the same order flow, every order filled on both sides; {', '.join(peers.PACKAGES[:1])}"]
    try:
        theirs(100)
    except PeerMissing as e:
        del measures["theirs"]
        notes.append(f"{PEER} was not measured: {e}")
    found = interleave(measures, options.rounds, ping)
    other = found["theirs"]["orders/s"] if "theirs" in found else None
    rows = [
        Row("the engine's loop: strategy, checks, journal, venue, ledger", PEER, "orders/s", found["ours"]["orders/s"], other),
        Row("ringfence.backtest, strategy in numba", PEER, "orders/s", found["tested"]["orders/s"], other),
    ]
    return show(Report("orders", {}, rows, [*notes, found.note]), options)
