"""The engine's tables against the oracle's model, row by row; each difference is a violation of one invariant.

    Model, Tables ─▶ scalars, order, position (what changed) ─▶ [Violation]
                  └▶ everything, unknown_orders (all rows, at the end)

Reads both, writes neither but the lazily kept cost of a position. Nothing here fails.
"""

from __future__ import annotations

from bisect import bisect_left

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_cash
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle_model import BOOKED, CANCEL, LIMIT_NS, REPLACE, Model, Order, Position, PositionKey, average
from ringfence.tools.simulation.oracle_records import BIT, BREAK, ENGINE, ORDER, ORDER_FIELDS, POSITION, POSITION_FIELDS, SIZE, Tables
from ringfence.tools.simulation.oracle_rules import DONE, STATUS, STATUS_NUMBER

_UNVERIFIED = BIT["ORDER_UNVERIFIED"]
_UNKNOWN_OUTCOME = ENUMS["BreakKind"].by_name["UNKNOWN_OUTCOME"]
_SWEPT_PER_TIMER = 64
_ORDER_BYTES, _POSITION_BYTES = SIZE["Order"], SIZE["Position"]

# Which invariant a field of an order belongs to; identity and terms are I2: the order is that of its intent.
_INVARIANT = {
    **dict.fromkeys(("qty", "leaves_qty", "ord_status", "base_status", "live_revision", "px", "stop_px"), "I3"),
    **dict.fromkeys(("cum_qty", "notional_lo", "notional_hi"), "I5"),
    **dict.fromkeys(("cancel_revision", "replace_revision", "pending_count", "revision"), "I8"),
    "flags": "I3",
}
_AT = {name: i for i, name in enumerate(ORDER_FIELDS)}
_CUM, _LEAVES, _QTY, _STATUS, _BASE, _PENDING = (_AT[n] for n in ("cum_qty", "leaves_qty", "qty", "ord_status", "base_status", "pending_count"))
_FLAGS = _AT["flags"]
_DONE = frozenset(STATUS_NUMBER[s] for s in DONE)
_OVER = frozenset(STATUS_NUMBER[s] for s in ("CANCELED", "REJECTED", "EXPIRED", "DENIED"))
_SHOWN_PENDING = frozenset(STATUS_NUMBER[s] for s in ("PENDING_CANCEL", "PENDING_REPLACE"))


def _words(value: int) -> tuple[int, int]:
    """A signed 128-bit figure as its table words: unsigned low, signed high."""
    return value & (1 << 64) - 1, value >> 64


def expected(o: Order) -> tuple[int, ...]:
    """The order's row as the rules have it, in the order of ``ORDER_FIELDS``."""
    if o.lost:
        return (0,) * len(ORDER_FIELDS)
    lo, hi = _words(o.notional)
    if o.requests:
        cancel, replace, pending = o.newest(CANCEL), o.newest(REPLACE), min(len(o.requests), 255)
    else:
        cancel = replace = pending = 0
    return (
        *(o.row, o.client_id, o.px, o.stop_px, o.qty, o.cum, o.leaves, lo, hi, o.created_seq, o.instrument, o.account, o.strategy, o.venue),
        *(o.revision, o.live, cancel, replace, pending, o.side, o.ord_type, o.time_in_force),
        *(STATUS_NUMBER[o.shown], STATUS_NUMBER[o.base], _UNVERIFIED if o.unverified else 0),
    )


def order(m: Model, t: Tables, o: Order) -> list[Violation]:
    found = list(ORDER.unpack_from(t.orders, o.row * _ORDER_BYTES))
    found[_FLAGS] &= _UNVERIFIED
    ours = expected(o)
    if tuple(found) == ours:
        return []
    out = []
    for name, theirs, own in zip(ORDER_FIELDS, found, ours, strict=True):
        if theirs != own:
            shown = (STATUS.get(theirs, theirs), STATUS.get(own, own)) if name.endswith("status") else (theirs, own)
            invariant = _INVARIANT.get(name, "I2")
            if name == "cum_qty" and theirs < own and o.fell_by != m.seq:
                invariant = "I4"
            out.append(Violation(invariant, f"order {o.row}: {name} is {shown[0]}, by the rules {shown[1]}", m.seq))
    return out + _reserved(m, o.row, found)


