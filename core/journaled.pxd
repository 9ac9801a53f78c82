# How an input comes into being: a slot of the journal ring is claimed, filled, stamped, published, and only then applied. Inline: this is the hot path.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.apply cimport apply
from ringfence.core.engine cimport Loop
from ringfence.ipc.clock cimport rf_clock_now
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.records cimport RF_FRAME_KIND_OBSERVATION, Frame, Observation
from ringfence.ipc.ring cimport rf_ring_claim, rf_ring_publish

cdef inline Frame *claim_frame(Loop *l) noexcept nogil:
    cdef int result
    return <Frame*>rf_ring_claim(l.journal, 0, &result)


cdef inline void *payload_of(Frame *frame) noexcept nogil:
    return <char*>frame + sizeof(Frame)


cdef inline void commit(Loop *l, Frame *frame, uint16_t kind, uint32_t payload_bytes, uint16_t source, uint32_t epoch, uint64_t position) noexcept nogil:
    """Stamp a filled frame and publish it: from here on it is an input."""
    cdef uint64_t now = rf_clock_now(l.clock)
    frame.seq = l.s.engine.seq + 1
    frame.engine_ns = now if now > l.s.engine.engine_ns else l.s.engine.engine_ns
    frame.source_position = position
    frame.source_epoch = epoch
    frame.source = source
    frame.kind = kind
    RF_FP(b"E2")
    frame.payload_bytes = payload_bytes
    frame.instance_epoch = <uint32_t>l.instance_epoch
    memset(frame.pad_0, 0, sizeof(frame.pad_0))
    RF_FP(b"E3")
    rf_ring_publish(l.journal, 1)
    RF_FP(b"E4")
    apply(l.s, frame, payload_of(frame))


cdef inline int observe(Loop *l, uint8_t kind, uint32_t peer, uint64_t value, uint64_t position, uint32_t epoch) noexcept nogil:
    """Journal and apply what was seen of a peer; 0 when the journal ring has no room (then nothing else may be taken)."""
    cdef Frame *frame = claim_frame(l)
    cdef Observation *o
    if frame == NULL:
        return 0
    o = <Observation*>payload_of(frame)
    memset(o, 0, sizeof(Observation))
    o.kind = kind
    o.peer = <uint16_t>peer
    o.value = value
    commit(l, frame, RF_FRAME_KIND_OBSERVATION, sizeof(Observation), <uint16_t>peer, epoch, position)
    return 1
