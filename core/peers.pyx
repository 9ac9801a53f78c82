"""What the engine's loop sees of its peers: full rings, journal room, how far the disk is behind. Each change is an observation in the journal.

    command and event rings ─▶ stalled, ready        journal ring ─▶ pressure, clear        the sidecar's mark ─▶ late, full, suspect
    kill words ─▶ set, clear                         heartbeats of strategies ─▶ silent

Decisions depend on these, so a replay must see them in the same place: they are frames like any input. With no journal room an observation waits for the
next turn, and nothing is taken before it. Memory written: the journal ring and the state, by ``journaled``. Called once a turn, not once an input;
heartbeats once a timer.

A kill word that is set blocks before the next input is taken: within one turn. A heartbeat is a word that the strategy may set to anything: one that lies ahead
of our clock, or behind the moment at which its ring was taken, is no sign of life. Silence is journaled once, until there is a sign again, or somebody has set
the strategy free without one.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from ringfence.core.engine cimport LEAVE_FAULT, Loop
from ringfence.core.journaled cimport observe
from ringfence.core.ports cimport drain
from ringfence.core.state cimport Port
from ringfence.ipc.metrics cimport rf_counter_add
from ringfence.ipc.records cimport (
    RF_OBSERVATION_KIND_GATEWAY_READY, RF_OBSERVATION_KIND_GATEWAY_STALLED, RF_OBSERVATION_KIND_JOURNAL_CLEAR, RF_OBSERVATION_KIND_JOURNAL_HEALTH,
    RF_KILL_CLEAR, RF_OBSERVATION_KIND_JOURNAL_PRESSURE, RF_OBSERVATION_KIND_KILL_WORD, RF_OBSERVATION_KIND_STRATEGY_READY,
    RF_OBSERVATION_KIND_STRATEGY_SILENT, RF_OBSERVATION_KIND_STRATEGY_STALLED, RF_RESTRICT_JOURNAL_FULL,
    RF_RESTRICT_JOURNAL_LATE, RF_RESTRICT_JOURNAL_SLOW, RF_RESTRICT_JOURNAL_SUSPECT,
)
from ringfence.ipc.ring cimport rf_ring_room, rf_ring_t

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (const uint64_t *word, int order) noexcept nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"

cdef enum:
    JOURNAL_RESTRICTIONS = 15   # RESTRICT_JOURNAL_*

cdef uint64_t SKEW_NS = 10000000   # clocks of two processes agree to much less


cdef inline uint64_t ring_free(rf_ring_t *ring) noexcept nogil:
    """Free slots of a ring that we write; garbage in its tail counts as none."""
    cdef long long free_slots = rf_ring_room(ring, ring.mask + 1)
    return <uint64_t>free_slots if free_slots > 0 else 0


cdef int note_overflow(Loop *l) noexcept nogil:
    """Journal which peers just did not take an output; 0 when that has to wait for journal room."""
    cdef uint32_t row
    cdef Port *port
    for row in range(1, l.s.engine.venue_count + 1):
        port = &l.s.gateways[row]
        if port.dropped:
            l.leave = LEAVE_FAULT
        if port.queue_first != port.queue_next and not l.s.venues[row].stalled:
            if not observe(l, RF_OBSERVATION_KIND_GATEWAY_STALLED, row, l.s.venues[row].output_seq, 0, 0):
                return 0
    for row in range(1, l.s.engine.strategy_count + 1):
        port = &l.s.strategy_ports[row]
        if port.dropped:
            if not l.s.strategies[row].stalled:
                if not observe(l, RF_OBSERVATION_KIND_STRATEGY_STALLED, row, l.s.strategies[row].output_seq, 0, 0):
                    return 0
            rf_counter_add(l.counters.events_lost, port.dropped)
            port.dropped = 0
    l.s.overflowed = 0
    return 1


cdef void look_at_peers(Loop *l) noexcept nogil:
    """Move queued commands on, and journal who keeps pace again: with hysteresis, a peer is ready when half of its ring is free."""
    cdef uint32_t row
    cdef Port *port
    cdef int empty
    for row in range(1, l.s.engine.venue_count + 1):
        port = &l.s.gateways[row]
        empty = port.queue_first == port.queue_next
        if not empty:
            empty = drain(port)
        if l.s.venues[row].stalled and empty and port.ring != NULL and 2 * ring_free(port.ring) > port.ring.mask:
            observe(l, RF_OBSERVATION_KIND_GATEWAY_READY, row, l.s.venues[row].output_seq, 0, 0)
    for row in range(1, l.s.engine.strategy_count + 1):
        port = &l.s.strategy_ports[row]
        if l.s.strategies[row].stalled and port.ring != NULL and 2 * ring_free(port.ring) > port.ring.mask:
            observe(l, RF_OBSERVATION_KIND_STRATEGY_READY, row, l.s.strategies[row].output_seq, 0, 0)


cdef int look_at_words(Loop *l) noexcept nogil:
    """Every word that was set is another value, so that one that is set anew while it is set still kills again."""
    cdef uint32_t row
    cdef uint64_t word
    if l.kill_words == NULL:
        return 1
    for row in range(0, l.s.engine.venue_count + 1):
        word = load_acquire(&l.kill_words[1 + row].word, ACQUIRE)
        word = 0 if word == RF_KILL_CLEAR else word | 1
        if word != l.killed[row]:
            if not observe(l, RF_OBSERVATION_KIND_KILL_WORD, row, word != 0, 0, 0):
                return 0
            l.killed[row] = word
    return 1


cdef void look_at_signs(Loop *l, uint64_t now) noexcept nogil:
    cdef uint32_t row
    cdef uint64_t sign, age
    for row in range(1, l.s.engine.strategy_count + 1):
        if l.signs[row] == NULL or not l.s.strategies[row].deadman_ns or not l.s.strategies[row].attached:
            continue
        sign = load_acquire(l.signs[row], ACQUIRE)
        if sign < l.joined_ns[row] or sign > now + SKEW_NS:
            sign = l.joined_ns[row]
        age = now - sign if now > sign else 0
        if age <= l.s.strategies[row].deadman_ns:
            l.silence_told[row] = 0
        elif not (l.silence_told[row] and l.s.strategies[row].silent):  # who set it free has not brought it to life
            l.silence_told[row] = <uint8_t>observe(l, RF_OBSERVATION_KIND_STRATEGY_SILENT, row, age, 0, 0)


cdef inline uint32_t lateness(const Loop *l, uint64_t age_ns) noexcept nogil:
    if l.halt_ns and age_ns > l.halt_ns:
        return RF_RESTRICT_JOURNAL_LATE
    return RF_RESTRICT_JOURNAL_SLOW if l.reduce_ns and age_ns > l.reduce_ns else 0


cdef void look_at_sidecar(Loop *l, uint64_t now) noexcept nogil:
    """Journal how far the disk is behind, when that changes; also when the sidecar hangs or is dead, since only its mark is believed.

    One frame is watched at a time, the newest one when the watch began. It stays late until a watched frame was in time, so that a slow disk does not flap.
    """
    cdef uint32_t condition = <uint32_t>load_acquire(&l.persisted.condition, ACQUIRE) & <uint32_t>(RF_RESTRICT_JOURNAL_FULL | RF_RESTRICT_JOURNAL_SUSPECT)
    cdef uint64_t age = now - l.watched_ns if now > l.watched_ns else 0
    cdef uint32_t found = lateness(l, age)
    if load_acquire(&l.persisted.position, ACQUIRE) >= l.watched_seq:
        l.late = found
        l.watched_seq = l.s.engine.seq
        l.watched_ns = now
    elif found > l.late:
        l.late = found
    condition |= l.late
    if condition != l.s.engine.restrictions & JOURNAL_RESTRICTIONS:
        observe(l, RF_OBSERVATION_KIND_JOURNAL_HEALTH, 0, condition, 0, 0)


cdef uint64_t look_at_journal(Loop *l, uint64_t now) noexcept nogil:
    """Return the free slots of the journal ring, after journaling that pressure began or ended, and how late the disk is."""
    cdef long long free_slots = rf_ring_room(l.journal, l.clear_above + 1)
    if free_slots <= 0:
        rf_counter_add(l.counters.journal_full, 1)
        return 0
    if not l.s.engine.journal_pressure:
        if <uint64_t>free_slots < l.pressure_below:
            observe(l, RF_OBSERVATION_KIND_JOURNAL_PRESSURE, 0, <uint64_t>free_slots, 0, 0)
    elif <uint64_t>free_slots > l.clear_above:
        observe(l, RF_OBSERVATION_KIND_JOURNAL_CLEAR, 0, <uint64_t>free_slots, 0, 0)
    look_at_sidecar(l, now)
    return <uint64_t>free_slots
