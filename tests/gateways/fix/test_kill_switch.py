"""The kill switch of a gateway process whose engine is only its tables: words in shared memory, cancels on a real socket."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.gateways.fix.peer import Engine, Venue, until

from ringfence.core.clordid import encode_cl_ord_id, encode_out_of_band
from ringfence.core.state import Limits, state_sections
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import SHM_DIR
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import kill_words

DAY = 9679
STATE = ENUMS["ProcessState"].by_name
SMALL = Limits(orders=512, executions=16, positions=8, breaks=8, instruments=4, accounts=4, venues=4, strategies=4, routes=4, lots=512, scopes=64)


class Tables:
    """The engine's region ``state``, filled by hand."""

    def __init__(self, instance: str, limits: Limits = SMALL) -> None:
        self.region = Segment.create(instance, "state", state_sections(limits), role=ENUMS["Role"].by_name["ENGINE"], epoch=1)
        self.engine = self.region.section("engine")[1:2]
        self.engine["prefix"], self.engine["venue_count"] = b"RF", 3
        self.region.section("instruments")[1:2]["symbol"] = b"ABC"
        self.region.section("accounts")[1:2]["code"] = b"ACC"
        self.region.section("venues")[1:4]["name"] = [b"x", b"w", b"v"]
        self.region.set_state(STATE["RUNNING"])

    def order(self, row: int, **fields: Any) -> None:
        values = {
            "order_id": row, "venue": 3, "instrument": 1, "account": 1, "side": 1, "qty": 100, "leaves_qty": 100, "day_code": DAY, "revision": 0,
            "venue_order_id": b"V%d" % row, **fields,
        }  # fmt: skip
        for name, value in values.items():
            self.region.section("orders")[row : row + 1][name] = value
        self.engine["order_count"] = max(int(self.engine["order_count"][0]), row)

    def close(self) -> None:
        self.region.unlink()
        self.region.close()


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


@pytest.fixture
def tables(instance: str, engine: Engine) -> Iterator[Tables]:
    made = Tables(instance)
    yield made
    made.close()


def up(engine: Engine, venue: Venue, times: int = 1) -> None:
    until(lambda: engine.kinds().count("SESSION_UP") >= times, venue.pump, engine.poll, what=f"SESSION_UP number {times}")


def kill(engine: Engine, venue: str | None = None) -> None:
    kill_words.set_word(engine.instance, venue, "a test", os.getuid())


def clear(engine: Engine, venue: str | None = None) -> None:
    kill_words.clear_word(engine.instance, venue, "a test", os.getuid())


def cancels(venue: Venue) -> list[str]:
    return [m[11].decode() for m in venue.messages if m[35] == b"F"]


def out_of_band(*rows: int, number: int = 1) -> list[str]:
    """ClOrdIDs of the cancels of a round."""
    return [encode_out_of_band("RF", DAY, row, number) for row in rows]


def order_of(cancel: str) -> int:
    return int(cancel[6:13], 32)


def asked(venue: Venue, row: int) -> list[dict[int, bytes]]:
    """Cancels of an order so far."""
    return [m for m in venue.messages if m[35] == b"F" and order_of(m[11].decode()) == row]


def answer(venue: Venue, cancel: dict[int, bytes], *, granted: bool, reason: int = 3) -> None:
    """Grant a cancel by an ExecutionReport, or refuse it by an OrderCancelReject."""
    body = [(11, cancel[11].decode()), (37, "V"), (41, cancel[41].decode()), (39, 4 if granted else 0)]
    if granted:
        body += [(17, "X" + cancel[11].decode()), (20, 0), (150, 4), (54, cancel[54].decode()), (55, "ABC"), (14, 0), (151, 0), (6, 0)]
    else:
        body += [(434, 1), (102, reason)]
    venue.session.send_app(b"8" if granted else b"9", b"".join(f"{tag}={value}\x01".encode() for tag, value in body), time.time_ns())


