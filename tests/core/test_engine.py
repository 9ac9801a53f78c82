"""The loop over real rings in shared memory: strategies, a gateway and a sidecar are played by the test, through links."""

from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import numpy as np
import pytest
from engine_rig import ENGINE, FRAME, LIMITS, Rig, record, rigs

from ringfence.core.counters import STAGES
from ringfence.core.engine import Engine
from ringfence.core.errors import CoreError
from ringfence.core.replay import Replayer
from ringfence.core.state import State
from ringfence.ipc import stop
from ringfence.ipc.errors import RingFull
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS, ENUMS

BEYOND_SHARE_NS = 1_000_000  # of core/engine.pyx


def test_engine_when_an_order_lives_its_outputs_and_journal_agree(rig: Rig) -> None:
    rig.intent("NEW", 1)
    rig.pump()
    (new,) = rig.commands()
    assert (int(new["qty"]), int(new["px"]), bytes(new["symbol"]), int(new["output_seq"])) == (10, 100, b"EURUSD", 1)
    rig.event("ACK", new["cl_ord_id"], venue_order_id="V1")
    rig.event("FILL", new["cl_ord_id"], exec_id="E1", last_px=101, last_qty=4, cum_qty=4, received_ns=rig.clock.now_ns())
    rig.intent("CANCEL", 1)
    rig.pump()
    (cancel,) = rig.commands()
    assert cancel["orig_cl_ord_id"] == new["cl_ord_id"]
    assert bytes(cancel["venue_order_id"]) == b"V1"
    rig.event("CANCELED", cancel["cl_ord_id"])
    rig.pump()
    assert rig.told() == ["ACCEPTED", "ACK", "FILL", "PENDING", "CANCELED"]
    assert int(rig.state.table("positions")[1]["net_qty"]) == 4
    counters = rig.metrics.counters()
    assert (counters["orders"], counters["executions"], counters["intents"]) == (1, 1, 2)
    assert rig.metrics.histograms()["fill_position"].count == 1
    replayer = rig.check_replay()
    assert replayer.source_position(FRAME["INTENT"], 1) == (5, 2)
    assert replayer.source_position(FRAME["VENUE_EVENT"], 1) == (1, 4)


def test_engine_when_asked_to_stop_drains_the_gateway_and_writes_a_checkpoint(rig: Rig) -> None:
    rig.intent("NEW", 1)
    rig.pump()
    rig.event("ACK", rig.commands()[0]["cl_ord_id"])
    stop.request()
    try:
        assert rig.engine.run() == "stop"
    finally:
        stop.clear()
    rig.read_journal()
    assert rig.kinds()[-1] == "CHECKPOINT"
    assert int(rig.state.table("orders")[1]["ord_status"]) == ENUMS["OrdStatus"].by_name["NEW"]
    rig.check_replay()


def test_engine_when_a_strategy_attaches_run_returns_for_its_ring(rig: Rig) -> None:
    rig.control("STRATEGY_DETACH", strategy=2)
    rig.control("STRATEGY_ATTACH", strategy=2, epoch=6)
    assert rig.engine.run() == "attach"
    assert rig.engine.attached_strategy == 2
    rig.check_replay()


def test_engine_when_a_control_command_asks_writes_a_checkpoint_that_replay_checks(rig: Rig) -> None:
    rig.control("CHECKPOINT")
    rig.intent("NEW", 1)
    rig.pump()
    kinds = rig.kinds()
    assert kinds[kinds.index("CHECKPOINT") - 1] == "CONTROL"
    rig.check_replay()


def test_engine_when_a_mark_arrives_the_instrument_has_it(rig: Rig) -> None:
    rig.feed.send(record("Mark", instrument=1, bid=99, ask=101))
    rig.pump()
    assert (int(rig.state.table("instruments")[1]["bid"]), int(rig.state.table("instruments")[1]["ask"])) == (99, 101)
    rig.check_replay()


def test_engine_when_the_venue_row_of_an_event_lies_the_links_own_is_taken(rig: Rig) -> None:
    rig.intent("NEW", 1)
    rig.pump()
    rig.event("ACK", rig.commands()[0]["cl_ord_id"])  # the rig writes venue 9 into every event
    rig.pump()
    assert int(rig.state.table("orders")[1]["ord_status"]) == ENUMS["OrdStatus"].by_name["NEW"]


