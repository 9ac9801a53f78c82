"""The loop around the state machine: one thread that polls its rings, journals every input, applies it, and never waits.

    control ─┐                                    ┌─▶ command ring of each gateway
    gateways ┼─▶ copy into a journal slot ─▶ stamp ─▶ publish ─▶ apply ┤
    strategies│  (validated there)                └─▶ event ring of each strategy
    feed ────┘

An input exists once its journal slot is published; one that was claimed only never happened. Slots of strategies are copied once and the copy is
checked (sequence word, CRC); garbage quarantines that ring by a journaled observation. What the loop sees of its peers and what decisions depend on
(a full command ring, a full event ring, journal pressure) is journaled before the next input is taken, so that a replay decides the same.

Journal room: under a half each strategy is held to a share, under a quarter new risk is denied, under an eighth only cancels are taken from strategies, at
nothing nothing is taken.
Memory written: the region ``state``, the journal ring, command and event rings, own cursors in each link. Nothing here allocates, locks, or calls
the system but the idle strategy on idle turns. Rejected: one thread per ring (needs locks around the state), blocking on futexes (system calls),
prefetching the lines of the next order after each input (accept→out of bench tick_to_order took 1.8 us with it, 1.2 without).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.journaled cimport claim_frame, commit, observe, payload_of
from ringfence.core.peers cimport look_at_journal, look_at_peers, look_at_signs, look_at_words, note_overflow
from ringfence.core.ports cimport drain
from ringfence.core.state cimport Port, State, breaks_kept, longest_table, state_hash, window_hash
from ringfence.ipc.clock cimport Clock, clock_follow, rf_clock_now
from ringfence.ipc.crc32c cimport rf_crc32c
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.idle cimport rf_idle, rf_idle_open
from ringfence.ipc.link cimport Link
from ringfence.ipc.metrics cimport Metrics, rf_counter_add, rf_counter_set, rf_histogram_record_span
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_CHECKPOINT, RF_CONTROL_KIND_START, RF_CONTROL_KIND_STRATEGY_ATTACH, RF_CONTROL_KIND_STRATEGY_DETACH,
    RF_FRAME_KIND_CHECKPOINT, RF_FRAME_KIND_CONTROL, RF_FRAME_KIND_INTENT, RF_FRAME_KIND_MARK, RF_FRAME_KIND_TIMER, RF_FRAME_KIND_VENUE_EVENT,
    RF_INTENT_KIND_CANCEL, RF_INTENT_KIND_CANCEL_ALL, RF_LOGIC_VERSION, RF_OBSERVATION_KIND_STRATEGY_POISONED, RF_VENUE_EVENT_KIND_FILL,
    RF_VENUE_EVENT_KIND_SESSION_DOWN, Checkpoint, Control, Frame, Intent, KillWord, Mark, OrderCommand, RingCursor, Timer, VenueEvent,
)
from ringfence.ipc.ring cimport (
    RF_RING_EMPTY, RF_RING_GARBAGE, RF_RING_OK, rf_ring_front, rf_ring_poll, rf_ring_release, rf_ring_room, rf_ring_skip_to, rf_ring_take, rf_ring_t,
)
from ringfence.ipc.segment cimport Segment
from ringfence.ipc.stop cimport rf_stop_requested

from ringfence.core.errors import CoreError

cdef extern from *:
    void store_relaxed "__atomic_store_n" (uint64_t *word, uint64_t value, int order) noexcept nogil
    int RELAXED "__ATOMIC_RELAXED"

cdef enum:
    INTENT_CRC_FROM = 8
    CLOCK_TRIES = 16            # reads of a calibration that is just being written; the old one serves until the next tick
    WINDOW_ROWS = 256           # of each long table under one periodic checkpoint
    SHARES = 16                 # of the journal ring: two of a strategy that floods and what all others write must fit between a half and a quarter
    BEYOND_SHARE_NS = 1000000   # a strategy gets one intent beyond its share so often: cancels pass also when the sidecar hangs
    BEYOND_SHARE_TURNS = 4096   # or after so many turns, while a clock that was set back stands still
    STOP_NS_MAX = 2000000000    # a clean stop gives up its checkpoint after so long without journal room


# ---- what precedes an input -----------------------------------------------------------------------------------------------

cdef int write_checkpoint(Loop *l, int whole) noexcept nogil:
    """Journal the hash of everything, or of the window whose turn it is: windows follow one another over the longest table, then begin again."""
    cdef Frame *frame = claim_frame(l)
    cdef Checkpoint *c
    cdef uint64_t count
    if frame == NULL:
        return 0
    c = <Checkpoint*>payload_of(frame)
    memset(c, 0, sizeof(Checkpoint))
    if whole:
        l.hash = state_hash(l.s)
    else:
        count = longest_table(l.s) // l.window_rows + 1
        c.first_row = 1 + l.windows % count * l.window_rows
        c.rows = l.window_rows
        l.hash = window_hash(l.s, c.first_row, c.rows)
        l.windows += 1
    l.checkpointed = l.s.engine.inputs
    c.state_hash = l.hash
    c.inputs = l.s.engine.inputs
    c.logic = RF_LOGIC_VERSION
    commit(l, frame, RF_FRAME_KIND_CHECKPOINT, sizeof(Checkpoint), 0, 0, 0)
    rf_counter_add(l.counters.checkpoints, 1)
    if whole:
        l.checkpoint_due = 0
    return 1


cdef inline int may_take(Loop *l) noexcept nogil:
    """Everything that must precede the next input is journaled."""
    if l.s.overflowed and not note_overflow(l):
        return 0
    return not l.checkpoint_due or write_checkpoint(l, 1)


# ---- inputs -----------------------------------------------------------------------------------------------------------------

cdef int poison_strategy(Loop *l, uint32_t row) noexcept nogil:
    """Quarantine a strategy's ring: not read any more, journaled with the position at which it stands."""
    cdef Source *source = &l.strategies[row]
    cdef uint64_t position = source.ring.position
    if not observe(l, RF_OBSERVATION_KIND_STRATEGY_POISONED, row, position, position, source.epoch):
        return HELD_BACK
    source.ring = NULL
    rf_counter_add(l.counters.ring_poisoned, 1)
    return GARBAGE


