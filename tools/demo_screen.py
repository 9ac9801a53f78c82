"""What the demo shows while it runs: a live screen on a terminal, a line now and then elsewhere, nothing for ``--json``.

Data flow: the instance's views -> rich tables (imported only for the live screen), or one line of counts. Showing never changes the run: it reads what the
``ringfence`` commands read.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ringfence.tools.render import GLYPHS, Options, Row, View, text
from ringfence.tools.views import latency, processes, tables
from ringfence.tools.views.instance import Instance

if TYPE_CHECKING:
    from rich.table import Table

LINE_S = 2.0
COLOURS = {"ok": "green", "warn": "yellow", "bad": "red", "idle": "bright_black"}


class Screen:
    """Shows nothing; the base of the others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None: ...

    def say(self, line: str) -> None:
        """Tell of a step."""

    def show(self, instance: Instance, started: float, seconds: float) -> None:
        """Show the instance as it is now."""


class Lines(Screen):
    """One line of counts every ``LINE_S`` seconds, the first as soon as something traded."""

    def __init__(self) -> None:
        self._due, self._orders, self._at = 0.0, 0, 0.0

    def say(self, line: str) -> None:
        print(line, flush=True)

    def show(self, instance: Instance, started: float, seconds: float) -> None:
        engine, now = instance.engine, time.monotonic()
        if engine is None or now < self._due or (not self._due and not int(engine["fills"])):
            return
        orders = int(engine["order_count"])
        rate = (orders - self._orders) / (now - self._at) if self._at else 0.0
        self._orders, self._at, self._due = orders, now, now + LINE_S
        counts = "  ".join(f"{n} {int(engine[k]):,}" for n, k in (("fills", "fills"), ("rejects", "rejects"), ("open", "open_orders"), ("frames", "seq")))
        print(f"t={now - started:4.1f}s  orders {orders:,} ({rate:,.0f}/s)  {counts}", flush=True)


class Live(Screen):
    """The live screen: components, rates, positions, latency, last fills."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console()
        self._live = RichLive(console=self._console, auto_refresh=False, transient=True)
        self._counts: tuple[float, int, int] | None = None

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, value, trace)

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    def show(self, instance: Instance, started: float, seconds: float) -> None:
        from rich.columns import Columns
        from rich.console import Group
        from rich.text import Text

        engine, now = instance.engine, time.monotonic()
        if engine is None:
            return
        seen = (now, int(engine["order_count"]), int(engine["fills"]))
        rates = [0.0, 0.0]
        if self._counts is not None and now > self._counts[0]:
            rates = [(seen[i] - self._counts[i]) / (now - self._counts[0]) for i in (1, 2)]
        self._counts = seen
        left = max(0.0, started + seconds - now)
        head = f"{instance.header(Options())}   {left:.0f} s left"
        flow = f"orders {seen[1]:,} ({rates[0]:,.0f}/s)   fills {seen[2]:,} ({rates[1]:,.0f}/s)"
        totals = f"{flow}   rejects {int(engine['rejects']):,}   open {int(engine['open_orders']):,}"
        left_side = Group(
            _table(processes.STATUS, processes.status(instance), ("component", "pid", "state", "hb_age", "restarts")),
            _table(processes.SESSIONS, processes.sessions(instance), ("session", "state", "in_seq", "out_seq")),
        )
        positions = [r | {"pnl": r["rpnl"] + r["upnl"] if r["upnl"] is not None else None} for r in tables.positions(instance)]
        right_side = Group(
            _table(tables.POSITIONS, positions, ("strategy", "symbol", "net", "avg", "mark", "upnl", "rpnl", "ccy")),
            _table(latency.LATENCY, latency.latency(latency.chosen(latency.by_stage(instance), ("→",), None)), ("stage", "n", "p50", "p99", "p99_9", "max")),
        )
        fills = _table(tables.FILLS, tables.fills(instance, 8)[::-1], ("seq", "time_ns", "exec_id", "id", "symbol", "side", "qty", "px", "strategy"))
        self._live.update(Group(Text(head, style="bold"), Text(totals), Columns([left_side, right_side]), fills), refresh=True)


def _table(view: View, rows: list[Row], keys: tuple[str, ...]) -> Table:
    """Return rows as a rich table of the columns ``keys``; the health of a row is its glyph."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = [next(c for c in view.columns if c.key == k) for k in keys]
    glyph = any(c.kind == "glyph" for c in view.columns)
    if glyph:
        table.add_column("")
    for column in columns:
        table.add_column(column.title, justify="right" if column.kind in {"count", "qty", "px", "money", "ns", "rate"} else "left", no_wrap=True)
    for row in rows:
        cells: list[Any] = [text(c, row.get(c.key), Options()) for c in columns]
        health = str(row.get("health") or "idle")
        table.add_row(*([Text(GLYPHS[health], style=COLOURS[health])] if glyph else []), *cells)
    return table


def choose(options: Options, *, silent: bool, live: bool) -> Screen:
    """Return the screen that fits: none, lines, or live on a terminal that can."""
    if silent:
        return Screen()
    able = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Live() if live and able and options.output == "table" else Lines()
