"""What an engine changed by itself, for the audit trail: kills by limits, words and silence, ends of overrides and proposals, a scope that only reduces.

    tables before a frame ──Governed──▶ what is governed ──differences after it──▶ [Automatic]

The engine folds each such change into ``audit_digest``; so only a frame that moved its counters is looked at, and the copy of what is governed is made anew
only then. Of a command's own frame what the command itself did is left out. Pure but for the copy; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ringfence.core.rules import RULES
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools.change_text import of_proposal, of_scope, of_strategy, quantity_digits
from ringfence.tools.rule_values import Place, value_text

Tables = Callable[[str], Any]
_SCOPE_STATE, _STRATEGY, _PROPOSAL = (ENUMS[e].by_value for e in ("ScopeState", "StrategyStatus", "ProposalState"))
_BY_NUMBER = {rule.number: rule for rule in RULES.values()}
_CAUSE = {"CANCEL_ONLY": "dead-man's switch", "POISONED": "garbage in its ring", "DISABLED": "REPEATED_EXECUTION"}
_COUNTERS = ("audit_entries", "proposals", "pending_proposals", "running_overrides", "scope_count", "strategy_count")


@dataclass(frozen=True)
class Automatic:
    """A change without a command of its own; ``kind`` is that of a command that would do it, or what ended."""

    kind: str
    what: str
    before: str
    after: str
    reason: str


class Governed:
    """What people govern, as it was after the last frame that changed any of it."""

    def __init__(self, table: Tables) -> None:
        self.table = table
        self.counters: tuple[int, ...] = ()
        self._take()

    def changes(self, cause: str, own: str, proposal: str) -> list[Automatic]:
        """What a frame changed beside ``own``, the subject of its command, and the ``proposal`` that it decided.

        ``cause`` is why, "" when the change says it.
        """
        if self._counted() == self.counters:
            return []
        limits, states, statuses, waiting = self.limits, self.states, self.statuses, self.proposals
        self._take()
        ended, touched = self._ended(waiting, limits, proposal, cause)
        return self._limits(limits, touched, own) + self._scopes(states, own, cause) + self._strategies(statuses, own) + ended

    def _counted(self) -> tuple[int, ...]:
        engine = self.table("engine")[1]
        return tuple(int(engine[name]) for name in _COUNTERS)

    def _take(self) -> None:
        self.counters = self._counted()
        engine = self.table("engine")[1]
        scopes = self.table("scopes")[: int(engine["scope_count"]) + 1]
        self.limits, self.states = scopes["limits"].copy(), scopes["state"].copy()
        self.statuses = self.table("strategies")["status"][: int(engine["strategy_count"]) + 1].copy()
        rows = self.table("proposals")[1 : int(engine["proposal_count"]) + 1]
        self.proposals = {
            int(r["id"]): (_PROPOSAL.get(int(r["state"]), "?"), r.copy()) for r in rows if _PROPOSAL.get(int(r["state"])) in ("PENDING", "RUNNING")
        }

    def _limits(self, before: Any, touched: set[str], own: str) -> list[Automatic]:
        out = []
        for row, number in zip(*(before != self.limits[: len(before)]).nonzero(), strict=True):
            rule = _BY_NUMBER.get(int(number))
            if rule is None:
                continue
            what, digits = f"{rule.name} of {self._scope(int(row))}", quantity_digits(self.table, self._place(int(row)))
            if what != own and what not in touched:
                was, now = (value_text(rule, int(values[row][number]), digits) for values in (before, self.limits))
                out.append(Automatic("SET_LIMIT", what, was, now, "an override below it ended"))
        return out

    def _scopes(self, before: Any, own: str, cause: str) -> list[Automatic]:
        out = []
        for (row,) in zip(*(before != self.states[: len(before)]).nonzero(), strict=True):
            what, (was, now) = self._scope(int(row)), (_SCOPE_STATE.get(int(states[row]), "?") for states in (before, self.states))
            if what != own:
                reason = {"KILLED": cause or "REJECT_LIMIT", "REDUCING": "DAILY_LOSS"}.get(now, "a new trading day")
                out.append(Automatic("RELEASE" if now == "OPEN" else "KILL", what, was, now, reason))
        return out

    def _strategies(self, before: Any, own: str) -> list[Automatic]:
        out = []
        for (row,) in zip(*(before != self.statuses[: len(before)]).nonzero(), strict=True):
            what, (was, now) = of_strategy(self.table, int(row)), (_STRATEGY.get(int(statuses[row]), "") for statuses in (before, self.statuses))
            if what != own and was:
                out.append(Automatic("SET_STRATEGY", what, was, now, _CAUSE.get(now, "")))
        return out

    def _ended(self, before: dict[int, tuple[str, Any]], limits: Any, decided: str, cause: str) -> tuple[list[Automatic], set[str]]:
        """Overrides and proposals that are over, and the limits that the former were of."""
        out, touched = [], set()
        rows = self.table("proposals")[1 : int(self.table("engine")[1]["proposal_count"]) + 1]
        now = {int(r["id"]): _PROPOSAL.get(int(r["state"]), "?") for r in rows}
        for number, (was, row) in before.items():
            state, asked = now.get(number, "EXPIRED"), of_proposal(self.table, row)
            if state not in ("EXPIRED", "WITHDRAWN") or decided == f"proposal {number}":
                continue
            reason = "its time was over" if state == "EXPIRED" else cause or "overtaken"
            if was == "RUNNING":
                touched.add(asked.what)
                out.append(Automatic("OVERRIDE_END", f"override {number}: {asked.what}", self._held(row, limits), asked.before, reason))
            else:
                what = f"{asked.what} to {asked.after}" if asked.after else asked.what
                out.append(Automatic("PROPOSAL_END", f"proposal {number}: {what}", was, state, reason))
        return out, touched

    def _held(self, row: Any, limits: Any) -> str:
        """The limit of an override before the frame."""
        at = RECORDS["Proposal"].offsets["body"]
        change = np.frombuffer(row.tobytes()[at:], dtype("LimitChange"), 1)[0]
        place = int(change["kind"]), int(change["a"]), int(change["b"])
        scope = next((k for k in range(1, len(limits)) if self._place(k) == place), 0)
        rule = _BY_NUMBER.get(int(change["rule"]))
        return value_text(rule, int(limits[scope][rule.number]), quantity_digits(self.table, place)) if rule is not None and scope else ""

    def _place(self, row: int) -> Place:
        scope = self.table("scopes")[row]
        return int(scope["kind"]), int(scope["a"]), int(scope["b"])

    def _scope(self, row: int) -> str:
        return of_scope(self.table, self._place(row))
