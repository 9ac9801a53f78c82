"""Commands, observations and time by the rules: configuration, sessions' peers, restrictions of new risk, the trading day, operator's actions.

    CONTROL, OBSERVATION, TIMER frames ─▶ Model

A command that cannot be changes nothing (and is a break). Nothing here fails.
"""

from __future__ import annotations

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_authority, oracle_book, oracle_kills, oracle_records
from ringfence.tools.simulation.oracle_model import (
    REVISIONS_MAX,
    Instrument,
    Model,
    Order,
    Route,
    Strategy,
    Venue,
    ask_status,
    by_quantity,
    cancel_open,
    end_cancels,
    settle,
)
from ringfence.tools.simulation.oracle_records import BIT, text_of
from ringfence.tools.simulation.oracle_rules import STATUS, day_code, is_day

KIND = ENUMS["ControlKind"].by_name
SEEN = ENUMS["ObservationKind"].by_name
ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
STATUSES = ENUMS["Status"].by_value
STRATEGY_STATUS = ENUMS["StrategyStatus"]
DAY = ENUMS["TimeInForce"].by_name["DAY"]
JOURNAL = BIT["RESTRICT_JOURNAL_SLOW"] | BIT["RESTRICT_JOURNAL_LATE"] | BIT["RESTRICT_JOURNAL_FULL"] | BIT["RESTRICT_JOURNAL_SUSPECT"]
RESOLVED = {"CANCELED", "REJECTED", "EXPIRED", "DONE_FOR_DAY", "FILLED", "NEW"}
DIGITS_MAX = 18


def control(m: Model, payload: bytes) -> None:
    uid, kind, status, strategy, epoch, day, name, prefix, body = oracle_records.CONTROL.unpack_from(payload)
    if not oracle_authority.may_command(m, uid, kind):
        done = False
    elif kind == KIND["START"]:
        done = _start(m, day, text_of(prefix)[:2])
    elif kind in (KIND["STRATEGY_ATTACH"], KIND["STRATEGY_DETACH"]):
        done = _strategy(m, kind, strategy, epoch)
    elif kind in _CONTROLLED:
        done = oracle_authority.command(m, kind, uid, text_of(name), (strategy, status), body, _define)
    elif kind == KIND["ROLL_DAY"]:
        done = is_day(day) and day > m.day
        if done:
            _roll(m, day)
    elif kind in (KIND["HALT"], KIND["RESUME"], KIND["DIVERGENCE"]):
        done = True
        bit = BIT["RESTRICT_OPERATOR"] if kind == KIND["HALT"] else BIT["RESTRICT_DIVERGENCE"]
        _restrict(m, m.restrictions & JOURNAL if kind == KIND["RESUME"] else m.restrictions | bit)
    else:
        done = kind == KIND["CHECKPOINT"] or _action(m, kind, body)
    m.breaks += not done


def _restrict(m: Model, bits: int) -> None:
    halting = ~BIT["RESTRICT_JOURNAL_SLOW"]
    if bits & halting and not m.restrictions & halting:
        m.halts.append((m.seq, 0))
    elif not bits & halting and m.restrictions & halting:
        m.halts[-1] = m.halts[-1][0], m.seq
    m.restrictions = bits


# ---- the trading day -------------------------------------------------------------------------------------------------------------


def _start(m: Model, day: int, prefix: bytes) -> bool:
    if not is_day(day) or len(prefix) < 2 or (m.orders and prefix != m.prefix):
        return False
    if m.day == 0:
        m.day, m.day_code = day, day_code(day)
    elif day > m.day:
        _roll(m, day)
    m.prefix = prefix
    m.started_ns = m.now
    return True


def _roll(m: Model, day: int) -> None:
    """Orders are carried as they are; an old DAY order that is still open is in doubt and asked for."""
    m.day, m.day_code = day, day_code(day)
    m.turnover.clear()
    for s in m.strategies.values():
        for o in s.open.values():
            if o.time_in_force == DAY and o.day < m.day_code:
                o.unverified = o.unverified or o.base != "UNKNOWN"
                ask_status(m, o)
                m.touched[o.row] = o


# ---- configuration ---------------------------------------------------------------------------------------------------------------


