"""The gateway process between a test venue (a real socket) and a test engine (real regions)."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateways.fix.peer import KIND, Engine, Venue, until

from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.link import link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    v = Venue(tmp_path)
    yield v
    v.close()


@pytest.fixture
def engine(instance: str, tmp_path: Path, venue: Venue) -> Iterator[Engine]:
    e = Engine(instance, tmp_path, venue.port)
    yield e
    e.close()


def up(engine: Engine, venue: Venue, times: int = 1) -> None:
    until(lambda: engine.kinds().count("SESSION_UP") >= times, venue.pump, engine.poll, what=f"SESSION_UP number {times}")


def test_gateway_when_order_is_filled_events_reach_the_engine(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    now = time.time_ns()
    engine.command(px=10025, origin_ns=now - 5_000_000, intent_ns=now, engine_ns=now, out_ns=now)
    until(venue.orders, venue.pump, what="the order")
    order = venue.orders()[0]
    assert (order[11], order[38], order[44], order[55], order[1], order[21], order[40], order[59]) == (
        b"C1", b"100", b"100.25", b"ABC", b"ACC", b"1", b"2", b"0",
    )  # fmt: skip
    venue.report(order, "E1")
    venue.report(order, "E2", "2", "2", last=100, cum=100)
    until(lambda: "FILL" in engine.kinds(), venue.pump, engine.poll, what="the fill")
    assert engine.kinds() == ["SESSION_UP", "ACK", "FILL"]
    fill = engine.events[-1]
    assert (fill["cl_ord_id"], fill["exec_id"], int(fill["last_qty"]), int(fill["cum_qty"]), int(fill["venue"])) == (b"C1", b"E2", 100, 100, 3)
    assert engine.link is not None
    assert engine.link.their_mark == 1
    metrics = Metrics.attach(engine.instance, "gw.v")
    until(lambda: metrics.counters()["next_in"] == venue.session.next_out, what="gauges")
    counters = metrics.counters()
    assert (counters["orders_sent"], counters["session_state"]) == (1, ENUMS["SessionState"].by_name["UP"])
    histograms = metrics.histograms()
    path = ("out_take", "take_encoded", "encoded_wire", "accept_wire", "intent_wire", "tick_wire", "send_call", "wire_ack")
    assert [histograms[n].count for n in path] == [1] * len(path)
    assert histograms["tick_wire"].total == histograms["intent_wire"].total + 5_000_000
    assert histograms["accept_wire"].total == sum(histograms[n].total for n in path[:3]), "the parts are the whole"
    engine.command(cl_ord_id="C2", intent_ns=now)
    until(lambda: len(venue.orders()) == 2, venue.pump, engine.poll, what="an order that a replay emitted again: without the time when it went out")
    until(lambda: metrics.histograms()["take_encoded"].count == 2, what="its stages")
    assert [metrics.histograms()[n].count for n in ("out_take", "accept_wire", "intent_wire", "tick_wire")] == [1, 1, 1, 1]
    metrics.close()


def test_gateway_when_stopped_logs_out_and_exits_zero(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    assert engine.process is not None
    engine.process.terminate()
    until(lambda: engine.process is not None and engine.process.poll() is not None, venue.pump, engine.poll, what="the end of the process")
    engine.poll()
    assert engine.process.returncode == 0
    assert engine.kinds() == ["SESSION_UP", "SESSION_DOWN"]
    assert any("Logout received" in line for line in venue.session.take_notes())


def test_gateway_when_venue_is_mute_stop_is_bounded(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    assert engine.stop() == 0


def test_gateway_when_port_is_closed_keeps_trying_and_answers_commands(instance: str, tmp_path: Path, venue: Venue) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        e = Engine(instance, tmp_path, unused.getsockname()[1])
    try:
        e.start()
        until(lambda: e.log().count("Connection refused") >= 3, what="three refused attempts in the log")
        e.command()
        e.command("CANCEL", orig_cl_ord_id=b"C0")
        e.command("STATUS")
        until(lambda: len(e.kinds()) == 2, e.poll, what="two answers")
        assert e.kinds() == ["NOT_SENT", "NOT_SENT"]
        assert [(x["cl_ord_id"], int(x["cxl_rej_response_to"])) for x in e.events] == [(b"C1", 0), (b"C2", 1)]
        assert "trying again in" in e.log()
        assert e.stop() == 0
    finally:
        e.close()


def test_gateway_when_connection_drops_it_logs_on_again_and_nothing_is_lost(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    engine.command()
    until(venue.orders, venue.pump)
    venue.drop()
    venue.report(venue.orders()[0], "E1", "2", "2", last=100, cum=100)
    up(engine, venue, 2)
    until(lambda: "FILL" in engine.kinds(), venue.pump, engine.poll, what="the fill that happened meanwhile")
    assert engine.kinds().count("FILL") == 1
    assert engine.kinds()[:2] == ["SESSION_UP", "SESSION_DOWN"]
    assert len(venue.orders()) == 1


def test_gateway_when_venue_never_took_the_order_engine_is_told_and_it_is_not_resent(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    venue.reading = False
    engine.command()
    until(lambda: engine.link is not None and engine.link.their_mark == 1, what="the order in the store")
    until(lambda: Metrics.attach(engine.instance, "gw.v").counters()["messages_out"] >= 2, what="the order in the socket")
    venue.drop()
    venue.reading = True
    until(lambda: "NOT_SENT" in engine.kinds(), venue.pump, engine.poll, what="NOT_SENT")
    until(lambda: venue.session.next_in == engine_next_out(engine), venue.pump, engine.poll, what="equal numbers")
    assert not venue.orders()
    assert [e["cl_ord_id"] for e in engine.events if e["kind"] == KIND["NOT_SENT"]] == [b"C1"]


def engine_next_out(engine: Engine) -> int:
    return Metrics.attach(engine.instance, "gw.v").counters()["next_out"]


def test_gateway_when_killed_and_restarted_sends_nothing_twice(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    for _ in range(20):
        engine.command()
    until(lambda: len(venue.orders()) >= 5, venue.pump, what="some orders")
    engine.kill()
    engine.start()
    up(engine, venue, 2)
    engine.command(cl_ord_id="LAST")
    until(lambda: any(o[11] == b"LAST" for o in venue.orders()), venue.pump, engine.poll, what="the order after the restart")
    venue_ids = [o[11] for o in venue.orders()]
    unsent = [bytes(e["cl_ord_id"]) for e in engine.events if e["kind"] == KIND["NOT_SENT"]]
    assert len(set(venue_ids)) == len(venue_ids), "an order reached the venue twice"
    assert not set(venue_ids) & set(unsent), "an order was sent and reported as not sent"
    assert len(set(venue_ids) | set(unsent)) == 21, "an order was neither sent nor answered"
    assert "SESSION_DOWN" in engine.kinds()


@pytest.mark.parametrize("seed", [1, 2])
def test_gateway_when_killed_again_and_again_under_load_every_order_has_one_fate(engine: Engine, venue: Venue, seed: int) -> None:
    rng = random.Random(seed)
    filled: set[bytes] = set()

    def fill_orders() -> None:
        venue.pump()
        for order in venue.orders()[len(filled) :]:
            filled.add(order[11])
            venue.report(order, f"E-{order[11].decode()}", "2", "2", last=100, cum=100)

    engine.start()
    up(engine, venue)
    for _ in range(5):
        end = time.monotonic() + rng.uniform(0.02, 0.2)
        while time.monotonic() < end:
            if engine.link is not None and engine.link.depth < 32:
                engine.command()
            fill_orders()
            engine.poll()
        engine.kill()
        ups = engine.kinds().count("SESSION_UP")
        engine.start()
        until(lambda n=ups: engine.kinds().count("SESSION_UP") > n, fill_orders, engine.poll, what="the session after a kill")  # type: ignore[misc]
    until(lambda: engine.link is not None and engine.link.their_mark == engine.output_seq, fill_orders, engine.poll, what="every command taken")
    ids = {f"C{i}".encode() for i in range(1, engine.output_seq + 1)}
    fates = until(lambda: fates_of(engine) if set(fates_of(engine)) == ids else None, fill_orders, engine.poll, what="a fate for every order")
    arrived = [o[11] for o in venue.orders()]
    assert len(arrived) == len(set(arrived)), "an order reached the venue twice"
    assert {i for i, fate in fates.items() if fate == {"FILL"}} == set(arrived)
    assert all(len(fate) == 1 for fate in fates.values()), "an order was both filled and reported as not sent"
    assert len(arrived) > 20, "too little happened for this test to mean anything"


def fates_of(engine: Engine) -> dict[bytes, set[str]]:
    """Kinds of the reports about each order."""
    fates: dict[bytes, set[str]] = {}
    for event, kind in zip(engine.events, engine.kinds(), strict=True):
        if event["cl_ord_id"]:
            fates.setdefault(bytes(event["cl_ord_id"]), set()).add(kind)
    return fates


def test_gateway_when_commands_are_offered_again_skips_what_it_took(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    engine.command()
    until(venue.orders, venue.pump)
    engine.output_seq = 0
    engine.command(cl_ord_id="C1")
    engine.command(cl_ord_id="C2")
    until(lambda: len(venue.orders()) == 2, venue.pump)
    assert [o[11] for o in venue.orders()] == [b"C1", b"C2"]
    assert Metrics.attach(engine.instance, "gw.v").counters()["skipped"] == 1


def test_gateway_when_order_is_older_than_the_session_it_is_not_sent_but_a_cancel_is(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    old = time.time_ns() - 10**10
    engine.command(engine_ns=old)
    engine.command("REPLACE", orig_cl_ord_id=b"C0", engine_ns=old)
    engine.command("CANCEL", orig_cl_ord_id=b"C0", engine_ns=old)
    until(lambda: len(venue.messages) == 1 and len(engine.kinds()) == 3, venue.pump, engine.poll, what="a cancel and two answers")
    assert (venue.messages[0][35], venue.messages[0][11]) == (b"F", b"C3")
    assert [(k, e["cl_ord_id"]) for k, e in zip(engine.kinds()[1:], engine.events[1:], strict=True)] == [("NOT_SENT", b"C1"), ("NOT_SENT", b"C2")]


def test_gateway_when_durability_is_local_order_waits_for_the_sidecars_mark(engine: Engine, venue: Venue) -> None:
    sidecar = Segment.create(engine.instance, "from.sidecar", link_sections(None), role=ENUMS["Role"].by_name["SIDECAR"], epoch=1)
    try:
        engine.spec["durability"] = "local"
        engine.start()
        up(engine, venue)
        engine.command(durability=2, journal_seq=10)
        metrics = Metrics.attach(engine.instance, "gw.v")
        until(lambda: metrics.counters()["held_for_durability"] == 1, venue.pump, what="the order held")
        sidecar.section("mark")["position"][0] = 9
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            venue.pump()
        assert not venue.orders(), "sent before its journal record was durable"
        sidecar.section("mark")["position"][0] = 10
        until(venue.orders, venue.pump, what="the order")
    finally:
        sidecar.unlink()
        sidecar.close()


def test_gateway_when_the_sidecar_stands_still_cancels_wait_once_and_not_one_after_the_other(engine: Engine, venue: Venue) -> None:
    """Twelve of them, each of which may wait two seconds."""
    sidecar = Segment.create(engine.instance, "from.sidecar", link_sections(None), role=ENUMS["Role"].by_name["SIDECAR"], epoch=1)
    try:
        engine.spec["durability"] = "local"
        engine.start()
        up(engine, venue)
        for k in range(12):
            engine.command("CANCEL", f"K{k}", orig_cl_ord_id=b"C0", order_id=k + 1, durability=2, journal_seq=10 + k)
        until(lambda: sum(m[35] == b"F" for m in venue.messages) == 12, venue.pump, engine.poll, what="twelve cancels")
    finally:
        sidecar.unlink()
        sidecar.close()


def test_gateway_when_the_sidecar_stands_still_and_a_standby_goes_on_cancels_wait_once_all_the_same(engine: Engine, venue: Venue) -> None:
    """What counts is the mark that is short: the other one's progress is no hope. Twelve, each of which might wait two seconds."""
    sidecar = Segment.create(engine.instance, "from.sidecar", link_sections(None), role=ENUMS["Role"].by_name["SIDECAR"], epoch=1)
    standby = Segment.create(engine.instance, "from.standby", link_sections(None), role=ENUMS["Role"].by_name["SIDECAR"], epoch=1)

    def went() -> int:
        return sum(m[35] == b"F" for m in venue.messages)

    def ask_again() -> None:
        k = int(standby.section("mark")["position"][0])
        if went() == k < 12:
            standby.section("mark")["position"][0] += 1
            engine.command("CANCEL", f"K{k}", orig_cl_ord_id=b"C0", order_id=k + 1, durability=2, journal_seq=10 + k)

    try:
        engine.spec["durability"] = "replicated"
        engine.start()
        up(engine, venue)
        until(lambda: went() == 12, venue.pump, engine.poll, ask_again, what="twelve cancels")
    finally:
        for region in (sidecar, standby):
            region.unlink()
            region.close()


