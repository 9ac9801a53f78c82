"""The gateway's duty cycle: a ``nogil`` loop around one socket, one session and the two rings of its link.

A turn: look at the socket, give the session's events to the engine's ring, obey the kill words (kill_switch.pyx), take a batch of commands, write the
socket; every 10 ms timers, gauges and the heartbeat word. Commands and events keep their order; what cannot be taken now (full ring, peer that does not
read, journal not yet durable, message budget used up) stays where it is and is tried again next turn.

The message budget (budget.pxd) never reorders. A new order or replace waits at the front of the ring while the budget without the reserve is used up,
but neither for long nor before a cancel: as soon as a cancel stands behind it in the ring, it is answered NOT_SENT and the cancel goes out from the
reserve. So no cancel waits for an order, commands of one order keep their order, and the mark stays one number. A cancel of an order that was just
answered so is answered so too. Rejected: letting cancels overtake, because the mark would then cover orders that were neither sent nor answered.

A look at a socket that has nothing is a system call (465 ns on the build host), and a command that came meanwhile waits for it. So after an empty look the
commands have ``LOOK_NS`` to themselves; as long as something comes, every turn looks. What comes from the venue waits for that at most.
Rejected: a look every turn (a command waited for half of one on average), epoll (a system call as well).

Memory: ``gateway_t`` is private; commands are read in place from the engine's ring (trusted), events are copied into ours behind the slot's first word.
What can fail: the connection (``eof`` holds why, the loop returns RETURN_CLOSED), a ring (RETURN_BROKEN), the store (RETURN_BROKEN).
"""

from libc.errno cimport EAGAIN, EINTR, ETIMEDOUT, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ringfence.gateways.fix.budget cimport budget_allows, budget_spend
from ringfence.gateways.fix.codec cimport RF_FIX_BUSINESS_REJECT, RF_FIX_REJECT, rf_fix_parse, rf_fix_writer_t
from ringfence.gateways.fix.messages cimport MSG_MASS_STATUS_REQUEST, msg_type_of, write_body
from ringfence.gateways.fix.outgoing cimport commit, compose, has_room, note, send_business_reject
from ringfence.gateways.fix.durable cimport durable_step
from ringfence.gateways.fix.kill_switch cimport has_cancel, is_killed, kill_note, kill_refused, kill_step
from ringfence.gateways.fix.machine cimport (
    session_accept,
    session_connected,
    session_filled,
    session_logout,
    session_poll,
    session_space,
    session_tick,
)
from ringfence.gateways.fix.reports cimport not_sent_event, read_event, session_event, unsent_command_event
from ringfence.gateways.fix.state cimport (
    EVENT_APP,
    EVENT_DISCONNECT,
    EVENT_NONE,
    EVENT_NOT_SENT,
    EVENT_UP,
    STATE_CONNECTING,
    STATE_UP,
    session_t,
)
from ringfence.gateways.fix.store cimport KIND_APP, KIND_ORDER, store_set_mark
from ringfence.ipc.clock cimport rf_clock_now
from ringfence.ipc.failpoint cimport RF_DUE, RF_FP
from ringfence.ipc.idle cimport rf_idle
from ringfence.ipc.metrics cimport rf_counter_add, rf_counter_set, rf_histogram_record_span
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL,
    RF_COMMAND_KIND_MASS_CANCEL,
    RF_COMMAND_KIND_NEW,
    RF_COMMAND_KIND_REPLACE,
    RF_COMMAND_KIND_STATUS,
    RF_DURABILITY_LOCAL,
    RF_DURABILITY_REPLICATED,
    RF_RESTRICT_JOURNAL_SUSPECT,
    RF_VENUE_EVENT_INVALID,
    RF_VENUE_EVENT_KIND_BUSINESS_REJECT,
    RF_VENUE_EVENT_KIND_CANCEL_REJECT,
    RF_VENUE_EVENT_KIND_REJECTED,
    RF_VENUE_EVENT_KIND_SESSION_DOWN,
    RF_VENUE_EVENT_KIND_SESSION_UP,
    OrderCommand,
    VenueEvent,
)
from ringfence.ipc.ring cimport (
    RF_RING_EMPTY,
    RF_RING_GARBAGE,
    rf_ring_advance,
    rf_ring_claim,
    rf_ring_front,
    rf_ring_poll,
    rf_ring_publish,
    rf_ring_release,
    rf_ring_room,
    rf_ring_slot,
)
from ringfence.ipc.stop cimport rf_stop_requested