def _reserved(m: Model, row: int, found: list[int]) -> list[Violation]:
    """I9 by the engine's own row, whatever the model says."""
    base = found[_BASE]
    if (base in _DONE and found[_LEAVES]) or (base in _OVER and found[_PENDING]):
        detail = f"LeavesQty {found[_LEAVES]} and {found[_PENDING]} requests in flight"
        return [Violation("I9", f"order {row} is {STATUS.get(base, base)} and has {detail}", m.seq)]
    return []


def position(m: Model, t: Tables, key: PositionKey, p: Position) -> list[Violation]:
    row = POSITION.unpack_from(t.positions, p.row * _POSITION_BYTES)
    if p.exact and p.cost - p.realized == p.signed_notional:
        sums_of_row = (p.net, p.bought, p.sold, *_words(p.cost), *_words(p.realized), *_words(p.traded), p.fills)
        if row == (*sums_of_row, key[2], key[0], key[1]):
            return []
    found = dict(zip(POSITION_FIELDS, row, strict=True))
    out = []
    name = f"position {p.row} (account {key[0]}, strategy {key[1]}, instrument {key[2]})"
    if (found["account"], found["strategy"], found["instrument"]) != key:
        return [Violation("I6", f"{name} is that of {found['account']}, {found['strategy']}, {found['instrument']}", m.seq)]
    full = len(m.execution_rows) + 1 >= m.capacity["executions"]  # then a bust is a reversing trade: quantity and money are right, turnover is more
    for field, own in (("net_qty", p.net),) if full else (("net_qty", p.net), ("bought_qty", p.bought), ("sold_qty", p.sold), ("fills", p.fills)):
        if found[field] != own:
            out.append(Violation("I6", f"{name}: {field} is {found[field]}, by the rules {own}", m.seq))
    wide = {n: (found[n + "_hi"] << 64) + found[n + "_lo"] for n in ("cost", "realized", "traded")}
    if wide["cost"] - wide["realized"] != p.signed_notional:
        out.append(Violation("I7", f"{name}: cost less realized is {wide['cost'] - wide['realized']}, the trades' notional {p.signed_notional}", m.seq))
    if wide["traded"] != p.traded and not full:
        out.append(Violation("I7", f"{name}: traded is {wide['traded']}, by the rules {p.traded}", m.seq))
    if p.exact and not full and (wide["cost"], wide["realized"]) != (p.cost, p.realized):
        out.append(Violation("I7", f"{name}: cost and realized are {wide['cost']}, {wide['realized']}, by the rules {p.cost}, {p.realized}", m.seq))
    return out


def scalars(m: Model, t: Tables) -> list[Violation]:
    """Counts: every intent has its answer, every execution is booked once, what is open is open."""
    engine = ENGINE.unpack_from(t.engine, SIZE["EngineStatus"])
    open_orders = 0
    for s in m.strategies.values():
        open_orders += len(s.open)
    ours = (
        *(m.seq, len(m.orders), len(m.execution_rows), len(m.positions), engine[4], open_orders, m.intents, m.denies, m.duplicates, m.fills),
        *(m.duplicate_fills, m.day, m.pending, m.restrictions),
    )
    out = []
    if engine[4] < m.breaks:
        out.append(Violation("I14", f"{engine[4]} breaks were raised, by the rules at least {m.breaks}", m.seq))
    if engine == ours:
        return out
    why = m.reasons.get(m.seq)
    for (name, invariant), theirs, own in zip(_SCALARS, engine, ours, strict=True):
        if theirs != own:
            detail = f"; the last intent is refused by the rules: {why}" if why and name in ("order_count", "denies", "requests_pending") else ""
            out.append(Violation(invariant, f"{name} is {theirs}, by the rules {own}{detail}", m.seq))
    return out


