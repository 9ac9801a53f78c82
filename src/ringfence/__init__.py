"""Ringfence: an order management system for systematic trading firms.

Start with ``ringfence.strategy`` (write a strategy) or the command ``ringfence --help`` (run an instance).

``strategy`` is the decorator of a strategy class (and the module of that name), ``parameter`` and ``array`` declare what it has; ``Side``,
``TimeInForce``, ``EventKind``, ``OrdStatus``, ``DenyReason``, ``TickKind``, ``TickFlag`` and ``BookAction`` are the numbers of the records.
Each is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ringfence.strategies.model import array as array
    from ringfence.strategies.model import strategy as strategy
    from ringfence.strategies.words import BookAction as BookAction
    from ringfence.strategies.words import DenyReason as DenyReason
    from ringfence.strategies.words import EventKind as EventKind
    from ringfence.strategies.words import OrdStatus as OrdStatus
    from ringfence.strategies.words import Side as Side
    from ringfence.strategies.words import TickFlag as TickFlag
    from ringfence.strategies.words import TickKind as TickKind
    from ringfence.strategies.words import TimeInForce as TimeInForce

    parameter = Any

_HOMES = {
    "strategy": "",
    "parameter": "strategies.model",
    "array": "strategies.model",
    **dict.fromkeys(("Side", "TimeInForce", "EventKind", "OrdStatus", "DenyReason", "TickKind", "TickFlag", "BookAction"), "strategies.words"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name) if _HOMES[name] else import_module(f"{__name__}.{name}")
