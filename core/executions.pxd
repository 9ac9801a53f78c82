# Executions: fills, busts and corrections, each booked once.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.dedupe cimport ExecutionKey
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_SIDE_BUY, Execution, Order, VenueEvent

cdef enum:
    INEXACT_PX = 1            # finer than the instrument's scale, or missing
    INEXACT_QTY = 2

# One report, resolved: whose it is, in the instrument's scale.
ctypedef struct Trade:
    Order *order              # NULL: suspense
    uint8_t problem           # BreakKind to raise when it is booked to suspense, 0 when it is not
    uint8_t side
    uint16_t account
    uint16_t strategy
    uint32_t instrument       # 0: a symbol that we do not know; no position, amounts as the venue sent them
    int64_t px
    int64_t qty
    ExecutionKey key
    uint64_t digest
    uint8_t inexact           # INEXACT_* bits

cdef inline int64_t by_side(uint8_t side, int64_t qty) noexcept nogil:
    return qty if side == RF_SIDE_BUY else -qty

# 1 when a report names another symbol or side than the order that its ids name.
cdef int contradicts(const EngineState *s, const VenueEvent *event, const Order *o) noexcept nogil

# `order` is NULL when the report names none of ours: booked to suspense (S3).
# A fill or correction of a known identity with other content is 0: nothing else in that report counts (S18).
cdef int apply_fill(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
cdef void apply_bust(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
cdef int apply_correct(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil

# What actions.pyx needs to book an execution that was in suspense; each is described where it is written.
cdef uint32_t instrument_of(const EngineState *s, const char *symbol) noexcept nogil
cdef void identify(const VenueEvent *event, const char *exec_id, Trade *t) noexcept nogil
cdef Execution *append(EngineState *s, const VenueEvent *event, const Trade *t, uint8_t state) noexcept nogil
cdef int add_to_order(Order *o, int64_t qty, int64_t px) noexcept nogil
cdef void conclude(EngineState *s, const VenueEvent *event, const Trade *t, uint8_t kind, uint8_t fact, uint8_t told, int64_t px, int64_t qty) noexcept nogil
cdef int recompute_position(
    EngineState *s, const VenueEvent *event, const Trade *t, uint64_t changed, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px,
) noexcept nogil
