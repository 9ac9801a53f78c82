"""Random orders, fills, busts, replaces, marks and days against a slow model: sums of scopes are those of open orders and positions at every step (I8),
no order that is over holds anything (I9), and an intent is refused exactly when the model finds a limit that it would break.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limit_world import BUY, KIND, RULE, SELL, SHORT, WITH_MARGIN, WITH_QTY, WORLD, amount, furnish, limit, part, profit, scope

from ringfence.core.rules import RULES
from ringfence.core.transitions import TERMINAL
from ringfence.ipc.schema import ENUMS

Machine = Any
Key = tuple[str, int, int]
STATUS = ENUMS["OrdStatus"].by_value
MARGIN_PPM = 50_000
SUMS = ("open_orders", "working_buy", "working_sell", "long_amount", "short_amount", "turnover", "profit", "net_qty", "buy_qty", "sell_qty")
ALL_SUMS = (*SUMS, "short_qty", "short_working", "margin", "spent", "unvalued", "untold", "messages")


def keys(strategy: int, account: int, venue: int, instrument: int) -> list[Key]:
    """The scopes that an order or (venue 0) a position belongs to."""
    found: list[Key] = [("FIRM", 0, 0), ("BROKER", 1, 0), ("ACCOUNT", account, 0), ("INSTRUMENT", instrument, 0), ("ACCOUNT_INSTRUMENT", account, instrument)]
    if strategy:
        found += [("DESK", 1, 0), ("STRATEGY", strategy, 0), ("STRATEGY_INSTRUMENT", strategy, instrument)]
    return [*found, ("VENUE", venue, 0)] if venue else found


def legs(m: Machine, instrument: int) -> list[tuple[Key, bool]]:
    """The currencies of an instrument, and whether a purchase sells them: its base is bought and its quote sold; one without a base is worth its quote."""
    i = m.table("instruments")[instrument]
    base, quote = int(i["base_currency"]), int(i["quote_currency"])
    return [(("CURRENCY", row, 0), row == quote and base != 0) for row in (base, quote) if row]


def reference(m: Machine, instrument: int) -> int:
    i = m.table("instruments")[instrument]
    bid, ask = int(i["bid"]), int(i["ask"])
    return (bid + ask) // 2 if bid > 0 and ask > 0 else int(i["last"])


def replaces(m: Machine, order: Any) -> list[Any]:
    """The replaces in flight of an order."""
    found, row = [], int(order["first_request"])
    while row:
        request = m.table("requests")[row]
        found += [request] if int(request["qty"]) else []
        row = int(request["next"])
    return found


def holds(m: Machine, order: Any) -> tuple[int, int]:
    """Quantity and price that an open order ties up: the most that may still trade, at the highest price that was asked for or that the market gave."""
    asked = replaces(m, order)
    qty = max([int(order["leaves_qty"]), *(int(r["qty"]) - int(order["cum_qty"]) for r in asked)])
    px = max(int(order["px"]), int(order["stop_px"]), *(int(r[f]) for r in asked for f in ("px", "stop_px")), int(order["market_px"]))
    return qty, px


class Model:
    """What the day has counted, which no table shows: turnover, short sales and messages by scope."""

    def __init__(self, m: Machine) -> None:
        self.m = m
        self.day: dict[tuple[Key, str], int] = defaultdict(int)

    def traded(self, order: Any, qty: int, px: int) -> None:
        instrument, account = int(order["instrument"]), int(order["account"])
        for key in keys(int(order["strategy"]), account, int(order["venue"]), instrument):
            self.day[key, "turnover"] += amount(self.m, px, qty, instrument)
        if int(order["side"]) == SHORT:
            self.day[("ACCOUNT_INSTRUMENT", account, instrument), "short_qty"] += qty

    def corrected(self, order: Any, was: tuple[int, int], now: tuple[int, int]) -> None:
        """Of a correction what it is more, in quantity and price."""
        instrument, account = int(order["instrument"]), int(order["account"])
        more = amount(self.m, now[1], now[0], instrument) - amount(self.m, was[1], was[0], instrument)
        for key in keys(int(order["strategy"]), account, int(order["venue"]), instrument):
            self.day[key, "turnover"] += max(more, 0)
        if int(order["side"]) == SHORT:
            self.day[("ACCOUNT_INSTRUMENT", account, instrument), "short_qty"] += max(now[0] - was[0], 0)

    def sent(self) -> None:
        """The commands of the last frame are messages of their orders; requests for a status are not counted."""
        for command in self.m.commands:
            if ENUMS["CommandKind"].by_value[int(command["kind"])] not in ("NEW", "REPLACE", "CANCEL"):
                continue
            order = self.m.order(int(command["order_id"]))
            for key in keys(int(order["strategy"]), int(order["account"]), int(order["venue"]), int(order["instrument"])):
                self.day[key, "messages"] += 1

    def new_day(self) -> None:
        self.day.clear()

    def sums(self) -> dict[tuple[Key, str], int]:
        m = self.m
        out: dict[tuple[Key, str], int] = defaultdict(int, {k: v for k, v in self.day.items() if v})
        for order in m.table("orders")[1 : int(m.status["order_count"]) + 1]:
            if STATUS[int(order["ord_status"])] in TERMINAL:
                assert int(order["reserved_qty"]) == int(order["reserved_amount"]) == 0, f"order {order['order_id']} is over and holds an amount"
                continue
            self.add_order(out, order)
        for p in m.table("positions")[1 : int(m.status["position_count"]) + 1]:
            self.add_position(out, p)
        return {k: v for k, v in out.items() if v}

    def add_order(self, out: dict[tuple[Key, str], int], order: Any) -> None:
        qty, px = holds(self.m, order)
        instrument, account, side = int(order["instrument"]), int(order["account"]), int(order["side"])
        worth = amount(self.m, px, qty, instrument)
        for key in keys(int(order["strategy"]), account, int(order["venue"]), instrument):
            out[key, "open_orders"] += 1
            out[key, "working_buy" if side == BUY else "working_sell"] += worth
            if key[0] in WITH_QTY:
                out[key, "buy_qty" if side == BUY else "sell_qty"] += qty
            if key[0] in WITH_MARGIN:
                out[key, "margin"] += part(worth, MARGIN_PPM)
        for key, sold in legs(self.m, instrument):
            out[key, "working_buy" if (side == BUY) != sold else "working_sell"] += worth
        if side == SHORT:
            out[("ACCOUNT_INSTRUMENT", account, instrument), "short_working"] += qty

    def add_position(self, out: dict[tuple[Key, str], int], p: Any) -> None:
        instrument, net = int(p["instrument"]), int(p["net_qty"])
        px = reference(self.m, instrument) or int(p["last_px"])
        worth = amount(self.m, px, abs(net), instrument)
        big = {name: (int(p[name + "_hi"]) << 64) + int(p[name + "_lo"]) for name in ("realized", "cost")}
        gained = profit(self.m, big["realized"] + net * px - big["cost"], instrument) - int(p["day_profit"])
        spent = max(worth, amount(self.m, big["cost"], 1, instrument)) if net > 0 else 0
        for key in keys(int(p["strategy"]), int(p["account"]), 0, instrument):
            out[key, "long_amount" if net > 0 else "short_amount"] += worth
            out[key, "profit"] += gained
            if key[0] in WITH_QTY:
                out[key, "net_qty"] += net
            if key[0] in WITH_MARGIN:
                out[key, "margin"] += part(worth, MARGIN_PPM)
                out[key, "spent"] += spent
        for key, sold in legs(self.m, instrument):
            out[key, "long_amount" if (net > 0) != sold else "short_amount"] += worth


def counted(m: Machine) -> dict[tuple[Key, str], int]:
    """The engine's own sums of every scope, without zeros."""
    names = {number: name for name, number in KIND.items()}
    return {
        ((names[int(row["kind"])], int(row["a"]), int(row["b"])), name): int(row[name])
        for row in m.table("scopes")[1 : int(m.status["scope_count"]) + 1]
        for name in ALL_SUMS
        if int(row[name])
    }


