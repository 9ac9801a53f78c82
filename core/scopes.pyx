"""Scopes: the firm, its brokers, accounts, venues, desks, strategies and instruments, and pairs of them, each one row of limits, counts and state.

Every object has its scope from its definition on; the two pairs (account and instrument, strategy and instrument) get theirs with the first limit or the
first order. An order belongs to at most nine. A scope knows nothing of the rules: ``limits`` and ``hits`` are indexed by RiskRule, ``limited`` has a bit for
each limit that is set, so that a check of a scope without limits costs one load.

    object row ──scope──▶ row in scopes          pair ──by_scope──▶ row in scopes

Written by the engine alone, in region ``state``. What can fail: a full table or index gives row 0; the caller denies (SCOPES_FULL) or refuses the command.
Rejected: limits inside the object rows (pairs have none, and every tool would need to know eight layouts).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ringfence.core.dedupe cimport add_scope, find_scope
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_FIRM_SCOPE, RF_RISK_RULE_MESSAGE_RATE, RF_RISK_RULE_NEW_RATE, RF_RISK_RULE_REPLACE_RATE, RF_SCOPE_KIND_ACCOUNT, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT,
    RF_SCOPE_KIND_BROKER, RF_SCOPE_KIND_DESK, RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_INSTRUMENT, RF_SCOPE_KIND_STRATEGY, RF_SCOPE_KIND_STRATEGY_INSTRUMENT,
    RF_SCOPE_KIND_VENUE, RF_SCOPE_STATE_OPEN, Scope,
)

cdef enum:
    SECOND_NS = 1000000000


cdef int scope_exists(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil:
    if kind == RF_SCOPE_KIND_FIRM:
        return a == 0 and b == 0
    if a == 0 or (b != 0) != (kind == RF_SCOPE_KIND_ACCOUNT_INSTRUMENT or kind == RF_SCOPE_KIND_STRATEGY_INSTRUMENT):
        return 0
    if kind == RF_SCOPE_KIND_BROKER:
        return a <= s.engine.broker_count
    if kind == RF_SCOPE_KIND_ACCOUNT:
        return a <= s.engine.account_count
    if kind == RF_SCOPE_KIND_VENUE:
        return a <= s.engine.venue_count
    if kind == RF_SCOPE_KIND_DESK:
        return a <= s.engine.desk_count
    if kind == RF_SCOPE_KIND_STRATEGY:
        return a <= s.engine.strategy_count
    if kind == RF_SCOPE_KIND_INSTRUMENT:
        return a <= s.engine.instrument_count
    if kind == RF_SCOPE_KIND_ACCOUNT_INSTRUMENT:
        return a <= s.engine.account_count and b <= s.engine.instrument_count
    if kind == RF_SCOPE_KIND_STRATEGY_INSTRUMENT:
        return a <= s.engine.strategy_count and b <= s.engine.instrument_count
    return 0


cdef uint32_t known_scope(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil:
    return <uint32_t>find_scope(s, kind, a, b)


cdef void name_scope(const EngineState *s, Scope *scope) noexcept nogil:
    """The name of its object; pairs are named by who shows them."""
    if scope.kind == RF_SCOPE_KIND_FIRM:
        memcpy(scope.name, b"firm", 4)
    elif scope.kind == RF_SCOPE_KIND_BROKER:
        memcpy(scope.name, s.brokers[scope.a].name, sizeof(scope.name))
    elif scope.kind == RF_SCOPE_KIND_ACCOUNT:
        memcpy(scope.name, s.accounts[scope.a].name, sizeof(scope.name))
    elif scope.kind == RF_SCOPE_KIND_VENUE:
        memcpy(scope.name, s.venues[scope.a].name, sizeof(scope.name))
    elif scope.kind == RF_SCOPE_KIND_DESK:
        memcpy(scope.name, s.desks[scope.a].name, sizeof(scope.name))
    elif scope.kind == RF_SCOPE_KIND_STRATEGY:
        memcpy(scope.name, s.strategies[scope.a].name, sizeof(scope.name))
    elif scope.kind == RF_SCOPE_KIND_INSTRUMENT:
        memcpy(scope.name, s.instruments[scope.a].symbol, sizeof(scope.name))


cdef uint32_t scope_of(EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint64_t row = find_scope(s, kind, a, b)
    cdef Scope *scope
    if row:
        return <uint32_t>row
    row = s.engine.scope_count + 1
    if not scope_exists(s, kind, a, b) or row >= s.scope_rows or not add_scope(s, kind, a, b, row):
        return 0
    s.engine.scope_count = <uint32_t>row
    scope = &s.scopes[row]
    scope.id = <uint32_t>row
    scope.kind = kind
    scope.a = a
    scope.b = b
    scope.state = RF_SCOPE_STATE_OPEN
    name_scope(s, scope)
    return <uint32_t>row


cdef int scopes_of(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument, uint32_t *rows) noexcept nogil:
    cdef uint32_t[SCOPES_OF_ORDER] all_rows
    cdef int i, n = 0
    all_rows[0] = RF_FIRM_SCOPE if s.engine.scope_count else 0
    all_rows[1] = s.brokers[s.accounts[account].broker].scope
    all_rows[2] = s.accounts[account].scope
    all_rows[3] = s.venues[venue].scope
    all_rows[4] = s.desks[s.strategies[strategy].desk_row].scope
    all_rows[5] = s.strategies[strategy].scope
    all_rows[6] = s.instruments[instrument].scope
    all_rows[7] = known_scope(s, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, account, instrument)
    all_rows[8] = known_scope(s, RF_SCOPE_KIND_STRATEGY_INSTRUMENT, strategy, instrument)
    for i in range(SCOPES_OF_ORDER):
        if all_rows[i]:
            rows[n] = all_rows[i]
            n += 1
    return n


cdef inline uint64_t interval(int64_t per_second) noexcept nogil:
    return <uint64_t>((SECOND_NS + per_second - 1) // per_second) if per_second > 0 else 0  # rounded up: never more than the rate


cdef void store_limit(Scope *scope, uint8_t rule, int64_t value) noexcept nogil:
    scope.limits[rule] = value
    if value:
        scope.limited |= <uint64_t>1 << rule
    else:
        scope.limited &= ~(<uint64_t>1 << rule)
    if rule == RF_RISK_RULE_NEW_RATE:
        scope.new_interval = interval(value)
    elif rule == RF_RISK_RULE_REPLACE_RATE:
        scope.replace_interval = interval(value)
    elif rule == RF_RISK_RULE_MESSAGE_RATE:
        scope.message_interval = interval(value)
