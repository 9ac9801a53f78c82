"""Intents by the rules: S12 (fresh or refused), S13 (cancels always), S14 (a client_id seen again), S16 (no new risk into doubt).

    INTENT frame ─▶ take(model, strategy, fields) ─▶ an order, a request, a duplicate, or a refusal with its reason

The reason is kept for the report of a violation; what is compared is the outcome. Nothing here fails. Reads and writes the Model alone.
"""

from __future__ import annotations

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation.oracle_limits import Asked, granted, refusal, venue_refusal
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
    sent,
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
        reason = "STRATEGY_DISABLED"
    elif epoch != s.epoch & 0xFFFFFFFF:
        reason = "STALE"
    elif kind == KIND["NEW"]:
        reason = _new(m, strategy, s, i)
    elif kind == KIND["CANCEL"]:
        reason = _cancel(m, strategy, i)
    elif kind == KIND["REPLACE"]:
        reason = _replace(m, strategy, s, i)
    elif kind == KIND["CANCEL_ALL"]:
        reason = "GATEWAY_STALLED" if cancel_open(m, strategy, i[7], i[8]) else ""
    else:
        reason = "BAD_KIND"
    if reason:
        m.denies += 1
        m.reasons[m.seq] = reason


# ---- what new risk needs ---------------------------------------------------------------------------------------------------


def _restricted(m: Model, s: Strategy) -> str:
    if s.status not in (STRATEGY_STATUS["ENABLED"], STRATEGY_STATUS["REDUCE_ONLY"]):
        return "STRATEGY_DISABLED"
    if s.stalled:
        return "STRATEGY_STALLED"
    if m.restrictions & ~BIT["RESTRICT_JOURNAL_SLOW"]:
        return "TRADING_HALTED"
    return "JOURNAL_PRESSURE" if m.journal_pressure else ""


def _stale(m: Model, s: Strategy, created_ns: int) -> str:
    if created_ns and created_ns < m.started_ns:
        return "STALE"
    if not s.max_age_ns:
        return ""
    if not created_ns or created_ns > m.now + FUTURE_NS:
        return "STALE"
    return "STALE" if m.now - created_ns > s.max_age_ns else ""


def _bad_price(i: Instrument, ord_type: int, px: int, stop_px: int) -> str:
    limited, stopped = ord_type in LIMITED, ord_type in STOPPED
    if not limited and not stopped and ord_type != TYPE["MARKET"]:
        return "BAD_ORD_TYPE"
    if (px and not limited) or (stop_px and not stopped):
        return "BAD_ORD_TYPE"
    wanted = ([px] if limited else []) + ([stop_px] if stopped else [])
    return "" if all(p > 0 and p % i.tick == 0 for p in wanted) else "BAD_PRICE"


def _bad_qty(i: Instrument, qty: int, display: int) -> str:
    if qty <= 0 or qty < i.qty_min or (i.qty_max and qty > i.qty_max) or qty % i.lot:
        return "BAD_QTY"
    return "" if 0 <= display <= qty and display % i.lot == 0 else "BAD_QTY"


def _bad_terms(m: Model, i: Fields) -> str:
    instrument = m.instruments.get(i[7])
    if instrument is None or not instrument.active:
        return "UNKNOWN_INSTRUMENT"
    if i[11] not in SIDES:
        return "BAD_SIDE"
    if reason := _bad_price(instrument, i[12], i[1], i[2]):
        return reason
    if i[13] not in TIF.values() or (i[13] == TIF["GTD"] and not i[5]):
        return "BAD_TIME_IN_FORCE"
    return _bad_qty(instrument, i[3], i[4])