def refusals(m: Machine, strategy: int, account: int, instrument: int, side: int, px: int, qty: int) -> set[str]:
    """Every reason for which a limit would refuse a new limit order, from the sums and limits of its scopes."""
    found: set[str] = set()
    worth = amount(m, px, qty, instrument)
    reducing = room_to_reduce(m, strategy, account, instrument, side) >= qty
    mark = reference(m, instrument)
    for kind, a, b in keys(strategy, account, 1, instrument):
        row = scope(m, kind, a, b)
        if row is None:
            continue
        lim = {name: int(row["limits"][number]) for name, number in RULE.items()}
        v = {name: int(row[name]) for name in ALL_SUMS}
        net = v["long_amount"] - v["short_amount"]
        over = {
            "NO_LOCATE": (lim["SHORT_SALE"], v["short_qty"] + v["short_working"] + qty if side == SHORT else 0),
            "MAX_QTY": (lim["MAX_QTY"], qty),
            "MAX_NOTIONAL": (lim["MAX_NOTIONAL"], worth),
            "OPEN_ORDERS": (lim["OPEN_ORDERS"], v["open_orders"] + 1),
            "TURNOVER": (lim["TURNOVER"], v["turnover"] + v["working_buy"] + v["working_sell"] + worth),
        }
        after = v["net_qty"] + v["buy_qty"] + qty if side == BUY else -v["net_qty"] + v["sell_qty"] + qty
        unless_reducing = {
            "CREDIT": (lim["CREDIT"], v["spent"] + v["working_buy"] + worth if side == BUY else 0),
            "MARGIN": (lim["MARGIN"], v["margin"] + part(worth, MARGIN_PPM)),
            "MAX_POSITION": (lim["MAX_POSITION"], after),
            "NET_EXPOSURE": (lim["NET_EXPOSURE"], worth + (net + v["working_buy"] if side == BUY else v["working_sell"] - net)),
            "GROSS_EXPOSURE": (lim["GROSS_EXPOSURE"], v["long_amount"] + v["short_amount"] + v["working_buy"] + v["working_sell"] + worth),
        }
        found |= {reason for reason, (most, value) in over.items() if most and value > most}
        if not reducing:
            found |= {reason for reason, (most, value) in unless_reducing.items() if most and value > most}
            found |= {"LOSS"} if ENUMS["ScopeState"].by_value[int(row["state"])] == "REDUCING" else set()
        if lim["COLLAR"] and not (mark and int(m.table("instruments")[instrument]["mark_ns"])):
            found.add("NO_REFERENCE")
        elif lim["COLLAR"] and (px - mark if side == BUY else mark - px) * 10**6 > mark * lim["COLLAR"]:
            found.add("COLLAR")
    for key, sold in legs(m, instrument):
        usage_now, row = usage(counted(m), key, side if not sold else SELL if side == BUY else BUY), scope(m, *key)
        for name in ("NET_EXPOSURE", "GROSS_EXPOSURE"):
            most = int(row["limits"][RULE[name]])
            if most and usage_now[name] + worth > most and room_to_reduce(m, strategy, account, instrument, side) < qty:
                found.add(name)
    return found


