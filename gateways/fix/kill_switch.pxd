# The kill switch of one gateway: the two words that it obeys, and the engine's tables as it reads them. Contracts here, whys in kill_switch.pyx.
from libc.stdint cimport uint32_t, uint64_t

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

# 1: no new risk. Two loads.
cdef inline int is_killed(const kill_t *k) noexcept nogil:
    return load_word(k.firm, ACQUIRE) != RF_KILL_CLEAR or load_word(k.venue, ACQUIRE) != RF_KILL_CLEAR

# Begin, go on with or end the cancelling; how many messages were composed. A bounded number of rows and messages.
cdef int kill_step(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil
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
