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
from typing import Any, TypedDict, Unpack

import numpy as np

from ringfence.backtest.instance import Instance
from ringfence.backtest.latency import Latency
from ringfence.backtest.loop import Run, Runtime
from ringfence.backtest.result import Result, Samples, collect, instruments, summarise
from ringfence.backtest.tape import Tape, TapeError, between, merge
from ringfence.backtest.terms import fx_spot, made, of_file
from ringfence.backtest.venue import Market
from ringfence.gateways.attach import Attachment
from ringfence.gateways.ticks import Ticks
from ringfence.strategies.model import declaration
from ringfence.strategies.running import Running, open_strategy
from ringfence.tools.config import Config
from ringfence.tools.errors import ConfigError

SAMPLES = 2_000
"""Samples of the PnL curve when nothing else is asked for; never closer than a second."""
SECOND_NS = 1_000_000_000
FAST, PLAIN = Latency(), Market()
MakeRuntime = Callable[[Attachment], Runtime]
Source = Ticks | np.ndarray[Any, Any]
Ticking = Mapping[str, Source] | Source
JOURNAL, ARRAYS = "journal", "result.npz"
"""What ``out`` gets: the journal's directory, the arrays."""


class Terms(TypedDict, total=False):
    """What ``run`` may be told besides strategy and ticks; its docstring says what each is."""

    config: Config | Path | str | None
    instruments: Sequence[Mapping[str, Any]] | None
    name: str
    seed: int
    latency: Latency | int
    market: Market
    capital: int
    currency: str
    orders: int
    from_ns: int | None
    to_ns: int | None
    sample_ns: int
    out: Path | str | None
    progress: Callable[[int, int], None] | None


def run(strategy: type, ticks: Ticking, *, mode: str | None = None, parameters: Mapping[str, int | float] | None = None, **terms: Unpack[Terms]) -> Result:
    """Run a strategy class over recorded ticks.

    Parameters
    ----------
    strategy : type
        A class with ``@ringfence.strategy``.
    ticks : Ticks, ndarray or mapping
        By symbol; without one when there is one instrument. Arrays have the columns ns, bid and ask, and perhaps bid_qty and ask_qty [instrument scale].
    mode : str, optional
        ``python`` or ``numba``; default: as ``ringfence run``. Both give the same result.
    parameters : mapping, optional
        First values, over those of the class and of the configuration.
    config : Config or path, optional
        A live instance's configuration. Without one: one account, one venue, no limits.
    instruments : sequence of mappings, optional
        Without a configuration, the keys of each ``[[instrument]]``; default: currency pairs with the digits of the ticks.
    name : str
        Which strategy of the configuration it is; default: the first.
    seed : int
        Of jitter, sizes and refusals.
    latency : Latency or int
        An int is the delay to the venue and back, each [ns].
    market : Market
    capital : int
        Whole units of its currency that each account has at the start.
    currency : str
        Without a configuration, the firm's; default: that of the first instrument's quote.
    orders : int
        Without a configuration, rows of the order table; default: by the length of the tape.
    from_ns, to_ns : int, optional
        Only the ticks from one time on and before the other [ns of UTC].
    sample_ns : int
        Between two samples of the PnL curve at least [ns]; default: SAMPLES of them, a second or more apart.
    out : path, optional
        Directory that gets the journal and ``result.npz``.
    progress : callable, optional
        Called now and then with (ticks played, ticks in all).

    Raises
    ------
    ConfigError, TapeError, ValueError
        For what cannot be run.
    StrategyFailed
        If the class's own code raised.
    Refused
        If ``out`` holds a journal already.
    """
    given = {name: declaration(strategy).field(name).first(value) for name, value in (parameters or {}).items()}
    if (config := terms.get("config")) is not None:
        terms["config"] = _without_parameters(_loaded(config), terms.get("name", ""), given)
    return play(lambda attachment: Opened(open_strategy(strategy, attachment, mode=mode, settings=given)), ticks, **terms)


class Opened:
    """A strategy's runtime as the loop turns it."""

    def __init__(self, running: Running) -> None:
        self.start, self.turn, self.finish = running.start, running.turn, running.finish
        self._runtime = running.runtime

    @property
    def next_timer_ns(self) -> int:
        """When its next timer is due [ns]; 0 when it has none."""
        return self._runtime.next_timer_ns

    @property
    def stopping(self) -> bool:
        """Whether it asked to stop."""
        return self._runtime.stopping