def report(venue: Venue, cl_ord_id: str, exec_type: str, status: str) -> None:
    body = [(11, cl_ord_id), (37, "V"), (17, "R" + cl_ord_id), (20, 0), (150, exec_type), (39, status), (54, 1), (55, "ABC"), (14, 0), (151, 0), (6, 0)]
    venue.session.send_app(b"8", b"".join(f"{tag}={value}\x01".encode() for tag, value in body), time.time_ns())


class Refusing:
    """A venue that refuses the cancels of some orders as they come; ``step`` goes between the pumps."""

    def __init__(self, venue: Venue, *rows: int) -> None:
        self.venue, self.rows, self.refused = venue, rows, 0

    def step(self) -> None:
        self.venue.pump()
        cancels = [m for row in self.rows for m in asked(self.venue, row)]
        if len(cancels) > self.refused:
            for cancel in sorted(cancels, key=lambda m: int(m[34]))[self.refused :]:
                answer(self.venue, cancel, granted=False)
            self.refused = len(cancels)


def until_done(engine: Engine, venue: Venue) -> None:
    until(lambda: "cancelled every open order" in engine.log(), venue.pump, engine.poll, what="the end of the kill")
    until(lambda: venue.session.next_in == counters(engine)["next_out"], venue.pump, what="what was sent")


def counters(engine: Engine) -> dict[str, int]:
    metrics = Metrics.attach(engine.instance, "gw.v")
    time.sleep(0.03)  # gauges are stored every 10 ms
    found = metrics.counters()
    metrics.close()
    return found


@pytest.mark.parametrize("who", [None, "v"], ids=["the firm", "the venue"])
def test_gateway_when_a_kill_word_is_set_blocks_new_risk_and_cancels_what_is_open(engine: Engine, venue: Venue, tables: Tables, who: str | None) -> None:
    tables.order(1)
    tables.order(2, leaves_qty=0)
    tables.order(3, live_revision=2, revision=4, side=2)
    tables.order(4, venue=2)
    engine.start()
    up(engine, venue)
    kill(engine, who)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1, 3)
    first, second = (m for m in venue.messages if m[35] == b"F")
    assert (first[41].decode(), second[41].decode()) == (encode_cl_ord_id("RF", DAY, 1, 0), encode_cl_ord_id("RF", DAY, 3, 2))
    assert (first[37], first[54], second[54], first[55], first[1]) == (b"V1", b"1", b"2", b"ABC", b"ACC")
    engine.command("NEW", order_id=9)
    engine.command("REPLACE", orig_cl_ord_id=b"C0", order_id=1)
    engine.command("CANCEL", "K1", orig_cl_ord_id=b"C0", order_id=1)
    until(lambda: "K1" in cancels(venue), venue.pump, engine.poll, what="the engine's own cancel")
    assert venue.orders() == []
    assert [bytes(e["cl_ord_id"]) for e in engine.events if e["kind"] == ENUMS["VenueEventKind"].by_name["NOT_SENT"]] == [b"C1", b"C2"]
    assert b"kill" in bytes(engine.events[-1]["text"])
    found = counters(engine)
    assert (found["killed"], found["kill_cancels"], found["not_sent"]) == (1, 2, 2)


