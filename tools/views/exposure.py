"""Exposure by asset and value date, holidays, and value dates of today's trades, from the engine's tables.

Data flow: ``ledger_positions`` and ``value_dates`` (read-only views) -> settled copies -> two legs a row (``legs``) -> sums by asset, value date and one more
key -> the firm's currency at the rate of now. Amounts are exact decimals; trades count, fees and income do not (docs/ledger.md, rule 10).
A leg in a currency is valued at its rate, another asset at the mid of the instrument that it was traded in; without either there is no number and the row says
so. Rows of a position that do not sum to its figures were read while the engine wrote them: they are marked stale. The value date of a day's trades is
computed by the engine's own code on copies of the tables that it reads. What can fail: UsageError for a currency or symbol that there is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Context, Decimal
from typing import Any, NamedTuple

import numpy as np

from ringfence.core.state import Limits, State
from ringfence.core.value_dates import value_day
from ringfence.ipc.schema import ENUMS
from ringfence.tools.definitions import holidays_of
from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_state import INVERSE, MONEY_DIGITS, dates_of, used, wide
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import label, settled
from ringfence.tools.views.tables import Names, Source

BY = ("asset", "account", "strategy", "instrument", "broker")
SETTLED = "settled"
_SUMS = (
    Column("asset", "ASSET"),
    Column("value_day", "VALUE_DATE"),
    Column("amount", "AMOUNT", "qty"),
    Column("rate", "RATE", "px"),
    Column("value", "VALUE", "money"),
    Column("note", "NOTE"),
)
EXPOSURE = View("exposure", _SUMS, ("asset", "value_day"))
HOLIDAYS = View("holidays", (Column("currency", "CCY"), Column("day", "DAY"), Column("weekday", "WEEKDAY")), ("currency", "day"))
VALUE_DATES = View(
    "value_dates",
    (
        Column("symbol", "SYM"),
        Column("kind", "KIND"),
        Column("settle_days", "DAYS", "count"),
        Column("last_day", "LAST_DAY"),
        Column("trade_day", "TRADE_DATE"),
        Column("value_day", "VALUE_DATE"),
    ),
    ("symbol",),
)
_EXACT = Context(prec=100)
_RATE_DIGITS = 9
_KIND = ENUMS["InstrumentKind"].by_value


class Leg(NamedTuple):
    """One side of what a position traded for a value date; ``value_day`` is 0 when it has come."""

    account: int
    strategy: int
    instrument: int
    asset: str
    value_day: int
    amount: Decimal
    is_base: bool
    stale: bool


def view(by: str) -> View:
    """The view of sums by one more key than asset and value date."""
    return EXPOSURE if by == "asset" else View(f"exposure_by_{by}", (Column("key", by.upper()), *_SUMS), ("key", "asset", "value_day"))


def text_of_day(day: int) -> str:
    """A date of the engine as text; "settled" for the row of days that have come."""
    return f"{day // 10_000:04}-{day // 100 % 100:02}-{day % 100:02}" if day else SETTLED


def _copies(source: Source) -> Callable[[str], Any]:
    """The tables that legs are made of, each row as it stood still once."""
    held = {name: source.table(name) for name in ("instruments", "ledger_instruments")} | {"ledger": source.table("ledger").copy()}
    held["ledger_positions"], _ = settled(used(source.table, "ledger_positions", "position_count"))
    held["value_dates"], _ = settled(source.table("value_dates")[: int(source.table("engine")[1]["value_date_count"]) + 1])
    return held.__getitem__


def legs(source: Source) -> Iterator[Leg]:
    """The legs of every position and value date but those of nothing.

    Linear: ``+qty * multiplier`` of the base, ``-flow`` of the quote; inverse: ``-flow`` of the base, ``-qty * multiplier`` of the quote.
    """
    table = _copies(source)
    for p in used(table, "ledger_positions", "position_count")[1:]:
        i, terms = table("instruments")[int(p["instrument"])], table("ledger_instruments")[int(p["instrument"])]
        base, quote = label(i["base"]), label(i["quote"])
        dates = list(dates_of(table, p))
        stale = any(sum(wide(d[f]) for d in dates) != wide(p[f]) for f in ("qty", "flow"))
        for d in dates:
            units = Decimal(wide(d["qty"]) * max(int(i["multiplier"]), 1)).scaleb(-int(i["qty_digits"]), _EXACT)
            paid = Decimal(-wide(d["flow"])).scaleb(-MONEY_DIGITS, _EXACT)
            pair = ((base, paid, True), (quote, -units, False)) if int(terms["flags"]) & INVERSE else ((base, units, True), (quote, paid, False))
            owner = int(p["account"]), int(p["strategy"]), int(p["instrument"])
            yield from (Leg(*owner, asset, int(d["value_day"]), amount, is_base, stale) for asset, amount, is_base in pair if amount)


class _Prices:
    """What one unit of an asset is worth in the firm's currency now; None when that is not known."""

    def __init__(self, source: Source) -> None:
        rows = source.table("currencies")
        count = int(source.table("engine")[1]["currency_count"])
        self.rates = {label(c["code"]): int(c["rate"]) for c in rows[1 : count + 1] if int(c["id"])}
        self.firm = next((label(c["code"]) for c in rows[1 : count + 1] if int(c["is_firm"])), "")
        self.instruments = source.table("instruments")

    def rate(self, asset: str) -> Decimal | None:
        rate = self.rates.get(asset, 0)
        return Decimal(rate).scaleb(-_RATE_DIGITS, _EXACT) if rate > 0 else None

    def of(self, leg: Leg) -> Decimal | None:
        known = self.rate(leg.asset)
        if known is not None or not leg.is_base:
            return known
        i = self.instruments[leg.instrument]
        quote, bid, ask = self.rate(label(i["quote"])), int(i["bid"]), int(i["ask"])
        if quote is None or not int(i["mark_ns"]) or bid <= 0 or ask <= 0:
            return None
        return _EXACT.multiply(quote, (Decimal(bid + ask) / 2).scaleb(-int(i["price_digits"]), _EXACT))


