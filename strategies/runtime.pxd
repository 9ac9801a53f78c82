# What runs under a strategy (runtime.h), and the Python object that owns it.
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uint8_t

from ringfence.ipc.broadcast cimport rf_broadcast_t
from ringfence.ipc.clock cimport Clock, rf_clock_t
from ringfence.ipc.idle cimport rf_idle_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport (
    BookDelta, ClockCalibration, EngineStatus, Intent, Parameter, Position, Quote as LatestQuote, QuoteTick, Strategy, StrategyEvent, Superblock, TradeTick,
)
from ringfence.ipc.ring cimport rf_ring_t


cdef extern from "runtime.h" nogil:
    enum:
        RF_RUNTIME_BATCH
        RF_WATCHED_MAX
        RF_TAKEN_NOTHING
        RF_TAKEN_QUOTE
        RF_TAKEN_TRADE
        RF_TAKEN_BOOK
        RF_TAKEN_RESET
        RF_TAKEN_FILL
        RF_TAKEN_REJECT
        RF_TAKEN_EVENT
        RF_TAKEN_TIMER
        RF_TAKEN_LOST_TICKS
        RF_TAKEN_LOST_EVENTS
        RF_TAKEN_SKIPPED
        RF_TAKEN_GARBAGE

    ctypedef struct rf_watched_t:
        char name[32]
        uint64_t row
        uint64_t changes
        int64_t value
        uint64_t digits
        uint64_t offset
        uint64_t changed
        uint64_t is_float

    ctypedef struct rf_runtime_t:
        uint64_t stop
        rf_broadcast_t market
        rf_ring_t events
        rf_ring_t intents
        rf_clock_t *clock
        uint64_t origin_ns
        uint64_t next_client_id
        uint64_t *heartbeat
        uint64_t *read_mark
        const unsigned char *wanted
        int64_t *net_qty
        int64_t *net_of_account
        uint64_t instruments
        uint64_t accounts
        const int64_t *tick_sizes
        const int64_t *lot_sizes
        uint32_t epoch
        uint32_t strategy
        uint64_t last_output_seq
        uint64_t unseen_output_seq
        uint64_t timer_every_ns
        uint64_t timer_due_ns
        uint64_t attend_due_ns
        uint64_t loss_check_due_ns
        uint64_t lost
        const Superblock *life
        const EngineStatus *engine
        const Strategy *own
        const Position *positions
        uint64_t position_rows
        const Parameter *parameters
        uint64_t parameter_rows
        uint64_t parameters_known
        const LatestQuote *quotes
        uint64_t quote_rows
        uint64_t positions_due
        uint64_t watched_count
        const ClockCalibration *calibration
        uint64_t calibration_version
        uint64_t idle
        uint64_t callback
        uint64_t garbage
        uint64_t turns
        uint64_t ticks
        uint64_t ticks_lost
        uint64_t events_taken
        uint64_t events_lost
        uint64_t sent
        uint64_t refused
        uint64_t parameters_refused
        rf_idle_t idling
        QuoteTick tick
        StrategyEvent event
        rf_watched_t watched[RF_WATCHED_MAX]

    uint64_t rf_runtime_now(rf_runtime_t *r) noexcept
    void rf_runtime_idle(rf_runtime_t *r, int64_t work) noexcept
    int rf_runtime_rebuilding(const rf_runtime_t *r) noexcept
    int rf_runtime_take_tick(rf_runtime_t *r) noexcept
    int rf_runtime_take_event(rf_runtime_t *r) noexcept
    int rf_runtime_attend(rf_runtime_t *r, uint64_t work, uint64_t *now) noexcept
    int rf_runtime_read_positions(rf_runtime_t *r) noexcept
    uint64_t rf_runtime_read_parameters(rf_runtime_t *r) noexcept
    int rf_event_done(const StrategyEvent *e) noexcept
    LatestQuote rf_runtime_quote(const rf_runtime_t *r, int64_t instrument) noexcept
    void rf_runtime_set_timer(rf_runtime_t *r, int64_t every_ns) noexcept
    uint64_t rf_runtime_send(
        rf_runtime_t *r, int64_t side, int64_t instrument, int64_t qty, int64_t px, uint8_t ord_type, int64_t time_in_force, int64_t account,
        int64_t instructions, uint64_t expire_ns,
    ) noexcept
    int rf_runtime_cancel(rf_runtime_t *r, uint64_t client_id) noexcept
    int rf_runtime_replace(rf_runtime_t *r, uint64_t client_id, int64_t qty, int64_t px) noexcept
    int rf_runtime_cancel_all(rf_runtime_t *r, int64_t instrument) noexcept
    int64_t rf_runtime_position(const rf_runtime_t *r, int64_t instrument) noexcept
    int64_t rf_runtime_tick_size(const rf_runtime_t *r, int64_t instrument) noexcept
    uint64_t rf_runtime_open_orders(const rf_runtime_t *r) noexcept


cdef class Runtime:
    cdef rf_runtime_t r
    cdef Link link
    cdef Clock clock
    cdef readonly object attachment
    cdef readonly object tables
    cdef readonly dict instruments  # symbol -> row
    cdef object arrays              # what the struct's private pointers lead to
    cdef list appliers              # of the declared parameters, in the order of `watched`
    cdef public double engine_grace_s  # how long a dead engine may take to come back
    cdef uint64_t dead_since_ns

    cdef object _open_tables(self)
    cdef object _choose(self, symbols)
    cdef object _open_market(self)
    # A limit order; the amounts are Python's.
    cdef object _limit(self, int side, instrument, qty, px, tif, account, instructions, expire_ns)
    # Give one thing taken to the method it is for.
    cdef object _dispatch(self, list callbacks, int kind, uint64_t now)
