"""Measure what pre-trade checks cost: instructions of a new intent and a fill without limits, with each rule alone wherever it can be set, and with all.

Counted by callgrind as in ``bench engine``: exact, and the same on an idle and a busy host. The first limit of an instance switches the accounting on
(reservations, positions at their price), so "accounting" is the cost of one setting that asks nothing of the order, and each rule's own cost, in up to
nine scopes at once, is above that. Rules without a limit of their own (terms, route, session) are checked always and are part of "none".
Goal: all at most 1,200 above none.
"""

from __future__ import annotations

from collections.abc import Sequence

from ringfence.bench.engine import MESSAGES_COUNTED, MESSAGES_QUICK, count_instructions
from ringfence.bench.harness import Options, Report, Row, parse, show
from ringfence.core.rules import RULES

GOAL = 1200
ACCOUNTING = "REPLACE_BURST@1"  # a setting of the firm: it switches the accounting on and asks nothing
ALONE = ("PERMISSION", *(r.name for r in RULES.values() if r.scopes and r.group != "setting"))
SETTINGS = ("NEW_BURST", "REPLACE_BURST", "MESSAGE_BURST", "MARGIN_RATE")
WITH = {
    "NEW_RATE": ("NEW_BURST",),
    "REPLACE_RATE": ("REPLACE_BURST",),
    "MESSAGE_RATE": ("MESSAGE_BURST",),
    "MARGIN": ("MARGIN_RATE",),
    "FREE_MARGIN": ("MARGIN_RATE",),
}


def cost_rows(options: Options) -> list[Row]:
    """Return a row per set of rules; in a quick run only none and all in every scope.

    Raises
    ------
    RuntimeError
        If valgrind is missing, or the engine refused an order.
    """
    messages = MESSAGES_QUICK if options.quick else MESSAGES_COUNTED
    none = count_instructions(messages)
    every = count_instructions(messages, (*ALONE, *SETTINGS))
    rows = [
        Row("none, new intent", "-", "instructions", none["intent"], None),
        Row("none, fill", "-", "instructions", none["fill"], None),
        Row("all in every scope, new intent", "goal above none", "instructions above none", every["intent"] - none["intent"], GOAL),
        Row("all in every scope, fill", "-", "instructions above none", every["fill"] - none["fill"], None),
    ]
    if options.quick:
        return rows
    once = count_instructions(messages, [f"{name}@1" for name in (*ALONE, *SETTINGS)])
    rows.insert(3, Row("all in one scope each, new intent", "goal above none", "instructions above none", once["intent"] - none["intent"], GOAL))
    base = count_instructions(messages, (ACCOUNTING,))
    rows.append(Row("accounting, new intent", "-", "instructions above none", base["intent"] - none["intent"], None))
    rows.append(Row("accounting, fill", "-", "instructions above none", base["fill"] - none["fill"], None))
    for rule in ALONE:
        found = count_instructions(messages, (rule, *WITH.get(rule, ())))
        floor = none if rule == "PERMISSION" else base
        rows.append(Row(rule, "-", "instructions above accounting" if floor is base else "instructions above none", found["intent"] - floor["intent"], None))
    return rows


def main(argv: Sequence[str]) -> int:
    """Count and print; 0, also without valgrind, which the notes then say."""
    options = parse("checks", argv, __doc__, rounds=1)
    notes = ["every limit is so wide that all orders pass; SHORT_SALE is set, but the orders are no short sales"]
    try:
        rows = cost_rows(options)
    except RuntimeError as e:
        rows, notes = [], [*notes, f"not measured: {e}"]
    return show(Report("checks", {}, rows, notes), options)
