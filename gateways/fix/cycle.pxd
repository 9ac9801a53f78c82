# The gateway's duty cycle: its private state and the loop. One thread owns it; what is shared lies behind its pointers.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.gateways.fix.budget cimport budget_t
from ringfence.gateways.fix.dialect cimport dialect_t
from ringfence.gateways.fix.durable cimport durable_t
from ringfence.gateways.fix.kill_switch cimport kill_t
from ringfence.gateways.fix.state cimport session_t
from ringfence.ipc.clock cimport rf_clock_t
from ringfence.ipc.idle cimport rf_idle_t
from ringfence.ipc.metrics cimport rf_histogram_t
from ringfence.ipc.records cimport RingCursor
from ringfence.ipc.ring cimport rf_ring_t

cdef enum:
    RETURN_CONNECT = 1    # why the loop came back to Python
    RETURN_CLOSED = 2
    RETURN_NOTES = 3
    RETURN_STOPPED = 4
    RETURN_BROKEN = 5
    RETURN_SECURE = 6     # connected; TLS comes before the session
    SENT_SLOTS = 4096     # orders whose first answer is awaited, for wire_ack
    LOOK_NS = 1000        # between two looks at a socket that had nothing
    UNSENT_SLOTS = 256    # orders that were answered NOT_SENT lately, by order_id

ctypedef struct sent_t:
    uint64_t key
    uint64_t at_ns

ctypedef struct stamp_t:
    uint64_t origin_ns
    uint64_t intent_ns
    uint64_t engine_ns
    uint64_t out_ns
    uint64_t taken_ns
    uint64_t encoded_ns
    uint64_t key

ctypedef struct gateway_t:
    session_t *session
    const dialect_t *dialect
    rf_clock_t *clock
    rf_ring_t *commands
    rf_ring_t *events
    uint64_t *my_mark
    uint64_t *heartbeat
    const RingCursor *persisted   # the sidecar's mark, NULL while there is none
    const RingCursor *replicated  # the standby's mark, NULL while there is none
    durable_t durable
    kill_t *kill
    budget_t budget
    rf_idle_t idle
    uint32_t venue
    int fd                      # -1: none
    int listen_fd               # an acceptor's, -1: initiator
    int connecting
    int secure                  # TLS: 1 wanted, 2 connected and not yet handed to the relay
    int eof                     # the peer closed, or errno of the connection
    int down_first              # tell the engine that the session is down before anything else
    int garbage
    int stopping
    uint64_t held_ns            # since when the command at the front waits for its durability, 0: it does not
    const RingCursor *held_behind  # the mark that was short when one had waited in vain, NULL: it was not there yet
    uint64_t held_reached       # where that stood
    int held_in_vain            # there was one
    uint64_t throttled_ns       # since when it waits for the message budget
    uint64_t peeked             # ring position: up to here no cancel stands behind the front
    uint64_t cancel_at          # ring position of one that does; passed: none is known
    uint64_t unsent[256]
    uint64_t stop_ns
    uint64_t connect_ns         # next attempt
    uint64_t connect_limit_ns   # of the attempt under way
    uint64_t up_ns
    uint64_t received_ns
    uint64_t look_ns            # LOOK_NS; 0 where the clock stands still between two turns
    uint64_t next_look_ns       # not before that into the socket
    uint64_t status_journal_seq  # input whose status requests the last OrderMassStatusRequest covers
    uint64_t next_tick_ns
    uint64_t next_clock_ns
    stamp_t stamps[256]
    uint32_t stamp_count
    sent_t *sent
    uint64_t *c_orders
    uint64_t *c_commands
    uint64_t *c_events
    uint64_t *c_not_sent
    uint64_t *c_skipped
    uint64_t *c_status_dropped
    uint64_t *c_held
    uint64_t *c_ring_full
    uint64_t *c_rejects
    uint64_t *c_unknown
    uint64_t *c_invalid
    uint64_t *c_throttled
    uint64_t *c_kill_cancels
    uint64_t *gauges[13]
    rf_histogram_t out_take
    rf_histogram_t take_encoded
    rf_histogram_t encoded_wire
    rf_histogram_t accept_wire
    rf_histogram_t intent_wire
    rf_histogram_t tick_wire
    rf_histogram_t send_call
    rf_histogram_t wire_ack
    rf_histogram_t durability_wait
    rf_histogram_t throttle_wait

# Turn until Python is needed; returns RETURN_*. No Python, no allocation; the only system calls are recv, send, poll of a connecting socket, and idling.
cdef int loop(gateway_t *g) noexcept nogil
# One turn of it: 0 or RETURN_*.
cdef int turn(gateway_t *g, int *work) noexcept nogil
# What the session has for the engine, as far as the ring has room.
cdef int deliver(gateway_t *g, uint64_t now) noexcept nogil
cdef int write_socket(gateway_t *g) noexcept nogil
# How far the journal on disk has what came in (durable.pyx).
cdef void follow_journal(gateway_t *g) noexcept nogil
# Gauges and the heartbeat word.
cdef void show(gateway_t *g, uint64_t now) noexcept nogil
