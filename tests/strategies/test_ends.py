"""How a strategy ends when its code misbehaves: told with its method, its orders cancelled, its rings given back."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from strategy_classes import Everything
from strategy_rig import Rig

import ringfence
from ringfence.ipc.host import Idle
from ringfence.ipc.schema import ENUMS
from ringfence.strategies import runner, running
from ringfence.strategies.errors import DeclarationError, StrategyStuck
from ringfence.strategies.running import open_strategy

CANCEL_ALL = ENUMS["IntentKind"].by_name["CANCEL_ALL"]
Raise = Callable[[], None]
heard: list[str] = []


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig()
    order = made.state.section("orders")[1]  # one is open, so that there is something to cancel
    order["strategy"], order["leaves_qty"], order["instrument"], order["side"], order["ord_type"] = 1, 5, 1, 1, 2
    order["ord_status"], order["time_in_force"], order["client_id"], order["order_id"], order["account"] = 1, 1, 1, 1, 1
    made.engine["order_count"] = 1
    monkeypatch.setattr(runner, "CANCEL_S", 0.05)
    yield made
    made.close()


def driven(rig: Rig, cls: type, happens: Raise = lambda: None) -> tuple[int, list[str], list[int]]:
    """Run a class over what happens and one quote; exit code, what was said, and the kinds of intents that it left."""
    said: list[str] = []
    made = open_strategy(cls, rig.attachment, mode="python", idle=Idle.YIELD)
    happens()
    rig.quote(12, 14)
    guard = threading.Timer(10, made.runtime.request_stop)
    guard.start()
    code = runner.drive(made, "s1", said.append)
    guard.cancel()
    guard.join()
    return code, said, [int(i["kind"]) for i in rig.intents_out()]


def exits() -> None:
    raise SystemExit(0)


def interrupts_itself() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        try:
            threading.Event().wait(0.01)
        except (OSError, RuntimeError, ValueError):  # a strategy that holds on
            heard.append("swallowed")


def divides() -> None:
    heard.append(str(1 // 0))


@pytest.mark.parametrize(
    ("misbehave", "says"),
    [
        (exits, r"Bad\.on_quote: SystemExit: 0 \(.*test_ends\.py:\d+\)"),
        (interrupts_itself, r"Bad\.on_quote does not return \(.*test_ends\.py:\d+\)"),
        (divides, r"Bad\.on_quote: ZeroDivisionError: .* \(.*test_ends\.py:\d+\)"),
    ],
)
def test_method_when_it_ends_the_process_or_never_returns_its_orders_are_cancelled(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, misbehave: Raise, says: str
) -> None:
    @ringfence.strategy
    class Bad:
        def on_quote(self, quote: Any) -> None:
            misbehave()

    monkeypatch.setattr(runner, "STOP_S", 0.1)
    code, said, left = driven(rig, Bad)
    assert code == runner.FAILED
    assert re.search(says, said[0]), said
    assert left == [CANCEL_ALL]


@pytest.mark.parametrize("name", ["on_start", "on_stop", "on_event", "on_lost", "on_timer", "on_trade"])
def test_method_when_it_raises_is_named_whichever_it_is(rig: Rig, name: str) -> None:
    def on_start(self: Any) -> None:
        self.timer(1)
        rig.advance(5)

    def on_quote(self: Any, quote: Any) -> None:
        if name == "on_stop":
            self.stop()

    def bad(*_: Any) -> None:
        raise KeyError(name)

    cls = type("Bad", (), {"on_start": on_start, "on_quote": on_quote, name: bad})

    def happens() -> None:
        rig.emit("ACK", deliver=name == "on_event")
        rig.emit("ACK")
        rig.tick("TRADE", "TradeTick")

    code, said, left = driven(rig, ringfence.strategy(cls), happens)
    assert (code, left) == (runner.FAILED, [CANCEL_ALL]), said
    assert f"Bad.{name}: KeyError: '{name}'" in said[0]


def test_drive_when_nobody_reads_what_it_says_cancels_all_the_same(rig: Rig) -> None:
    @ringfence.strategy
    class Bad:
        def on_quote(self, quote: Any) -> None:
            divides()

    def gone(_: str) -> None:
        raise BrokenPipeError

    made = open_strategy(Bad, rig.attachment, mode="python")
    rig.quote(12, 14)
    with pytest.raises(BrokenPipeError):
        runner.drive(made, "s1", gone)
    assert [int(i["kind"]) for i in rig.intents_out()] == [CANCEL_ALL]


def test_tell_when_standard_error_is_closed_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        running.tell("to nobody")
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):
            stream.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_array_in_python_when_its_element_is_divided_by_0_raises_as_compiled(rig: Rig) -> None:
    @ringfence.strategy
    class Divides:
        seen = ringfence.array("i8", 2)

        def on_quote(self, quote: Any) -> None:
            self.seen[1] = sum(self.seen) + quote.bid
            heard.append(str(self.seen[1] // self.seen[0]))

    code, said, _ = driven(rig, Divides)
    assert code == runner.FAILED and "ZeroDivisionError" in said[0]


def test_load_when_a_file_ends_the_process_or_raises_says_where(tmp_path: Any) -> None:
    for text, says in (("x = 1\nraise SystemExit(3)\n", "SystemExit: 3 (bad.py:2)"), ("\n\nnothing\n", "name 'nothing' is not defined (bad.py:3)")):
        file = tmp_path / "bad.py"
        file.write_text(text)
        with pytest.raises(DeclarationError, match=re.escape(says)):
            runner.load(file)


# ---- compiled


def wait_for_the_thread() -> None:
    for thread in threading.enumerate():
        if thread.name == "strategy":
            thread.join(30)
            assert not thread.is_alive()


@pytest.mark.timeout(300)
def test_compiled_method_when_it_never_returns_is_told_and_after_the_stop_the_process_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled = pytest.importorskip("ringfence.strategies.compiled", reason="numba is not installed: pip install 'ringfence[numba]'")
    monkeypatch.setattr(compiled, "STOP_S", 0.2)
    monkeypatch.setattr(rig.attachment, "instance", "rig")
    made = open_strategy(Everything, rig.attachment, mode="numba")
    monkeypatch.setattr(compiled, "still_there", None, raising=False)
    made.runtime.engine_grace_s = 1e6
    rig.quote(-14, 16)
    said: list[str] = []

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(runner.os, "_exit", end)
    stop = threading.Timer(1.0, made.runtime.request_stop)
    stop.start()
    try:
        with pytest.raises(SystemExit) as ended:
            runner.drive(made, "s1", said.append)
    finally:
        made.record["seen"][0, 21] = 1
        wait_for_the_thread()
        stop.join()
    assert isinstance(ended.value.__context__, StrategyStuck)
    assert (ended.value.code, said) == (runner.FAILED, ["s1: Everything.on_quote does not return; the process has to end"])
    assert "s1: Everything.on_quote has not returned for 0 s" in capsys.readouterr().err
