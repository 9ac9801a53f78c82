"""Scopes: the firm, its brokers, accounts, venues, desks, strategies, instruments, pairs and currencies, each one row of limits, counts and state.

Every object has its scope from its definition on; the two pairs (account and instrument, strategy and instrument) get theirs with the first limit or the
first order. An order belongs to at most eleven. A scope knows nothing of the rules: ``limits`` and ``hits`` are indexed by RiskRule, ``limited`` has a bit for
each limit that is set and one for a state other than OPEN, so that a check of a scope that refuses nothing costs one load.

    object row ──scope──▶ row in scopes          pair ──by_scope──▶ row in scopes
    (strategy, account, venue, instrument) ──by_scope_set──▶ row in scope_sets ──rows──▶ rows in scopes

Which scopes an order belongs to is looked up once, and kept in its row: sums are brought up to date several times in the life of an order.
Written by the engine alone, in region ``state``. What can fail: a full table or index gives row 0; the caller denies (SCOPES_FULL) or refuses the command.
Rejected: limits inside the object rows (pairs have none, and every tool would need to know eight layouts).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.dedupe cimport add_scope, add_scope_set, find_scope
from ringfence.core.margin cimport margin_row
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_FIRM_SCOPE, RF_RISK_RULE_MARGIN_RATE, RF_RISK_RULE_MESSAGE_RATE, RF_RISK_RULE_NEW_RATE, RF_RISK_RULE_REPLACE_RATE, RF_SCOPE_KIND_ACCOUNT,
    RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, RF_SCOPE_KIND_BROKER, RF_SCOPE_KIND_CURRENCY, RF_SCOPE_KIND_DESK, RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_INSTRUMENT,
    RF_SCOPE_KIND_STRATEGY, RF_SCOPE_KIND_STRATEGY_INSTRUMENT, RF_SCOPE_KIND_VENUE, RF_SCOPE_STATE_OPEN, Order, Scope, ScopeSet,
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
    if kind == RF_SCOPE_KIND_CURRENCY:
        return a <= s.engine.currency_count
    if kind == RF_SCOPE_KIND_ACCOUNT_INSTRUMENT:
        return a <= s.engine.account_count and b <= s.engine.instrument_count
    if kind == RF_SCOPE_KIND_STRATEGY_INSTRUMENT:
        return a <= s.engine.strategy_count and b <= s.engine.instrument_count
    return 0


cdef uint32_t known_scope(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil:
    return <uint32_t>find_scope(s, kind, a, b)


cdef int within(
    const EngineState *s, uint8_t kind, uint32_t a, uint32_t b, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument,
) noexcept nogil:
    """A row that is not used has no broker, desk or currency, so it is in none."""
    if kind == RF_SCOPE_KIND_FIRM:
        return 1
    if a == 0:
        return 0
    if kind == RF_SCOPE_KIND_BROKER:
        return s.accounts[account].broker == a
    if kind == RF_SCOPE_KIND_ACCOUNT:
        return account == a
    if kind == RF_SCOPE_KIND_VENUE:
        return venue == a
    if kind == RF_SCOPE_KIND_DESK:
        return s.strategies[strategy].desk_row == a
    if kind == RF_SCOPE_KIND_STRATEGY:
        return strategy == a
    if kind == RF_SCOPE_KIND_INSTRUMENT:
        return instrument == a
    if kind == RF_SCOPE_KIND_CURRENCY:
        return s.instruments[instrument].base_currency == a or s.instruments[instrument].quote_currency == a
    if kind == RF_SCOPE_KIND_ACCOUNT_INSTRUMENT:
        return account == a and instrument == b
    return kind == RF_SCOPE_KIND_STRATEGY_INSTRUMENT and strategy == a and instrument == b


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
    elif scope.kind == RF_SCOPE_KIND_CURRENCY:
        memcpy(scope.name, s.currencies[scope.a].code, sizeof(s.currencies[scope.a].code))


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


# ---- sets -----------------------------------------------------------------------------------------------------------------------

cdef int64_t inherited_margin(const EngineState *s, uint8_t kind, uint64_t row) noexcept nogil:
    cdef int64_t rate = 0
    cdef uint32_t broker = s.brokers[s.accounts[row].broker].scope if kind == RF_SCOPE_KIND_ACCOUNT and row <= s.engine.account_count else 0
    if broker:
        rate = s.scopes[broker].limits[<int>RF_RISK_RULE_MARGIN_RATE]
    if rate == 0 and kind != RF_SCOPE_KIND_FIRM:
        rate = s.scopes[<int>RF_FIRM_SCOPE].limits[<int>RF_RISK_RULE_MARGIN_RATE]
    return rate


cdef uint32_t margin_ppm(const EngineState *s, uint16_t account, uint32_t instrument) noexcept nogil:
    """The highest rate of the row of the schedule, else the instrument's own, else the account's, else its broker's, else the firm's."""
    cdef uint16_t row = margin_row(s, account, instrument)
    cdef uint32_t own = s.margin_rates[row].highest_ppm if row else s.instruments[instrument].margin_ppm
    cdef int64_t rate = s.scopes[s.accounts[account].scope].limits[<int>RF_RISK_RULE_MARGIN_RATE]
    if own or row:
        return own
    return <uint32_t>(rate if rate else inherited_margin(s, RF_SCOPE_KIND_ACCOUNT, account))


cdef inline uint8_t put(ScopeSet *scopes, uint8_t n, uint32_t row) noexcept nogil:
    """One more row, when there is one; how many there are then."""
    scopes.rows[n] = row
    return n + (row != 0)


cdef int gather(EngineState *s, ScopeSet *scopes) noexcept nogil:
    """The rows of a set from its key; 0 when the table of scopes is full and a pair has none: the others are there."""
    cdef uint16_t account = scopes.account, strategy = scopes.strategy
    cdef uint32_t instrument = scopes.instrument, account_pair, strategy_pair = 0
    cdef uint16_t base = s.instruments[instrument].base_currency, quote = s.instruments[instrument].quote_currency
    cdef uint8_t n = put(scopes, 0, RF_FIRM_SCOPE if s.engine.scope_count else 0)
    n = put(scopes, n, s.brokers[s.accounts[account].broker].scope)
    n = put(scopes, n, s.accounts[account].scope)
    scopes.margin_rows = n
    n = put(scopes, n, s.venues[scopes.venue].scope)
    n = put(scopes, n, s.desks[s.strategies[strategy].desk_row].scope)
    n = put(scopes, n, s.strategies[strategy].scope)
    scopes.qty_row = n
    n = put(scopes, n, s.instruments[instrument].scope)
    account_pair = scope_of(s, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, account, instrument)
    scopes.account_pair = n if account_pair else 0
    n = put(scopes, n, account_pair)
    if strategy:
        strategy_pair = scope_of(s, RF_SCOPE_KIND_STRATEGY_INSTRUMENT, strategy, instrument)
        n = put(scopes, n, strategy_pair)
    scopes.row_count = n
    n = put(scopes, n, s.currencies[base].scope)
    scopes.sold_row = n if s.currencies[base].scope and s.currencies[quote].scope else 0
    scopes.all_rows = put(scopes, n, s.currencies[quote].scope)
    scopes.margin_ppm = margin_ppm(s, account, instrument)
    return account_pair != 0 and (strategy_pair != 0 or strategy == 0)


cdef inline void name_set(ScopeSet *scopes, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil:
    memset(scopes, 0, sizeof(ScopeSet))
    scopes.strategy = strategy
    scopes.account = account
    scopes.venue = venue
    scopes.instrument = instrument


cdef uint32_t make_scope_set(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil:
    cdef uint32_t row = s.engine.scope_set_count + 1
    if row >= s.scope_set_rows:
        return 0
    name_set(&s.scope_sets[row], strategy, account, venue, instrument)
    if not gather(s, &s.scope_sets[row]) or not add_scope_set(s, strategy, account, venue, instrument, row):
        memset(&s.scope_sets[row], 0, sizeof(ScopeSet))
        return 0
    s.engine.scope_set_count = row
    return row


cdef const ScopeSet *scopes_of(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument, ScopeSet *spare) noexcept nogil:
    cdef uint32_t row = scope_set_of(s, strategy, account, venue, instrument)
    if row:
        return &s.scope_sets[row]
    name_set(spare, strategy, account, venue, instrument)
    gather(s, spare)
    return spare


cdef const ScopeSet *scopes_of_order(EngineState *s, Order *o, ScopeSet *spare) noexcept nogil:
    if o.scope_set == 0:
        o.scope_set = scope_set_of(s, o.strategy, o.account, o.venue, o.instrument)
    if o.scope_set:
        return &s.scope_sets[o.scope_set]
    return scopes_of(s, o.strategy, o.account, o.venue, o.instrument, spare)


cdef void renew_scope_sets(EngineState *s) noexcept nogil:
    cdef uint32_t row
    for row in range(1, s.engine.scope_set_count + 1):
        gather(s, &s.scope_sets[row])


cdef inline uint64_t interval(int64_t per_second) noexcept nogil:
    return <uint64_t>((SECOND_NS + per_second - 1) // per_second) if per_second > 0 else 0  # rounded up: never more than the rate


cdef void set_state(Scope *scope, uint8_t state) noexcept nogil:
    scope.state = state
    if state == RF_SCOPE_STATE_OPEN:
        scope.limited &= ~<uint64_t>1
    else:
        scope.limited |= 1


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