def play(make: MakeRuntime, ticks: Ticking, **terms: Unpack[Terms]) -> Result:
    """Run whatever ``make`` builds over an attachment; ``run`` is this for a strategy class, and says what the terms are."""
    config = _config(ticks, terms)
    rows = {i.symbol: i.id for i in config.instruments}
    _check_digits(ticks, config)
    tape = between(merge(_by_row(ticks, rows)), terms.get("from_ns"), terms.get("to_ns"))
    strategy = terms.get("name") or config.strategies[0].name
    if strategy not in (s.name for s in config.strategies):
        raise ValueError(f"the configuration has no strategy {strategy!r}; it has {', '.join(s.name for s in config.strategies)}")
    out = terms.get("out")
    folder = Path(out) if out is not None else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    instance = Instance(config, strategy, int(tape.ns[0]), _capital(config, terms.get("capital", 0)), folder / JOURNAL if folder is not None else None)
    try:
        result = _play(instance, tape, make(instance.attachment(strategy)), terms)
    finally:
        instance.close()
    if folder is not None:
        result.to_npz(folder / ARRAYS)
    return result


def _play(instance: Instance, tape: Tape, runtime: Runtime, terms: Terms) -> Result:
    latency, seed, progress = terms.get("latency", FAST), terms.get("seed", 0), terms.get("progress")
    latency = latency if isinstance(latency, Latency) else Latency(order_ns=latency, report_ns=latency)
    samples = Samples(instance.state, instance.strategy_row, np.unique(tape.instrument).tolist())
    every = terms.get("sample_ns") or max(SECOND_NS, int(tape.ns[-1] - tape.ns[0]) // SAMPLES)
    told = (lambda played: progress(played, len(tape))) if progress is not None else (lambda _played: None)
    run = Run(instance, tape, latency, terms.get("market", PLAIN), seed, samples.take, every, told)
    run.play(runtime)
    hashed = instance.finish()
    samples.take(run.now_ns)
    arrays = collect(instance.state, instance.tap.intents(), run.events, samples.curve(), instance.strategy_row)
    tables = instruments(instance.state)
    counts = {"ticks": len(tape), "from_ns": int(tape.ns[0]), "to_ns": run.now_ns, "seed": seed, "frames": instance.tap.frames}
    summary = counts | summarise(arrays, tables, instance.state)
    return Result(**arrays, digits=tables[0], symbols=tables[1], currencies=tables[2], state_hash=hashed, journal_hash=instance.tap.digest(), summary=summary)


def _config(ticks: Ticking, terms: Terms) -> Config:
    """The configuration given, or one made for the ticks."""
    config, instruments = terms.get("config"), terms.get("instruments")
    if config is not None:
        if instruments is not None or terms.get("currency") or terms.get("orders"):
            raise ValueError("give a configuration, or instruments, currency and orders to make one from, not both")
        config = _loaded(config)
        if not config.strategies:
            raise ConfigError("strategy", ConfigError.MISSING, "one [[strategy]] or more", config.source.name)
        return config
    if instruments is None:
        if not isinstance(ticks, Mapping) or not all(isinstance(t, Ticks) for t in ticks.values()):
            raise ValueError("give config or instruments: only Ticks by symbol say how many digits a price has")
        instruments = [fx_spot(symbol, t.digits) for symbol, t in ticks.items() if isinstance(t, Ticks)]
    count = sum(len(t) for t in ticks.values()) if isinstance(ticks, Mapping) else len(ticks)
    currency = terms.get("currency") or str(instruments[0]["quote"])
    return made(instruments, terms.get("name") or "strategy", count, currency=currency, orders=terms.get("orders", 0))


def _loaded(config: Config | Path | str) -> Config:
    return config if isinstance(config, Config) else of_file(config)


def _without_parameters(config: Config, name: str, given: Mapping[str, int | float]) -> Config:
    """The configuration without what a caller sets otherwise: its values would be in the table, which stands above all."""
    name = name or (config.strategies[0].name if config.strategies else "")
    kept = [replace(s, parameters={k: v for k, v in s.parameters.items() if k not in given}) if s.name == name else s for s in config.strategies]
    return replace(config, strategies=tuple(kept))


def _check_digits(ticks: Ticking, config: Config) -> None:
    """Ticks that were read with other decimals than the instrument has are prices of another size."""
    given = ticks if isinstance(ticks, Mapping) else {config.instruments[0].symbol: ticks}
    for i in config.instruments:
        of = given.get(i.symbol)
        if isinstance(of, Ticks) and of.digits != i.price_digits:
            raise TapeError(f"ticks of {i.symbol} were read with {of.digits} price decimals, the instrument has {i.price_digits}; read them with these")


def _by_row(ticks: Ticking, rows: Mapping[str, int]) -> dict[int, Source]:
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