ALWAYS = ("TURNOVER", "SHORT_SALE")  # these also hold for what only reduces


def usage(sums: dict[tuple[Key, str], int], key: Key, side: int) -> dict[str, int]:
    """What a scope uses of each limit that is a sum, on the side of an order."""
    v = {name: sums.get((key, name), 0) for name in ALL_SUMS}
    net, working = v["long_amount"] - v["short_amount"], v["working_buy"] + v["working_sell"]
    return {
        "CREDIT": v["spent"] + v["working_buy"],
        "MARGIN": v["margin"],
        "MAX_POSITION": v["net_qty"] + v["buy_qty"] if side == BUY else v["sell_qty"] - v["net_qty"],
        "NET_EXPOSURE": net + v["working_buy"] if side == BUY else v["working_sell"] - net,
        "GROSS_EXPOSURE": v["long_amount"] + v["short_amount"] + working,
        "TURNOVER": v["turnover"] + working,
        "SHORT_SALE": v["short_qty"] + v["short_working"],
    }


def grown_beyond(m: Machine, before: dict[tuple[Key, str], int], after: dict[tuple[Key, str], int], scopes: list[Key], side: int) -> list[str]:
    """The limits that a step has let a scope grow beyond."""
    found = []
    for key in scopes:
        row, was = scope(m, *key), usage(before, key, side)
        for name, value in usage(after, key, side).items():
            most = int(row["limits"][RULE[name]])
            found += [name] if most and value > most and value > was[name] else []
    return found


