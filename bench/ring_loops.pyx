"""Ring loops in Cython over real links: what a process of ours does, measured by bench/ring.py. Slots are 64-byte ``QuoteTick`` records.

Every message carries its number in seven words, verified by the receiver; a wrong one ends the run. Waiting is the idle strategy
``spin``, or ``yield`` on a shared core.
"""

from libc.stdint cimport uint64_t

from ringfence.ipc.idle cimport rf_idle, rf_idle_open, rf_idle_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.ring cimport (
    RF_RING_EMPTY,
    RF_RING_FULL,
    RF_RING_OK,
    rf_ring_advance,
    rf_ring_claim,
    rf_ring_front,
    rf_ring_poll,
    rf_ring_publish,
    rf_ring_release,
    rf_ring_settle,
    rf_ring_t,
)

cdef uint64_t WORDS = 8
cdef uint64_t RELEASE_EVERY = 32


cdef int _send(rf_ring_t *ring, uint64_t n, rf_idle_t *idle) noexcept nogil:
    cdef int result = 0
    cdef uint64_t i
    cdef uint64_t *slot = <uint64_t *>rf_ring_claim(ring, 0, &result)
    while slot == NULL:
        if result != RF_RING_FULL:
            return 0
        rf_idle(idle, 0)
        slot = <uint64_t *>rf_ring_claim(ring, 0, &result)
    for i in range(1, WORDS):
        slot[i] = n + i
    rf_ring_publish(ring, 1)
    return 1


cdef int _take(rf_ring_t *ring, uint64_t n, rf_idle_t *idle) noexcept nogil:
    cdef int state = rf_ring_poll(ring)
    cdef uint64_t i, wrong = 0
    cdef const uint64_t *slot
    while state != RF_RING_OK:
        if state != RF_RING_EMPTY:
            return 0
        rf_ring_release(ring)
        rf_idle(idle, 0)
        state = rf_ring_poll(ring)
    slot = <const uint64_t *>rf_ring_front(ring)
    for i in range(1, WORDS):
        wrong |= slot[i] ^ (n + i)
    rf_ring_advance(ring)
    if ring.pending >= RELEASE_EVERY:
        rf_ring_release(ring)
    return wrong == 0


def run(Link link not None, str side, uint64_t count, int idle_kind) -> None:
    """Run one side of the pair: ``produce``, ``consume``, ``ping`` or ``pong``, for ``count`` messages.

    Raises
    ------
    RuntimeError
        If a message arrives with wrong content, or the ring holds garbage.
    """
    cdef rf_idle_t idle
    cdef rf_ring_t out = link.outbound, inbound = link.inbound
    cdef bint takes_first = side in ("consume", "pong"), takes = side != "produce", sends = side != "consume"
    cdef uint64_t n
    cdef int good = 1
    rf_idle_open(&idle, idle_kind)
    with nogil:
        for n in range(count):
            if takes and takes_first:
                good = _take(&inbound, n, &idle)
            if good and sends:
                good = _send(&out, n, &idle)
            if good and takes and not takes_first:
                good = _take(&inbound, n, &idle)
            if not good:
                break
        rf_ring_release(&inbound)
        if sends:
            rf_ring_settle(&out)
    if not good:
        raise RuntimeError(f"{side}: message {n} of {count} was wrong")
