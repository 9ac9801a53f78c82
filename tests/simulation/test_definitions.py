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
STATUS = st.sampled_from((1, 2))
FEW = st.integers(0, 2)
ROW = st.integers(1, 2)  # without a gap, as configuration numbers rows


def draws(record_name: str, **fields: Any) -> Any:
    return st.fixed_dictionaries({"id": ROW, "status": STATUS} | fields).map(lambda values: (record_name, values))


IMAGES = st.one_of(
    draws("Instrument", qty_min=FEW, qty_max=st.integers(3, 5), margin_ppm=FEW, last_day=FEW, restricted=st.integers(0, 1), locate_required=st.integers(0, 1)),
    draws("Account", code=st.sampled_from((b"a", b"b"))),
    draws("Venue", cancel_on_disconnect=st.integers(0, 1)),
    draws("Strategy", status=st.integers(1, 4), max_age_ns=FEW, deadman_ns=FEW, uid=FEW, cancel_on_detach=st.integers(0, 1)),
    draws("Operator", id=st.integers(1, 4), uid=st.sampled_from((0, 1000)), role=st.integers(1, 4), public_key=st.sampled_from((b"", b"k"))),
)
DECISIONS = st.tuples(st.sampled_from(("APPROVE", "WITHDRAW")), st.integers(1, 6))
ENABLES = st.tuples(st.just("SET_STRATEGY"), st.tuples(ROW, st.integers(1, 4)))
UIDS = st.sampled_from((OWNER, ALICE, BOB))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operators=st.integers(0, 3), steps=st.lists(st.tuples(UIDS, st.one_of(IMAGES, DECISIONS, ENABLES)), min_size=1, max_size=30))
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
            fields = fields | ({"uid": fields["uid"] + 999 + fields["id"]} if what == "Operator" else {})  # one of its own
            names = {"Instrument": {"symbol": "X", "base": "EUR", "quote": "USD", "tick": 1, "lot": 1, "multiplier": 1, "price_digits": 4}}.get(what, {"name": "x"})
            journal.control(f"DEFINE_{what.upper()}", record(what, **names, **fields), **who)
    journal.checkpoint()
    journal.write()
    assert audit(journal.directory).violations == []
