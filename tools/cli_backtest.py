"""The command line's words for ``backtest``; cli.py has them in its table, commands/backtest.py runs them. Pure."""

from __future__ import annotations

from pathlib import Path

from ringfence.tools.cli_words import Command, arg

BACKTEST = Command(
    "backtest",
    "run a strategy file over recorded ticks with the real engine on virtual time (docs/backtest.md); exit 5: the strategy raised an error",
    "commands.backtest:run",
    (
        arg("strategy", metavar="FILE.py[:CLASS]"),
        arg("--ticks", action="append", default=[], metavar="FILE", help="tick file, or package:NAME; repeatable (default: those of the [feed])"),
        arg("--symbol", action="append", default=[], metavar="S", help="instrument of each --ticks"),
        arg("--format", action="append", default=[], metavar="F", help="format of each --ticks (default histdata)"),
        arg("--digits", type=int, default=6, metavar="N", help="price decimals, without a configuration (default 6)"),
        arg("--config", metavar="CONFIG.toml", help="of a live instance: its limits, permissions, accounts and routes hold"),
        arg("--name", default="", help="which strategy of the configuration it is (default: the first)"),
        arg("--from", dest="begin", metavar="TIME", help="first tick (ISO, UTC when it names no zone)"),
        arg("--to", dest="end", metavar="TIME", help="ticks before this time"),
        arg("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the strategy; repeatable"),
        arg("--seed", type=int, default=0, metavar="N", help="of jitter, sizes and refusals (default 0)"),
        arg("--mode", choices=("python", "numba"), help="default: as ringfence run"),
        arg("--feed-us", type=int, default=0, metavar="N", help="from a tick to the strategy [us] (default 0)"),
        arg("--order-us", type=int, default=500, metavar="N", help="from engine to venue [us] (default 500)"),
        arg("--report-us", type=int, default=500, metavar="N", help="from venue to engine [us] (default 500)"),
        arg("--jitter-us", type=int, default=0, metavar="N", help="drawn on top of the last two [us] (default 0)"),
        arg("--commission-ppm", type=int, default=0, metavar="N", help="of the value of each fill (default 0)"),
        arg("--capital", type=int, default=0, metavar="N", help="whole units of its currency that each account has at the start (default 0)"),
        arg("--plot", type=Path, metavar="FILE.png|.svg", help="prices, fills, position and PnL (extra plot)"),
        arg("--out", type=Path, metavar="DIR", help="journal/ and result.npz"),
    ),
)
