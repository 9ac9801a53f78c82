"""Profit and loss of a running instance by position, or by a key of many: what ``ringfence ledger pnl`` says of a store, from the engine's tables.

    ledger tables, marks, rates (region ``state``, read-only) ──settled copies──▶ Part of each position ──▶ rows, or sums (tools.ledger_rollups)

The same figures, names and rounding as the views of the store, at the marks and rates of now instead of those of the last batch. By venue only what does not
depend on the cost method can be told from these tables: fees, and the total of what was traded there, valued at the mark; the rest (entries, splits) is ``-``,
also what a bust changed of it, which a store has at the venue of the bust.
A figure that the engine writes meanwhile may be one input older than another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools import ledger_rollups
from ringfence.tools.ledger_rollups import BASE_FIGURES, FIGURES, Part
from ringfence.tools.ledger_state import INVERSE, SUSPENSE, used, value, wide
from ringfence.tools.marks import Mark, mark_of
from ringfence.tools.render import Row
from ringfence.tools.views.books import amount, held
from ringfence.tools.views.instance import label
from ringfence.tools.views.tables import Names, scaled

RATE_UNITS = 10**9
_FEE = ENUMS["LedgerFee"].by_name
_STATE = ENUMS["LedgerEventState"].by_name
_FILL: int = ENUMS["LedgerEventKind"].by_name["FILL"]
Venues = dict[int, dict[int, list[int]]]


def worth(valued: Any, qty: int, mark: Mark | None) -> int | None:
    """Value of a quantity at a mark, rounded half-even, at the money scale; None when it is not known."""
    if qty == 0:
        return 0
    if mark is None or (int(valued["flags"]) & INVERSE and mark.px <= 0):
        return None
    return round(value(valued, qty, mark.px))


def parts(source: Any, by: str) -> Iterator[Part]:
    """Yield every position, or, by venue, what it did at each."""
    names, rates = Names(source), _rates(source)
    firm = next((code for code, (_, is_firm) in rates.items() if is_firm), None)
    venues = _at_venues(source) if by == "venue" else {}
    for (account, strategy, instrument), (row, p, _) in held(source).items():
        image, valued = names.instrument(instrument), source.table("ledger_instruments")[instrument]
        currency = names.settlement(instrument) or f"{names.symbol(instrument)}:quote"
        rate = rates.get(currency, (0, False))[0]
        who = {
            "account": names.account(account) or "-",
            "strategy": (names.strategy(strategy) or "-") if strategy else SUSPENSE,
            "instrument": names.symbol(instrument) or "-",
            "broker": _group(source, "accounts", account, "broker", "brokers"),
            "desk": _group(source, "strategies", strategy, "desk_row", "desks"),
            "currency": currency,
            "venue": "-",
        }
        figures = _figures(p, worth(valued, wide(p["qty"]), mark_of(image, wide(p["qty"]))), rate)
        known = not p["base_unknown"] and rate > 0
        if by != "venue":
            yield Part(who, figures, firm, known)
            continue
        rest = dict(figures)
        for venue, (qty, paid, fees) in venues.get(row, {}).items():
            gained = worth(valued, qty, mark_of(image, wide(p["qty"])))
            total = None if gained is None else gained - paid - fees
            told: dict[str, int | None] = dict.fromkeys((*FIGURES, *BASE_FIGURES)) | {"fees": fees, "total": total}
            told["total_base"] = None if total is None or not known else round(Fraction(total * rate, RATE_UNITS))
            for name in ("fees", "total", "total_base"):
                rest[name] = None if (now := rest[name]) is None or (part := told[name]) is None else now - part
            yield Part(who | {"venue": names.venue(venue) or "-"}, told, firm, known)
        yield Part(who, dict.fromkeys((*FIGURES, *BASE_FIGURES)) | {name: rest[name] for name in ("fees", "total", "total_base")}, firm, known)


def pnl(source: Any, by: str | None, *, base: bool) -> list[Row]:
    """Return a row for each position, or for each group of ``by``; figures in the firm's currency with ``base``."""
    if by is not None:
        return ledger_rollups.summed(parts(source, by), by, base=base)
    rows = []
    for (owner, (number, p, moving)), part in zip(held(source).items(), parts(source, "account"), strict=False):
        image, qty = Names(source).instrument(owner[2]), wide(p["qty"])
        mark = mark_of(image, qty)
        figures = {name: None if raw is None else amount(raw, 0) for name, raw in part.figures.items()}
        if p["base_unknown"]:
            figures |= dict.fromkeys(BASE_FIGURES)
        row = {"position": number, **part.names, "symbol": part.names["instrument"], **figures, "qty": scaled(qty, int(image["qty_digits"]))}
        row |= {"mark": None if mark is None else mark.decimal(int(image["price_digits"])), "mark_from": None if mark is None else mark.text}
        row["updated_seq"] = int(p["updated_seq"])
        row |= {"base_currency": part.base_currency, "base_known": int(part.base_known)}
        rows.append(row | ({"stale": True} if moving else {}))
    return rows


