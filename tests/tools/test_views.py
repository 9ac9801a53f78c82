"""Views of a running instance: rows from regions whose content is known, the slow obvious way beside the fast one."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_instance import RING_SLOTS, S, Synthetic, value

from ringfence.core.transitions import TERMINAL
from ringfence.ipc import regions
from ringfence.ipc.broadcast import Listener, Publisher
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.errors import NotRunning
from ringfence.tools.views import latency, market, processes, tables
from ringfence.tools.views.instance import Instance, choose, settled, settled_at


def test_orders_when_listed_shows_open_ones_with_decimals_of_their_instrument(synthetic: Synthetic) -> None:
    with Instance(synthetic.name) as instance:
        rows = tables.orders(instance)
    assert [(r["id"], r["state"], r["px"], r["leaves"]) for r in rows] == [
        (1, "NEW", Decimal("1.08765"), Decimal(1000000)),
        (2, "PARTIALLY_FILLED", Decimal("1.08760"), Decimal(600000)),
    ]
    assert rows[0]["clord"] == "RF9IT-0000001-00"
    assert rows[1]["avg_px"] == Decimal("1.0876000")


def test_orders_when_all_or_one_is_asked_finished_ones_are_there(synthetic: Synthetic) -> None:
    with Instance(synthetic.name) as instance:
        assert [r["id"] for r in tables.orders(instance, every=True)] == [1, 2, 3]
        assert [(r["id"], r["state"], r["px"]) for r in tables.orders(instance, order_id=3)] == [(3, "FILLED", Decimal("145.125"))]
        assert tables.orders(instance, order_id=4) == []


def test_orders_when_of_every_status_open_is_exactly_what_is_not_terminal(synthetic: Synthetic) -> None:
    names = list(ENUMS["OrdStatus"].by_name)
    for row, status in enumerate(names, 1):
        synthetic.order(row, status, qty=100, cum=0, px=1)
    with Instance(synthetic.name) as instance:
        assert [r["state"] for r in tables.orders(instance)] == [n for n in names if n not in TERMINAL]


def test_cl_ord_id_when_derived_goes_back_to_its_order() -> None:
    assert tables.cl_ord_id("RF", 9821, 1743, 33) == "RF9IT-00001MF-11"
    assert tables.order_of("RF9IT-00001MF-11") == 1743
    assert [tables.order_of(t) for t in ("X1", "RF9IT-0000WZ!-00", "")] == [None, None, None]


@given(st.integers(1, 32**7 - 1), st.integers(0, 1023), st.integers(0, 32**3 - 1))
@settings(deadline=None, max_examples=100)
def test_cl_ord_id_when_any_order_is_given_is_16_characters_and_comes_back(order: int, revision: int, day: int) -> None:
    made = tables.cl_ord_id("RF", day, order, revision)
    assert (len(made), tables.order_of(made)) == (16, order)


def test_fills_when_listed_are_oldest_first_and_the_last_can_be_asked(synthetic: Synthetic) -> None:
    with Instance(synthetic.name) as instance:
        assert [(r["exec_id"], r["px"], r["dc"]) for r in tables.fills(instance)] == [("E91", Decimal("1.08760"), None), ("E92", Decimal("145.125"), None)]
        assert [r["exec_id"] for r in tables.fills(instance, 1)] == ["E92"]


def test_positions_when_the_setting_is_side_value_a_short_at_the_ask_and_a_long_at_the_bid(synthetic: Synthetic) -> None:
    synthetic.state.section("instruments")["mark_side"][1:3] = ENUMS["MarkSide"].by_name["SIDE"]
    with Instance(synthetic.name) as instance:
        short, long = tables.positions(instance)
    assert (short["net"], short["mark"], short["upnl"]) == (Decimal(-400000), Decimal("1.08770"), Decimal("-40.00000"))
    assert (long["mark"], long["upnl"], long["rpnl"], long["ccy"]) == (Decimal("145.123"), Decimal("-1000.000"), Decimal("1234.500"), "JPY")
    assert (long["fees"], long["limit_pct"]) == (None, None)


def test_positions_when_never_marked_unrealized_is_unknown(synthetic: Synthetic) -> None:
    for name in ("mark_ns", "bid", "ask"):
        synthetic.state.section("instruments")[1][name] = 0
    with Instance(synthetic.name) as instance:
        assert [tables.positions(instance)[0][k] for k in ("mark", "upnl", "exposure", "age")] == [None] * 4


@given(st.integers(-(2**100), 2**100), st.integers(1, 2**62), st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_average_when_compared_with_fractions_is_within_half_of_its_last_digit(total: int, qty: int, digits: int) -> None:
    shown = tables.average(total, qty, digits)
    assert abs(Fraction(shown) - Fraction(total, qty * 10**digits)) <= Fraction(1, 2 * 10 ** (digits + 2))


@given(st.integers(-(2**127), 2**127 - 1))
@settings(deadline=None, max_examples=100)
def test_wide_when_split_into_two_words_comes_back(figure: int) -> None:
    assert tables.wide(np.uint64(figure & 2**64 - 1), np.int64(figure >> 64)) == figure


class Restless(np.ndarray):
    """Rows in ``source`` of which the third changes with every reading, ``changes`` times: a writer that does not wait."""

    source = np.zeros(4, dtype("Order"))
    changes = 0

    def __getitem__(self, key: object) -> object:
        if Restless.changes and np.shares_memory(self, Restless.source):
            Restless.changes -= 1
            Restless.source["order_id"][2] += 1
        return super().__getitem__(key)


@pytest.fixture(params=[settled, lambda rows: settled_at(rows, np.arange(4))], ids=["settled", "settled_at"])
def read(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_settled_when_a_row_never_stands_still_only_it_is_marked(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Restless, "changes", 10**9)
    _, moving = read(Restless.source.view(Restless))
    assert moving.tolist() == [False, False, True, False]


def test_settled_when_a_row_stops_changing_its_last_content_is_returned(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Restless, "changes", 5)
    Restless.source["order_id"][2] = 0
    copies, moving = read(Restless.source.view(Restless))
    assert not moving.any()
    assert (Restless.changes, int(Restless.source["order_id"][2])) == (0, 5)
    assert np.asarray(copies).tobytes() == Restless.source.tobytes()


def test_rings_when_cursors_differ_depth_is_their_difference(synthetic: Synthetic) -> None:
    synthetic.to_sidecar.section("head")[0]["position"] = 1000
    synthetic.from_sidecar.section("tail")[0]["position"] = 984
    with Instance(synthetic.name) as instance:
        rows = {r["ring"]: r for r in processes.rings(instance)}
    ring = rows["to.sidecar"]
    assert (ring["depth"], ring["capacity"], ring["use_pct"], ring["producer"], ring["consumer"]) == (16, RING_SLOTS, 25.0, "engine", "sidecar")
    assert (rows["from.strat.mm1"]["depth"], rows["from.strat.mm1"]["taken"]) == (None, 0)
    assert "from.sidecar" not in rows


def test_rates_when_two_readings_are_given_are_per_second() -> None:
    rows = processes.with_rates([{"k": 1, "n": 150}, {"k": 2, "n": 5}], [{"k": 1, "n": 100}], 0.5, {"rate": "n"}, "k")
    assert [r["rate"] for r in rows] == [100.0, None]


def test_sessions_when_the_gateway_says_more_than_the_engine_its_state_wins(synthetic: Synthetic) -> None:
    with Instance(synthetic.name) as instance:
        row = processes.sessions(instance)[0]
        assert (row["session"], row["state"], row["health"], row["in_seq"]) == ("FIX.4.2:RF->SIM", "UP", "ok", None)
    synthetic.gateway_metrics.set("session_state", value("SessionState", "LOGGING_ON"))
    with Instance(synthetic.name) as instance:
        row = processes.sessions(instance)[0]
        assert (row["state"], row["health"]) == ("LOGGING_ON", "warn")


def test_status_when_all_run_says_what_to_look_at_next(synthetic: Synthetic) -> None:
    with Instance(synthetic.name) as instance:
        rows = processes.status(instance)
        assert [(r["component"], r["health"], r["core"]) for r in rows] == [
            ("supervisor", "ok", None),
            ("engine", "ok", "c2"),
            ("gw.sim", "ok", "c3"),
            ("sidecar", "ok", None),
        ]
        assert processes.next_step(instance, rows).startswith("● all running")


@pytest.mark.parametrize(
    ("change", "health", "said"),
    [
        ({"state": "FAILED"}, "bad", "1 down: gw.sim"),
        ({"state": "STARTING"}, "warn", "not ready: gw.sim"),
        ({"state": "STOPPED"}, "idle", "all running"),
        ({"pid": 0x7FFFFFF0}, "bad", "1 down: gw.sim"),
    ],
)
def test_status_when_a_component_is_not_well_its_row_and_the_last_line_say_so(synthetic: Synthetic, change: dict[str, object], health: str, said: str) -> None:
    row = synthetic.instance.section("components")[2]
    for key, to in change.items():
        row[key] = value("ProcessState", str(to)) if key == "state" else to
    with Instance(synthetic.name) as instance:
        rows = processes.status(instance)
        assert {r["component"]: r["health"] for r in rows}["gw.sim"] == health
        assert said in processes.next_step(instance, rows)


def test_status_when_a_heartbeat_is_old_the_component_is_a_warning_and_the_frame_stale(synthetic: Synthetic) -> None:
    synthetic.beat(5 * S)
    with Instance(synthetic.name) as instance:
        assert {r["health"] for r in processes.status(instance)} == {"warn"}
        assert instance.stale_ns is not None
        assert 5 * S <= instance.stale_ns < 60 * S


def test_latency_when_read_twice_the_window_is_what_came_between(synthetic: Synthetic) -> None:
    for _ in range(100):
        synthetic.engine_metrics.record("intent_accept", 1_000)
    with Instance(synthetic.name) as instance:
        before = latency.by_stage(instance)
    synthetic.engine_metrics.record("intent_accept", 50_000)
    synthetic.gateway_metrics.record("wire_ack", 300_000)
    with Instance(synthetic.name) as instance:
        now = latency.by_stage(instance)
    whole, window = latency.latency(now), {r["stage"]: r for r in latency.latency(latency.window(now, before))}
    assert [r["stage"] for r in whole] == ["intent→accept", "wire→ack(sim)", "fill→position"]
    assert (whole[0]["n"], window["intent→accept"]["n"], window["wire→ack(sim)"]["n"]) == (101, 1, 1)
    assert abs(whole[0]["p50"] - 1_000) <= 1_000 / 32
    assert abs(window["intent→accept"]["p50"] - 50_000) <= 50_000 / 32
    assert [window["fill→position"][k] for k in ("n", "p50", "max")] == [0, None, None]
    assert [r["stage"] for r in latency.latency(latency.chosen(now, ("wire",), None))] == ["wire→ack(sim)"]


def test_latency_when_strategies_have_their_own_stages_they_are_summed_up_and_shown_by_name(synthetic: Synthetic) -> None:
    synthetic.engine_metrics.record("intent_accept", 1_000)
    for row, spans in ((1, [2_000]), (2, [3_000, 4_000])):
        own = synthetic.metrics(f"intents.{row}", [], ["tick_intent", "intent_accept"], "ENGINE")
        for span in spans:
            own.record("intent_accept", span)
    with Instance(synthetic.name) as instance:
        found = latency.by_stage(instance)
    rows = {(r["stage"], r["strategy"]): (r["n"], r["max"]) for r in latency.latency(found)}
    assert rows["intent→accept", None] == (4, 4_000)
    assert (rows["intent→accept", "mm1"], rows["intent→accept", "mm2"]) == ((1, 2_000), (2, 4_000))
    assert {s.strategy for s in latency.chosen(found, (), "mm2")} == {"mm2"}
    assert {s.strategy for s in latency.chosen(found, (), None)} == {""}


def test_counters_when_listed_carry_their_component(synthetic: Synthetic) -> None:
    synthetic.engine_metrics.add("intents", 3)
    with Instance(synthetic.name) as instance:
        assert {r["label"]: r["value"] for r in latency.counters(instance)}["engine.intents"] == 3


def test_choose_when_nothing_runs_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGFENCE_INSTANCE", raising=False)
    monkeypatch.setattr(regions, "list_regions", lambda _instance=None: [])
    with pytest.raises(NotRunning, match="ringfence up"):
        choose(None)


def test_choose_when_several_run_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGFENCE_INSTANCE", raising=False)
    live = [regions.Region(n, "instance", total_bytes=1, alive=True, ready=True, writer_pid=1, role=1, epoch=1) for n in ("ld4", "ny4")]
    monkeypatch.setattr(regions, "list_regions", lambda _instance=None: live)
    with pytest.raises(NotRunning, match=r"2 instances are running \(ld4, ny4\)"):
        choose(None)
    monkeypatch.setenv("RINGFENCE_INSTANCE", "ny4")
    assert (choose(None), choose("ld4")) == ("ny4", "ld4")


def test_instance_when_attached_maps_nothing_writable(synthetic: Synthetic) -> None:
    with Instance(synthetic.name) as instance:
        for name in instance.found:
            segment = instance.region(name)
            assert segment is not None
            assert not segment.writable
        orders = instance.table("orders")
        with pytest.raises(ValueError, match="read-only"):
            orders["qty"][1] = 1


def test_market_when_the_feed_has_published_shows_each_instrument_and_reader(synthetic: Synthetic) -> None:
    publisher = Publisher(synthetic.market)
    publisher.quote(1, 108_760, 108_770, bid_qty=100, ask_qty=200, source_ns=5, published_ns=synthetic.now)
    publisher.trade(1, 108_765, 7)
    publisher.quote(2, 110_010, 110_000, published_ns=synthetic.now, flags=CONSTANTS["TICK_GAP"][0])
    listener = Listener(synthetic.market, 1, readers=synthetic.readers, row=1)
    with Instance(synthetic.name) as instance:
        euro, yen = market.market(instance)
        assert [str(euro[n]) for n in ("symbol", "bid", "ask", "bid_qty", "ask_qty", "last", "last_qty", "quotes", "flags", "glyph")] == [
            "EURUSD", "1.08760", "1.08770", "100", "200", "1.08765", "7", "1", "None", "ok",
        ]  # fmt: skip
        assert (yen["symbol"], yen["flags"], yen["glyph"], yen["gaps"], yen["bid_qty"]) == ("USDJPY", "crossed", "warn", 1, None)
        assert market.readers(instance) == [{"strategy": "mm1", "pid": os.getpid(), "alive": "yes", "position": 1, "lag": 2}]
        listener.close()
        assert market.readers(instance) == []
        synthetic.market.superblock["writer_start_ticks"] = 1  # another process has its id now: the feed was killed
        assert [(row["flags"], row["glyph"]) for row in market.market(instance)] == [("no feed", "bad"), ("crossed no feed", "bad")]
        synthetic.market.section("quotes")[1]["version"] += 1  # it died inside
        assert market.market(instance)[0] == dict.fromkeys(euro) | {"glyph": "bad", "symbol": "EURUSD", "flags": "locked"}
