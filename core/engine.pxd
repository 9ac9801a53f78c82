# The engine's loop. `Loop` is all that it works on; the step functions are here so that the benchmark measures the real ones.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState, Port, State
from ringfence.ipc.clock cimport rf_clock_t
from ringfence.ipc.idle cimport rf_idle_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.metrics cimport Metrics, rf_histogram_t
from ringfence.ipc.records cimport ClockCalibration, Frame, KillWord, RingCursor
from ringfence.ipc.ring cimport rf_ring_t

cdef enum:
    SOURCES_MAX = 257     # rows of strategies or venues, row 0 included
    WORDS_MAX = 66        # rows of the kill words: row 0 unused, the firm's, those of VENUES_MAX venues
    TAKEN = 1
    NOTHING = 2           # no input there
    HELD_BACK = 3         # the journal ring has no room, or only room for cancels
    GARBAGE = 4           # the ring is quarantined

    LEAVE_STOP = 1        # why the loop returns
    LEAVE_ATTACH = 2
    LEAVE_FAULT = 3

ctypedef struct Source:
    rf_ring_t *ring       # NULL: not connected, or quarantined
    uint32_t epoch

ctypedef struct Share:    # of the journal's second half, for one strategy
    uint64_t until        # what the journal ring held when it was given: the next is due when the sidecar has taken that
    uint64_t left         # intents that may still be taken
    uint64_t used_ns      # when one was last taken
    uint64_t refused      # turns since

ctypedef struct Stages:   # of the intents of one strategy; names in core/counters.py
    rf_histogram_t tick_intent
    rf_histogram_t intent_accept
    rf_histogram_t accept_out

ctypedef struct Counters:
    uint64_t *intents
    uint64_t *denies
    uint64_t *orders
    uint64_t *executions
    uint64_t *duplicate_executions
    uint64_t *breaks
    uint64_t *marks_refused
    uint64_t *scopes_full
    uint64_t *breaks_without_row
    uint64_t *ring_poisoned
    uint64_t *journal_full
    uint64_t *gateway_overflow
    uint64_t *events_lost
    uint64_t *frames
    uint64_t *checkpoints
    uint64_t *loops

ctypedef struct Loop:
    EngineState *s
    rf_ring_t *journal
    rf_clock_t *clock
    const ClockCalibration *calibration     # republished by the supervisor; NULL for a clock of its own
    uint64_t calibration_version
    uint64_t calibration_error_ns
    uint64_t *heartbeat
    Source control
    Source feed
    Source[SOURCES_MAX] gateways
    Source[SOURCES_MAX] strategies
    Share[SOURCES_MAX] shares   # by row of a strategy
    uint64_t share              # intents in one
    uint64_t pressure_below     # journal slots free: under this new risk is denied
    uint64_t cancels_below      # under this only cancels are taken
    uint64_t clear_above        # above this pressure is over, and nobody is held to a share
    const RingCursor *persisted  # the sidecar's mark
    uint64_t watched_seq        # frames up to here were published at watched_ns at the latest
    uint64_t watched_ns
    uint64_t reduce_ns          # a watched frame unsynced for longer: RESTRICT_JOURNAL_SLOW; 0: never
    uint64_t halt_ns            # RESTRICT_JOURNAL_LATE
    uint32_t late               # of the two, what the last watched frame deserved
    const KillWord *kill_words   # row 1 the firm, row 1 + v venue v; NULL: none are polled
    uint64_t[WORDS_MAX] killed   # by row of a venue (0: the firm), its word when it was last journaled, made odd; 0: clear
    const uint64_t *signs[SOURCES_MAX]   # heartbeat word of each strategy's memfd; NULL: not attached
    uint64_t[SOURCES_MAX] joined_ns      # when its ring was taken: it counts as a sign of life
    uint8_t[SOURCES_MAX] silence_told    # STRATEGY_SILENT is journaled, until it shows life again
    uint64_t timer_ns
    uint64_t next_timer_ns
    uint64_t checkpoint_ns      # between checkpoints of a window; 0: none
    uint64_t next_checkpoint_ns
    uint64_t checkpointed       # inputs that the last one covered
    uint64_t windows            # windows checked so far
    uint32_t window_rows
    uint64_t instance_epoch
    uint32_t batch
    uint32_t attached           # strategy row of the last STRATEGY_ATTACH
    uint64_t hash               # of the last checkpoint
    int checkpoint_due
    int leave
    rf_idle_t idle
    Counters counters
    Stages[SOURCES_MAX] stages   # by row of a strategy; row 0: the engine's own, which rows without a region share
    rf_histogram_t apply_time
    rf_histogram_t fill_position

# One input from one ring through the journal into the state: TAKEN, NOTHING, HELD_BACK or GARBAGE.
cdef int take_intent(Loop *l, uint32_t row) noexcept nogil
cdef int take_venue_event(Loop *l, uint32_t row) noexcept nogil
cdef int take_control(Loop *l) noexcept nogil
cdef int take_mark(Loop *l) noexcept nogil

# One round over all rings; the number of inputs taken.
cdef uint64_t turn(Loop *l) noexcept nogil

cdef class Engine:
    cdef Loop l
    cdef readonly State state
    cdef object clock
    cdef object metrics
    cdef object links
    cdef open_metrics(self, Metrics m)
    cdef open_stages(self, Metrics m, uint32_t strategy)
    cdef connect(self, Source *source, Link link, position)
    cdef uint64_t queued_seq(self, Port *port)
