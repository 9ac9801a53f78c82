# Positions computed again: from surviving executions and entries, in the order in which they were booked.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState

# What the surviving executions and entries of a position give, and of those that entries tie to it (S11), now that execution `changed` is another;
# BOOK_* of positions. The change that is due, a trade taken out and one put in (0: none), is only used when the execution table is full and the rows
# do not account for it.
cdef int recompute(
    EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, uint64_t changed, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px,
) noexcept nogil
# The same without the entry in row `busted` of ledger_events, into copies: 1, or 0 when a figure does not fit. Positions are as they were.
cdef int try_without(EngineState *s, uint32_t busted) noexcept nogil
# Let what try_without has computed hold, after the ledger has booked the bust.
cdef void hold_without(EngineState *s, uint32_t busted) noexcept nogil
