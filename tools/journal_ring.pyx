"""The sidecar's end of the journal ring: take frames in batches, give slots back once they are on disk.

    to.sidecar (engine) ──slots──▶ take ──file frames──▶ the caller's buffer ──write, sync──▶ release ──tail──▶ from.sidecar

``take`` is one C loop without the interpreter: poll, encode with CRC32C, step over, idle when there is nothing. A slot goes back to the engine only with
``release``: until then the ring still holds it, and a sidecar that dies has lost nothing. Fails with RingGarbage when a slot cannot be what the engine
published, or when sequences are not dense; the caller stops then, since the engine's memory is not to be trusted.
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.clock cimport clockid_t, rf_clock_system
from ringfence.ipc.idle cimport rf_idle, rf_idle_open, rf_idle_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport Frame, JournalSlot
from ringfence.ipc.ring cimport RF_RING_EMPTY, RF_RING_GARBAGE, RF_RING_OK, rf_ring_advance, rf_ring_front, rf_ring_poll, rf_ring_release, rf_ring_t
from ringfence.ipc.stop cimport rf_stop_requested
from ringfence.tools.frames cimport encode_slot

from ringfence.ipc.errors import RingGarbage

cdef extern from "<time.h>" nogil:
    clockid_t CLOCK_MONOTONIC

cdef enum:
    BAD_SLOT = 5      # beside rf_ring_result
    BAD_SEQUENCE = 6


cdef void take_batch(rf_ring_t *ring, unsigned char *out, uint64_t room, uint64_t through_seq, rf_batch_t *b) noexcept nogil:
    """Encode what is there, at most `room` bytes; frames up to `through_seq` are stepped over."""
    cdef uint32_t length
    cdef const Frame *frame
    while room - b.bytes >= sizeof(JournalSlot):
        b.state = rf_ring_poll(ring)
        if b.state != RF_RING_OK:
            return
        frame = <const Frame *> rf_ring_front(ring)
        if b.next_seq and frame.seq != b.next_seq:
            b.state = BAD_SEQUENCE
            b.found = frame.seq
            return
        if frame.seq > through_seq:
            length = encode_slot(<const JournalSlot *> frame, out + b.bytes)
            if length == 0:
                b.state = BAD_SLOT
                b.found = frame.seq
                return
            b.bytes += length
            b.frames += 1
        else:
            b.skipped += 1
        b.next_seq = frame.seq + 1
        rf_ring_advance(ring)


cdef class JournalRing:
    """The journal ring, read by the sidecar.

    Parameters
    ----------
    link : Link
        ``mine`` is ``from.sidecar``, ``theirs`` is ``to.sidecar``.
    """

    def __cinit__(self, Link link not None):
        if not link.has_inbound:
            raise ValueError("the link has no inbound ring: theirs must be to.sidecar")
        self.link = link
        self.next_seq = 0

    def take(self, buffer, through_seq: int, wait_ns: int, idle: int) -> tuple[int, int, int]:
        """Encode waiting frames into ``buffer``; wait at most ``wait_ns`` for the first one."""
        cdef Py_buffer view
        cdef rf_batch_t b
        cdef rf_idle_t pause
        cdef uint64_t through = through_seq, wait = wait_ns, until
        cdef rf_ring_t *ring = &self.link.inbound
        b.bytes = b.frames = b.skipped = b.found = 0
        b.next_seq = self.next_seq
        rf_idle_open(&pause, idle)
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            with nogil:
                until = rf_clock_system(CLOCK_MONOTONIC) + wait
                while True:
                    take_batch(ring, <unsigned char *> view.buf, view.len, through, &b)
                    if b.frames or b.skipped or b.state != RF_RING_EMPTY or rf_stop_requested() or rf_clock_system(CLOCK_MONOTONIC) >= until:
                        break
                    rf_idle(&pause, 0)
        finally:
            PyBuffer_Release(&view)
        self.next_seq = b.next_seq
        if b.state not in (RF_RING_OK, RF_RING_EMPTY) and not b.frames:
            raise RingGarbage(self._explain(&b))
        return b.bytes, b.frames, b.skipped

    def release(self) -> None:
        """Give every slot taken so far back to the engine."""
        rf_ring_release(&self.link.inbound)

    @property
    def waiting(self) -> int:
        """Slots published and not taken."""
        return self.link.waiting

    cdef str _explain(self, rf_batch_t *b):
        where = f"journal ring, position {self.link.inbound.position}"
        if b.state == RF_RING_GARBAGE:
            return f"{where}: the slot's sequence word cannot be; stop the instance and keep /dev/shm for inspection"
        if b.state == BAD_SEQUENCE:
            return f"{where}: journal sequence {b.found} follows {b.next_seq - 1}; stop the instance and keep /dev/shm for inspection"
        return f"{where}: frame {b.found} has a kind or payload size that cannot be; stop the instance and keep /dev/shm for inspection"
