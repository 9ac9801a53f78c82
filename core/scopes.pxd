# Scopes: what limits, counts and kill switches belong to.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Order, Scope

cdef enum:
    SCOPES_OF_ORDER = 9      # at most: firm, broker, account, venue, desk, strategy, instrument and the two pairs

# Row of the scope of an object or pair, made when it has none yet; 0 when the table or its index is full, or the object cannot be.
cdef uint32_t scope_of(EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil
# Row, or 0 when there is none yet.
cdef uint32_t known_scope(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil
# 1 when the object (or both of a pair) exists.
cdef int scope_exists(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil

# Rows of every scope that an order of these belongs to, into `rows`; how many. Pairs that have no row yet are left out.
cdef int scopes_of(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument, uint32_t *rows) noexcept nogil

# Store one limit or setting, with what derives from it (the bit in `limited`, the interval of a rate). The caller has judged it.
cdef void store_limit(Scope *scope, uint8_t rule, int64_t value) noexcept nogil