def _route(m: Model, i: Fields) -> tuple[str, int, int, int]:
    """The first active route that fits and can take it, or the last that fits and cannot: reason, route, account, venue."""
    if i[8] > max(m.accounts, default=0):
        return "UNKNOWN_ACCOUNT", 0, 0, 0
    found = ("NO_ROUTE", 0, 0, 0)
    for row in [i[9]] if i[9] else sorted(m.routes):
        r = m.routes.get(row)
        if r is None or not r.active or r.instrument not in (0, i[7]) or (r.account and i[8] and r.account != i[8]):
            continue
        venue = m.venues.get(r.venue)
        if venue is None or not venue.active:
            continue
        account = i[8] or r.account
        known = m.accounts.get(account, False)
        found = ("" if known else "UNKNOWN_ACCOUNT"), row, account, r.venue
        if known and not _unknown_to(m, r.venue, i) and not _closed(m, r.venue):
            break
    return found


def _unknown_to(m: Model, venue: int, i: Fields) -> bool:
    """Whether the venue's profile lacks the order's type, time in force or post-only."""
    v = m.venues[venue]
    lacks = (v.ord_types and not v.ord_types >> i[12] & 1) or (v.time_in_forces and not v.time_in_forces >> i[13] & 1)
    return bool(lacks or i[14] & BIT["INSTRUCTION_POST_ONLY"] & ~v.instructions)


def _is_known_to(m: Model, venue: int, i: Fields) -> bool:
    return not _unknown_to(m, venue, i) and not i[14] & ~(m.venues[venue].instructions & BIT["INSTRUCTION_POST_ONLY"])


def _unsupported(m: Model, venue: int, i: Fields) -> bool:
    post_only = BIT["INSTRUCTION_POST_ONLY"]
    if not _is_known_to(m, venue, i):
        return True
    return bool(i[14] & post_only) and (i[12] != TYPE["LIMIT"] or i[13] in (TIF["IOC"], TIF["FOK"]))


def _closed(m: Model, venue: int) -> str:
    v = m.venues[venue]
    return "SESSION_DOWN" if not v.up else "GATEWAY_STALLED" if v.stalled else ""


def _full(m: Model) -> str:
    if len(m.orders) + 1 >= m.capacity["orders"]:
        return "ORDERS_FULL"
    rows = m.capacity["executions"]
    return "EXECUTIONS_FULL" if len(m.execution_rows) + rows // 16 + 1 >= rows else ""


def _only_reducing(m: Model, s: Strategy) -> str:
    """Why only what shrinks a position may pass; "" when everything may."""
    if s.status == STRATEGY_STATUS["REDUCE_ONLY"]:
        return "STRATEGY_DISABLED"
    return "JOURNAL_LATE" if m.restrictions else ""


def _reduces(m: Model, s: Strategy, o: tuple[int, int, int, int], qty: int, besides: Order | None) -> bool:
    """Whether it shrinks the position, behind the open orders of its direction."""
    account, strategy, instrument, side = o
    held = m.positions.get((account, strategy, instrument))
    free = (held.net if held else 0) * (-1 if side == 1 else 1)
    for other in s.open.values():
        if other is not besides and other.instrument == instrument and other.account == account and (other.side == 1) == (side == 1):
            free -= other.reserved
    return qty <= free


def _overflows(m: Model, key: tuple[int, int, int], side: int, qty: int, px: int) -> bool:
    return not trade_fits(m.positions.get(key), qty if side == 1 else -qty, px)


# ---- the kinds ---------------------------------------------------------------------------------------------------------------


def _new(m: Model, row: int, s: Strategy, i: Fields) -> str:
    client_id, terms = i[0], (*i[1:6], *i[7:10], *i[11:15])
    if not client_id:
        return "BAD_CLIENT_ID"
    known = m.by_client.get((row, client_id))
    if known is not None:
        if known.terms != terms:
            return "DUPLICATE_TERMS"
        m.duplicates += 1
        return ""
    reason = _restricted(m, s) or _stale(m, s, i[6]) or _bad_terms(m, i)
    if reason:
        return reason
    reason, route, account, venue = _route(m, i)
    if reason:
        return reason
    if _unsupported(m, venue, i):
        return "INCONSISTENT" if _is_known_to(m, venue, i) else "NOT_SUPPORTED"
    asked = Asked(row, account, venue, i[7], i[11], i[12], i[13], i[1], i[3])
    reason = _closed(m, venue) or ("" if granted(m, asked) else "NOT_PERMITTED") or _full(m)
    if reason:
        return reason
    if _overflows(m, (account, row, i[7]), i[11], i[3], max(i[1], i[2])):
        return "OVERFLOW"
    reduces = _reduces(m, s, (account, row, i[7], i[11]), i[3], None)
    reason = ("" if reduces else _only_reducing(m, s)) or venue_refusal(m, venue) or refusal(m, asked, reduces)
    if reason:
        return reason
    o = Order(
        *(len(m.orders) + 1, client_id, terms, row, account, venue, route, i[7], i[11], i[12], i[13], i[1], i[2], i[3], i[4]),
        day=m.day_code,
        created_seq=m.seq,
    )
    m.orders.append(o)
    m.by_client[row, client_id] = o
    m.venues[venue].queued += 1
    sent(m, o, "MESSAGE_RATE", "NEW_RATE")
    settle(m, o)
    return ""


