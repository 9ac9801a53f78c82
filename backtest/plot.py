"""The picture of a backtest: prices with its fills, position, PnL, one above the other over time. Needs the extra ``plot`` (matplotlib).

Drawn by matplotlib's own renderers without a display. A .svg file is the same bytes for the same result: no date, ids from a fixed salt.
What can fail: ExtraMissing without matplotlib, ValueError for another kind of file, OSError when it cannot be written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.tools.errors import ExtraMissing

if TYPE_CHECKING:
    from ringfence.backtest.result import Result

KINDS = (".png", ".svg")
_SIZE, _DPI = (10, 7), 120
_BUYS = (1,)


def draw(result: Result, path: Path) -> None:
    """Draw a result into ``path``."""
    if path.suffix not in KINDS:
        raise ValueError(f"a plot goes to a file that ends in {' or '.join(KINDS)}, not {path.name!r}")
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as e:
        raise ExtraMissing("a plot of a backtest", "plot") from e
    with matplotlib.rc_context({"svg.hashsalt": "ringfence", "font.size": 9}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure, result)
        figure.savefig(path, dpi=_DPI, metadata={"Date": None} if path.suffix == ".svg" else None)


def _fill(figure: Any, result: Result) -> None:
    traded = sorted({int(row) for row in np.unique(result.pnl["instrument"])})
    panels = figure.subplots(len(traded) + 2, 1, sharex=True, height_ratios=[*[3] * len(traded), 1, 2])
    for panel, row in zip(panels, traded, strict=False):
        curve, fills = result.pnl[result.pnl["instrument"] == row], result.fills[result.fills["instrument"] == row]
        known = curve[curve["bid"] > 0]
        panel.plot(_times(known["ns"]), result.price((known["bid"] + known["ask"]) / 2, row), lw=0.8, color="0.4", label="mid")
        for name, mark, color, mine in (("bought", "^", "tab:green", np.isin(fills["side"], _BUYS)), ("sold", "v", "tab:red", ~np.isin(fills["side"], _BUYS))):
            panel.plot(_times(fills["ns"][mine]), result.price(fills["px"][mine], row), mark, ms=4, color=color, label=name)
        panel.set_ylabel(result.symbols[row])
        panel.legend(loc="upper left", frameon=False)
        panels[-2].step(_times(curve["ns"]), curve["net_qty"] / 10.0 ** result.digits[row][1], where="post", lw=0.9, label=result.symbols[row])
    panels[-2].set_ylabel("position")
    currencies = sorted({result.currencies[row] for row in traded})
    for currency in currencies:
        times, total = result.curve(currency)
        panels[-1].plot(_times(times), total, lw=1.0, label=currency)
    panels[-1].axhline(0, color="0.8", lw=0.6, zorder=0)
    panels[-1].set_ylabel(f"PnL, {', '.join(currencies)}")
    if len(currencies) > 1:
        panels[-1].legend(loc="upper left", frameon=False)


def _times(ns: Any) -> Any:
    return np.asarray(ns).astype("datetime64[ns]")
