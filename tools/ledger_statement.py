"""A statement: one account, one trading day, from the ledger's store, for people and for machines.

    Store as of the day's beginning ──┐
    Store as of the day's end ────────┼──▶ Statement ──▶ text, JSON, CSV, or one HTML page with a plot (SVG, no script)
    trades booked on the day ─────────┘

The day is the trading day on which things were booked: a correction of an older trade is on the statement of the day it came. Opening, changes and closing add
up by construction, and the page says so with the head of the batch that it rests on. Figures are exact; what people read has the digits of the instrument:
quantities and prices its own, money those of price and quantity together, at least two; a sum over instruments the most of theirs. In the firm's currency, a
line has what the day brought, at the rates of its beginning and its end; without a rate it is not known. What can fail: UsageError for an account that does
not exist.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_reports import EXACT_DIGITS, number
from ringfence.tools.ledger_rollups import BASE_FIGURES
from ringfence.tools.ledger_store import NOW, Head, Moment, Store
from ringfence.tools.render import Row, clock_time

FIGURES = ("realized", "fees", "funding", "income")
BALANCE = ("entered", "positions", "fees", "balance")
PLOT_WIDTH, PLOT_HEIGHT, PLOT_LEFT, PLOT_TOP, PLOT_BOTTOM = 860, 260, 90, 32, 28
TOTAL = "Total"
TITLES = {"positions": "Positions", "money": "Money", "firm": "What the day brought, in the firm's currency", "trades": "Trades"}
BASE_DIGITS = 2
"""Of the firm's currency; the exact figures are in JSON and CSV."""
LABEL_HEIGHT, SECOND_NS = 14, 1_000_000_000
_COLOURS = ("#1f6feb", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0e7490")
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1f24; margin: 2.5rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p.head { color: #57606a; margin: 0; } p.foot { color: #57606a; font-size: 12px; margin-top: 2rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid #1b1f24; padding: .3rem .5rem; }
td { border-bottom: 1px solid #d8dee4; padding: .3rem .5rem; white-space: nowrap; } .n { text-align: right; }
tr.total td { font-weight: 600; border-bottom: 1.5px solid #1b1f24; }
tr.busted td { color: #8c959f; text-decoration: line-through; } svg { width: 100%; height: auto; }
"""


@dataclass(frozen=True)
class Curve:
    """Realized PnL since the day's beginning in one currency, the firm's where it is known: (engine time [ns], amount) after each posting."""

    currency: str
    points: list[tuple[int, Decimal]]


@dataclass
class Statement:
    """What is on it; rows of ``positions``, ``money``, ``firm`` and ``trades`` have the columns of ``SECTIONS``."""

    instance: str
    account: str
    day: str
    head: Head | None
    positions: list[Row]
    trades: list[Row]
    money: list[Row]
    firm: list[Row]
    curves: list[Curve]


SECTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "positions": (
        *(("strategy", "Strategy"), ("instrument", "Instrument"), ("method", "Method")),
        *(("opening", "Opening"), ("change", "Change"), ("closing", "Closing"), ("mark", "Mark"), ("mark_from", "Mark is")),
        *(("currency", "Ccy"), ("cost", "Cost"), ("unrealized", "Unrealized"), ("realized", "Realized today")),
    ),
    "money": (
        *(("currency", "Ccy"), ("opening", "Opening cash"), ("entered", "Entered"), ("traded", "From positions"), ("elsewhere", "Other fees")),
        *(("change", "Change"), ("closing", "Closing cash")),
        *(("realized", "Realized today"), ("fees", "Fees today"), ("funding", "Funding today"), ("income", "Income today")),
    ),
    "firm": (
        *(("strategy", "Strategy"), ("instrument", "Instrument"), ("currency", "Ccy")),
        *(("realized_base", "Realized"), ("realized_price", "by price"), ("realized_fx", "by fx")),
        *(("unrealized_base", "Unrealized"), ("unrealized_price", "by price"), ("unrealized_fx", "by fx")),
        *(("fees_base", "Fees"), ("income_base", "Funding and income"), ("fx_on_cash", "Fx on cash"), ("total_base", "Total"), ("unknown", "Without a rate")),
    ),
    "trades": (
        *(
            ("time", "Time"),
            ("kind", "What"),
            ("result", "Result"),
            ("instrument", "Instrument"),
            ("strategy", "Strategy"),
            ("venue", "Venue"),
            ("side", "Side"),
            ("qty", "Quantity"),
        ),
        *(("px", "Price"), ("fee", "Fee"), ("fee_asset", "in"), ("amount", "Amount"), ("currency", "Ccy"), ("value_day", "Value date"), ("exec_id", "ExecID")),
    ),
}
_MONEY = ("opening", "entered", "traded", "elsewhere", "change", "closing", "realized", "fees", "funding", "income")
_DIGITS = {
    **{("positions", name): "qty_digits" for name in ("opening", "change", "closing")},
    **{("positions", name): "money_digits" for name in ("cost", "unrealized", "realized")},
    **{("money", name): "money_digits" for name in _MONEY},
    **{("firm", name): "base_digits" for name in BASE_FIGURES},
    ("positions", "mark"): "mark_digits",
    ("trades", "qty"): "qty_digits",
    ("trades", "px"): "px_digits",
}
MONEY_DIGITS_MIN = 2
"""People expect cents also where a price has none."""
INVERSE_DIGITS = 8
"""Of an inverse contract's money, which is no product of price and quantity."""


def build(store: Store, account: str, day: str) -> Statement:
    """Read a statement.

    Raises
    ------
    UsageError
        If there is no such account.
    """
    known = [str(r["name"]) for r in store.query("SELECT name FROM accounts ORDER BY id")]
    if account not in known:
        raise UsageError(f"--account was {account!r}; the store has: {', '.join(known) or 'none'}")
    opening, closing = (_before(store, day, compare) for compare in (">=", ">"))
    before, after = _figures(store, account, opening), _figures(store, account, closing)
    digits = _digits(store)
    book, heads = store.book(), store.query("SELECT max(number) AS n FROM batches")[0]["n"]
    with localcontext(prec=EXACT_DIGITS):
        positions = [_position(before.get(key), row) | digits.get(row["instrument"], {}) for key, row in after.items()]
        had, has = _balances(store, account, opening), _balances(store, account, closing)
        money, total = _money(before.values(), after.values(), had, has), _firm(before, after)
    for sums in money:
        sums["money_digits"] = max((row["money_digits"] for row in positions if row["currency"] == sums["currency"]), default=_digits_of(sums))
    with localcontext(prec=EXACT_DIGITS):
        curves = _curves(store, account, day)
    return Statement(
        book.instance if book else "",
        account,
        day,
        store.heads(int(heads) - 1)[0] if heads else None,
        [row for row in positions if row["opening"] or row["closing"] or row["change"] or row["realized"]],
        [row | digits.get(row["instrument"], {}) for row in _trades(store, account, day)],
        money,
        total,
        curves,
    )


def _digits_of(row: Row) -> int:
    """Digits of money in which no position settles: those that it has, within reason."""
    finest = max((-int(row[name].as_tuple().exponent) for name in _MONEY if row[name]), default=0)
    return min(max(finest, MONEY_DIGITS_MIN), INVERSE_DIGITS)


def _digits(store: Store) -> dict[str, Row]:
    """How many digits people see, by instrument."""
    out: dict[str, Row] = {}
    for r in store.query("SELECT i.symbol, i.qty_digits, i.px_digits, v.inverse FROM instruments i LEFT JOIN valuations v ON v.id = i.id"):
        money = INVERSE_DIGITS if r["inverse"] else max(MONEY_DIGITS_MIN, r["qty_digits"] + r["px_digits"])
        out[str(r["symbol"])] = {"qty_digits": r["qty_digits"], "px_digits": r["px_digits"], "mark_digits": r["px_digits"] + 1, "money_digits": money}
    return out


def _before(store: Store, day: str, compare: str) -> Moment:
    """The moment before the first booking of the first day that is ``compare`` (``>=`` or ``>``) ``day``."""
    first = store.query(f"SELECT min(first_seq) AS seq FROM days WHERE day {compare} :day", day=day)[0]["seq"]
    return NOW if first is None else Moment(seq=int(first) - 1)


def _figures(store: Store, account: str, moment: Moment) -> dict[int, Row]:
    store.as_of(moment)
    sql = "SELECT l.*, p.method, p.cost, p.cash FROM positions p JOIN pnl l ON l.position = p.position WHERE p.account = :account ORDER BY p.position"
    rows = store.query(sql, account=account)
    store.as_of(NOW)
    names = ("qty", "cost", "mark", "unrealized", *FIGURES, *BASE_FIGURES)
    return {int(r["position"]): r | {name: number(r[name]) for name in names} for r in rows}


def _position(before: Row | None, row: Row) -> Row:
    opening = before["qty"] if before else Decimal(0)
    realized = row["realized"] - (before["realized"] if before else 0)
    return row | {"opening": opening, "change": row["qty"] - opening, "closing": row["qty"], "realized": realized}


def _since(before: Row | None, after: Row, name: str) -> Decimal | None:
    """What a figure grew by since the day's beginning; None when either is not known."""
    was, now = before[name] if before else Decimal(0), after[name]
    return None if was is None or now is None else now - was


def _firm(before: dict[int, Row], after: dict[int, Row]) -> list[Row]:
    """What the day brought in the firm's currency, by position, and a total; unknown where one is."""
    rows: list[Row] = []
    for key, now in after.items():
        row = {name: now[name] for name in ("strategy", "instrument")} | {"currency": now["base_currency"], "unknown": 1 - now["base_known"]}
        row |= {name: _since(before.get(key), now, name) for name in BASE_FIGURES}
        if any(row[name] != 0 for name in BASE_FIGURES):
            rows.append(row)
    if not rows:
        return []
    total: Row = {"strategy": TOTAL, "instrument": "", "currency": rows[0]["currency"], "unknown": sum(row["unknown"] for row in rows)}
    for name in BASE_FIGURES:
        known = [row[name] for row in rows if row[name] is not None]
        total[name] = sum(known, Decimal(0)) if len(known) == len(rows) else None
    return [row | {"base_digits": BASE_DIGITS} for row in (*rows, total)]


def _balances(store: Store, account: str, moment: Moment) -> dict[str, Row]:
    store.as_of(moment)
    rows = store.query("SELECT currency, entered, positions, fees, balance FROM cash WHERE account = :account", account=account)
    store.as_of(NOW)
    return {str(r["currency"]): {name: number(r[name]) for name in BALANCE} for r in rows}


def _money(before: Iterable[Row], after: Iterable[Row], had: dict[str, Row], has: dict[str, Row]) -> list[Row]:
    """Balances at the day's beginning and end, what moved them, and what of that positions did, by currency."""
    sums = {currency: dict.fromkeys(FIGURES, Decimal(0)) for currency in had.keys() | has.keys()}
    for sign, rows in ((-1, before), (1, after)):
        for row in rows:
            for name in FIGURES:
                sums[row["currency"]][name] += sign * row[name]
    nothing = dict.fromkeys(BALANCE, Decimal(0))
    out = []
    for currency, total in sorted(sums.items()):
        was, now = had.get(currency, nothing), has.get(currency, nothing)
        moved = {"entered": now["entered"] - was["entered"], "traded": now["positions"] - was["positions"], "elsewhere": was["fees"] - now["fees"]}
        out.append({"currency": currency, **total, **moved, "opening": was["balance"], "closing": now["balance"], "change": now["balance"] - was["balance"]})
    return out


_SIDES = """
    SELECT DISTINCT p.execution, coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy
    FROM fill_history h
    JOIN postings_now p ON p.execution = h.execution
    JOIN position_keys k ON k.id = p.position
    LEFT JOIN accounts a ON a.id = k.account
    LEFT JOIN strategies s ON s.id = k.strategy
    WHERE h.kind = 'TRANSFER' AND h.day = :day"""


def _trades(store: Store, account: str, day: str) -> list[Row]:
    """What was booked for the account on the day; a transfer between accounts is on the statement of both, with the other side in the place of the venue."""
    rows = store.query("SELECT * FROM fill_history WHERE day = :day AND (account = :account OR kind = 'TRANSFER') ORDER BY seq", account=account, day=day)
    sides: dict[int, list[tuple[str, str]]] = {}
    for r in store.query(_SIDES, day=day):
        sides.setdefault(int(r["execution"]), []).append((str(r["account"]), str(r["strategy"])))
    out = []
    for r in rows:
        giver = str(r["account"]), str(r["strategy"])
        others = [side for side in sides.get(int(r["execution"]), []) if side != giver]
        if giver[0] == account:
            out.append(r | {"venue": f"to {'/'.join(others[0])}"} if others else r)
        out += [r | {"account": side[0], "strategy": side[1], "venue": f"from {'/'.join(giver)}"} for side in others if side[0] == account != giver[0]]
    numbers = ("qty", "px", "fee", "amount")
    return [r | {name: number(r[name]) or None for name in numbers} | {"time": r["engine_time"], "value_day": str(r["value_day"])} for r in out]


def _curves(store: Store, account: str, day: str) -> list[Curve]:
    """One line in the firm's currency, where every rate is known; else one in each currency."""
    sql = """
        SELECT p.engine_ns, i.settle, exact_decimal(exact_neg(p.pnl), i.money_digits) AS realized,
               exact_decimal(p.realized_base, i.money_digits) AS realized_base, f.base_unknown, f.base_currency
        FROM postings_now p
        JOIN position_keys k ON k.id = p.position
        JOIN valued i ON i.id = k.instrument
        JOIN accounts a ON a.id = k.account
        JOIN (SELECT position, base_unknown, base_currency FROM worth_parts WHERE part = 'whole') f ON f.position = p.position
        WHERE a.name = :account AND p.day = :day ORDER BY p.seq"""
    rows = store.query(sql, account=account, day=day)
    in_base = bool(rows) and rows[0]["base_currency"] is not None and not any(row["base_unknown"] for row in rows)
    found: dict[str, list[tuple[int, Decimal]]] = {}
    for row in rows:
        points = found.setdefault(row["base_currency" if in_base else "settle"], [])
        amount = Decimal(str(row["realized_base" if in_base else "realized"]))
        points.append((int(row["engine_ns"]), (points[-1][1] if points else Decimal(0)) + amount))
    return [Curve(currency, points) for currency, points in sorted(found.items())]


# ---- as text


def shown(section: str, name: str, row: Row) -> str:
    """A cell for people: a figure with its instrument's digits, ``-`` when it is not known."""
    value = row.get(name)
    if value is None or value == "":
        return "-"
    if not isinstance(value, Decimal):
        return str(value)[:26].replace("T", " ") if name == "time" else str(value)  # microseconds are enough for people
    digits = row.get(_DIGITS.get((section, name), ""))
    return f"{value:,f}" if digits is None else f"{value:z,.{digits}f}"


def exact(value: Any) -> str | None:
    """A cell for machines: exact, None when it is not known."""
    return None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def as_json(s: Statement) -> dict[str, Any]:
    """Return the statement as one object; every figure is an exact decimal."""
    body = {section: [{name: exact(row.get(name)) for name, _ in columns} for row in getattr(s, section)] for section, columns in SECTIONS.items()}
    head = {"schema": "rf.ledger_statement/3", "instance": s.instance, "account": s.account, "day": s.day}
    return {**head, **body, "rests_on": s.head._asdict() if s.head else None}


def as_rows(s: Statement) -> list[list[str]]:
    """Return all sections as rows for one CSV file: the first cell names the section, each section begins with its column names."""
    out = []
    for section, columns in SECTIONS.items():
        out.append([section, *(name for name, _ in columns)])
        out += [[section, *(exact(row.get(name)) or "" for name, _ in columns)] for row in getattr(s, section)]
    return out


def as_text(s: Statement) -> str:
    """Return the statement as text tables."""
    lines = [f"Statement of account {s.account}, trading day {s.day}; instance {s.instance}"]
    for section, columns in SECTIONS.items():
        rows = [[title for _, title in columns], *([shown(section, name, row) for name, _ in columns] for row in getattr(s, section))]
        widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]
        lines += ["", TITLES[section], *("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)]
        if len(rows) == 1:
            lines.append("none")
    return "\n".join(lines)


# ---- as a page


def as_html(s: Statement) -> str:
    """Return the statement as one HTML page with the plot in it; it loads nothing."""
    title = f"Statement of account {html.escape(s.account)}, {s.day}"
    parts = [f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>', f"<h1>{title}</h1>"]
    parts.append(f'<p class="head">Instance {html.escape(s.instance)}. Trading day: what was booked on it, corrections included.</p>')
    for section, columns in SECTIONS.items():
        parts += [f"<h2>{TITLES[section]}</h2>", _table(section, columns, getattr(s, section))]
        if section == "firm":
            parts += ["<h2>Realized PnL over the day</h2>", plot(s.curves)]
    if s.head is not None:
        parts.append(
            f'<p class="foot">Rests on batch {s.head.number}, journal sequence {s.head.last_seq}; journal {s.head.journal_head}, entries '
            f"{s.head.entries_head}. Opening, change and closing are sums of double entries; ringfence ledger verify compares them with the journal.</p>"
        )
    return "\n".join([*parts, "</body></html>\n"])


def _table(section: str, columns: Sequence[tuple[str, str]], rows: list[Row]) -> str:
    if not rows:
        return "<p>None.</p>"
    numeric = {name for name, _ in columns if any(isinstance(row.get(name), Decimal | int) for row in rows)}
    mark = {name: ' class="n"' if name in numeric else "" for name, _ in columns}
    head = "".join(f"<th{mark[name]}>{title}</th>" for name, title in columns)
    body = []
    for row in rows:
        cells = "".join(f"<td{mark[name]}>{html.escape(shown(section, name, row))}</td>" for name, _ in columns)
        mood = " class=busted" if row.get("kind") == "BUST" else " class=total" if row.get("strategy") == TOTAL else ""
        body.append(f"<tr{mood}>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def plot(curves: list[Curve]) -> str:
    """Return step lines over time as SVG, one scale for all currencies; positions on the page are whole numbers."""
    points = [p for c in curves for p in c.points]
    if not points:
        return "<p>Nothing was booked.</p>"
    first, last = min(ns for ns, _ in points), max(ns for ns, _ in points)
    low, high = min(Decimal(0), *(v for _, v in points)), max(Decimal(0), *(v for _, v in points))
    wide, tall = PLOT_WIDTH - PLOT_LEFT - 10, PLOT_HEIGHT - PLOT_BOTTOM - PLOT_TOP

    def x(ns: int) -> int:
        return PLOT_LEFT + (ns - first) * wide // max(1, last - first)

    def y(value: Decimal) -> int:
        return PLOT_TOP + int((high - value) * tall / ((high - low) or 1))

    parts = [f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" role="img" font-size="11" font-family="system-ui, sans-serif">']
    for value in sorted({low, Decimal(0), high}, key=abs, reverse=True):
        at = y(value)
        if value == 0 and any(0 < abs(y(other) - at) < LABEL_HEIGHT for other in (low, high)):
            continue  # its label would be over the other's
        parts.append(f'<line x1="{PLOT_LEFT}" x2="{PLOT_WIDTH - 10}" y1="{at}" y2="{at}" stroke="{"#57606a" if value == 0 else "#d8dee4"}"/>')
        parts.append(f'<text x="{PLOT_LEFT - 8}" y="{at + 4}" text-anchor="end" fill="#57606a">{value:,.2f}</text>')
    for ns, anchor in ((first, "start"), (last, "end")):
        parts.append(
            f'<text x="{x(ns)}" y="{PLOT_HEIGHT - 8}" text-anchor="{anchor}" fill="#57606a">{clock_time(ns)[: 15 if last - first < SECOND_NS else 8]}</text>'
        )
    for at, curve in enumerate(curves):
        colour, path, level = _COLOURS[at % len(_COLOURS)], [f"M{x(first)} {y(Decimal(0))}"], Decimal(0)
        for ns, level in curve.points:
            path.append(f"H{x(ns)}V{y(level)}")
        parts.append(f'<path d="{"".join(path)}H{x(last)}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts.append(f'<text x="{PLOT_LEFT + 8 + 150 * at}" y="14" font-weight="600" fill="{colour}">{html.escape(curve.currency)} {level:,.2f}</text>')
    return "".join([*parts, "</svg>"])
