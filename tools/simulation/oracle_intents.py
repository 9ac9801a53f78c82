"""Intents by the rules: S12 (fresh or refused), S13 (cancels always), S14 (a client_id seen again), S16 (no new risk into doubt).

    INTENT frame ─▶ take(model, strategy, fields) ─▶ an order, a request, a duplicate, or a refusal with its reason

The reason is kept for the report of a violation; what is compared is the outcome. Nothing here fails. Reads and writes the Model alone.
"""

from __future__ import annotations

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation.oracle_kills import killed
from ringfence.tools.simulation.oracle_model import (
    CANCEL,
    REPLACE,
    REVISIONS_FOR_CANCELS,
    REVISIONS_MAX,
    Instrument,
    Model,
    Order,
    Strategy,
    ask,
    cancel_open,
    may_cancel,
    room,
    settle,
    trade_fits,
)
from ringfence.tools.simulation.oracle_records import BIT
from ringfence.tools.simulation.oracle_rules import DONE

KIND = ENUMS["IntentKind"].by_name
TYPE = ENUMS["OrdType"].by_name
TIF = ENUMS["TimeInForce"].by_name
STRATEGY_STATUS = ENUMS["StrategyStatus"].by_name
SIDES = frozenset(ENUMS["Side"].by_value)
LIMITED, STOPPED = {TYPE["LIMIT"], TYPE["STOP_LIMIT"]}, {TYPE["STOP"], TYPE["STOP_LIMIT"]}
FUTURE_NS = 1_000_000_000

# One intent: client_id, px, stop_px, qty, display_qty, expire_ns, created_ns, instrument, account, route (9), kind, side, ord_type, time_in_force (13),
# instructions, epoch
Fields = tuple[int, ...]


def take(m: Model, strategy: int, i: Fields) -> None:
    """Apply one intent; exactly one of order, request, duplicate or refusal comes of it."""
    if strategy not in m.strategies:
        m.denies += 1
        return
    m.intents += 1
    s = m.strategies[strategy]
    kind, epoch = i[10], i[15]
    if not s.attached:
        reason = "no strategy is attached"
    elif epoch != s.epoch & 0xFFFFFFFF:
        reason = "an old ring's epoch"
    elif kind == KIND["NEW"]:
        reason = _new(m, strategy, s, i)
    elif kind == KIND["CANCEL"]:
        reason = _cancel(m, strategy, i)
    elif kind == KIND["REPLACE"]:
        reason = _replace(m, strategy, s, i)
    elif kind == KIND["CANCEL_ALL"]:
        reason = "not every order could be asked for" if cancel_open(m, strategy, i[7], i[8]) else ""
    else:
        reason = "no such kind"
    if reason:
        m.denies += 1
        m.reasons[m.seq] = reason


# ---- what new risk needs ---------------------------------------------------------------------------------------------------


def _restricted(m: Model, s: Strategy) -> str:
    if s.status not in (STRATEGY_STATUS["ENABLED"], STRATEGY_STATUS["REDUCE_ONLY"]):
        return "strategy disabled"
    if s.stalled:
        return "strategy does not read its events"
    if m.restrictions & ~BIT["RESTRICT_JOURNAL_SLOW"]:
        return "trading halted"
    return "journal ring nearly full" if m.journal_pressure else ""


def _stale(m: Model, s: Strategy, created_ns: int) -> str:
    if created_ns and created_ns < m.started_ns:
        return "issued before recovery finished"
    if not s.max_age_ns:
        return ""
    if not created_ns or created_ns > m.now + FUTURE_NS:
        return "no usable age"
    return "too old" if m.now - created_ns > s.max_age_ns else ""


def _bad_price(i: Instrument, ord_type: int, px: int, stop_px: int) -> str:
    limited, stopped = ord_type in LIMITED, ord_type in STOPPED
    if not limited and not stopped and ord_type != TYPE["MARKET"]:
        return "no such order type"
    if (px and not limited) or (stop_px and not stopped):
        return "a price that the type does not have"
    wanted = ([px] if limited else []) + ([stop_px] if stopped else [])
    return "" if all(p > 0 and p % i.tick == 0 for p in wanted) else "price not positive or not on the tick"