cdef extern from *:
    """
    #include <poll.h>
    #include <sys/socket.h>
    static inline uint64_t rf_load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
    static inline void rf_store_release(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    /* 1 connected, 0 not yet, else -errno. */
    static int rf_connect_state(int fd) {
        struct pollfd p = {fd, POLLOUT, 0};
        int error = 0;
        socklen_t n = sizeof error;
        if (poll(&p, 1, 0) <= 0) return 0;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
        return error ? -error : 1;
    }
    static int rf_readable(int fd) {
        struct pollfd p = {fd, POLLIN, 0};
        return poll(&p, 1, 0) > 0;
    }
    """
    uint64_t rf_load(const uint64_t *p) noexcept nogil
    void rf_store_release(uint64_t *p, uint64_t v) noexcept nogil
    int rf_connect_state(int fd) noexcept nogil
    int rf_readable(int fd) noexcept nogil
    ssize_t recv(int fd, void *to, size_t n, int flags) noexcept nogil
    ssize_t send(int fd, const void *of, size_t n, int flags) noexcept nogil
    int MSG_DONTWAIT
    int MSG_NOSIGNAL

cdef enum:
    BATCH = 64            # commands taken a turn
    STAMPS = 256          # commands whose bytes are on their way to the kernel

cdef uint64_t TICK_NS = 10000000        # timers, gauges, heartbeat word
cdef uint64_t STOP_NS_MAX = 2000000000  # a Logout may take this long
cdef uint64_t HELD_NS_MAX = 2000000000  # a new order waits so long for its durability, then it is answered NOT_SENT
cdef uint64_t LATE_NS = 100000000       # a new order that old: its cancel may stand behind it
cdef uint64_t CLOCK_NS = 1000000000
cdef uint64_t SKEW_NS = 1000000         # clocks of two processes agree to this


# ---- towards the engine -------------------------------------------------------------------------------------------------

cdef int publish(gateway_t *g, VenueEvent *e) noexcept nogil:
    """One event into the engine's ring. 0: full (or garbage), try again later. The slot's first word belongs to the ring."""
    cdef int result = 0
    cdef unsigned char *slot = <unsigned char *> rf_ring_claim(g.events, 0, &result)
    if slot == NULL:
        if result == RF_RING_GARBAGE:
            g.garbage = 1
        rf_counter_add(g.c_ring_full, 1)
        return 0
    e.venue = <unsigned short> g.venue
    memcpy(slot + 8, <unsigned char *> e + 8, sizeof(VenueEvent) - 8)
    rf_ring_publish(g.events, 1)
    rf_counter_add(g.c_events, 1)
    return 1


cdef uint64_t key_of(const char *cl_ord_id) noexcept nogil:
    """FNV-1a of a ClOrdID; never 0."""
    cdef uint64_t h = 0xCBF29CE484222325ULL
    cdef int i
    for i in range(24):
        if not cl_ord_id[i]:
            break
        h = (h ^ <unsigned char> cl_ord_id[i]) * 0x100000001B3ULL
    return h | 1


cdef void measure_ack(gateway_t *g, const VenueEvent *e) noexcept nogil:
    """First answer to an order: from its write to the arrival of these bytes."""
    cdef uint64_t key = key_of(e.cl_ord_id)
    cdef sent_t *s = &g.sent[(key >> 8) % SENT_SLOTS]
    if s.key == key:
        s.key = 0
        rf_histogram_record_span(&g.wire_ack, s.at_ns, g.received_ns)


