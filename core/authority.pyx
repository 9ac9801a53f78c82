"""Authority: which operator may command what, what needs a second one, and how long a change lasts.

    Control (uid, name, reason, request) ──may_command──▶ role of the operator's row
        tightens ─────────────▶ applied at once
        loosens ──────────────▶ row in proposals, PENDING for PROPOSAL_NS ──APPROVE by another operator of role RISK──▶ applied
        expires_ns given ─────▶ applied (after approval when it loosens), RUNNING, and ends by itself (core/overrides)
        KILL ─────────────────▶ applied at once; pending proposals on that scope and within it are withdrawn

A signed command (a Signature behind the first 64 bytes of its body) is of its signer, not of the Unix identity that brought it. The control agent has
verified the signature against the key in the operator's row; what must be the same in every replay is decided here: the operator has a key, the number is
higher than that of any signed command before, and the time is not over. The number is spent by the first that passes, whatever becomes of the command.

Looser is what allows more (core/looser): a higher limit or none, a grant, the release of a kill, a strategy that was silenced, poisoned or disabled for
repeated executions set free again, a definition that opens an object or takes back what bounds it (``definitions.widens``), a strategy that one person has
added let loose. Two it takes as well to resume what was halted, to begin a trading day before its time (core/day), to say that an order in doubt is over
(which gives back what it reserves), whose an execution in suspense is, to book an entry of the ledger (core/entries), and to set a position's cost method
(core/methods); of these who is alone on an instance may decide, since he could add the second operator himself. An approval is of what was proposed: when the
state has moved on, or its proposer may no longer command it, it does not count.
The first configuration of an instance that has never taken an intent is taken as it is (operator "config", the owner's uid); later a looser file is a
proposal like any other. While no operator is defined (unit tests, scenarios) everybody may do everything at once.

Every applied change folds into ``audit_digest``, every command into ``command_digest`` (core/audit). Written by the engine alone. What can fail: a command that
cannot be, an operator who may not, or who holds too many proposals: 0, and nothing changes. Rejected: approval in the control agent (a replay would not know
why a limit changed).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from ringfence.core.actions cimport assignment_of, can_act, do_action, whose
from ringfence.core.audit cimport audit, digest_of
from ringfence.core.day cimport can_roll, is_due, learn_schedule, roll_day
from ringfence.core.dedupe cimport mix
from ringfence.core.definitions cimport define, is_alone, is_definition, row_of, widens
from ringfence.core.entries cimport book_entry, can_book_entry, entry_state, key_of
from ringfence.core.kill cimport held_back, kill, kill_by_word, release
from ringfence.core.looser cimport frees_strategy, held_status, limit_loosens, limit_now, repeats_itself
from ringfence.core.methods cimport can_set_method, own_method, set_own_method
from ringfence.core.overrides cimport changed_for_good, end_override
from ringfence.core.parameters cimport parameter_now, parameter_row, set_parameter
from ringfence.core.permissions cimport change_permission, grants_more
from ringfence.core.proposals cimport end, find_proposal, is_live, may_hold, plan_expiry, record, withdraw_images, withdraw_kind
from ringfence.core.reservations cimport recount, set_limit
from ringfence.core.state cimport EngineState
from ringfence.core.value_dates cimport define_holidays
from ringfence.ipc.records cimport (
    RF_CONTROL_KIND_APPROVE, RF_CONTROL_KIND_ASSIGN_EXECUTION, RF_CONTROL_KIND_BOOK_ENTRY, RF_CONTROL_KIND_DEFINE_HOLIDAYS,
    RF_CONTROL_KIND_DEFINE_OPERATOR,
    RF_CONTROL_KIND_DEFINE_STRATEGY, RF_CONTROL_KIND_KILL,
    RF_CONTROL_KIND_MAX, RF_CONTROL_KIND_RELEASE, RF_CONTROL_KIND_RESOLVE_ORDER, RF_CONTROL_KIND_RESUME, RF_CONTROL_KIND_ROLL_DAY, RF_CONTROL_KIND_SET_LIMIT,
    RF_CONTROL_KIND_SET_LOCATE, RF_CONTROL_KIND_SET_METHOD, RF_CONTROL_KIND_SET_PARAMETER, RF_CONTROL_KIND_SET_PERMISSION, RF_CONTROL_KIND_SET_STRATEGY,
    RF_CONTROL_KIND_WITHDRAW,
    RF_KILL_CANCEL, RF_OPERATOR_ROLE_RISK, RF_ORD_STATUS_NEW, RF_PROPOSAL_STATE_APPROVED, RF_PROPOSAL_STATE_EXPIRED, RF_PROPOSAL_STATE_PENDING,
    RF_PROPOSAL_STATE_RUNNING,
    RF_PROPOSAL_STATE_WITHDRAWN, RF_RESTRICT_DIVERGENCE, RF_RESTRICT_OPERATOR, RF_SCOPE_KIND_FIRM, RF_SCOPE_KIND_VENUE, RF_STATUS_ACTIVE,
    RF_STRATEGY_STATUS_CANCEL_ONLY, RF_STRATEGY_STATUS_MAX, RF_STRATEGY_STATUS_POISONED, Control, DayStart, Decision, HolidayChange, KillOrder, LedgerEntry,
    LimitChange, MethodChange, Operator, OrderAction, ParameterChange, PermissionChange, Proposal, Signature, Strategy, TableRows,
)

from ringfence.ipc.schema import ENUMS

# What people command, and the least role that may; what is not here the instance tells itself.
ROLES = {
    "SET_STRATEGY": "TRADER", "MASS_CANCEL": "TRADER", "DONT_KNOW": "TRADER", "RESOLVE_ORDER": "TRADER", "ASSIGN_EXECUTION": "TRADER", "HALT": "TRADER",
    "KILL": "TRADER", "RESUME": "RISK", "SET_LIMIT": "RISK", "SET_PERMISSION": "RISK", "SET_LOCATE": "RISK", "RELEASE": "RISK", "APPROVE": "RISK",
    "WITHDRAW": "TRADER", "BOOK_ENTRY": "RISK", "SET_METHOD": "RISK", "SET_PARAMETER": "TRADER",
}

cdef enum:
    KINDS = 64
    SIGNATURE_AT = 64  # in a command's body
    OF_PEOPLE = RF_RESTRICT_OPERATOR | RF_RESTRICT_DIVERGENCE  # restrictions that people lift

cdef uint64_t PROPOSAL_NS = 900000000000  # 15 minutes
cdef uint8_t[KINDS] ROLE_OF


def _load():
    """Fill the C array from the table; called once at import."""
    memset(ROLE_OF, 0, sizeof(ROLE_OF))
    if <int>RF_CONTROL_KIND_MAX >= <int>KINDS:
        raise ValueError("ControlKind outgrew the array of core/authority.pyx; raise KINDS")
    for kind, role in ROLES.items():
        ROLE_OF[<int>ENUMS["ControlKind"].by_name[kind]] = ENUMS["OperatorRole"].by_name[role]


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


cdef inline int is_limit(uint8_t kind) noexcept nogil:
    return kind == RF_CONTROL_KIND_SET_LIMIT or kind == RF_CONTROL_KIND_SET_LOCATE


# ---- what takes two ----------------------------------------------------------------------------------------------------------------

cdef int needs_two(const EngineState *s, const Control *c) noexcept nogil:
    cdef const LimitChange *change = <const LimitChange*>c.body
    if s.engine.operator_count == 0 or is_configuration(s, c):
        return 0
    if is_limit(c.kind):
        return limit_loosens(s, change, limit_now(s, change), change.value)
    if c.kind == RF_CONTROL_KIND_SET_PERMISSION:
        return grants_more(s, <const PermissionChange*>c.body)
    if c.kind == RF_CONTROL_KIND_SET_STRATEGY:
        return frees_strategy(s, c.strategy, c.status)
    if is_definition(c.kind):
        return widens(s, c.kind, c.body, c.operator_uid)
    return c.kind == RF_CONTROL_KIND_RELEASE or (is_judged(s, c) and not is_alone(s, c.operator_uid))


cdef int is_judged(const EngineState *s, const Control *c) noexcept nogil:
    """What says that things are well again, or how they ended."""
    if c.kind == RF_CONTROL_KIND_RESUME:
        return s.engine.restrictions & OF_PEOPLE != 0
    if c.kind == RF_CONTROL_KIND_RESOLVE_ORDER:
        return (<const OrderAction*>c.body).ord_status != RF_ORD_STATUS_NEW
    if c.kind == RF_CONTROL_KIND_BOOK_ENTRY or c.kind == RF_CONTROL_KIND_SET_METHOD:
        return 1
    return c.kind == RF_CONTROL_KIND_ASSIGN_EXECUTION or (c.kind == RF_CONTROL_KIND_ROLL_DAY and not is_due(s, c.day))


cdef int can_wait(EngineState *s, const Control *c) noexcept nogil:
    """1 when it could be done now, as far as that can be told without doing it."""
    if c.kind == RF_CONTROL_KIND_ROLL_DAY:
        return can_roll(s, c.day)
    if c.kind == RF_CONTROL_KIND_RELEASE:
        return held_back(s, <const KillOrder*>c.body) != 0
    if c.kind == RF_CONTROL_KIND_BOOK_ENTRY:
        return can_book_entry(s, <const LedgerEntry*>c.body)
    if c.kind == RF_CONTROL_KIND_SET_METHOD:
        return can_set_method(s, <const MethodChange*>c.body)
    return can_act(s, c.kind, <const OrderAction*>c.body) if is_action(c.kind) else 1


cdef inline int is_action(uint8_t kind) noexcept nogil:
    return kind == RF_CONTROL_KIND_RESOLVE_ORDER or kind == RF_CONTROL_KIND_ASSIGN_EXECUTION


# ---- applying ------------------------------------------------------------------------------------------------------------------------

cdef int set_strategy(EngineState *s, uint16_t strategy, uint8_t status) noexcept nogil:
    cdef Strategy *row = &s.strategies[strategy]
    if strategy == 0 or strategy > s.engine.strategy_count or status == 0 or status > RF_STRATEGY_STATUS_MAX:
        return 0
    if status < RF_STRATEGY_STATUS_CANCEL_ONLY and status <= row.status:
        if row.repeats or repeats_itself(s, row):
            row.repeated_count = 0  # whoever sets it on the way there does not forget what was counted
        row.silent = 0
        row.unapproved = 0
        row.repeats = 0
    elif row.status == RF_STRATEGY_STATUS_POISONED and status != RF_STRATEGY_STATUS_POISONED:
        row.unapproved = 1  # two have agreed to this much, not to let it trade
    row.status = status
    return 1


cdef int apply_limit(EngineState *s, const LimitChange *limit) noexcept nogil:
    cdef int64_t before = limit_now(s, limit)
    if not set_limit(s, limit):
        return 0
    if limit.expires_ns == 0:
        changed_for_good(s, limit, before)
    return 1


cdef int apply_change(EngineState *s, uint32_t uid, uint8_t kind, uint8_t status, uint16_t strategy, const char *body, int64_t *before) noexcept nogil:
    """Change it and fold it into the audit digest; 0: it cannot be, and neither state nor digest changed."""
    cdef const LimitChange *limit = <const LimitChange*>body
    cdef const KillOrder *k = <const KillOrder*>body
    cdef const PermissionChange *p = <const PermissionChange*>body
    cdef const OrderAction *a = <const OrderAction*>body
    cdef const DayStart *day = <const DayStart*>body
    cdef const LedgerEntry *entry = <const LedgerEntry*>body
    cdef const MethodChange *method = <const MethodChange*>body
    cdef const HolidayChange *holidays = <const HolidayChange*>body
    cdef const ParameterChange *parameter = <const ParameterChange*>body
    cdef uint64_t what = 0
    cdef int64_t after = after_of(s, kind, status, body)
    cdef int done = 0
    before[0] = state_of(s, kind, strategy, body)
    if is_limit(kind):
        what = mix(<uint64_t>limit.a << 32 | limit.b, <uint64_t>limit.kind << 8 | limit.rule)
        done = apply_limit(s, limit)
    elif kind == RF_CONTROL_KIND_SET_PERMISSION:
        what = mix(p.permission, <uint64_t>p.part << 32 | p.value)
        done = change_permission(s, p)
    elif kind == RF_CONTROL_KIND_SET_STRATEGY:
        what = strategy
        done = set_strategy(s, strategy, status)
    elif kind == RF_CONTROL_KIND_KILL or kind == RF_CONTROL_KIND_RELEASE:
        what = mix(<uint64_t>k.a << 32 | k.b, k.kind)
        done = kill(s, k, uid) if kind == RF_CONTROL_KIND_KILL else release(s, k)
    elif kind == RF_CONTROL_KIND_RESUME:
        s.engine.restrictions &= ~<uint32_t>OF_PEOPLE
        done = 1
    elif kind == RF_CONTROL_KIND_ROLL_DAY:
        done = can_roll(s, day.day)
        if done:
            roll_day(s, day.day)
    elif is_action(kind):
        what = a.order_id if kind == RF_CONTROL_KIND_RESOLVE_ORDER else a.execution
        done = do_action(s, kind, a)
    elif kind == RF_CONTROL_KIND_BOOK_ENTRY:
        what = key_of(entry)
        done = book_entry(s, entry)
        after = entry_state(s, entry)
    elif kind == RF_CONTROL_KIND_SET_METHOD:
        what = mix(method.instrument, <uint64_t>method.account << 16 | method.strategy)
        done = set_own_method(s, method)
    elif kind == RF_CONTROL_KIND_SET_PARAMETER:
        done = set_parameter(s, parameter)
        what = mix(<uint64_t>parameter.strategy << 32 | parameter_row(s, parameter), parameter.digits)
    elif kind == RF_CONTROL_KIND_DEFINE_HOLIDAYS:
        what = holidays.currency
        done = define_holidays(s, holidays)
    elif is_definition(kind):
        what = row_of(kind, body)
        done = define(s, kind, body)
        if done and s.engine.counting:
            recount(s)
    if done:
        audit(s, uid, kind, what, before[0], after)
        withdraw_overtaken(s, uid, kind, body)
    return done


cdef void withdraw_overtaken(EngineState *s, uint32_t uid, uint8_t kind, const char *body) noexcept nogil:
    """Proposals of an older image of a row that was defined, and of an operator who may no longer command what he has proposed."""
    cdef uint32_t i
    cdef Proposal *p
    if is_definition(kind):
        withdraw_images(s, kind, body, uid)
    if kind != RF_CONTROL_KIND_DEFINE_OPERATOR:
        return
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        if p.state == RF_PROPOSAL_STATE_PENDING and not may_propose(s, p.proposer, p.kind):
            end(s, p, RF_PROPOSAL_STATE_WITHDRAWN, uid)


cdef int may_propose(const EngineState *s, uint32_t uid, uint8_t kind) noexcept nogil:
    """What no role is asked for (definitions, the day) who configures may propose without being an operator, but not one who was and is halted."""
    cdef uint32_t i
    cdef const Operator *who = operator_of(s, uid)
    if who != NULL:
        return who.role >= ROLE_OF[kind & (KINDS - 1)]
    for i in range(1, s.engine.operator_count + 1):
        if s.operators[i].id and s.operators[i].uid == uid:
            return 0
    return ROLE_OF[kind & (KINDS - 1)] == 0


# ---- proposals -------------------------------------------------------------------------------------------------------------------------

cdef int64_t state_of(const EngineState *s, uint8_t kind, uint16_t strategy, const char *body) noexcept nogil:
    """What a change replaces, as one number; by which an approval tells whether it is still so."""
    cdef const PermissionChange *p = <const PermissionChange*>body
    cdef const OrderAction *a = <const OrderAction*>body
    if is_limit(kind):
        return limit_now(s, <const LimitChange*>body)
    if kind == RF_CONTROL_KIND_SET_STRATEGY:
        return held_status(s, strategy) if strategy <= s.engine.strategy_count else 0
    if kind == RF_CONTROL_KIND_SET_PERMISSION:
        return <int64_t>s.permissions[p.permission].changed_seq if p.permission < s.permission_rows else 0
    if kind == RF_CONTROL_KIND_RELEASE:
        return held_back(s, <const KillOrder*>body)
    if kind == RF_CONTROL_KIND_RESUME:
        return s.engine.restrictions & OF_PEOPLE
    if kind == RF_CONTROL_KIND_ROLL_DAY:
        return s.engine.day
    if kind == RF_CONTROL_KIND_RESOLVE_ORDER:
        return s.orders[a.order_id].cum_qty if a.order_id <= s.engine.order_count else 0
    if kind == RF_CONTROL_KIND_BOOK_ENTRY:
        return entry_state(s, <const LedgerEntry*>body)
    if kind == RF_CONTROL_KIND_SET_METHOD:
        return own_method(s, <const MethodChange*>body)
    if kind == RF_CONTROL_KIND_SET_PARAMETER:
        return parameter_now(s, <const ParameterChange*>body)
    return assignment_of(s, a.execution) if kind == RF_CONTROL_KIND_ASSIGN_EXECUTION else 0


cdef int64_t after_of(const EngineState *s, uint8_t kind, uint8_t status, const char *body) noexcept nogil:
    """What a change leads to, as one number."""
    cdef const OrderAction *a = <const OrderAction*>body
    if is_limit(kind):
        return (<const LimitChange*>body).value
    if kind == RF_CONTROL_KIND_SET_PERMISSION:
        return (<const PermissionChange*>body).grant
    if kind == RF_CONTROL_KIND_SET_STRATEGY:
        return status
    if kind == RF_CONTROL_KIND_KILL:
        return (<const KillOrder*>body).options
    if kind == RF_CONTROL_KIND_RESUME:
        return s.engine.restrictions & ~<uint32_t>OF_PEOPLE
    if kind == RF_CONTROL_KIND_ROLL_DAY:
        return (<const DayStart*>body).day
    if kind == RF_CONTROL_KIND_RESOLVE_ORDER:
        return a.ord_status
    if kind == RF_CONTROL_KIND_ASSIGN_EXECUTION:
        return whose(a.order_id, a.strategy)
    if kind == RF_CONTROL_KIND_SET_METHOD:
        return (<const MethodChange*>body).method
    if kind == RF_CONTROL_KIND_SET_PARAMETER:
        return (<const ParameterChange*>body).value
    return <int64_t>digest_of(body) if is_definition(kind) or kind == RF_CONTROL_KIND_DEFINE_HOLIDAYS else 0


cdef inline uint64_t lasts_until(const EngineState *s, uint8_t kind, const char *body) noexcept nogil:
    """When the change ends by itself; 0: it stays."""
    return (<const LimitChange*>body).expires_ns if is_limit(kind) else 0


cdef int approve(EngineState *s, const Control *c) noexcept nogil:
    cdef const Decision *d = <const Decision*>c.body
    cdef const Operator *who = operator_of(s, c.operator_uid)
    cdef Proposal *p = find_proposal(s, d.proposal)
    cdef uint64_t until
    if p == NULL or p.state != RF_PROPOSAL_STATE_PENDING or who == NULL or who.role < RF_OPERATOR_ROLE_RISK or p.proposer == c.operator_uid:
        return 0
    until = lasts_until(s, p.kind, p.body)
    if (until and until <= s.engine.engine_ns) or state_of(s, p.kind, p.strategy, p.body) != p.before:
        return 0
    if not apply_change(s, c.operator_uid, p.kind, p.status, p.strategy, p.body, &p.before):
        return 0
    if p.kind == RF_CONTROL_KIND_ROLL_DAY:
        learn_schedule(s, s.engine.day, (<const DayStart*>p.body).begins_ns, 1)
    p.decider = c.operator_uid
    p.decided_seq = s.engine.seq
    p.state = RF_PROPOSAL_STATE_RUNNING if until else RF_PROPOSAL_STATE_APPROVED
    p.expires_ns = until
    plan_expiry(s)
    return 1


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


cdef int propose(EngineState *s, const Control *c) noexcept nogil:
    cdef uint8_t image_of = c.kind if is_definition(c.kind) else 0
    cdef int64_t before = state_of(s, c.kind, c.strategy, c.body)
    if not can_wait(s, c) or not may_hold(s, c.operator_uid, image_of, c.body):
        return 0
    if image_of:
        withdraw_images(s, c.kind, c.body, c.operator_uid)
    return record(s, c, RF_PROPOSAL_STATE_PENDING, s.engine.engine_ns + PROPOSAL_NS, before, after_of(s, c.kind, c.status, c.body)) != NULL


cdef void withdraw_resume(EngineState *s, uint32_t uid) noexcept nogil:
    withdraw_kind(s, RF_CONTROL_KIND_RESUME, uid)


cdef void command_of_word(EngineState *s, uint16_t venue) noexcept nogil:
    kill_by_word(s, venue)
    audit(s, 0, RF_CONTROL_KIND_KILL, mix(<uint64_t>venue << 32, RF_SCOPE_KIND_VENUE if venue else RF_SCOPE_KIND_FIRM), 0, RF_KILL_CANCEL)


cdef void expire(EngineState *s) noexcept nogil:
    cdef uint32_t i
    cdef Proposal *p
    if s.engine.next_expiry_ns == 0 or s.engine.engine_ns < s.engine.next_expiry_ns:
        return
    for i in range(1, s.engine.proposal_count + 1):
        p = &s.proposals[i]
        if not is_live(p) or p.expires_ns > s.engine.engine_ns:
            continue
        if p.state == RF_PROPOSAL_STATE_RUNNING:
            end_override(s, p)
        else:
            end(s, p, RF_PROPOSAL_STATE_EXPIRED, 0)
    plan_expiry(s)


# ---- one entry -----------------------------------------------------------------------------------------------------------------------------

cdef int is_controlled(uint8_t kind) noexcept nogil:
    if kind == RF_CONTROL_KIND_RESUME or kind == RF_CONTROL_KIND_ROLL_DAY or is_action(kind):
        return 1
    if kind == RF_CONTROL_KIND_BOOK_ENTRY or kind == RF_CONTROL_KIND_SET_METHOD:
        return 1
    if kind == RF_CONTROL_KIND_DEFINE_HOLIDAYS or kind == RF_CONTROL_KIND_SET_PARAMETER:
        return 1
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
    cdef Proposal *override
    expire(s)
    if c.kind == RF_CONTROL_KIND_APPROVE:
        return approve(s, c)
    if c.kind == RF_CONTROL_KIND_WITHDRAW:
        return withdraw(s, c)
    if until and until <= s.engine.engine_ns:
        return 0
    if needs_two(s, c):
        return propose(s, c)
    if until and not may_hold(s, c.operator_uid, 0, NULL):
        return 0
    if not apply_change(s, c.operator_uid, c.kind, c.status, c.strategy, c.body, &before):
        return 0
    if fresh:
        s.strategies[row_of(c.kind, c.body)].unapproved = 1
    if until:
        override = record(s, c, RF_PROPOSAL_STATE_RUNNING, until, before, after_of(s, c.kind, c.status, c.body))
        if override != NULL and limit_loosens(s, <const LimitChange*>c.body, before, override.after):
            override.decided_seq = s.engine.seq  # nobody is there to agree: it is as if two had
    return 1


cdef int roll_as(EngineState *s, const Control *c, uint64_t begins_ns) noexcept nogil:
    """The command as a ROLL_DAY whose body says all of it, since that is what a proposal keeps."""
    cdef Control asked = c[0]
    cdef DayStart *day = <DayStart*>asked.body
    memset(asked.body, 0, sizeof(asked.body))
    asked.kind = RF_CONTROL_KIND_ROLL_DAY
    day.day = c.day
    day.begins_ns = begins_ns
    return command(s, &asked)


cdef inline int is_free(const EngineState *s, const Control *c) noexcept nogil:
    """1 when the schedule is its to say: nobody else governs, or nothing was traded yet."""
    return s.engine.operator_count == 0 or is_alone(s, c.operator_uid) or (s.engine.intents == 0 and s.engine.order_count == 0)


cdef int command_of_day(EngineState *s, const Control *c) noexcept nogil:
    cdef uint64_t begins_ns = (<const DayStart*>c.body).begins_ns
    learn_schedule(s, c.day, begins_ns, is_free(s, c))
    return roll_as(s, c, begins_ns)


cdef int start_day(EngineState *s, const Control *c) noexcept nogil:
    cdef uint64_t begins_ns = (<const TableRows*>c.body).day_begins_ns
    learn_schedule(s, c.day, begins_ns, is_free(s, c))
    if c.day <= s.engine.day:
        return 1
    if not is_free(s, c) and not is_due(s, c.day):
        return roll_as(s, c, begins_ns)
    audit(s, c.operator_uid, RF_CONTROL_KIND_ROLL_DAY, 0, s.engine.day, c.day)
    roll_day(s, c.day)
    return 1