def _bad_qty(i: Instrument, qty: int, display: int) -> str:
    if qty <= 0 or qty < i.qty_min or (i.qty_max and qty > i.qty_max) or qty % i.lot:
        return "quantity outside its bounds or not a lot"
    return "" if 0 <= display <= qty and display % i.lot == 0 else "shown quantity"


def _bad_terms(m: Model, i: Fields) -> str:
    instrument = m.instruments.get(i[7])
    if instrument is None or not instrument.active:
        return "unknown instrument"
    if i[11] not in SIDES:
        return "no such side"
    if reason := _bad_price(instrument, i[12], i[1], i[2]):
        return reason
    if i[13] not in TIF.values() or (i[13] == TIF["GTD"] and not i[5]):
        return "time in force"
    return _bad_qty(instrument, i[3], i[4])


def _route(m: Model, i: Fields) -> tuple[str, int, int, int]:
    """The first active route that fits and can take it, or the last that fits and cannot: reason, route, account, venue."""
    if i[8] > max(m.accounts, default=0):
        return "unknown account", 0, 0, 0
    found = ("no route", 0, 0, 0)
    for row in [i[9]] if i[9] else sorted(m.routes):
        r = m.routes.get(row)
        if r is None or not r.active or r.instrument not in (0, i[7]) or (r.account and i[8] and r.account != i[8]):
            continue
        venue = m.venues.get(r.venue)
        if venue is None or not venue.active:
            continue
        account = i[8] or r.account
        known = m.accounts.get(account, False)
        found = ("" if known else "unknown account"), row, account, r.venue
        if known and not _unknown_to(m, r.venue, i) and not _closed(m, r.venue):
            break
    return found


def _unknown_to(m: Model, venue: int, i: Fields) -> bool:
    """Whether the venue's profile lacks the order's type, time in force or post-only."""
    v = m.venues[venue]
    lacks = (v.ord_types and not v.ord_types >> i[12] & 1) or (v.time_in_forces and not v.time_in_forces >> i[13] & 1)
    return bool(lacks or i[14] & BIT["INSTRUCTION_POST_ONLY"] & ~v.instructions)


def _unsupported(m: Model, venue: int, i: Fields) -> bool:
    post_only = BIT["INSTRUCTION_POST_ONLY"]
    if _unknown_to(m, venue, i):
        return True
    if i[14] & ~(m.venues[venue].instructions & post_only):
        return True
    return bool(i[14] & post_only) and (i[12] != TYPE["LIMIT"] or i[13] in (TIF["IOC"], TIF["FOK"]))


def _closed(m: Model, venue: int) -> str:
    v = m.venues[venue]
    return "session down" if not v.up else "gateway stalled" if v.stalled else ""


def _full(m: Model) -> str:
    if len(m.orders) + 1 >= m.capacity["orders"]:
        return "order table full"
    rows = m.capacity["executions"]
    return "execution table nearly full" if len(m.execution_rows) + rows // 16 + 1 >= rows else ""


def _not_reducing(m: Model, s: Strategy, o: tuple[int, int, int, int], qty: int, besides: Order | None) -> bool:
    """1 when only what shrinks the position may pass and this, behind the open orders of its direction, does not."""
    account, strategy, instrument, side = o
    if s.status != STRATEGY_STATUS["REDUCE_ONLY"] and not m.restrictions:
        return False
    held = m.positions.get((account, strategy, instrument))
    free = (held.net if held else 0) * (-1 if side == 1 else 1)
    for other in s.open.values():
        if other is not besides and other.instrument == instrument and other.account == account and (other.side == 1) == (side == 1):
            free -= other.reserved
    return qty > free