@pytest.mark.parametrize(
    ("durability", "condition", "why"),
    [
        (2, 0, b"not durable in time"),
        (2, CONSTANTS["RESTRICT_JOURNAL_SUSPECT"][0], b"the journal is suspect: this order cannot be made durable"),
        (3, 0, b"durability replicated: there is no standby"),
    ],
)
def test_gateway_when_an_order_cannot_be_made_durable_it_is_answered_and_cancels_go_on(
    engine: Engine, venue: Venue, durability: int, condition: int, why: bytes
) -> None:
    sidecar = Segment.create(engine.instance, "from.sidecar", link_sections(None), role=ENUMS["Role"].by_name["SIDECAR"], epoch=1)
    try:
        sidecar.section("mark")["condition"][0] = condition
        engine.spec["durability"] = "replicated"
        engine.start()
        up(engine, venue)
        engine.command(durability=durability, journal_seq=10)
        engine.command("CANCEL", orig_cl_ord_id=b"C0", durability=durability, journal_seq=11)
        until(lambda: venue.messages and len(engine.kinds()) == 2, venue.pump, engine.poll, what="the cancel, and an answer to the order")
        assert [m[35] for m in venue.messages] == [b"F"]
        assert (engine.kinds()[1], bytes(engine.events[1]["text"]).rstrip(b"\0")) == ("NOT_SENT", why)
    finally:
        sidecar.unlink()
        sidecar.close()


