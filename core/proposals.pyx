"""The table of proposals: rows of what waits for a second operator (PENDING) and of changes that end by themselves (RUNNING).

    needs two ──record──▶ PENDING ──approved──▶ APPROVED, or RUNNING when it ends by itself
                             └──time over, withdrawn, moved on──▶ EXPIRED, WITHDRAWN           decided rows are used again, the oldest first

Nobody fills the table: an operator holds at most half of the rows that the others leave, so the first leaves half, the second a quarter, and there is a row for
whoever has none. What is tighter and a kill need no row. A kill, whoever or whatever struck it, withdraws what waits to loosen its scope or one within it; the
firm's withdraws all but what says how things are (the end of an order, whose an execution is, an entry of the ledger).
Written by the engine alone. What can fail: no row is free for this operator: NULL, and nothing changes.
Rejected: an equal share for each operator (too few rows for a reload of the one who configures).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.definitions cimport row_of
from ringfence.core.margin cimport margin_place
from ringfence.core.scopes cimport within
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_ASSIGN_EXECUTION, RF_CONTROL_KIND_BOOK_ENTRY, RF_CONTROL_KIND_DEFINE_ACCOUNT, RF_CONTROL_KIND_DEFINE_CURRENCY,
    RF_CONTROL_KIND_DEFINE_INSTRUMENT, RF_CONTROL_KIND_DEFINE_MARGIN,
    RF_CONTROL_KIND_DEFINE_STRATEGY, RF_CONTROL_KIND_DEFINE_VENUE, RF_CONTROL_KIND_RELEASE, RF_CONTROL_KIND_RESOLVE_ORDER, RF_CONTROL_KIND_SET_LIMIT,
    RF_CONTROL_KIND_SET_LOCATE, RF_CONTROL_KIND_SET_METHOD, RF_CONTROL_KIND_SET_PERMISSION, RF_CONTROL_KIND_SET_STRATEGY, RF_PROPOSAL_STATE_PENDING,
    RF_PROPOSAL_STATE_RUNNING, RF_PROPOSAL_STATE_WITHDRAWN, RF_SCOPE_KIND_ACCOUNT, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, RF_SCOPE_KIND_CURRENCY,
    RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_INSTRUMENT, RF_SCOPE_KIND_STRATEGY, RF_SCOPE_KIND_STRATEGY_INSTRUMENT, RF_SCOPE_KIND_VENUE, Control, KillOrder,
    LimitChange, MarginRate, PermissionChange, Proposal,
)


# ---- rows ------------------------------------------------------------------------------------------------------------------------

cdef inline int is_image(const Proposal *p, uint8_t control_kind, const char *body) noexcept nogil:
    """1 when it waits, and is of the row that the body is an image of."""
    return p.state == RF_PROPOSAL_STATE_PENDING and p.kind == control_kind and row_of(control_kind, p.body) == row_of(control_kind, body)


cdef int may_hold(const EngineState *s, uint32_t uid, uint8_t image_of, const char *body) noexcept nogil:
    cdef uint32_t i, own = 0, taken = 0
    for i in range(1, s.engine.proposal_count + 1):
        if is_live(&s.proposals[i]) and not (image_of and is_image(&s.proposals[i], image_of, body)):
            taken += 1
            own += s.proposals[i].proposer == uid
    return s.proposal_rows - 1 - taken > own


cdef Proposal *free_row(EngineState *s) noexcept nogil:
    """The next unused row, else that of the oldest decided proposal, else NULL."""
    cdef uint32_t i, oldest = 0
    if s.engine.proposal_count + 1 < s.proposal_rows:
        s.engine.proposal_count += 1
        return &s.proposals[s.engine.proposal_count]
    for i in range(1, s.engine.proposal_count + 1):
        if not is_live(&s.proposals[i]) and (oldest == 0 or s.proposals[i].id < s.proposals[oldest].id):
            oldest = i
    return &s.proposals[oldest] if oldest else NULL


cdef void plan_expiry(EngineState *s) noexcept nogil:
    cdef uint32_t i
    s.engine.next_expiry_ns = 0
    s.engine.pending_proposals = 0
    s.engine.running_overrides = 0
    for i in range(1, s.engine.proposal_count + 1):
        if not is_live(&s.proposals[i]):
            continue
        s.engine.pending_proposals += s.proposals[i].state == RF_PROPOSAL_STATE_PENDING
        s.engine.running_overrides += s.proposals[i].state == RF_PROPOSAL_STATE_RUNNING
        if s.engine.next_expiry_ns == 0 or s.proposals[i].expires_ns < s.engine.next_expiry_ns:
            s.engine.next_expiry_ns = s.proposals[i].expires_ns


cdef Proposal *record(EngineState *s, const Control *c, uint8_t state, uint64_t expires_ns, int64_t before, int64_t after) noexcept nogil:
    cdef Proposal *p = free_row(s) if may_hold(s, c.operator_uid, 0, NULL) else NULL
    if p == NULL:
        return NULL
    memset(p, 0, sizeof(Proposal))
    s.engine.proposals += 1
    p.id = s.engine.proposals
    p.proposed_seq = s.engine.seq
    p.proposed_ns = s.engine.engine_ns
    p.expires_ns = expires_ns
    p.before = before
    p.after = after
    p.proposer = c.operator_uid
    p.state = state
    p.kind = c.kind
    p.status = c.status
    p.strategy = c.strategy
    memcpy(p.reason, c.reason, sizeof(p.reason))
    memcpy(p.operator_name, c.operator_name, sizeof(p.operator_name))
    memcpy(p.body, c.body, sizeof(p.body))
    plan_expiry(s)
    return p


cdef Proposal *find_proposal(EngineState *s, uint64_t proposal) noexcept nogil:
    cdef uint32_t i
    for i in range(1, s.engine.proposal_count + 1):
        if s.proposals[i].id == proposal and proposal:
            return &s.proposals[i]
    return NULL


cdef void end(EngineState *s, Proposal *p, uint8_t state, uint32_t decider) noexcept nogil:
    p.state = state
    p.decider = decider
    p.decided_seq = s.engine.seq
    plan_expiry(s)


# ---- withdrawn by what happens meanwhile -----------------------------------------------------------------------------------------

cdef int place_of(const EngineState *s, const Proposal *p, KillOrder *place) noexcept nogil:
    """The scope that it would loosen; 0 when that is the whole firm."""
    cdef const LimitChange *limit = <const LimitChange*>p.body
    cdef const KillOrder *k = <const KillOrder*>p.body
    memset(place, 0, sizeof(KillOrder))
    if p.kind == RF_CONTROL_KIND_SET_LIMIT or p.kind == RF_CONTROL_KIND_SET_LOCATE:
        place.kind, place.a, place.b = limit.kind, limit.a, limit.b
    elif p.kind == RF_CONTROL_KIND_RELEASE:
        place.kind, place.a, place.b = k.kind, k.a, k.b
    elif p.kind == RF_CONTROL_KIND_SET_STRATEGY:
        place.kind, place.a = RF_SCOPE_KIND_STRATEGY, p.strategy
    elif p.kind == RF_CONTROL_KIND_SET_PERMISSION and (<const PermissionChange*>p.body).permission < s.permission_rows:
        place.kind, place.a = RF_SCOPE_KIND_STRATEGY, s.permissions[(<const PermissionChange*>p.body).permission].strategy
    elif p.kind == RF_CONTROL_KIND_DEFINE_ACCOUNT:
        place.kind, place.a = RF_SCOPE_KIND_ACCOUNT, row_of(p.kind, p.body)
    elif p.kind == RF_CONTROL_KIND_DEFINE_INSTRUMENT:
        place.kind, place.a = RF_SCOPE_KIND_INSTRUMENT, row_of(p.kind, p.body)
    elif p.kind == RF_CONTROL_KIND_DEFINE_STRATEGY:
        place.kind, place.a = RF_SCOPE_KIND_STRATEGY, row_of(p.kind, p.body)
    elif p.kind == RF_CONTROL_KIND_DEFINE_VENUE:
        place.kind, place.a = RF_SCOPE_KIND_VENUE, row_of(p.kind, p.body)
    elif p.kind == RF_CONTROL_KIND_DEFINE_CURRENCY:
        place.kind, place.a = RF_SCOPE_KIND_CURRENCY, row_of(p.kind, p.body)
    elif p.kind == RF_CONTROL_KIND_DEFINE_MARGIN:
        return margin_place(<const MarginRate*>p.body, place)
    return place.kind != 0


cdef int lies_within(const EngineState *s, const KillOrder *place, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil:
    """1 when a scope is this one, or a part of it."""
    cdef int pair = place.kind == RF_SCOPE_KIND_ACCOUNT_INSTRUMENT or place.kind == RF_SCOPE_KIND_STRATEGY_INSTRUMENT
    cdef uint32_t account = place.a if place.kind == RF_SCOPE_KIND_ACCOUNT or place.kind == RF_SCOPE_KIND_ACCOUNT_INSTRUMENT else 0
    cdef uint32_t strategy = place.a if place.kind == RF_SCOPE_KIND_STRATEGY or place.kind == RF_SCOPE_KIND_STRATEGY_INSTRUMENT else 0
    cdef uint32_t instrument = place.b if pair else place.a if place.kind == RF_SCOPE_KIND_INSTRUMENT else 0
    if place.kind == kind and place.a == a and place.b == b:
        return 1
    if account >= s.account_rows or strategy >= s.strategy_rows or instrument >= s.instrument_rows:
        return 0
    return within(s, kind, a, b, <uint16_t>account, <uint16_t>strategy, 0, instrument)


cdef inline int says_what_is(uint8_t kind) noexcept nogil:
    if kind == RF_CONTROL_KIND_BOOK_ENTRY or kind == RF_CONTROL_KIND_SET_METHOD:
        return 1
    return kind == RF_CONTROL_KIND_RESOLVE_ORDER or kind == RF_CONTROL_KIND_ASSIGN_EXECUTION


cdef void withdraw_within(EngineState *s, uint8_t scope_kind, uint32_t a, uint32_t b, uint32_t uid) noexcept nogil:
    cdef uint32_t i
    cdef Proposal *p
    cdef KillOrder place
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        if p.state != RF_PROPOSAL_STATE_PENDING or says_what_is(p.kind):
            continue
        if scope_kind == RF_SCOPE_KIND_FIRM or (place_of(s, p, &place) and lies_within(s, &place, scope_kind, a, b)):
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, uid)


cdef void withdraw_kind(EngineState *s, uint8_t control_kind, uint32_t uid) noexcept nogil:
    cdef uint32_t i
    for i in range(1, s.engine.proposal_count + 1):
        if s.proposals[i].state == RF_PROPOSAL_STATE_PENDING and s.proposals[i].kind == control_kind:
            end(s, &s.proposals[i], RF_PROPOSAL_STATE_WITHDRAWN, uid)


cdef void withdraw_images(EngineState *s, uint8_t control_kind, const char *body, uint32_t uid) noexcept nogil:
    """So that what is approved is never an older state of the row than the one that the proposer saw."""
    cdef uint32_t i
    for i in range(1, s.engine.proposal_count + 1):
        if is_image(&s.proposals[i], control_kind, body):
            end(s, &s.proposals[i], RF_PROPOSAL_STATE_WITHDRAWN, uid)
