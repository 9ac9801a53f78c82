# Positions by weighted average cost. Signed quantities: positive is bought.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport LedgerEvent, Position

cdef enum:
    BOOKED = 1
    BOOK_OVERFLOW = 2     # nothing was changed
    BOOK_NO_ROW = 3       # nothing was changed: the position table or its index is full
    BOOK_REVERSED = 4     # some executions have no row: booked as a reversing trade
    BOOK_NOT_HELD = 5     # nothing was changed: an entry moves more than there is, or against what there is

# Apply one trade to a position that exists; only figures, no stamps.
cdef int apply_trade(Position *p, int64_t signed_qty, int64_t px) noexcept nogil

# Find or make the position and apply the trade.
cdef int book(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil

# 1 when a trade of this size, in either place of a flip, fits into the position as it is now.
cdef int trade_fits(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty, int64_t px) noexcept nogil

# The position, made if need be; 0: there is no row.
cdef uint64_t find_or_add(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil
# After its figures have changed: when, and what its scopes count of it.
cdef void stamp(EngineState *s, uint64_t row) noexcept nogil
# The same, but no scope is judged by its loss; ``moved``: what changed of the gain is of no day (units that came or went with their cost).
cdef void stamp_unjudged(EngineState *s, uint64_t row, int moved) noexcept nogil
# The figures of another computation of the same position; what the scopes count of it stays until `stamp`.
cdef void take_over(Position *p, const Position *figures) noexcept nogil
# One trade, as apply_trade, but a refusal leaves a position that is of no use any more: for a copy.
cdef int trade(Position *p, int64_t signed_qty, int64_t px) noexcept nogil

# Whether entries of this kind change a position's quantity or cost.
cdef int changes_position(uint8_t kind) noexcept nogil
# Do what such an entry says to copies of its position and of the other one (any copy, where the kind has none): BOOKED, or why it cannot be; the
# copies are then of no use any more.
cdef int apply_entry(const LedgerEvent *e, Position *p, Position *other) noexcept nogil
