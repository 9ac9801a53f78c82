# Equity: what an account has, its cash and its positions at the reference price, in 10^-4 of the firm's currency. Counted from the first FREE_MARGIN limit on.
from libc.stdint cimport int64_t, uint16_t, uint32_t

from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport wide_t
from ringfence.ipc.records cimport Position, Scope

# What a position adds to its account at a price (0: there is none): what it paid, and what it is worth. 0 returned: that cannot be told, and *out is 0.
cdef int equity_of(const EngineState *s, const Position *p, int64_t px, int64_t *out) noexcept nogil
# Bring the scopes of an account up to date after a change of one of its balances.
cdef void weigh_cash(EngineState *s, uint32_t row) noexcept nogil
# The same of every balance, after the sums were forgotten.
cdef void weigh_all_cash(EngineState *s) noexcept nogil
# 1 when so much of a currency (10^-18, as in CashBalance) can leave the account: the equity left is enough for its margin, its broker's and the firm's.
cdef int can_spare(const EngineState *s, uint16_t account, uint16_t currency, wide_t amount) noexcept nogil

cdef extern from *:
    """
    /* margin is more than the share [ppm] of an equity, in 128 bits; of an equity of nothing or less it always is. */
    static inline int rf_lacks_equity(int64_t margin, int64_t equity, int64_t ppm) {
        return equity <= 0 || (unsigned __int128)(uint64_t)margin * 1000000u > (unsigned __int128)(uint64_t)equity * (uint64_t)ppm;
    }
    """
    int rf_lacks_equity(int64_t margin, int64_t equity, int64_t ppm) noexcept nogil