def room_to_reduce(m: Machine, strategy: int, account: int, instrument: int, side: int) -> int:
    position = m.position(strategy, account, instrument)
    net = position["net_qty"] if position else 0
    room = -net if side == BUY else net
    for order in m.table("orders")[1 : int(m.status["order_count"]) + 1]:
        same = (int(order["strategy"]), int(order["account"]), int(order["instrument"])) == (strategy, account, instrument)
        if same and (int(order["side"]) == BUY) == (side == BUY) and STATUS[int(order["ord_status"])] not in TERMINAL:
            room -= holds(m, order)[0]
    return room


# ---- random histories ---------------------------------------------------------------------------------------------------------------

LIMITED = ("SHORT_SALE", "MAX_QTY", "MAX_NOTIONAL", "COLLAR", "CREDIT", "MARGIN", "MAX_POSITION", "NET_EXPOSURE", "GROSS_EXPOSURE", "OPEN_ORDERS", "TURNOVER",
           "DAILY_LOSS")  # fmt: skip
SCALE = {"amount": 1_500_000, "qty": 150, "count": 6, "ppm": 200_000}
WHAT = ["new", "new", "new", "new", "replace", "replaced", "fill", "fill", "cancel", "canceled", "bust", "correct", "mark", "ack", "unknown", "day", "limit"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(WHAT),
        st.integers(0, 2**30),
    ),
    min_size=5,
    max_size=45,
)


def key_of(n: int, rule: str) -> Key:
    kind = RULES[rule].scopes[n % len(RULES[rule].scopes)]
    a = 0 if kind == "FIRM" else 1 if kind in ("BROKER", "VENUE", "DESK") else 1 + n // 16 % 2
    return kind, a, 1 + n // 32 % 2 if kind.startswith(("ACCOUNT_", "STRATEGY_")) else 0