def _cancel(m: Model, row: int, i: Fields) -> str:
    o = m.by_client.get((row, i[0]))
    if o is None:
        return "UNKNOWN_ORDER" if i[0] else "BAD_CLIENT_ID"
    if o.shown in DONE:
        return "ORDER_DONE"
    if not room(m, o, CANCEL):
        return "REQUEST_PENDING" if o.newest(CANCEL) else "TOO_MANY_REVISIONS"
    if not may_cancel(m, o):
        return "GATEWAY_STALLED"
    ask(m, o, CANCEL)
    return ""


def _other_terms(o: Order, i: Fields) -> str:
    """A replace may leave these 0, but may not name others."""
    terms = ((i[11], o.side, "BAD_SIDE"), (i[12], o.ord_type, "BAD_ORD_TYPE"), (i[13], o.time_in_force, "BAD_TIME_IN_FORCE"))
    return next((code for given, own, code in (*terms, (i[7], o.instrument, "UNKNOWN_INSTRUMENT")) if given and given != own), "")


def _halted(m: Model, o: Order) -> str:
    if not m.instruments[o.instrument].active:
        return "UNKNOWN_INSTRUMENT"
    if not m.accounts[o.account]:
        return "UNKNOWN_ACCOUNT"
    return "" if m.venues[o.venue].active and m.routes[o.route].active else "NO_ROUTE"


def _replace(m: Model, row: int, s: Strategy, i: Fields) -> str:
    o = m.by_client.get((row, i[0]))
    if o is None:
        return "UNKNOWN_ORDER" if i[0] else "BAD_CLIENT_ID"
    px, stop_px, qty = i[1] or o.px, i[2] or o.stop_px, i[3]
    if o.shown in DONE and not (o.shown == "FILLED" and qty > o.cum):
        return "ORDER_DONE"
    if o.base == "UNKNOWN" or o.unverified:
        return "ORDER_UNKNOWN"
    if o.revision >= REVISIONS_MAX - REVISIONS_FOR_CANCELS:
        return "TOO_MANY_REVISIONS"
    if not room(m, o, REPLACE):
        return "REQUEST_PENDING"
    instrument = m.instruments[o.instrument]
    reason = _other_terms(o, i) or _restricted(m, s) or _stale(m, s, i[6]) or _halted(m, o)
    reason = reason or _bad_price(instrument, o.ord_type, px, stop_px) or _bad_qty(instrument, qty, o.display_qty if o.display_qty < qty else 0)
    reason = reason or _closed(m, o.venue)
    if reason:
        return reason
    if _overflows(m, (o.account, row, o.instrument), o.side, qty, max(px, stop_px)):
        return "OVERFLOW"
    asked = Asked(row, o.account, o.venue, o.instrument, o.side, o.ord_type, o.time_in_force, max(px, stop_px), qty, o)
    reduces = _reduces(m, s, (o.account, row, o.instrument, o.side), max(qty - o.cum, 0), o)
    reason = "" if reduces or qty <= o.cum else _only_reducing(m, s)
    reason = reason or ("" if granted(m, asked) else "NOT_PERMITTED") or refusal(m, asked, reduces)
    if reason:
        return reason
    ask(m, o, REPLACE, px, stop_px, qty)
    return ""