cdef int deliver_app(gateway_t *g, uint64_t now) noexcept nogil:
    """The application message on offer into the ring. 0: no room."""
    cdef session_t *s = g.session
    cdef VenueEvent e
    if not read_event(g.dialect, &s.message, &s.header, s.store, g.received_ns, &e):
        if s.message.msg_type == RF_FIX_REJECT or s.message.msg_type == RF_FIX_BUSINESS_REJECT:  # a refusal is never refused in turn
            note(s, b"our administrative message was refused by a Reject(3) or BusinessMessageReject(j), their MsgSeqNum %llu", s.header.seq, 0)
        else:
            rf_counter_add(g.c_unknown, 1)
            note(s, b"application message of an unknown type, MsgSeqNum %llu: answered with a BusinessMessageReject", s.header.seq, 0)
            send_business_reject(s, 3, now)
        return 1
    if s.header.invalid:
        e.flags |= RF_VENUE_EVENT_INVALID
    RF_FP(b"G6")
    if not publish(g, &e):
        return 0
    if e.flags & RF_VENUE_EVENT_INVALID:
        rf_counter_add(g.c_invalid, 1)
    if e.kind == RF_VENUE_EVENT_KIND_REJECTED or e.kind == RF_VENUE_EVENT_KIND_BUSINESS_REJECT or e.kind == RF_VENUE_EVENT_KIND_CANCEL_REJECT:
        rf_counter_add(g.c_rejects, 1)
    if e.cl_ord_id[0]:
        measure_ack(g, &e)
    kill_note(g.kill, &e)
    kill_refused(g.kill, s, &e)
    RF_FP(b"G7")
    return 1


cdef int deliver_not_sent(gateway_t *g, uint64_t now) noexcept nogil:
    """The order that the venue asked for again. 0: no room."""
    cdef session_t *s = g.session
    cdef VenueEvent e
    cdef size_t size
    rf_fix_parse(s.copy, s.event_bytes, &s.message, &size)
    not_sent_event(g.dialect, &s.message, now, &e)
    if not publish(g, &e):
        return 0
    rf_counter_add(g.c_not_sent, 1)
    return 1


cdef int deliver(gateway_t *g, uint64_t now) noexcept nogil:
    """Take events of the session while the ring has room. Returns the event that could not be taken, or EVENT_NONE."""
    cdef session_t *s = g.session
    cdef VenueEvent e
    cdef int event, done
    while True:
        event = session_poll(s, now)
        if event == EVENT_NONE or event == EVENT_DISCONNECT:
            return event
        if event == EVENT_APP:
            done = deliver_app(g, now)
        elif event == EVENT_NOT_SENT:
            done = deliver_not_sent(g, now)
        else:
            if event == EVENT_UP:
                session_event(RF_VENUE_EVENT_KIND_SESSION_UP, b"logged on, gap fill complete", now, &e)
            else:
                session_event(RF_VENUE_EVENT_KIND_SESSION_DOWN, b"connection lost or logged out", now, &e)
            done = publish(g, &e)
            if done and event == EVENT_UP:
                g.up_ns = now
                note(s, b"session is up: next in %llu, next out %llu", s.store.next_in, s.store.next_out)
        if not done:
            return event
        session_accept(s)


# ---- from the engine ----------------------------------------------------------------------------------------------------

cdef int answer_unsent(gateway_t *g, const OrderCommand *c, const char *why, uint64_t now) noexcept nogil:
    """A command that never becomes a message. A status request is only dropped: its ClOrdID is a live order's. 0: no room."""
    cdef VenueEvent e
    if c.kind == RF_COMMAND_KIND_STATUS:
        rf_counter_add(g.c_status_dropped, 1)
    else:
        unsent_command_event(c, why, now, &e)
        if not publish(g, &e):
            return 0
        rf_counter_add(g.c_not_sent, 1)
    if c.kind == RF_COMMAND_KIND_NEW:
        g.unsent[c.order_id % UNSENT_SLOTS] = c.order_id
    if c.output_seq > g.session.store.mark:
        store_set_mark(g.session.store, c.output_seq)
    return 1