# ---- garbage in a strategy's ring ------------------------------------------------------------------------------------------


def slots_of(rig: Rig, strategy: int = 1) -> Any:
    return rig.strategies[strategy].mine.section("slots").view("u1").reshape(-1, 128)


def poisoned(rig: Rig) -> None:
    rig.pump()
    assert rig.observations() == ["STRATEGY_POISONED"]
    assert int(rig.state.table("strategies")[1]["status"]) == ENUMS["StrategyStatus"].by_name["POISONED"]
    assert rig.metrics.counters()["ring_poisoned"] == 1
    rig.intent("NEW", 7, strategy=2)
    rig.pump()
    assert [int(c["strategy"]) for c in rig.commands() if int(c["kind"]) == 1][-1] == 2, "the other strategy trades on"
    rig.check_replay()


@pytest.mark.parametrize("seed", range(5))
def test_engine_when_a_ring_holds_random_bytes_it_is_quarantined(rig: Rig, seed: int) -> None:
    rng = random.Random(seed)
    slots_of(rig)[:] = np.frombuffer(rng.randbytes(slots_of(rig).size), "u1").reshape(-1, 128)
    poisoned(rig)
    assert int(rig.state.table("engine")[1]["order_count"]) == 1


@pytest.mark.parametrize("byte", [8, 16, 64, 72, 76, 84, 123, 124, 127])
def test_engine_when_a_slot_is_torn_its_crc_quarantines_the_ring(rig: Rig, byte: int) -> None:
    slot = bytearray(rig.sealed("NEW", 1))
    slot[byte] ^= 0x40
    rig.strategies[1].send(bytes(slot))
    poisoned(rig)


def test_engine_when_a_slot_is_all_zero_but_its_sequence_it_is_quarantined(rig: Rig) -> None:
    rig.strategies[1].send(bytes(128))
    poisoned(rig)


def test_engine_when_a_ring_is_zeroed_under_it_nothing_happens_until_it_should_be_one_lap_on(rig: Rig) -> None:
    for n in range(70):  # more than a lap of 64
        rig.intent("NEW" if n == 0 else "CANCEL", 1)
        rig.pump()
        rig.events()
        rig.commands()
    slots_of(rig)[:] = 0  # a hole punched into the memfd
    poisoned(rig)


def test_engine_when_the_head_goes_backward_only_the_slots_count(rig: Rig) -> None:
    rig.intent("NEW", 1)
    rig.pump()
    rig.strategies[1].mine.section("head")["position"] = 0
    rig.pump()
    assert int(rig.state.table("engine")[1]["order_count"]) == 1
    assert rig.observations() == []


def test_engine_when_a_slot_is_published_a_lap_ahead_the_ring_is_quarantined(rig: Rig) -> None:
    slots_of(rig)[0, :8].view("u8")[0] = 65
    poisoned(rig)


def test_engine_when_a_strategy_is_poisoned_its_open_orders_are_cancelled_by_policy(rig: Rig) -> None:
    rig.intent("NEW", 1)
    rig.pump()
    rig.commands()
    rig.strategies[1].send(bytes(128))
    rig.pump()
    assert [int(c["kind"]) for c in rig.commands()] == [ENUMS["CommandKind"].by_name["CANCEL"]]


def test_engine_when_an_intent_has_an_old_epoch_it_is_denied(rig: Rig) -> None:
    rig.intent("NEW", 1, epoch=4)
    rig.pump()
    assert rig.denied() == ["STALE"]
    assert rig.commands() == []


def test_engine_when_a_gateway_ring_holds_garbage_its_session_counts_as_down(rig: Rig) -> None:
    position = rig.gateway.outbound_position
    rig.gateway.mine.section("slots").view("u1").reshape(-1, 384)[position % 64, :8].view("u8")[0] = 999
    rig.pump()
    assert int(rig.state.table("venues")[1]["session_state"]) == ENUMS["SessionState"].by_name["DOWN"]
    rig.intent("NEW", 1)
    rig.pump()
    assert rig.denied() == ["SESSION_DOWN"]
    rig.check_replay()


# ---- peers that do not keep pace --------------------------------------------------------------------------------------------


