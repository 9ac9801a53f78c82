"""The margin schedule by the rules: which images of its rows can be, which need a second operator, and what scopes must count of margin and equity.

    DEFINE_MARGIN body ─▶ can_be(), lowers(), place()          tables ─▶ margins(), equities(): sums by scope, each position and balance added up anew

Written from the texts of docs/configuration.md and docs/ledger.md. Figures are Python integers. Reads the Model and tables, writes nothing; nothing here fails.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.ledger_state import wide
from ringfence.tools.simulation import oracle_records
from ringfence.tools.simulation.oracle_model import Model
from ringfence.tools.simulation.oracle_scopes import KIND, Scope

ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
KEY = ("broker", "account", "currency", "instrument", "kind")
RATE_MOST, SIZE_MOST = 10**9, (1 << 59) - 1
_IMAGE = oracle_records.picker("MarginRate", "above", "step_ppm", "rate_ppm", "id", "broker", "account", "currency", "instrument", "kind", "status")
_KNOWN = {"broker": "DEFINE_BROKER", "account": "DEFINE_ACCOUNT", "currency": "DEFINE_CURRENCY", "instrument": "DEFINE_INSTRUMENT"}
_MARGINED, _DAILY, _INVERSE = (CONSTANTS[f"LEDGER_{n}"][0] for n in ("MARGIN", "DAILY", "INVERSE"))
_TO_AMOUNT = 10**23  # money of 18 decimals at a rate of 9, in 10^-4


def _fields(body: bytes) -> dict[str, Any]:
    first, second, third, one, two, three, rate, row, broker, account, currency, instrument, kind, status = _IMAGE.unpack_from(body)
    about = {"broker": broker, "account": account, "currency": currency, "instrument": instrument, "kind": kind}
    return about | {"steps": [(first, one), (second, two), (third, three)], "rate": rate, "row": row, "status": status}


# ---- images ----------------------------------------------------------------------------------------------------------------------


def can_be(m: Model, body: bytes) -> bool:
    f = _fields(body)
    if not 0 < f["row"] < m.capacity.get("margin_rates", 1 << 32) or f["status"] not in ENUMS["Status"].by_value or f["rate"] > RATE_MOST:
        return False
    for name, kind in _KNOWN.items():
        if f[name] > max((row for what, row in m.images if what == kind), default=0):
            return False
    if f["kind"] > ENUMS["InstrumentKind"].max or (f["broker"] and f["account"]) or sum(map(bool, (f["instrument"], f["kind"], f["currency"]))) > 1:
        return False
    used = [s for s in f["steps"] if s != (0, 0)]
    if f["steps"] != [*used, *[(0, 0)] * (3 - len(used))] or any(not 0 < above <= SIZE_MOST or ppm > RATE_MOST for above, ppm in used):
        return False
    return all(a[0] < b[0] for a, b in itertools.pairwise(used))


def lowers(m: Model, body: bytes) -> bool:
    """Whether anything could need less margin than now."""
    after = _fields(body)
    known = m.images.get(("DEFINE_MARGIN", after["row"]))
    before = _fields(known) if known is not None else None
    if before is None or before["status"] != ACTIVE:
        return after["status"] == ACTIVE and min(_rates(after)) < _highest(m)
    if after["status"] != ACTIVE or any(before[n] != after[n] for n in KEY):
        return True
    return _falls(before, after) or any(
        max(_rates(before)) <= max(_rates(other)) <= max(_rates(after)) and _falls(other, after) for other in _rivals(m, after)
    )


def lowers_own(m: Model, before: int, after: int) -> bool:
    """Whether an own rate of an instrument, where 0 is none, could have it need less margin."""
    return after < before or (before == 0 and 0 < after < _margin_rate(m))


def _falls(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the rate of any size is lower."""
    edges = {0, *(above for f in (before, after) for above, _ in f["steps"] if above)}
    return any(_rate_at(after, edge) < _rate_at(before, edge) for edge in edges)


