# Positions by weighted average cost. Signed quantities: positive is bought.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Order, Position

cdef enum:
    BOOKED = 1
    BOOK_OVERFLOW = 2     # nothing was changed
    BOOK_NO_ROW = 3       # nothing was changed: the position table or its index is full
    BOOK_REVERSED = 4     # some executions have no row: booked as a reversing trade

# Apply one trade to a position that exists; only figures, no stamps.
cdef int apply_trade(Position *p, int64_t signed_qty, int64_t px) noexcept nogil

# Find or make the position and apply the trade.
cdef int book(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil

# 1 when a trade of this size, in either place of a flip, fits into the position as it is now.
cdef int trade_fits(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil

# What the surviving executions of a position give, in the order in which they were booked (S11). The change that is due, a trade taken out and
# one put in (0: none), is only used when the execution table is full and the rows do not account for it.
cdef int recompute(
    EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px,
) noexcept nogil