def exposure(source: Source, by: str = "asset") -> list[Row]:
    """Return the sums, without those that are zero; by one of ``BY`` besides asset and value date."""
    if source.table("value_dates") is None:
        return []
    prices, names = _Prices(source), Names(source)
    out: dict[tuple[str, str, int], Row] = {}
    for leg in legs(source):
        key = _key_of(source, names, leg, by)
        row = out.setdefault(
            (key, leg.asset, leg.value_day),
            {"key": key, "asset": leg.asset, "value_day": text_of_day(leg.value_day), "amount": Decimal(0), "value": Decimal(0), "rates": set()},
        )
        price = prices.of(leg)
        row["amount"] = _EXACT.add(row["amount"], leg.amount)
        row["value"] = None if price is None or row["value"] is None else _EXACT.add(row["value"], _EXACT.multiply(leg.amount, price))
        row["rates"].add(price)
        if leg.stale:
            row["stale"] = True
    return [_finished(out[key]) for key in sorted(out) if out[key]["amount"]]


def _key_of(source: Source, names: Names, leg: Leg, by: str) -> str:
    if by == "account":
        return names.account(leg.account) or "-"
    if by == "strategy":
        return names.strategy(leg.strategy) or "(suspense)"
    if by == "instrument":
        return names.symbol(leg.instrument) or "-"
    if by == "broker":
        broker = int(source.table("accounts")[leg.account]["broker"])
        return label(source.table("brokers")[broker]["name"]) if broker else "-"
    return ""


def _finished(row: Row) -> Row:
    rates = row.pop("rates")
    rate = next(iter(rates)) if len(rates) == 1 else None
    row |= {"amount": _short(row["amount"]), "rate": None if rate is None else _short(rate), "value": None if row["value"] is None else _short(row["value"])}
    row["note"] = "▲ no rate" if row["value"] is None else None
    return row


def _short(amount: Decimal) -> Decimal:
    """The same number without zeros at its end."""
    return amount.quantize(Decimal(1), context=_EXACT) if amount == amount.to_integral_value() else amount.normalize(_EXACT)


def totals(source: Source, rows: list[Row]) -> list[str]:
    """The footer: net and gross in the firm's currency, or why there are none."""
    if not rows:
        return ["○ nothing was traded"]
    firm, lacking = _Prices(source).firm, [r for r in rows if r["value"] is None]
    if lacking:
        return [f"▲ {len(lacking)} row(s) have no rate to the firm's currency, so there is no total: give their currencies a rate, or mark the instrument"]
    values = [r["value"] for r in rows]
    gross = sum((abs(r["value"]) for r in rows if r["asset"] != firm), Decimal(0))
    return [f"net {sum(values, Decimal(0)):.2f}, gross {gross:.2f} {firm} (gross without {firm})"]


# ---- calendars -------------------------------------------------------------------------------------------------------------------


def holidays(source: Source, code: str, since: str) -> list[Row]:
    """Return the holidays of a currency from a day on.

    Raises
    ------
    UsageError
        If there is no such currency.
    """
    rows, count = source.table("currencies"), int(source.table("engine")[1]["currency_count"])
    found = {label(c["code"]): row for row, c in enumerate(rows[1 : count + 1], 1) if int(c["id"])}
    if code not in found:
        symbols = [label(i["symbol"]) for i in source.table("instruments")[1:] if int(i["id"])]
        raise UsageError(f"{code!r} is no currency and no symbol; currencies: {', '.join(found) or 'none'}; symbols: {', '.join(symbols)}")
    days = [date.fromisoformat(str(day)) for day in sorted(holidays_of(source.table("calendars")[found[code]]))]
    return [{"currency": code, "day": day.isoformat(), "weekday": f"{day:%a}"} for day in days if day.isoformat() >= since]


def has_symbol(source: Source, symbol: str) -> bool:
    """Whether an instrument has this symbol."""
    return any(int(i["id"]) and label(i["symbol"]) == symbol for i in source.table("instruments")[1:])


def value_dates(source: Source, day: int, symbol: str = "") -> list[Row]:
    """Return when trades of a day [YYYYMMDD] settle, by instrument."""
    state = State.in_memory(Limits(**{name: len(source.table(name)) - 1 for name in Limits.__dataclass_fields__}))
    for name in ("engine", "instruments", "currencies", "calendars"):
        state.table(name)[:] = settled(np.ascontiguousarray(source.table(name)))[0]
    out: list[Row] = []
    for row, i in enumerate(state.table("instruments")):
        if not int(i["id"]) or symbol not in ("", label(i["symbol"])):
            continue
        last = int(i["last_day"])
        out.append(
            {
                "symbol": label(i["symbol"]),
                "kind": _KIND.get(int(i["kind"]), "").lower() or None,
                "settle_days": int(i["settle_days"]),
                "last_day": text_of_day(last) if last else None,
                "trade_day": text_of_day(day),
                "value_day": text_of_day(value_day(state, row, day)),
            }
        )
    return out
