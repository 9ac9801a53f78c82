"""Overrides: changes of a limit that end by themselves, as layers above the value that stays, in the order in which they came into force.

    value that stays ── layer (RUNNING row of proposals) ── layer ── ... ── top: the limit in force
    each layer: before = what is below it, after = what it sets

What ends is a layer, known by its row and never by a value: the ones above it then stand on what was below it. A layer that one person set, since it was
tighter than what it stood on, stays no looser than that; one that two have approved has its value whatever is below.
A change for good that is looser (two have agreed) is the last word: the layers end with it. One that is tighter holds at once and bounds the value that stays
and every layer, so that nothing that ends later brings back more, and nothing that was looser for a while stays so for good.
Written by the engine alone. Nothing here fails. Rejected: giving back what was replaced when the value is still the override's (equal by accident, and a
little less set meanwhile outlived its time).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ringfence.core.audit cimport audit
from ringfence.core.dedupe cimport mix
from ringfence.core.looser cimport limit_loosens, limit_now
from ringfence.core.proposals cimport end
from ringfence.core.reservations cimport set_limit
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_SET_LIMIT, RF_PROPOSAL_STATE_EXPIRED, RF_PROPOSAL_STATE_RUNNING, RF_PROPOSAL_STATE_WITHDRAWN, LimitChange, Proposal,
)


cdef inline uint64_t since(const Proposal *p) noexcept nogil:
    """Sequence at which it came into force; no two of one limit share it."""
    return p.decided_seq if p.decided_seq else p.proposed_seq


cdef Proposal *layer_above(EngineState *s, const LimitChange *limit, uint64_t seq) noexcept nogil:
    """The first layer of the limit that came into force after ``seq``, NULL when that was the top."""
    cdef uint32_t i
    cdef Proposal *p
    cdef Proposal *found = NULL
    cdef const LimitChange *theirs
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        theirs = <const LimitChange*>p.body
        if p.state != RF_PROPOSAL_STATE_RUNNING or since(p) <= seq or (found != NULL and since(p) > since(found)):
            continue
        if theirs.kind == limit.kind and theirs.a == limit.a and theirs.b == limit.b and theirs.rule == limit.rule:
            found = p
    return found


cdef void stack(EngineState *s, const LimitChange *limit, int64_t stays) noexcept nogil:
    """Put the layers on the value that stays, one on the other, and bring the limit to what the top says."""
    cdef Proposal *p = layer_above(s, limit, 0)
    cdef int64_t value = stays, now = limit_now(s, limit)
    cdef LimitChange back
    while p != NULL:
        p.before = value
        if p.decided_seq == 0 and limit_loosens(s, limit, value, p.after):
            p.after = value
        value = p.after
        p = layer_above(s, limit, since(p))
    if value != now:
        memcpy(&back, limit, sizeof(LimitChange))
        back.value = value
        set_limit(s, &back)
        audit(s, 0, RF_CONTROL_KIND_SET_LIMIT, mix(<uint64_t>back.a << 32 | back.b, <uint64_t>back.kind << 8 | back.rule), now, value)


cdef void end_override(EngineState *s, Proposal *p) noexcept nogil:
    cdef LimitChange limit
    cdef int64_t stays
    memcpy(&limit, p.body, sizeof(LimitChange))
    stays = layer_above(s, &limit, 0).before
    end(s, p, RF_PROPOSAL_STATE_EXPIRED, 0)
    stack(s, &limit, stays)


cdef void changed_for_good(EngineState *s, const LimitChange *change, int64_t before) noexcept nogil:
    cdef Proposal *p = layer_above(s, change, 0)
    cdef int64_t stays, value = limit_now(s, change)
    cdef uint64_t seq
    cdef int agreed = limit_loosens(s, change, before, value)
    if p == NULL:
        return
    stays = p.before if not agreed and limit_loosens(s, change, p.before, value) else value
    while p != NULL:
        seq = since(p)
        if agreed:
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, 0)
        elif not limit_loosens(s, change, p.after, value):
            p.after = value
        p = layer_above(s, change, seq)
    stack(s, change, stays)
