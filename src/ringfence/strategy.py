"""Write a strategy: attach by name, send orders, read events.

    >>> from ringfence.strategy import Strategy
    >>> with Strategy.attach("mm1") as s:
    ...     order = s.buy("EUR/USD", "100000", px="1.12150")
    ...     for event in s.events():
    ...         if event.kind == "FILL":
    ...             s.sell("EUR/USD", event.last_qty, px="1.12160")

Amounts are text, Decimal, or integers in the instrument's scale (what events carry); floats are refused. The rest is in the docstrings of
``Strategy``; ``tools/demo_strategies.py`` has two that trade.
"""

from __future__ import annotations

from ringfence.gateways.attach import InstanceNotRunning, InstanceStopped, StrategyRefused
from ringfence.gateways.events import Event, OrderRef
from ringfence.gateways.strategy import RingFull, Strategy
from ringfence.gateways.tables import InstrumentInfo, OrderView, PositionView, QuoteView, UnstableRow

__all__ = [
    "Event",
    "InstanceNotRunning",
    "InstanceStopped",
    "InstrumentInfo",
    "OrderRef",
    "OrderView",
    "PositionView",
    "QuoteView",
    "RingFull",
    "Strategy",
    "StrategyRefused",
    "UnstableRow",
]