def _instrument(m: Model, body: bytes) -> bool:
    symbol, tick, lot, qty_min, qty_max, row, price_digits, qty_digits, status = oracle_records.INSTRUMENT.unpack_from(body)
    if not 0 < row < m.capacity.get("instruments", 1 << 32) or tick <= 0 or lot <= 0 or status not in STATUSES or not text_of(symbol):
        return False
    if max(price_digits, qty_digits) > DIGITS_MAX or qty_min < 0 or qty_max < 0:
        return False
    known = m.instruments.get(row)
    if known is not None and (known.price_digits, known.qty_digits) != (price_digits, qty_digits) and _is_used(m, row):
        return False
    m.instruments[row] = Instrument(text_of(symbol), tick, lot, qty_min, qty_max, price_digits, qty_digits, status == ACTIVE)
    return True


def _is_used(m: Model, instrument: int) -> bool:
    return any(o.instrument == instrument for o in m.orders) or any(x.position[2] == instrument for x in m.execution_rows)


def _account(m: Model, body: bytes) -> bool:
    row, status, durability = oracle_records.ACCOUNT.unpack_from(body)
    if not 0 < row < m.capacity.get("accounts", 1 << 32) or status not in STATUSES or durability > BIT["DURABILITY_REPLICATED"]:
        return False
    m.accounts[row] = status == ACTIVE
    return True


def _venue(m: Model, body: bytes) -> bool:
    row, status, durability, ord_types, time_in_forces, instructions = oracle_records.VENUE.unpack_from(body)
    if not 0 < row < m.capacity.get("venues", 1 << 32) or status not in STATUSES or durability > BIT["DURABILITY_REPLICATED"]:
        return False
    v = m.venues.setdefault(row, Venue(False, 0, 0, 0))
    v.active, v.ord_types, v.time_in_forces, v.instructions = status == ACTIVE, ord_types, time_in_forces, instructions
    return True


def _define_strategy(m: Model, body: bytes) -> bool:
    max_age_ns, row, status, cancel_on_detach = oracle_records.STRATEGY.unpack_from(body)
    if not 0 < row < m.capacity.get("strategies", 1 << 32) or status not in STRATEGY_STATUS.by_value:
        return False
    s = m.strategies.setdefault(row, Strategy(max_age_ns, status, cancel_on_detach != 0))
    s.max_age_ns, s.cancel_on_detach = max_age_ns, cancel_on_detach != 0
    return True


def _route(m: Model, body: bytes) -> bool:
    instrument, account, venue, row, status = oracle_records.ROUTE.unpack_from(body)
    if not 0 < row < m.capacity.get("routes", 1 << 32) or not venue or status not in STATUSES or venue >= m.capacity.get("venues", 1 << 32):
        return False
    m.routes[row] = Route(instrument, account, venue, status == ACTIVE)
    return True


def _operator(m: Model, body: bytes) -> bool:
    uid, row, role, status = oracle_records.OPERATOR.unpack_from(body)
    if row and status in STATUSES:
        m.operators[row] = uid, role, status == ACTIVE
    return bool(row) and status in STATUSES


def _beside_orders(_m: Model, _body: bytes) -> bool:
    """What these define the oracle does not follow: a run has none but the firm's currency."""
    return True


_DEFINE = {
    **{KIND[name]: _beside_orders for name in ("DEFINE_CURRENCY", "DEFINE_BROKER", "DEFINE_DESK")},
    KIND["DEFINE_INSTRUMENT"]: _instrument,
    KIND["DEFINE_ACCOUNT"]: _account,
    KIND["DEFINE_VENUE"]: _venue,
    KIND["DEFINE_STRATEGY"]: _define_strategy,
    KIND["DEFINE_ROUTE"]: _route,
    KIND["DEFINE_OPERATOR"]: _operator,
}
_CONTROLLED = {KIND[name] for name in oracle_authority.CONTROLLED} | _DEFINE.keys()


def _define(m: Model, kind: int, body: bytes) -> bool:
    return _DEFINE[kind](m, body)


# ---- strategies ------------------------------------------------------------------------------------------------------------------


def _strategy(m: Model, kind: int, row: int, epoch: int) -> bool:
    s = m.strategies.get(row)
    if s is None:
        return False
    if kind == KIND["STRATEGY_ATTACH"]:
        s.attached, s.epoch, s.stalled = True, epoch, False
    else:
        _leave(m, row, s)
    return True


def _leave(m: Model, row: int, s: Strategy) -> None:
    s.attached = s.stalled = False
    if s.cancel_on_detach:
        cancel_open(m, row)