cdef inline void measure_intent(Loop *l, Stages *t, const Intent *intent, uint64_t taken) noexcept nogil:
    """Count an intent's stages so far. Its stamps are the strategy's word: what they spoil is its own row, and nothing decides by it."""
    cdef uint64_t done = rf_clock_now(l.clock)
    if intent.created_ns:
        if intent.origin_ns:
            rf_histogram_record_span(&t.tick_intent, intent.origin_ns, intent.created_ns)
        rf_histogram_record_span(&t.intent_accept, intent.created_ns, taken)
    rf_histogram_record_span(&t.accept_out, taken, done)
    rf_histogram_record_span(&l.apply_time, taken, done)


cdef int take_intent(Loop *l, uint32_t row) noexcept nogil:
    cdef Source *source = &l.strategies[row]
    cdef rf_ring_t *ring = source.ring
    cdef int state = rf_ring_poll(ring)
    cdef Frame *frame
    cdef Intent *intent
    if state == RF_RING_EMPTY:
        return NOTHING
    if not may_take(l):
        return HELD_BACK
    if state == RF_RING_GARBAGE:
        return poison_strategy(l, row)
    frame = claim_frame(l)
    if frame == NULL:
        return HELD_BACK
    intent = <Intent*>payload_of(frame)
    if rf_ring_take(ring, intent, sizeof(Intent)) != RF_RING_OK:
        return poison_strategy(l, row)
    if intent.slot_seq != ring.position or intent.crc != rf_crc32c(0, <char*>intent + INTENT_CRC_FROM, sizeof(Intent) - INTENT_CRC_FROM - 4):
        return poison_strategy(l, row)
    RF_FP(b"E1")
    commit(l, frame, RF_FRAME_KIND_INTENT, sizeof(Intent), <uint16_t>row, source.epoch, ring.position)
    RF_FP(b"E7")
    measure_intent(l, &l.stages[row], intent, frame.engine_ns)
    return TAKEN


