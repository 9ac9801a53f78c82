"""What a report may not do: change an order that it does not name, or take back what a later one said."""

from __future__ import annotations

from typing import Any

import pytest

Machine = Any
TRUNCATED = 8
POSS_DUP = 1


def accepted(m: Machine, qty: int = 10000, **fields: Any) -> Machine:
    m.new(1, qty=qty, **fields)
    m.event("ACK", 1, venue_order_id="V1")
    return m


# ---- which order, which execution -------------------------------------------------------------------------------------------


def test_fill_when_only_the_order_id_was_cut_its_exec_id_counts(machine: Machine) -> None:
    m = machine
    cut = {"venue_order_id": "6F9619FF-8B86-D011-B42D-00C04FC9", "flags": TRUNCATED}  # of a UUID's 36 characters
    m.new(1)
    m.event("ACK", 1, **cut)
    for exec_id in ("E1", "E2"):
        m.fill(100, exec_id=exec_id, transact_ns=5, **cut)
    assert m.state_of()[2] == 200
    m.event("BUST", 1, exec_ref_id="E1", exec_id="B1", transact_ns=6, **cut)
    assert m.state_of()[2] == 100
    assert m.breaks() == []


def test_order_id_when_it_was_cut_is_not_sent_back(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1, venue_order_id="A" * 32, flags=TRUNCATED)
    m.cancel()
    assert m.commands[0]["venue_order_id"] == b""


def test_order_id_when_it_has_32_characters_is_kept(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1, venue_order_id="A" * 32)
    m.cancel()
    assert m.commands[0]["venue_order_id"] == b"A" * 32


def test_r8_when_the_order_id_is_none_it_names_no_order(machine: Machine) -> None:
    m = accepted(machine)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1, venue_order_id="NONE", text_code=1)
    assert m.order()["venue_order_id"] == b"V1"
    m.event("CANCELED", cl_ord_id="FOREIGN", venue_order_id="NONE")
    assert m.state_of()[0] == "NEW"
    assert m.breaks() == ["UNKNOWN_ORDER"]


def test_s8_when_an_older_report_has_another_order_id_the_later_one_stays(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1, venue_order_id="V1", transact_ns=1)
    m.event("RESTATED", 1, venue_order_id="V2", transact_ns=2, text="renewed")
    m.event("ACK", 1, venue_order_id="V1", transact_ns=1, flags=POSS_DUP, text="new")
    assert m.order()["text"] == b"renewed"
    m.cancel()
    assert m.commands[0]["venue_order_id"] == b"V2"


def test_match_when_a_venue_uses_an_order_id_again_the_newest_order_is_meant(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.fill(10000, venue_order_id="7")
    m.start(20260103)
    m.new(2, strategy=2)
    m.event("ACK", 2, venue_order_id="7")
    m.event("FILL", last_qty=100, last_px=100, exec_id="E9", venue_order_id="7")
    assert m.state_of(1)[2] == 10000
    assert m.state_of(2)[2] == 100


def test_order_id_when_the_venue_changes_it_to_and_fro_takes_one_slot_each(machine: Machine) -> None:
    m = accepted(machine)
    for n in range(2, 100):
        m.event("RESTATED", 1, venue_order_id=f"V{1 + n % 2}")
    assert sum(1 for slot in m.table("by_venue_order_id") if int(slot["row"])) == 2


def test_mismatch_when_a_fill_is_of_another_instrument_the_order_keeps_its_order_id(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10, symbol="OTHER", venue_order_id="WRONG")
    m.cancel()
    assert m.commands[0]["venue_order_id"] == b"V1"
