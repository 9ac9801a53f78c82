"""What allows more: judged from the state as it is, by the rule table (``core/rules.py``, column ``looser``; loaded into a C array at import).

    SET_LIMIT, SET_LOCATE ──way of its rule, value before and after──▶ looser or not      SET_STRATEGY ──why it is held back──▶ takes two or not

Looser is a higher limit or none; of a setting whose 0 is a value, that value too. A locate is both: where the instrument requires one, none is the least and
taking it back is tighter; elsewhere none is no limit. A first locate always takes two, since it says that shares were found. A margin rate of 0 is the
broker's or the firm's, so what counts is the rate in force before and after.
A strategy is freed by two when it was poisoned, silent, repeats itself, or when one person has added it. One that repeats itself is enabled until its next
order; to enable it then would forget the count, so that takes two as well. Pure reading; nothing here fails.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.dedupe cimport find_scope
from ringfence.core.scopes cimport inherited_margin
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_FIRM_SCOPE, RF_RISK_RULE_MARGIN_RATE, RF_RISK_RULE_MAX, RF_RISK_RULE_REPEATED_EXECUTION, RF_STRATEGY_STATUS_CANCEL_ONLY, RF_STRATEGY_STATUS_POISONED,
    LimitChange, Strategy,
)

from ringfence.core.rules import RULES

cdef enum:
    RULE_ROWS = 64
    HIGHER = 1
    LOWER = 2
    ANY = 3
    MORE = 4
    CHANGE = 5
    LOCATE = 6

cdef uint8_t[RULE_ROWS] LOOSER


def _load():
    """Fill the C array from the rule table; called once at import."""
    ways = {"": 0, "higher": HIGHER, "lower": LOWER, "any": ANY, "more": MORE, "change": CHANGE, "locate": LOCATE}
    memset(LOOSER, 0, sizeof(LOOSER))
    if <int>RF_RISK_RULE_MAX >= <int>RULE_ROWS:
        raise ValueError("RiskRule outgrew the array of core/looser.pyx; raise RULE_ROWS")
    for rule in RULES.values():
        LOOSER[<int>rule.number] = ways[rule.looser]


_load()


# ---- limits ----------------------------------------------------------------------------------------------------------------------

cdef int64_t limit_now(const EngineState *s, const LimitChange *change) noexcept nogil:
    cdef uint64_t row = find_scope(s, change.kind, change.a, change.b)
    return s.scopes[row].limits[change.rule] if row and change.rule <= RF_RISK_RULE_MAX else 0


cdef int requires_locate(const EngineState *s, uint32_t instrument) noexcept nogil:
    return instrument <= s.engine.instrument_count and s.instruments[instrument].locate_required


cdef int limit_loosens(const EngineState *s, const LimitChange *place, int64_t before, int64_t after) noexcept nogil:
    cdef uint8_t way = LOOSER[place.rule] if place.rule <= RF_RISK_RULE_MAX else 0
    cdef int64_t above
    if place.rule == RF_RISK_RULE_MARGIN_RATE:
        above = inherited_margin(s, place.kind, place.a)
        return (after if after else above) < (before if before else above)
    if before == after or way == 0:
        return 0
    if way == CHANGE:
        return 1
    if way == ANY:
        return before != 0
    if way == MORE:
        return after > before
    if way == LOWER:
        return after < before
    if way == LOCATE:
        return after > before or (after == 0 and not requires_locate(s, place.b))
    return after == 0 or (before != 0 and after > before)


# ---- strategies --------------------------------------------------------------------------------------------------------------------

cdef inline int reached(const EngineState *s, uint32_t scope, const Strategy *row) noexcept nogil:
    cdef int64_t most = s.scopes[scope].limits[<int>RF_RISK_RULE_REPEATED_EXECUTION]
    return scope != 0 and most != 0 and row.repeated_count >= most


cdef int repeats_itself(const EngineState *s, const Strategy *row) noexcept nogil:
    """1 when REPEATED_EXECUTION of a scope would disable it; every strategy counts, so the count alone says nothing."""
    if s.engine.scope_count == 0:
        return 0
    return reached(s, RF_FIRM_SCOPE, row) or reached(s, s.desks[row.desk_row].scope, row) or reached(s, row.scope, row)


cdef int64_t held_status(const EngineState *s, uint16_t strategy) noexcept nogil:
    cdef const Strategy *row = &s.strategies[strategy]
    return row.status | row.silent << 8 | row.unapproved << 9 | row.repeats << 10


cdef int frees_strategy(const EngineState *s, uint16_t strategy, uint8_t status) noexcept nogil:
    cdef const Strategy *row = &s.strategies[strategy]
    if strategy == 0 or strategy > s.engine.strategy_count or status > row.status or (status == row.status and status >= RF_STRATEGY_STATUS_CANCEL_ONLY):
        return 0
    return row.status == RF_STRATEGY_STATUS_POISONED or row.silent or row.unapproved or row.repeats or repeats_itself(s, row)
