"""``run``: one strategy over recorded ticks, from arguments to a Result.

    ticks ──tape──▶ ┐
    config, words ──terms──▶ Instance ──loop.Run──▶ tables, frames, events ──result──▶ Result
    strategy ───────────────▶ its runtime

The instance is private memory and is given back in any case. What can fail: ConfigError, TapeError, ValueError for arguments; what the strategy itself raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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

SAMPLES = 2_000
"""Samples of the PnL curve when nothing else is asked for; never closer than a second."""
SECOND_NS = 1_000_000_000
FAST, PLAIN = Latency(), Market()
MakeRuntime = Callable[[Attachment], Runtime]
Source = Ticks | np.ndarray[Any, Any]
JOURNAL, ARRAYS = "journal", "result.npz"
"""What ``out`` gets: the journal's directory, the arrays."""


def play(
    make: MakeRuntime,
    ticks: Mapping[str, Source] | Source,
    *,
    config: Config | Path | str | None = None,
    instruments: Sequence[Mapping[str, Any]] | None = None,
    name: str = "",
    seed: int = 0,
    latency: Latency | int = FAST,
    market: Market = PLAIN,
    capital: int = 0,
    currency: str = "",
    orders: int = 0,
    from_ns: int | None = None,
    to_ns: int | None = None,
    sample_ns: int = 0,
    out: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run whatever ``make`` builds over an attachment; ``run`` is this for a strategy class, and says what the arguments are."""
    config = _config(config, instruments, ticks, name, currency, orders)
    rows = {i.symbol: i.id for i in config.instruments}
    tape = between(merge(_by_row(ticks, rows)), from_ns, to_ns)
    latency = latency if isinstance(latency, Latency) else Latency(order_ns=latency, report_ns=latency)
    strategy = name or config.strategies[0].name
    if strategy not in (s.name for s in config.strategies):
        raise ValueError(f"the configuration has no strategy {strategy!r}; it has {', '.join(s.name for s in config.strategies)}")
    folder = Path(out) if out is not None else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    instance = Instance(config, strategy, int(tape.ns[0]), _capital(config, capital), folder / JOURNAL if folder is not None else None)
    try:
        result = _play(instance, tape, make(instance.attachment(strategy)), latency, market, seed, sample_ns, progress)
    finally:
        instance.close()
    if folder is not None:
        result.to_npz(folder / ARRAYS)
    return result


def _play(
    instance: Instance, tape: Tape, runtime: Runtime, latency: Latency, market: Market, seed: int, sample_ns: int, progress: Callable[[int, int], None] | None
) -> Result:
    samples = Samples(instance.state, instance.strategy_row, np.unique(tape.instrument).tolist())
    span = int(tape.ns[-1] - tape.ns[0])
    every = sample_ns or max(SECOND_NS, span // SAMPLES)
    told = (lambda played: progress(played, len(tape))) if progress is not None else (lambda _played: None)
    run = Run(instance, tape, latency, market, seed, samples.take, every, told)
    run.play(runtime)
    hashed = instance.finish()
    samples.take(run.now_ns)
    arrays = collect(instance.state, instance.tap.intents(), run.events, samples.curve(), instance.strategy_row)
    tables = instruments(instance.state)
    counts = {"ticks": len(tape), "from_ns": int(tape.ns[0]), "to_ns": run.now_ns, "seed": seed, "frames": instance.tap.frames}
    summary = counts | summarise(arrays, tables, instance.state)
    return Result(**arrays, digits=tables[0], symbols=tables[1], currencies=tables[2], state_hash=hashed, journal_hash=instance.tap.digest(), summary=summary)


def _config(
    config: Config | Path | str | None,
    instruments: Sequence[Mapping[str, Any]] | None,
    ticks: Mapping[str, Source] | Source,
    name: str,
    currency: str,
    orders: int,
) -> Config:
    """The configuration given, or one made for the ticks."""
    if config is not None:
        if instruments is not None or currency or orders:
            raise ValueError("give a configuration, or instruments, currency and orders to make one from, not both")
        config = config if isinstance(config, Config) else terms.of_file(config)
        if not config.strategies:
            raise ConfigError("strategy", ConfigError.MISSING, "one [[strategy]] or more", config.source.name)
        return config
    if instruments is None:
        if not isinstance(ticks, Mapping) or not all(isinstance(t, Ticks) for t in ticks.values()):
            raise ValueError("give config or instruments: only Ticks by symbol say how many digits a price has")
        instruments = [terms.fx_spot(symbol, t.digits) for symbol, t in ticks.items() if isinstance(t, Ticks)]
    count = sum(len(t) for t in ticks.values()) if isinstance(ticks, Mapping) else len(ticks)
    return terms.made(instruments, name or "strategy", count, currency=currency or str(instruments[0]["quote"]), orders=orders)


def _by_row(ticks: Mapping[str, Source] | Source, rows: Mapping[str, int]) -> dict[int, Source]:
    if not isinstance(ticks, Mapping):
        if len(rows) != 1:
            raise TapeError(f"ticks without a symbol, and {len(rows)} instruments ({', '.join(rows)}); give {{symbol: ticks}}")
        return {next(iter(rows.values())): ticks}
    if unknown := sorted(set(ticks) - set(rows)):
        raise TapeError(f"ticks of {', '.join(unknown)}, which the configuration does not list; it has {', '.join(rows)}")
    return {rows[symbol]: source for symbol, source in ticks.items()}


def _capital(config: Config, units: int) -> dict[tuple[int, int], int]:
    """Whole units of its currency for each account, by (account row, currency row)."""
    if units < 0:
        raise ValueError(f"capital was {units}; allowed: 0 or more")
    of = {c.code: c.id for c in config.currencies}
    return {(a.id, of[a.currency]): units for a in config.accounts if units}
