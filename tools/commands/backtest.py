"""The command ``backtest``: a strategy file over recorded ticks (docs/backtest.md).

    arguments ──▶ ticks, configuration, class ──ringfence.backtest.run──▶ Result ──▶ summary, picture, directory

Exit 0: done. 1: a file cannot be written, or an extra is missing. 2: a wrong argument, configuration or tick file. 4: the directory holds a journal already.
5: the strategy raised an error, shown with its method and line. Ctrl-C ends it between two steps (130); what was journaled until then is in the directory.
Progress is on standard error when that is a terminal.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ringfence.gateways.ticks import TickError, Ticks
from ringfence.tools import config as configuration
from ringfence.tools.config import Config
from ringfence.tools.errors import UsageError
from ringfence.tools.replay_command import nanoseconds

SCHEMA = "rf.backtest/1"
STRATEGY_FAILED = 5
_US = 1_000
_PLOTS = (".png", ".svg")


def run(args: argparse.Namespace) -> int:
    """Run and report."""
    from ringfence import backtest
    from ringfence.strategy import DeclarationError, ParameterRefused, StrategyFailed
    from ringfence.tools.strategy_file import load_class, settings

    as_json = args.options.output in {"json", "ndjson"}
    if args.plot and args.plot.suffix not in _PLOTS:
        raise UsageError(f"--plot was {args.plot}; allowed: a file that ends in {' or '.join(_PLOTS)}")
    config = configuration.load(args.config) if args.config else None
    progress = _Progress(sys.stderr.isatty() and not args.options.quiet)
    try:
        strategy = load_class(args.strategy)
        latency = backtest.Latency(feed_ns=args.feed_us * _US, order_ns=args.order_us * _US, report_ns=args.report_us * _US, jitter_ns=args.jitter_us * _US)
        result = backtest.run(
            strategy,
            _ticks(args, config),
            mode=args.mode,
            parameters=settings(strategy, args.set),
            config=config,
            name=args.name or ("" if config is not None else strategy.__name__.lower()[:16]),
            seed=args.seed,
            latency=latency,
            market=backtest.Market(commission_ppm=args.commission_ppm),
            capital=args.capital,
            from_ns=nanoseconds(args.begin) if args.begin else None,
            to_ns=nanoseconds(args.end) if args.end else None,
            out=args.out,
            progress=progress,
        )
    except StrategyFailed as e:
        progress.end()
        print(f"ringfence: {e}", file=sys.stderr)
        return STRATEGY_FAILED
    except (DeclarationError, ParameterRefused, TickError, backtest.TapeError, ValueError) as e:
        raise UsageError(str(e)) from e
    finally:
        progress.end()
    if args.plot:
        result.plot(args.plot)
    _print(result, args, as_json)
    return 0


class _Progress:
    """One line that is written over."""

    def __init__(self, shown: bool) -> None:
        self.shown, self.told = shown, False

    def __call__(self, played: int, ticks: int) -> None:
        if self.shown:
            self.told = True
            print(f"\r\033[K  {played:,} of {ticks:,} ticks", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.told:
            self.told = False
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _ticks(args: argparse.Namespace, config: Config | None) -> dict[str, Ticks]:
    """The tick files of the arguments, else of the configuration's feed, by symbol."""
    from ringfence.backtest import read_ticks

    if not args.ticks:
        if config is None or config.feed is None or not config.feed.ticks:
            raise UsageError("give --ticks FILE --symbol SYMBOL, or a --config whose [feed] has tick files")
        rows = {i.id: i for i in config.instruments}
        return {rows[t.instrument].symbol: read_ticks(t.path, t.format, rows[t.instrument].price_digits) for t in config.feed.ticks}
    formats = args.format or ["histdata"]
    if len(formats) == 1:
        formats *= len(args.ticks)
    if len(args.symbol) != len(args.ticks) or len(formats) != len(args.ticks) or len(set(args.symbol)) != len(args.symbol):
        given = f"{len(args.ticks)} --ticks, {len(args.symbol)} --symbol, {len(formats)} --format"
        raise UsageError(f"{given}: each file needs a symbol of its own; one format does for all")
    digits = {i.symbol: i.price_digits for i in config.instruments} if config is not None else {}
    return {s: read_ticks(file, f, digits.get(s, args.digits)) for file, s, f in zip(args.ticks, args.symbol, formats, strict=True)}


def _print(result: Any, args: argparse.Namespace, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"schema": SCHEMA, **result.summary, "hash": result.hash}))
        return
    if args.options.quiet:
        return
    s = result.summary
    refused = ", ".join(f"{name} {count}" for name, count in s["refused"].items()) or "none"
    seconds = (s["to_ns"] - s["from_ns"]) / 1e9
    asked = f"{s['intents']:,} intents, {s['orders']:,} orders ({s['orders_open']:,} open), {s['fills']:,} fills"
    print(f"● {s['ticks']:,} ticks, {seconds:,.0f} s: {asked}; refused: {refused}")
    for symbol, qty in s["positions"].items():
        print(f"  {symbol}  position {qty}")
    for currency, total in s["pnl"].items():
        print(f"  PnL {total} {currency}")
    print(f"  hash {result.hash}")
    for what in filter(None, (args.plot, args.out)):
        print(f"  {what}")
