"""The invariants I1 to I22 of an instance, and the two of a simulated run: what each says, when it can be checked, and by what.

    frames, wire, venue's executions ──Oracle──▶ [Violation(invariant, text, seq)]

A row whose ``checked_by`` names tests is one that a single run cannot see (two builds, snapshots, memory over time); it is listed so that no
invariant is without a guard. Owns no state; nothing here fails.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP, RECOVERY, QUIESCENCE, ELSEWHERE = "every step", "after recovery", "at quiescence", "by other tests"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant; ``checked_by`` is a function of the oracle, or the tests that hold it."""

    name: str
    text: str
    when: str
    checked_by: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant: its name, what was expected and what is there, and the journal sequence at which it was seen."""

    invariant: str
    text: str
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.invariant} at sequence {self.seq}: {self.text} ({BY_NAME[self.invariant].text})"


INVARIANTS: tuple[Invariant, ...] = (
    Invariant("I1", "each ClOrdID leaves the gateway at most once", STEP, "oracle_wire.check_message"),
    Invariant("I2", "every order on the wire has a prior journaled intent that was not denied; every intent has its answer", STEP, "oracle_wire.check_message"),
    Invariant("I3", "CumQty + LeavesQty = OrderQty while working, LeavesQty 0 at the end; status by the state table", STEP, "oracle_compare.order"),
    Invariant("I4", "CumQty falls only by a bust, a correction or a split", STEP, "oracle_compare.order"),
    Invariant("I5", "CumQty is the sum of the executions of the order, each booked exactly once", STEP, "oracle_compare.order"),
    Invariant("I6", "a position is the sum of the signed fills; the venue's truth is ours when all is quiet", STEP, "oracle_compare.position"),
    Invariant("I7", "money is conserved: total cost less realized PnL is the signed notional of the surviving executions", STEP, "oracle_compare.position"),
    Invariant("I8", "reserved exposure is that of the open orders and the requests in flight", STEP, "oracle_compare.scalars, scope_sums.check"),
    Invariant("I9", "no order that is done has reserved exposure", STEP, "oracle_compare.order, scope_sums.check"),
    Invariant("I10", "the journal is dense: sequence, engine time, epochs and the positions of every source ring", STEP, "Oracle.frame"),
    Invariant(
        "I11", "a replay has the live state's hash", ELSEWHERE, "the simulator after every recovery, tests/core/test_replay.py, tests/core/other_builds.py"
    ),
    Invariant("I12", "a snapshot and its tail give the state of a full replay", ELSEWHERE, "tests of snapshots and recovery"),
    Invariant("I13", "no new risk after a halt reaches the wire; cancels do", STEP, "oracle_wire.check_message"),
    Invariant("I14", "every order that stays Unknown has an open break, and no contradiction is silent", STEP, "oracle_compare.scalars, unknown_orders"),
    Invariant("I15", "outputs depend on the journal alone", ELSEWHERE, "tests/core/test_determinism.py, tests/test_determinism_guard.py"),
    Invariant("I16", "drop copy and our own fills are the same set", ELSEWHERE, "there is no drop copy session yet; the venue's own executions stand in (I6)"),
    Invariant("I17", "the rate of orders on the wire keeps its limit", ELSEWHERE, "tests of the session's budget; the engine's rates by I20"),
    Invariant("I18", "memory is constant after warm-up", ELSEWHERE, "bench/memory.py"),
    Invariant("I19", "no new risk of a killed scope leaves; a gateway that sees its kill word sends none", STEP, "oracle_wire.check_message, kills.Switches"),
    Invariant("I20", "an intent is refused with the reject code of the first rule that it breaks", STEP, "Oracle.denied, oracle_limits.refusal"),
    Invariant("I21", "limits, kills, proposals, overrides, strategies' states and parameters are what commands made of them", STEP, "oracle_governed.compare"),
    Invariant(
        "I22", "the ledger conserves cost and cash, its lots add up, and it has what positions have", RECOVERY, "ledger_state.disagreements, oracle_cash"
    ),
    Invariant("LIVENESS", "after the faults all comes to rest: orders settled, rings drained, sessions up", QUIESCENCE, "the simulator"),
    Invariant("DURABLE", "what was reported durable is in the files", RECOVERY, "the simulator"),
)
BY_NAME = {i.name: i for i in INVARIANTS}