cdef inline void note_stamps(gateway_t *g, const OrderCommand *c, uint64_t taken) noexcept nogil:
    """Keep a command's stamps until its bytes are handed to the kernel: histograms are written after that (measure_sent)."""
    cdef stamp_t *stamp
    if g.stamp_count == STAMPS:
        return
    stamp = &g.stamps[g.stamp_count]
    stamp.origin_ns = c.origin_ns
    stamp.intent_ns = c.intent_ns
    stamp.engine_ns = c.engine_ns
    stamp.out_ns = c.out_ns
    stamp.taken_ns = taken
    stamp.encoded_ns = rf_clock_now(g.clock)
    stamp.key = 0 if c.kind == RF_COMMAND_KIND_STATUS else key_of(c.cl_ord_id)
    g.stamp_count += 1


cdef void measure_sent(gateway_t *g, uint64_t sent_ns, uint64_t returned_ns) noexcept nogil:
    """Count the stages of every command whose last byte the send that began at ``sent_ns`` took. A command that a replay emitted again has no way here."""
    cdef const stamp_t *stamp
    cdef sent_t *sent
    cdef uint32_t i
    for i in range(g.stamp_count):
        stamp = &g.stamps[i]
        rf_histogram_record_span(&g.take_encoded, stamp.taken_ns, stamp.encoded_ns)
        rf_histogram_record_span(&g.encoded_wire, stamp.encoded_ns, sent_ns)
        if stamp.out_ns:
            rf_histogram_record_span(&g.out_take, stamp.out_ns, stamp.taken_ns)
            rf_histogram_record_span(&g.accept_wire, stamp.engine_ns, sent_ns)
            if stamp.intent_ns:
                rf_histogram_record_span(&g.intent_wire, stamp.intent_ns, sent_ns)
                if stamp.origin_ns and stamp.origin_ns <= stamp.intent_ns:
                    rf_histogram_record_span(&g.tick_wire, stamp.origin_ns, sent_ns)
        if stamp.key:
            sent = &g.sent[(stamp.key >> 8) % SENT_SLOTS]
            sent.key = stamp.key
            sent.at_ns = sent_ns
    if g.stamp_count:
        rf_histogram_record_span(&g.send_call, sent_ns, returned_ns)
    g.stamp_count = 0


cdef int send_command(gateway_t *g, const OrderCommand *c, uint64_t now) noexcept nogil:
    """Encode, store, hand to the output. 0: it must wait."""
    cdef session_t *s = g.session
    cdef uint32_t msg_type = msg_type_of(g.dialect, c)
    cdef const char *why
    cdef rf_fix_writer_t *w
    cdef uint64_t taken
    if not msg_type:
        return answer_unsent(g, c, b"the command's kind is not known", now)
    if msg_type == MSG_MASS_STATUS_REQUEST and c.journal_seq == g.status_journal_seq and c.journal_seq:
        store_set_mark(s.store, c.output_seq)  # one answer serves every order that the same input asks about
        return 1
    taken = rf_clock_now(g.clock)
    w = compose(s, <const char *> &msg_type, 2 if msg_type > 255 else 1, now)
    why = write_body(g.dialect, c, w, &s.stamp, now)
    if why != NULL:
        return answer_unsent(g, c, why, now)
    RF_FP(b"G1")
    if not commit(s, KIND_ORDER if c.kind == RF_COMMAND_KIND_NEW else KIND_APP, c.output_seq, now):
        return 0
    RF_FP(b"G2")
    budget_spend(&g.budget, now)
    rf_counter_add(g.c_commands, 1)
    if c.kind == RF_COMMAND_KIND_STATUS:
        g.status_journal_seq = c.journal_seq
    if c.kind == RF_COMMAND_KIND_NEW:
        rf_counter_add(g.c_orders, 1)
    note_stamps(g, c, taken)
    return 1


