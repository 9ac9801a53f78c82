"""Grants and limits by the rules: what a new order or a replace is refused for, and with which reject code.

    SET_LIMIT, SET_PERMISSION, ends of overrides ─▶ Model.limits, grants       intent ─▶ granted(), refusal() ─▶ "" or the DenyReason
    each message that goes out ─▶ oracle_model.sent ─▶ buckets of the message rates      each booked trade ─▶ traded() ─▶ turnover of the day

Written from docs/controls.md and the texts of core/rules.py. Limits are looked at scope by scope (``scopes_of``), within a scope in the order of the rule
table; the first that refuses answers. Sums are not kept: each is added up from open orders and positions when it is asked for. Reads and writes the
Model alone; nothing here fails. Not covered, and not set in runs: what needs market data (amounts of positions, collars, losses), short sales, contents,
self-match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringfence.core.rules import RULES, loosens
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.simulation import oracle_records
from ringfence.tools.simulation.oracle_model import REPLACE, SECOND_NS, Grant, Model, Order
from ringfence.tools.simulation.oracle_scopes import BESIDE, KIND, Scope, scopes_of

RULE_NAME = ENUMS["RiskRule"].by_value
PART = ENUMS["PermissionPart"].by_value
COVERED = (
    *("KILL_SWITCH", "PERMISSION", "INSTRUMENT_ACTIVE", "SESSION_STATE", "STALE_INTENT", "SUPPORTED", "TICK", "LOT", "QTY_RANGE", "MAX_QTY", "MAX_NOTIONAL"),
    *("MAX_POSITION", "OPEN_ORDERS", "TURNOVER", "NEW_RATE", "REPLACE_RATE", "MESSAGE_RATE", "NEW_BURST", "REPLACE_BURST", "MESSAGE_BURST", "CANCEL_RESERVE"),
)
BUY, SELL_SHORT = ENUMS["Side"].by_name["BUY"], ENUMS["Side"].by_name["SELL_SHORT"]
ANY = CONSTANTS["ANY"][0]
AMOUNT_DIGITS = 4
MOST = {"count": 10**9, "per_s": 10**9, "ppm": 10**9, "choice": 3}  # by unit; of quantities and amounts 2^62
AMOUNTS = ("MAX_NOTIONAL", "TURNOVER")
RATE_RULES = ("NEW_RATE", "REPLACE_RATE", "MESSAGE_RATE")
_SETS = {"ACCOUNT": "accounts", "VENUE": "venues", "INSTRUMENT": "instruments", "ORD_TYPE": "ord_types", "TIME_IN_FORCE": "time_in_forces"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an order would be: quantities in lots of the instrument's scale, prices in its scale; ``order`` is what a replace is of."""

    strategy: int
    account: int
    venue: int
    instrument: int
    side: int
    ord_type: int
    time_in_force: int
    px: int
    qty: int
    order: Order | None = None


# ---- grants ----------------------------------------------------------------------------------------------------------------------


def granted(m: Model, a: Asked) -> bool:
    """PERMISSION: one grant covers all of it; an instance that never had a grant asks for none."""
    return not m.grants or any(g.strategy in (0, a.strategy) and _covers(g, a) for g in m.grants.values())


def _covers(g: Grant, a: Asked) -> bool:
    wanted = {"accounts": a.account, "venues": a.venue, "instruments": a.instrument, "ord_types": a.ord_type, "time_in_forces": a.time_in_force}
    return all(g.sets[name] & {ANY, element} for name, element in wanted.items()) and (a.side != SELL_SHORT or g.short)


def grants_more(m: Model, body: bytes) -> bool:
    """Whether a change of a grant allows what was not."""
    element, row, part_number, give = oracle_records.PERMISSION.unpack_from(body)
    part, g = PART.get(part_number, ""), m.grants.get(row)
    if not give:
        return False
    if g is None or part == "STRATEGY":
        return True
    return not g.short if part == "SHORT" else not g.sets.get(_SETS.get(part, ""), {ANY}) & {ANY, element}


