"""The fault schedule: data, drawn from the seed before the run, printed when it fails, and made shorter by ``--shrink``.

seed, events ──▶ which classes are on (swarm) ──▶ Fault(at, kind, target, amount), sorted by event number
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ringfence.tools.simulation.setup import Shape

S = 1_000_000_000
MS = 1_000_000


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: before event ``at``, ``kind`` happens to ``target`` (a row, a process) with ``amount``."""

    at: int
    kind: str
    target: str = ""
    amount: int = 0

    def __str__(self) -> str:
        return f"{self.at}:{self.kind}" + (f":{self.target}" if self.target or self.amount else "") + (f":{self.amount}" if self.amount else "")

    @staticmethod
    def parse(text: str) -> Fault:
        """The inverse of ``str``."""
        at, kind, *rest = text.split(":")
        return Fault(int(at), kind, rest[0] if rest else "", int(rest[1]) if len(rest) > 1 else 0)


@dataclass(frozen=True)
class Kind:
    """A class of faults: how many of it a run of 2,000 events has when it is on, who is hit, how hard (least, most)."""

    most: int
    target: str = ""  # venue, strategy, process: one of those rows
    amount: tuple[int, int] = (0, 0)


KINDS: dict[str, Kind] = {
    "kill_engine": Kind(2, amount=(0, 1 << 30)),  # the amount says how far the turn came: torn inside or between two turns
    "kill_gateway": Kind(2, "venue", (0, 1 << 30)),
    "kill_sidecar": Kind(2, amount=(0, 1 << 30)),
    "kill_strategy": Kind(3, "strategy"),
    "kill_all": Kind(1),
    "host_crash": Kind(1, amount=(0, 1 << 30)),
    "short_write": Kind(3, amount=(1, 600)),
    "die_in_write": Kind(2, amount=(0, 2000)),
    "die_after_sync": Kind(2),
    "no_space": Kind(2, amount=(5 * MS, 3 * S)),
    "write_error": Kind(1, amount=(0, 1 << 30)),
    "sync_error": Kind(1, amount=(0, 1 << 30)),
    "slow_disk": Kind(2, amount=(50 * MS, 3 * S)),
    "stall": Kind(4, "process", (1 * MS, 5 * S)),
    "cut": Kind(3, "venue"),
    "cut_in_message": Kind(3, "venue", (0, 400)),
    "half_message": Kind(3, "venue"),
    "refuse_connection": Kind(2, "venue", (1, 5)),
    "slow_venue": Kind(2, "venue", (1 * MS, 4 * S)),
    "duplicate_report": Kind(10, "venue"),
    "poss_resend": Kind(6, "venue"),
    "late_report": Kind(8, "venue"),
    "fill_before_ack": Kind(8, "venue"),
    "fill_after_cancel": Kind(8, "venue"),
    "unsolicited_cancel": Kind(6, "venue"),
    "bust": Kind(5, "venue"),
    "correct": Kind(5, "venue"),
    "clock_jump": Kind(2, "process", (-3600 * S, 3600 * S)),
    "clock_back": Kind(3, "process", (1000, 1000)),
    "clock_frozen": Kind(2, "process", (1 * MS, 2 * S)),
    "roll_day": Kind(1),
    "halt": Kind(2),
    "set_limit": Kind(8, amount=(0, 1 << 30)),  # the amount says which, where, and for how long
    "set_strategy": Kind(4, "strategy", (0, 1 << 30)),
    "set_parameter": Kind(6, "strategy", (0, 1 << 30)),  # the amount says which, and to what; some cannot be
    "book_entry": Kind(24, amount=(0, 1 << 30)),  # an entry of the ledger, or its bust; the amount says which, and of what position
    "kill_scope": Kind(4, amount=(0, 1 << 30)),  # by command; the amount says which scope, and whether it cancels and flattens
    "kill_word": Kind(3, amount=(0, 1 << 30)),  # out of band; of a venue or of the firm, with or without the command
    "garbage": Kind(2, "strategy", (0, 1 << 30)),
}
ACTIVE = 0.35


def names(text: str) -> frozenset[str]:
    """The classes that ``--faults`` asks for.

    Raises
    ------
    ValueError
        At a name that is none.
    """
    if text in ("all", "none"):
        return frozenset(KINDS) if text == "all" else frozenset()
    wanted = frozenset(text.split(","))
    if unknown := sorted(wanted - KINDS.keys()):
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return wanted


def draw_faults(shape: Shape, events: int, wanted: frozenset[str]) -> list[Fault]:
    """The schedule of a run. With a few classes asked for, each is on; with all of them each is with probability ACTIVE."""
    out = []
    for kind, spec in KINDS.items():
        draw = Random(f"{shape.seed}/faults/{kind}")
        on = draw.random() < ACTIVE
        if kind not in wanted or not (on or len(wanted) < len(KINDS) // 2):
            continue
        count = max(1, round(spec.most * (events / 2000) ** 0.6 * (0.25 + 0.75 * draw.random())))
        for _ in range(min(count, 200)):
            at = draw.randrange(events // 50, events) if events > 50 else draw.randrange(events)
            out.append(Fault(at, kind, _target(spec.target, shape, draw), draw.randint(*spec.amount)))
    return sorted(out)


def _target(what: str, shape: Shape, draw: Random) -> str:
    if what == "venue":
        return str(1 + draw.randrange(len(shape.venues)))
    if what == "strategy":
        return str(1 + draw.randrange(shape.strategies))
    if what == "process":
        rows = [f"gw{k}" for k in range(1, len(shape.venues) + 1)] + [f"s{k}" for k in range(1, shape.strategies + 1)]
        return draw.choice(["engine", "sidecar", *rows])
    return ""