def _rivals(m: Model, f: dict[str, Any]) -> list[dict[str, Any]]:
    """Other rows in force that are as narrow as this one and can be about the same position."""
    rows = [_fields(body) for (what, row), body in m.images.items() if what == "DEFINE_MARGIN" and row != f["row"]]
    same = [r for r in rows if r["status"] == ACTIVE and all(r[n] == f[n] for n in KEY if n != "currency")]
    return [r for r in same if bool(r["currency"]) == bool(f["currency"])]


def _rates(f: dict[str, Any]) -> list[int]:
    return [f["rate"], *(ppm for above, ppm in f["steps"] if above)]


def _rate_at(f: dict[str, Any], size: int) -> int:
    return int([f["rate"], *(ppm for above, ppm in f["steps"] if above and above <= size)][-1])


def _highest(m: Model) -> int:
    """Of every rate that there is."""
    rows = [_fields(body) for (what, _), body in m.images.items() if what == "DEFINE_MARGIN"]
    rates = [rate for f in rows if f["status"] == ACTIVE for rate in _rates(f)]
    own = oracle_records.picker("Instrument", "margin_ppm")
    rates += [own.unpack_from(body)[0] for (what, _), body in m.images.items() if what == "DEFINE_INSTRUMENT"]
    return max([_margin_rate(m), *rates])


def _margin_rate(m: Model) -> int:
    """The highest MARGIN_RATE of any scope."""
    return max([0, *(value for (_, rule), value in m.limits.items() if rule == "MARGIN_RATE")])


def place(body: bytes) -> Scope:
    """The scope that an image is about; the firm's when it is about more than one."""
    f = _fields(body)
    if f["account"]:
        return (KIND["ACCOUNT_INSTRUMENT"], f["account"], f["instrument"]) if f["instrument"] else (KIND["ACCOUNT"], f["account"], 0)
    for name in ("broker", "instrument", "currency"):
        if f[name]:
            return KIND[name.upper()], f[name], 0
    return KIND["FIRM"], 0, 0


# ---- sums ------------------------------------------------------------------------------------------------------------------------


def _row_of(rates: Any, instrument: Any, account: Any) -> int:
    """The row of the schedule for an account's positions of an instrument; 0: none."""
    best: tuple[int, int, int, int] = (-1, 0, 0, 0)
    for r in rates:
        mine = int(r["account"]) in (0, int(account["id"])) and int(r["broker"]) in (0, int(account["broker"]))
        currencies = (0, int(instrument["base_currency"]), int(instrument["quote_currency"]))
        it = int(r["instrument"]) in (0, int(instrument["id"])) and int(r["kind"]) in (0, int(instrument["kind"])) and int(r["currency"]) in currencies
        if int(r["status"]) == ACTIVE and mine and it:
            what = 3 if int(r["instrument"]) else 2 if int(r["kind"]) else 1 if int(r["currency"]) else 0
            whose = 2 if int(r["account"]) else 1 if int(r["broker"]) else 0
            best = max(best, (what, whose, max(int(r["rate_ppm"]), *map(int, r["step_ppm"])), -int(r["id"])))
    return -best[3]