cdef int lose_gateway(Loop *l, uint32_t row) noexcept nogil:
    """A gateway's ring holds garbage: not read any more, and its session counts as down, which a frame of our own says."""
    cdef Frame *frame = claim_frame(l)
    cdef VenueEvent *event
    if frame == NULL:
        return HELD_BACK
    event = <VenueEvent*>payload_of(frame)
    memset(event, 0, sizeof(VenueEvent))
    event.kind = RF_VENUE_EVENT_KIND_SESSION_DOWN
    event.venue = <uint16_t>row
    commit(l, frame, RF_FRAME_KIND_VENUE_EVENT, sizeof(VenueEvent), <uint16_t>row, l.gateways[row].epoch, l.gateways[row].ring.position)
    l.gateways[row].ring = NULL
    rf_counter_add(l.counters.ring_poisoned, 1)
    return GARBAGE


cdef int take_venue_event(Loop *l, uint32_t row) noexcept nogil:
    cdef Source *source = &l.gateways[row]
    cdef rf_ring_t *ring = source.ring
    cdef int state = rf_ring_poll(ring)
    cdef Frame *frame
    cdef VenueEvent *event
    cdef uint64_t done
    if state == RF_RING_EMPTY:
        return NOTHING
    if not may_take(l):
        return HELD_BACK
    if state == RF_RING_GARBAGE:
        return lose_gateway(l, row)
    frame = claim_frame(l)
    if frame == NULL:
        return HELD_BACK
    event = <VenueEvent*>payload_of(frame)
    if rf_ring_take(ring, event, sizeof(VenueEvent)) != RF_RING_OK:
        return lose_gateway(l, row)
    event.venue = <uint16_t>row
    RF_FP(b"E15")
    commit(l, frame, RF_FRAME_KIND_VENUE_EVENT, sizeof(VenueEvent), <uint16_t>row, source.epoch, ring.position)
    RF_FP(b"E16")
    done = rf_clock_now(l.clock)
    if event.kind == RF_VENUE_EVENT_KIND_FILL and event.received_ns:
        rf_histogram_record_span(&l.fill_position, event.received_ns, done)
    rf_histogram_record_span(&l.apply_time, frame.engine_ns, done)
    return TAKEN


cdef inline int front_is_cancel(const rf_ring_t *ring) noexcept nogil:
    """Peek at the next intent's kind. It may change under us; then what was taken as a cancel is denied by the journal pressure."""
    cdef uint8_t kind
    if rf_ring_poll(ring) == RF_RING_EMPTY:
        return 0
    kind = (<const Intent*>rf_ring_front(ring)).kind
    return kind == RF_INTENT_KIND_CANCEL or kind == RF_INTENT_KIND_CANCEL_ALL


cdef void take_rest(Loop *l, uint32_t row) noexcept nogil:
    """What a strategy published before its process ended was asked: taken before its detach, at most a ring of it, and while the journal has room."""
    cdef rf_ring_t *ring = l.strategies[row].ring
    cdef uint64_t n = 0
    while ring != NULL and n <= ring.mask:
        if rf_ring_room(l.journal, l.cancels_below) < <long long>l.cancels_below and not front_is_cancel(ring):
            return
        if take_intent(l, row) != TAKEN:
            return
        n += 1


