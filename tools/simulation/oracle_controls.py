"""Commands, observations and time by the rules: configuration, sessions' peers, restrictions of new risk, the trading day, operator's actions.

    CONTROL, OBSERVATION, TIMER frames ─▶ Model

A command that cannot be changes nothing (and is a break). Nothing here fails.
"""

from __future__ import annotations

from datetime import date

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_authority, oracle_day, oracle_kills, oracle_parameters, oracle_records
from ringfence.tools.simulation.oracle_model import REVISIONS_MAX, Model, Order, Strategy, ask_status, cancel_open
from ringfence.tools.simulation.oracle_records import BIT, text_of
from ringfence.tools.simulation.oracle_restrictions import restrict
from ringfence.tools.simulation.oracle_rules import day_code, is_day

KIND = ENUMS["ControlKind"].by_name
SEEN = ENUMS["ObservationKind"].by_name
STRATEGY_STATUS = ENUMS["StrategyStatus"]
CALENDAR_DAYS = 4096
JOURNAL = BIT["RESTRICT_JOURNAL_SLOW"] | BIT["RESTRICT_JOURNAL_LATE"] | BIT["RESTRICT_JOURNAL_FULL"] | BIT["RESTRICT_JOURNAL_SUSPECT"]


def control(m: Model, payload: bytes) -> None:
    uid, kind, status, strategy, epoch, day, name, prefix, body = oracle_records.CONTROL.unpack_from(payload)
    if not oracle_authority.may_command(m, uid, kind):
        done = False
    elif kind == KIND["START"]:
        done = _start(m, uid, day, text_of(prefix)[:2], text_of(name), body)
    elif kind in (KIND["STRATEGY_ATTACH"], KIND["STRATEGY_DETACH"]):
        done = _strategy(m, kind, strategy, epoch)
    elif kind == KIND["ROLL_DAY"]:
        (begins_ns, _) = oracle_records.DAY_START.unpack_from(body)
        oracle_day.learn(m, day, begins_ns, agreed=oracle_authority.is_free(m, uid))
        done = oracle_authority.command(m, kind, uid, text_of(name), (0, 0), oracle_day.body_of(day, begins_ns))
    elif kind in oracle_authority.CONTROLLED:
        done = oracle_authority.command(m, kind, uid, text_of(name), (strategy, status), body)
    elif kind == KIND["DEFINE_HOLIDAYS"]:
        done = _holidays(m, body)
    elif kind == KIND["SET_PARAMETER"]:
        oracle_authority.expire(m)
        done = oracle_parameters.set_parameter(m, body)
    elif kind in (KIND["HALT"], KIND["DIVERGENCE"]):
        done = True
        restrict(m, m.restrictions | (BIT["RESTRICT_OPERATOR"] if kind == KIND["HALT"] else BIT["RESTRICT_DIVERGENCE"]))
        oracle_authority.withdraw_resume(m)
    else:
        done = kind == KIND["CHECKPOINT"] or _action(m, kind, body)
    m.breaks += not done


# ---- the trading day -------------------------------------------------------------------------------------------------------------


def _start(m: Model, uid: int, day: int, prefix: bytes, name: bytes, body: bytes) -> bool:
    if not is_day(day) or len(prefix) < 2 or (m.orders and prefix != m.prefix):
        return False
    if m.day == 0:
        m.day, m.day_code = day, day_code(day)
    (begins_ns,) = oracle_records.DAY_BEGINS.unpack_from(body)
    free = oracle_authority.is_free(m, uid)
    oracle_day.learn(m, day, begins_ns, agreed=free)
    if day > m.day and (free or oracle_day.is_due(m, day)):
        oracle_day.roll(m, day)
    elif day > m.day:
        m.breaks += not oracle_authority.command(m, KIND["ROLL_DAY"], uid, name, (0, 0), oracle_day.body_of(day, begins_ns))
    m.prefix = prefix
    m.started_ns = m.now
    return True


def _holidays(m: Model, body: bytes) -> bool:
    """Whether they can be: of a currency that was defined, each a day of a calendar. What settles when is the ledger's, which the oracle does not follow."""
    *days, currency, count, is_holiday = oracle_records.HOLIDAYS.unpack_from(body)
    if ("DEFINE_CURRENCY", currency) not in m.images or is_holiday > 1 or not 0 < count <= len(days) or any(days[count:]):
        return False
    begins = date.fromisoformat(str(BIT["CALENDAR_BEGINS"]))
    try:
        return all(0 <= (date.fromisoformat(f"{day:08}") - begins).days < CALENDAR_DAYS for day in days[:count])
    except ValueError:
        return False


# ---- strategies ------------------------------------------------------------------------------------------------------------------


def _strategy(m: Model, kind: int, row: int, epoch: int) -> bool:
    s = m.strategies.get(row)
    if s is None:
        return False
    if kind == KIND["STRATEGY_ATTACH"]:
        s.attached, s.epoch, s.stalled = True, epoch, False  # another process: what it may do stays
    else:
        _leave(m, row, s)
    return True


def _leave(m: Model, row: int, s: Strategy) -> None:
    s.attached = s.stalled = False
    if s.cancel_on_detach:
        cancel_open(m, row)


# ---- operator --------------------------------------------------------------------------------------------------------------------


def _action(m: Model, kind: int, body: bytes) -> bool:
    order, execution, instrument, venue, _, _ = oracle_records.ACTION.unpack_from(body)
    if kind == KIND["MASS_CANCEL"]:
        return _mass_cancel(m, venue, instrument)
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
    restrict(m, m.restrictions | BIT["RESTRICT_OPERATOR"])
    oracle_authority.withdraw_resume(m)
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


# ---- what the engine saw of its peers --------------------------------------------------------------------------------------------


def observation(m: Model, payload: bytes) -> None:
    value, peer, kind = oracle_records.OBSERVATION.unpack_from(payload)
    venue, strategy = m.venues.get(peer), m.strategies.get(peer)
    if kind in (SEEN["JOURNAL_PRESSURE"], SEEN["JOURNAL_CLEAR"]):
        m.journal_pressure = kind == SEEN["JOURNAL_PRESSURE"]
    elif kind == SEEN["JOURNAL_HEALTH"]:
        restrict(m, m.restrictions & ~JOURNAL | value & JOURNAL)
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
        oracle_kills.word(m, peer)
    elif kind == SEEN["STRATEGY_SILENT"] and strategy is not None:
        oracle_kills.silence(m, strategy)
    elif kind == SEEN["STRATEGY_POISONED"] and strategy is not None:
        strategy.status = STRATEGY_STATUS.by_name["POISONED"]
        _leave(m, peer, strategy)