def _part(amount: int, ppm: int) -> int:
    return -(-amount * ppm // 10**6)


def _owners(state: Any, account: int) -> list[Scope]:
    broker = int(state.table("accounts")[account]["broker"])
    return [(KIND["FIRM"], 0, 0), *([(KIND["BROKER"], broker, 0)] if broker else []), *([(KIND["ACCOUNT"], account, 0)] if account else [])]


def margins(state: Any, open_orders: list[Any], positions: Any) -> dict[Scope, int]:
    """Margin by scope, from what open orders hold and positions are worth; of an instance whose only rates are those of the schedule and instruments."""
    out: dict[Scope, int] = defaultdict(int)
    engine = state.table("engine")[1]
    rates = state.table("margin_rates")[1 : int(engine["margin_rate_count"]) + 1]

    def row(x: Any) -> int:
        return _row_of(rates, state.table("instruments")[int(x["instrument"])], state.table("accounts")[int(x["account"])])

    for o in open_orders:
        at = row(o)
        ppm = int(rates[at - 1]["highest_ppm"]) if at else int(state.table("instruments")[int(o["instrument"])]["margin_ppm"])
        for scope in _owners(state, int(o["account"])):
            out[scope] += _part(int(o["reserved_amount"]), ppm)
    for p in positions:
        at, amount = row(p), abs(int(p["value"]))
        if at:
            steps = [(int(a), int(ppm)) for a, ppm in zip(rates[at - 1]["above"], rates[at - 1]["step_ppm"], strict=True) if int(a)]
            edges, ppms = [0, *(a for a, _ in steps), SIZE_MOST], [int(rates[at - 1]["rate_ppm"]), *(ppm for _, ppm in steps)]
            margin = sum(_part(max(min(amount, edges[k + 1]) - edges[k], 0), ppm) for k, ppm in enumerate(ppms))
        else:
            margin = _part(amount, int(state.table("instruments")[int(p["instrument"])]["margin_ppm"]))
        for scope in _owners(state, int(p["account"])):
            out[scope] += margin
    return out


def _half_even(value: int, by: int) -> int:
    quotient, rest = divmod(value, by)
    return quotient + (2 * rest > by or (2 * rest == by and quotient & 1))


def equities(state: Any, positions: Any) -> dict[Scope, int]:
    """Equity by scope: what ledger positions paid and are worth at the price, and balances, at the rates of now."""
    out: dict[Scope, int] = defaultdict(int)
    engine, held = state.table("engine")[1], state.table("ledger_positions")[1 : int(state.table("ledger")[1]["position_count"]) + 1]
    prices = {(int(p["account"]), int(p["strategy"]), int(p["instrument"])): _price(state, p) for p in positions}
    for p in held:
        how = state.table("ledger_instruments")[int(p["instrument"])]
        money = _equity(how, p, prices.get((int(p["account"]), int(p["strategy"]), int(p["instrument"])), 0))
        _add(state, out, int(p["account"]), money, int(how["settle_asset"]))
    for c in state.table("cash")[1 : int(engine["cash_count"]) + 1]:
        _add(state, out, int(c["account"]), wide(c["entered"]) - wide(c["paid"]), int(c["currency"]))
    return out


def untold(state: Any) -> dict[Scope, int]:
    """How many balances have no worth at the rates of now, by scope."""
    out: dict[Scope, int] = defaultdict(int)
    for c in state.table("cash")[1 : int(state.table("engine")[1]["cash_count"]) + 1]:
        money, rate = wide(c["entered"]) - wide(c["paid"]), int(state.table("currencies")[int(c["currency"])]["rate"])
        for scope in _owners(state, int(c["account"])):
            out[scope] += bool(money) and (not rate or abs(_half_even(money * rate, _TO_AMOUNT)) > SIZE_MOST)
    return out


def _add(state: Any, out: dict[Scope, int], account: int, money: int, currency: int) -> None:
    amount = _half_even(money * int(state.table("currencies")[currency]["rate"]), _TO_AMOUNT)
    for scope in _owners(state, account):
        out[scope] += amount if abs(amount) <= SIZE_MOST else 0


def _price(state: Any, p: Any) -> int:
    i = state.table("instruments")[int(p["instrument"])]
    bid, ask = int(i["bid"]), int(i["ask"])
    if bid > 0 and ask > 0 and ask - bid <= bid:
        return (bid + ask) // 2
    return int(i["last"]) if int(i["last"]) > 0 else max(int(p["last_px"]), 0)


def _equity(how: Any, p: Any, px: int) -> int:
    """What a ledger position is to its account, in its settlement currency; 0 where nothing says its price."""
    qty, flags = wide(p["qty"]), int(how["flags"])
    income = wide(p["funding"]) + wide(p["income"]) - wide(p["fees"]) + wide(p["fees_elsewhere"])
    if qty and px <= 0:
        return 0
    value = 0
    if qty and flags & _INVERSE:
        value = _half_even(-qty * wide(how["factor"]), px)
    elif qty:
        value = _half_even(qty * px * wide(how["factor"]), wide(how["divisor"]))
    if flags & _MARGINED:
        return income + wide(p["realized"]) + value - wide(p["cost"])
    return income - wide(p["flow"]) + value
