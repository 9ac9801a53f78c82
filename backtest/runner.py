"""``run``: one strategy over recorded ticks, from arguments to a Result.

    ticks ──tape──▶ ┐
    config, words ──terms──▶ Instance ──loop.Run──▶ tables, frames, events ──result──▶ Result
    strategy ───────────────▶ its runtime

The instance is private memory and is given back in any case. What can fail: ConfigError, TapeError, ValueError for arguments; what the strategy itself raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.backtest import terms
from ringfence.backtest.instance import Instance
from ringfence.backtest.latency import Latency
from ringfence.backtest.loop import Run, Runtime
from ringfence.backtest.result import Result, Samples, collect, instruments, summarise
from ringfence.backtest.tape import Tape, TapeError, between, merge
from ringfence.backtest.venue import Market
from ringfence.gateways.attach import Attachment
from ringfence.gateways.ticks import Ticks
from ringfence.tools.config import Config
from ringfence.tools.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = 2_000
"""Samples of the PnL curve when nothing else is asked for; never closer than a second."""
SECOND_NS = 1_000_000_000
MakeRuntime = Callable[[Attachment], Runtime]
Source = Ticks | np.ndarray[Any, Any]
JOURNAL, ARRAYS = "journal", "result.npz"
"""What ``out`` gets: the journal's directory, the arrays."""
