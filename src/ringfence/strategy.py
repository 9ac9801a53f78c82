"""Write a strategy: a class with callbacks, or a client that you drive yourself.

    >>> import ringfence
    >>> @ringfence.strategy(nopython=True)        # this module is the decorator, too
    ... class Maker:
    ...     symbols = ("EUR/USD",)
    ...     def on_quote(self, quote):
    ...         self.buy(quote.instrument, 100_000, quote.bid)

docs/strategies.md has what a class may do, and how it runs in Python, compiled, and in a backtest. The client:

    >>> from ringfence.strategy import Strategy
    >>> with Strategy.attach("mm1") as s:
    ...     order = s.buy("EUR/USD", "100000", px="1.12150")
    ...     for event in s.events():
    ...         if event.kind == "FILL":
    ...             s.sell("EUR/USD", event.last_qty, px="1.12160")

Its amounts are text, Decimal, or integers in the instrument's scale (what events carry); floats are refused. The rest is in the docstrings of
``Strategy``; ``tools/demo_strategies.py`` has one that trades.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ringfence.gateways.attach import InstanceNotRunning, InstanceStopped, StrategyRefused
from ringfence.gateways.events import Event, OrderRef
from ringfence.gateways.strategy import RingFull, Strategy
from ringfence.gateways.tables import InstrumentInfo, OrderView, PositionView, QuoteView, UnstableRow
from ringfence.strategies import model
from ringfence.strategies.errors import DeclarationError, ParameterRefused, StrategyError, StrategyFailed

__all__ = [
    "DeclarationError",
    "Event",
    "InstanceNotRunning",
    "InstanceStopped",
    "InstrumentInfo",
    "OrderRef",
    "OrderView",
    "ParameterRefused",
    "PositionView",
    "QuoteView",
    "RingFull",
    "Strategy",
    "StrategyError",
    "StrategyFailed",
    "StrategyRefused",
    "UnstableRow",
]


class _Decorator(ModuleType):
    """This module, callable: ``@ringfence.strategy`` and ``ringfence.strategy.Strategy`` are one name."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return model.strategy(*arguments, **options)


sys.modules[__name__].__class__ = _Decorator