def _overflows(m: Model, key: tuple[int, int, int], side: int, qty: int, px: int) -> bool:
    return not trade_fits(m.positions.get(key), qty if side == 1 else -qty, px)


# ---- the kinds ---------------------------------------------------------------------------------------------------------------


def _new(m: Model, row: int, s: Strategy, i: Fields) -> str:
    client_id, terms = i[0], (*i[1:6], *i[7:10], *i[11:15])
    if not client_id:
        return "client_id 0"
    known = m.by_client.get((row, client_id))
    if known is not None:
        if known.terms != terms:
            return "client_id seen with other terms"
        m.duplicates += 1
        return ""
    reason = _restricted(m, s) or _stale(m, s, i[6]) or _bad_terms(m, i)
    if reason:
        return reason
    reason, route, account, venue = _route(m, i)
    if reason:
        return reason
    if _unsupported(m, venue, i):
        return "the venue has no such order"
    reason = _closed(m, venue) or _full(m)
    if reason:
        return reason
    if _overflows(m, (account, row, i[7]), i[11], i[3], max(i[1], i[2])):
        return "overflow"
    if _not_reducing(m, s, (account, row, i[7], i[11]), i[3], None):
        return "would not reduce"
    if killed(m, account, row, i[7], venue):
        return "killed"
    o = Order(
        *(len(m.orders) + 1, client_id, terms, row, account, venue, route, i[7], i[11], i[12], i[13], i[1], i[2], i[3], i[4]),
        day=m.day_code,
        created_seq=m.seq,
    )
    m.orders.append(o)
    m.by_client[row, client_id] = o
    m.venues[venue].queued += 1
    settle(m, o)
    return ""


def _cancel(m: Model, row: int, i: Fields) -> str:
    o = m.by_client.get((row, i[0]))
    if o is None:
        return "no such order"
    if o.shown in DONE:
        return "order done"
    if not room(m, o, CANCEL):
        return "too many requests"
    if not may_cancel(m, o):
        return "gateway stalled"
    ask(m, o, CANCEL)
    return ""


def _other_terms(o: Order, i: Fields) -> bool:
    """A replace may leave these 0, but may not name others."""
    return any(given and given != own for given, own in ((i[11], o.side), (i[12], o.ord_type), (i[13], o.time_in_force), (i[7], o.instrument)))


def _halted(m: Model, o: Order) -> bool:
    return not (m.instruments[o.instrument].active and m.accounts[o.account] and m.venues[o.venue].active and m.routes[o.route].active)


def _replace(m: Model, row: int, s: Strategy, i: Fields) -> str:
    o = m.by_client.get((row, i[0]))
    if o is None:
        return "no such order"
    px, stop_px, qty = i[1] or o.px, i[2] or o.stop_px, i[3]
    if o.shown in DONE and not (o.shown == "FILLED" and qty > o.cum):
        return "order done"
    if o.base == "UNKNOWN" or o.unverified:
        return "order in doubt"
    if o.revision >= REVISIONS_MAX - REVISIONS_FOR_CANCELS or not room(m, o, REPLACE):
        return "too many requests"
    if _other_terms(o, i):
        return "terms that a replace cannot change"
    instrument = m.instruments[o.instrument]
    reason = _restricted(m, s) or _stale(m, s, i[6]) or ("halted" if _halted(m, o) else "")
    reason = reason or _bad_price(instrument, o.ord_type, px, stop_px) or _bad_qty(instrument, qty, o.display_qty if o.display_qty < qty else 0)
    reason = reason or _closed(m, o.venue)
    if reason:
        return reason
    if _overflows(m, (o.account, row, o.instrument), o.side, qty, max(px, stop_px)):
        return "overflow"
    if qty > o.cum and _not_reducing(m, s, (o.account, row, o.instrument, o.side), qty - o.cum, o):
        return "would not reduce"
    if killed(m, o.account, row, o.instrument, o.venue):
        return "killed"
    ask(m, o, REPLACE, px, stop_px, qty)
    return ""
