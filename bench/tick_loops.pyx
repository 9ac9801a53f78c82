"""The C loop of ``bench tick_to_order``: the parts of a tick's way, any number of them in one process, each a step that never waits.

    feed ──broadcast ring──▶ strategy ──intent ring──▶ engine ──command ring──▶ gateway ──send──▶ the venue's socket
                                                         └──journal ring──▶ sidecar

All but feed and sidecar are the real ones: the strategy is a class compiled by numba (tick_strategy.py), one turn of whose loop is called by its address;
``turn`` of core/engine.pyx and of gateways/fix/cycle.pyx, over the links of an instance. The feed sends ticks at fixed intervals, stamped with the time when
they were due, so that every span that counts from a tick counts from there; the sidecar reads the journal and checks its numbers.
``run`` turns the parts of its process until the shared word ``stop`` is set. Memory: rings belong to the instance's regions, histograms to ``metrics.bench``,
the words and the strategy's record to the bench's shared mapping. What is wrong (a gap in the journal) is counted in ``faults``, never passed over.
"""

from libc.stdint cimport uint64_t, uintptr_t
from libc.string cimport memset

from ringfence.core.engine cimport Engine
from ringfence.core.engine cimport turn as engine_turn
from ringfence.gateways.fix.cycle cimport turn as gateway_turn
from ringfence.gateways.fix.gateway cimport Gateway
from ringfence.ipc.broadcast cimport rf_broadcast_claim, rf_broadcast_open, rf_broadcast_publish, rf_broadcast_t
from ringfence.ipc.clock cimport Clock, rf_clock_now, rf_clock_t
from ringfence.ipc.idle cimport rf_idle, rf_idle_open, rf_idle_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.metrics cimport Metrics, rf_histogram_record_span, rf_histogram_t
from ringfence.ipc.records cimport Frame, QuoteTick
from ringfence.ipc.ring cimport RF_RING_OK, rf_ring_advance, rf_ring_front, rf_ring_poll, rf_ring_release, rf_ring_t
from ringfence.ipc.segment cimport Segment

HISTOGRAMS = ("due_tick",)

cdef enum:
    TICK_QUOTE = 1
    BATCH = 64

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (const uint64_t *word, int order) noexcept nogil
    void store_release "__atomic_store_n" (uint64_t *word, uint64_t value, int order) noexcept nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"

# Words of the bench's shared mapping.
ctypedef struct Words:
    uint64_t go            # 0: wait, 1: ticks may begin
    uint64_t stop
    uint64_t ticks         # published by the feed
    uint64_t frames        # read by the sidecar
    uint64_t faults
    uint64_t ready         # bits of processes that turn

ctypedef long long (*turn_t)(long long record, long long turns) noexcept nogil

ctypedef struct Parts:
    Words *words
    rf_clock_t *clock
    rf_broadcast_t out          # the feed's
    uint64_t interval_ns
    uint64_t due_ns             # of the next tick
    uint64_t count              # ticks in all
    rf_histogram_t due_tick
    turn_t turn                 # of the strategy's loop
    long long record            # where its state is
    rf_ring_t *journal          # the sidecar's


cdef int feed_step(Parts *p) noexcept nogil:
    """The tick that is due, with the time when it was due as its own: a feed that is late says so."""
    cdef uint64_t n = p.words.ticks
    cdef uint64_t now
    cdef QuoteTick *t
    if n == p.count or not load_acquire(&p.words.go, ACQUIRE):
        return 0
    now = rf_clock_now(p.clock)
    if p.due_ns == 0:
        p.due_ns = now + p.interval_ns
    if now < p.due_ns:
        return 0
    t = <QuoteTick*>rf_broadcast_claim(&p.out)
    t.published_ns = t.source_ns = p.due_ns
    t.bid, t.ask = <long long>(n * 3 + 1), <long long>(n * 3 + 2)
    t.bid_qty = t.ask_qty = <long long>n
    t.instrument = 1
    t.kind = TICK_QUOTE
    t.flags = 0
    rf_broadcast_publish(&p.out)
    rf_histogram_record_span(&p.due_tick, p.due_ns, rf_clock_now(p.clock))
    p.due_ns += p.interval_ns
    store_release(&p.words.ticks, n + 1, RELEASE)
    return 1


