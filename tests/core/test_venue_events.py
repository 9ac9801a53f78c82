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


def test_order_id_when_a_venue_gives_every_order_the_same_it_takes_one_slot(machine: Machine) -> None:
    m = machine
    for n in range(1, 31):
        m.new(n)
        m.event("ACK", n, venue_order_id="0")
    assert sum(1 for slot in m.table("by_venue_order_id") if int(slot["row"])) == 1
    m.event("FILL", last_qty=100, last_px=100, exec_id="E", venue_order_id="0")
    assert m.state_of(30)[2] == 100


def test_mismatch_when_a_fill_is_of_another_instrument_the_order_keeps_its_order_id(machine: Machine) -> None:
    m = accepted(machine)
    m.fill(10, symbol="OTHER", venue_order_id="WRONG")
    m.cancel()
    assert m.commands[0]["venue_order_id"] == b"V1"


# ---- order of arrival -------------------------------------------------------------------------------------------------------


def test_ack_when_the_venues_parts_have_other_clocks_is_taken(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("PENDING_NEW", 1, transact_ns=10)
    m.event("ACK", 1, transact_ns=9)
    assert m.state_of()[0] == "NEW"


def test_ack_when_a_cancel_reject_overtook_it_resolves_the_unknown(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1, transact_ns=10, text_code=2)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.event("ACK", 1, transact_ns=9, flags=POSS_DUP)
    assert m.state_of()[0] == "NEW"


def test_s8_when_yesterdays_done_for_day_is_sent_again_the_order_goes_on(machine: Machine) -> None:
    m = accepted(machine)
    m.event("DONE_FOR_DAY", 1, transact_ns=10)
    m.event("RESTATED", 1, transact_ns=20, qty=10000)
    m.event("DONE_FOR_DAY", 1, transact_ns=10, flags=POSS_DUP)
    assert m.state_of()[0] == "NEW"
    m.event("DONE_FOR_DAY", 1, transact_ns=30)
    assert m.state_of()[0] == "DONE_FOR_DAY"


def test_s8_when_the_ack_of_a_rejected_order_is_sent_again_it_stays_rejected(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1, transact_ns=5)
    m.event("REJECTED", 1, transact_ns=5)
    m.event("ACK", 1, transact_ns=5, flags=POSS_DUP)
    assert m.state_of()[0] == "REJECTED"
    assert m.breaks() == []


def test_s8_when_an_old_status_is_sent_again_it_does_not_end_the_order(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.event("ACK", 1, transact_ns=20)
    m.event("SESSION_DOWN")
    m.event("STATUS", 1, ord_status="DONE_FOR_DAY", transact_ns=10, flags=POSS_DUP)
    assert m.state_of()[0] == "NEW"


def test_s20_when_the_status_is_of_a_replaced_version_the_live_one_goes_on(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(1, qty=9000)
    m.event("SESSION_DOWN")
    m.event("SESSION_UP")
    m.event("REPLACED", 1, 1, flags=POSS_DUP)
    m.event("STATUS", 1, 0, ord_status="CANCELED")
    assert m.state_of() == ("NEW", 9000, 0, 9000)
    assert int(m.order()["flags"]) & 1, "the live version is not answered for"
    m.event("STATUS", 1, 1, ord_status="CANCELED")
    assert m.state_of()[0] == "CANCELED"


def test_s6_when_the_only_answer_was_a_cancel_reject_the_outcome_is_unknown(machine: Machine) -> None:
    m = machine
    m.new(1)
    m.cancel()
    m.event("CANCEL_REJECT", 1, 1, text_code=2)
    m.event("SESSION_DOWN")
    assert m.state_of()[0] == "UNKNOWN"


# ---- content ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["RESTATED", "REPLACED"])
@pytest.mark.parametrize("qty", [0, -5])
def test_terms_when_the_venue_tells_no_quantity_the_order_is_not_filled(machine: Machine, kind: str, qty: int) -> None:
    m = accepted(machine)
    if kind == "REPLACED":
        m.replace(1, qty=9000)
    m.event(kind, 1, 1 if kind == "REPLACED" else 0, qty=qty)
    assert m.state_of()[:2] == ("NEW", 9000 if kind == "REPLACED" else 10000)


def test_s7_when_an_execution_report_refuses_a_request_it_is_resolved(machine: Machine) -> None:
    m = accepted(machine)
    m.replace(1, qty=9000)
    m.event("REJECTED", 1, 1, ord_status="NEW", text_code=4)
    assert m.state_of() == ("NEW", 10000, 0, 10000)
    assert m.told() == ["CANCEL_REJECTED"]
