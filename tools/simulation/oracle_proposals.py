"""Proposals by the rules: room for them, which scope each would loosen, and overrides as layers above the limit that stays.

    KILL of any cause ─▶ withdraw_on(): what waits to loosen the scope or a part of it      end of an override ─▶ end_layer(): the layers are stacked anew

Written from docs/operations.md and core/overrides' own words. Reads and writes the Model alone; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Container

from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_definitions, oracle_limits, oracle_margin, oracle_records
from ringfence.tools.simulation.oracle_model import Model, Proposal
from ringfence.tools.simulation.oracle_scopes import KIND, Scope

PENDING, APPROVED, RUNNING, WITHDRAWN, EXPIRED = "PENDING", "APPROVED", "RUNNING", "WITHDRAWN", "EXPIRED"
LIMITS = frozenset({"SET_LIMIT", "SET_LOCATE"})
_FACTS = frozenset({"RESOLVE_ORDER", "ASSIGN_EXECUTION", "BOOK_ENTRY", "SET_METHOD"})  # say how things are, not what may be done
_DEFINED = {f"DEFINE_{name}": name for name in ("ACCOUNT", "INSTRUMENT", "STRATEGY", "VENUE", "CURRENCY")}
_ROW = ENUMS["ScopeKind"].by_value


def has_room(m: Model, uid: int, replaced: Container[int] = ()) -> bool:
    """At most half of what the others leave is one operator's; ``replaced`` are the numbers of what the new one takes the place of."""
    live = [p.proposer for p in m.proposals if p.state in (PENDING, RUNNING) and p.number not in replaced]
    return m.capacity.get("proposals", 1 << 32) - 1 - len(live) > live.count(uid)


def scope_of(body: bytes) -> Scope:
    """The scope of a KillOrder."""
    a, b, kind, _ = oracle_records.KILL_ORDER.unpack_from(body)
    return kind, a, b


def withdraw_on(m: Model, scope: Scope) -> None:
    """A kill of the scope: what waits to loosen it, or a part of it, does not wait any more."""
    for p in m.proposals:
        if p.state == PENDING and p.kind not in _FACTS and (scope[0] == KIND["FIRM"] or _is_part(m, _loosens(m, p), scope)):
            p.state = WITHDRAWN


def _loosens(m: Model, p: Proposal) -> Scope:
    """The scope that a proposal would loosen; the firm's when it is none in particular."""
    if p.kind in LIMITS:
        return oracle_limits.limit_change(p.body)[0]
    if p.kind == "RELEASE":
        return scope_of(p.body)
    if p.kind == "SET_STRATEGY":
        return KIND["STRATEGY"], p.of_strategy[0], 0
    if p.kind == "SET_PERMISSION":
        grant = m.grants.get(oracle_records.PERMISSION.unpack_from(p.body)[1])
        return KIND["STRATEGY"], grant.strategy if grant is not None else 0, 0
    if p.kind == "DEFINE_MARGIN":
        return oracle_margin.place(p.body)
    if p.kind in _DEFINED:
        return KIND[_DEFINED[p.kind]], oracle_definitions.row_of(p.kind, p.body), 0
    return KIND["FIRM"], 0, 0


def _is_part(m: Model, part: Scope, whole: Scope) -> bool:
    if part == whole:
        return True
    pair = {"ACCOUNT": "ACCOUNT_INSTRUMENT", "STRATEGY": "STRATEGY_INSTRUMENT"}
    of, owner = _ROW[whole[0]], _ROW[part[0]].removesuffix("_INSTRUMENT")
    if of == "INSTRUMENT":
        return part[0] in (KIND["ACCOUNT_INSTRUMENT"], KIND["STRATEGY_INSTRUMENT"]) and part[2] == whole[1]
    if of == "CURRENCY":
        row = part[2] if part[0] in (KIND["ACCOUNT_INSTRUMENT"], KIND["STRATEGY_INSTRUMENT"]) else part[1] if part[0] == KIND["INSTRUMENT"] else 0
        return oracle_definitions.is_in_currency(m, row, whole[1])
    if of in pair:
        return part[0] == KIND[pair[of]] and part[1] == whole[1]
    belongs = {("BROKER", "ACCOUNT"): "broker", ("DESK", "STRATEGY"): "desk_row"}.get((of, owner))
    image = m.images.get((f"DEFINE_{owner}", part[1]))
    return belongs is not None and image is not None and oracle_definitions.field_of(f"DEFINE_{owner}", image, belongs) == whole[1]


# ---- overrides -------------------------------------------------------------------------------------------------------------------


def _layers(m: Model, scope: Scope, rule: str) -> list[Proposal]:
    """Those of a limit, the first that came into force at the bottom."""
    return sorted((p for p in m.proposals if p.state == RUNNING and oracle_limits.limit_change(p.body)[:2] == (scope, rule)), key=lambda p: p.layer)


def end_layer(m: Model, p: Proposal) -> None:
    """Its time is over."""
    scope, rule, _, _ = oracle_limits.limit_change(p.body)
    stays = _layers(m, scope, rule)[0].before
    p.state = EXPIRED
    _stack(m, scope, rule, stays)


def changed_for_good(m: Model, scope: Scope, rule: str, before: int) -> None:
    """A limit has another value now: looser, it is the last word; tighter, nothing that ends may bring back more."""
    value, layers = oracle_limits.value_of(m, scope, rule), _layers(m, scope, rule)
    if not layers:
        return
    if oracle_limits.limit_loosens(m, scope, rule, before, value):
        for p in layers:
            p.state = WITHDRAWN
        return
    for p in layers:
        p.after = p.after if oracle_limits.limit_loosens(m, scope, rule, p.after, value) else value
    stays = layers[0].before
    _stack(m, scope, rule, stays if oracle_limits.limit_loosens(m, scope, rule, stays, value) else value)


def _stack(m: Model, scope: Scope, rule: str, stays: int) -> None:
    value = stays
    for p in _layers(m, scope, rule):
        p.before = value
        if not p.agreed and oracle_limits.limit_loosens(m, scope, rule, value, p.after):
            p.after = value
        value = p.after
    m.limits[scope, rule] = value
