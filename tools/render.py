"""Rows to text: one renderer for every view of the command line.

Data flow: ``views`` makes rows (dicts of raw values: int, Decimal, str, None), a ``View`` names their columns and kinds, and this module turns a
``Frame`` into a table, JSON, NDJSON, CSV or Prometheus text. It reads no shared memory and knows no view by name.

Rules, for every format: unknown is None (``-`` in text, null in JSON), never 0. JSON gives ids, prices, quantities and nanoseconds as strings, since
a reader's double cannot hold them; counts and rates are numbers. Colour only repeats what a glyph says. What cannot be rendered as asked (an unknown column
in ``--sort``) raises ``UsageError`` naming the columns there are. Rejected: rich tables here, since a pipe, ``TERM=dumb`` and the tests want the same plain
text.
"""

from __future__ import annotations

import csv
import io
import json
import operator
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ringfence.tools.errors import UsageError

Row = dict[str, Any]
GLYPHS = {"ok": "●", "warn": "▲", "bad": "✖", "idle": "○"}
_COLOURS = {"ok": "32", "warn": "33", "bad": "31", "idle": "90", "LIVE": "1;31", "PAPER": "36", "STALE": "1;31"}
WIDTH_MAX = 64  # a longer cell pushes its own row aside, not the whole table
OUTPUTS = ("table", "wide", "json", "ndjson", "csv", "prom")


@dataclass(frozen=True)
class Column:
    """One column. ``kind`` is text, id, count, px, qty, money, pct, rate, ns, time or glyph; ``wide`` ones show only with ``-o wide``."""

    key: str
    title: str
    kind: str = "text"
    wide: bool = False


