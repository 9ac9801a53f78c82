# Which venue and account an intent goes to.
from libc.stdint cimport uint8_t, uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Intent, Order

# Why a route does not fit an intent, whatever its venue's state; the order in which it is looked at.
cdef enum Misfit:
    MISFIT_NONE
    MISFIT_HALTED
    MISFIT_INSTRUMENT
    MISFIT_ACCOUNT
    MISFIT_STRATEGY
    MISFIT_SIDE
    MISFIT_QTY
    MISFIT_TIME

# Routes that fitted and could not take the order.
ctypedef struct Skips:
    uint16_t count
    uint8_t reason       # why the last of them could not; 0: none was skipped
    uint8_t blocked      # the same when none could: the chosen route is one of them, and the order must be refused
    uint16_t killed      # the first that only the kill of its venue kept from taking it, 0: none

# NONE with the three rows set, or why there is no way. When every route that fits is blocked the last of them is given, for the checks to refuse.
cdef uint8_t pick_route(
    EngineState *s, uint16_t strategy, const Intent *intent, uint16_t *route, uint16_t *account, uint16_t *venue, Skips *skips,
) noexcept nogil
# Note on the order, and in the counts of its route, how it was routed.
cdef void took_route(EngineState *s, const Skips *skips, Order *o) noexcept nogil

# Why a route (a row in use) does not fit; a MISFIT_*.
cdef int misfit(const EngineState *s, uint16_t route, uint16_t strategy, const Intent *intent) noexcept nogil
# NONE, or why a route that fits cannot take it now.
cdef uint8_t blocked(const EngineState *s, uint16_t route, const Intent *intent) noexcept nogil
