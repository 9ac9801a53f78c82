"""A link: the two regions that join the engine and one peer, opened from one side.

    mine (I write)    head, tail, mark, slots?        outbound: my slots and head, their tail
    theirs (I read)   head, tail, mark, slots?        inbound:  their slots,       my tail

Positions survive their process. The consumer continues at its own tail. The producer continues at its own head, then walks over
slots whose sequence word is position + 1: head may lag (ring.h), a slot with its word stored is published and its reader may
have taken it. Slots that were claimed only never existed. Observers ask ``published`` for the same walk.

``trusted=False`` is for the memfd of a strategy: no cursor of it is believed (the head is not even looked at), a tail that cannot be is
RingGarbage, and geometry comes from the sections that the caller mapped it with. ``fresh=True`` starts both directions again at
position 0, for the writer of ``mine``, before the peer knows of it.
Hot loops use the structs; the Python methods here are for tools, tests and slow peers.
"""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from ringfence.ipc.records cimport RingCursor
from ringfence.ipc.ring cimport (
    RF_RING_EMPTY,
    RF_RING_FULL,
    RF_RING_OK,
    rf_ring_claim,
    rf_ring_open,
    rf_ring_publish,
    rf_ring_release,
    rf_ring_resume_consumer,
    rf_ring_resume_producer,
    rf_ring_settle,
    rf_ring_slot,
    rf_ring_t,
    rf_ring_take,
    rf_ring_walk,
)
from ringfence.ipc.segment cimport Segment

from ringfence.ipc.errors import RingFull, RingGarbage
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import RECORDS
from ringfence.ipc.segment import SectionSpec

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (const uint64_t *word, int order) nogil
    void store_release "__atomic_store_n" (uint64_t *word, uint64_t value, int order) nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"


def link_sections(slot_record: str | None, slots: int = 0) -> list[SectionSpec]:
    """Return the sections of one direction of a link.

    Parameters
    ----------
    slot_record : str or None
        Ring record; None where this side sends nothing.
    slots : int
        Capacity, a power of two.
    """
    sections = [SectionSpec(name, "RingCursor", 1) for name in ("head", "tail", "mark")]
    if slot_record is not None:
        _check_slots(slot_record, slots)
        sections.append(SectionSpec("slots", slot_record, slots))
    return sections


def _check_slots(record: str, slots: int) -> None:
    if slots < 1 or slots & (slots - 1):
        raise ValueError(f"ring of {record} has {slots} slots; allowed are powers of two")
    if RECORDS[record].size % 64 or RECORDS[record].fields[0].size != 8:
        raise ValueError(f"{record} is no ring record: it needs a size that is a multiple of 64 and an 8-byte sequence word first")


