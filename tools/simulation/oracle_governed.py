"""What people govern, by the tables: limits, kills, proposals, strategies' states and parameters as they are against what the commands made of them.

    Model (limits, kills, proposals, strategies, parameters) ──against──▶ tables scopes, proposals, strategies, parameters ─▶ [Violation]

Reads both, writes neither; nothing here fails. Called when everything is compared, not after every step.
"""

from __future__ import annotations

from typing import Any

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS
from ringfence.tools.simulation import oracle_parameters
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle_model import Model
from ringfence.tools.simulation.oracle_scopes import Scope

_SCOPE_STATE = ENUMS["ScopeState"].by_value
_PROPOSAL_STATE = ENUMS["ProposalState"].by_value
_KIND = ENUMS["ControlKind"].by_value
_STATUS = ENUMS["StrategyStatus"].by_value


def compare(m: Model, state: Any) -> list[Violation]:
    """Every difference, as a violation of I21."""
    engine = state.table("engine")[1]
    found = _scopes(m, state.table("scopes")[1 : int(engine["scope_count"]) + 1])
    found += _proposals(m, state.table("proposals")[1 : int(engine["proposal_count"]) + 1])
    rows = state.table("strategies")
    for row, s in m.strategies.items():
        if int(rows[row]["status"]) != s.status:
            found.append(f"strategy {row} is {_STATUS.get(int(rows[row]['status']))}, by the rules {_STATUS.get(s.status)}")
    found += oracle_parameters.differences(m, state.table("parameters")[1 : int(engine["parameter_count"]) + 1])
    return [Violation("I21", text, m.seq) for text in found]


def _scopes(m: Model, rows: Any) -> list[str]:
    theirs: dict[tuple[Scope, str], int] = {}
    kills: dict[Scope, tuple[int, int]] = {}
    for r in rows:
        scope = int(r["kind"]), int(r["a"]), int(r["b"])
        theirs |= {(scope, name): int(value) for name, rule in RULES.items() if (value := r["limits"][rule.number])}
        if _SCOPE_STATE[int(r["state"])] == "KILLED":
            kills[scope] = int(r["kill_seq"]), int(r["kill_options"])
    ours = {key: value for key, value in m.limits.items() if value}
    out = [f"{rule} of scope {scope} is {theirs.get((scope, rule), 0)}, by the rules {ours.get((scope, rule), 0)}" for scope, rule in _unlike(theirs, ours)]
    killed = {scope: (k.seq, k.options) for scope, k in m.kills.items()}
    return out + [f"scope {scope} is killed at, with {kills.get(scope)}, by the rules {killed.get(scope)}" for scope in _unlike(kills, killed)]


def _unlike(theirs: dict[Any, Any], ours: dict[Any, Any]) -> list[Any]:
    return sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))


def _proposals(m: Model, rows: Any) -> list[str]:
    """Rows are used again, the oldest decided one first: what the table still has must be right, and what is not decided must be in it."""
    ours = {p.number: (p.kind, p.state, p.proposer, p.before if p.state == "RUNNING" else 0) for p in m.proposals}
    out = []
    for r in rows:
        state = _PROPOSAL_STATE[int(r["state"])]
        row = _KIND[int(r["kind"])], state, int(r["proposer"]), int(r["before"]) if state == "RUNNING" else 0
        if ours.get(int(r["id"])) != row:
            out.append(f"proposal {int(r['id'])} is {row}, by the rules {ours.get(int(r['id']))}")
    there = {int(r["id"]) for r in rows}
    return out + [
        f"proposal {p.number} is {p.state} by the rules and not in the table"
        for p in m.proposals
        if p.state in ("PENDING", "RUNNING") and p.number not in there
    ]
