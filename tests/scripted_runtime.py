"""A runtime for tests of the backtest: one plain function over the strategy client, turned as a compiled strategy is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.backtest.terms import fx_spot
from ringfence.gateways.attach import Attachment
from ringfence.gateways.strategy import Strategy
from ringfence.ipc.broadcast import Listener
from ringfence.ipc.layout import dtype

FX = fx_spot("EUR/USD", 5)
"""Keys of ``[[instrument]]`` of the tests' instrument."""
COLUMNS = [("ns", "i8"), ("bid", "i8"), ("ask", "i8"), ("bid_qty", "i8"), ("ask_qty", "i8")]
BEGIN = 1_577_916_000_000_000_000
"""2020-01-01 22:00 UTC, a Wednesday."""


def ticks(*rows: tuple[int, int, int], gap_ns: int = 1_000_000_000) -> Any:
    """Quotes (gap before it in units of ``gap_ns``, bid, ask) from BEGIN on, with sizes that nothing here empties."""
    made = np.zeros(len(rows), COLUMNS)
    for row, (gap, bid, ask) in zip(made, rows, strict=True):
        row["bid"], row["ask"], row["bid_qty"], row["ask_qty"], row["ns"] = bid, ask, 10**9, 10**9, gap * gap_ns
    made["ns"] = BEGIN + np.cumsum(made["ns"])
    return made


class Scripted:
    """Calls ``act(self, record)`` with each QuoteTick record and each Event, in the order of a compiled turn: ticks, events, timer (None)."""

    def __init__(self, attachment: Attachment, act: Callable[[Any, Any], None], timer_ns: int = 0) -> None:
        self.client = Strategy.of(attachment)
        self.act, self.timer_ns = act, timer_ns
        assert attachment.market is not None
        self.market = Listener(attachment.market)
        self.count = 0
        self.stopping = False
        self.next_timer_ns = 0
        self.heard: list[tuple[int, Any]] = []

    def start(self) -> None:
        """Nothing is done before the first tick."""

    def finish(self) -> None:
        """Nothing is done after the last turn."""

    def turn(self) -> int:
        """One step of the runtime."""
        work = 0
        while (record := self.market.take()) is not None:
            self.count += 1
            work += self._act(record)
        assert not self.market.lost
        while (event := self.client.poll()) is not None:
            work += self._act(event)
        if self.timer_ns:
            now = self.client.now_ns()
            self.next_timer_ns = self.next_timer_ns or now + self.timer_ns
            if now >= self.next_timer_ns:
                self.next_timer_ns += self.timer_ns
                work += self._act(None)
        return work

    def _act(self, what: Any) -> int:
        self.heard.append((self.client.now_ns(), what))
        self.act(self, what)
        return 1


def scripted(act: Callable[[Any, Any], None], made: list[Scripted] | None = None, timer_ns: int = 0) -> Callable[[Attachment], Scripted]:
    """Return what ``play`` takes; the runtimes that it makes are appended to ``made``."""

    def make(attachment: Attachment) -> Scripted:
        runtime = Scripted(attachment, act, timer_ns)
        if made is not None:
            made.append(runtime)
        return runtime

    return make


def is_tick(what: Any) -> bool:
    """Whether ``act`` was given a tick."""
    return isinstance(what, np.void) and what.dtype == dtype("QuoteTick")