@dataclass(frozen=True)
class View:
    """A named table: ``schema`` is ``rf.NAME/1``; ``key`` are the columns that identify a row from frame to frame."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def schema(self) -> str:
        return f"rf.{self.name}/1"

    def column(self, name: str) -> Column:
        """Return the column called ``name`` (title or key, any case).

        Raises
        ------
        UsageError
            If there is none; the message names those there are.
        """
        for c in self.columns:
            if name.lower() in {c.key.lower(), c.title.lower()}:
                return c
        raise UsageError(f"{self.name} has no column {name!r}; columns: {', '.join(c.title or c.key for c in self.columns)}")


@dataclass
class Frame:
    """One picture of one view. ``stale_ns`` is the age of the engine's heartbeat when above the limit, else None."""

    view: View
    rows: list[Row]
    instance: str
    ts_ns: int
    header: str = ""
    mode: str = ""
    stale_ns: int | None = None
    footer: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How to render; the global flags of the command line."""

    output: str = "table"
    header: bool = True
    sort: str = ""
    filter: str = ""
    select: tuple[tuple[str, str], ...] = ()
    units: str = "auto"
    local: bool = False
    colour: bool = False
    quiet: bool = False


# ------------------------------------------------------------------------------------------------------------ one value


def duration(ns: int, units: str = "auto") -> str:
    """Return ``ns`` [ns] as people write it: ``840ns``, ``2.8us``, ``14us``, ``1.1ms``, ``4.2s``, ``3m05s``, ``06:41:12``."""
    if units == "ns":
        return f"{ns:,}ns"
    if units == "us":
        return f"{ns / 1e3:,.1f}us"
    if abs(ns) < 1_000:
        return f"{ns}ns"
    for unit, size in (("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        value = ns / size
        if abs(value) < (59.95 if unit == "s" else 999.5):
            return f"{value:.1f}{unit}" if abs(value) < 9.95 else f"{value:.0f}{unit}"
    seconds = ns // 1_000_000_000
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def clock_time(ns: int, *, local: bool = False, full: bool = False) -> str:
    """Return a time [ns since 1970] as ``HH:MM:SS.ffffff``, or ISO 8601 when ``full``; UTC unless ``local``."""
    seconds, rest = divmod(ns, 1_000_000_000)
    parts = time.localtime(seconds) if local else time.gmtime(seconds)
    if full:
        return time.strftime("%Y-%m-%dT%H:%M:%S", parts) + f".{rest // 1_000_000:03d}" + (time.strftime("%z", parts) if local else "Z")
    return time.strftime("%H:%M:%S", parts) + f".{rest // 1_000:06d}"


def decimal(value: Decimal) -> str:
    """Return a Decimal without exponent and with its own digits: ``1.08760`` stays ``1.08760``."""
    return f"{value:f}"


def text(column: Column, value: Any, options: Options) -> str:
    """Return the table cell of ``value``; None is ``-``."""
    if value is None or value == "":
        return "-"
    match column.kind:
        case "glyph":
            return GLYPHS.get(str(value), "○")
        case "count" | "qty":
            return f"{value:,}" if isinstance(value, int) else f"{value:,f}"
        case "px":
            return decimal(value)
        case "money":
            return f"{value:,.2f}"
        case "pct" | "rate":
            return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"
        case "ns":
            return duration(int(value), options.units)
        case "time":
            return clock_time(int(value), local=options.local, full=options.output == "wide")
    return str(value)


def plain(column: Column, value: Any) -> Any:
    """Return the JSON value: strings for ids, prices, quantities and ns, numbers for counts and rates, None for unknown."""
    if value is None or value == "":
        return None
    if column.kind in {"id", "ns", "time"}:
        return str(value)
    if isinstance(value, Decimal):
        return decimal(value)
    return value


# --------------------------------------------------------------------------------------------------------------- choice

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_TERM = re.compile(r"\s*([\w%./>]+?)\s*(!=|>=|<=|==|=|<|>|~)\s*(.*?)\s*$")


def _compare(found: Any, op: str, wanted: str) -> bool:
    if found is None:
        return op == "!="
    if op == "~":
        return re.search(wanted, str(found), re.IGNORECASE) is not None
    try:
        return _OPERATORS[op](Decimal(str(found)), Decimal(wanted.replace(",", "")))
    except ArithmeticError:
        return _OPERATORS[op](str(found).lower(), wanted.lower())


def choose(view: View, rows: Iterable[Row], options: Options) -> list[Row]:
    """Return the rows that ``--filter`` and the selection flags keep, in the order of ``--sort``.

    A filter is ``COL OP VALUE``, several joined by ``;``; OP is one of ``= != < <= > >= ~`` (``~``: regular expression). Values compare as numbers when both
    are.

    Raises
    ------
    UsageError
        If a column does not exist or a term cannot be read.
    """
    kept = list(rows)
    for key, wanted in options.select:
        if key not in {c.key for c in view.columns}:
            raise UsageError(f"--{key} does not apply to {view.name}: it has no such column")
        kept = [r for r in kept if r.get(key) == wanted]
    for term in filter(str.strip, options.filter.split(";")):
        m = _TERM.match(term)
        if not m:
            raise UsageError(f"--filter {term.strip()!r} was not understood; write COL=VALUE with one of = != < <= > >= ~")
        column, op = view.column(m.group(1)), m.group(2).replace("==", "=")
        if op == "~":
            try:
                re.compile(m.group(3))
            except re.error as e:
                raise UsageError(f"--filter {term.strip()!r}: {m.group(3)!r} is not a regular expression: {e}") from e
        kept = [r for r in kept if _compare(r.get(column.key), op, m.group(3))]
    if options.sort:
        key = view.column(options.sort.lstrip("-")).key
        kept.sort(key=lambda r: (r.get(key) is not None, r.get(key) if r.get(key) is not None else 0), reverse=options.sort.startswith("-"))
    return kept


# -------------------------------------------------------------------------------------------------------------- formats


def paint(word: str, colour: str, options: Options) -> str:
    return f"\x1b[{_COLOURS[colour]}m{word}\x1b[0m" if options.colour and colour in _COLOURS else word


def heading(frame: Frame, options: Options) -> list[str]:
    """Return the header lines: instance, mode, version, uptime, heartbeat, sequence, time; ``STALE age`` first when the engine does not beat."""
    lines = []
    if frame.stale_ns is not None:
        lines.append(paint(f"STALE {duration(frame.stale_ns)}", "STALE", options) + "  the engine's heartbeat is old: figures below may be too")
    if frame.header:
        lines.append(frame.header.replace(frame.mode, paint(frame.mode, frame.mode, options), 1) if frame.mode else frame.header)
    return lines


def table(frame: Frame, options: Options, before: Frame | None = None) -> str:
    """Return the frame as a text table; cells that changed since ``before`` are bold when there is colour."""
    columns = [c for c in frame.view.columns if c.kind != "glyph" and (options.output == "wide" or not c.wide)]
    glyph = next((c for c in frame.view.columns if c.kind == "glyph"), None)
    old = {tuple(r.get(k) for k in frame.view.key): r for r in before.rows} if before else {}
    cells = [[text(c, r.get(c.key), options) for c in columns] for r in frame.rows]
    widths = [min(max([len(c.title), *(len(row[i]) for row in cells)]), WIDTH_MAX) for i, c in enumerate(columns)]
    margin = "  " if glyph else ""
    lines = heading(frame, options) if options.header else []
    if options.header:
        lines.append((margin + "  ".join(c.title.ljust(w) for c, w in zip(columns, widths, strict=True))).rstrip())
    for row, shown in zip(frame.rows, cells, strict=True):
        was = old.get(tuple(row.get(k) for k in frame.view.key))
        line = []
        for column, cell, width in zip(columns, shown, widths, strict=True):
            changed = options.colour and was is not None and column.kind not in {"ns", "time"} and was.get(column.key) != row.get(column.key)
            line.append(f"\x1b[1m{cell}\x1b[0m" + " " * max(0, width - len(cell)) if changed else cell.ljust(width))
        mark = ("~" if row.get("stale") else "") + "  ".join(line).rstrip()
        health = str(row.get(glyph.key) or "idle") if glyph else ""
        lines.append((paint(GLYPHS.get(health, "○"), health, options) + " " if glyph else "") + mark)
    return "\n".join([*lines, *frame.footer]) if options.header else "\n".join(lines)


def json_object(frame: Frame) -> dict[str, Any]:
    """Return the envelope ``{"schema", "ts_ns", "instance", "stale", "rows", ...}``."""
    rows = [{c.key: plain(c, r.get(c.key)) for c in frame.view.columns} | ({"stale": True} if r.get("stale") else {}) for r in frame.rows]
    head = {"schema": frame.view.schema, "ts_ns": str(frame.ts_ns), "instance": frame.instance, "stale": frame.stale_ns is not None}
    return {**head, **frame.extra, "rows": rows}


def csv_text(frame: Frame, options: Options) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if options.header:
        writer.writerow([c.key for c in frame.view.columns])
    writer.writerows([["" if (v := plain(c, r.get(c.key))) is None else v for c in frame.view.columns] for r in frame.rows])
    return out.getvalue().rstrip("\n")


def prom_text(frame: Frame) -> str:
    """Return Prometheus text: numeric columns are gauges ``rf_VIEW_COLUMN``, the view's key columns are labels; unknown values are left out."""
    numeric = {"count", "px", "qty", "money", "pct", "rate", "ns"}
    lines = []
    for column in (c for c in frame.view.columns if c.kind in numeric and c.key not in frame.view.key):
        name = re.sub(r"\W", "_", f"rf_{frame.view.name}_{column.key}") + ("_ns" if column.kind == "ns" else "")
        values = [r for r in frame.rows if r.get(column.key) is not None]
        if values:
            lines.append(f"# TYPE {name} gauge")
        for row in values:
            labels = {"instance": frame.instance} | {k: str(row.get(k)) for k in frame.view.key if row.get(k) is not None}
            inside = ",".join('{}="{}"'.format(k, v.replace("\\", "\\\\").replace('"', '\\"')) for k, v in labels.items())
            lines.append(f"{name}{{{inside}}} {row[column.key]}")
    return "\n".join(lines)


def render(frame: Frame, options: Options, *, watching: bool = False, before: Frame | None = None) -> str:
    """Return ``frame`` in the format of ``options``; a watch in JSON is NDJSON, one object per line."""
    match options.output:
        case "json" if not watching:
            return json.dumps(json_object(frame), indent=2, ensure_ascii=False)
        case "json" | "ndjson":
            return json.dumps(json_object(frame), ensure_ascii=False, separators=(",", ":"))
        case "csv":
            return csv_text(frame, options)
        case "prom":
            return prom_text(frame)
    return table(frame, options, before)