def _figures(p: Any, value_now: int | None, rate: int) -> dict[str, int | None]:
    """A position's figures as the store's views have them."""
    f = {name: wide(p[name]) for name in ("qty", "cost", "realized", "fees", "funding", "income")}
    base = {name: wide(p[name]) for name in ("cost_base", "realized_base", "realized_fx", "fees_base", "income_base")}
    unrealized = None if value_now is None else value_now - f["cost"]
    total = None if unrealized is None else f["realized"] + f["funding"] + f["income"] - f["fees"] + unrealized
    out: dict[str, int | None] = {"realized": f["realized"], "unrealized": unrealized, "fees": f["fees"], "funding": f["funding"], "income": f["income"]}
    out |= {"total": total, **dict.fromkeys(BASE_FIGURES)}
    if p["base_unknown"]:
        return out
    out |= {name: base[name] for name in ("realized_base", "realized_fx", "fees_base", "income_base")}
    out["realized_price"] = base["realized_base"] - base["realized_fx"]
    at_rate = _in_base(value_now, rate)
    open_base = -base["cost_base"] if f["qty"] == 0 else None if at_rate is None else at_rate - base["cost_base"]
    open_price = 0 if f["qty"] == 0 and f["cost"] == 0 else _in_base(unrealized, rate)
    out |= {"unrealized_base": open_base, "unrealized_price": open_price, "total_base": (total_base := _in_base(total, rate))}
    out["unrealized_fx"] = None if open_base is None or open_price is None else open_base - open_price
    if total_base is not None and open_base is not None:
        out["fx_on_cash"] = total_base - (base["realized_base"] + base["income_base"] - base["fees_base"] + open_base)
    return out


def _in_base(figure: int | None, rate: int) -> int | None:
    return None if figure is None or rate <= 0 else round(Fraction(figure * rate, RATE_UNITS))


def _rates(source: Any) -> dict[str, tuple[int, bool]]:
    """Rates by currency, and which is the firm's."""
    rows, engine = source.table("currencies"), source.engine
    if rows is None or engine is None:
        return {}
    found = rows[1 : min(int(engine["currency_count"]) + 1, len(rows))]
    return {label(r["code"]): (int(r["rate"]), bool(r["is_firm"])) for r in found if label(r["code"])}


def _group(source: Any, members: str, row: int, field: str, groups: str) -> str:
    rows, names = source.table(members), source.table(groups)
    group = int(rows[row][field]) if rows is not None and 0 < row < len(rows) else 0
    return (label(names[group]["name"]) or "-") if names is not None and 0 < group < len(names) else "-"


def _at_venues(source: Any) -> Venues:
    """Quantity, what was paid for it and fees of the trades in force, by position and venue."""
    executions, instruments = source.table("executions"), source.table("ledger_instruments")
    events = used(source.table, "ledger_events", "event_count")
    found: Venues = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    for event in events[(events["kind"] == _FILL) & (events["state"] == _STATE["BOOKED"]) & (events["key"] < len(executions)) & (events["key"] > 0)]:
        now, valued = events[int(event["newest"])] if event["newest"] else event, instruments[int(event["instrument"])]
        qty, fee, kind, px = wide(now["qty"]), wide(now["fee"]), int(now["fee_kind"]), Fraction(wide(now["px"]))
        if kind == _FEE["BASE"]:  # taken from the quantity, and an expense of what it was worth
            qty, fee = qty - fee, round(value(valued, fee, px))
        sums = found[int(event["position"])][int(executions[int(event["key"])]["venue"])]
        for at, figure in enumerate((qty, round(value(valued, qty, px)), fee)):
            sums[at] += figure
    return found
