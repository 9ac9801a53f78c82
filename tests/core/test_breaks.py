"""The table of breaks when it is full: the first rows stay, the newest are there, and what must be known of a refusal needs no row."""

from __future__ import annotations

from typing import Any

from ringfence.ipc.schema import CONSTANTS
from ringfence.tools import operator_actions, reload
from ringfence.tools.views import tables

RESTRICTED = CONSTANTS["RESTRICT_OPERATOR"][0]


class Region:
    """The engine's region, as the tools read it."""

    def __init__(self, machine: Any) -> None:
        self.section = self.table = machine.table
        self.engine = machine.status
        self.now_ns = machine.now


def fill_up(m: Any, beyond: int = 0) -> None:
    """Reports of orders that nobody knows, until the table has no free row, and ``beyond`` that."""
    while int(m.status["break_count"]) < len(m.table("breaks")) - 1 + beyond:
        m.event("ACK", cl_ord_id=f"NOBODY{int(m.status['break_count'])}")


def refuse(m: Any, request_id: int) -> None:
    """A command that cannot be: to end an order that does not exist."""
    m.control("RESOLVE_ORDER", body=m.record("OrderAction", order_id=999, ord_status=5), request_id=request_id)


def is_refused(m: Any, request_id: int) -> bool:
    return operator_actions.refused_by_engine(Region(m), request_id)  # type: ignore[arg-type]


def test_refusal_when_the_table_is_full_is_known_all_the_same(machine: Any) -> None:
    m = machine
    fill_up(m)
    m.control("HALT", request_id=6)
    refuse(m, 7)
    assert (is_refused(m, 6), is_refused(m, 7)) == (False, True)
    assert int(m.status["restrictions"]) == RESTRICTED
    assert int(m.status["controls_refused"]) == 1
    fill_up(m, beyond=40)
    assert is_refused(m, 7), "also when it has no row any more"
    assert m.replayed().tables() == m.tables()


def test_refusal_when_its_place_is_used_again_is_the_later_command(machine: Any) -> None:
    m = machine
    refuse(m, 3)
    assert is_refused(m, 3)
    m.control("HALT", request_id=3 + 1024)
    assert not is_refused(m, 3 + 1024)
    refuse(m, 0)
    assert not is_refused(m, 1024), "a command without an id has no place"
    assert int(m.status["controls_refused"]) == 2


def test_reload_when_the_table_is_full_counts_what_was_refused(machine: Any) -> None:
    m = machine
    fill_up(m)
    for request in (11, 12, 13):
        refuse(m, request)
    m.control("HALT", request_id=14)
    found = reload.outcome(Region(m), range(11, 15), 0)  # type: ignore[arg-type]
    assert found["refused"] == 3


def test_breaks_when_full_keep_the_first_and_the_newest(machine: Any) -> None:
    m = machine
    rows = len(m.table("breaks")) - 1
    fill_up(m, beyond=rows)
    texts = [bytes(b["cl_ord_id"]).decode() for b in m.table("breaks")[1:]]
    kept = rows - rows // 4
    assert texts[:kept] == [f"NOBODY{k}" for k in range(kept)]
    newest = {f"NOBODY{k}" for k in range(2 * rows - rows // 4, 2 * rows)}
    assert set(texts[kept:]) == newest
    assert m.replayed().tables() == m.tables()
    shown = tables.breaks(Region(m))  # type: ignore[arg-type]
    assert [r["seq"] for r in shown] == sorted(r["seq"] for r in shown)
    assert shown[-1]["clord"] == f"NOBODY{2 * rows - 1}"
    assert tables.breaks_without_row(Region(m)) == rows  # type: ignore[arg-type]
