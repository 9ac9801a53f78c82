# The kill switch of one gateway: the two words that it obeys, and the engine's tables as it reads them. Contracts here, whys in kill_switch.pyx.
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from ringfence.gateways.fix.budget cimport budget_t
from ringfence.gateways.fix.dialect cimport dialect_t
from ringfence.gateways.fix.state cimport session_t
from ringfence.ipc.records cimport RF_KILL_CLEAR, Account, EngineStatus, Instrument, Order, Superblock, VenueEvent
from ringfence.ipc.segment cimport Segment

cdef extern from *:
    uint64_t load_word "__atomic_load_n" (const uint64_t *word, int order) noexcept nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"

ctypedef struct kill_t:
    const uint64_t *firm          # the words; of a region that is not there, one that kills
    const uint64_t *venue
    uint32_t row                  # of the venue in the tables
    const Superblock *block       # of the region `state`; NULL: not mapped
    const EngineStatus *engine
    const Order *orders
    const Instrument *instruments
    const Account *accounts
    uint64_t order_rows           # row 0 included, by the region's directory
    uint64_t instrument_rows
    uint64_t account_rows
    uint64_t at                   # next row to look at, 0: a scan has not begun
    uint64_t end                  # last row of the scan
    uint64_t resets               # of the session's numbers, when the scan began
    uint64_t epoch                # of the engine whose tables are scanned
    char mass_id[24]              # ClOrdID(11) of the mass cancel that was sent in this process
    uint16_t *marks               # by row: what reports said of the order (kill_switch.pyx)
    uint32_t generation           # of the cancels whose answer is awaited, 1 to 15
    uint32_t rounds               # that ended, of this kill and in this process
    int lost                      # the session was not up since the last look
    int crowded                   # the ring to the engine is more than half full
    uint64_t asked_ns             # when the generation began
    uint64_t again_ns             # when the next round may begin; 0: not known
    uint64_t sent                 # in this round
    uint64_t formless             # orders of this round whose cancel has no form at this venue

# 1: no new risk. Two loads.
cdef inline int is_killed(const kill_t *k) noexcept nogil:
    return load_word(k.firm, ACQUIRE) != RF_KILL_CLEAR or load_word(k.venue, ACQUIRE) != RF_KILL_CLEAR

# 1: the engine has asked to cancel this order since it was made, by its tables.
cdef int has_cancel(const kill_t *k, uint64_t row) noexcept nogil
# Begin, go on with or end the cancelling; how many messages were composed. A bounded number of rows and messages.
cdef int kill_step(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil
# What a report says of an order that may have to be cancelled.
cdef void kill_note(kill_t *k, const VenueEvent *e) noexcept nogil
# The venue refused the mass cancel of this kill: one cancel an order then. 1 when the report was that.
cdef int kill_refused(kill_t *k, session_t *s, const VenueEvent *e) noexcept nogil


cdef class KillSwitch:
    cdef kill_t c
    cdef str instance
    cdef Segment words
    cdef Segment state
    cdef object words_seen   # what the name led to at the last look
    cdef object state_seen
    cdef int _map_tables(self) except -1
