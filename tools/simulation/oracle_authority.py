"""Authority by the rules: who may command what, what waits for a second operator, and which changes end by themselves.

    SET_*, KILL, RELEASE, DEFINE_* ──tighter──▶ done at once      looser ──▶ Proposal, 15 minutes, APPROVE by another operator of role risk
    RESUME, RESOLVE_ORDER, ASSIGN_EXECUTION, BOOK_ENTRY, SET_METHOD, ROLL_DAY before its time ──▶ Proposal, but for who is alone
    SET_LIMIT with an end ─▶ RUNNING until then (oracle_proposals)         KILL ─▶ withdraws what waits to loosen its scope

Written from docs/operations.md (operators), docs/controls.md and ``core/rules.py``. Reads and writes the Model alone; nothing here fails:
what cannot be is False.
"""

from __future__ import annotations

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import (
    oracle_book,
    oracle_day,
    oracle_definitions,
    oracle_entries,
    oracle_kills,
    oracle_limits,
    oracle_proposals,
    oracle_records,
    oracle_restrictions,
)
from ringfence.tools.simulation.oracle_model import Model, Proposal
from ringfence.tools.simulation.oracle_proposals import APPROVED, EXPIRED, LIMITS, PENDING, RUNNING, WITHDRAWN
from ringfence.tools.simulation.oracle_rules import STATUS as ORD_STATUS

COMMAND = ENUMS["ControlKind"].by_name
NAME = ENUMS["ControlKind"].by_value
ROLE = ENUMS["OperatorRole"].by_name
STATUS = ENUMS["StrategyStatus"]
PROPOSAL_NS = 900_000_000_000
CONFIGURATION = b"config"
JUDGED = frozenset({"RESUME", "RESOLVE_ORDER", "ASSIGN_EXECUTION", "ROLL_DAY", "BOOK_ENTRY", "SET_METHOD"})
CHANGES = LIMITS | {"SET_PERMISSION", "SET_STRATEGY", "KILL", "RELEASE"} | JUDGED | oracle_definitions.KINDS
CONTROLLED = frozenset(COMMAND[name] for name in CHANGES | {"APPROVE", "WITHDRAW"})
_LEAST = {
    **dict.fromkeys(("SET_STRATEGY", "MASS_CANCEL", "DONT_KNOW", "RESOLVE_ORDER", "ASSIGN_EXECUTION", "HALT", "KILL", "WITHDRAW", "SET_PARAMETER"), "TRADER"),
    **dict.fromkeys(("RESUME", "SET_LIMIT", "SET_PERMISSION", "SET_LOCATE", "RELEASE", "APPROVE", "BOOK_ENTRY", "SET_METHOD"), "RISK"),
}


def role_of(m: Model, uid: int) -> int:
    """The operator's role, 0 for nobody."""
    return next((role for _, (known, role, active) in sorted(m.operators.items()) if known == uid and active), 0)


def may_command(m: Model, uid: int, kind: int) -> bool:
    """Whether people of this uid may; while nobody is an operator everybody may, and what no person commands is the instance's own."""
    least = _LEAST.get(NAME.get(kind, ""))
    return not m.operators or least is None or role_of(m, uid) >= ROLE[least]


# ---- a command ---------------------------------------------------------------------------------------------------------------------


def command(m: Model, kind: int, uid: int, name: bytes, of_strategy: tuple[int, int], body: bytes) -> bool:
    """One command of ``CONTROLLED``; ``of_strategy`` is the strategy and the status of a SET_STRATEGY."""
    expire(m)
    what = NAME[kind]
    if what in ("APPROVE", "WITHDRAW"):
        (number,) = oracle_records.DECISION.unpack_from(body)
        p = next((p for p in m.proposals if p.number == number and p.state == PENDING), None)
        return p is not None and (_approve(m, p, uid) if what == "APPROVE" else _withdraw(m, p, uid))
    until = _end_of(what, body)
    if until and until <= m.now:
        return False
    first = _is_first_configuration(m, name)
    added = what == "DEFINE_STRATEGY" and bool(m.operators) and not first and oracle_definitions.is_new(m, what, body)
    if not first and _needs_two(m, what, uid, of_strategy, body):
        return _can_wait(m, what, body) and _propose(m, what, uid, of_strategy, body)
    if until and not oracle_proposals.has_room(m, uid):
        return False
    before = _before(m, what, of_strategy, body)
    if not _apply(m, what, of_strategy, body):
        return False
    if added:
        m.strategies[oracle_definitions.row_of(what, body)].unapproved = True
    if until:
        scope, rule, value, _ = oracle_limits.limit_change(body)
        m.made += 1
        p = Proposal(m.made, uid, what, body, of_strategy, until, RUNNING, before, m.seq, value, m.seq)
        p.agreed = oracle_limits.limit_loosens(m, scope, rule, before, value)
        m.proposals.append(p)
    return True


