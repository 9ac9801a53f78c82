# Lots: rows of a preallocated pool, linked per position in sequence order, and in a heap where the highest unit value goes first.
from libc.stdint cimport uint32_t

from ringfence.core.wide cimport wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_METHOD_HIFO, RF_LEDGER_METHOD_HIFO_MINGAIN, RF_LEDGER_METHOD_LIFO,
    LedgerCheckpoint, LedgerClosing, LedgerEvent, LedgerHead, LedgerInstrument, LedgerLeg, LedgerPick, LedgerPosition, Lot,
)

# What a booking refused, and its LedgerResult.
ctypedef struct LedgerRefusal:
    LedgerEvent event
    int result

# The ledger's tables as C sees them: pointers into one piece of memory that the caller owns, and where what a booking says goes.
ctypedef struct LedgerTables:
    LedgerHead *head
    LedgerInstrument *instruments
    LedgerPosition *positions
    Lot *lots
    LedgerEvent *events
    LedgerPick *picks
    LedgerCheckpoint *checkpoints
    uint32_t *by_position        # head.slots each; rows, 0: free
    uint32_t *by_key
    LedgerClosing *closings      # of the last booking; NULL: not wanted
    LedgerLeg *legs              # of the touched positions; NULL: not wanted
    LedgerPosition *before       # figures of the touched positions as they were; by order of touching; as many as there are positions
    uint32_t *touched            # their rows
    uint32_t touched_count
    uint32_t closing_rows
    uint32_t closing_count
    uint32_t leg_rows
    uint32_t leg_count
    LedgerRefusal *refusals      # NULL: not wanted; those beyond refusal_rows are counted only
    uint32_t refusal_rows
    uint32_t refusal_count
    int keep                     # 1: touched rows and refusals are of all bookings since the caller emptied them, and legs their sum; 0: of the last
    int replaying                # what is booked once more says nothing
    int hold_unnamed             # 1: a close of SPEC that names no lots has its row, HELD, and waits for names; 0: it is refused
    uint32_t watched             # a close whose names are on trial, and
    int verdict                  # what ledger_trades.names_its_lots said of them
    uint32_t held_changes        # how often fills began or ceased to wait for names, since whoever asks set it to 0
    uint32_t former              # row of what was in force before the last bust or correction; 0: that changed nothing

# A free row, zeroed; when none is left, dust is merged (counted) so that there is one. 0: no position has two lots.
cdef uint32_t new_lot(LedgerTables *t) noexcept nogil
# The position with the most lots (of several the first), 0 when none has two.
cdef uint32_t most_lots(const LedgerTables *t) noexcept nogil
# Free rows.
cdef inline uint32_t spare_lots(const LedgerTables *t) noexcept nogil:
    return t.head.lot_rows - 1 - t.head.open_lots
# Merge dust where there are most lots; 0: no position has two.
cdef int make_room(LedgerTables *t) noexcept nogil
# Whether new_lot can give a row.
cdef inline int lot_to_spare(const LedgerTables *t) noexcept nogil:
    return spare_lots(t) != 0 or most_lots(t) != 0

# Put a row, its figures filled in, at its place in the position's order.
cdef void insert_lot(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil
# Take a row, which must be the one that first_to_go names if the position has a heap, out of the position and free it.
cdef void remove_lot(LedgerTables *t, uint32_t position, uint32_t row) noexcept nogil
# The lot that a close takes first by the position's method; of SPEC the oldest. 0: flat.
cdef inline uint32_t first_to_go(const LedgerPosition *p) noexcept nogil:
    if p.heap:
        return p.heap
    return p.last_lot if p.method == RF_LEDGER_METHOD_LIFO else p.first_lot

# Free all lots of a position.
cdef void remove_lots(LedgerTables *t, uint32_t position) noexcept nogil
# Order the heap anew after ranks have changed.
cdef void rebuild_heap(LedgerTables *t, uint32_t position) noexcept nogil
# Whether the position's method takes lots by their unit value.
cdef inline int by_rank(const LedgerPosition *p) noexcept nogil:
    return p.method == RF_LEDGER_METHOD_HIFO or p.method == RF_LEDGER_METHOD_HIFO_MINGAIN

# The rank of a unit value: what is to go first is highest.
cdef wide_t rank_of(const LedgerPosition *p, wide_t unit_value, int is_short) noexcept nogil