_SCALARS = (
    *(("seq", "I10"), ("order_count", "I2"), ("execution_count", "I5"), ("position_count", "I6"), ("break_count", "I14"), ("open_orders", "I8")),
    *(("intents", "I2"), ("denies", "I2"), ("duplicates", "I2"), ("fills", "I5"), ("duplicate_fills", "I5"), ("day", "I10"), ("requests_pending", "I8")),
    ("restrictions", "I13"),
)


# ---- everything --------------------------------------------------------------------------------------------------------------------


def recompute(m: Model) -> None:
    """Weighted average cost of the positions that had something taken back: from their surviving executions, each in its first version's place."""
    todo = {key: (0, 0, 0) for key, p in m.positions.items() if not p.exact}
    for x in m.execution_rows if todo else ():
        if x.position not in todo or not x.first or x.state == "held":
            continue
        last = x.living()
        if last.state != BOOKED or last.position != x.position:
            continue
        net, cost, realized = todo[x.position]
        signed = last.qty if last.key[3] == 1 else -last.qty
        cost, realized = average(net, cost, realized, signed, last.px)
        todo[x.position] = net + signed, cost, realized
    if len(m.execution_rows) + 1 >= m.capacity["executions"]:
        return  # executions were booked without a row: their order is not known any more
    for key, (_, cost, realized) in todo.items():
        p = m.positions[key]
        p.cost, p.realized, p.exact = cost, realized, True


def everything(m: Model, t: Tables) -> list[Violation]:
    recompute(m)
    out = scalars(m, t)
    for o in m.orders:
        out += order(m, t, o)
    for key, p in m.positions.items():
        out += position(m, t, key, p)
    for row in range(1, len(m.orders) + 1):
        out += _reserved(m, row, list(ORDER.unpack_from(t.orders, row * _ORDER_BYTES)))
    return out + sums(m) + oracle_cash.compare(m, t) + unknown_orders(m, t)


def sums(m: Model) -> list[Violation]:
    """I5 and I6 within the model: each order's CumQty and each position are the sums of surviving executions."""
    full = len(m.execution_rows) + 1 >= m.capacity["executions"]
    by_position: dict[PositionKey, int] = {}
    for x in m.execution_rows:
        if x.state == BOOKED and x.position[2]:
            by_position[x.position] = by_position.get(x.position, 0) + (x.qty if x.key[3] == 1 else -x.qty)
    wrong = [key for key, p in m.positions.items() if p.bought - p.sold != by_position.get(key, 0)]  # entries of the ledger are no executions
    return [] if full else [Violation("I6", f"position {key}: bought less sold is not the sum of its executions", m.seq) for key in wrong]


def unknown_orders(m: Model, t: Tables) -> list[Violation]:
    """I14: an order that stays Unknown past its limit, with timers enough for a sweep over all orders since, has its break."""
    sweep = len(m.orders) // _SWEPT_PER_TIMER + 2
    late = [o for o in m.orders if o.base == "UNKNOWN" and len(m.timers) - bisect_left(m.timers, o.unknown_since + LIMIT_NS) > sweep]
    if not late:
        return []
    raised: dict[int, int] = {}
    for row in range(1, min(ENGINE.unpack_from(t.engine, SIZE["EngineStatus"])[4] + 1, t.rows["breaks"])):
        seq, order_id, kind = BREAK.unpack_from(t.breaks, row * SIZE["Break"])
        if kind == _UNKNOWN_OUTCOME:
            raised[order_id] = seq
    reported = BIT["ORDER_UNKNOWN_REPORTED"]
    out = []
    for o in late:
        flags = ORDER.unpack_from(t.orders, o.row * _ORDER_BYTES)[_FLAGS]
        if o.row not in raised and not flags & reported:
            out.append(Violation("I14", f"order {o.row} is Unknown for {(m.now - o.unknown_since) // 10**9} s and has no break", m.seq))
    return out