def set_permission(m: Model, body: bytes) -> bool:
    """One element of one set of a grant; a grant that is taken from its strategy is empty and stays."""
    element, row, part_number, give = oracle_records.PERMISSION.unpack_from(body)
    part = PART.get(part_number, "")
    if part == "STRATEGY" or (not give and row in m.grants):
        m.regranted[row] = m.seq
    if part == "STRATEGY":
        if give:
            m.grants.setdefault(row, Grant(0)).strategy = 0 if element == ANY else element
        elif row in m.grants:
            m.grants[row] = Grant(m.grants[row].strategy)
        return row in m.grants
    g = m.grants.get(row)
    if g is None:
        return False
    if part == "SHORT":
        g.short = bool(give)
        return True
    if part not in _SETS:
        return False
    (g.sets[_SETS[part]].add if give else g.sets[_SETS[part]].discard)(element)
    return True


# ---- limits ----------------------------------------------------------------------------------------------------------------------


def value_of(m: Model, scope: Scope, rule: str) -> int:
    return m.limits.get((scope, rule), 0)


def limit_change(body: bytes) -> tuple[Scope, str, int, int]:
    """Scope, name of the rule, value and end [ns] of a LimitChange."""
    value, expires_ns, a, b, kind, rule = oracle_records.LIMIT.unpack_from(body)
    return (kind, a, b), RULE_NAME.get(rule, ""), value, expires_ns


def needs_two(m: Model, scope: Scope, rule: str, value: int) -> bool:
    """Whether it allows more than what holds."""
    return rule in RULES and limit_loosens(m, scope, rule, value_of(m, scope, rule), value)


def limit_loosens(m: Model, scope: Scope, rule: str, before: int, after: int) -> bool:
    """Whether one value of a limit allows more than another."""
    image = m.images.get(("DEFINE_INSTRUMENT", scope[2]))
    located = image is not None and bool(oracle_records.picker("Instrument", "locate_required").unpack_from(image)[0])
    return loosens(RULES[rule], before, after, located)


def set_limit(m: Model, scope: Scope, rule: str, value: int, *, known: bool) -> bool:
    """Set it; False when the scope or the rule cannot be. ``known``: there is something that the scope is about."""
    names = {number: name for name, number in KIND.items()}
    if rule not in RULES or not known or not 0 <= value <= MOST.get(RULES[rule].unit, 1 << 62) or names.get(scope[0]) not in RULES[rule].scopes:
        return False
    m.limits[scope, rule] = value
    m.counting = True
    if value and (rule not in COVERED or scope[0] in BESIDE):
        m.uncovered.add(f"{rule} of {names[scope[0]]}")
    return True


def refusal(m: Model, a: Asked, reduces: bool) -> str:
    """The reject code of the first limit that the order or replace breaks, "" when it breaks none. ``reduces``: it only shrinks its position."""
    if not m.counting:
        return ""
    remaining = max(a.qty - (a.order.cum if a.order else 0), 0)
    held = a.order.reserved if a.order else 0
    more = max(remaining - held, 0)
    whole = a.qty if more else remaining  # of a replace that enlarges: with what has traded, it is one order
    worst = a.px or (a.order.first_px if a.order else 0)
    rise = _rise(m, a, remaining, more, worst)
    new = a.order is None
    in_place = a.order is not None and not a.order.over
    for scope in scopes_of(a.strategy, a.account, a.venue, a.instrument):
        if scope in m.kills:
            return "KILLED"
        limit = {rule: value for rule in RULES if (value := value_of(m, scope, rule))}
        if not limit:
            continue
        if ("MAX_NOTIONAL" in limit or ("TURNOVER" in limit and (new or rise or more))) and not worst:
            return "NO_REFERENCE"
        if limit.get("MAX_QTY", whole) < whole:
            return "MAX_QTY"
        if "MAX_NOTIONAL" in limit and amount(m, a.instrument, worst, whole) > limit["MAX_NOTIONAL"]:
            return "MAX_NOTIONAL"
        if "MAX_POSITION" in limit and more and _position(m, scope, a.side) + more > limit["MAX_POSITION"] and not reduces:
            return "MAX_POSITION"
        if "OPEN_ORDERS" in limit and not in_place and len(list(open_of(m, scope))) >= limit["OPEN_ORDERS"]:
            return "OPEN_ORDERS"
        if "TURNOVER" in limit and (new or rise) and m.turnover.get(scope, 0) + working(m, scope) + rise > limit["TURNOVER"]:
            return "TURNOVER"
        if code := _too_fast(m, scope, limit, new=new):
            return code
    return ""


