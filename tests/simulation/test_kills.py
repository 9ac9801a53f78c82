"""Kill switches in simulated runs: they hold under every fault, and what would not hold is seen."""

from __future__ import annotations

import os
import socket
from collections import Counter
from typing import Any

import pytest

from ringfence.tools.commands import simulate
from ringfence.tools.simulation import kills, oracle_authority, oracle_intents, oracle_kills, runs
from ringfence.tools.simulation.faults import Fault
from ringfence.tools.simulation.runs import Plan
from ringfence.tools.simulation.setup import draw_shape
from ringfence.tools.simulation.world import Broken, World

KILLS = "kill_scope,kill_word"
FAULTS = f"{KILLS},kill_engine,kill_gateway,kill_strategy,host_crash,stall,cut,half_message,slow_venue,late_report,roll_day,halt"
EVENTS = 2000


@pytest.fixture
def world(request: Any) -> Any:
    """A world of a seed whose faults are kills; it is not run yet."""
    plan = Plan(request.param, EVENTS, KILLS)
    made = World(draw_shape(plan.seed, f"simkills{os.getpid()}"), plan.faults())
    yield made
    made.host.close()


@pytest.mark.parametrize("seed", range(1, 9))
def test_run_when_scopes_are_killed_amid_faults_all_holds(seed: int) -> None:
    outcome = runs.run(Plan(seed, EVENTS, FAULTS))
    assert outcome.ok, simulate.report(outcome)
    assert outcome.fired["kill_scope"]
    assert outcome.fired["kill_word"]


@pytest.mark.parametrize("world", [9], indirect=True)
def test_run_when_scopes_are_killed_refuses_cancels_flattens_and_is_released_by_two(world: World) -> None:
    world.run(EVENTS)
    m = world.oracle.oracle.model
    assert [finish > begin > 0 for _, begin, finish in m.killed] == [True] * len(m.killed) != []
    assert Counter(p.state for p in m.proposals)["APPROVED"] >= len(m.killed)
    assert "KILLED" in m.reasons.values()
    assert any(oracle_kills.flattens(o) and o.cum for o in m.orders), "a position was closed by the engine's own order"
    assert any(text[13:16] == b"-VV" for _, text in world.oracle.oracle._wire.seen), "a gateway cancelled by itself"


@pytest.mark.parametrize("world", [4], indirect=True)
@pytest.mark.parametrize(("module", "function"), [(oracle_intents, "refusal"), (oracle_kills, "_cancel"), (oracle_authority, "_approve")])
def test_run_when_the_engine_does_other_than_the_rules_is_broken(world: World, monkeypatch: pytest.MonkeyPatch, module: Any, function: str) -> None:
    """The rules are made to differ, which is the same to the comparison."""
    monkeypatch.setattr(module, function, lambda *_: False)
    with pytest.raises(Broken):
        world.run(EVENTS)


@pytest.mark.parametrize("world", [1], indirect=True)
@pytest.mark.parametrize(
    ("sent", "found"),
    [(b"8=FIX.4.4\x0135=D\x0111=X\x01", 1), (b"8=FIX.4.4\x0135=F\x0111=X\x018=FIX.4.4\x0135=G\x0111=Y\x01", 1), (b"8=FIX.4.4\x0135=F\x0111=X\x01", 0)],
)
def test_gateway_when_its_word_is_set_and_it_sends_new_risk_is_found(world: World, sent: bytes, found: int) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    world.markets[0].wire.sock = ours
    theirs.sendall(b"8=FIX.4.4\x0135=D\x0111=before\x01")
    world.switches.set_word(0)
    world.switches.before_turn(1)
    theirs.sendall(sent)
    assert [v.invariant for v in world.switches.after_turn(1)] == ["I19"] * found
    theirs.close()


def test_wire_when_an_order_of_a_killed_scope_leaves_is_found() -> None:
    """An engine that takes an order after the kill: by its journal alone the order is not there, on the wire it is new risk of a killed scope."""
    plan = Plan(4, EVENTS, "none")
    world = World(draw_shape(plan.seed, f"simkills{os.getpid()}"), [])
    try:
        world._trade(EVENTS)
        m = world.oracle.oracle.model
        sent = next(iter(world.oracle.sent))
        m.killed.append((kills.scopes(world.shape)[0], 1, 0))
        world.oracle.oracle._wire.seen.clear()
        message = {35: "D", 11: sent, 38: "1", 54: "1"}
        world.oracle.oracle.wire(1, message)
        found = world.oracle.oracle.check_step(world.watch.state())
        assert "I19" in {v.invariant for v in found}
    finally:
        world.host.close()


def test_schedule_when_a_kill_is_drawn_is_the_same_kill_when_it_is_run_again() -> None:
    schedule = ("100:kill_scope::7", "400:kill_word::5", "600:kill_engine::2")
    first, second = (runs.run(Plan(5, 900, schedule=schedule)) for _ in range(2))
    assert first.ok, simulate.report(first)
    assert (first.trace, first.fired) == (second.trace, second.fired)
    assert Fault.parse(schedule[0]).kind == "kill_scope"
