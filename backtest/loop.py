"""Virtual time: what is due next happens next, until the tape has ended and everything has come to rest.

    due first ──▶ a trading day begins │ a GTD order ends │ a command reaches the venue │ a report reaches the engine │ a quote reaches the venue
                │ it reaches the strategy's ring, and as a mark the engine │ the strategy turns, the engine takes what it asks
    after each ──▶ the engine's commands go on their way; what is told to the strategy has it turn ``strategy_ns`` later

At one time the order is the one above: what was sent earlier comes before what is new. A strategy that turns sees all that came until then, and its timer
when that is due; the turn itself takes no time. A mark is sampled from the quotes, at most one in ``mark_ms`` and none from a crossed quote, as the feed
does. Engine time passes with the quotes; a day is rolled at its time. When the tape has ended, what is on its way arrives, for at most a second.
Everything here is a function of the tape, the configuration, the strategy and the seed. An interrupt comes out between two steps (KeyboardInterrupt).
What can fail: what the strategy's runtime raises, and what ``instance.py`` raises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from ringfence.backtest.instance import Instance
from ringfence.backtest.latency import NEVER, Delay, Latency
from ringfence.backtest.tape import Tape, slots
from ringfence.backtest.venue import Market, Venue
from ringfence.ipc.layout import dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE_TICKS = 8_192
SETTLE_NS = 1_000_000_000
MARK_MS = 1_000  # as [feed] without a word of it
_TICK = dtype("QuoteTick").itemsize


class Runtime(Protocol):
    """A strategy's runtime, as the live loop drives it."""

    def start(self) -> None:
        """Before the first tick."""

    def turn(self) -> int:
        """Take what is there and let the strategy answer; how much there was."""

    def finish(self) -> None:
        """After the last turn."""

    @property
    def next_timer_ns(self) -> int:
        """When its next timer is due [ns]; 0 when it has none."""

    @property
    def stopping(self) -> bool:
        """Whether the strategy asked to stop."""


Step = Callable[[Runtime | None], None]
"""What happens; the strategy's runtime, or None when it turns no more."""