def test_gateway_when_another_venue_is_killed_goes_on(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    kill(engine, "w")
    engine.start()
    up(engine, venue)
    engine.command("NEW")
    until(venue.orders, venue.pump, what="the order")
    assert cancels(venue) == []


def test_gateway_when_the_word_is_cleared_sends_orders_again_and_a_second_kill_cancels_anew(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    engine.start()
    up(engine, venue)
    kill(engine)
    until_done(engine, venue)
    clear(engine)
    engine.command("NEW")
    until(venue.orders, venue.pump, what="the order")
    tables.order(2)
    kill(engine)
    until(lambda: len(cancels(venue)) == 3, venue.pump, engine.poll, what="two more cancels")
    assert cancels(venue) == out_of_band(1) + out_of_band(1, 2, number=2), "no ClOrdID twice"


def test_gateway_when_it_starts_killed_cancels_before_anything_else(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    kill(engine)
    engine.start()
    engine.command("NEW")
    up(engine, venue)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1)
    assert venue.orders() == []


@pytest.mark.parametrize("word", [0, 1, CONSTANTS["KILL_CLEAR"][0] + 1, 2**64 - 1])
def test_gateway_when_the_word_is_any_other_value_is_killed(engine: Engine, venue: Venue, tables: Tables, word: int) -> None:
    tables.order(1)
    engine.words.section("words")[4:5]["word"] = word
    engine.start()
    up(engine, venue)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1)


def test_gateway_when_there_is_no_kill_region_is_killed(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    engine.words.unlink()
    engine.start()
    up(engine, venue)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1)
    assert "no kill words" in engine.log()


def test_gateway_when_the_kill_region_is_removed_under_it_is_killed(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    engine.start()
    up(engine, venue)
    (SHM_DIR / f"rf.{engine.instance}.kill").unlink()
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1)


def test_gateway_when_stopped_obeys_the_word_first_thing_when_it_goes_on(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    engine.start()
    up(engine, venue)
    assert engine.process is not None
    os.kill(engine.process.pid, signal.SIGSTOP)
    for _ in range(20):
        engine.command("NEW")
    kill(engine)
    os.kill(engine.process.pid, signal.SIGCONT)
    until_done(engine, venue)
    until(lambda: engine.kinds().count("NOT_SENT") == 20, venue.pump, engine.poll, what="twenty answers")
    assert venue.orders() == []
    assert cancels(venue) == out_of_band(1)


def test_gateway_when_killed_in_the_middle_of_cancelling_goes_on_behind_the_last_one(instance: str, tmp_path: Path, venue: Venue) -> None:
    engine = Engine(instance, tmp_path, venue.port, messages_per_s=400, burst=2, cancel_reserve=1)
    tables = Tables(instance)
    try:
        for row in range(1, 201):
            tables.order(row)
        engine.start()
        up(engine, venue)
        kill(engine)
        for times in (2, 3):
            seen = len(cancels(venue))
            until(lambda seen=seen: len(cancels(venue)) > seen + 20, venue.pump, engine.poll, what="some cancels")
            engine.kill()
            engine.start()
            up(engine, venue, times)
        until_done(engine, venue)
        assert cancels(venue) == out_of_band(*range(1, 201)), "each exactly once, in order"
        until(lambda: counters(engine)["killed"] == 1, what="the gauge")
    finally:
        tables.close()
        engine.close()
    with_kill = MessageStore(tmp_path / "firm.store")
    assert with_kill.kill[1:3] == (True, True)
    with_kill.close()


def test_gateway_when_the_engine_recovers_waits_for_whole_tables(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.region.set_state(STATE["RECOVERING"])
    engine.start()
    up(engine, venue)
    kill(engine)
    until(lambda: "kill switch is set" in engine.log(), venue.pump, engine.poll, what="the kill")
    engine.command("NEW")
    until(lambda: "NOT_SENT" in engine.kinds(), venue.pump, engine.poll, what="the answer")
    tables.order(1)
    assert cancels(venue) == []
    tables.region.set_state(STATE["RUNNING"])
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1)


def test_gateway_when_the_session_is_down_cancels_once_it_is_up(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    engine.start()
    up(engine, venue)
    venue.drop()
    kill(engine)
    up(engine, venue, 2)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(1)


def test_gateway_when_numbers_start_anew_before_the_cancels_arrived_sends_them_again(instance: str, tmp_path: Path, venue: Venue) -> None:
    engine = Engine(instance, tmp_path, venue.port, session={"reset_on_logon": True})
    tables = Tables(instance)
    try:
        for row in range(1, 31):
            tables.order(row)
        engine.start()
        up(engine, venue)
        kill(engine)
        until(lambda: counters(engine)["kill_cancels"] == 30, what="thirty cancels on their way")
        venue.drop()
        up(engine, venue, 2)
        until(lambda: len(cancels(venue)) >= 30, venue.pump, engine.poll, what="the cancels again")
        assert cancels(venue) == out_of_band(*range(1, 31), number=2)
    finally:
        tables.close()
        engine.close()


def test_gateway_when_rows_are_hostile_sends_nothing_of_them(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1, order_id=7)
    tables.order(2, side=0)
    tables.order(3, side=99)
    tables.order(4, instrument=60000)
    tables.order(5, account=60000)
    tables.order(6, live_revision=40000)
    tables.order(7, day_code=1 << 20)
    tables.order(8, instrument=2)
    tables.order(9, venue_order_id=b"\x01\xff\x0110=000")
    tables.order(10, leaves_qty=-5)
    tables.region.section("instruments")[2:3]["symbol"] = b"A\x01B"
    tables.engine["order_count"] = 2**63
    engine.start()
    up(engine, venue)
    kill(engine)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(9)
    assert 37 not in next(m for m in venue.messages if m[35] == b"F")


def test_gateway_when_tables_are_random_bytes_lives_and_sends_valid_messages_only(engine: Engine, venue: Venue, tables: Tables) -> None:
    noise = random.Random(5)
    for name in ("orders", "instruments", "accounts", "engine"):
        rows = tables.region.section(name)
        rows.view(np.uint8)[:] = np.frombuffer(noise.randbytes(rows.nbytes), np.uint8)
    engine.start()
    up(engine, venue)
    kill(engine)
    until_done(engine, venue)
    assert engine.process is not None
    assert engine.process.poll() is None


def test_gateway_when_the_venue_has_mass_cancel_sends_one_and_falls_back_when_it_is_refused(instance: str, tmp_path: Path) -> None:
    venue = Venue(tmp_path, begin_string="FIX.4.4")
    engine = Engine(instance, tmp_path, venue.port, session={"begin_string": "FIX.4.4"})
    tables = Tables(instance)
    try:
        tables.order(1)
        engine.start()
        up(engine, venue)
        kill(engine, "v")
        (mass,) = until(lambda: [m for m in venue.messages if m[35] == b"q"], venue.pump, engine.poll, what="the mass cancel")
        assert (mass[530], mass[11][:5], len(mass[11])) == (b"7", b"KILL-", 16)
        assert cancels(venue) == []
        body = [(11, mass[11].decode()), (37, "X"), (530, 7), (531, 0), (532, 99)]
        venue.session.send_app(b"r", b"".join(f"{tag}={value}\x01".encode() for tag, value in body), time.time_ns())
        until_done(engine, venue)
        assert cancels(venue) == out_of_band(1)
        assert len([m for m in venue.messages if m[35] == b"q"]) == 1
    finally:
        tables.close()
        engine.close()
        venue.close()


def test_gateway_when_the_venue_has_mass_cancel_needs_no_tables(instance: str, tmp_path: Path) -> None:
    venue = Venue(tmp_path, begin_string="FIX.4.4")
    engine = Engine(instance, tmp_path, venue.port, session={"begin_string": "FIX.4.4"})
    try:
        engine.start()
        up(engine, venue)
        kill(engine)
        until(lambda: [m for m in venue.messages if m[35] == b"q"], venue.pump, engine.poll, what="the mass cancel")
        engine.kill()
        engine.start()
        up(engine, venue, 2)
        engine.command("NEW")
        until(lambda: "NOT_SENT" in engine.kinds(), venue.pump, engine.poll, what="the answer")
        assert len([m for m in venue.messages if m[35] == b"q"]) == 1, "once a kill, over a restart too"
    finally:
        engine.close()
        venue.close()


# ---- what waited while somebody stood still


def test_gateway_when_stopped_does_not_send_an_order_whose_cancel_stands_behind_it(engine: Engine, venue: Venue, tables: Tables) -> None:
    """A kill of an account, say, which no word tells: the engine's tables do. Order 8 has none."""
    engine.start()
    up(engine, venue)
    assert engine.process is not None
    os.kill(engine.process.pid, signal.SIGSTOP)
    for row in (7, 8):
        tables.order(row, cancel_revision=1 if row == 7 else 0, revision=1)
        engine.command("NEW", f"N{row}", order_id=row, engine_ns=time.time_ns(), venue=3)
    engine.command("CANCEL", "K7", orig_cl_ord_id=b"N7", order_id=7)
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > 0.15, what="what is in the ring to be late")
    os.kill(engine.process.pid, signal.SIGCONT)
    until(lambda: engine.kinds().count("NOT_SENT") == 2, venue.pump, engine.poll, what="the answers to order 7 and its cancel")
    until(venue.orders, venue.pump, engine.poll, what="order 8")
    assert [m[11] for m in venue.orders()] == [b"N8"]
    assert cancels(venue) == []


def test_gateway_when_the_engines_ring_fills_up_begins_no_round_that_nobody_could_hear_of(instance: str, tmp_path: Path, venue: Venue) -> None:
    engine = Engine(instance, tmp_path, venue.port, ring_slots=16)
    tables = Tables(instance)
    try:
        for row in range(1, 8):
            tables.order(row)
        engine.start()
        up(engine, venue)
        kill(engine)
        refusing = Refusing(venue, *range(1, 8))
        until(lambda: len(cancels(venue)) == 7, refusing.step, what="the first round")
        for row in range(1, 8):
            report(venue, encode_cl_ord_id("RF", DAY, row, 0), "4", "4" if row < 7 else "0")
        start = time.monotonic()
        until(lambda: time.monotonic() - start > 1.5, refusing.step, what="the time of another round")
        assert len(cancels(venue)) == 7, "fourteen of sixteen slots are taken"
        until(lambda: len(cancels(venue)) == 8, refusing.step, engine.poll, what="the next round, when the engine reads again")
        assert cancels(venue)[7:] == out_of_band(7, number=2)
    finally:
        tables.close()
        engine.close()


# ---- until each order is over


def test_gateway_when_a_cancel_is_refused_asks_again_until_a_report_ends_the_order(engine: Engine, venue: Venue, tables: Tables) -> None:
    """Order 1 is refused once, 2 granted, 3 refused for ever: it shows how many rounds there were; 4 is never answered."""
    for row in (1, 2, 3, 4):
        tables.order(row)
    engine.start()
    up(engine, venue)
    kill(engine)
    refusing = Refusing(venue, 1, 3)
    until(lambda: len(cancels(venue)) == 4, refusing.step, engine.poll, what="the first round")
    answer(venue, asked(venue, 2)[0], granted=True)
    until(lambda: asked(venue, 1)[1:], refusing.step, engine.poll, what="order 1 asked again")
    answer(venue, asked(venue, 1)[1], granted=True)
    until(lambda: len(asked(venue, 3)) == 4, refusing.step, engine.poll, what="two rounds more")
    assert [len(asked(venue, row)) for row in (1, 2, 4)] == [2, 1, 1]
    sent = cancels(venue)
    assert len(set(sent)) == len(sent), "no ClOrdID twice"
    assert {m[41].decode() for m in asked(venue, 3)} == {encode_cl_ord_id("RF", DAY, 3, 0)}


def test_gateway_when_the_session_or_the_process_breaks_before_the_answer_asks_again(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    engine.start()
    up(engine, venue)
    kill(engine)
    until_done(engine, venue)
    venue.drop()
    until(lambda: asked(venue, 1)[1:], venue.pump, engine.poll, what="order 1 asked again after the session broke")
    engine.kill()
    engine.start()
    until(lambda: asked(venue, 1)[2:], venue.pump, engine.poll, what="order 1 asked again by the gateway's successor")
    sent = cancels(venue)
    assert len(set(sent)) == len(sent), "no ClOrdID twice"


def test_gateway_when_reports_came_that_the_tables_do_not_have_goes_by_them(engine: Engine, venue: Venue, tables: Tables) -> None:
    """The engine hangs: order 1 ended since, 2 was replaced by its revision 1, of 3 only a superseded version ended, 4 was refused as a duplicate."""
    for row in (1, 2, 3, 4):
        tables.order(row, live_revision=1 if row == 3 else 0, revision=2)
    engine.start()
    up(engine, venue)
    report(venue, encode_cl_ord_id("RF", DAY, 1, 0), "4", "4")
    report(venue, encode_cl_ord_id("RF", DAY, 2, 1), "5", "5")
    report(venue, encode_cl_ord_id("RF", DAY, 3, 0), "4", "4")
    report(venue, encode_cl_ord_id("RF", DAY, 4, 1), "8", "8")
    until(lambda: len(engine.events) == 5, venue.pump, engine.poll, what="four reports")
    kill(engine)
    until_done(engine, venue)
    assert cancels(venue) == out_of_band(2, 3, 4)
    assert [asked(venue, row)[0][41].decode() for row in (2, 3)] == [encode_cl_ord_id("RF", DAY, row, 1) for row in (2, 3)]


def test_gateway_when_a_living_engine_cancels_an_order_leaves_it_to_that_in_later_rounds(engine: Engine, venue: Venue, tables: Tables) -> None:
    tables.order(1)
    tables.order(2)
    engine.start()
    up(engine, venue)
    kill(engine)
    refusing = Refusing(venue, 1, 2)

    def step() -> None:
        tables.region.heartbeat(time.time_ns())
        refusing.step()

    until(lambda: len(cancels(venue)) == 2, step, engine.poll, what="the first round")
    tables.order(1, cancel_revision=1, revision=1)
    until(lambda: len(asked(venue, 2)) == 3, step, engine.poll, what="two rounds more")
    assert len(asked(venue, 1)) == 1


def test_gateway_when_a_mass_cancel_left_an_order_asks_for_it_by_name(instance: str, tmp_path: Path) -> None:
    venue = Venue(tmp_path, begin_string="FIX.4.4")
    engine = Engine(instance, tmp_path, venue.port, session={"begin_string": "FIX.4.4"})
    tables = Tables(instance)
    try:
        tables.order(1)
        tables.order(2)
        engine.start()
        up(engine, venue)
        kill(engine, "v")
        until(lambda: [m for m in venue.messages if m[35] == b"q"], venue.pump, engine.poll, what="the mass cancel")
        report(venue, encode_cl_ord_id("RF", DAY, 1, 0), "4", "4")
        until(lambda: cancels(venue), venue.pump, engine.poll, what="the cancel of order 2")
        assert cancels(venue) == out_of_band(2, number=2)
    finally:
        tables.close()
        engine.close()
        venue.close()


# ---- what the venue asks for again


@pytest.mark.parametrize(("command", "msg_type", "session"), [("REPLACE", b"G", {}), ("NEW", b"D", {"order_max_age_s": 60})], ids=["replace", "young order"])
def test_resend_when_the_word_is_set_meanwhile_fills_what_adds_risk_and_says_so(
    instance: str, tmp_path: Path, venue: Venue, command: str, msg_type: bytes, session: dict[str, int]
) -> None:
    """It was written, the venue never read it, the line broke, the firm was killed, the venue comes back and asks for its number."""
    engine = Engine(instance, tmp_path, venue.port, session=session)
    tables = Tables(instance)
    try:
        engine.start()
        up(engine, venue)
        venue.reading = False
        engine.command(command, "RISK", orig_cl_ord_id=b"C0", order_id=1)
        until(lambda: engine.link is not None and engine.link.their_mark == 1, what="it in the store")
        kill(engine)
        until(lambda: "kill switch is set" in engine.log(), engine.poll, what="the gateway has seen the kill")
        venue.drop()
        venue.reading = True
        up(engine, venue, 2)
        until(lambda: "NOT_SENT" in engine.kinds(), venue.pump, engine.poll, what="NOT_SENT")
        clear(engine)
        until(lambda: "kill switch is clear" in engine.log(), venue.pump, engine.poll, what="the gateway has seen the end of it")
        assert [m for m in venue.messages if m[35] == msg_type] == [], "new risk left while the word was set, or after the engine was told that it did not"
        assert engine.kinds().count("NOT_SENT") == 1
    finally:
        tables.close()
        engine.close()