# ---- operator --------------------------------------------------------------------------------------------------------------------


def _action(m: Model, kind: int, body: bytes) -> bool:
    order, execution, instrument, venue, strategy, status = oracle_records.ACTION.unpack_from(body)
    if kind == KIND["MASS_CANCEL"]:
        return _mass_cancel(m, venue, instrument)
    if kind == KIND["RESOLVE_ORDER"]:
        return 0 < order <= len(m.orders) and _resolve(m, m.orders[order - 1], STATUS.get(status, ""))
    if kind == KIND["ASSIGN_EXECUTION"]:
        return oracle_book.assign(m, execution, order, strategy)
    if kind == KIND["SKIP_OUTPUTS"]:
        return _skip(m, venue, order, execution)
    return kind == KIND["DONT_KNOW"]  # moves nothing of ours


def _skip(m: Model, venue: int, count: int, last_sent: int) -> bool:
    """The journal lost its end, and a gateway sent ``count`` messages that it does not know, the newest new order ``last_sent``: no number is used again."""
    last = max(len(m.orders) + count, last_sent)
    if venue not in m.venues or count == 0 or last >= m.capacity["orders"]:
        return False
    m.venues[venue].queued += count
    m.mass_cancels += count
    for o in m.orders:  # finished ones too: one may have come back in what was lost
        if o.venue == venue and not o.lost:
            o.revision = max(o.revision, min(o.revision + count, REVISIONS_MAX - 64))
            m.touched[o.row] = o
    for _ in range(last - len(m.orders)):
        o = Order(len(m.orders) + 1, 0, (), *(0,) * 12, day=0, created_seq=0, base="DENIED", shown="DENIED", lost=True)
        m.orders.append(o)
        m.touched[o.row] = o
    _restrict(m, m.restrictions | BIT["RESTRICT_OPERATOR"])
    m.breaks += 1
    return True


def _mass_cancel(m: Model, venue: int, instrument: int) -> bool:
    v = m.venues.get(venue)
    if v is None or instrument > max(m.instruments, default=0):
        return False
    if v.instructions & BIT["INSTRUCTION_MASS_CANCEL"] and v.up and not v.stalled:
        m.mass_cancels += 1
        return True
    return sum(cancel_open(m, row, instrument, 0, venue) for row in sorted(m.strategies)) == 0


def _resolve(m: Model, o: Order, status: str) -> bool:
    """S6: an operator says how an order in doubt ended."""
    if status not in RESOLVED or not (o.base == "UNKNOWN" or o.unverified):
        return False
    o.base = by_quantity(o) if status == "NEW" else status
    o.unverified = False
    o.acked = True
    if status != "NEW":
        end_cancels(m, o)
    settle(m, o)
    return True


# ---- what the engine saw of its peers --------------------------------------------------------------------------------------------


def observation(m: Model, payload: bytes) -> None:
    value, peer, kind = oracle_records.OBSERVATION.unpack_from(payload)
    venue, strategy = m.venues.get(peer), m.strategies.get(peer)
    if kind in (SEEN["JOURNAL_PRESSURE"], SEEN["JOURNAL_CLEAR"]):
        m.journal_pressure = kind == SEEN["JOURNAL_PRESSURE"]
    elif kind == SEEN["JOURNAL_HEALTH"]:
        _restrict(m, m.restrictions & ~JOURNAL | value & JOURNAL)
    elif kind == SEEN["GATEWAY_STALLED"] and venue is not None:
        venue.stalled, venue.queued = True, 0
    elif kind == SEEN["GATEWAY_READY"] and venue is not None:
        venue.stalled = False
        for s in m.strategies.values():
            for o in s.open.values():
                if o.venue == peer and (o.base == "UNKNOWN" or o.unverified):
                    ask_status(m, o)
    elif kind in (SEEN["STRATEGY_STALLED"], SEEN["STRATEGY_READY"]) and strategy is not None:
        strategy.stalled = kind == SEEN["STRATEGY_STALLED"]
    elif kind == SEEN["KILL_WORD"] and value == 1 and (peer == 0 or venue is not None):
        oracle_authority.withdraw_on(m, oracle_kills.word(m, peer))
    elif kind == SEEN["STRATEGY_POISONED"] and strategy is not None:
        strategy.status = STRATEGY_STATUS.by_name["POISONED"]
        _leave(m, peer, strategy)
