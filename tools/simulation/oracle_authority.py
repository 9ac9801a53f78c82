"""Authority by the rules: who may command what, what waits for a second operator, and which changes end by themselves.

    SET_*, KILL, RELEASE, DEFINE_* ──tighter──▶ done at once      looser ──▶ Proposal, 15 minutes, APPROVE by another operator of role risk
    SET_LIMIT with an end ─▶ RUNNING until then, and what it replaced comes back         KILL ─▶ withdraws what waits to loosen its scope

Written from docs/operations.md (operators), docs/controls.md and ``core/rules.py``. Reads and writes the Model alone; nothing here fails:
what cannot be is False.
"""

from __future__ import annotations

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_definitions, oracle_kills, oracle_limits, oracle_records
from ringfence.tools.simulation.oracle_model import Model, Proposal
from ringfence.tools.simulation.oracle_scopes import KIND, Scope

COMMAND = ENUMS["ControlKind"].by_name
NAME = ENUMS["ControlKind"].by_value
ROLE = ENUMS["OperatorRole"].by_name
STATUS = ENUMS["StrategyStatus"]
PROPOSAL_NS = 900_000_000_000
CONFIGURATION = b"config"
PENDING, APPROVED, RUNNING, WITHDRAWN, EXPIRED = "PENDING", "APPROVED", "RUNNING", "WITHDRAWN", "EXPIRED"
LIMITS = frozenset({"SET_LIMIT", "SET_LOCATE"})
CHANGES = LIMITS | {"SET_PERMISSION", "SET_STRATEGY", "KILL", "RELEASE"} | oracle_definitions.KINDS
CONTROLLED = frozenset(COMMAND[name] for name in CHANGES | {"APPROVE", "WITHDRAW"})
_LEAST = {
    **dict.fromkeys(("SET_STRATEGY", "MASS_CANCEL", "DONT_KNOW", "RESOLVE_ORDER", "ASSIGN_EXECUTION", "HALT", "KILL", "WITHDRAW"), "TRADER"),
    **dict.fromkeys(("RESUME", "SET_LIMIT", "SET_PERMISSION", "SET_LOCATE", "RELEASE", "APPROVE"), "RISK"),
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
        _withdraw_images(m, what, body)
        return _propose(m, what, uid, of_strategy, body)
    if until and _is_full(m):
        return False
    before = _before(m, what, of_strategy, body)
    if not _apply(m, what, of_strategy, body):
        return False
    if what == "KILL":
        withdraw_on(m, scope_of(body))
    _withdraw_images(m, what, body)
    if added:
        m.strategies[oracle_definitions.row_of(what, body)].unapproved = True
    if until:
        m.made += 1
        m.proposals.append(Proposal(m.made, uid, what, body, of_strategy, until, RUNNING, before))
    return True


def _end_of(what: str, body: bytes) -> int:
    return oracle_limits.limit_change(body)[3] if what in LIMITS else 0


def scope_of(body: bytes) -> Scope:
    """The scope of a KillOrder."""
    a, b, kind, _ = oracle_records.KILL_ORDER.unpack_from(body)
    return kind, a, b


def _is_full(m: Model) -> bool:
    return sum(p.state in (PENDING, RUNNING) for p in m.proposals) >= m.capacity.get("proposals", 1 << 32) - 1


def _is_first_configuration(m: Model, name: bytes) -> bool:
    """Of an instance that has never traded: it is taken as it is."""
    return name == CONFIGURATION and not m.intents and not m.orders


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
    return what == "RELEASE"


def _before(m: Model, what: str, of_strategy: tuple[int, int], body: bytes) -> int:
    if what in LIMITS:
        scope, rule, _, _ = oracle_limits.limit_change(body)
        return oracle_limits.value_of(m, scope, rule)
    s = m.strategies.get(of_strategy[0])
    return s.status if what == "SET_STRATEGY" and s is not None else 0


def _apply(m: Model, what: str, of_strategy: tuple[int, int], body: bytes) -> bool:
    if what in LIMITS:
        scope, rule, value, _ = oracle_limits.limit_change(body)
        return oracle_limits.set_limit(m, scope, rule, value, known=oracle_kills.exists(m, scope))
    if what in oracle_definitions.KINDS:
        return oracle_definitions.define(m, what, body)
    if what == "SET_PERMISSION":
        return oracle_limits.set_permission(m, body)
    if what == "SET_STRATEGY":
        s = m.strategies.get(of_strategy[0])
        if s is None or of_strategy[1] not in STATUS.by_value:
            return False
        s.status = of_strategy[1]
        if s.status < STATUS.by_name["CANCEL_ONLY"]:
            s.silent = s.unapproved = False
        return True
    if what == "RELEASE":
        return oracle_kills.release(m, scope_of(body))
    return oracle_kills.kill(m, scope_of(body), oracle_records.KILL_ORDER.unpack_from(body)[3])


# ---- proposals -----------------------------------------------------------------------------------------------------------------------


def _propose(m: Model, what: str, uid: int, of_strategy: tuple[int, int], body: bytes) -> bool:
    if _is_full(m):
        return False
    m.made += 1
    m.proposals.append(Proposal(m.made, uid, what, body, of_strategy, m.now + PROPOSAL_NS, PENDING, _before(m, what, of_strategy, body)))
    return True


def _approve(m: Model, p: Proposal, uid: int) -> bool:
    until = _end_of(p.kind, p.body)
    if role_of(m, uid) < ROLE["RISK"] or uid == p.proposer or (until and until <= m.now):
        return False
    before = _before(m, p.kind, p.of_strategy, p.body)
    if p.kind in LIMITS and before != p.before:  # changed since it was proposed
        return False
    if not _apply(m, p.kind, p.of_strategy, p.body):
        return False
    p.state, p.expires_ns, p.before = (RUNNING, until, before) if until else (APPROVED, 0, before)
    return True


def _withdraw(m: Model, p: Proposal, uid: int) -> bool:
    role = role_of(m, uid)
    if not role or (uid != p.proposer and role < ROLE["RISK"]):
        return False
    p.state = WITHDRAWN
    return True


def withdraw_on(m: Model, scope: Scope) -> None:
    """A kill of the scope: what waits to loosen it does not wait any more."""
    for p in m.proposals:
        if p.state == PENDING and _loosens(p) == scope:
            p.state = WITHDRAWN


def _withdraw_images(m: Model, what: str, body: bytes) -> None:
    """A later image of a row: what waits for an earlier one does not wait any more."""
    for p in m.proposals if what in oracle_definitions.KINDS else ():
        if p.state == PENDING and p.kind == what and oracle_definitions.row_of(what, p.body) == oracle_definitions.row_of(what, body):
            p.state = WITHDRAWN


def _loosens(p: Proposal) -> Scope | None:
    """The scope that a proposal would loosen; None for a grant or a definition."""
    if p.kind in LIMITS:
        return oracle_limits.limit_change(p.body)[0]
    if p.kind == "SET_STRATEGY":
        return KIND["STRATEGY"], p.of_strategy[0], 0
    return scope_of(p.body) if p.kind == "RELEASE" else None


def expire(m: Model) -> None:
    """Proposals past their time end, and overrides, which give back what they replaced; what was set since stays."""
    for p in m.proposals:
        if p.state not in (PENDING, RUNNING) or p.expires_ns > m.now:
            continue
        if p.state == RUNNING:
            scope, rule, value, _ = oracle_limits.limit_change(p.body)
            if oracle_limits.value_of(m, scope, rule) == value:
                m.limits[scope, rule] = p.before
            else:
                _hand_on(m, p)
        p.state = EXPIRED


def _hand_on(m: Model, ended: Proposal) -> None:
    """A later override of the same limit took its place: it will give back what the ended one replaced."""
    scope, rule, value, _ = oracle_limits.limit_change(ended.body)
    for p in m.proposals:
        if p is not ended and p.state == RUNNING and oracle_limits.limit_change(p.body)[:2] == (scope, rule) and p.before == value:
            p.before = ended.before
