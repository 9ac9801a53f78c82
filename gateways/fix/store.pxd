# The message store of one session, as a struct with free functions (nogil) under a thin class. Contracts here, whys in store.pyx.
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    KIND_ADMIN = 1  # gap-filled when asked for again
    KIND_APP = 2    # resent with PossDupFlag
    KIND_ORDER = 3  # NewOrderSingle: gap-filled, reported NOT_SENT
    KIND_RESET = 4  # no message: sequence numbers start anew
    KIND_OUT_OF_BAND = 5  # a cancel that the kill switch sent: resent with PossDupFlag; in place of output_seq it carries `kill`

cdef enum:
    # store_t.kill: number of the round of cancels << 34, these, and in the low 32 bits the row of the last order that was dealt with in it
    KILL_ON = 0x100000000
    KILL_EACH = 0x200000000  # one cancel an order: the venue has no mass cancel, or refused it
    KILL_ROWS = 0xFFFFFFFF   # all of them

cdef inline uint64_t kill_round(uint64_t kill) noexcept nogil:
    """Number of the round, which is part of its ClOrdIDs: 14 bits."""
    return kill >> 34 & 0x3FFF


cdef inline uint64_t kill_later(uint64_t kill, uint64_t rounds) noexcept nogil:
    """The beginning of a later round of the same kill."""
    return (kill_round(kill) + rounds & 0x3FFF) << 34 | kill & (KILL_ON | KILL_EACH)


ctypedef struct store_t:
    unsigned char *base  # the mapped file; moves when it grows
    size_t mapped        # bytes
    size_t tail          # where the next record goes
    int fd
    int failed           # errno of a growth that was refused; nothing may be sent any more
    uint64_t next_out    # next MsgSeqNum(34) to send
    uint64_t next_in     # next MsgSeqNum(34) expected
    uint64_t next_in_persisted  # at most next_in: what came before it is in the journal on disk (durable.pyx)
    uint64_t lowered     # how often next_in went down in this process
    uint64_t mark        # highest output_seq of a command that was stored or answered
    uint64_t resets
    uint64_t kill        # the round of cancels that was begun last, and how far it is (see KILL_ON)
    size_t last_order    # offset of the newest KIND_ORDER record that recovery found; 0: none
    uint64_t reset_ms    # when the numbers started at their beginning, ms since 1970; 0: not known
    uint64_t *index      # offset of the record of `first + i`, 0 when there is none
    uint64_t index_room
    uint64_t first

# Store a message under next_out and move on. 1, or 0 when the file could not grow (see failed). O(1), no system call unless it grows.
cdef int store_append(store_t *s, uint32_t kind, uint64_t output_seq, const unsigned char *message, uint32_t n) noexcept nogil
# Grow ahead of need; call it where time does not matter.
cdef int store_reserve(store_t *s) noexcept nogil
# Both sequence numbers anew; one record, so that a crash leaves either the old or the new pair.
cdef int store_reset(store_t *s, uint64_t next_out, uint64_t next_in, uint64_t now_ns) noexcept nogil
cdef void store_set_next_in(store_t *s, uint64_t next_in) noexcept nogil
cdef void store_set_next_in_persisted(store_t *s, uint64_t next_in) noexcept nogil
# The command was answered without a message.
cdef void store_set_mark(store_t *s, uint64_t output_seq) noexcept nogil
# How far the kill switch is; before a message of it there is no need, store_append does it.
cdef void store_set_kill(store_t *s, uint64_t kill) noexcept nogil
# The stored bytes of an outgoing message, or NULL. Valid until the next append.
cdef const unsigned char *store_find(store_t *s, uint64_t seq, uint32_t *kind, uint64_t *output_seq, uint32_t *n) noexcept nogil

cdef class MessageStore:
    cdef store_t s
    cdef readonly str path
    cdef readonly str recovered
