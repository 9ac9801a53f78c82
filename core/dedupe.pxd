# The indexes over the tables: open addressing, linear probing, at most PROBE_MAX steps. Every find compares the whole key.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState

cdef inline uint64_t mix(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t>0x9E3779B97F4A7C15
    return h ^ (h >> 29)

# Row of the order that a strategy calls client_id, or 0.
cdef uint64_t find_client_id(const EngineState *s, uint16_t strategy, uint64_t client_id) noexcept nogil
# 1 when the row was entered, 0 when no slot is free within reach: the caller refuses.
cdef int add_client_id(EngineState *s, uint16_t strategy, uint64_t client_id, uint64_t row) noexcept nogil

# Row of the order that a venue calls OrderID, or 0; of several the newest, since a venue may use its OrderIDs again on another day.
cdef uint64_t find_venue_order_id(const EngineState *s, uint16_t venue, const char *id32) noexcept nogil
# The order has this OrderID now; an older order's slot of the same OrderID is taken over, so that a venue which repeats them fills no chain.
cdef int add_venue_order_id(EngineState *s, uint16_t venue, const char *id32, uint64_t row) noexcept nogil

# Row of the position, or 0.
cdef uint64_t find_position(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
cdef int add_position(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, uint64_t row) noexcept nogil

# Row in scopes of an object (b 0) or a pair, or 0.
cdef uint64_t find_scope(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil
cdef int add_scope(EngineState *s, uint8_t kind, uint32_t a, uint32_t b, uint64_t row) noexcept nogil

# Row in scope_sets of orders (venue) or positions (venue 0), or 0.
cdef uint64_t find_scope_set(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil
cdef int add_scope_set(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument, uint64_t row) noexcept nogil

# The newest order of this content, or 0; the digest is the whole key, and the caller compares what it stands for. 0: no slot is free.
cdef uint64_t find_content(const EngineState *s, uint64_t digest) noexcept nogil
cdef int put_content(EngineState *s, uint64_t digest, uint64_t row) noexcept nogil

# Fetch into the cache the slot at which a find or an add will begin; they are the random accesses of an input, and a replay knows its inputs ahead.
cdef void prefetch_client_id(const EngineState *s, uint16_t strategy, uint64_t client_id) noexcept nogil
cdef void prefetch_venue_order_id(const EngineState *s, uint16_t venue, const char *id32) noexcept nogil
cdef void prefetch_execution(const EngineState *s, uint64_t digest) noexcept nogil

# The identity of an execution (S2). order_id 0 (suspense) is told apart by the venue's OrderID. Texts are NUL-padded.
ctypedef struct ExecutionKey:
    uint64_t order_id
    uint16_t venue
    uint16_t account
    uint8_t side
    char exec_id[40]
    char venue_order_id[32]

cdef uint64_t execution_digest(const ExecutionKey *key) noexcept nogil
cdef uint64_t find_execution(const EngineState *s, const ExecutionKey *key, uint64_t digest) noexcept nogil
cdef int add_execution(EngineState *s, uint64_t digest, uint64_t row) noexcept nogil
# Let the slot of one row name another row of the same key.
cdef void repoint_execution(EngineState *s, uint64_t digest, uint64_t old_row, uint64_t row) noexcept nogil

cdef extern from *:
    """
    #ifndef RF_COPY_TEXT
    #define RF_COPY_TEXT
    #include <stdint.h>
    #include <string.h>
    /* n is a multiple of 8. The lowest byte of a little-endian word is its first character; zeros follow the first NUL. */
    static inline void rf_copy_text(char *out, const char *text, int n) {
        int at = 0;
        for (; at < n; at += 8) {
            uint64_t word, nul;
            memcpy(&word, text + at, 8);
            nul = (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
            if (nul) {
                word &= ((nul & (0 - nul)) >> 7) - 1; /* the bytes below the first NUL */
                memcpy(out + at, &word, 8);
                at += 8;
                break;
            }
            memcpy(out + at, &word, 8);
        }
        memset(out + at, 0, (size_t)(n - at));
    }
    #endif
    """
    # Copy a text of at most n bytes (a multiple of 8), zeros after its end: what two texts must be before their bytes are compared.
    void copy_text "rf_copy_text" (char *out, const char *text, int n) noexcept nogil