def test_engine_when_the_order_ring_is_full_commands_queue_in_order_and_new_risk_is_denied(rig: Rig) -> None:
    for n in range(1, 21):  # the ring has 16 slots
        rig.intent("NEW", n)
    rig.pump()
    assert rig.observations() == ["GATEWAY_STALLED"]
    assert "GATEWAY_STALLED" in rig.denied()
    orders = int(rig.state.table("engine")[1]["order_count"])
    assert orders == 17, "the one that overflowed was accepted, the ones after it were denied"
    rig.intent("CANCEL", 1)
    rig.pump()
    seen = rig.commands()
    rig.pump()
    seen += rig.commands()
    assert [int(c["output_seq"]) for c in seen] == list(range(1, orders + 2)), "every command once, in order"
    assert int(seen[-1]["kind"]) == ENUMS["CommandKind"].by_name["CANCEL"]
    rig.pump()
    assert rig.observations() == ["GATEWAY_STALLED", "GATEWAY_READY"]
    rig.intent("NEW", 99)
    rig.pump()
    assert len(rig.commands()) == 1
    assert rig.metrics.counters()["gateway_overflow"] == 2
    rig.check_replay()


def test_engine_when_an_event_ring_is_full_the_loss_is_counted_and_numbered() -> None:
    for rig in rigs(event_slots=4):
        for n in range(1, 7):
            rig.intent("NEW", n)
        rig.pump()
        assert rig.observations() == ["STRATEGY_STALLED"]
        seen = rig.events()
        assert [int(e["output_seq"]) for e in seen] == [1, 2, 3, 4]
        rig.pump()
        assert rig.observations() == ["STRATEGY_STALLED", "STRATEGY_READY"]
        rig.intent("CANCEL", 1)
        rig.pump()
        (after,) = rig.events()
        lost = int(after["output_seq"]) - 4 - 1
        assert lost == rig.metrics.counters()["events_lost"] == 2
        assert int(rig.state.table("strategies")[1]["denies"]) == 1, "the second lost event was the denial STRATEGY_STALLED"
        rig.check_replay()


def test_engine_when_the_journal_fills_new_is_denied_then_held_and_cancels_pass() -> None:
    for rig in rigs(journal_slots=64, batch=1):
        for n in range(1, 5):
            rig.intent("NEW", n)
        rig.pump()
        rig.commands()
        rig.events()
        fill_journal(rig, 64 - 15)  # less than a quarter is left
        rig.intent("NEW", 50)
        rig.engine.poll()
        assert rig.denied() == ["JOURNAL_PRESSURE"]
        fill_journal(rig, 64 - 7)  # less than an eighth
        before = int(rig.state.table("engine")[1]["intents"])
        rig.intent("CANCEL", 1)
        rig.intent("NEW", 51)
        rig.engine.poll()
        rig.engine.poll()
        assert int(rig.state.table("engine")[1]["intents"]) == before + 1, "the cancel passes, the order is held in its ring"
        assert int(rig.state.table("orders")[1]["cancel_revision"]) == 1
        rig.pump()
        assert rig.observations() == ["JOURNAL_PRESSURE", "JOURNAL_CLEAR"]
        assert int(rig.state.table("engine")[1]["intents"]) == before + 2
        rig.check_replay()


def fill_journal(rig: Rig, used: int) -> None:
    """Journal what no strategy sent, while the sidecar reads nothing."""
    while rig.sidecar.waiting < used:
        rig.event("STATUS")
        rig.engine.poll()


def flood(rig: Rig) -> None:
    """Strategy 1 sends what its ring takes, and more in every turn."""
    for _ in range(20):
        with contextlib.suppress(RingFull):
            while True:
                rig.intent("CANCEL_ALL", 0)
        rig.engine.poll()


def take_frames(rig: Rig, count: int) -> None:
    """The sidecar reads ``count`` frames, or all that there are."""
    for _ in range(min(count, rig.sidecar.waiting)):
        rig.frames.append(rig.sidecar.receive().tobytes())