cdef int take_control(Loop *l) noexcept nogil:
    cdef rf_ring_t *ring = l.control.ring
    cdef int state = rf_ring_poll(ring)
    cdef Frame *frame
    cdef Control *control
    if state == RF_RING_EMPTY:
        return NOTHING
    if state == RF_RING_OK:
        control = <Control*>rf_ring_front(ring)
        if control.kind == RF_CONTROL_KIND_STRATEGY_DETACH and 0 < control.strategy <= l.s.engine.strategy_count:
            take_rest(l, control.strategy)
    if not may_take(l):
        return HELD_BACK
    frame = claim_frame(l)
    if frame == NULL:
        return HELD_BACK
    control = <Control*>payload_of(frame)
    if rf_ring_take(ring, control, sizeof(Control)) != RF_RING_OK:
        l.control.ring = NULL
        rf_counter_add(l.counters.ring_poisoned, 1)
        return GARBAGE
    RF_FP(b"E11")
    commit(l, frame, RF_FRAME_KIND_CONTROL, sizeof(Control), 0, l.control.epoch, ring.position)
    if control.kind == RF_CONTROL_KIND_CHECKPOINT:
        l.checkpoint_due = 1
        may_take(l)
    elif control.kind == RF_CONTROL_KIND_START:
        l.instance_epoch = l.s.engine.epoch
    elif 0 < control.strategy <= l.s.engine.strategy_count:
        if control.kind == RF_CONTROL_KIND_STRATEGY_ATTACH:
            l.strategies[control.strategy].ring = NULL
            l.attached = control.strategy
            l.leave = LEAVE_ATTACH
        elif control.kind == RF_CONTROL_KIND_STRATEGY_DETACH:
            l.strategies[control.strategy].ring = NULL
    return TAKEN


cdef int take_mark(Loop *l) noexcept nogil:
    cdef rf_ring_t *ring = l.feed.ring
    cdef int state = rf_ring_poll(ring)
    cdef Frame *frame
    if state == RF_RING_EMPTY:
        return NOTHING
    if not may_take(l):
        return HELD_BACK
    frame = claim_frame(l)
    if frame == NULL:
        return HELD_BACK
    if rf_ring_take(ring, payload_of(frame), sizeof(Mark)) != RF_RING_OK:
        l.feed.ring = NULL
        rf_counter_add(l.counters.ring_poisoned, 1)
        return GARBAGE
    commit(l, frame, RF_FRAME_KIND_MARK, sizeof(Mark), 0, l.feed.epoch, ring.position)
    return TAKEN


cdef void tick(Loop *l, uint64_t now) noexcept nogil:
    cdef Frame *frame
    cdef Timer *timer
    clock_follow(l.clock, l.calibration, &l.calibration_version, &l.calibration_error_ns, CLOCK_TRIES)
    if not may_take(l):
        return
    frame = claim_frame(l)
    if frame == NULL:
        return
    timer = <Timer*>payload_of(frame)
    memset(timer, 0, sizeof(Timer))
    timer.now_ns = now
    RF_FP(b"E10")
    commit(l, frame, RF_FRAME_KIND_TIMER, sizeof(Timer), 0, 0, 0)
    l.next_timer_ns = now + l.timer_ns
    look_at_signs(l, now)


cdef void check_window(Loop *l, uint64_t now) noexcept nogil:
    """A periodic checkpoint, when anything was applied since the last one: the price of a window, whatever the size of the tables."""
    if l.s.engine.inputs == l.checkpointed or (may_take(l) and write_checkpoint(l, 0)):
        l.next_checkpoint_ns = now + l.checkpoint_ns


# ---- the loop ---------------------------------------------------------------------------------------------------------------

cdef uint64_t poll_control(Loop *l) noexcept nogil:
    cdef uint32_t _i
    cdef uint64_t n = 0
    for _i in range(l.batch):
        if l.control.ring == NULL or l.leave == LEAVE_ATTACH or take_control(l) != TAKEN:
            break
        n += 1
    if l.control.ring != NULL:
        rf_ring_release(l.control.ring)
    return n


cdef uint64_t poll_gateways(Loop *l) noexcept nogil:
    cdef uint32_t row, _i
    cdef uint64_t n = 0
    for row in range(1, l.s.engine.venue_count + 1):
        for _i in range(l.batch):
            if l.gateways[row].ring == NULL or take_venue_event(l, row) != TAKEN:
                break
            n += 1
        if l.gateways[row].ring != NULL:
            rf_ring_release(l.gateways[row].ring)
    return n