def _end_of(what: str, body: bytes) -> int:
    return oracle_limits.limit_change(body)[3] if what in LIMITS else 0


def _is_first_configuration(m: Model, name: bytes) -> bool:
    """Of an instance that has never traded: it is taken as it is."""
    return name == CONFIGURATION and not m.intents and not m.orders


def is_free(m: Model, uid: int) -> bool:
    """Whether the schedule of the days is this one's to say."""
    return not m.operators or oracle_definitions.is_alone(m, uid) or not (m.intents or m.orders)


def _needs_two(m: Model, what: str, uid: int, of_strategy: tuple[int, int], body: bytes) -> bool:
    if not m.operators:
        return False
    if what in oracle_definitions.KINDS:
        return oracle_definitions.widens(m, what, body, uid)
    if what in LIMITS:
        scope, rule, value, _ = oracle_limits.limit_change(body)
        return oracle_limits.needs_two(m, scope, rule, value)
    if what == "SET_PERMISSION":
        return oracle_limits.grants_more(m, body)
    if what == "SET_STRATEGY":
        s = m.strategies.get(of_strategy[0])
        return s is not None and of_strategy[1] < s.status and (STATUS.by_value[s.status] == "POISONED" or s.silent or s.unapproved)
    if what in JUDGED:
        return _is_judged(m, what, body) and not oracle_definitions.is_alone(m, uid)
    return what == "RELEASE"


def _is_judged(m: Model, what: str, body: bytes) -> bool:
    if what == "RESUME":
        return bool(m.restrictions & oracle_restrictions.PEOPLE_LIFT)
    if what == "ROLL_DAY":
        return not oracle_day.is_due(m, oracle_records.DAY_START.unpack_from(body)[1])
    return what in ("ASSIGN_EXECUTION", "BOOK_ENTRY", "SET_METHOD") or ORD_STATUS.get(oracle_records.ACTION.unpack_from(body)[5]) != "NEW"


def _can_wait(m: Model, what: str, body: bytes) -> bool:
    """Whether it could be done now, as far as that is seen without doing it."""
    order, execution, _, _, _, status = oracle_records.ACTION.unpack_from(body)
    if what == "ROLL_DAY":
        return oracle_day.can_begin(m, oracle_records.DAY_START.unpack_from(body)[1])
    if what == "RESOLVE_ORDER":
        return oracle_restrictions.in_doubt(m, order, status) is not None
    if what == "RELEASE":
        return oracle_proposals.scope_of(body) in m.kills
    if what == "BOOK_ENTRY":
        return oracle_entries.can_be(m, body)
    if what == "SET_METHOD":
        return oracle_entries.can_have_method(m, body)
    return what != "ASSIGN_EXECUTION" or oracle_book.in_suspense(m, execution) is not None


def _before(m: Model, what: str, of_strategy: tuple[int, int], body: bytes) -> int:
    """What the change replaces; an approval is of that."""
    if what in LIMITS:
        scope, rule, _, _ = oracle_limits.limit_change(body)
        return oracle_limits.value_of(m, scope, rule)
    if what == "RESUME":
        return m.restrictions & oracle_restrictions.PEOPLE_LIFT
    if what == "ROLL_DAY":
        return m.day
    if what == "BOOK_ENTRY":
        return oracle_entries.before(m, body)
    if what == "SET_METHOD":
        return oracle_entries.own_method(m, body)
    if what == "RESOLVE_ORDER":
        order = oracle_records.ACTION.unpack_from(body)[0]
        return m.orders[order - 1].cum if 0 < order <= len(m.orders) else 0
    if what == "SET_PERMISSION":
        return m.regranted.get(oracle_records.PERMISSION.unpack_from(body)[1], 0)
    if what == "RELEASE":
        held = m.kills.get(oracle_proposals.scope_of(body))
        return held.seq if held is not None else 0
    if what == "ASSIGN_EXECUTION":
        x = oracle_book.in_suspense(m, oracle_records.ACTION.unpack_from(body)[1])
        return x.row if x is not None else 0
    s = m.strategies.get(of_strategy[0])
    return s.status | s.silent << 8 | s.unapproved << 9 if what == "SET_STRATEGY" and s is not None else 0


def _apply(m: Model, what: str, of_strategy: tuple[int, int], body: bytes) -> bool:
    if what in LIMITS:
        scope, rule, value, until = oracle_limits.limit_change(body)
        before = oracle_limits.value_of(m, scope, rule)
        done = oracle_limits.set_limit(m, scope, rule, value, known=oracle_kills.exists(m, scope))
        if done and not until:
            oracle_proposals.changed_for_good(m, scope, rule, before)
        return done
    if what in oracle_definitions.KINDS:
        done = oracle_definitions.define(m, what, body)
        if done:
            _withdraw_images(m, what, body)
        if done and what == "DEFINE_OPERATOR":
            _withdraw_unfit(m)
        return done
    if what == "SET_PERMISSION":
        return oracle_limits.set_permission(m, body)
    if what == "SET_STRATEGY":
        return _set_strategy(m, *of_strategy)
    if what == "RELEASE":
        return oracle_kills.release(m, oracle_proposals.scope_of(body))
    if what == "KILL":
        return oracle_kills.kill(m, oracle_proposals.scope_of(body), oracle_records.KILL_ORDER.unpack_from(body)[3])
    return _judge(m, what, body)


