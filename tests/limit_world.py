"""A machine with a whole firm around it, words for limits, and the arithmetic of amounts written down the slow way.

One broker with two accounts, one desk with two strategies, one venue, two instruments in EUR quoted in the firm's currency, USD: an order of strategy 1 in
account 1 and instrument 1 belongs to all ten kinds of scope.
"""

from __future__ import annotations

from typing import Any

from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS

Machine = Any
KIND = ENUMS["ScopeKind"].by_name
RULE = ENUMS["RiskRule"].by_name
BUY, SELL, SHORT = (ENUMS["Side"].by_name[n] for n in ("BUY", "SELL", "SELL_SHORT"))
WORLD = Limits(orders=512, executions=2048, positions=32, breaks=64, instruments=4, accounts=4, venues=3, strategies=4, routes=8, lots=512, scopes=64)
OF_ORDER = {  # the scopes of an order of strategy 1, account 1, venue 1, instrument 1
    "FIRM": (0, 0),
    "BROKER": (1, 0),
    "ACCOUNT": (1, 0),
    "VENUE": (1, 0),
    "DESK": (1, 0),
    "STRATEGY": (1, 0),
    "INSTRUMENT": (1, 0),
    "ACCOUNT_INSTRUMENT": (1, 1),
    "STRATEGY_INSTRUMENT": (1, 1),
    "CURRENCY": (2, 0),  # EUR, bought as the order buys; USD, row 1, is sold for it
}
WITH_MARGIN = ("FIRM", "BROKER", "ACCOUNT")
WITH_QTY = ("INSTRUMENT", "ACCOUNT_INSTRUMENT", "STRATEGY_INSTRUMENT")


def furnish(m: Machine, rate: int = 10**9) -> Machine:
    """Broker, desk, second account and second instrument; ``rate`` of the quote currency in 10^-9, 0: none."""
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=1, code="USD", rate=rate, is_firm=1, status=1))
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=2, code="EUR", rate=10**9, status=1))
    m.control("DEFINE_BROKER", body=m.record("Broker", id=1, name="broker", status=1))
    m.control("DEFINE_DESK", body=m.record("Desk", id=1, name="desk", status=1))
    for row, name in ((1, "main"), (2, "other")):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=row, name=name, code=f"ACC{row}", status=1, broker=1))
    for row in (1, 2):
        m.control("DEFINE_STRATEGY", body=m.record("Strategy", id=row, name=f"s{row}", status=1, desk="desk", desk_row=1))
    m.instrument(2, "GBPUSD")
    m.control("DEFINE_ROUTE", body=m.record("Route", id=2, account=2, venue=1, status=1))
    return m


def limit(m: Machine, kind: str, rule: str, value: int, a: int | None = None, b: int | None = None) -> None:
    """Set a limit or setting of a scope; by default of the scope that the usual order belongs to."""
    row, second = OF_ORDER[kind]
    body = m.record("LimitChange", value=value, a=row if a is None else a, b=second if b is None else b, kind=KIND[kind], rule=RULE[rule])
    before = int(m.status["break_count"])
    m.control("SET_LIMIT", body=body)
    assert int(m.status["break_count"]) == before, f"{rule} of {kind} was refused"


def scope(m: Machine, kind: str, a: int | None = None, b: int | None = None) -> Any:
    """The row of a scope, None when it has none yet."""
    row, second = OF_ORDER[kind]
    wanted = (KIND[kind], row if a is None else a, second if b is None else b)
    for found in m.table("scopes")[1 : int(m.status["scope_count"]) + 1]:
        if (int(found["kind"]), int(found["a"]), int(found["b"])) == wanted:
            return found
    return None


def amount(m: Machine, px: int, qty: int, instrument: int = 1) -> int:
    """px x qty as an amount, rounded up by the instrument's factor and shift."""
    i = m.table("instruments")[instrument]
    return -(-(px * qty * int(i["amount_factor"])) >> int(i["amount_shift"]))


def profit(m: Machine, gain: int, instrument: int = 1) -> int:
    """A gain in px x qty as an amount, rounded away from zero."""
    return -amount(m, 1, -gain, instrument) if gain < 0 else amount(m, 1, gain, instrument)


def part(amount: int, ppm: int) -> int:
    """Millionths of an amount, rounded up."""
    return -(-amount * ppm // 10**6)


def accepted(m: Machine) -> bool:
    return bool(m.events) and m.told()[-1] in ("ACCEPTED", "PENDING")