cdef inline int within_share(const Loop *l, Share *share, uint64_t now) noexcept nogil:
    """With the journal half full, whether one more intent of a strategy may be taken, so that none can fill it until the others are denied.

    A share is given once all that the ring held at the last one was taken, so two of them at most are in the ring.
    """
    if l.journal.remote >= share.until:
        share.until = l.journal.position
        share.left = l.share
    elif share.left == 0 and (now >= share.used_ns + BEYOND_SHARE_NS or share.refused >= BEYOND_SHARE_TURNS):
        share.left = 1
    share.refused = share.refused + 1 if share.left == 0 else 0
    return share.left != 0


cdef uint64_t poll_strategies(Loop *l, uint64_t room, uint64_t now) noexcept nogil:
    cdef uint32_t row, _i
    cdef uint64_t n = 0
    cdef int scarce
    cdef Share *share
    for row in range(1, l.s.engine.strategy_count + 1):
        share = &l.shares[row]
        for _i in range(l.batch):
            if l.strategies[row].ring == NULL or l.leave:
                break
            if room < l.cancels_below + n and not front_is_cancel(l.strategies[row].ring):
                break
            scarce = l.cancels_below + n <= room <= l.clear_above + n  # what is left below is for cancels
            if scarce and not within_share(l, share, now):
                break
            if take_intent(l, row) != TAKEN:
                break
            if scarce:
                share.left -= 1
                share.used_ns = now
            n += 1
        if l.strategies[row].ring != NULL:
            rf_ring_release(l.strategies[row].ring)
    return n


cdef uint64_t turn(Loop *l) noexcept nogil:
    cdef uint64_t n = 0, now, room
    cdef uint32_t _i
    now = rf_clock_now(l.clock)
    store_relaxed(l.heartbeat, now, RELAXED)
    look_at_peers(l)
    room = look_at_journal(l, now)
    if not look_at_words(l):
        return n
    n += poll_control(l)
    n += poll_gateways(l)
    n += poll_strategies(l, room, now)
    if l.feed.ring != NULL and room >= l.cancels_below:
        for _i in range(l.batch):
            if l.feed.ring == NULL or take_mark(l) != TAKEN:
                break
            n += 1
        if l.feed.ring != NULL:
            rf_ring_release(l.feed.ring)
    if l.timer_ns and now >= l.next_timer_ns and room >= l.cancels_below:
        tick(l, now)
    if l.checkpoint_ns and now >= l.next_checkpoint_ns and room >= l.cancels_below:
        check_window(l, now)
    return n


cdef void publish_counters(Loop *l) noexcept nogil:
    cdef Counters *c = &l.counters
    cdef uint64_t queued = 0
    cdef uint32_t row
    for row in range(1, l.s.engine.venue_count + 1):
        queued += l.s.gateways[row].queued
    rf_counter_set(c.intents, l.s.engine.intents)
    rf_counter_set(c.denies, l.s.engine.denies)
    rf_counter_set(c.orders, l.s.engine.order_count)
    rf_counter_set(c.executions, l.s.engine.fills)
    rf_counter_set(c.duplicate_executions, l.s.engine.duplicate_fills)
    rf_counter_set(c.breaks, l.s.engine.break_count)
    rf_counter_set(c.breaks_without_row, l.s.engine.break_count - breaks_kept(l.s))
    rf_counter_set(c.marks_refused, l.s.engine.marks_refused)
    rf_counter_set(c.scopes_full, l.s.engine.scopes_full)
    rf_counter_set(c.gateway_overflow, queued)
    rf_counter_set(c.frames, l.s.engine.seq)


