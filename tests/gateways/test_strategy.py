"""The strategy client against the engine's end of its rings and a small control agent, all in this process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringfence.gateways.attach import find_instance
from ringfence.ipc.broadcast import market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.handover import peer_identity, receive, send_segment
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.ipc.segment import Segment
from ringfence.strategy import InstanceNotRunning, InstanceStopped, RingFull, Strategy, StrategyRefused, UnstableRow

SLOTS = 8
ROLE = ENUMS["Role"].by_name
KIND = ENUMS["EventKind"].by_name
STATUS = ENUMS["OrdStatus"].by_name
STARTING, RUNNING = (ENUMS["ProcessState"].by_name[n] for n in ("STARTING", "RUNNING"))
ROW = 1


class Engine:
    """The engine's and supervisor's side: regions, tables, a control agent thread."""

    def __init__(self, instance: str, folder: Path) -> None:
        self.instance, self.epoch, self.link = instance, 6, None
        self.requests: list[dict[str, Any]] = []
        self.refusal, self.code = "", 4
        status_sections = [("status", "InstanceStatus", 2), ("clock", "ClockCalibration", 2)]
        self.status = Segment.create(instance, "instance", status_sections, role=ROLE["SUPERVISOR"], epoch=1)
        self.status.section("status")[1]["data_dir"] = str(folder).encode()
        self.clock = Clock.calibrate(0.002)
        self.clock.publish(self.status)
        tables = [("engine", "EngineStatus", 2), ("instruments", "Instrument", 8), ("accounts", "Account", 4), ("strategies", "Strategy", 4)]
        tables += [("orders", "Order", 64), ("positions", "Position", 16)]
        self.state = Segment.create(instance, "state", tables, role=ROLE["ENGINE"], epoch=1)
        self.market = Segment.create(instance, "market", market_sections(16, 4), role=ROLE["FEED"], epoch=1)
        self.events = Segment.create(instance, "to.strat.mm1", link_sections("StrategyEvent", SLOTS), role=ROLE["ENGINE"], epoch=1)
        self.define()
        (folder / "run").mkdir()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(folder / "run" / "control.sock"))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def define(self, *more: tuple[str, int, int, int]) -> None:
        engine = self.state.section("engine")[1]
        instruments = ("EUR/USD", 5, 5, 1_000), ("USD/JPY", 3, 1, 1), *more
        for row, (symbol, digits, tick, lot) in enumerate(instruments, 1):
            r = self.state.section("instruments")[row]
            r["symbol"], r["id"], r["price_digits"], r["tick"], r["lot"], r["status"] = symbol.encode(), row, digits, tick, lot, 1
        self.state.section("accounts")[1]["name"] = b"main"
        self.state.section("accounts")[2]["name"] = b"hedge"
        engine["instrument_count"], engine["account_count"], engine["strategy_count"] = len(instruments), 2, 1
        self.state.set_state(RUNNING)

    def begin_again(self) -> None:
        """What a new engine does first: the tables are its own now, and empty."""
        self.state.set_state(STARTING)
        for name in ("engine", "instruments", "accounts", "strategies", "orders", "positions"):
            self.state.section(name).view(np.uint8)[:] = 0

    def add_order(self, client_id: int, **fields: int) -> int:
        engine = self.state.section("engine")[1]
        engine["order_count"] += 1
        row = int(engine["order_count"])
        values = {"order_id": row, "client_id": client_id, "strategy": ROW, "instrument": 1, "side": 1, "ord_type": 2, "time_in_force": 1, **fields}
        for name, value in values.items():
            self.state.section("orders")[row][name] = value
        return row

    def serve(self) -> None:
        while True:
            sock, _ = self.listener.accept()
            with sock:
                sock.settimeout(5)
                payload, _fds = receive(sock)
                if payload.get("op") == "end":
                    return
                self.requests.append({**payload, "peer": peer_identity(sock)[0]})
                if payload["op"] != "attach":
                    send_segment(sock, {"ok": True})
                elif self.refusal:
                    send_segment(sock, {"ok": False, "error": self.refusal, "code": self.code})
                else:
                    self.hand_over(sock)

    def hand_over(self, sock: socket.socket) -> None:
        self.epoch += 1
        intents = Segment.create_memfd("from.strat.mm1", link_sections("Intent", SLOTS), role=ROLE["STRATEGY"], epoch=self.epoch)
        self.link = Link(self.events, intents, trusted=False, fresh=True)
        send_segment(sock, {"ok": True, "strategy": ROW, "epoch": self.epoch, "slots": SLOTS}, [intents.fd])
        self.link.set_mark(self.epoch)

    def emit(self, kind: str, deliver: bool = True, **fields: int) -> None:
        """Count one output, as the engine does, and put it into the ring unless it is to be dropped."""
        strategy = self.state.section("strategies")[ROW]
        strategy["output_seq"] += 1
        event = np.zeros(1, dtype("StrategyEvent"))
        for name, value in {"output_seq": int(strategy["output_seq"]), "kind": KIND[kind], "instrument": 1, **fields}.items():
            event[name] = value
        if deliver:
            self.link.send(event)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(self.listener.getsockname())
            send_segment(sock, {"op": "end"})
        self.thread.join(10)
        self.listener.close()
        for segment in (self.status, self.state, self.market, self.events):
            segment.unlink()
            segment.close()


@pytest.fixture
def engine(instance: str, tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(instance, tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def strategy(engine: Engine) -> Iterator[Strategy]:
    with Strategy.attach("mm1", engine.instance) as strategy:
        yield strategy


def fields_of(intent: Any, *names: str) -> tuple[int, ...]:
    return tuple(int(intent[n]) for n in names)


# ---- intents


def test_buy_when_sent_arrives_whole_and_stamped(engine: Engine, strategy: Strategy) -> None:
    before = engine.clock.now_ns()
    order = strategy.buy("EUR/USD", "100000", px="1.12150", account="hedge")
    intent = engine.link.receive()
    assert fields_of(intent, "kind", "side", "ord_type", "time_in_force") == (1, 1, 2, 1)
    assert fields_of(intent, "qty", "px", "instrument", "account") == (100_000, 112_150, 1, 2)
    assert int(intent["client_id"]) == order.client_id == (engine.epoch << 32) + 1
    assert int(intent["epoch"]) == engine.epoch
    assert before <= int(intent["created_ns"]) <= engine.clock.now_ns()
    assert int(intent["crc"]) == crc32c(intent.tobytes()[8:124])
    assert engine.link.receive() is None


def test_buy_when_it_must_only_rest_or_show_a_part_says_so(engine: Engine, strategy: Strategy) -> None:
    strategy.buy("EUR/USD", "100000", px="1.12150", account="hedge", post_only=True, display_qty="20000")
    assert fields_of(engine.link.receive(), "instructions", "display_qty") == (CONSTANTS["INSTRUCTION_POST_ONLY"][0], 20_000)
    strategy.sell("EUR/USD", "100000", px="1.12150", account="hedge")
    assert fields_of(engine.link.receive(), "instructions", "display_qty") == (0, 0)


def crc32c(data: bytes) -> int:
    """Bit by bit, from the polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("prices", "ord_type", "px", "stop_px"),
    [
        ({}, "MARKET", 0, 0),
        ({"px": Decimal("1.12155")}, "LIMIT", 112_155, 0),
        ({"stop_px": "1.13"}, "STOP", 0, 113_000),
        ({"px": 112_150, "stop_px": 112_145}, "STOP_LIMIT", 112_150, 112_145),
    ],
)
def test_sell_when_prices_are_given_they_decide_the_type(
    engine: Engine, strategy: Strategy, prices: dict[str, Any], ord_type: str, px: int, stop_px: int
) -> None:
    strategy.sell("EUR/USD", 5_000, tif="ioc", short=True, **prices)
    intent = engine.link.receive()
    assert fields_of(intent, "side", "ord_type", "time_in_force", "px", "stop_px") == (5, ENUMS["OrdType"].by_name[ord_type], 4, px, stop_px)


