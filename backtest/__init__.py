"""Backtests: recorded ticks, the real engine and the simulated venue's matching on virtual time. Start with ``run``; docs/backtest.md has an example."""

from __future__ import annotations

from ringfence.backtest.day import read_day
from ringfence.backtest.latency import Latency
from ringfence.backtest.result import PNL_DIGITS, Result
from ringfence.backtest.runner import play, run
from ringfence.backtest.tape import TapeError, read_ticks
from ringfence.backtest.venue import Market

__all__ = ["PNL_DIGITS", "Latency", "Market", "Result", "TapeError", "play", "read_day", "read_ticks", "run"]
