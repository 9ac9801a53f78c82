"""How far the incoming numbers of a session are in the journal on disk: ``next_in_persisted`` of its store.

    session ─next_in─▶ store          a number is stored once its event is in the ring to the engine: a process that dies loses nothing
    event ─▶ ring ─▶ engine ─frame─▶ journal ring ─▶ sidecar ─fdatasync─▶ mark
                 tail ▲            newest sequence ▲               persisted ▲
    next_in_persisted: a number below which every event has a frame that fdatasync covers

Why a second number: after a loss of the host's memory the store's page may have reached the disk and the journal frame of the event not. The session would
then never ask for that message again, and a fill would be lost. A gateway whose region is new (shared memory is gone) goes back to the second number and
asks the counterparty to resend from there; what the journal has already is dropped by ExecID like every PossDup.

How: three steps, one look a tick. (1) Note the position of the event ring and next_in; all messages below next_in were published before that position.
(2) Once the engine's tail has passed it, these events are journaled, so the newest sequence in the journal ring, read after the tail, is at or above
theirs. (3) Once the sidecar's mark covers that sequence, the noted number holds. It lags by two ticks and a sync, which costs a few messages that come twice.
The newest sequence is read from the journal ring and not from the engine's tables: those start at 0 again while a restarted engine replays.

What can fail: a reader that is overtaken (a lap of the journal ring during one look) finds another sequence word and looks again at the next tick. Without
a sidecar, with an engine that does not take, or with a suspect journal the number stays, which is the truth. Numbers that start anew lower it with them
(``lowered`` tells a note of the old life).
Rejected: journal sequences in the events ring (the engine does not write there), a sync of the store per message (it would still be another file than the
journal), asking for the whole day after every host crash (a storm of resends just when everything else recovers).
"""

from libc.stdint cimport uint64_t

from ringfence.gateways.fix.store cimport store_set_next_in_persisted, store_t
from ringfence.ipc.records cimport Frame
from ringfence.ipc.ring cimport rf_ring_open, rf_ring_slot, rf_ring_t, rf_ring_walk

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (const uint64_t *word, int order) noexcept nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"

cdef enum:
    NOTHING = 0
    NOTED = 1      # waits for the engine
    JOURNALED = 2  # waits for the sidecar


cdef void durable_watch(durable_t *d, void *slots, uint64_t *head, uint64_t count, uint64_t slot_bytes) noexcept:
    rf_ring_open(&d.journal, slots, head, NULL, count, slot_bytes, 0)


cdef uint64_t newest_sequence(const rf_ring_t *journal) noexcept nogil:
    """Sequence of the newest frame in the journal ring; 0 when there is none, or it was overwritten during the look."""
    cdef uint64_t end = rf_ring_walk(journal, load_acquire(journal.head, ACQUIRE)), seq
    cdef const Frame *frame
    if end == 0:
        return 0
    frame = <const Frame *> rf_ring_slot(journal, end - 1)
    seq = load_acquire(&frame.seq, ACQUIRE)
    return seq if load_acquire(<const uint64_t *> frame, ACQUIRE) == end else 0


cdef void durable_step(durable_t *d, store_t *s, const rf_ring_t *events, const uint64_t *persisted) noexcept nogil:
    if d.journal.slots == NULL or persisted == NULL:
        return
    if d.state == NOTHING and s.next_in > s.next_in_persisted:
        d.position = events.position
        d.next_in = s.next_in
        d.lowered = s.lowered
        d.state = NOTED
    if d.state == NOTED and load_acquire(events.tail, ACQUIRE) >= d.position:
        d.seq = newest_sequence(&d.journal)
        if d.seq:
            d.state = JOURNALED
    if d.state == JOURNALED and load_acquire(persisted, ACQUIRE) >= d.seq:
        if d.lowered == s.lowered:
            store_set_next_in_persisted(s, d.next_in)
        d.state = NOTHING