def test_engine_when_one_strategy_floods_the_others_are_taken_and_not_denied() -> None:
    for rig in rigs(journal_slots=256, batch=64, order_slots=64):
        for n in range(1, 31):
            began_ns = time.monotonic_ns()
            flood(rig)
            beyond = (time.monotonic_ns() - began_ns) // BEYOND_SHARE_NS + 1
            assert 128 <= rig.sidecar.waiting < 192 + beyond, "the flood fills half of the journal, its shares and what the clock gives it"
            take_frames(rig, beyond)
            rig.intent("NEW", n, strategy=2)
            rig.engine.poll()
            take_frames(rig, 1 + n % 7)
        assert int(rig.state.table("engine")[1]["order_count"]) >= 256 // 16, "its share, during the flood"
        rig.pump()
        assert rig.denied(2) == []
        assert int(rig.state.table("engine")[1]["order_count"]) == 30
        assert "JOURNAL_PRESSURE" not in rig.observations()
        rig.check_replay()


def test_engine_when_the_sidecar_hangs_a_strategy_beyond_its_share_still_cancels() -> None:
    for rig in rigs(journal_slots=64):
        rig.intent("NEW", 1)
        rig.pump()
        fill_journal(rig, 40)
        for n in range(8):
            rig.intent("CANCEL", 1000 + n)
        rig.intent("CANCEL", 1)
        rig.engine.poll()
        assert int(rig.state.table("engine")[1]["intents"]) == 1 + 64 // 16, "its share, in one turn"
        turns = 0
        while not int(rig.state.table("orders")[1]["cancel_revision"]):
            rig.engine.poll()
            turns += 1
        assert turns >= 5, "one by one, by the clock"
        rig.pump()
        rig.check_replay()


def test_engine_when_the_journal_is_full_nothing_is_taken_and_nothing_lost() -> None:
    for rig in rigs(journal_slots=16):
        for n in range(1, 41):
            rig.intent("CANCEL", n)
        fill_journal(rig, 16)
        rig.pump(read_journal=False)
        assert int(rig.state.table("engine")[1]["intents"]) < 40
        assert rig.metrics.counters()["journal_full"] > 0
        rig.event("SESSION_DOWN")
        rig.engine.poll()
        assert int(rig.state.table("venues")[1]["session_state"]) == ENUMS["SessionState"].by_name["UP"], "not even a venue event"
        rig.pump()
        assert int(rig.state.table("engine")[1]["intents"]) == 40
        assert int(rig.state.table("venues")[1]["session_state"]) == ENUMS["SessionState"].by_name["DOWN"]
        rig.check_replay()


# ---- recovery ----------------------------------------------------------------------------------------------------------------


def test_engine_when_restarted_from_the_journal_emits_only_what_the_gateway_has_not(rig: Rig) -> None:
    for n in range(1, 6):
        rig.intent("NEW", n)
    rig.pump()
    live = list(rig.commands())
    assert all(int(c["engine_ns"]) <= int(c["out_ns"]) <= rig.clock.now_ns() for c in live)
    for c in live:
        c["out_ns"] = 0  # when it went out is no part of the state: what a replay emits again has no such time
    want = [c.tobytes()[8:] for c in live]
    replayer = Replayer(LIMITS, emit_above={1: 3})
    for frame in rig.frames:
        replayer.apply(frame)
    again, far = rig.link("gw.again", "OrderCommand", 16, "VenueEvent", 16)
    journal, _ = rig.link("sidecar.again", "JournalSlot", 64, None, 0)
    engine = Engine(replayer.state, rig.clock, rig.metrics, journal=journal)
    engine.set_gateway(1, again, 3)
    assert [c.tobytes()[8:] for c in Rig.drain(far)] == want[3:]


def test_engine_when_the_gateway_is_ahead_of_the_journal_it_is_refused(rig: Rig) -> None:
    with pytest.raises(CoreError, match="restore the journal"):
        rig.engine.set_gateway(1, rig.gateway_link, 10)


@pytest.mark.parametrize("mark", [0, 2])
def test_engine_when_the_gateway_lacks_outputs_that_were_not_kept_it_is_refused(rig: Rig, mark: int) -> None:
    for n in range(1, 6):
        rig.intent("NEW", n)
    rig.pump()
    replayer = Replayer(LIMITS, emit_above={1: 3})
    for frame in rig.frames:
        replayer.apply(frame)
    again, far = rig.link("gw.again", "OrderCommand", 16, "VenueEvent", 16)
    journal, _ = rig.link("sidecar.again", "JournalSlot", 64, None, 0)
    engine = Engine(replayer.state, rig.clock, rig.metrics, journal=journal)
    with pytest.raises(CoreError, match="were not kept"):
        engine.set_gateway(1, again, mark)
    assert Rig.drain(far) == []


