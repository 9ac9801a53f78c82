"""The page docs/order-states.md: the state table of ``core/transitions.py`` in a form that can be held against FIX 4.2 Appendix D.

First the whole table at a glance, statuses down and events across, then every row with the matrix (D1 to D37) or rule (R, S) beside it. Made by
``tools/gen_records.py`` with the other generated files, so that page and engine cannot differ.
"""

from __future__ import annotations

from itertools import groupby

from ringfence.core.transitions import BASE, BY_QUANTITY, FILLED_OR_KEEP, KEEP, OUTSIDE, ROWS, TERMINAL, Row
from ringfence.ipc.schema import ENUMS

RESULTS = {KEEP: "keep", BY_QUANTITY: "by quantity", FILLED_OR_KEEP: "filled or keep"}

INTRODUCTION = """
The order's *base* status is what it has under any cancel or replace in flight. A request in flight is kept apart and shown with FIX's precedence: PendingCancel
before PendingReplace before the base status; its rejection restores what was there (S7), and PendingCancel, PendingReplace and Replaced are never a base.

* **keep**: the event leaves the status.
* **by quantity**: New when CumQty is 0, Filled when it reaches OrderQty, else PartiallyFilled (R5, S17).
* **filled or keep**: Filled when CumQty reaches OrderQty, else the status stays (S17).
* no entry (·): the specification has no such transition. It is applied as a fact where quantities allow and raises the break `unexpected_transition` (S22).

D1 to D37 are the matrices of FIX 4.2 Appendix D in their order; R and S rows are the order rules that `tests/scenarios` holds the engine to, one file a case.
"""


def _name(status: str) -> str:
    return "".join(word.capitalize() for word in status.split("_"))


def _result(row: Row) -> str:
    return RESULTS.get(row.result) or _name(ENUMS["OrdStatus"].by_value[row.result])


def _meaning(enum: str, name: str) -> str:
    return next(doc for n, _, doc in ENUMS[enum].values if n == name)


def page() -> str:
    """Return the page's text."""
    events = [event for event, _ in groupby(ROWS, lambda row: row.event)]
    at = {(row.status, row.event): _result(row) for row in ROWS}
    out = [
        "# Order states",
        "",
        "Generated from core/transitions.py by `python -m ringfence.tools.gen_records`; do not edit.",
        INTRODUCTION,
        "## The table",
        "",
    ]
    out += ["| base status | " + " | ".join(_name(e) for e in events) + " |", "|---" * (len(events) + 1) + "|"]
    for status in BASE:
        mark = " (end)" if status in TERMINAL else ""
        out.append(f"| **{_name(status)}**{mark} | " + " | ".join(at.get((status, e), "·") for e in events) + " |")
    out += ["", "Statuses marked (end) are terminal: LeavesQty is 0, and only new facts leave them (R11).", ""]
    for event in events:
        out += [f"## {_name(event)}", "", f"{_meaning('VenueEventKind', event)}", "", "| from | to | FIX 4.2 Appendix D, rules |", "|---|---|---|"]
        out += [f"| {_name(row.status)} | {_result(row)} | {row.rules} |" for row in ROWS if row.event == event]
        out.append("")
    out += ["## Outside the table", "", "These move no base status by the table; what they do is said beside them.", "", "| event | meaning |", "|---|---|"]
    out += [f"| {_name(event)} | {_meaning('VenueEventKind', event)} |" for event in OUTSIDE]
    return "\n".join([*out, ""])
