"""The peer of ``bench/orders.py``, run in the peers' environment: ``python orders_peer.py ORDERS`` prints one JSON object.

nautilus_trader's BacktestEngine: a strategy that submits a limit order at the touch on every quote, through its risk engine and its execution engine to its
simulated venue, which fills it. The same quotes without orders are timed too, so that the reader of the figures can take them off.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

SIM = Venue("SIM")
RATE = "100000000/00:00:01"


class Taker(Strategy):  # type: ignore[misc]
    """Buys and sells in turn, 1,000 at the touch, with every quote; none when ``sends`` is false."""

    def __init__(self, instrument: Any, sends: bool) -> None:
        super().__init__()
        self.instrument, self.sends, self.sent, self.filled = instrument, sends, 0, 0

    def on_start(self) -> None:
        self.subscribe_quote_ticks(self.instrument.id)

    def on_quote_tick(self, tick: Any) -> None:
        if not self.sends:
            return
        self.sent += 1
        side, price = (OrderSide.BUY, tick.ask_price) if self.sent & 1 else (OrderSide.SELL, tick.bid_price)
        self.submit_order(self.order_factory.limit(self.instrument.id, side, Quantity.from_int(1000), price, time_in_force=TimeInForce.DAY))

    def on_order_filled(self, _event: Any) -> None:
        self.filled += 1


def run(count: int, *, sends: bool) -> tuple[float, int, int]:
    """Run one backtest; seconds, orders sent, fills."""
    risk = RiskEngineConfig(max_order_submit_rate=RATE, max_order_modify_rate=RATE)
    engine = BacktestEngine(config=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=risk, run_analysis=False))
    instrument = TestInstrumentProvider.default_fx_ccy("EUR/USD", SIM)
    engine.add_venue(SIM, OmsType.NETTING, AccountType.MARGIN, [Money(10**9, USD)], base_currency=USD, default_leverage=Decimal(50))
    engine.add_instrument(instrument)
    size = Quantity.from_int(1_000_000)
    ticks = [QuoteTick(instrument.id, Price(1.10000, 5), Price(1.10010, 5), size, size, n * 10**6, n * 10**6) for n in range(1, count + 1)]
    engine.add_data(ticks)
    strategy = Taker(instrument, sends)
    engine.add_strategy(strategy)
    begin = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - begin
    found = seconds, strategy.sent, strategy.filled
    engine.dispose()
    return found


if __name__ == "__main__":
    orders = int(sys.argv[1])
    run(100, sends=True)
    alone = run(orders, sends=False)[0]
    seconds, sent, filled = run(orders, sends=True)
    print(json.dumps({"seconds": seconds, "quotes_alone_s": alone, "sent": sent, "filled": filled}))
