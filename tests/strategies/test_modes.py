"""One class in Python and compiled: whatever comes in, both send the same bytes and end in the same state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategy_rig import EPOCH, Rig

import ringfence
from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.schema import ENUMS
from ringfence.strategies.errors import StrategyFailed
from ringfence.strategies.running import Running, open_strategy, turn

pytest.importorskip("numba", reason="numba is not installed: pip install 'ringfence[numba]'")

KINDS = sorted(ENUMS["EventKind"].by_name)
MODES = ("python", "numba")
FIRST_ID = (EPOCH << 32) + 1


@ringfence.strategy(nopython=True)
class Everything:
    """Uses all that there is."""

    symbols = ("EUR/USD",)
    qty: ringfence.parameter = 1_000
    edge: ringfence.parameter(digits=2) = 0.25
    STEP = 3
    order: int = 0
    last_px: int = 0
    lost: int = 0
    resets: int = 0
    booked: int = 0
    mid: float = 0.0
    quoting: bool = True
    seen = ringfence.array("i8", 24)

    def on_start(self):
        self.timer(2_000_000)
        self.order = self.buy(self.instrument("EUR/USD"), 1_000, 5)

    def on_quote(self, quote):
        self.seen[0] += 1
        self.mid = (quote.bid + quote.ask) / 2 + self.edge
        if quote.bid == 13:
            self.fail(quote.bid)
        if quote.flags & ringfence.TickFlag.STALE:
            self.quoting = False
        elif quote.bid % self.STEP == 0:
            self.order = self.buy(quote.instrument, self.qty, quote.bid, ringfence.TimeInForce.IOC)
        elif quote.bid % self.STEP == 1:
            self.order = self.sell(quote.instrument, self.qty, px=quote.ask)
        else:
            self.replace(self.order, self.qty + self.tick(quote.instrument), quote.bid)

    def fail(self, bid):
        self.seen[bid - 14 + len(self.seen) + 1] = 1

    def on_trade(self, trade):
        self.last_px = trade.px * trade.side
        self.market(ringfence.Side.SELL, trade.instrument, trade.qty)

    def on_book(self, delta):
        self.booked += delta.px + delta.action

    def on_reset(self, quote):
        self.resets += 1
        self.cancel_all(quote.instrument)

    def on_fill(self, event):
        self.seen[event.kind] += event.last_qty
        if event.done:
            self.order = 0

    def on_reject(self, event):
        self.seen[event.kind] += event.reason

    def on_event(self, event):
        if event.kind < 20:
            self.seen[event.kind] += 1
        self.last_px = event.engine_ns - event.output_seq

    def on_timer(self, now_ns):
        self.seen[20] += self.position(1) + self.open_orders()
        self.cancel(self.order)
        self.last_px = now_ns - self.now()

    def on_lost(self, kind, count):
        self.lost += 1000 * kind + count


steps = st.one_of(
    st.tuples(st.just("quote"), st.integers(-5, 12), st.sampled_from([0, 0, 0, 1, 4]), st.sampled_from([1, 1, 1, 2, 7, 900])),
    st.tuples(st.just("burst"), st.integers(1, 60)),
    st.tuples(st.just("trade"), st.integers(1, 50), st.integers(0, 9), st.sampled_from([1, 2])),
    st.tuples(st.just("book"), st.integers(1, 50), st.integers(0, 3)),
    st.tuples(st.just("reset")),
    st.tuples(st.just("kind"), st.integers(0, 255)),
    st.tuples(st.just("event"), st.sampled_from(KINDS), st.integers(0, 20), st.integers(-9, 9), st.sampled_from([0, 1, 2, 3, 200]), st.booleans()),
    st.tuples(st.just("advance"), st.sampled_from([1, 1_000_000, 3_000_000, 60_000_000])),
    st.tuples(st.just("parameter"), st.sampled_from(["qty", "edge", "other"]), st.integers(-300, 300), st.sampled_from([0, 2, 13])),
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


def story(mode: str, script: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    rig = Rig(slots=32, tick_slots=32)
    try:
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
@given(st.lists(steps, max_size=40))
def test_modes_when_anything_happens_send_the_same_bytes(script: list[tuple[Any, ...]]) -> None:
    assert story("python", script) == story("numba", script)


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
    with pytest.raises(StrategyFailed, match=r"Everything\.on_quote: IndexError: .*test_modes\.py:\d+\)"):
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