cdef int covered(gateway_t *g, const OrderCommand *c, uint64_t now, const char **why) noexcept nogil:
    """1 when the command's journal frame has the durability that its account asks for; 0: it waits, or ``why`` says that it has waited enough.

    Then new orders and replaces are answered NOT_SENT and the rest goes out all the same: a cancel takes risk away, and stands behind them in the ring.
    As long as the mark that was short stands still none waits for it again: a sidecar that hangs would hold every cancel for so long, one after the other.
    """
    cdef const RingCursor *behind = g.persisted
    cdef uint64_t reached = rf_load(&g.persisted.position) if g.persisted != NULL else 0
    if c.durability >= RF_DURABILITY_REPLICATED and g.replicated == NULL:
        why[0] = b"durability replicated: there is no standby"
        return 0
    if behind != NULL and reached >= c.journal_seq:
        if c.durability < RF_DURABILITY_REPLICATED:
            return 1
        behind = g.replicated
        reached = rf_load(&behind.position)
        if reached >= c.journal_seq:
            return 1
    if not g.held_ns:
        g.held_ns = now
        rf_counter_add(g.c_held, 1)
    if g.persisted != NULL and rf_load(&g.persisted.condition) & RF_RESTRICT_JOURNAL_SUSPECT:
        why[0] = b"the journal is suspect: this order cannot be made durable"
    elif now - g.held_ns > HELD_NS_MAX or (g.held_in_vain and behind == g.held_behind and reached == g.held_reached):
        why[0] = b"not durable in time"
        g.held_in_vain = 1
        g.held_behind = behind
        g.held_reached = reached
    return 0


cdef inline int adds_risk(const OrderCommand *c) noexcept nogil:
    return c.kind == RF_COMMAND_KIND_NEW or c.kind == RF_COMMAND_KIND_REPLACE


cdef int cancel_waits(gateway_t *g) noexcept nogil:
    """1 when a cancel stands behind the command at the ring's front. Each slot is looked at once."""
    cdef rf_ring_t *ring = g.commands
    cdef const OrderCommand *c
    if g.cancel_at > ring.position:
        return 1
    if g.peeked <= ring.position:
        g.peeked = ring.position + 1
    while g.peeked - ring.position <= ring.mask and rf_load(<const uint64_t *> rf_ring_slot(ring, g.peeked)) == g.peeked + 1:
        c = <const OrderCommand *> rf_ring_slot(ring, g.peeked)
        g.peeked += 1
        if c.kind == RF_COMMAND_KIND_CANCEL or c.kind == RF_COMMAND_KIND_MASS_CANCEL:
            g.cancel_at = g.peeked - 1
            return 1
    return 0


cdef int throttle(gateway_t *g, const OrderCommand *c, uint64_t now) noexcept nogil:
    """The message budget is used up: 0, it waits; or it is answered, so that a cancel need not wait for it."""
    if not g.throttled_ns:
        g.throttled_ns = now
        rf_counter_add(g.c_throttled, 1)
    if not adds_risk(c):
        return 0
    if now - g.throttled_ns > HELD_NS_MAX:
        return answer_unsent(g, c, b"not within the session's message budget in time", now)
    if cancel_waits(g):
        return answer_unsent(g, c, b"the session's message budget is used up and a cancel waits", now)
    return 0


cdef int take_command(gateway_t *g, const OrderCommand *c, uint64_t now) noexcept nogil:
    """Deal with the command at the ring's front. 0: leave it there."""
    cdef session_t *s = g.session
    cdef const char *why
    if c.output_seq <= s.store.mark:
        rf_counter_add(g.c_skipped, 1)
        return 1
    if adds_risk(c) and is_killed(g.kill):
        return answer_unsent(g, c, b"the kill switch is set", now)
    if c.kind == RF_COMMAND_KIND_NEW and now > c.engine_ns + LATE_NS and has_cancel(g.kill, c.order_id):
        return answer_unsent(g, c, b"its cancel stands behind it", now)
    if c.kind == RF_COMMAND_KIND_CANCEL and c.order_id and g.unsent[c.order_id % UNSENT_SLOTS] == c.order_id:
        return answer_unsent(g, c, b"its order was never sent", now)
    why = NULL
    if c.durability >= RF_DURABILITY_LOCAL and not covered(g, c, now, &why):
        if why == NULL:
            return 0
        if adds_risk(c):
            return answer_unsent(g, c, why, now)
    if s.state != STATE_UP or not s.announced:
        return answer_unsent(g, c, b"the session is down", now)
    if adds_risk(c) and c.engine_ns and c.engine_ns + SKEW_NS < g.up_ns:
        return answer_unsent(g, c, b"older than the session: it went down in between", now)
    if not budget_allows(&g.budget, not adds_risk(c), now):
        return throttle(g, c, now)
    if not has_room(s):
        return 0
    return send_command(g, c, now)


