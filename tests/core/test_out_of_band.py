"""Reports on the ClOrdID of a gateway's own cancel (REVISION_OUT_OF_BAND): facts about the order, and never a version of it."""

from __future__ import annotations

import pytest
from tests.core.conftest import Machine

from ringfence.ipc.schema import CONSTANTS

OUT = CONSTANTS["REVISION_OUT_OF_BAND"][0]


def working(machine: Machine) -> Machine:
    machine.new(1)
    machine.event("ACK", 1, venue_order_id="V1")
    return machine


def test_order_when_its_out_of_band_cancel_is_granted_is_canceled(machine: Machine) -> None:
    working(machine)
    machine.event("CANCELED", 1, OUT)
    assert machine.state_of() == ("CANCELED", 10000, 0, 0)
    assert machine.told() == ["CANCELED"]
    assert machine.breaks() == []
    assert machine.replayed().tables() == machine.tables()


def test_order_when_both_cancel_it_ends_once(machine: Machine) -> None:
    working(machine)
    machine.cancel(1)
    machine.event("CANCELED", 1, OUT)
    assert machine.told()[-1] == "CANCELED"
    machine.event("CANCEL_REJECT", 1, 1, text_code=1)
    assert machine.state_of()[0] == "CANCELED"
    assert machine.breaks() == []


def test_order_when_its_out_of_band_cancel_comes_too_late_stays_as_it_is(machine: Machine) -> None:
    working(machine)
    machine.event("CANCEL_REJECT", 1, OUT, text_code=1)
    assert machine.state_of() == ("NEW", 10000, 0, 10000)


def test_order_when_it_is_filled_under_the_out_of_band_id_books_the_fill(machine: Machine) -> None:
    working(machine)
    machine.fill(4000, order=1, rev=OUT, cum_qty=4000)
    assert machine.state_of() == ("PARTIALLY_FILLED", 10000, 4000, 6000)
    machine.event("CANCELED", 1, OUT)
    assert machine.state_of() == ("CANCELED", 10000, 4000, 0)


@pytest.mark.parametrize("kind", ["REPLACED", "REJECTED", "BUSINESS_REJECT", "NOT_SENT", "PENDING_CANCEL", "RESTATED", "ACK"])
def test_order_when_anything_else_names_the_out_of_band_id_keeps_its_versions(machine: Machine, kind: str) -> None:
    working(machine)
    machine.event(kind, 1, OUT, ord_status="REJECTED" if kind == "REJECTED" else 0, text_code=3)
    assert machine.state_of() == ("NEW", 10000, 0, 10000)
    assert (int(machine.order()["live_revision"]), int(machine.order()["revision"])) == (0, 0)
    machine.cancel(1)
    machine.event("CANCELED", 1, 1)
    assert machine.state_of()[0] == "CANCELED"


def test_order_when_unacked_and_its_out_of_band_cancel_is_refused_is_not_ended(machine: Machine) -> None:
    machine.new(1)
    machine.event("BUSINESS_REJECT", 1, OUT, text_code=3)
    assert machine.state_of()[0] == "PENDING_NEW"
    machine.event("REJECTED", 1, OUT, ord_status="REJECTED")
    assert machine.state_of()[0] == "PENDING_NEW"


def test_order_when_rounds_of_cancels_are_numbered_knows_each_of_them(machine: Machine) -> None:
    from ringfence.core.clordid import encode_out_of_band

    working(machine)
    day = int(machine.status["day_code"])
    machine.event("CANCEL_REJECT", cl_ord_id=encode_out_of_band("RF", day, 1, 1), text_code=3)
    assert machine.state_of()[0] == "NEW"
    machine.event("BUSINESS_REJECT", cl_ord_id=encode_out_of_band("RF", day, 1, 2), text_code=3)
    assert machine.state_of()[0] == "NEW"
    machine.event("CANCELED", cl_ord_id=encode_out_of_band("RF", day, 1, 16383))
    assert machine.state_of()[0] == "CANCELED"
