"""Virtual time: what happens when, against the plain rules of docs/backtest.md; and the same again from the same inputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_runtime import BEGIN, FX, Scripted, is_tick, scripted, ticks

from ringfence.backtest import Latency, Market, play
from ringfence.ipc.schema import ENUMS
from ringfence.journal import Reader
from ringfence.tools.replay import replay

EVENT = ENUMS["EventKind"].by_value
TERMS: dict[str, Any] = {"instruments": [FX], "orders": 256}
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(100_000, 100_006), st.integers(0, 3)), min_size=2, max_size=20)
LATENCIES = st.builds(Latency, st.integers(0, 900), st.integers(1, 900), st.integers(0, 900), st.integers(0, 900), st.integers(0, 300))


def kinds(runtime: Scripted) -> list[str]:
    return ["TICK" if is_tick(what) else "TIMER" if what is None else what.kind for _, what in runtime.heard]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, LATENCIES, st.integers(0, 9))
def test_loop_when_market_orders_are_sent_each_trades_at_the_quote_that_the_venue_had_by_then(steps: list[Any], latency: Latency, seed: int) -> None:
    tape = ticks(*((gap, bid, bid + spread) for gap, bid, spread in steps), gap_ns=500)

    def act(s: Scripted, what: Any) -> None:
        if is_tick(what):
            s.client.buy("EUR/USD", s.count, tif="IOC")

    result = play(scripted(act), tape, seed=seed, latency=latency, **TERMS)
    assert len(result.fills) == len(tape)
    last = 0
    for number, fill in enumerate(result.fills, 1):
        (tick,), order = tape[number - 1 : number], result.orders[number - 1]
        sent = int(tick["ns"]) + latency.feed_ns
        assert sent <= int(order["created_ns"]) <= sent + latency.strategy_ns  # a turn sees what came meanwhile
        at = int(fill["venue_ns"])
        assert max(last, int(order["created_ns"]) + latency.order_ns) <= at <= max(last, int(order["created_ns"]) + latency.order_ns + latency.jitter_ns)
        before = tape[tape["ns"] < at]  # an order that arrives with a quote was sent before it
        assert int(fill["px"]) == int(before[-1]["ask"])
        assert (int(fill["qty"]), int(fill["order_id"])) == (number, number)
        assert at + latency.report_ns <= int(fill["ns"])
        last = at


def test_loop_when_an_order_rests_it_fills_when_the_market_comes_to_it_and_the_strategy_hears_of_it_later() -> None:
    def act(s: Scripted, what: Any) -> None:
        if is_tick(what) and s.count == 1:
            s.client.buy("EUR/USD", 10, 100_000)

    made: list[Scripted] = []
    tape = ticks((0, 100_005, 100_009), (1, 100_003, 100_007), (1, 99_998, 99_999), (1, 99_990, 99_995))
    result = play(scripted(act, made), tape, latency=Latency(order_ns=10, report_ns=20), **TERMS)
    (fill,) = result.fills
    assert (int(fill["px"]), int(fill["venue_ns"]), int(fill["ns"])) == (100_000, int(tape["ns"][2]), int(tape["ns"][2]) + 20)
    assert kinds(made[0]) == ["TICK", "ACCEPTED", "ACK", "TICK", "TICK", "FILL", "TICK"]
    assert result.summary["positions"] == {"EUR/USD": "10"}
    assert int(result.pnl[-1]["total"]) == (99_992 * 2 + 1 - 200_000) * 10 * 10**8 // (2 * 10**5)


def test_loop_when_two_orders_of_ours_cross_they_fill_each_other() -> None:
    def act(s: Scripted, what: Any) -> None:
        if is_tick(what) and s.count == 1:
            s.client.buy("EUR/USD", 7, 100_004)
        elif is_tick(what) and s.count == 2:
            s.client.sell("EUR/USD", 4, 100_004)

    result = play(scripted(act), ticks((0, 100_000, 100_009), (1, 100_000, 100_009), (1, 100_000, 100_009)), **TERMS)
    assert [(int(f["px"]), int(f["qty"]), int(f["side"])) for f in result.fills] == [(100_004, 4, 1), (100_004, 4, 2)]
    assert result.orders["leaves_qty"].tolist() == [3, 0]


def test_loop_when_a_strategy_answers_itself_time_passes_and_the_run_ends() -> None:
    def act(s: Scripted, what: Any) -> None:
        if is_tick(what) or what.kind == "DENIED":
            s.client.buy("EUR/USD", 10**9, 100_000)

    config = {"instruments": [{**FX, "qty_max": "5"}], "orders": 256}
    result = play(scripted(act), ticks((0, 100_000, 100_009)), latency=Latency(strategy_ns=10_000_000), **config)
    assert result.summary["refused"] == {"BAD_QTY": 100}
    assert result.summary["orders"] == 0


def test_loop_when_a_timer_is_set_it_comes_at_its_time_also_where_no_tick_is() -> None:
    made: list[Scripted] = []
    play(scripted(lambda s, what: None, made, timer_ns=400_000_000), ticks((0, 1, 2), (1, 1, 2)), **TERMS)
    heard = [at for at, what in made[0].heard if what is None]
    assert heard == [BEGIN + k * 400_000_000 for k in range(1, 6)]  # a second after the last tick nothing is waited for


def test_loop_when_the_strategy_stops_nothing_more_is_played() -> None:
    def act(s: Scripted, what: Any) -> None:
        s.stopping = s.count == 2

    made: list[Scripted] = []
    played: list[tuple[int, int]] = []
    play(scripted(act, made), ticks(*[(1, 1, 2)] * 5), progress=lambda *p: played.append(p), **TERMS)
    assert kinds(made[0]) == ["TICK", "TICK"]
    assert played[-1] == (2, 5)


def test_loop_when_days_go_by_each_begins_at_its_time() -> None:
    day = 86_400
    result = play(scripted(lambda s, what: None), ticks((0, 1, 2), (3 * day, 1, 2)), **TERMS)
    again = play(scripted(lambda s, what: None), ticks((0, 1, 2), (1, 1, 2)), **TERMS)
    assert result.summary["frames"] - again.summary["frames"] >= 3


def test_loop_when_quotes_are_crossed_no_mark_is_taken_of_them(tmp_path: Path) -> None:
    play(scripted(lambda s, what: None), ticks((0, 5, 4), (1, 3, 4), (0, 3, 5), (2, 6, 7)), out=tmp_path, **TERMS)
    marks = Reader(tmp_path / "journal").records("MARK").payloads
    assert list(zip(marks["bid"].tolist(), marks["ask"].tolist(), strict=True)) == [(3, 4), (6, 7)]


def quoting(s: Scripted, what: Any) -> None:
    """Quote both sides of every third tick anew."""
    if is_tick(what) and s.count % 3 == 0:
        s.client.cancel_all()
        s.client.buy("EUR/USD", 100, int(what["bid"]))
        s.client.sell("EUR/USD", 100, int(what["ask"]), short=True)


def walk(count: int, seed: int) -> Any:
    draw = np.random.default_rng(seed)
    bids = 100_000 + np.cumsum(draw.integers(-3, 4, count))
    return ticks(
        *((int(g), int(b), int(b) + int(w)) for g, b, w in zip(draw.integers(0, 5, count), bids, draw.integers(1, 5, count), strict=True)), gap_ns=10**8
    )


def test_loop_when_inputs_are_the_same_so_is_every_byte_and_the_journal_replays_to_the_same_state(tmp_path: Path) -> None:
    terms: dict[str, Any] = {
        "latency": Latency(jitter_ns=10**6),
        "market": Market(level_qty=(50, 150), reject_ppm=50_000, commission_ppm=20),
        "capital": 1_000_000,
    }
    tape = walk(200, 1)
    tape["bid_qty"] = tape["ask_qty"] = 0
    first, again = (play(scripted(quoting), tape, seed=3, out=tmp_path / name, **terms, **TERMS) for name in "ab")
    assert first.hash == again.hash
    assert first.summary == again.summary
    for name in ("fills", "orders", "intents", "events", "positions", "pnl"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    assert len(first.fills) > 20
    assert first.summary["refused"] == {"BY_VENUE": first.summary["refused"]["BY_VENUE"]}
    assert play(scripted(quoting), tape, seed=4, **terms, **TERMS).hash != first.hash
    replayed = replay(tmp_path / "a" / "journal")
    assert (replayed.state_hash, replayed.frames) == (first.state_hash, first.summary["frames"])


def test_loop_when_somebody_else_runs_it_the_hash_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = play(scripted(quoting), walk(30, 2), **TERMS)
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    assert play(scripted(quoting), walk(30, 2), **TERMS).hash == mine.hash


def test_loop_when_the_command_ends_with_an_error_nothing_is_left(tmp_path: Path) -> None:
    def act(s: Scripted, what: Any) -> None:
        raise RuntimeError("of the strategy")

    before = {p.name for p in Path("/dev/shm").glob("rf.*")}
    with pytest.raises(RuntimeError, match="of the strategy"):
        play(scripted(act), ticks((0, 1, 2)), out=tmp_path, **TERMS)
    assert {p.name for p in Path("/dev/shm").glob("rf.backtest*")} <= before
    assert Reader(tmp_path / "journal").last_seq > 0