def test_replace_and_cancel_when_given_a_handle_name_the_order_only(engine: Engine, strategy: Strategy) -> None:
    order = strategy.sell("USD/JPY", 7, px="86.655", tif="GTC")
    order.replace(9, px="86.700")
    order.cancel()
    strategy.cancel_all("USD/JPY")
    strategy.cancel_all()
    _, replaced, cancelled, all_of_one, everything = (engine.link.receive() for _ in range(5))
    names = ("kind", "client_id", "instrument", "side", "ord_type", "time_in_force")
    assert fields_of(replaced, *names, "qty", "px") == (3, order.client_id, 2, 0, 0, 0, 9, 86_700)
    assert fields_of(cancelled, *names) == (2, order.client_id, 2, 0, 0, 0)
    assert fields_of(all_of_one, "kind", "client_id", "instrument") == (4, 0, 2)
    assert fields_of(everything, "kind", "client_id", "instrument") == (4, 0, 0)


def test_replace_when_the_order_is_from_an_earlier_life_takes_its_scale_from_the_table(engine: Engine, strategy: Strategy) -> None:
    engine.add_order(77, instrument=2, px=86_000, qty=5, leaves_qty=5, ord_status=STATUS["NEW"])
    strategy.replace(77, 3)
    strategy.replace(77, 3, "86.5")
    assert [fields_of(engine.link.receive(), "client_id", "qty", "px", "instrument") for _ in range(2)] == [(77, 3, 0, 2), (77, 3, 86_500, 2)]


