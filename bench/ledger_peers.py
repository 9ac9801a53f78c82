"""Peers of ``bench/ledger.py``, run as a program of its own: ``python ledger_peers.py nautilus_trader|beancount < fills.json``.

It imports nothing of Ringfence, so that it can run in another environment (their requirements may clash with ours). Standard input is a JSON list of
``[signed quantity, price in hundredths]`` on one long position; standard output one JSON object: ``seconds`` for booking all, and ``qty``
and ``realized`` at the end, for the caller to compare. Building the inputs is not timed. Exit 3: the peer is not installed, standard error says why.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from decimal import Decimal
from typing import Any

MISSING = 3


def nautilus_trader(fills: list[list[int]]) -> dict[str, Any]:
    """Book by ``Position.apply`` (netted at the average price), which is what a strategy there sees."""
    from nautilus_trader.core.uuid import UUID4
    from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderType
    from nautilus_trader.model.events import OrderFilled
    from nautilus_trader.model.identifiers import AccountId, ClientOrderId, PositionId, StrategyId, TradeId, TraderId, VenueOrderId
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.model.position import Position
    from nautilus_trader.test_kit.providers import TestInstrumentProvider

    instrument = TestInstrumentProvider.equity("ACME", "XNAS")
    events = [
        OrderFilled(
            TraderId("T-1"),
            StrategyId("S-1"),
            instrument.id,
            ClientOrderId(f"O{i}"),
            VenueOrderId(f"V{i}"),
            AccountId("A-1"),
            TradeId(f"E{i}"),
            PositionId("P-1"),
            OrderSide.BUY if qty > 0 else OrderSide.SELL,
            OrderType.LIMIT,
            Quantity(abs(qty), 0),
            Price(px / 100, 2),
            instrument.quote_currency,
            Money(0, instrument.quote_currency),
            LiquiditySide.TAKER,
            UUID4(),
            i,
            i,
        )
        for i, (qty, px) in enumerate(fills)
    ]
    begin = time.perf_counter()
    position = Position(instrument, events[0])
    for event in events[1:]:
        position.apply(event)
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "qty": int(position.signed_qty), "realized": float(position.realized_pnl)}


def beancount(fills: list[list[int]]) -> dict[str, Any]:
    """Book transactions by FIFO, with beancount's own booking of reductions, and sum the inventory."""
    from beancount.core import data
    from beancount.core.amount import Amount
    from beancount.core.number import MISSING as UNKNOWN
    from beancount.core.position import CostSpec
    from beancount.parser import booking, options

    day = datetime.date(2020, 1, 1)
    opens: list[Any] = [data.Open(data.new_metadata("bench", 0), day, "Assets:A", ["ACME"], data.Booking.FIFO)]
    opens += [data.Open(data.new_metadata("bench", 0), day, name, None, None) for name in ("Assets:Cash", "Income:PnL")]
    for i, (qty, px) in enumerate(fills):
        meta, price = data.new_metadata("bench", i + 1), Decimal(px) / 100
        spec = CostSpec(price, None, "USD", None, None, False) if qty > 0 else CostSpec(UNKNOWN, None, UNKNOWN, None, None, False)
        postings = [
            data.Posting("Assets:A", Amount(Decimal(qty), "ACME"), spec, None, None, meta),
            data.Posting("Assets:Cash", Amount(-qty * price, "USD"), None, None, None, meta),
        ]
        if qty < 0:
            postings.append(data.Posting("Income:PnL", UNKNOWN, None, None, None, meta))
        opens.append(data.Transaction(meta, day + datetime.timedelta(days=1, seconds=0), "*", None, "", frozenset(), frozenset(), postings))
    begin = time.perf_counter()
    entries, errors = booking.book(opens, options.OPTIONS_DEFAULTS)
    seconds = time.perf_counter() - begin
    if errors:
        raise RuntimeError(f"beancount could not book: {errors[0]}")
    postings = [p for e in entries if isinstance(e, data.Transaction) for p in e.postings]
    held = [p for p in postings if p.account == "Assets:A"]
    return {
        "seconds": seconds,
        "qty": int(sum(p.units.number for p in held)),
        "realized": -float(sum(p.units.number for p in postings if p.account == "Income:PnL")),
    }


PEERS = {"nautilus_trader": nautilus_trader, "beancount": beancount}


def main() -> int:
    """Measure the peer named; 3 when it is not installed."""
    try:
        found = PEERS[sys.argv[1]](json.load(sys.stdin))
    except ImportError as error:
        print(error, file=sys.stderr)
        return MISSING
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