cdef int take_commands(gateway_t *g, uint64_t now) noexcept nogil:
    """Take a batch of commands in order; returns how many."""
    cdef int n, state
    for n in range(BATCH):
        state = rf_ring_poll(g.commands)
        if state == RF_RING_GARBAGE:
            g.garbage = 1
        if state == RF_RING_EMPTY or state == RF_RING_GARBAGE:
            break
        if not take_command(g, <const OrderCommand *> rf_ring_front(g.commands), now):
            break
        if g.held_ns:
            rf_histogram_record_span(&g.durability_wait, g.held_ns, now)
            g.held_ns = 0
        if g.throttled_ns:
            rf_histogram_record_span(&g.throttle_wait, g.throttled_ns, now)
            g.throttled_ns = 0
        rf_ring_advance(g.commands)
    else:
        n = BATCH
    if n:
        rf_store_release(g.my_mark, g.session.store.mark)
        rf_ring_release(g.commands)
    return n


# ---- the socket ---------------------------------------------------------------------------------------------------------

cdef int read_socket(gateway_t *g) noexcept nogil:
    cdef uint32_t room = 0
    cdef unsigned char *to = session_space(g.session, &room)
    cdef ssize_t n
    if not room or g.eof:
        return 0
    n = recv(g.fd, to, room, MSG_DONTWAIT)
    if n > 0:
        RF_FP(b"G5")
        g.received_ns = rf_clock_now(g.clock)
        session_filled(g.session, <uint32_t> n)
        return 1
    if n == 0:
        g.eof = -1
    elif errno != EAGAIN and errno != EINTR:
        g.eof = errno
    g.next_look_ns = rf_clock_now(g.clock) + g.look_ns
    return 0


cdef int write_socket(gateway_t *g) noexcept nogil:
    cdef session_t *s = g.session
    cdef ssize_t n
    cdef size_t size = s.out_end - s.out_at
    cdef uint64_t before
    if s.out_at == s.out_end:
        return 0
    before = rf_clock_now(g.clock)  # a venue on this host may answer before send returns
    if RF_DUE(b"G3"):
        size = size // 2
    n = send(g.fd, s.output + s.out_at, size, MSG_DONTWAIT | MSG_NOSIGNAL)
    if n < 0:
        if errno != EAGAIN and errno != EINTR and not g.eof:
            g.eof = errno
        return 0
    RF_FP(b"G3")
    s.out_at += <uint32_t> n
    if s.out_at < s.out_end:
        return 1
    RF_FP(b"G4")
    s.out_at = s.out_end = 0
    measure_sent(g, before, rf_clock_now(g.clock))
    return 1


cdef void follow_journal(gateway_t *g) noexcept nogil:
    durable_step(&g.durable, g.session.store, g.events, &g.persisted.position if g.persisted != NULL else NULL)


cdef void show(gateway_t *g, uint64_t now) noexcept nogil:
    """Gauges and the heartbeat word: what the command line sees."""
    cdef session_t *s = g.session
    rf_store_release(g.heartbeat, now)
    rf_counter_set(g.gauges[0], STATE_CONNECTING if g.connecting else s.state)
    rf_counter_set(g.gauges[1], s.store.next_in)
    rf_counter_set(g.gauges[2], s.store.next_out)
    rf_counter_set(g.gauges[3], s.highest_in)
    rf_counter_set(g.gauges[4], s.last_in_ns)
    rf_counter_set(g.gauges[5], s.messages_in)
    rf_counter_set(g.gauges[6], s.messages_out)
    rf_counter_set(g.gauges[7], s.garbled)
    rf_counter_set(g.gauges[8], s.gaps)
    rf_counter_set(g.gauges[9], s.resent)
    rf_counter_set(g.gauges[10], s.duplicates)
    rf_counter_set(g.gauges[11], s.test_requests)
    rf_counter_set(g.gauges[12], is_killed(g.kill))


