"""What a backtest trades on: a configuration file of a live instance as it is, or one made from a few words.

    instance.toml ──tools.config──▶ Config       instruments, capital ──▶ the same tables ──tools.config──▶ Config

A made configuration goes through the same reader, so every default and every check is that of a live one. Its firm has one account, one venue and one
strategy, which may trade everything, short too, and no limits; the tables are as long as the tape may need. What can fail: ConfigError with the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ringfence.tools import config as configuration
from ringfence.tools.config import Config

ACCOUNT, VENUE = "main", "sim"
_ORDERS = (4_096, 1 << 21)  # rows of a made configuration: at least, at most
_ORDERS_PER_TICK = 4
_POSITIONS = 64
_SHARES = {"executions": 2, "lots": 1}  # rows of others for each order
Instruments = Mapping[str, Mapping[str, Any]]


def anonymous(config: Config) -> Config:
    """Return a configuration without the people of this host, so that everybody's run of it is the same: no operators, and strategies of nobody's."""
    return replace(config, operators=(), strategies=tuple(replace(s, uid=0) for s in config.strategies))


def fx_spot(symbol: str, price_digits: int) -> dict[str, Any]:
    """Return the keys of ``[[instrument]]`` of a currency pair such as EUR/USD, traded in single units."""
    base, _, quote = symbol.partition("/")
    return {
        "symbol": symbol,
        "base": base,
        "quote": quote or base,
        "price_digits": price_digits,
        "qty_digits": 0,
        "tick": f"{10**-price_digits:.{price_digits}f}",
        "lot": "1",
        "qty_min": "1",
        "qty_max": "1000000000",
    }


def of_file(path: Path | str) -> Config:
    """Return the configuration of a file.

    Raises
    ------
    ConfigError
        As a live instance would refuse it.
    """
    return configuration.load(path)


def made(instruments: Sequence[Mapping[str, Any]], strategy: str, ticks: int, *, currency: str, orders: int = 0) -> Config:
    """Return a configuration for one strategy.

    Parameters
    ----------
    instruments : sequence of mappings
        Keys of ``[[instrument]]``.
    strategy : str
        Its name.
    ticks : int
        Length of the tape, for the size of the tables.
    currency : str
        The firm's and the account's.
    orders : int
        Rows of the order table; 0: by the length of the tape.
    """
    rows = orders or min(max(ticks * _ORDERS_PER_TICK, _ORDERS[0]), _ORDERS[1])
    grant = {"name": "all", "short": True}
    values: dict[str, Any] = {
        "instance": {"name": "backtest", "data_dir": "backtest-data", "mode": "demo", "prefix": "BT"},
        "limits": {"orders": rows, **{name: rows * share for name, share in _SHARES.items()}, "positions": _POSITIONS},
        "firm": {"currency": currency},
        "instrument": [dict(i) for i in instruments],
        "account": [{"name": ACCOUNT, "currency": currency}],
        "venue": [{"name": VENUE, "session": {"sender_comp_id": "RINGFENCE", "target_comp_id": "SIM", "host": "127.0.0.1", "port": 1}}],
        "strategy": [{"name": strategy}],
        "route": [{"name": "all", "account": ACCOUNT, "venue": VENUE}],
        "permission": [grant],
    }
    return configuration.parse(values, Path.cwd() / "backtest.toml")