def test_cancel_when_the_order_is_unknown_says_so(strategy: Strategy) -> None:
    with pytest.raises(KeyError, match="'mm1' has no order with client_id 5"):
        strategy.cancel(5)


@pytest.mark.parametrize(
    ("qty", "px", "error", "message"),
    [
        ("100000", "1.121501", ValueError, r"EUR/USD px: 1\.121501 is finer than 5 decimals.*tick is 0\.00005"),
        ("100000", "1.12151", ValueError, r"EUR/USD px: 1\.12151 is not a multiple of the tick 0\.00005"),
        ("100500", "1.12150", ValueError, r"EUR/USD qty: 100500 is not a multiple of the lot 1000"),
        ("1000.5", "1.12150", ValueError, r"EUR/USD qty: 1000\.5 is finer than 0 decimals.*lot is 1000"),
        (100_000, 1.1215, TypeError, r"EUR/USD px: 1\.1215 is a float; pass text or a Decimal"),
        (1e5, "1.12150", TypeError, r"EUR/USD qty: 100000\.0 is a float"),
        (1 << 70, "1.12150", ValueError, "does not fit in 64 bits"),
    ],
)
def test_buy_when_an_amount_is_not_exact_refuses_and_sends_nothing(
    engine: Engine, strategy: Strategy, qty: Any, px: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        strategy.buy("EUR/USD", qty, px=px)
    assert engine.link.receive() is None


@pytest.mark.parametrize(
    ("terms", "error", "message"),
    [
        ({"symbol": "XAU/USD"}, KeyError, "no instrument 'XAU/USD'; there are EUR/USD, USD/JPY"),
        ({"account": "nope"}, KeyError, "no account 'nope'; there are main, hedge"),
        ({"tif": "NOW"}, ValueError, "tif 'NOW' is not known; there are DAY, GTC"),
        ({"ord_type": "PEG"}, ValueError, "ord_type 'PEG' is not known; there are MARKET"),
        ({"client_id": 0}, ValueError, "client_id was 0"),
    ],
)
def test_buy_when_a_name_is_unknown_lists_what_there_is(
    engine: Engine, strategy: Strategy, terms: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        strategy.buy(**{"symbol": "EUR/USD", "qty": 1_000, "px": "1.1", **terms})
    assert engine.link.receive() is None


def test_buy_when_the_ring_is_full_raises_and_loses_nothing(engine: Engine, strategy: Strategy) -> None:
    sent = [strategy.buy("EUR/USD", 1_000, px="1.1").client_id for _ in range(SLOTS)]
    with pytest.raises(RingFull, match=rf"'mm1' is full: {SLOTS} in flight of {SLOTS}"):
        strategy.buy("EUR/USD", 1_000, px="1.1")
    assert strategy.in_flight == SLOTS
    first = engine.link.receive()
    again = strategy.buy("EUR/USD", 1_000, px="1.1")
    received = [first, *(engine.link.receive() for _ in range(SLOTS))]
    assert [int(i["client_id"]) for i in received] == [*sent, again.client_id]
    assert again.client_id == sent[-1] + 1, "the refused intent must not use up a client_id"


# ---- events


def test_poll_when_events_arrive_returns_them_in_order(engine: Engine, strategy: Strategy) -> None:
    order = strategy.buy("EUR/USD", 5_000, px="1.12150")
    terms = {"client_id": order.client_id, "order_id": 1, "side": 1, "qty": 5_000, "px": 112_150}
    engine.emit("ACCEPTED", ord_status=STATUS["PENDING_NEW"], leaves_qty=5_000, **terms)
    engine.emit("FILL", ord_status=STATUS["PARTIALLY_FILLED"], last_qty=2_000, last_px=112_150, cum_qty=2_000, leaves_qty=3_000, net_qty=2_000, **terms)
    engine.emit("DENIED", ord_status=STATUS["DENIED"], reason=ENUMS["DenyReason"].by_name["SESSION_DOWN"], client_id=9)
    engine.emit("REJECTED", ord_status=STATUS["REJECTED"], venue_code=1, **terms)
    accepted, fill, denied, rejected = strategy.events(timeout=0.2)
    assert (accepted.kind, accepted.client_id, accepted.ord_status, accepted.venue_code) == ("ACCEPTED", order.client_id, "PENDING_NEW", None)
    assert (fill.kind, fill.symbol, fill.side, fill.last_qty, fill.last_px, fill.net_qty) == ("FILL", "EUR/USD", "BUY", 2_000, 112_150, 2_000)
    assert (denied.kind, denied.reason, denied.done) == ("DENIED", "SESSION_DOWN", False)
    assert (rejected.venue_code, rejected.done) == (0, True)
    assert strategy.poll() is None and strategy.events_lost == 0


def test_poll_and_buy_when_called_store_a_sign_of_life(engine: Engine, strategy: Strategy) -> None:
    block = strategy.attachment.intents.superblock
    for act in (strategy.poll, lambda: strategy.buy("EUR/USD", 1000, "1.1"), strategy.poll):
        before = strategy.now_ns()
        act()
        assert before <= int(block["heartbeat_ns"]) <= strategy.now_ns()


def test_poll_when_the_engine_dropped_events_tells_how_many_before_the_next(engine: Engine, strategy: Strategy) -> None:
    engine.emit("ACK", client_id=1)
    for _ in range(3):
        engine.emit("FILL", deliver=False)
    engine.emit("CANCELED", client_id=1)
    first, lost, last = strategy.events(timeout=0.2)
    assert (first.kind, lost.kind, lost.lost, last.kind) == ("ACK", "LOST", 3, "CANCELED")
    assert strategy.events_lost == 3


def test_poll_when_the_last_events_were_dropped_finds_out_from_the_table(engine: Engine, strategy: Strategy) -> None:
    engine.emit("ACK", client_id=1)
    engine.emit("FILL", deliver=False)
    engine.emit("FILL", deliver=False)
    seen = []
    for event in strategy.events(timeout=10):
        seen.append((event.kind, event.lost))
        if event.kind == "LOST":
            break
    assert seen == [("ACK", 0), ("LOST", 2)]
    engine.emit("CANCELED", client_id=1)
    assert strategy.poll().kind == "CANCELED" and strategy.events_lost == 2


def test_events_when_stopped_ends_after_the_last_one(engine: Engine, strategy: Strategy) -> None:
    engine.emit("ACK", client_id=1)
    engine.emit("FILL", client_id=1)
    kinds = []
    for event in strategy.events():
        strategy.stop()
        kinds.append(event.kind)
    assert kinds == ["ACK", "FILL"]


def test_cancel_and_wait_when_the_venue_answers_returns_at_once_and_else_says_what_is_open(engine: Engine, strategy: Strategy) -> None:
    row = engine.add_order(5, px=112_150, qty=5_000, leaves_qty=5_000, ord_status=STATUS["NEW"])
    strategy.stop()
    assert [o.client_id for o in strategy.cancel_and_wait(0.1)] == [5]
    assert fields_of(engine.link.receive(), "kind", "client_id") == (4, 0)

    def answer() -> None:
        while engine.link.receive() is None:
            pass
        engine.state.section("orders")[row]["leaves_qty"] = 0
        engine.emit("CANCELED", client_id=5, ord_status=STATUS["CANCELED"])

    venue = threading.Thread(target=answer)
    venue.start()
    assert strategy.cancel_and_wait(10) == []
    venue.join(10)


# ---- tables


def test_order_and_position_when_the_engine_has_them_are_returned_by_name(engine: Engine, strategy: Strategy) -> None:
    engine.add_order(41, account=1, px=112_150, qty=5_000, cum_qty=5_000, ord_status=STATUS["FILLED"])
    engine.add_order(42, account=1, px=112_150, qty=5_000, cum_qty=2_000, leaves_qty=3_000, ord_status=STATUS["PARTIALLY_FILLED"])
    engine.add_order(43, strategy=2, leaves_qty=1, ord_status=STATUS["NEW"])
    row = engine.state.section("positions")[1]
    for name, value in {"strategy": ROW, "instrument": 1, "account": 1, "net_qty": -2_000, "cost_lo": (1 << 64) - 5, "cost_hi": -1, "fills": 3}.items():
        row[name] = value
    engine.state.section("engine")[1]["position_count"] = 1
    view = strategy.order(42)
    assert (view.status, view.side, view.account, view.cum_qty, view.leaves_qty, view.is_open) == ("PARTIALLY_FILLED", "BUY", "main", 2_000, 3_000, True)
    assert [o.client_id for o in strategy.open_orders()] == [42]
    assert strategy.order(43) is None and strategy.order(99) is None
    position = strategy.position("EUR/USD")
    assert (position.net_qty, position.cost, position.fills, position.account) == (-2_000, -5, 3, "main")
    assert strategy.position("USD/JPY").net_qty == 0


def test_position_when_there_are_several_accounts_asks_for_one(engine: Engine, strategy: Strategy) -> None:
    for account in (1, 2):
        row = engine.state.section("positions")[account]
        row["strategy"], row["instrument"], row["account"], row["net_qty"] = ROW, 1, account, account
    engine.state.section("engine")[1]["position_count"] = 2
    with pytest.raises(ValueError, match="accounts main, hedge; name one"):
        strategy.position("EUR/USD")
    assert strategy.position("EUR/USD", "hedge").net_qty == 2


def test_quote_when_the_feed_has_published_is_returned_scaled(engine: Engine, strategy: Strategy) -> None:
    assert strategy.quote("EUR/USD") is None
    row = engine.market.section("quotes")[1]
    row["version"], row["bid"], row["ask"], row["count"], row["flags"] = 2, 112_120, 112_170, 1, 1
    quote = strategy.quote("EUR/USD")
    assert (quote.bid, quote.ask, quote.stale, quote.crossed) == (112_120, 112_170, True, False)
    assert strategy.instrument("EUR/USD").px_text(quote.bid) == "1.12120"
    row["version"] = 3  # the feed was killed inside of it
    assert strategy.quote("EUR/USD") is None


# ---- attaching


def test_attach_when_done_has_named_itself_and_detaches_at_the_end(engine: Engine) -> None:
    with Strategy.attach("mm1", engine.instance):
        assert engine.requests == [{"op": "attach", "strategy": "mm1", "pid": os.getpid(), "peer": os.getpid()}]
    assert engine.requests[1:] == [{"op": "detach", "strategy": "mm1", "epoch": engine.epoch, "peer": os.getpid()}]


def test_attach_when_the_agent_refuses_passes_its_words_on(engine: Engine) -> None:
    engine.refusal = "pid 4711 has it and is alive; stop that process first"
    with pytest.raises(StrategyRefused, match=r"^pid 4711 has it and is alive; stop that process first$"):
        Strategy.attach("mm1", engine.instance)


def test_attach_when_the_engine_is_not_up_yet_is_no_refusal(engine: Engine) -> None:
    engine.refusal, engine.code = "the engine is not running yet; try again", 5
    with pytest.raises(InstanceNotRunning, match="not running yet; try again"):
        Strategy.attach("mm1", engine.instance)


def test_client_id_when_the_engine_has_flattened_a_position_of_the_strategy_is_none_of_the_engines_own(engine: Engine) -> None:
    engine.add_order(7)
    engine.add_order((CONSTANTS["FLATTEN_CLIENT_ID"][0] << 32) + 1)
    with Strategy.attach("mm1", engine.instance) as strategy:
        assert strategy.buy("EUR/USD", 1_000, "1.12").client_id == (engine.epoch << 32) + 1


def test_attach_when_it_is_a_restart_never_takes_a_client_id_again(engine: Engine) -> None:
    with Strategy.attach("mm1", engine.instance) as first:
        used = [first.buy("EUR/USD", 1_000, px="1.1").client_id for _ in range(3)]
    with Strategy.attach("mm1", engine.instance) as second:
        assert second.buy("EUR/USD", 1_000, px="1.1").client_id > max(used)
    engine.add_order((1 << 60) + 5)
    with Strategy.attach("mm1", engine.instance) as third:
        assert third.buy("EUR/USD", 1_000, px="1.1").client_id == (1 << 60) + 6


def test_attach_when_there_is_no_instance_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(InstanceNotRunning, match=r"has no region 'instance': it is not running"):
        Strategy.attach("mm1", f"t{os.getpid()}none")


def test_attach_when_the_control_agent_is_gone_says_so(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "run" / "control.sock").rename(tmp_path / "elsewhere")
    with pytest.raises(InstanceNotRunning, match=r"control\.sock does not answer"):
        Strategy.attach("mm1", engine.instance)
    (tmp_path / "elsewhere").rename(tmp_path / "run" / "control.sock")


def test_attach_when_the_engine_does_not_take_the_ring_gives_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "hand_over", lambda sock: Engine.hand_over(engine, sock) or engine.link.set_mark(0))
    with pytest.raises(InstanceNotRunning, match=r"did not take the ring of strategy 'mm1' within 0\.2 s"):
        Strategy.attach("mm1", engine.instance, timeout=0.2)


def test_find_instance_when_named_or_in_the_environment_does_not_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_INSTANCE", "prod")
    assert find_instance("x") == "x"
    assert find_instance(None) == "prod"


# ---- the end of the instance


def test_poll_when_the_engine_says_stopped_raises(engine: Engine, strategy: Strategy) -> None:
    engine.state.set_state(ENUMS["ProcessState"].by_name["STOPPED"])
    with pytest.raises(InstanceStopped, match="has stopped"):
        next(strategy.events(timeout=10))


def test_poll_when_another_process_took_the_strategy_raises(engine: Engine, strategy: Strategy) -> None:
    engine.link.set_mark(engine.epoch + 1)
    with pytest.raises(InstanceStopped, match="was detached"):
        next(strategy.events(timeout=10))


def test_poll_when_the_engine_stays_dead_raises_after_its_grace(engine: Engine, strategy: Strategy) -> None:
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    engine.state.superblock["writer_pid"] = int(child.stdout)
    strategy.engine_grace_s = 0.1
    with pytest.raises(InstanceStopped, match=r"is dead for 0\.1 s"):
        next(strategy.events(timeout=10))


def test_tables_when_the_engine_starts_again_say_so_until_they_are_whole(engine: Engine, strategy: Strategy) -> None:
    engine.add_order(42, leaves_qty=5, ord_status=STATUS["NEW"])
    engine.begin_again()
    reads = (lambda: strategy.order(42), strategy.open_orders, strategy.positions, lambda: strategy.position("EUR/USD"), lambda: strategy.cancel(42))
    for read in (*reads, lambda: strategy.buy("XAU/USD", 1, "86.655"), lambda: strategy.cancel_and_wait(0.05)):
        with pytest.raises(UnstableRow, match="started again"):
            read()
    engine.define()
    engine.add_order(42, leaves_qty=5, ord_status=STATUS["NEW"])
    assert [o.client_id for o in strategy.open_orders()] == [42]
    assert {int(i["kind"]) for i in iter(engine.link.receive, None)} == {ENUMS["IntentKind"].by_name["CANCEL_ALL"]}


def test_buy_when_the_engine_starts_again_goes_out_though_it_is_the_first(engine: Engine, strategy: Strategy) -> None:
    engine.begin_again()
    assert strategy.buy("USD/JPY", "1000", "86.655", account="hedge").symbol == "USD/JPY"
    assert engine.link.waiting


def test_tables_when_another_engine_came_during_the_read_do_not_mix_the_two(engine: Engine, strategy: Strategy) -> None:
    engine.add_order(42, leaves_qty=5, ord_status=STATUS["NEW"])
    table = strategy.tables
    copy = table.consistent

    def interrupted(rows: Any, row: int) -> Any:
        engine.state.superblock["epoch"] += 1
        return copy(rows, row)

    table.consistent = interrupted  # type: ignore[method-assign]
    with pytest.raises(UnstableRow, match="during the read"):
        strategy.order(42)
    del table.consistent
    assert strategy.order(42).client_id == 42


def test_poll_when_the_engine_starts_again_leaves_an_event_that_it_cannot_name(engine: Engine, strategy: Strategy) -> None:
    engine.emit("ACK", client_id=42, order_id=1, instrument=3)  # of an instrument that came after the attach
    engine.begin_again()
    assert strategy.poll() is None
    engine.define(("GBP/USD", 5, 1, 1_000))
    event = strategy.poll()
    assert event is not None and (event.client_id, event.symbol, strategy.events_lost) == (42, "GBP/USD", 0)


def test_attach_when_the_engine_starts_again_waits_for_its_tables(engine: Engine) -> None:
    engine.begin_again()
    with pytest.raises(InstanceNotRunning, match="given its rings, then the engine is being started again"):
        Strategy.attach("mm1", engine.instance, timeout=0.2)
    assert [r["op"] for r in engine.requests] == ["attach", "detach"]
    timer = threading.Timer(0.1, engine.define)
    timer.start()
    Strategy.attach("mm1", engine.instance).close()
    timer.join()


def test_close_when_done_refuses_further_use(engine: Engine) -> None:
    strategy = Strategy.attach("mm1", engine.instance)
    strategy.close()
    strategy.close()
    for call in (strategy.poll, strategy.cancel_all):
        with pytest.raises(InstanceStopped, match="is closed"):
            call()


def test_intent_when_its_size_changes_the_checksum_rule_must_follow() -> None:
    assert (RECORDS["Intent"].size, RECORDS["Intent"].offsets["crc"]) == (128, 124)