class History:
    """Applies random steps, each checked against the model."""

    def __init__(self, m: Machine) -> None:
        self.m, self.model = m, Model(m)
        self.trades: list[tuple[str, int, int, int]] = []
        self.days = 0
        limit(m, "FIRM", "MARGIN_RATE", MARGIN_PPM)

    def step(self, what: str, n: int) -> None:
        count = int(self.m.status["order_count"])
        order = 1 + n % count if count else 0
        if what in ("new", "mark", "day", "limit") or order:
            self.m.commands = []
            getattr(self, what)(n >> 8, order)
        self.model.sent()
        assert counted(self.m) == self.model.sums(), f"after {what} {n}"

    def new(self, n: int, order: int) -> None:
        m, client = self.m, int(self.m.status["intents"]) + 1
        strategy, account, instrument = 1 + n % 2, 1 + n // 2 % 2, 1 + n // 4 % 2
        side, px, qty = (BUY, SELL, SHORT, BUY)[n // 8 % 4], 80 + n // 32 % 40, 1 + n // 2048 % 60
        expected = refusals(m, strategy, account, instrument, side, px, qty)
        m.new(client, strategy=strategy, account=account, instrument=instrument, side=side, px=px, qty=qty)
        if expected:
            assert m.deny() in expected
        else:
            assert m.told()[-1] == "ACCEPTED", f"refused for {m.deny()}, which the model does not find"

    def replace(self, n: int, order: int) -> None:
        m, o, qty = self.m, self.m.order(order).copy(), 1 + n % 80
        strategy, account, instrument, side = (int(o[f]) for f in ("strategy", "account", "instrument", "side"))
        room = room_to_reduce(m, strategy, account, instrument, side) + (holds(m, o)[0] if STATUS[int(o["ord_status"])] not in TERMINAL else 0)
        before = counted(m)
        m.replace(int(o["client_id"]), strategy=strategy, qty=qty, px=80 + n // 128 % 40)
        if m.sent() == ["REPLACE"]:
            reducing = qty - int(o["cum_qty"]) <= room
            assert not [name for name in grown_beyond(m, before, counted(m), keys(strategy, account, 1, instrument), side) if name in ALWAYS or not reducing]

    def replaced(self, n: int, order: int) -> None:
        o = self.m.order(order)
        for request in replaces(self.m, o)[:1]:
            rev, px, qty = int(request["revision"]), int(request["px"]), int(request["qty"])
            self.m.event("REPLACED" if n % 3 else "CANCEL_REJECT", order, rev, **({"px": px, "qty": qty} if n % 3 else {}))

    def fill(self, n: int, order: int) -> None:
        o = self.m.order(order)
        qty, px, exec_id = 1 + n % 30, 80 + n // 32 % 40, f"E{self.m.seq}"
        if STATUS[int(o["ord_status"])] in TERMINAL:
            return
        self.m.fill(qty, px=px, order=order, exec_id=exec_id, symbol="EURUSD" if int(o["instrument"]) == 1 else "GBPUSD", side=int(o["side"]))
        self.model.traded(o, qty, px)
        self.trades.append((exec_id, order, qty, px))

    def bust(self, n: int, order: int) -> None:
        if self.trades:
            exec_id, order, _, _ = self.trades.pop(n % len(self.trades))
            self.m.event("BUST", order, exec_id=f"B{self.m.seq}", exec_ref_id=exec_id)

    def correct(self, n: int, order: int) -> None:
        if self.trades:
            exec_id, order, was_qty, was_px = self.trades.pop(n % len(self.trades))
            qty, px, new_id = 1 + n // 16 % 40, 70 + n // 1024 % 60, f"C{self.m.seq}"
            self.m.event("CORRECT", order, exec_id=new_id, exec_ref_id=exec_id, last_qty=qty, last_px=px)
            self.model.corrected(self.m.order(order), (was_qty, was_px), (qty, px))
            self.trades.append((new_id, order, qty, px))

    def cancel(self, n: int, order: int) -> None:
        o = self.m.order(order)
        self.m.cancel(int(o["client_id"]), strategy=int(o["strategy"]))

    def canceled(self, n: int, order: int) -> None:
        self.m.event("CANCELED", order, int(self.m.order(order)["revision"]))

    def ack(self, n: int, order: int) -> None:
        self.m.event("ACK", order)

    def unknown(self, n: int, order: int) -> None:
        self.m.event("NOT_SENT" if n % 2 else "REJECTED", order)

    def mark(self, n: int, order: int) -> None:
        self.m.mark(80 + n % 40, 80 + n % 40 + n // 64 % 5, instrument=1 + n // 512 % 2)

    def day(self, n: int, order: int) -> None:
        if n % 4 == 0:
            self.days += 1
            self.m.control("ROLL_DAY", day=20260105 + self.days % 20)
            self.model.new_day()

    def limit(self, n: int, order: int) -> None:
        rule = LIMITED[n % len(LIMITED)]
        kind, a, b = key_of(n // 16, rule)
        limit(self.m, kind, rule, 1 + n // 2048 % SCALE[RULES[rule].unit], a, b)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_sums_when_anything_happens_are_those_of_open_orders_and_positions(make_machine: Callable[..., Machine], steps: list[tuple[str, int]]) -> None:
    m = furnish(make_machine(WORLD))
    history = History(m)
    for what, n in steps:
        history.step(what, n)
    before = counted(m)
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=1, code="USD", rate=10**9, is_firm=1, status=1))
    assert counted(m) == before, "a recount from scratch gives other sums"
    other = m.replayed()
    assert other.table("scopes").tobytes() == m.table("scopes").tobytes()


def test_sums_when_the_first_limit_comes_late_are_those_of_what_is_open_already(make_machine: Callable[..., Machine]) -> None:
    m = furnish(make_machine(WORLD))
    m.new(1, side=BUY, px=100, qty=10)
    m.fill(4, px=100, order=1)
    assert counted(m) == {}
    history = History(m)
    assert counted(m) == history.model.sums() != {}


@pytest.mark.parametrize("rate", [2 * 10**9, 333_333_333])
def test_sums_when_a_rate_changes_are_worked_out_anew(make_machine: Callable[..., Machine], rate: int) -> None:
    m = furnish(make_machine(WORLD))
    history = History(m)
    m.new(1, side=BUY, px=100, qty=10)
    m.control("DEFINE_CURRENCY", body=m.record("Currency", id=1, code="USD", rate=rate, is_firm=1, status=1))
    assert int(scope(m, "FIRM")["working_buy"]) == amount(m, 100, 10)
    history.model.sent()
    assert counted(m)[("FIRM", 0, 0), "working_buy"] == history.model.sums()[("FIRM", 0, 0), "working_buy"]
