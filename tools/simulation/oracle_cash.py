"""Balances by the rules: what deposits, withdrawals and conversions make of them, and their busts.

    BOOK_ENTRY, agreed ─▶ oracle_entries ─▶ moves (account, currency, amount, worth) ─▶ sums of the Model ─▶ compare: table ``cash``

Written from docs/ledger.md, in whole numbers of 10^-18. Fees in third currencies (``paid``) are not predicted, tests/core/test_cash.py has a model of them:
they count as entries of their balance, too, so there may be more than these rules know of. Reads and writes the Model alone; nothing here fails.
"""

from __future__ import annotations

from fractions import Fraction

from ringfence.ipc.schema import CONSTANTS
from ringfence.tools.ledger_numbers import half_even
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle_definitions import field_of
from ringfence.tools.simulation.oracle_model import Entry, Model, Move
from ringfence.tools.simulation.oracle_records import CASH, CASH_SUMS, SIZE, Tables

KINDS = frozenset({"DEPOSIT", "WITHDRAWAL", "CONVERSION"})
DIGITS = CONSTANTS["LEDGER_MONEY_DIGITS"][0]
RATE = 10**9
FIGURE_MOST = 1 << 125


def can_be(m: Model, e: Entry) -> bool:
    account, strategy, instrument = e.position
    sold, bought = e.said["other"], e.said["other_strategy"]
    if strategy or instrument or e.said["amount"] <= 0 or account not in m.accounts or ("DEFINE_CURRENCY", sold) not in m.images:
        return False
    if e.kind == "CONVERSION" and (sold == bought or ("DEFINE_CURRENCY", bought) not in m.images):
        return False
    return _fit(m, moves(m, e))


def _fit(m: Model, found: list[Move]) -> bool:
    for move in found:
        entered, base, *_ = m.cash.get((move.account, move.currency), (0, 0, 0, 0))
        if not all(-FIGURE_MOST <= figure < FIGURE_MOST for figure in (entered + move.amount, base + (move.worth or 0))):
            return False
    return len(m.cash.keys() | {(move.account, move.currency) for move in found}) < m.capacity["cash"]


def _worth(m: Model, currency: int, amount: int) -> int | None:
    image = m.images["DEFINE_CURRENCY", currency]
    if field_of("DEFINE_CURRENCY", image, "is_firm"):
        return amount
    rate = field_of("DEFINE_CURRENCY", image, "rate")
    return half_even(Fraction(amount * rate, RATE)) if rate else None


def moves(m: Model, e: Entry) -> list[Move]:
    """What an entry moves, at the rates of now."""
    account, sold, bought = e.position[0], e.said["other"], e.said["other_strategy"]
    unit = 10 ** (DIGITS - e.digits)
    amount, got = e.said["amount"] * unit, e.said["qty"] * unit
    if e.kind != "CONVERSION":
        worth, sign = _worth(m, sold, amount), 1 if e.kind == "DEPOSIT" else -1
        return [Move(account, sold, sign * amount, None if worth is None else sign * worth)]
    in_firms = bool(field_of("DEFINE_CURRENCY", m.images["DEFINE_CURRENCY", bought], "is_firm"))
    worth = _worth(m, bought, got) if in_firms else _worth(m, sold, amount)
    if worth is None:
        worth = _worth(m, bought, got)
    return [Move(account, sold, -amount, None if worth is None else -worth), Move(account, bought, got, worth)]


def can_take_back(m: Model, e: Entry) -> bool:
    return _fit(m, [Move(x.account, x.currency, -x.amount, None if x.worth is None else -x.worth) for x in e.moves])


def add(m: Model, found: list[Move], sign: int) -> None:
    """Bring moves into the balances, or out of them."""
    for x in found:
        entered, base, entries, unknown = m.cash.get((x.account, x.currency), (0, 0, 0, 0))
        m.cash[x.account, x.currency] = (entered + sign * x.amount, base + sign * (x.worth or 0), entries + sign, unknown + sign * (x.worth is None))


def compare(m: Model, t: Tables) -> list[Violation]:
    """I22: the balances of the engine are those of the entries that stand."""
    wrong: list[tuple[int, int, object, object]] = []
    seen, row = set(), 1
    while row < t.rows["cash"]:
        words = CASH_SUMS.unpack_from(t.cash, row * SIZE["CashBalance"])
        entries, unknown, account, currency = CASH.unpack_from(t.cash, row * SIZE["CashBalance"])
        if not account:
            break
        entered, base = (low + (high << 64) for low, high in zip(words[:4:2], words[1:4:2], strict=True))
        by_rules = m.cash.get((account, currency), (0, 0, 0, 0))
        if (entered, base) != by_rules[:2] or entries < by_rules[2] or unknown < by_rules[3]:
            wrong.append((account, currency, (entered, base, entries, unknown), by_rules))
        seen.add((account, currency))
        row += 1
    wrong += [(*key, None, sums) for key, sums in m.cash.items() if key not in seen]
    return [Violation("I22", f"balance of account {a} in currency {c} is {found}, by the rules {rules}", m.seq) for a, c, found, rules in wrong]
