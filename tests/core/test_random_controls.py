"""A control ring that holds random bytes behind good sequence words: nothing that orders, limits or permissions depend on changes, and it is reported."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS

KEPT = ("scopes", "permissions", "proposals", "operators", "orders", "requests", "executions", "positions", "accounts", "venues", "routes", "instruments",
        "margin_rates", "cash", "parameters")  # fmt: skip
HALTED = CONSTANTS["RESTRICT_DIVERGENCE"][0]
QUIET = {ENUMS["ControlKind"].by_name["CHECKPOINT"]}  # only advances the sequence
HALTS = {ENUMS["ControlKind"].by_name["DIVERGENCE"]}  # the one command without an operator that does something: it takes no new risk


def test_control_when_its_bytes_are_random_changes_nothing_and_is_a_break(machine: Any) -> None:
    m = machine
    m.currency()
    body = m.record("Operator", id=1, name="owner", uid=1000, role=ENUMS["OperatorRole"].by_name["ADMIN"], status=1)
    m.control("DEFINE_OPERATOR", body=body)
    m.limit("MAX_QTY", 1000, operator_uid=1000, operator_name="config")
    m.new(1, qty=10)
    m.event("ACK", 1)
    before = {name: m.table(name).tobytes() for name in KEPT}
    draw = np.random.default_rng(20261126)
    reported = int(m.status["break_count"])
    expected = 0
    for _ in range(4000):
        raw = np.frombuffer(draw.bytes(RECORDS["Control"].size), m.record("Control").dtype).copy()
        if draw.random() < 0.7:  # kinds that exist, too
            raw["kind"] = draw.integers(1, ENUMS["ControlKind"].max + 1)
        m.frame("CONTROL", raw[0])
        expected += int(raw[0]["kind"]) not in QUIET | HALTS
        assert m.commands == []
    changed = [name for name, data in before.items() if m.table(name).tobytes() != data]
    assert changed == []
    assert int(m.status["restrictions"]) in (0, HALTED)
    assert int(m.status["break_count"]) - reported >= expected
