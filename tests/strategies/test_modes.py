"""One class in Python and compiled: whatever comes in, both send the same bytes and end in the same state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategy_classes import Everything
from strategy_rig import EPOCH, Rig

from ringfence.gateways.tables import UnstableRow
from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.schema import ENUMS
from ringfence.strategies.errors import ParameterRefused, StrategyFailed
from ringfence.strategies.model import declaration
from ringfence.strategies.running import Running, open_strategy, turn

pytest.importorskip("numba", reason="numba is not installed: pip install 'ringfence[numba]'")
from ringfence.strategies.compiled import compile_strategy

KINDS = sorted(ENUMS["EventKind"].by_name)
MODES = ("python", "numba")
FIRST_ID = (EPOCH << 32) + 1


steps = st.one_of(
    st.tuples(st.just("quote"), st.integers(-5, 12), st.sampled_from([0, 0, 0, 1, 4]), st.sampled_from([1, 1, 1, 2, 7, 900])),
    st.tuples(st.just("burst"), st.integers(1, 60)),
    st.tuples(st.just("trade"), st.integers(1, 50), st.integers(0, 9), st.sampled_from([1, 2])),
    st.tuples(st.just("book"), st.sampled_from([0, 1, 2, 255, 256, 257, 65_537, (1 << 32) + 1, 1 << 50, -1, -(1 << 50), *range(3, 9)]), st.integers(0, 3)),
    st.tuples(st.just("latest"), st.integers(0, 7), st.integers(-5, 50), st.booleans()),
    st.tuples(st.just("reset")),
    st.tuples(st.just("kind"), st.integers(0, 255)),
    st.tuples(st.just("event"), st.sampled_from(KINDS), st.integers(0, 20), st.integers(-9, 9), st.sampled_from([0, 1, 2, 3, 200]), st.booleans()),
    st.tuples(st.just("advance"), st.sampled_from([1, 1_000_000, 3_000_000, 60_000_000])),
    st.tuples(
        st.just("parameter"),
        st.sampled_from(["qty", "edge", "other"]),
        st.integers(-300, 300) | st.integers(-(1 << 63), (1 << 63) - 1),
        st.sampled_from([0, 2, 12, 13]),
        st.booleans(),
    ),
    st.tuples(st.just("engine"), st.sampled_from(["STARTING", "RUNNING"])),
    st.tuples(st.just("table"), st.integers(-50, 50)),
    st.tuples(st.just("take")),
)


def act(rig: Rig, step: tuple[Any, ...]) -> list[bytes]:
    what, *values = step
    if what == "quote":
        rig.quote(values[0], values[0] + 2, flags=values[1], instrument=values[2])
    elif what == "burst":
        for n in range(values[0]):
            rig.quote(2 + 3 * n, 7)
    elif what == "trade":
        rig.tick("TRADE", "TradeTick", px=values[0], qty=values[1], side=values[2])
    elif what == "book":
        rig.tick("BOOK", "BookDelta", px=values[0], action=values[1])
    elif what == "latest":
        rig.latest(values[0], values[1], writing=values[2])
    elif what == "reset":
        rig.tick("RESET")
    elif what == "kind":
        rig.tick(kind=values[0])
    elif what == "event":
        kind, status, net, row, deliver = values
        full = rig.link.depth >= rig.link.capacity - 1
        rig.emit(kind, deliver and not full, ord_status=status, net_qty=net, instrument=row, order_id=row % 2, last_qty=net, side=row % 3, engine_ns=99)
    elif what == "advance":
        rig.advance(values[0])
    elif what == "parameter":
        rig.set_parameter(*values)
    elif what == "engine":
        rig.state.set_state(ENUMS["ProcessState"].by_name[values[0]])
    elif what == "table":
        row = rig.state.section("positions")[1]
        row["strategy"], row["account"], row["instrument"], row["net_qty"] = 1, 1, 1, values[0]
        rig.engine["position_count"] = 1
    else:
        return [intent.tobytes() for intent in rig.intents_out()]
    return []


def story(mode: str, script: list[tuple[Any, ...]], before: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    rig = Rig(slots=32, tick_slots=32)
    try:
        for step in before:
            act(rig, step)
        running = open_strategy(Everything, rig.attachment, mode=mode)
        running.start()
        out, works = [], []
        for step in [*script, ("take",)]:
            out += act(rig, step)
            works.append(turn(running))
        running.finish()
        out += act(rig, ("take",))
        state = running.state()
        state["seen"] = state["seen"].tolist()
        return out, works, state, running.runtime.counters(), running.runtime.position(1), rig.intents.superblock["heartbeat_ns"]
    finally:
        rig.close()


@pytest.mark.timeout(300)  # the first run on a host compiles
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=40), st.lists(steps.filter(lambda step: step[0] in ("parameter", "table", "latest")), max_size=3))
def test_modes_when_anything_happens_send_the_same_bytes(script: list[tuple[Any, ...]], before: list[tuple[Any, ...]]) -> None:
    assert story("python", script, before) == story("numba", script, before)


@pytest.fixture(scope="module", autouse=True)
def code() -> None:
    """Compile first: an error is shown once, and not shrunk."""
    compile_strategy(declaration(Everything))


@pytest.fixture(params=MODES)
def running(request: pytest.FixtureRequest) -> Any:
    rig = Rig()
    made = open_strategy(Everything, rig.attachment, mode=request.param, settings={"qty": 7, "edge": 1})
    yield rig, made
    rig.close()


def test_intent_when_a_tick_causes_it_carries_its_stamp_and_none_from_a_timer(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.intents_out()
    rig.quote(12, 14, published_ns=555)
    turn(made)
    (intent,) = rig.intents_out()
    assert (int(intent["origin_ns"]), int(intent["client_id"]), int(intent["qty"]), int(intent["epoch"])) == (555, FIRST_ID + 1, 7, EPOCH)
    rig.advance(2_000_000)
    turn(made)
    (cancel,) = rig.intents_out()
    assert (int(cancel["origin_ns"]), int(cancel["kind"]), int(cancel["client_id"])) == (0, ENUMS["IntentKind"].by_name["CANCEL"], FIRST_ID + 1)


def test_buy_when_the_ring_is_full_returns_0_and_is_counted(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    for _ in range(70):
        rig.quote(12, 14)
        turn(made)
    assert made.state()["order"] == 0
    assert made.runtime.counters()["refused"] == 7
    assert [int(i["client_id"]) for i in rig.intents_out()] == [FIRST_ID + n for n in range(64)]


def test_events_when_some_are_dropped_the_loss_is_told_before_the_next_one_and_positions_are_read_again(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.emit("ACK", False)
    rig.emit("ACK", False)
    act(rig, ("table", 41))
    turn(made)
    assert made.runtime.position(1) == 0
    for _ in range(3):
        rig.advance(60_000_000)
        turn(made)  # the timer's
        turn(made)
    assert made.state()["lost"] == 1000 * 10 + 2
    assert made.runtime.position(1) == 41


def test_method_when_it_raises_names_method_error_and_line(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.quote(13, 15)
    with pytest.raises(StrategyFailed, match=r"Everything\.on_quote: IndexError: .*strategy_classes\.py:\d+\)"):
        turn(made)


def test_ring_when_it_holds_garbage_is_not_read_any_more(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.events.section("slots")["slot_seq"][0] = 77
    with pytest.raises(RingGarbage):
        turn(made)


def test_parameter_when_a_fraction_is_set_on_an_int_it_stays(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.set_parameter("qty", 150, 2)
    rig.set_parameter("edge", 150, 2)
    rig.advance(2_000_000)
    turn(made)
    assert (made.state()["qty"], made.state()["edge"]) == (7, 1.5)


def test_stop_when_asked_ends_the_loop(running: tuple[Rig, Running]) -> None:
    _, made = running
    made.start()
    made.runtime.request_stop()
    made.loop()
    made.finish()


def test_parameter_when_it_is_set_before_the_start_it_is_what_the_strategy_begins_with() -> None:
    for mode in MODES:
        rig = Rig()
        rig.set_parameter("qty", 9)
        made = open_strategy(Everything, rig.attachment, mode=mode, settings={"qty": 7})
        made.start()
        rig.quote(12, 14)
        turn(made)
        assert [int(i["qty"]) for i in rig.intents_out()] == [1_000, 9], mode
        rig.close()


def test_parameter_when_the_engine_is_writing_its_row_is_taken_whole_afterwards(running: tuple[Rig, Running]) -> None:
    rig, made = running
    rig.set_parameter("edge", 125, 2)
    made.start()
    rig.advance(2_000_000)
    turn(made)
    row = rig.state.section("parameters")[1]
    row["begun"], row["value"] = 2, 3  # and `digits` is still that of 1.25
    rig.set_parameter("qty", 8)
    rig.advance(2_000_000)
    turn(made)
    assert (made.state()["edge"], made.state()["qty"]) == (1.25, 8)
    row["digits"], row["changes"] = 0, 2
    rig.advance(2_000_000)
    turn(made)
    assert made.state()["edge"] == 3.0


def test_buy_when_an_amount_does_not_fit_its_field_names_nothing_instead_of_another(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.intents_out()
    rig.tick("BOOK", "BookDelta", px=(1 << 32) + 1, action=1)
    turn(made)
    buy, market, cancels, _ = rig.intents_out()
    assert [int(buy[n]) for n in ("instrument", "account", "time_in_force", "instructions")] == [0xFFFFFFFF, 0xFFFF, 0xFF, 0xFFFFFFFF]
    assert (int(market["side"]), int(cancels["instrument"])) == (0xFF, 0xFFFFFFFF)


@pytest.mark.parametrize("ns", [9_000_000_000_000_000_000, -5, 0])
def test_timer_when_it_is_absurd_never_comes(running: tuple[Rig, Running], ns: int) -> None:
    rig, made = running
    made.start()
    rig.tick("BOOK", "BookDelta", px=ns, action=2)
    turn(made)
    rig.advance(3_600_000_000_000)
    turn(made)
    assert made.state()["seen"][20] == 0
    assert not [i for i in rig.intents_out() if int(i["kind"]) == ENUMS["IntentKind"].by_name["CANCEL"]]


def test_quote_when_a_strategy_comes_late_is_the_latest_and_stays_as_it_was_read(running: tuple[Rig, Running]) -> None:
    rig, made = running
    rig.latest(2, 70)
    top = made.runtime.quote(2)
    rig.latest(2, 71)
    assert (top.instrument, top.bid, top.ask, top.published_ns) == (2, 70, 72, rig.clock.now_ns())
    assert made.runtime.quote(2).bid == 71
    assert made.runtime.quote(5) == made.runtime.quote(-1) == made.runtime.quote(1 << 40) == (0,) * 10
    made.start()
    rig.tick("BOOK", "BookDelta", px=2, action=3)
    turn(made)
    assert made.state()["booked"] == 2 + 3 + 71 + 2 * 9 + rig.clock.now_ns() + 1


def test_positions_when_events_are_lost_while_the_engine_starts_again_are_read_once_it_is_up(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    rig.emit("ACK", False)
    act(rig, ("table", 41))
    rig.state.set_state(ENUMS["ProcessState"].by_name["RECOVERING"])
    rig.emit("ACK", order_id=0)
    turn(made)
    assert (made.state()["lost"], made.runtime.position(1)) == (10_001, 0)
    rig.state.set_state(ENUMS["ProcessState"].by_name["RUNNING"])
    rig.advance(1_000_000)
    turn(made)
    assert made.runtime.position(1) == 41


def test_clock_when_it_is_set_back_and_corrected_is_followed_though_time_stands(running: tuple[Rig, Running]) -> None:
    rig, made = running
    made.start()
    turn(made)
    rig.set_parameter("qty", 5)
    for _ in range(300):
        turn(made)
    assert made.state()["qty"] == 5


def test_open_when_positions_cannot_be_read_is_refused_instead_of_flat() -> None:
    rig = Rig()
    act(rig, ("table", 41))
    rig.engine["position_count"] = 99  # more than there are rows: the table is being made
    with pytest.raises(UnstableRow, match="try again"):
        open_strategy(Everything, rig.attachment, mode="python")
    rig.close()


@pytest.mark.parametrize("amounts", [(1, 1000.7, 5), (1, 5, 5.0), (1.0, 5, 5), (1, "5", 5), (1, None, 5)])
def test_buy_when_an_amount_is_no_integer_is_refused(running: tuple[Rig, Running], amounts: Any) -> None:
    rig, made = running
    with pytest.raises(TypeError, match="integers in the instrument's scale"):
        made.runtime.buy(*amounts)
    assert rig.intents_out() == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1 << 63, 1.5, True, "7", None])
def test_settings_when_a_value_cannot_be_are_refused(value: Any) -> None:
    rig = Rig()
    with pytest.raises(ParameterRefused, match="parameter qty"):
        open_strategy(Everything, rig.attachment, mode="python", settings={"qty": value})
    rig.close()
