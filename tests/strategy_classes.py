"""A strategy class for tests, in one place, so that it is compiled once for all of them."""

from __future__ import annotations

import ringfence


@ringfence.strategy(nopython=True)
class Everything:
    """Uses all that there is."""

    symbols = ("EUR/USD",)
    qty: ringfence.parameter = 1_000
    edge: ringfence.parameter(digits=2) = 0.25
    STEP = 3
    order: int = 0
    last_px: int = 0
    lost: int = 0
    resets: int = 0
    booked: int = 0
    mid: float = 0.0
    quoting: bool = True
    seen = ringfence.array("i8", 24)

    def on_start(self):
        self.timer(2_000_000)
        self.order = self.buy(self.instrument("EUR/USD"), 1_000, 5)

    def on_quote(self, quote):
        self.seen[0] += 1
        self.mid = (quote.bid + quote.ask) / 2 + self.edge
        if quote.bid == 13:
            self.fail(quote.bid)
        if quote.bid == -14:
            while self.seen[21] == 0:  # somebody else ends it
                self.booked += self.now() & 1
        if quote.flags & ringfence.TickFlag.STALE:
            self.quoting = False
        elif quote.bid % self.STEP == 0:
            self.order = self.buy(quote.instrument, self.qty, quote.bid, ringfence.TimeInForce.IOC)
        elif quote.bid % self.STEP == 1:
            self.order = self.sell(quote.instrument, self.qty, px=quote.ask)
        else:
            self.replace(self.order, self.qty + self.tick(quote.instrument), quote.bid)

    def fail(self, bid):
        self.seen[bid - 14 + len(self.seen) + 1] = 1

    def on_trade(self, trade):
        self.last_px = trade.px * trade.side
        self.market(ringfence.Side.SELL, trade.instrument, trade.qty)

    def on_book(self, delta):
        self.booked += delta.px + delta.action
        if delta.action == 1:  # numbers that no strategy means
            self.buy(delta.px, 1, 1, tif=delta.px, account=delta.px, instructions=delta.px, expire_ns=delta.px)
            self.market(delta.px, delta.px, 1, tif=delta.px, account=delta.px)
            self.cancel_all(delta.px)
            self.cancel(delta.px)
        elif delta.action == 2:
            self.timer(delta.px)
        elif delta.action == 3:
            top = self.quote(delta.px)
            other = self.quote(delta.px + 1)
            self.booked += top.bid + 2 * top.last + 3 * top.flags + top.published_ns - other.ask + self.position(delta.px) + self.tick(delta.px)

    def on_reset(self, quote):
        self.resets += 1
        self.cancel_all(quote.instrument)

    def on_fill(self, event):
        self.seen[event.kind] += event.last_qty
        if event.done:
            self.order = 0

    def on_reject(self, event):
        self.seen[event.kind] += event.reason

    def on_event(self, event):
        if event.kind < 20:
            self.seen[event.kind] += 1
        self.last_px = event.engine_ns - event.output_seq

    def on_timer(self, now_ns):
        self.seen[20] += self.position(1) + self.open_orders()
        self.cancel(self.order)
        self.last_px = now_ns - self.now()

    def on_lost(self, kind, count):
        self.lost += 1000 * kind + count