def _judge(m: Model, what: str, body: bytes) -> bool:
    order, execution, _, _, strategy, status = oracle_records.ACTION.unpack_from(body)
    if what == "RESOLVE_ORDER":
        return oracle_restrictions.resolve(m, order, status)
    if what == "ASSIGN_EXECUTION":
        return oracle_book.assign(m, execution, order, strategy)
    if what == "BOOK_ENTRY":
        return oracle_entries.book(m, body)
    if what == "SET_METHOD":
        return oracle_entries.set_method(m, body)
    if what == "RESUME":
        oracle_restrictions.restrict(m, m.restrictions & ~oracle_restrictions.PEOPLE_LIFT)
        return True
    day = oracle_records.DAY_START.unpack_from(body)[1]
    if not oracle_day.can_begin(m, day):
        return False
    oracle_day.roll(m, day)
    return True


def _set_strategy(m: Model, row: int, status: int) -> bool:
    s = m.strategies.get(row)
    if s is None or status not in STATUS.by_value:
        return False
    if status < STATUS.by_name["CANCEL_ONLY"]:
        s.silent = s.unapproved = False
    elif STATUS.by_value[s.status] == "POISONED" and status != s.status:
        s.unapproved = True
    s.status = status
    return True


# ---- proposals -----------------------------------------------------------------------------------------------------------------------


def _propose(m: Model, what: str, uid: int, of_strategy: tuple[int, int], body: bytes) -> bool:
    if not oracle_proposals.has_room(m, uid, {p.number for p in _images(m, what, body)}):
        return False
    _withdraw_images(m, what, body)
    m.made += 1
    m.proposals.append(Proposal(m.made, uid, what, body, of_strategy, m.now + PROPOSAL_NS, PENDING, _before(m, what, of_strategy, body), m.seq))
    return True


def _approve(m: Model, p: Proposal, uid: int) -> bool:
    until = _end_of(p.kind, p.body)
    if role_of(m, uid) < ROLE["RISK"] or uid == p.proposer or (until and until <= m.now):
        return False
    if _before(m, p.kind, p.of_strategy, p.body) != p.before:  # changed since it was proposed
        return False
    if not _apply(m, p.kind, p.of_strategy, p.body):
        return False
    if p.kind == "ROLL_DAY":
        oracle_day.learn(m, m.day, oracle_records.DAY_START.unpack_from(p.body)[0], agreed=True)
    p.state, p.expires_ns = (RUNNING, until) if until else (APPROVED, 0)
    if until:
        p.after, p.layer, p.agreed = oracle_limits.limit_change(p.body)[2], m.seq, True
    return True


def _withdraw(m: Model, p: Proposal, uid: int) -> bool:
    role = role_of(m, uid)
    if not role or (uid != p.proposer and role < ROLE["RISK"]):
        return False
    p.state = WITHDRAWN
    return True


def withdraw_resume(m: Model) -> None:
    """The instance is halted again: who has proposed to resume has not seen that."""
    for p in m.proposals:
        if p.state == PENDING and p.kind == "RESUME":
            p.state = WITHDRAWN


def _withdraw_images(m: Model, what: str, body: bytes) -> None:
    """A later image of a row: what waits for an earlier one does not wait any more."""
    for p in _images(m, what, body):
        p.state = WITHDRAWN


def _images(m: Model, what: str, body: bytes) -> list[Proposal]:
    """What waits and is of the same row as a definition."""
    row = oracle_definitions.row_of(what, body) if what in oracle_definitions.KINDS else 0
    return [p for p in m.proposals if row and p.state == PENDING and p.kind == what and oracle_definitions.row_of(what, p.body) == row]


def _withdraw_unfit(m: Model) -> None:
    """What was proposed by who may not command it any more."""
    for p in m.proposals:
        if p.state == PENDING and not _may_propose(m, p.proposer, p.kind):
            p.state = WITHDRAWN


def _may_propose(m: Model, uid: int, what: str) -> bool:
    least = ROLE[_LEAST[what]] if what in _LEAST else 0
    role = role_of(m, uid)
    return role >= least if role else not least and not any(known == uid for known, _, _ in m.operators.values())


def expire(m: Model) -> None:
    """Proposals past their time end, and overrides, whose layer is taken out."""
    for p in m.proposals:
        if p.state not in (PENDING, RUNNING) or p.expires_ns > m.now:
            continue
        if p.state == RUNNING:
            oracle_proposals.end_layer(m, p)
        p.state = EXPIRED