def test_gateway_when_the_engines_ring_is_full_no_report_is_lost(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    engine.command()
    until(venue.orders, venue.pump)
    order = venue.orders()[0]
    for i in range(300):
        venue.report(order, f"E{i}")
    metrics = Metrics.attach(engine.instance, "gw.v")
    until(lambda: metrics.counters()["ring_full"] > 0, venue.pump, what="a full ring")
    assert metrics.counters()["next_in"] < 300, "numbers were taken before their events were published"
    until(lambda: len(engine.events) >= 301, venue.pump, engine.poll, what="all reports")
    assert [e["exec_id"].decode() for e in engine.events if e["kind"] == KIND["ACK"]] == [f"E{i}" for i in range(300)]


def test_gateway_when_message_type_is_unknown_answers_with_a_business_reject(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    venue.session.send_app(b"H", b"11=X\x0154=1\x0155=ABC\x01", time.time_ns())
    until(lambda: any(m[35] == b"j" for m in venue.messages), venue.pump, what="the BusinessMessageReject")
    assert [(m[380], m[372]) for m in venue.messages if m[35] == b"j"] == [(b"3", b"H")]


def test_gateway_when_venue_rejects_by_number_the_order_is_named(engine: Engine, venue: Venue) -> None:
    engine.start()
    up(engine, venue)
    engine.command()
    until(venue.orders, venue.pump)
    seq = venue.orders()[0][34].decode()
    venue.session.send_app(b"3", f"45={seq}\x01372=D\x01373=5\x0158=no\x01".encode(), time.time_ns())
    until(lambda: "BUSINESS_REJECT" in engine.kinds(), venue.pump, engine.poll)
    event = engine.events[-1]
    assert (event["cl_ord_id"], int(event["text_code"]), event["text"]) == (b"C1", 6, b"no")


@pytest.mark.parametrize("msg_type", [b"3", b"j"])
def test_gateway_when_an_administrative_message_is_refused_it_answers_nothing(engine: Engine, venue: Venue, msg_type: bytes) -> None:
    """A refusal is not refused in turn: two engines that do would never end."""
    engine.start()
    up(engine, venue)
    venue.session.send_app(msg_type, b"45=1\x01372=A\x01" + (b"380=3\x01" if msg_type == b"j" else b"373=5\x01"), time.time_ns())
    venue.session.send_app(b"H", b"11=X\x0154=1\x0155=ABC\x01", time.time_ns())
    until(lambda: any(m.get(372) == b"H" for m in venue.messages), venue.pump, what="the answer to the message behind it")
    assert [m[372] for m in venue.messages if m[35] == b"j"] == [b"H"]


def test_gateway_when_store_is_in_use_refuses_to_start(engine: Engine, venue: Venue) -> None:
    store = MessageStore(engine.spec["store"], "FIX.4.2:FIRM->VENUE")
    path = engine.folder / "spec.json"
    path.write_text(json.dumps(engine.spec))
    try:
        run = subprocess.run([sys.executable, "-m", "ringfence.gateways.fix", "--spec", str(path)], capture_output=True, text=True, timeout=30, check=False)
    finally:
        store.close()
    assert run.returncode == 1
    assert "in use by another process" in run.stderr


@pytest.mark.parametrize(("text", "message"), [("{", "cannot read"), ('{"host": 1}', "missing keys")])
def test_gateway_when_spec_is_bad_exits_two_and_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)
    run = subprocess.run([sys.executable, "-m", "ringfence.gateways.fix", "--spec", str(path)], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 2
    assert message in run.stderr