def test_engine_when_a_strategy_ends_what_it_had_published_is_taken_first(rig: Rig) -> None:
    rig.intent("NEW", 1, strategy=2)
    rig.pump()
    for n in range(2, 40):
        rig.intent("NEW", n, strategy=2)
    rig.intent("CANCEL", 1, strategy=2)
    rig.control("STRATEGY_DETACH", strategy=2)
    rig.pump()
    assert rig.kinds().count("INTENT") == 40
    assert not int(rig.state.table("strategies")[2]["attached"])
    assert int(rig.state.table("orders")[1]["cancel_revision"]) == 1
    rig.check_replay()


def test_engine_when_a_strategy_ends_and_the_journal_is_nearly_full_only_its_cancels_are_taken() -> None:
    rig = Rig(journal_slots=64)
    try:
        rig.configure()
        rig.intent("NEW", 1, strategy=2)
        rig.pump()
        while rig.sidecar.waiting < 58:
            rig.event("STATUS")
            rig.engine.poll()
        for kind, n in (("CANCEL", 1), ("NEW", 2)):
            rig.intent(kind, n, strategy=2)
        rig.control("STRATEGY_DETACH", strategy=2)
        rig.engine.poll()
        assert int(rig.state.table("orders")[1]["cancel_revision"]) == 1
        assert int(rig.state.table("engine")[1]["intents"]) == 2
        assert not int(rig.state.table("strategies")[2]["attached"])
    finally:
        rig.close()


def test_engine_when_an_attach_is_refused_no_ring_is_asked_for(rig: Rig) -> None:
    before = rig.engine.attached_strategy
    for row in (0, 3, 200):
        rig.control("STRATEGY_ATTACH", strategy=row, epoch=9)
        rig.pump()
    assert rig.engine.attached_strategy == before
    rig.intent("NEW", 1)
    rig.pump()
    assert rig.told() == ["ACCEPTED"]


def test_engine_when_positions_are_given_rings_go_on_there(rig: Rig) -> None:
    journal, _ = rig.link("sidecar.more", "JournalSlot", 64, None, 0)
    control, far = rig.link("control.more", None, 0, "Control", 16)
    for _ in range(3):
        far.send(record("Control", kind=ENUMS["ControlKind"].by_name["CHECKPOINT"]))
    engine = Engine(State.in_memory(LIMITS), rig.clock, rig.metrics, journal=journal, control=control, control_position=2, timer_ns=0)
    assert engine.poll() == 1
    assert far.depth == 0


@pytest.mark.parametrize("seed", range(3))
def test_engine_when_traffic_is_random_replay_gives_equal_bytes(rig: Rig, seed: int) -> None:
    rng = random.Random(seed)
    live: list[bytes] = []
    for n in range(300):
        what = rng.random()
        if what < 0.4:
            rig.intent("NEW", n + 1, strategy=rng.choice((1, 2)), side=rng.choice((1, 2)), qty=rng.randint(1, 20), px=rng.randint(90, 110))
        elif what < 0.5:
            rig.intent("CANCEL", rng.randint(1, n + 1), strategy=rng.choice((1, 2)))
        elif what < 0.6:
            rig.intent("REPLACE", rng.randint(1, n + 1), qty=rng.randint(1, 30), px=rng.randint(90, 110))
        elif what < 0.62:
            rig.intent("CANCEL_ALL", 0)
        elif what < 0.64:
            rig.event(rng.choice(("SESSION_DOWN", "SESSION_UP")))
        elif live:
            fields = {"exec_id": f"E{rng.randint(1, 200)}", "last_px": rng.randint(90, 110), "last_qty": rng.randint(1, 10)}
            rig.event(rng.choice(("ACK", "FILL", "FILL", "CANCELED", "REPLACED", "CANCEL_REJECT", "REJECTED")), rng.choice(live), **fields)
        if rng.random() < 0.5:
            rig.pump()
            live += [c["cl_ord_id"] for c in rig.commands()]
            rig.events(1)
            rig.events(2)
    rig.pump()
    rig.check_replay()


# ---- how far the disk is behind ---------------------------------------------------------------------------------------------


