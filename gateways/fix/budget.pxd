# The session's message budget: a generic cell rate algorithm on the gateway's clock, with a reserve that new orders and replaces may not use. Inline.
from libc.stdint cimport uint64_t

ctypedef struct budget_t:
    uint64_t interval_ns   # of one message at the full rate; 0: no limit
    uint64_t order_ns      # how far the theoretical arrival time may be ahead of the clock for a new order or replace,
    uint64_t cancel_ns     # and for everything else
    uint64_t tat_ns        # theoretical arrival time of the next message


cdef inline void budget_open(budget_t *b, uint64_t messages_per_s, uint64_t burst, uint64_t reserve, uint64_t now) noexcept nogil:
    """What was sent before a restart is not known: new orders wait as if the burst were spent, the reserve is there at once."""
    b.interval_ns = (1000000000 + messages_per_s - 1) // messages_per_s if messages_per_s else 0
    b.order_ns = (burst - reserve - 1) * b.interval_ns if messages_per_s else 0
    b.cancel_ns = (burst - 1) * b.interval_ns if messages_per_s else 0
    b.tat_ns = now + (burst - reserve) * b.interval_ns


cdef inline int budget_allows(const budget_t *b, int reserve, uint64_t now) noexcept nogil:
    return not b.interval_ns or b.tat_ns <= now + (b.cancel_ns if reserve else b.order_ns)


cdef inline void budget_spend(budget_t *b, uint64_t now) noexcept nogil:
    b.tat_ns = (b.tat_ns if b.tat_ns > now else now) + b.interval_ns