def venue_refusal(m: Model, venue: int) -> str:
    """What keeps the only route from being taken: its venue is killed, or has no message left but for cancels."""
    scope = KIND["VENUE"], venue, 0
    if scope in m.kills:
        return "KILLED"
    rate, reserve = value_of(m, scope, "MESSAGE_RATE"), value_of(m, scope, "CANCEL_RESERVE")
    room = max(value_of(m, scope, "MESSAGE_BURST"), 1) - reserve
    ahead = max(m.emptied.get((scope, "MESSAGE_RATE"), 0) - m.now, 0)
    each = -(-SECOND_NS // rate) if rate else 0
    return "MESSAGE_RATE" if rate and (ahead or reserve) and (room < 1 or ahead + each > each * room) else ""


def _rise(m: Model, a: Asked, remaining: int, more: int, worst: int) -> int:
    """By how much the amount that is held for the order would rise: the most of its quantities at the highest of its prices."""
    if a.order is None:
        return amount(m, a.instrument, worst, remaining)
    now = held_amount(m, a.order)
    highest = max(worst, worst_px(a.order)) if a.order.reserved else worst
    return max(amount(m, a.instrument, highest, remaining if more else a.order.reserved) - now, 0)


# ---- sums, added up anew ---------------------------------------------------------------------------------------------------------


def amount(m: Model, instrument: int, px: int, qty: int) -> int:
    """px x qty in 10^-4 of the firm's currency, in which the instrument is quoted; a part of a unit is a unit."""
    i = m.instruments[instrument]
    power = i.price_digits + i.qty_digits - AMOUNT_DIGITS
    return -(-px * qty // 10**power) if power > 0 else int(px * qty * 10**-power)


def worst_px(o: Order) -> int:
    """The highest of its prices and of those that its replaces in flight ask for; of a market order that at which it was taken."""
    return max(o.px, o.stop_px, *(max(r.px, r.stop_px) for r in o.requests.values() if r.kind == REPLACE), 0) or o.first_px


def held_amount(m: Model, o: Order) -> int:
    return amount(m, o.instrument, worst_px(o), o.reserved) if o.reserved else 0


def open_of(m: Model, scope: Scope) -> Iterator[Order]:
    """Open orders of a scope."""
    for s in m.strategies.values():
        for o in s.open.values():
            if scope in scopes_of(o.strategy, o.account, o.venue, o.instrument):
                yield o


def working(m: Model, scope: Scope) -> int:
    """The amount of its open orders."""
    return sum(held_amount(m, o) for o in open_of(m, scope))


def _position(m: Model, scope: Scope, side: int) -> int:
    """Net quantity towards a side, all that works there included."""
    net = sum(p.net for (account, strategy, instrument), p in m.positions.items() if scope in scopes_of(strategy, account, 0, instrument))
    works = sum(o.reserved for o in open_of(m, scope) if (o.side == BUY) == (side == BUY))
    return (net if side == BUY else -net) + works


# ---- rates: a bucket that a message fills by one and that empties at the rate ------------------------------------------------------


def _too_fast(m: Model, scope: Scope, limit: dict[str, int], *, new: bool) -> str:
    for rule in RATE_RULES:
        if rule not in limit or rule == ("REPLACE_RATE" if new else "NEW_RATE"):
            continue
        holds_ = max(limit.get(rule.replace("RATE", "BURST"), 0), 1) - (limit.get("CANCEL_RESERVE", 0) if rule == "MESSAGE_RATE" else 0)
        each = -(-SECOND_NS // limit[rule])  # ns that one message stays in the bucket
        filled = max(m.emptied.get((scope, rule), 0) - m.now, 0)
        if filled + each > each * holds_:
            return rule
    return ""


def traded(m: Model, of: tuple[int, int, int, int], px: int, qty: int) -> None:
    """A trade of (strategy, account, venue, instrument) was booked."""
    _turn_over(m, of, amount(m, of[3], abs(px), qty))


def corrected(m: Model, of: tuple[int, int, int, int], was: tuple[int, int], now: tuple[int, int]) -> None:
    """A booked trade has another price and quantity: only what it is more than before counts."""
    if of[3]:
        more = amount(m, of[3], abs(now[0]), now[1]) - amount(m, of[3], abs(was[0]), was[1])
        _turn_over(m, of, max(more, 0))


def _turn_over(m: Model, of: tuple[int, int, int, int], more: int) -> None:
    for scope in scopes_of(*of) if m.counting else ():
        m.turnover[scope] = m.turnover.get(scope, 0) + more