def poll_until(rig: Rig, restrictions: int, *, synced: bool) -> None:
    """Turn the loop until the state has these restrictions; a sidecar that keeps pace covers every frame, one that hangs none."""
    end = time.monotonic() + 10
    while int(rig.state.table("engine")[1]["restrictions"]) != restrictions:
        assert time.monotonic() < end
        rig.pump()
        if synced:
            rig.sidecar.set_mark(rig.state.seq)


def test_engine_when_the_journal_is_not_synced_in_time_closes_new_risk_in_two_steps_and_opens_it_by_itself(make_rig: Any) -> None:
    rig = make_rig(reduce_ns=50_000_000, halt_ns=600_000_000)  # far enough apart that a machine that stands still for a moment skips neither
    rig.sidecar.set_mark(rig.state.seq)
    rig.intent("NEW", 1)
    poll_until(rig, CONSTANTS["RESTRICT_JOURNAL_SLOW"][0], synced=False)
    rig.intent("NEW", 2)
    rig.pump()
    assert rig.denied() == ["JOURNAL_LATE"]
    poll_until(rig, CONSTANTS["RESTRICT_JOURNAL_LATE"][0], synced=False)
    rig.intent("NEW", 3)
    rig.intent("CANCEL", 1)
    rig.pump()
    assert rig.denied() == ["TRADING_HALTED"]
    assert [ENUMS["CommandKind"].by_value[int(c["kind"])] for c in rig.commands()] == ["NEW", "CANCEL"]
    poll_until(rig, 0, synced=True)
    rig.intent("NEW", 4)
    rig.pump()
    assert rig.told() == ["ACCEPTED"]
    seen = rig.observations()  # a test that is kept waiting may fall behind once more
    assert set(seen) == {"JOURNAL_HEALTH"}
    assert len(seen) >= 3
    rig.check_replay()


@pytest.mark.parametrize("name", ["RESTRICT_JOURNAL_FULL", "RESTRICT_JOURNAL_SUSPECT"])
def test_engine_when_the_sidecar_says_that_it_cannot_write_takes_only_cancels(make_rig: Any, name: str) -> None:
    rig = make_rig()
    rig.intent("NEW", 1)
    rig.pump()
    rig.sidecar.mine.section("mark")[0]["condition"] = CONSTANTS[name][0]
    rig.pump()
    rig.intent("NEW", 2)
    rig.intent("CANCEL", 1)
    rig.pump()
    assert rig.denied() == ["TRADING_HALTED"]
    assert [ENUMS["CommandKind"].by_value[int(c["kind"])] for c in rig.commands()] == ["NEW", "CANCEL"]
    rig.sidecar.mine.section("mark")[0]["condition"] = 0
    rig.pump()
    rig.intent("NEW", 3)
    rig.pump()
    assert rig.told()[-1] == "ACCEPTED"
    rig.check_replay()


def test_engine_when_a_strategy_has_stages_of_its_own_counts_its_intents_there_and_others_in_its_own(rig: Rig) -> None:
    own = Metrics.create(rig.instance, "intents.1", (), STAGES, role=ENGINE, epoch=1)
    rig.segments.append(own.segment)
    link = rig.engine_links[1]
    rig.engine.set_strategy(1, link, stages=own)
    now = rig.clock.now_ns()
    rig.intent("NEW", 1, created_ns=now, origin_ns=now - 5_000)
    rig.intent("NEW", 2, created_ns=now)
    rig.intent("NEW", 1, strategy=2, created_ns=now, origin_ns=2**63)
    rig.pump()
    counted = {name: h.count for name, h in own.histograms().items()}
    assert counted == {"tick_intent": 1, "intent_accept": 2, "accept_out": 2}
    assert own.histograms()["tick_intent"].max == 5_000
    shared = rig.metrics.histograms()
    assert [shared[name].count for name in STAGES] == [1, 1, 1]
    assert shared["tick_intent"].max == 0, "a stamp from the future is a span of 0"


def test_histogram_when_a_stamp_is_absurd_counts_at_most_what_the_buckets_hold(rig: Rig) -> None:
    rig.intent("NEW", 1, origin_ns=1)
    rig.pump()
    h = rig.metrics.histograms()["tick_intent"]
    assert (h.count, h.max, h.total) == (1, 2**47 - 1, 2**47 - 1)