class Run:
    """One backtest in progress.

    Parameters
    ----------
    sample : callable
        Called with the time [ns] whenever a sample of the PnL curve is due.
    sample_ns : int
        Between two samples at least [ns].
    progress : callable
        Called with the number of ticks played, after each piece of the tape.

    Attributes
    ----------
    now_ns : int
        Virtual time [ns of UTC].
    events : list of ndarray
        StrategyEvents, in order.
    """

    def __init__(
        self,
        instance: Instance,
        tape: Tape,
        latency: Latency,
        market: Market,
        seed: int,
        sample: Callable[[int], None],
        sample_ns: int,
        progress: Callable[[int], None],
    ) -> None:
        self.instance, self.tape, self.latency = instance, tape, latency
        self.sample, self.sample_ns, self.progress = sample, sample_ns, progress
        self.now_ns = int(tape.ns[0])
        self.events: list[NDArray[Any]] = []
        config = instance.config
        symbols = {i.symbol.encode(): i.id for i in config.instruments}
        self.venues = {v.id: Venue(v.id, symbols, market, seed) for v in config.venues}
        orders = {row: Delay[Any](latency.order_ns, latency.jitter_ns, Random(f"{seed}/{row}/orders")) for row in self.venues}
        reports = {row: Delay[Any](latency.report_ns, latency.jitter_ns, Random(f"{seed}/{row}/reports")) for row in self.venues}
        self._orders, self._reports = orders, reports
        self._ways = [(way, partial(self._arrive, row)) for row, way in orders.items()] + [(way, partial(self._report, row)) for row, way in reports.items()]
        self._mark_every_ns = (config.feed.mark_ms if config.feed else MARK_MS) * 1_000_000
        self._marked_ns = dict.fromkeys(np.unique(tape.instrument).tolist(), 0)
        self._mark = np.zeros(1, dtype("Mark"))
        self._timer_ns = config.instance.timer_ms * 1_000_000
        self._turned_ns = self._sampled_ns = 0
        self._strategy_due_ns = NEVER  # when it turns
        self._columns: list[list[int]] = [getattr(tape, name).tolist() for name in ("ns", "instrument", "bid", "ask", "bid_qty", "ask_qty")]
        self._times = self._columns[0]
        self._traded_at = self._shown_at = 0  # ticks that the venue has, that the strategy has
        self._end_ns = self._times[-1] + latency.feed_ns + SETTLE_NS
        self._piece = (0, 0, memoryview(b""))

    def play(self, runtime: Runtime) -> None:
        """Run to the end of the tape, or until the strategy stops; what is on its way then arrives."""
        for row, venue in self.venues.items():
            self.instance.gateways[row].send(venue.session(up=True, now_ns=self.now_ns))
        self._turn(None)
        runtime.start()
        self._think(runtime)
        while not runtime.stopping and self._step(runtime):
            continue
        self.progress(self._shown_at)
        self._end_ns = min(self._end_ns, self.now_ns + SETTLE_NS)
        runtime.finish()
        self._turn(None)
        self._traded_at = self._shown_at = len(self._times)
        while self._step(None):
            continue

    def _step(self, runtime: Runtime | None) -> bool:
        """Do what is due first; False when nothing is, before the end."""
        due, step = self._next(runtime)
        if step is None or due > self._end_ns:
            return False
        self.now_ns = max(self.now_ns, due)
        self.instance.clock.set(self.now_ns)
        self.instance.alive(self.now_ns)
        step(runtime)
        if self.now_ns - self._sampled_ns >= self.sample_ns:
            self._sampled_ns = self.now_ns
            self.sample(self.now_ns)
        return True

    def _next(self, runtime: Runtime | None) -> tuple[int, Step | None]:
        """When what is due first is due, and what it is; None when the tape has ended and nothing is on its way."""
        due, step = NEVER, cast("Step | None", None)
        shown, traded, ticks = self._shown_at, self._traded_at, len(self._times)
        if shown < ticks:
            due, step = self.instance.next_roll_ns, self._roll
        for way, arrive in self._ways:
            if way.due_ns < due:
                due, step = way.due_ns, arrive
        for row, venue in self.venues.items():
            if venue.next_expiry_ns < due:
                due, step = venue.next_expiry_ns, partial(self._expire, row)
        if traded < ticks and self._times[traded] < due:
            due, step = self._times[traded], self._trade
        if shown < traded and self._times[shown] + self.latency.feed_ns < due:
            due, step = self._times[shown] + self.latency.feed_ns, self._show
        if runtime is not None:
            turn = min(self._strategy_due_ns, runtime.next_timer_ns or NEVER)
            if turn < due:
                due, step = turn, self._think
        return due, step

    # ---- what happens

    def _roll(self, runtime: Runtime | None) -> None:
        for row, venue in self.venues.items():
            self._say(row, venue.end_day(self.now_ns))
        self.instance.roll()
        self._turn(runtime)

    def _expire(self, row: int, _runtime: Runtime | None) -> None:
        """Orders end at their time; the venue says so."""
        self._say(row, self.venues[row].expire(self.now_ns))

    def _arrive(self, row: int, _runtime: Runtime | None) -> None:
        """A command reaches its venue."""
        self._say(row, self.venues[row].take(self._orders[row].take(), self.now_ns))

    def _report(self, row: int, runtime: Runtime | None) -> None:
        """A report reaches the engine."""
        event = self._reports[row].take()
        event["received_ns"] = self.now_ns
        self.instance.gateways[row].send(event)
        self._turn(runtime)

    def _trade(self, runtime: Runtime | None) -> None:
        """A quote reaches the venues; without a delay of the feed, the strategy at the same time, afterwards."""
        at = self._traded_at
        self._traded_at = at + 1
        _, instrument, bid, ask, bid_qty, ask_qty = (column[at] for column in self._columns)
        for row, venue in self.venues.items():
            self._say(row, venue.quote(instrument, bid, ask, bid_qty, ask_qty, self.now_ns))
        if not self.latency.feed_ns:
            self._show(runtime)

    def _show(self, runtime: Runtime | None) -> None:
        """A quote reaches the strategy, and now and then a mark the engine."""
        at = self._shown_at
        self._shown_at = at + 1
        _, instrument, bid, ask, _, _ = (column[at] for column in self._columns)
        self.instance.market.publish(self._record(at))
        self._tell()
        marked = self._sample_mark(instrument, bid, ask, self._times[at])
        if marked or self.now_ns - self._turned_ns >= self._timer_ns:
            self._turn(runtime)

    def _turn(self, _runtime: Runtime | None) -> None:
        """The engine takes what its rings hold; its commands go on their way, and the strategy will hear of it."""
        self._turned_ns = self.now_ns
        self.instance.turn()
        for row, way in self._orders.items():
            for command in self.instance.commands(row):
                way.send(command, self.now_ns)
        if (events := self.instance.new_events()) is not None:
            self.events.append(events)
            self._tell()

    def _tell(self) -> None:
        """There is something for the strategy."""
        self._strategy_due_ns = min(self._strategy_due_ns, self.now_ns + self.latency.strategy_ns)

    def _think(self, runtime: Runtime | None) -> None:
        """The strategy turns until it has taken all there is, and the engine takes what it asks."""
        self._strategy_due_ns = NEVER
        while runtime is not None and not runtime.stopping and runtime.turn():
            continue
        if self.instance.intents_wait():
            self._turn(runtime)

    # ---- what it takes

    def _say(self, row: int, events: list[Any]) -> None:
        for event in events:
            self._reports[row].send(event, self.now_ns)

    def _sample_mark(self, instrument: int, bid: int, ask: int, source_ns: int) -> bool:
        if bid > ask or self.now_ns - self._marked_ns[instrument] < self._mark_every_ns:
            return False
        self._marked_ns[instrument] = self.now_ns
        mark = self._mark[0]
        mark["bid"], mark["ask"], mark["source_ns"], mark["instrument"] = bid, ask, source_ns, instrument
        self.instance.feed.send(self._mark)
        return True

    def _record(self, at: int) -> bytes:
        """The slot of a tick; a piece of the tape is made at a time."""
        first, last, ticks = self._piece
        if at >= last:
            self.progress(at)
            first, last = last, min(last + PIECE_TICKS, len(self._times))
            ticks = slots(self.tape, first, last, self.latency.feed_ns)
            self._piece = first, last, ticks
        k = (at - first) * _TICK
        return bytes(ticks[k : k + _TICK])
