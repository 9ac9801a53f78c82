"""Definitions on an instance that trades, drawn at random: engine and independent model agree on what is done, proposed and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_by_hand import JournalByHand, record

from ringfence.ipc.schema import ENUMS
from ringfence.tools.audit import audit

OWNER, ALICE, BOB = 1000, 1001, 1002
ROLE = ENUMS["OperatorRole"].by_name
ROW = st.integers(1, 2)  # without a gap, as configuration numbers rows
ALIKE: dict[str, dict[str, Any]] = {
    "Instrument": {"symbol": "X", "base": "EUR", "quote": "USD", "tick": 1, "lot": 1, "multiplier": 1, "price_digits": 4, "qty_min": 1, "qty_max": 4},
    "Account": {"name": "x", "code": "a"},
    "Venue": {"name": "x"},
    "Strategy": {"name": "x", "max_age_ns": 1, "deadman_ns": 1},
    "Operator": {"name": "x", "role": ROLE["RISK"]},
    "MarginRate": {"rate_ppm": 100, "above": (50, 90, 0), "step_ppm": (200, 300, 0)},
}
ONE_OTHER: dict[str, dict[str, Any]] = {
    "Instrument": {
        "qty_min": (0, 2),
        "qty_max": (0, 3, 5),
        "margin_ppm": (1, 250),
        "last_day": (1, 2),
        "restricted": (1,),
        "locate_required": (1,),
        "status": (2,),
    },
    "Account": {"code": ("b",), "status": (2,)},
    "Venue": {"cancel_on_disconnect": (1,), "status": (2,)},
    "Strategy": {"max_age_ns": (0, 2), "deadman_ns": (0, 2), "uid": (1,), "cancel_on_detach": (1,), "status": (2, 4)},
    "Operator": {"uid": (1000,), "role": tuple(ROLE.values()), "public_key": (b"k",), "status": (2,)},
    "MarginRate": {
        "rate_ppm": (0, 99, 101, 10**9 + 1),
        "above": ((40, 90, 0), (60, 90, 0), (90, 50, 0), (50, 90, 95), (50, 0, 0)),
        "step_ppm": ((199, 300, 0), (201, 300, 0), (200, 299, 0), (0, 0, 0), (400, 400, 400)),
        "account": (1, 2, 3),
        "instrument": (1, 2),
        "currency": (1,),
        "kind": (1, 99),
        "status": (2, 9),
    },
}
"""What images are alike in, and the values that one field of an image has instead: so that what follows from a single field is seen."""


def images(record_name: str) -> Any:
    other = st.sampled_from([{}, *({name: value} for name, values in ONE_OTHER[record_name].items() for value in values)])
    row = st.integers(1, 4) if record_name == "Operator" else ROW
    return st.builds(lambda row, other: (record_name, {"id": row, "status": 1} | ALIKE[record_name] | other), row, other)


IMAGES = st.sampled_from(("Instrument", "MarginRate", *sorted(ALIKE))).flatmap(images)
DECISIONS = st.tuples(st.sampled_from(("APPROVE", "WITHDRAW")), st.integers(1, 6))
ENABLES = st.tuples(st.just("SET_STRATEGY"), st.tuples(ROW, st.integers(1, 4)))
STEP = st.sampled_from((IMAGES, IMAGES, IMAGES, DECISIONS, ENABLES)).flatmap(lambda step: step)
UIDS = st.sampled_from((OWNER, ALICE, BOB))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operators=st.integers(0, 3), steps=st.lists(st.tuples(UIDS, STEP), min_size=20, max_size=80))
def test_definitions_when_drawn_at_random_are_judged_alike_by_engine_and_oracle(tmp_path_factory: Any, operators: int, steps: list[Any]) -> None:
    journal = JournalByHand(Path(tmp_path_factory.mktemp("definitions")))
    for row, uid in enumerate((OWNER, ALICE, BOB)[:operators], 1):
        body = record("Operator", id=row, name=f"op{uid}", uid=uid, role=ROLE["ADMIN" if uid == OWNER else "RISK"], status=1)
        journal.control("DEFINE_OPERATOR", body)
    journal.new(1, "BUY", 1, 11000)
    for uid, (what, fields) in steps:
        who = {"operator_uid": uid, "operator_name": "somebody"}
        if what in ("APPROVE", "WITHDRAW"):
            journal.control(what, record("Decision", proposal=fields), **who)
        elif what == "SET_STRATEGY":
            journal.control(what, strategy=fields[0], status=fields[1], **who)
        else:
            fields = fields | ({"uid": fields.get("uid", 0) + 999 + fields["id"]} if what == "Operator" else {})  # one of its own
            journal.control("DEFINE_MARGIN" if what == "MarginRate" else f"DEFINE_{what.upper()}", record(what, **fields), **who)
    journal.checkpoint()
    journal.write()
    assert audit(journal.directory).violations == []