cdef int sidecar_step(Parts *p) noexcept nogil:
    """Read what is in the journal ring; its sequence must be dense."""
    cdef int taken = 0
    while taken < BATCH and rf_ring_poll(p.journal) == RF_RING_OK:
        p.words.frames += 1
        if (<const Frame*>rf_ring_front(p.journal)).seq != p.words.frames:
            p.words.faults += 1
        rf_ring_advance(p.journal)
        taken += 1
    if taken:
        rf_ring_release(p.journal)
    return taken


cdef class Path:
    """All parts of one run over the links of an instance; made before the processes fork, each of which turns some of them.

    Parameters
    ----------
    words : writable buffer of 64 bytes or more, shared by the processes
    clock : Clock
    metrics : Metrics
        With histograms ``HISTOGRAMS``.
    market : Segment
        Sections ``head`` and ``ticks`` (a power of two of slots).
    engine, gateway : Engine, Gateway
    sidecar : Link
        The peer's end of the engine's link.
    turn, record : int
        Addresses: of the strategy's loop as a C function ``int64 f(int64 record, int64 turns)``, and of its record.
    interval_ns, count : int
        Between ticks; ticks in all.
    """

    cdef Parts p
    cdef object kept
    cdef Engine engine
    cdef Gateway gateway

    def __init__(self, unsigned char[::1] words not None, Clock clock not None, Metrics metrics not None, Segment market not None, Engine engine not None,
                 Gateway gateway not None, Link sidecar not None, *, uintptr_t turn, long long record, uint64_t interval_ns, uint64_t count):
        memset(&self.p, 0, sizeof(Parts))
        self.kept = (words, clock, metrics, market, sidecar)
        self.engine, self.gateway = engine, gateway
        self.p.words = <Words*>&words[0]
        self.p.clock = &clock.c
        slots = next(s.count for s in market.sections if s.name == "ticks")
        rf_broadcast_open(&self.p.out, market.section_ptr("ticks"), <uint64_t*>market.section_ptr("head"), slots, 0)
        self.p.interval_ns, self.p.count = interval_ns, count
        self.p.turn, self.p.record = <turn_t>turn, record
        self.p.journal = &sidecar.inbound
        self.p.words.frames = engine.l.s.engine.seq
        metrics.histogram("due_tick", &self.p.due_tick)

    def run(self, parts, int idle_kind, uint64_t process) -> None:
        """Turn ``parts`` (a set of "feed", "strategy", "engine", "gateway", "sidecar") until the word ``stop`` is set; ``process`` is this one's bit.

        Raises
        ------
        RuntimeError
            If the gateway ended by itself.
        """
        cdef bint feed = "feed" in parts, strategy = "strategy" in parts, engine = "engine" in parts, gateway = "gateway" in parts, sidecar = "sidecar" in parts
        cdef Parts *p = &self.p
        cdef rf_idle_t idle
        cdef int work, reason = 0, done
        rf_idle_open(&idle, idle_kind)
        p.words.ready |= process  # processes start one after the other
        while True:
            with nogil:
                while not load_acquire(&p.words.stop, ACQUIRE):
                    work = 0
                    done = 0
                    if feed:
                        work += feed_step(p)
                    if strategy:
                        work += <int>p.turn(p.record, 1)
                    if engine:
                        work += <int>engine_turn(&self.engine.l)
                    if gateway:
                        reason = gateway_turn(self.gateway.g, &done)
                        work += done
                        if reason:
                            break
                    if sidecar:
                        work += sidecar_step(p)
                    rf_idle(&idle, work)
            if not reason or load_acquire(&p.words.stop, ACQUIRE):
                return
            if self.gateway._serve(reason) is not None:
                raise RuntimeError(f"the gateway ended with reason {reason}")
            reason = 0