cdef void loop(Loop *l) noexcept nogil:
    cdef uint64_t n
    l.leave = 0
    while not l.leave:
        n = turn(l)
        rf_counter_add(l.counters.loops, 1)
        if n:
            publish_counters(l)
        rf_idle(&l.idle, <int>n)
        if rf_stop_requested() and not l.leave:
            l.leave = LEAVE_STOP


cdef int finish(Loop *l) noexcept nogil:
    """Take what control and gateways still hold and write the last checkpoint; 0 when the journal ring stayed full."""
    cdef uint64_t deadline = rf_clock_now(l.clock) + STOP_NS_MAX
    cdef uint64_t n
    while rf_clock_now(l.clock) < deadline:
        look_at_peers(l)
        n = poll_control(l) + poll_gateways(l)
        publish_counters(l)
        if n == 0:
            if may_take(l) and write_checkpoint(l, 1):
                publish_counters(l)
                return 1
            rf_idle(&l.idle, 0)
    return 0


cdef class Engine:
    """The engine of one instance: a state, its journal, and the links to its peers.

    Parameters
    ----------
    state : State
        Fresh, or replayed (``Replayer.state``).
    clock : Clock
    metrics : Metrics
        Created with ``ringfence.core.counters``' names.
    journal : Link
        To the sidecar; its outbound ring is the journal ring.
    control, feed : Link or None
    idle : int
        ``ringfence.ipc.host.Idle`` value.
    timer_ns : int
        Between timer frames; 0: none.
    reduce_ns, halt_ns : int
        A frame that is not durable after so long restricts new risk (RESTRICT_JOURNAL_SLOW, RESTRICT_JOURNAL_LATE); 0: never.
    kill : Segment, optional
        Region of the kill words (section ``words``), polled every turn; none: no kill words.
    checkpoint_ns : int
        Between checkpoints of a window of ``window_rows`` rows of the long tables; 0: none. Whole ones are written at a stop and when asked for.
    batch : int
        Inputs taken from one ring in one turn at most.
    control_position, feed_position : int, optional
        Continue there instead of at the ring's own tail (``Replayer.source_position`` after a restart).

    Raises
    ------
    CoreError
        If a link has not the ring that is needed.
    """

    def __cinit__(self, State state not None, Clock clock not None, Metrics metrics not None, *, Link journal not None, Link control=None,
                  Link feed=None, int idle=3, uint64_t timer_ns=100_000_000, uint64_t reduce_ns=0, uint64_t halt_ns=0, uint64_t checkpoint_ns=0,
                  uint32_t window_rows=WINDOW_ROWS, uint32_t batch=16, Segment kill=None,
                  control_position=None, feed_position=None):
        memset(&self.l, 0, sizeof(Loop))
        if not journal.has_outbound or journal.outbound.mask < 15:
            raise CoreError("the journal link needs an outbound ring of at least 16 slots; create to.sidecar with JournalSlot slots")
        if window_rows == 0:
            raise CoreError("window_rows was 0; a checkpoint's window has 1 row or more")
        self.state, self.clock, self.metrics = state, clock, metrics
        self.links = {"journal": journal, "control": control, "feed": feed, "kill": kill}
        cdef Loop *inner = &self.l
        cdef uint64_t slots = journal.outbound.mask + 1
        inner.s = &state.c
        inner.journal = &journal.outbound
        inner.clock = &clock.c
        inner.batch = batch
        inner.timer_ns = timer_ns
        inner.checkpoint_ns, inner.window_rows = checkpoint_ns, window_rows
        inner.persisted = <const RingCursor*>journal.their_mark_word
        inner.watched_ns = rf_clock_now(inner.clock)
        inner.reduce_ns, inner.halt_ns = reduce_ns, halt_ns
        inner.pressure_below = slots // 4
        inner.cancels_below = slots // 8
        inner.clear_above = slots // 2
        inner.share = slots // SHARES
        inner.instance_epoch = state.c.engine.epoch
        inner.heartbeat = (<Segment?>state.segment).heartbeat_word() if state.segment is not None else journal.mine.heartbeat_word()
        rf_idle_open(&inner.idle, idle)
        if kill is not None:
            inner.kill_words = <const KillWord*>kill.section_ptr("words")
            if [s.count for s in kill.sections if s.name == "words"] != [WORDS_MAX]:
                raise CoreError(f"the kill region has not {WORDS_MAX} words: it is of another build; start the instance again")
        self.connect(&inner.control, control, control_position)
        self.connect(&inner.feed, feed, feed_position)
        self.open_metrics(metrics)

    cdef open_metrics(self, Metrics m):
        cdef Counters *c = &self.l.counters
        c.intents, c.denies, c.orders = m.counter_ptr("intents"), m.counter_ptr("denies"), m.counter_ptr("orders")
        c.executions, c.duplicate_executions = m.counter_ptr("executions"), m.counter_ptr("duplicate_executions")
        c.breaks, c.breaks_without_row = m.counter_ptr("breaks"), m.counter_ptr("breaks_without_row")
        c.ring_poisoned, c.journal_full = m.counter_ptr("ring_poisoned"), m.counter_ptr("journal_full")
        c.marks_refused, c.scopes_full = m.counter_ptr("marks_refused"), m.counter_ptr("scopes_full")
        c.gateway_overflow, c.events_lost = m.counter_ptr("gateway_overflow"), m.counter_ptr("events_lost")
        c.frames, c.checkpoints, c.loops = m.counter_ptr("frames"), m.counter_ptr("checkpoints"), m.counter_ptr("loops")
        m.histogram("apply", &self.l.apply_time)
        m.histogram("fill_position", &self.l.fill_position)
        for row in range(SOURCES_MAX):
            self.open_stages(m, row)

    cdef open_stages(self, Metrics m, uint32_t strategy):
        cdef Stages *t = &self.l.stages[strategy]
        m.histogram("tick_intent", &t.tick_intent)
        m.histogram("intent_accept", &t.intent_accept)
        m.histogram("accept_out", &t.accept_out)

    cdef connect(self, Source *source, Link link, position):
        source.ring = NULL
        if link is None:
            return
        if not link.has_inbound:
            raise CoreError(f"link {link.mine.name!r} has no inbound ring: the peer's region needs slots")
        source.epoch = <uint32_t>int(link.theirs.superblock["epoch"])
        source.ring = &link.inbound
        if position is not None:
            rf_ring_skip_to(source.ring, position)
            rf_ring_release(source.ring)

    def set_gateway(self, uint32_t venue, Link link, uint64_t emitted_output_seq, *, position=None):
        """Connect the gateway of a venue row, or with None leave it unconnected (its commands are queued).

        Parameters
        ----------
        emitted_output_seq : int
            The last output that the gateway has, in its ring or its store; later ones that replay kept are emitted now.
        position : int, optional
            Of its event ring, from ``Replayer.source_position``.

        Raises
        ------
        CoreError
            If the gateway has outputs that this state never computed (the journal it belongs to is not the one replayed), or lacks some that were not kept.
        """
        cdef Port *port = self.state.port(venue, 0)
        if emitted_output_seq > self.state.c.venues[venue].output_seq:
            raise CoreError(
                f"gateway of venue {venue} has output {emitted_output_seq}, the state only computed {self.state.c.venues[venue].output_seq}: "
                "journal and session store belong to different instances; restore the journal or start with a new session store"
            )
        if emitted_output_seq < port.emit_above:
            raise CoreError(f"outputs of venue {venue} above {emitted_output_seq} were not kept: Replayer was given emit_above={{{venue}: {port.emit_above}}}")
        if port.dropped:
            raise CoreError(f"replay computed more outputs above {port.emit_above} for venue {venue} than its queue holds; is it the right gateway's mark?")
        self.state.open_queue(venue)
        self.connect(&self.l.gateways[venue], link, position)
        self.links["gateway", venue] = link
        port.ring = &link.outbound if link is not None and link.has_outbound else NULL
        port.clock = self.l.clock
        port.emit_above = emitted_output_seq
        while port.queue_first != port.queue_next and self.queued_seq(port) <= emitted_output_seq:
            port.queue_first += 1
        if port.queue_first == port.queue_next and emitted_output_seq < self.state.c.venues[venue].output_seq:
            raise CoreError(f"outputs of venue {venue} above {emitted_output_seq} were not kept: give emit_above={{{venue}: {emitted_output_seq}}} to Replayer")
        if drain(port) == 0:
            self.state.c.overflowed += 1

    cdef uint64_t queued_seq(self, Port *port):
        return (<OrderCommand*>(port.queue + (port.queue_first & port.queue_mask) * port.slot_bytes)).output_seq

    def set_strategy(self, uint32_t strategy, Link link, *, position=None, Metrics stages=None):
        """Connect the rings of a strategy row and tell its client so (mark = ring epoch), or with None disconnect them.

        Parameters
        ----------
        stages : Metrics, optional
            Where the stages of its intents are counted (``ringfence.core.counters.STAGES``); none: in the engine's own.
        """
        cdef Port *port = self.state.port(strategy, 1)
        self.open_stages(stages if stages is not None else self.metrics, strategy)
        self.links["stages", strategy] = stages
        self.connect(&self.l.strategies[strategy], link, position)
        self.links["strategy", strategy] = link
        port.ring = &link.outbound if link is not None and link.has_outbound else NULL
        port.dropped = 0
        self.l.signs[strategy] = NULL
        if link is not None:
            self.l.signs[strategy] = (<Segment?>link.theirs).heartbeat_word()
            self.l.joined_ns[strategy] = rf_clock_now(self.l.clock)
            self.l.silence_told[strategy] = 0
            self.l.strategies[strategy].epoch = <uint32_t>self.state.c.strategies[strategy].epoch
            link.set_mark(self.state.c.strategies[strategy].epoch)

    @property
    def attached_strategy(self):
        """Strategy row of the last STRATEGY_ATTACH that was applied, 0 when none was."""
        return self.l.attached

    def run(self):
        """Run until something needs Python; return why.

        Returns
        -------
        str
            ``"stop"``: the process was asked to stop, gateways' rings are drained and a checkpoint is written.
            ``"attach"``: a strategy attached; map its ring, ``set_strategy(engine.attached_strategy, link)`` and run again.

        Raises
        ------
        CoreError
            If the journal ring stayed full at the stop, or a gateway's queue overran (a bug: its bound is proven in ``State.open_queue``).
        """
        cdef int whole = 1
        with nogil:
            loop(&self.l)
            if self.l.leave == LEAVE_STOP:
                whole = finish(&self.l)
        if self.l.leave == LEAVE_FAULT:
            raise CoreError("a gateway's queue overran: commands were lost; stop trading and replay the journal to see which")
        if not whole:
            raise CoreError("stopped without a checkpoint: the journal ring stayed full; is the sidecar alive?")
        return "attach" if self.l.leave == LEAVE_ATTACH else "stop"

    @property
    def left(self):
        """Why the last turn wants Python: ``"attach"``, ``"fault"`` (see ``run``), or nothing."""
        return "attach" if self.l.leave == LEAVE_ATTACH else "fault" if self.l.leave == LEAVE_FAULT else ""

    def poll(self):
        """Run one turn and return how many inputs were taken; for tests and tools that drive the loop themselves."""
        cdef uint64_t n
        with nogil:
            self.l.leave = 0
            n = turn(&self.l)
            rf_counter_add(self.l.counters.loops, 1)
            publish_counters(&self.l)
        return n

    def checkpoint(self):
        """Write a CHECKPOINT frame now and return the state hash in it.

        Raises
        ------
        CoreError
            If the journal ring is full.
        """
        cdef int written
        with nogil:
            written = may_take(&self.l) and write_checkpoint(&self.l, 1)
        if not written:
            raise CoreError("no checkpoint: the journal ring is full; is the sidecar alive?")
        return self.l.hash