cdef class Link:
    """Both directions of a link, seen from the process that writes ``mine``.

    Parameters
    ----------
    mine : Segment
        Writable; sections of ``link_sections``.
    theirs : Segment
        The peer's.
    trusted : bool
        False where the peer may write anything into ``theirs``.
    fresh : bool
        Forget what ``mine`` holds: both directions start at position 0.

    Raises
    ------
    RingGarbage
        If the cursors of the two regions do not fit each other.
    """

    def __cinit__(self, Segment mine not None, Segment theirs not None, *, bint trusted=True, bint fresh=False):
        if not mine.writable:
            raise ValueError(f"segment {mine.name!r} is attached read-only; a link needs its own side writable")
        self.mine = mine
        self.theirs = theirs
        self.trusted = trusted
        self.my_mark = <uint64_t *>mine.section_ptr("mark")
        self.their_mark_word = <const uint64_t *>theirs.section_ptr("mark")
        self.has_outbound = _slots_of(mine) is not None
        self.has_inbound = _slots_of(theirs) is not None
        if fresh:
            self._restart()
        if self.has_outbound:
            self._open_outbound()
        if self.has_inbound:
            self._open_inbound()

    def send(self, record) -> int:
        """Publish one slot; its first word is set by the ring.

        Parameters
        ----------
        record : numpy record, 1-element array or bytes
            Exactly one slot.

        Returns
        -------
        int
            Position it was published at.

        Raises
        ------
        RingFull
            If there is no free slot (retryable).
        RingGarbage
            If the reader's tail cannot be.
        """
        if not self.has_outbound:
            raise ValueError(f"link {self.mine.name!r} has no outbound ring")
        cdef bytes raw = record if isinstance(record, bytes) else record.tobytes()
        if <uint64_t>len(raw) != self.outbound.slot_bytes:
            raise ValueError(f"a slot of {self.mine.name!r} has {self.outbound.slot_bytes} bytes, {len(raw)} were given")
        cdef int result = 0
        cdef unsigned char *slot = <unsigned char *>rf_ring_claim(&self.outbound, 0, &result)
        if slot == NULL:
            if result == RF_RING_FULL:
                raise RingFull(f"ring {self.mine.name!r} is full ({self.capacity} slots): its reader has not moved; try again")
            raise RingGarbage(f"ring {self.mine.name!r}: tail in {self.theirs.name!r} is {self._tail_of_theirs()}, own head {self.outbound.position}")
        memcpy(slot + 8, PyBytes_AS_STRING(raw) + 8, self.outbound.slot_bytes - 8)
        rf_ring_publish(&self.outbound, 1)
        rf_ring_settle(&self.outbound)
        return self.outbound.position - 1

    def receive(self):
        """Return a copy of the next slot as a numpy record and release it; None when there is none.

        Raises
        ------
        RingGarbage
            If the slot's sequence word cannot be.
        """
        if not self.has_inbound:
            raise ValueError(f"link {self.mine.name!r} has no inbound ring")
        copy = bytearray(self.inbound.slot_bytes)
        cdef unsigned char[::1] view = copy
        cdef int state = rf_ring_take(&self.inbound, &view[0], self.inbound.slot_bytes)
        if state == RF_RING_EMPTY:
            return None
        if state != RF_RING_OK:
            word = (<uint64_t *>rf_ring_slot(&self.inbound, self.inbound.position))[0]
            raise RingGarbage(f"ring {self.theirs.name!r}: slot for position {self.inbound.position} has sequence word {word}; it is not read any more")
        rf_ring_release(&self.inbound)
        return np.frombuffer(copy, dtype(_slots_of(self.theirs).record))[0]

    def set_mark(self, uint64_t value) -> None:
        """Store my mark (release): the peer that reads it sees all that I wrote before."""
        store_release(self.my_mark, value, RELEASE)

    @property
    def their_mark(self) -> int:
        """The peer's mark (acquire)."""
        return load_acquire(self.their_mark_word, ACQUIRE)

    @property
    def mark(self) -> int:
        """My own mark."""
        return self.my_mark[0]

    @property
    def capacity(self) -> int:
        """Slots of the outbound ring, of the inbound ring where there is no outbound one; 0 where there is none."""
        if self.has_outbound:
            return self.outbound.mask + 1
        return self.inbound.mask + 1 if self.has_inbound else 0

    @property
    def depth(self) -> int:
        """Slots sent and not yet released by the peer; without an outbound ring, slots waiting for me."""
        if self.has_outbound:
            return self.outbound.position - self._tail_of_theirs()
        return self.waiting

    @property
    def waiting(self) -> int:
        """Inbound slots published and not yet taken, by the sequence words."""
        return rf_ring_walk(&self.inbound, self.inbound.position) - self.inbound.position if self.has_inbound else 0

    @property
    def outbound_position(self) -> int:
        """Position of the next slot to send."""
        return self.outbound.position

    @property
    def inbound_position(self) -> int:
        """Position of the next slot to receive."""
        return self.inbound.position

    def _tail_of_theirs(self) -> int:
        return load_acquire(self.outbound.tail, ACQUIRE)

    def _restart(self) -> None:
        """Zero my cursors and the sequence words of my slots: position 0 comes next in both directions."""
        cdef Segment mine = self.mine
        (<RingCursor *>mine.section_ptr("head")).position = 0
        (<RingCursor *>mine.section_ptr("tail")).position = 0
        if self.has_outbound:
            slots = mine.section("slots")
            slots[slots.dtype.names[0]] = 0

    def _open_outbound(self) -> None:
        cdef Segment mine = self.mine, theirs = self.theirs
        spec = _slots_of(mine)
        _check_slots(spec.record, spec.count)
        cdef uint64_t *head = <uint64_t *>mine.section_ptr("head")
        cdef uint64_t *tail = <uint64_t *>theirs.section_ptr("tail")
        if rf_ring_resume_producer(&self.outbound, mine.section_ptr("slots"), head, tail, spec.count, RECORDS[spec.record].size) != RF_RING_OK:
            raise RingGarbage(
                f"ring {mine.name!r}: head {head[0]}, tail in {theirs.name!r} {self._tail_of_theirs()}: they are of different lives; make both regions anew"
            )

    def _open_inbound(self) -> None:
        cdef Segment mine = self.mine, theirs = self.theirs
        spec = _slots_of(theirs)
        _check_slots(spec.record, spec.count)
        cdef uint64_t *tail = <uint64_t *>mine.section_ptr("tail")
        cdef uint64_t *head = <uint64_t *>theirs.section_ptr("head") if self.trusted else NULL
        if rf_ring_resume_consumer(&self.inbound, theirs.section_ptr("slots"), head, tail, spec.count, RECORDS[spec.record].size) != RF_RING_OK:
            raise RingGarbage(f"ring {theirs.name!r}: head {head[0]}, tail in {mine.name!r} {tail[0]}: they are of different lives; make both regions anew")


def published(Segment segment not None) -> int:
    """Return how many slots were ever published into a ring region, exactly; for observers, since head itself may lag by a few.

    Raises
    ------
    KeyError
        If the region has no ring.
    """
    spec = _slots_of(segment)
    if spec is None:
        raise KeyError(f"region {segment.name!r} has no section 'slots'")
    cdef uint64_t *head = <uint64_t *>segment.section_ptr("head")
    cdef rf_ring_t ring
    rf_ring_open(&ring, segment.section_ptr("slots"), head, NULL, spec.count, RECORDS[spec.record].size, load_acquire(head, ACQUIRE))
    cdef uint64_t position = rf_ring_walk(&ring, ring.position)
    return max(position, load_acquire(head, ACQUIRE))  # the writer may have lapped the walk meanwhile


def _slots_of(Segment segment):
    for spec in segment.sections:
        if spec.name == "slots":
            return spec
    return None
