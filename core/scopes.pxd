# Scopes: what limits, counts and kill switches belong to.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.dedupe cimport find_scope_set
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Order, Scope, ScopeSet

cdef extern from *:
    """
    #define RF_UNVALUED (1ull << 63)    /* bits of Scope.limited beside those of rules: something of it has no amount */
    #define RF_UNCOUNTED (1ull << 62)   /* a trade of the day has none */
    #define RF_UNTOLD (1ull << 61)      /* a balance has none */
    #ifndef RF_SATURATE
    #define RF_SATURATE
    #include <stdint.h>
    static inline void rf_saturate(int64_t *sum, int64_t change) {
        if (__builtin_add_overflow(*sum, change, sum)) *sum = change > 0 ? INT64_MAX : INT64_MIN;
    }
    #endif
    """
    const uint64_t RF_UNVALUED
    const uint64_t RF_UNCOUNTED
    const uint64_t RF_UNTOLD
    # Add to a sum; one that would overflow saturates.
    void rf_saturate(int64_t *sum, int64_t change) noexcept nogil

# One order or position of the scope more, or one less, whose amount cannot be told.
cdef inline void count_unvalued_of(Scope *scope, int more) noexcept nogil:
    scope.unvalued += <uint32_t>more
    if scope.unvalued:
        scope.limited |= RF_UNVALUED
    else:
        scope.limited &= ~RF_UNVALUED

# One balance of the scope more, or one less, whose worth cannot be told: equity is not known then, amounts of positions and orders are.
cdef inline void count_untold_of(Scope *scope, int more) noexcept nogil:
    scope.untold += <uint32_t>more
    if scope.untold:
        scope.limited |= RF_UNTOLD
    else:
        scope.limited &= ~RF_UNTOLD

# Row of the scope of an object or pair, made when it has none yet; 0 when the table or its index is full, or the object cannot be.
cdef uint32_t scope_of(EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil
# Row, or 0 when there is none yet.
cdef uint32_t known_scope(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil
# 1 when the object (or both of a pair) exists.
cdef int scope_exists(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil

# 1 when what these name (0: no one in particular) is in a scope.
cdef int within(
    const EngineState *s, uint8_t kind, uint32_t a, uint32_t b, uint16_t account, uint16_t strategy, uint16_t venue, uint32_t instrument,
) noexcept nogil

# Row in scope_sets of these, made when there is none yet; 0: a table is full. Venue 0: of positions; strategy 0: of suspense.
cdef inline uint32_t scope_set_of(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil:
    cdef uint32_t row = <uint32_t>find_scope_set(s, strategy, account, venue, instrument)
    return row if row else make_scope_set(s, strategy, account, venue, instrument)

# The same when there is none.
cdef uint32_t make_scope_set(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil
# The scopes of an order, looked up once; when the table is full they are put together in `spare`, which is then what is returned.
cdef const ScopeSet *scopes_of_order(EngineState *s, Order *o, ScopeSet *spare) noexcept nogil
# The same of what has no row to keep the set's in.
cdef const ScopeSet *scopes_of(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument, ScopeSet *spare) noexcept nogil
# Every set anew, after a change of brokers, accounts, desks, strategies, instruments, currencies or margin rates.
cdef void renew_scope_sets(EngineState *s) noexcept nogil

# Set the state, and the bit of `limited` that says it is not OPEN.
cdef void set_state(Scope *scope, uint8_t state) noexcept nogil
# Store one limit or setting, with what derives from it (the bit in `limited`, the interval of a rate). The caller has judged it.
cdef void store_limit(Scope *scope, uint8_t rule, int64_t value) noexcept nogil
# MARGIN_RATE [ppm] of what is above an account or a broker, which counts while it has none of its own; 0 for the firm.
cdef int64_t inherited_margin(const EngineState *s, uint8_t kind, uint64_t row) noexcept nogil
