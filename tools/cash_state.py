"""Balances of accounts and the three lines of their result in the firm's currency (rule 9), from tables of region ``state``.

    cash, ledger_positions, ledger_events ──▶ balances: entered - paid + what positions paid, of each account and currency
    balances + positions + rates + marks ──▶ results: price, fx on positions, fx on cash of each account

A balance is a sum of exact figures (18 decimals). What it was worth when it came is ``base``: entries at the rates of their moments, and what positions
paid, told from their base figures (``base_of``). So for every account, to the last unit but for the rounding of the products with rates of now:

    equity - net deposits - cost that was moved to it = price result + fx result of positions + fx result of cash

Without a rate, a mark, or a figure that says so (``base_unknown``) there is no number: None, never one with a rate of 1. Pure functions over tables that nobody
writes meanwhile. Fractions, because a rate times a figure has 27 decimals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from ringfence.ipc.schema import CONSTANTS
from ringfence.tools.ledger_state import MONEY_DIGITS, used, value, wide

Tables = Callable[[str], Any]
Mark = Callable[[int, int], Fraction | None]
"""Price of an instrument (row) for a quantity of this sign, at the instrument's scale; None without a mark."""
RATE_DIGITS = 9
UNIT = 10**MONEY_DIGITS
_MARGIN, _CASH, _DAILY = (CONSTANTS[f"LEDGER_{name}"][0] for name in ("MARGIN", "CASH", "DAILY"))


class Flows(NamedTuple):
    """What a position's account received in its settlement asset, in money and, at the rates of the moments, in the firm's currency (None: unknown)."""

    money: int
    base: int | None


@dataclass
class Balance:
    """Money of an account in a currency [10^-18]; ``base`` is what it was worth when it came [10^-18 of the firm's currency], None when a rate was missing."""

    account: int
    currency: int
    entered: int = 0
    positions: int = 0
    paid: int = 0
    base: int | None = 0
    entries: int = 0

    @property
    def balance(self) -> int:
        """What there is."""
        return self.entered + self.positions - self.paid


class Lines(NamedTuple):
    """The result of a position in units of the firm's currency; None: unknown."""

    price: Fraction | None
    fx: Fraction | None


def text_of(raw: Any) -> str:
    """Text of a fixed field."""
    return bytes(raw).decode("ascii", "replace")


def cash_of(flags: int, p: Any) -> int:
    """What a position's account received in its settlement asset [10^-18], fees paid in another currency left out."""
    rest = wide(p["funding"]) + wide(p["income"]) - wide(p["fees"]) + wide(p["fees_elsewhere"])
    if flags & _DAILY:
        return rest + wide(p["settled"])
    if flags & _MARGIN:
        return rest + wide(p["realized"])
    return rest + wide(p["flow"]) * (1 if flags & _CASH else -1)


def base_of(flags: int, p: Any) -> int | None:
    """The same with fees paid in another currency, in the firm's currency at the rates of the moments; None: a rate was missing."""
    if p["base_unknown"]:
        return None
    rest = wide(p["income_base"]) - wide(p["fees_base"])
    if flags & _DAILY:
        return rest + wide(p["moved_base"])
    if flags & _MARGIN:
        return rest + wide(p["realized_base"]) - wide(p["realized_fx"])
    return rest + wide(p["realized_base"]) + wide(p["moved_base"]) - wide(p["cost_base"])


def positions(table: Tables) -> Iterator[tuple[Any, Any]]:
    """Rows of positions of accounts, with how the ledger values their instruments."""
    instruments = table("ledger_instruments")
    for p in used(table, "ledger_positions", "position_count")[1:]:
        if p["account"]:
            yield p, instruments[int(p["instrument"])]


def balances(table: Tables) -> list[Balance]:
    """Every balance that something moved, by account and currency.

    Positions whose settlement asset is no row of ``currencies`` are in none: currency 0 is left out.
    """
    found: dict[tuple[int, int], Balance] = {}
    for row in table("cash")[1 : int(table("engine")[1]["cash_count"]) + 1]:
        key = int(row["account"]), int(row["currency"])
        base = None if row["base_unknown"] else wide(row["entered_base"]) - wide(row["paid_base"])
        found[key] = Balance(*key, entered=wide(row["entered"]), paid=wide(row["paid"]), base=base, entries=int(row["entries"]))
    for p, instrument in positions(table):
        key, flags = (int(p["account"]), int(instrument["settle_asset"])), int(instrument["flags"])
        if not key[1] or not int(p["first_event"]):
            continue
        b = found.setdefault(key, Balance(*key))
        b.positions += cash_of(flags, p)
        base = base_of(flags, p)
        b.base = None if b.base is None or base is None else b.base + base
    return [found[key] for key in sorted(found)]


def rate(table: Tables, currency: int) -> Fraction | None:
    """Units of the firm's currency for one of another now, None when it is not known."""
    rows = table("currencies")
    if not 0 < currency < len(rows):
        return None
    if rows[currency]["is_firm"]:
        return Fraction(1)
    return Fraction(int(rows[currency]["rate"]), 10**RATE_DIGITS) or None


def fx_on_cash(table: Tables, b: Balance) -> Fraction | None:
    """What a balance is worth now less what it was worth when it came, in units of the firm's currency."""
    now = rate(table, b.currency)
    return None if now is None or b.base is None else (b.balance * now - b.base) / UNIT


def lines_of(p: Any, instrument: Any, mark: Fraction | None, now: Fraction | None) -> Lines:
    """Price and fx result of a position, at a mark and the rate of its settlement asset.

    What is margined has cost no money, so no rate of its entry counts: only what it realized or settled, at the rates of those moments.
    """
    qty, flags = wide(p["qty"]), int(instrument["flags"])
    if p["base_unknown"] or now is None or (qty and mark is None):
        return Lines(None, None)
    cost = wide(p["cost"])
    unrealized = (value(instrument, qty, mark) if qty and mark is not None else Fraction(0)) - cost
    rest = wide(p["income_base"]) - wide(p["fees_base"])
    price = wide(p["realized_base"]) - wide(p["realized_fx"]) + unrealized * now + rest
    if flags & _DAILY:
        price = wide(p["moved_base"]) + (wide(p["realized"]) + unrealized - wide(p["settled"])) * now + rest
    fx = Fraction(0) if flags & (_DAILY | _MARGIN) else wide(p["realized_fx"]) + cost * now - wide(p["cost_base"])
    return Lines(Fraction(price) / UNIT, Fraction(fx) / UNIT)


def results(table: Tables, mark: Mark) -> dict[int, tuple[Fraction | None, Fraction | None, Fraction | None]]:
    """Price result, fx result of positions and fx result of cash of each account that has any; None where one of its parts is unknown."""
    sums: dict[int, list[Fraction | None]] = defaultdict(lambda: [Fraction(0)] * 3)

    def add(account: int, line: int, part: Fraction | None) -> None:
        so_far = sums[account][line]
        sums[account][line] = None if so_far is None or part is None else so_far + part

    for p, instrument in positions(table):
        if int(p["first_event"]):
            px = mark(int(p["instrument"]), wide(p["qty"]))
            found = lines_of(p, instrument, px, rate(table, int(instrument["settle_asset"])))
            add(int(p["account"]), 0, found.price)
            add(int(p["account"]), 1, found.fx)
    for b in balances(table):
        add(b.account, 2, fx_on_cash(table, b))
    return {account: (lines[0], lines[1], lines[2]) for account, lines in sorted(sums.items())}
