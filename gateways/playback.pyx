"""Recorded ticks into the market data ring without Python between two ticks.

    Ticks.slots of each instrument ──Player.play(now, most)──▶ rf_market_publish: row and slot, stamped with the clock at that moment

Each tape begins with its first tick at ``start_ns`` and plays its own laps when ``loop``; of several tapes the tick that is due first goes first. With a speed
a tick is due at ``start_ns + tape time / speed``; without one it is due at once, and tapes are merged by tape time. How many may go out is the caller's to
say: what the readers have room for.

Memory: the slots belong to the arrays given, which must not change; 64 bytes a tick. Bounds: a tick costs one look at each tape; nothing allocates or blocks.
What can fail: the constructor, for arrays that are no slots. A tick that the ring refuses (no row) is stepped over.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from ringfence.ipc.broadcast cimport Publisher, rf_market_publish
from ringfence.ipc.clock cimport Clock, rf_clock_now
from ringfence.ipc.records cimport QuoteTick

from ringfence.gateways.ticks import LAP_GAP_NS
from ringfence.ipc.layout import dtype

cdef extern from *:
    ctypedef unsigned long long wide_t "unsigned __int128"

cdef uint64_t NEVER = <uint64_t>-1


cdef class Player:
    """Tapes against the clock.

    Parameters
    ----------
    publisher : Publisher
        Of region ``market``.
    clock : Clock
        Stamps each slot.
    tapes : sequence of ndarray
        ``Ticks.slots``, one per instrument, none empty.
    speed : Fraction or None
        Tape seconds per second, above 0; None: every tick is due at once.
    loop : bool
        Start again after the last tick, one second of tape later.
    start_ns : int
        Clock time at which the first ticks are due.

    Raises
    ------
    ValueError
        If an array is empty or no contiguous array of QuoteTick.
    """

    def __cinit__(self, Publisher publisher not None, Clock clock not None, tapes, speed, bint loop, uint64_t start_ns):
        cdef tape_t *tape
        cdef const unsigned char[::1] view
        self.publisher, self.clock, self.loop, self.start_ns = publisher, clock, loop, start_ns
        self.numerator, self.denominator = (speed.numerator, speed.denominator) if speed is not None else (0, 1)
        self.arrays, self.tape_count = list(tapes), len(tapes)
        self.tapes = <tape_t *>calloc(max(1, self.tape_count), sizeof(tape_t))
        if self.tapes == NULL:
            raise MemoryError
        for i, slots in enumerate(self.arrays):
            if slots.dtype != dtype("QuoteTick") or not len(slots) or not slots.flags.c_contiguous:
                raise ValueError(f"tape {i}: {len(slots)} records of {slots.dtype}; a tape is a contiguous array of QuoteTick with at least one")
            view = slots.view("u1")
            tape = self.tapes + <int64_t>i
            tape.slots, tape.count = <const QuoteTick *>&view[0], len(slots)
            tape.span_ns = tape.slots[tape.count - 1].source_ns - tape.slots[0].source_ns + <uint64_t>LAP_GAP_NS

    def __dealloc__(self):
        free(self.tapes)

    def play(self, uint64_t now_ns, uint64_t most) -> int:
        """Publish what is due at ``now_ns``, at most ``most`` ticks; returns how many went out."""
        cdef uint64_t played = 0
        cdef tape_t *tape
        cdef QuoteTick tick
        with nogil:
            while played < most:
                tape = self._next()
                if tape == NULL or (self.numerator and self._due(tape) > now_ns):
                    break
                tick = tape.slots[tape.at]
                tick.published_ns = rf_clock_now(&self.clock.c)
                rf_market_publish(&self.publisher.market, &tick)
                played += 1
                tape.at += 1
                if tape.at == tape.count and self.loop:
                    tape.at = 0
                    tape.lap_ns += tape.span_ns
        return played

    @property
    def due_ns(self) -> int | None:
        """Clock time at which the next tick is due, ``start_ns`` when it is due at once; None when every tape has ended."""
        cdef tape_t *tape = self._next()
        if tape == NULL:
            return None
        return self._due(tape) if self.numerator else self.start_ns

    cdef uint64_t _due(self, const tape_t *tape) noexcept nogil:
        """Clock time of a tape's next tick; without a speed, tape time."""
        cdef uint64_t at = tape.lap_ns + (tape.slots[tape.at].source_ns - tape.slots[0].source_ns)
        if not self.numerator:
            return at
        return self.start_ns + <uint64_t>(<wide_t>at * self.denominator / self.numerator)

    cdef tape_t *_next(self) noexcept nogil:
        """The tape whose tick goes next, the first of several; NULL when all have ended."""
        cdef uint64_t best = NEVER, due
        cdef tape_t *found = NULL
        cdef int64_t i
        for i in range(self.tape_count):
            if self.tapes[i].at < self.tapes[i].count:
                due = self._due(self.tapes + i)
                if due < best:
                    best, found = due, self.tapes + i
        return found
