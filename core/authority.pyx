"""Authority: which operator may command what, what needs a second one, and how long a change lasts.

    Control (uid, name, reason, request) ──may_command──▶ role of the operator's row
        tightens ─────────────▶ applied at once
        loosens ──────────────▶ row in proposals, PENDING for PROPOSAL_NS ──APPROVE by another operator of role RISK──▶ applied
        expires_ns given ─────▶ applied (after approval when it loosens), RUNNING, and what it replaced comes back at that time
        KILL ─────────────────▶ applied at once; pending proposals on that scope are withdrawn

A signed command (a Signature behind the first 64 bytes of its body) is of its signer, not of the Unix identity that brought it. The control agent has
verified the signature against the key in the operator's row; what must be the same in every replay is decided here: the operator has a key, the number is
higher than that of any signed command before, and the time is not over. The number is spent by the first that passes, whatever becomes of the command.

Looser is what allows more (core/rules.py, ``loosens``; loaded into a C array at import): a higher limit or none, a grant, the release of a kill, a strategy
that was silenced, poisoned or disabled for repeated executions set free again, a definition that opens an object or takes back what bounds it
(``definitions.widens``), a strategy that one person has added let loose. The first configuration of an instance that has never taken an intent is taken
as it is (operator "config", the owner's uid); later a looser file is a proposal like any other. While no operator is defined (unit tests, scenarios)
everybody may do everything at once.

Every applied change folds into ``audit_digest`` (kind, scope or row, before, after, uid, sequence), which the state hash covers: a changed journal gives
another digest. Written by the engine alone. What can fail: a command that cannot be, an operator who may not, a full table of pending proposals: 0, and
nothing changes. Rejected: approval in the control agent (a replay would not know why a limit changed).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from ringfence.core.dedupe cimport find_scope, mix
from ringfence.core.definitions cimport define, is_definition, row_of, widens
from ringfence.core.kill cimport kill, kill_by_word, release
from ringfence.core.permissions cimport change_permission, grants_more
from ringfence.core.reservations cimport recount, set_limit
from ringfence.core.scopes cimport inherited_margin
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_APPROVE, RF_CONTROL_KIND_DEFINE_STRATEGY, RF_CONTROL_KIND_KILL, RF_CONTROL_KIND_MAX, RF_CONTROL_KIND_RELEASE, RF_CONTROL_KIND_SET_LIMIT,
    RF_CONTROL_KIND_SET_LOCATE, RF_CONTROL_KIND_SET_PERMISSION, RF_CONTROL_KIND_SET_STRATEGY, RF_CONTROL_KIND_WITHDRAW, RF_KILL_CANCEL, RF_OPERATOR_ROLE_RISK,
    RF_PROPOSAL_STATE_APPROVED, RF_PROPOSAL_STATE_EXPIRED, RF_PROPOSAL_STATE_PENDING, RF_PROPOSAL_STATE_RUNNING, RF_PROPOSAL_STATE_WITHDRAWN, RF_FIRM_SCOPE,
    RF_RISK_RULE_MARGIN_RATE, RF_RISK_RULE_MAX, RF_RISK_RULE_REPEATED_EXECUTION, RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_STRATEGY, RF_SCOPE_KIND_VENUE,
    RF_STATUS_ACTIVE, RF_STRATEGY_STATUS_CANCEL_ONLY, RF_STRATEGY_STATUS_DISABLED, RF_STRATEGY_STATUS_MAX, RF_STRATEGY_STATUS_POISONED, Control, Decision,
    KillOrder, LimitChange, Operator, PermissionChange, Proposal, Signature, Strategy,
)

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS

# What people command, and the least role that may; what is not here the instance tells itself.
ROLES = {
    "SET_STRATEGY": "TRADER", "MASS_CANCEL": "TRADER", "DONT_KNOW": "TRADER", "RESOLVE_ORDER": "TRADER", "ASSIGN_EXECUTION": "TRADER", "HALT": "TRADER",
    "KILL": "TRADER", "RESUME": "RISK", "SET_LIMIT": "RISK", "SET_PERMISSION": "RISK", "SET_LOCATE": "RISK", "RELEASE": "RISK", "APPROVE": "RISK",
    "WITHDRAW": "TRADER",
}

cdef enum:
    KINDS = 64
    RULE_ROWS = 64
    HIGHER = 1
    LOWER = 2
    ANY = 3
    MORE = 4
    CHANGE = 5
    SIGNATURE_AT = 64  # in a command's body
    BODY_BYTES = 256

cdef uint64_t PROPOSAL_NS = 900000000000  # 15 minutes
cdef uint8_t[KINDS] ROLE_OF
cdef uint8_t[RULE_ROWS] LOOSER


def _load():
    """Fill the C arrays from the tables; called once at import."""
    memset(ROLE_OF, 0, sizeof(ROLE_OF))
    memset(LOOSER, 0, sizeof(LOOSER))
    if <int>RF_CONTROL_KIND_MAX >= <int>KINDS or <int>RF_RISK_RULE_MAX >= <int>RULE_ROWS:
        raise ValueError("ControlKind or RiskRule outgrew the arrays of core/authority.pyx; raise KINDS and RULE_ROWS")
    for kind, role in ROLES.items():
        ROLE_OF[<int>ENUMS["ControlKind"].by_name[kind]] = ENUMS["OperatorRole"].by_name[role]
    for rule in RULES.values():
        LOOSER[<int>rule.number] = {"": 0, "higher": HIGHER, "lower": LOWER, "any": ANY, "more": MORE, "change": CHANGE}[rule.looser]


_load()


# ---- who -------------------------------------------------------------------------------------------------------------------------

cdef const Operator *operator_of(const EngineState *s, uint32_t uid) noexcept nogil:
    cdef uint32_t i
    for i in range(1, s.engine.operator_count + 1):
        if s.operators[i].id and s.operators[i].uid == uid and s.operators[i].status == RF_STATUS_ACTIVE:
            return &s.operators[i]
    return NULL


cdef int may_command(const EngineState *s, const Control *c) noexcept nogil:
    cdef const Operator *who
    cdef uint8_t least = ROLE_OF[c.kind & (KINDS - 1)]
    if s.engine.operator_count == 0 or least == 0 or c.kind >= KINDS:
        return 1
    who = operator_of(s, c.operator_uid)
    return who != NULL and who.role >= least


cdef inline const Signature *signature_of(const Control *c) noexcept nogil:
    """NULL when it is not signed, or is of a kind that people do not command: the whole body may then be a row image."""
    cdef const Signature *found = <const Signature*>(c.body + SIGNATURE_AT)
    return found if c.kind < KINDS and ROLE_OF[c.kind] and found.number else NULL


cdef int take_number(EngineState *s, const Control *c) noexcept nogil:
    cdef const Signature *signed = signature_of(c)
    cdef Operator *who
    cdef uint8_t key = 0
    cdef int i
    if signed == NULL:
        return 1
    who = <Operator*>operator_of(s, c.operator_uid)
    if who == NULL or signed.number <= who.last_request or signed.not_after_ns < s.engine.engine_ns:
        return 0
    for i in range(<int>sizeof(who.public_key)):
        key |= <uint8_t>who.public_key[i]
    if key == 0:
        return 0
    who.last_request = signed.number
    return 1


cdef inline int is_configuration(const EngineState *s, const Control *c) noexcept nogil:
    """The first configuration of an instance that has never traded."""
    return signature_of(c) == NULL and s.engine.intents == 0 and s.engine.order_count == 0 and memcmp(c.operator_name, b"config", 7) == 0


# ---- what loosens ------------------------------------------------------------------------------------------------------------------

cdef int64_t limit_now(const EngineState *s, const LimitChange *change) noexcept nogil:
    cdef uint64_t row = find_scope(s, change.kind, change.a, change.b)
    return s.scopes[row].limits[change.rule] if row and change.rule <= RF_RISK_RULE_MAX else 0


cdef int loosens(uint8_t way, int64_t before, int64_t after) noexcept nogil:
    if before == after or way == 0:
        return 0
    if way == CHANGE:
        return 1
    if way == ANY:
        return before != 0
    if way == MORE:
        return after > before
    if way == LOWER:
        return after < before
    return after == 0 or (before != 0 and after > before)


cdef inline int reached(const EngineState *s, uint32_t scope, const Strategy *row) noexcept nogil:
    cdef int64_t most = s.scopes[scope].limits[<int>RF_RISK_RULE_REPEATED_EXECUTION]
    return scope != 0 and most != 0 and row.repeated_count >= most


cdef int repeats_itself(const EngineState *s, const Strategy *row) noexcept nogil:
    """1 when REPEATED_EXECUTION of a scope keeps it disabled; every strategy counts, so the count alone says nothing."""
    if s.engine.scope_count == 0:
        return 0
    return reached(s, RF_FIRM_SCOPE, row) or reached(s, s.desks[row.desk_row].scope, row) or reached(s, row.scope, row)


cdef int frees_strategy(const EngineState *s, uint16_t strategy, uint8_t status) noexcept nogil:
    cdef const Strategy *row = &s.strategies[strategy]
    if strategy == 0 or strategy > s.engine.strategy_count or status >= row.status:
        return 0
    return row.status == RF_STRATEGY_STATUS_POISONED or row.silent or row.unapproved or (row.status == RF_STRATEGY_STATUS_DISABLED and repeats_itself(s, row))


cdef int margin_falls(const EngineState *s, const LimitChange *change) noexcept nogil:
    """A rate of 0 is the broker's or the firm's: what counts is the rate in force before and after."""
    cdef int64_t above = inherited_margin(s, change.kind, change.a), before = limit_now(s, change)
    return (change.value if change.value else above) < (before if before else above)


cdef int needs_two(const EngineState *s, const Control *c) noexcept nogil:
    cdef const LimitChange *change = <const LimitChange*>c.body
    if s.engine.operator_count == 0 or is_configuration(s, c):
        return 0
    if c.kind == RF_CONTROL_KIND_SET_LIMIT or c.kind == RF_CONTROL_KIND_SET_LOCATE:
        if change.rule == RF_RISK_RULE_MARGIN_RATE:
            return margin_falls(s, change)
        return change.rule <= RF_RISK_RULE_MAX and loosens(LOOSER[change.rule], limit_now(s, change), change.value)
    if c.kind == RF_CONTROL_KIND_SET_PERMISSION:
        return grants_more(s, <const PermissionChange*>c.body)
    if c.kind == RF_CONTROL_KIND_SET_STRATEGY:
        return frees_strategy(s, c.strategy, c.status)
    if is_definition(c.kind):
        return widens(s, c.kind, c.body, c.operator_uid)
    return c.kind == RF_CONTROL_KIND_RELEASE


# ---- applying ------------------------------------------------------------------------------------------------------------------------

cdef void audit(EngineState *s, uint32_t uid, uint8_t kind, uint64_t what, int64_t before, int64_t after) noexcept nogil:
    cdef uint64_t h = mix(mix(s.engine.audit_digest, s.engine.seq), <uint64_t>uid << 8 | kind)
    s.engine.audit_digest = mix(mix(mix(h, what), <uint64_t>before), <uint64_t>after)
    s.engine.audit_entries += 1


cdef uint64_t digest_of(const char *body) noexcept nogil:
    """Of a row image; it is taken on commands only."""
    cdef uint64_t word, digest = 0
    cdef int at
    for at in range(0, BODY_BYTES, 8):
        memcpy(&word, body + at, 8)
        digest = mix(digest, word)
    return digest


cdef int set_strategy(EngineState *s, uint16_t strategy, uint8_t status) noexcept nogil:
    if strategy == 0 or strategy > s.engine.strategy_count or status == 0 or status > RF_STRATEGY_STATUS_MAX:
        return 0
    s.strategies[strategy].status = status
    if status < RF_STRATEGY_STATUS_CANCEL_ONLY:
        s.strategies[strategy].silent = 0
        s.strategies[strategy].unapproved = 0
        s.strategies[strategy].repeated_count = 0
    return 1


cdef int apply_change(EngineState *s, uint32_t uid, uint8_t kind, uint8_t status, uint16_t strategy, const char *body, int64_t *before) noexcept nogil:
    """Change it and fold it into the audit digest; 0: it cannot be, and neither state nor digest changed."""
    cdef const LimitChange *limit = <const LimitChange*>body
    cdef const KillOrder *k = <const KillOrder*>body
    cdef const PermissionChange *p = <const PermissionChange*>body
    cdef uint64_t what = 0
    cdef int64_t after = 0
    cdef int done = 0
    before[0] = 0
    if kind == RF_CONTROL_KIND_SET_LIMIT or kind == RF_CONTROL_KIND_SET_LOCATE:
        before[0] = limit_now(s, limit)
        what = mix(<uint64_t>limit.a << 32 | limit.b, <uint64_t>limit.kind << 8 | limit.rule)
        after = limit.value
        done = set_limit(s, limit)
    elif kind == RF_CONTROL_KIND_SET_PERMISSION:
        before[0] = not p.grant
        what = mix(p.permission, <uint64_t>p.part << 32 | p.value)
        after = p.grant
        done = change_permission(s, p)
    elif kind == RF_CONTROL_KIND_SET_STRATEGY:
        before[0] = s.strategies[strategy].status if strategy <= s.engine.strategy_count else 0
        what = strategy
        after = status
        done = set_strategy(s, strategy, status)
    elif kind == RF_CONTROL_KIND_KILL or kind == RF_CONTROL_KIND_RELEASE:
        before[0] = kind == RF_CONTROL_KIND_RELEASE
        what = mix(<uint64_t>k.a << 32 | k.b, k.kind)
        after = k.options if kind == RF_CONTROL_KIND_KILL else 0
        done = kill(s, k) if kind == RF_CONTROL_KIND_KILL else release(s, k)
    elif is_definition(kind):
        what = row_of(kind, body)
        after = <int64_t>digest_of(body)
        done = define(s, kind, body)
        if done and s.engine.counting:
            recount(s)
    if done:
        audit(s, uid, kind, what, before[0], after)
    return done


# ---- proposals -------------------------------------------------------------------------------------------------------------------------

cdef inline int is_live(const Proposal *p) noexcept nogil:
    return p.state == RF_PROPOSAL_STATE_PENDING or p.state == RF_PROPOSAL_STATE_RUNNING


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


cdef inline int64_t after_of(const Control *c) noexcept nogil:
    if c.kind == RF_CONTROL_KIND_SET_LIMIT or c.kind == RF_CONTROL_KIND_SET_LOCATE:
        return (<const LimitChange*>c.body).value
    return c.status if c.kind == RF_CONTROL_KIND_SET_STRATEGY else 0


cdef int64_t before_of(const EngineState *s, const Control *c) noexcept nogil:
    if c.kind == RF_CONTROL_KIND_SET_LIMIT or c.kind == RF_CONTROL_KIND_SET_LOCATE:
        return limit_now(s, <const LimitChange*>c.body)
    return s.strategies[c.strategy].status if c.kind == RF_CONTROL_KIND_SET_STRATEGY else 0


cdef Proposal *record(EngineState *s, const Control *c, uint8_t state, uint64_t expires_ns, int64_t before) noexcept nogil:
    cdef Proposal *p = free_row(s)
    if p == NULL:
        return NULL
    memset(p, 0, sizeof(Proposal))
    s.engine.proposals += 1
    p.id = s.engine.proposals
    p.proposed_seq = s.engine.seq
    p.proposed_ns = s.engine.engine_ns
    p.expires_ns = expires_ns
    p.before = before
    p.after = after_of(c)
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


cdef inline uint64_t lasts_until(const EngineState *s, uint8_t kind, const char *body) noexcept nogil:
    """When the change ends by itself; 0: it stays."""
    return (<const LimitChange*>body).expires_ns if kind == RF_CONTROL_KIND_SET_LIMIT or kind == RF_CONTROL_KIND_SET_LOCATE else 0


cdef int has_moved(const EngineState *s, const Proposal *p) noexcept nogil:
    """1 when what was proposed is about a state that is no longer: a limit that was changed since, a scope that was killed since."""
    cdef const KillOrder *k = <const KillOrder*>p.body
    if p.kind == RF_CONTROL_KIND_SET_LIMIT or p.kind == RF_CONTROL_KIND_SET_LOCATE:
        return limit_now(s, <const LimitChange*>p.body) != p.before
    return p.kind == RF_CONTROL_KIND_RELEASE and s.scopes[find_scope(s, k.kind, k.a, k.b)].kill_seq > p.proposed_seq


cdef int approve(EngineState *s, const Control *c) noexcept nogil:
    cdef const Decision *d = <const Decision*>c.body
    cdef const Operator *who = operator_of(s, c.operator_uid)
    cdef Proposal *p = find_proposal(s, d.proposal)
    cdef uint64_t until
    if p == NULL or p.state != RF_PROPOSAL_STATE_PENDING or who == NULL or who.role < RF_OPERATOR_ROLE_RISK or p.proposer == c.operator_uid:
        return 0
    until = lasts_until(s, p.kind, p.body)
    if (until and until <= s.engine.engine_ns) or has_moved(s, p):
        return 0
    if not apply_change(s, c.operator_uid, p.kind, p.status, p.strategy, p.body, &p.before):
        return 0
    p.decider = c.operator_uid
    p.decided_seq = s.engine.seq
    p.state = RF_PROPOSAL_STATE_RUNNING if until else RF_PROPOSAL_STATE_APPROVED
    p.expires_ns = until
    plan_expiry(s)
    return 1


cdef Proposal *find_proposal(EngineState *s, uint64_t proposal) noexcept nogil:
    cdef uint32_t i
    for i in range(1, s.engine.proposal_count + 1):
        if s.proposals[i].id == proposal and proposal:
            return &s.proposals[i]
    return NULL


cdef int withdraw(EngineState *s, const Control *c) noexcept nogil:
    """By its proposer, or refused by an operator of role RISK."""
    cdef const Decision *d = <const Decision*>c.body
    cdef const Operator *who = operator_of(s, c.operator_uid)
    cdef Proposal *p = find_proposal(s, d.proposal)
    if p == NULL or p.state != RF_PROPOSAL_STATE_PENDING or who == NULL:
        return 0
    if p.proposer != c.operator_uid and who.role < RF_OPERATOR_ROLE_RISK:
        return 0
    end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, c.operator_uid)
    return 1


cdef void end(EngineState *s, Proposal *p, uint8_t state, uint32_t decider) noexcept nogil:
    p.state = state
    p.decider = decider
    p.decided_seq = s.engine.seq
    plan_expiry(s)


cdef void withdraw_on(EngineState *s, const KillOrder *k, uint32_t uid) noexcept nogil:
    """A kill beats what would loosen the same scope."""
    cdef uint32_t i
    cdef Proposal *p
    cdef const KillOrder *same
    cdef const LimitChange *limit
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        if p.state != RF_PROPOSAL_STATE_PENDING:
            continue
        same = <const KillOrder*>p.body
        limit = <const LimitChange*>p.body
        if p.kind == RF_CONTROL_KIND_RELEASE and same.kind == k.kind and same.a == k.a and same.b == k.b:
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, uid)
        elif p.kind == RF_CONTROL_KIND_SET_STRATEGY and k.kind == RF_SCOPE_KIND_STRATEGY and p.strategy == k.a:
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, uid)
        elif (p.kind == RF_CONTROL_KIND_SET_LIMIT or p.kind == RF_CONTROL_KIND_SET_LOCATE) and limit.kind == k.kind and limit.a == k.a and limit.b == k.b:
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, uid)


cdef void withdraw_images(EngineState *s, uint8_t kind, const char *body, uint32_t uid) noexcept nogil:
    """A later image of a row withdraws what waits for it: what is approved is never an older state of the row than the one that the proposer saw."""
    cdef uint32_t i
    cdef Proposal *p
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        if p.state == RF_PROPOSAL_STATE_PENDING and p.kind == kind and row_of(kind, p.body) == row_of(kind, body):
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, uid)


cdef void command_of_word(EngineState *s, uint16_t venue) noexcept nogil:
    cdef KillOrder k
    memset(&k, 0, sizeof(KillOrder))
    k.kind = RF_SCOPE_KIND_VENUE if venue else RF_SCOPE_KIND_FIRM
    k.a = venue
    k.options = RF_KILL_CANCEL
    kill_by_word(s, venue)
    audit(s, 0, RF_CONTROL_KIND_KILL, mix(<uint64_t>k.a << 32 | k.b, k.kind), 0, k.options)
    withdraw_on(s, &k, 0)


cdef void hand_on(EngineState *s, const Proposal *over) noexcept nogil:
    """An override that ends below a later one of the same limit: the later one gives back what the earlier one replaced, not what it set."""
    cdef uint32_t i
    cdef Proposal *p
    cdef const LimitChange *theirs
    cdef const LimitChange *ours = <const LimitChange*>over.body
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        theirs = <const LimitChange*>p.body
        if p.state != RF_PROPOSAL_STATE_RUNNING or p.id == over.id or p.before != over.after:
            continue
        if theirs.kind == ours.kind and theirs.a == ours.a and theirs.b == ours.b and theirs.rule == ours.rule:
            p.before = over.before


cdef void expire(EngineState *s) noexcept nogil:
    cdef uint32_t i
    cdef Proposal *p
    cdef LimitChange back
    if s.engine.next_expiry_ns == 0 or s.engine.engine_ns < s.engine.next_expiry_ns:
        return
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        if not is_live(p) or p.expires_ns > s.engine.engine_ns:
            continue
        if p.state == RF_PROPOSAL_STATE_RUNNING:
            memcpy(&back, p.body, sizeof(LimitChange))
            if limit_now(s, &back) == p.after:  # changed since by another command: that one counts
                back.value = p.before
                set_limit(s, &back)
                audit(s, 0, p.kind, mix(<uint64_t>back.a << 32 | back.b, <uint64_t>back.kind << 8 | back.rule), p.after, p.before)
            else:
                hand_on(s, p)
        end(s, p, RF_PROPOSAL_STATE_EXPIRED, 0)
    plan_expiry(s)


# ---- one entry -----------------------------------------------------------------------------------------------------------------------------

cdef int is_controlled(uint8_t kind) noexcept nogil:
    return RF_CONTROL_KIND_SET_LIMIT <= kind <= RF_CONTROL_KIND_WITHDRAW or kind == RF_CONTROL_KIND_SET_STRATEGY or is_definition(kind)


cdef inline int is_new_strategy(const EngineState *s, const Control *c) noexcept nogil:
    """One that is added to an instance with operators, after its first configuration."""
    cdef uint32_t row = row_of(c.kind, c.body)
    if c.kind != RF_CONTROL_KIND_DEFINE_STRATEGY or s.engine.operator_count == 0 or is_configuration(s, c):
        return 0
    return row != 0 and row < s.strategy_rows and s.strategies[row].id == 0


cdef int command(EngineState *s, const Control *c) noexcept nogil:
    cdef uint64_t until = lasts_until(s, c.kind, c.body)
    cdef int64_t before
    cdef int fresh = is_new_strategy(s, c)
    expire(s)
    if c.kind == RF_CONTROL_KIND_APPROVE:
        return approve(s, c)
    if c.kind == RF_CONTROL_KIND_WITHDRAW:
        return withdraw(s, c)
    if until and until <= s.engine.engine_ns:
        return 0
    if needs_two(s, c):
        if is_definition(c.kind):
            withdraw_images(s, c.kind, c.body, c.operator_uid)
        return record(s, c, RF_PROPOSAL_STATE_PENDING, s.engine.engine_ns + PROPOSAL_NS, before_of(s, c)) != NULL
    if until and s.engine.proposal_count + 1 >= s.proposal_rows and free_row(s) == NULL:
        return 0
    if not apply_change(s, c.operator_uid, c.kind, c.status, c.strategy, c.body, &before):
        return 0
    if c.kind == RF_CONTROL_KIND_KILL:
        withdraw_on(s, <const KillOrder*>c.body, c.operator_uid)
    if is_definition(c.kind):
        withdraw_images(s, c.kind, c.body, c.operator_uid)
    if fresh:
        s.strategies[row_of(c.kind, c.body)].unapproved = 1
    if until:
        record(s, c, RF_PROPOSAL_STATE_RUNNING, until, before)
    return 1