cdef int connection(gateway_t *g, uint64_t now, int *work) noexcept nogil:
    """The connection's share of a turn. 1: it is over."""
    cdef int state, event
    if g.connecting:
        state = rf_connect_state(g.fd)
        if state < 0:
            g.eof = -state
            return 1
        if not state:
            if now > g.connect_limit_ns:
                g.eof = ETIMEDOUT
            return g.eof != 0
        g.connecting = 0
        if g.secure:
            g.secure = 2
            return 0
        session_connected(g.session, now)
        work[0] = 1
    if now >= g.next_look_ns:
        work[0] += read_socket(g)
    event = deliver(g, now)
    work[0] += write_socket(g)
    return event == EVENT_DISCONNECT or (g.eof != 0 and event == EVENT_NONE)


cdef int turn(gateway_t *g, int *work) noexcept nogil:
    """One turn: 0, or RETURN_* when Python is needed. ``work`` says whether there was something to do."""
    cdef uint64_t now = rf_clock_now(g.clock)
    cdef VenueEvent e
    cdef int sent
    work[0] = 0
    g.session.killed = is_killed(g.kill)
    if g.down_first:
        session_event(RF_VENUE_EVENT_KIND_SESSION_DOWN, b"the gateway was restarted", now, &e)
        g.down_first = not publish(g, &e)
    elif g.fd >= 0:
        if connection(g, now, work):
            return RETURN_CLOSED
        if g.secure == 2:
            return RETURN_SECURE
    elif deliver(g, now) == EVENT_NONE and now >= g.connect_ns and not g.stopping:
        if g.listen_fd < 0 or rf_readable(g.listen_fd):
            return RETURN_CONNECT
        g.connect_ns = now + TICK_NS
    if g.session.killed:  # reports of another round must find room
        g.kill.crowded = 2 * rf_ring_room(g.events, g.events.mask + 1) < <long long> g.events.mask + 1
    sent = kill_step(g.kill, g.session, g.dialect, &g.budget, now)
    rf_counter_add(g.c_kill_cancels, sent)
    work[0] += sent
    if not g.down_first:
        work[0] += take_commands(g, now)
    if work[0] and g.fd >= 0 and not g.connecting:
        write_socket(g)
    return tick(g, now) if now >= g.next_tick_ns else 0


cdef int tick(gateway_t *g, uint64_t now) noexcept nogil:
    """Timers, gauges, and what Python has to look at now and then: 0 or RETURN_*."""
    g.next_tick_ns = now + TICK_NS
    session_tick(g.session, now)
    follow_journal(g)
    show(g, now)
    if g.garbage or g.session.store.failed:
        return RETURN_BROKEN
    if g.stopping and (g.fd < 0 or g.connecting or now > g.stop_ns):
        return RETURN_STOPPED
    if not g.stopping and rf_stop_requested():
        g.stopping = 1
        g.stop_ns = now + STOP_NS_MAX
        session_logout(g.session, b"", now)
    if g.session.notes_head != g.session.notes_tail or now >= g.next_clock_ns or (g.fd >= 0 and g.listen_fd >= 0 and rf_readable(g.listen_fd)):
        g.next_clock_ns = now + CLOCK_NS
        return RETURN_NOTES
    return 0


cdef int loop(gateway_t *g) noexcept nogil:
    """Turn until Python is needed; returns RETURN_*."""
    cdef int work, reason
    while True:
        reason = turn(g, &work)
        if reason:
            return reason
        rf_idle(&g.idle, work)
