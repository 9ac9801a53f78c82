"""A failing run made small: fewer faults and fewer events, while the same invariant still breaks.

    Outcome that failed ──▶ events cut to where it broke ──▶ delta debugging over the schedule ──▶ events again ──▶ the smallest plan found

Delta debugging (Zeller's ddmin) takes out ever smaller parts of the schedule. A fault that is taken out leaves the draws of the others as they were, since
each is data; the course behind it changes, so a smaller plan may break elsewhere. It counts when the same invariant breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ringfence.tools.simulation.runs import Outcome, Plan

RUNS_MAX = 300


class Shrinker:
    """One search; ``run`` is asked at most ``runs_max`` times."""

    def __init__(self, failed: Outcome, run: Callable[[Plan], Outcome], runs_max: int = RUNS_MAX) -> None:
        self.run, self.left = run, runs_max
        schedule = tuple(str(fault) for fault in failed.plan.faults())
        self.best = replace(failed, plan=replace(failed.plan, schedule=schedule))

    def shrink(self) -> Outcome:
        """The smallest failing outcome that was found; the given one, with its schedule written out, when none is smaller."""
        self._cut_events()
        self._cut_faults()
        self._cut_events()
        return self.best

    def _fails(self, plan: Plan) -> bool:
        """Whether the same invariant breaks; then this plan is the best."""
        if self.left <= 0:
            return False
        self.left -= 1
        outcome = self.run(plan)
        if outcome.invariant != self.best.invariant:
            return False
        self.best = outcome
        return True

    def _cut_events(self) -> None:
        """To the event at which it broke, then by halves."""
        plan = self.best.plan
        if self.best.event < plan.events:
            self._fails(_with_events(plan, self.best.event))
        step = self.best.plan.events // 2
        while step:
            plan = self.best.plan
            if plan.events <= step or not self._fails(_with_events(plan, plan.events - step)):
                step //= 2

    def _cut_faults(self) -> None:
        parts = 2
        while (schedule := self.best.plan.schedule or ()) and self.left > 0:
            size = -(-len(schedule) // parts)
            chunks = [(at, at + size) for at in range(0, len(schedule), size)]
            if any(self._fails(replace(self.best.plan, schedule=schedule[:begin] + schedule[end:])) for begin, end in chunks):
                parts = max(parts - 1, 2)
            elif size == 1:
                return
            else:
                parts = min(2 * parts, len(schedule))


def _with_events(plan: Plan, events: int) -> Plan:
    """Fewer events; faults behind the end would never happen."""
    kept = tuple(text for text in plan.schedule or () if int(text.split(":")[0]) < events)
    return replace(plan, events=events, schedule=kept)
