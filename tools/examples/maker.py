"""A market maker: one order on each side of the touch, moved with it. The same file runs in Python, compiled by numba, and in a backtest."""

import ringfence


@ringfence.strategy(nopython=True)
class Maker:
    symbols = ("EUR/USD",)
    qty: ringfence.parameter = 100_000
    limit: ringfence.parameter = 1_000_000
    bid: int = 0  # client_id of our order, 0: none
    ask: int = 0
    bid_px: int = 0
    ask_px: int = 0

    def on_quote(self, quote):
        if quote.flags & ringfence.TickFlag.STALE or not 0 < quote.bid < quote.ask:
            return
        net, step = self.position(quote.instrument), self.tick(quote.instrument)
        lean = step * (net // self.qty)  # long: both prices go down
        bid_px, ask_px = (quote.bid - lean) // step * step, (quote.ask - lean) // step * step
        if self.bid == 0 and net + self.qty <= self.limit:
            self.bid, self.bid_px = self.buy(quote.instrument, self.qty, bid_px), bid_px
        elif self.bid != 0 and bid_px != self.bid_px and self.replace(self.bid, self.qty, bid_px):
            self.bid_px = bid_px
        if self.ask == 0 and net - self.qty >= -self.limit:
            self.ask, self.ask_px = self.sell(quote.instrument, self.qty, ask_px), ask_px
        elif self.ask != 0 and ask_px != self.ask_px and self.replace(self.ask, self.qty, ask_px):
            self.ask_px = ask_px

    def on_fill(self, event):
        if event.done:
            self.bid, self.ask = 0 if event.client_id == self.bid else self.bid, 0 if event.client_id == self.ask else self.ask

    on_event = on_reject = on_fill  # canceled, expired, denied: whatever ended an order

    def on_lost(self, kind, count):
        self.cancel_all()
