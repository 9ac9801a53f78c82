# The table of proposals: what waits for a second operator, and what ends by itself.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_PROPOSAL_STATE_PENDING, RF_PROPOSAL_STATE_RUNNING, Control, Proposal

cdef inline int is_live(const Proposal *p) noexcept nogil:
    return p.state == RF_PROPOSAL_STATE_PENDING or p.state == RF_PROPOSAL_STATE_RUNNING


# 1 when the operator may have one more row: at most half of what the others leave, so that nobody fills the table. What withdraw_images would end for an
# image of this kind (0: it is none) is left out.
cdef int may_hold(const EngineState *s, uint32_t uid, uint8_t image_of, const char *body) noexcept nogil
# A row for the command, by its own words; NULL when its operator may hold no more.
cdef Proposal *record(EngineState *s, const Control *c, uint8_t state, uint64_t expires_ns, int64_t before, int64_t after) noexcept nogil
# The proposal of this id, NULL when there is none.
cdef Proposal *find_proposal(EngineState *s, uint64_t proposal) noexcept nogil
# It is decided, or over.
cdef void end(EngineState *s, Proposal *p, uint8_t state, uint32_t decider) noexcept nogil
# Count what is live and find when the next of it ends; after every change of a row.
cdef void plan_expiry(EngineState *s) noexcept nogil
# A kill beats what would loosen the same scope, or one within it.
cdef void withdraw_within(EngineState *s, uint8_t scope_kind, uint32_t a, uint32_t b, uint32_t uid) noexcept nogil
# Of one kind: RESUME when the instance is halted again.
cdef void withdraw_kind(EngineState *s, uint8_t control_kind, uint32_t uid) noexcept nogil
# A later image of a row withdraws what waits for it.
cdef void withdraw_images(EngineState *s, uint8_t control_kind, const char *body, uint32_t uid) noexcept nogil
