"""Strategy classes in a backtest: every callback, both modes, the command around it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted_runtime import BEGIN, FX, ticks

import ringfence
from ringfence import backtest
from ringfence.backtest.terms import made
from ringfence.ipc.schema import ENUMS
from ringfence.journal import Reader
from ringfence.strategies.errors import ParameterRefused, StrategyFailed
from ringfence.strategies.runner import load
from ringfence.tools.cli import main

EVENT = ENUMS["EventKind"].by_value
TERMS: dict[str, Any] = {"instruments": [FX], "orders": 512}
EXAMPLE = Path(__file__).resolve().parents[2] / "tools" / "examples" / "maker.py"  # compiled for other tests, too
MAKER = """
import ringfence


@ringfence.strategy(nopython=True)
class Maker:
    symbols = ("EUR/USD",)
    qty: ringfence.parameter = 1_000
    edge: ringfence.parameter = 2
    limit: ringfence.parameter = 5_000
    ticks: int = 0
    fills: int = 0

    def on_start(self):
        self.timer(7_000_000_000)

    def on_quote(self, quote):
        self.ticks += 1
        if self.ticks % 5:
            return
        mid = (quote.bid + quote.ask) // 2
        self.cancel_all()
        if self.position(quote.instrument) < self.limit:
            self.buy(quote.instrument, self.qty, mid - self.edge)
        if self.position(quote.instrument) > -self.limit:
            self.sell(quote.instrument, self.qty, mid + self.edge)

    def on_fill(self, fill):
        self.fills += 1
        if self.fills % 3 == 0:
            self.sell(fill.instrument, 10, fill.last_px + 1)

    def on_timer(self, now_ns):
        self.cancel_all()
"""


def walk(count: int, seed: int) -> Any:
    draw = np.random.default_rng(seed)
    bids = 100_000 + np.cumsum(draw.integers(-3, 4, count))
    return ticks(*((1, int(b), int(b) + int(w)) for b, w in zip(bids, draw.integers(1, 5, count), strict=True)), gap_ns=3 * 10**8)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("maker") / "maker.py"
    file.write_text(MAKER)
    return file


def test_run_when_the_mode_is_another_the_result_is_the_same() -> None:
    tape = walk(400, 1)
    terms = TERMS | {"latency": backtest.Latency(jitter_ns=10**6), "parameters": {"qty": 1_000, "limit": 5_000}, "seed": 5}
    plain, compiled = (backtest.run(load(EXAMPLE), tape, mode=mode, **terms) for mode in ("python", "numba"))
    assert plain.hash == compiled.hash
    assert plain.events.tobytes() == compiled.events.tobytes()
    assert len(plain.fills) > 30


def test_run_when_parameters_are_given_they_are_the_strategys(maker: Path) -> None:
    result = backtest.run(load(maker), walk(20, 1), mode="python", parameters={"qty": 77}, **TERMS)
    assert set(result.orders["qty"].tolist()) <= {77, 10}


def test_run_when_the_class_starts_and_stops_its_orders_count() -> None:
    heard: list[tuple[str, int]] = []

    @ringfence.strategy
    class Life:
        def on_start(self) -> None:
            heard.append(("start", self.now()))  # type: ignore[attr-defined]
            self.buy(1, 5, 99_990)  # type: ignore[attr-defined]

        def on_quote(self, quote: Any) -> None:
            heard.append(("quote", quote.bid))
            if quote.bid == 100_002:
                self.stop()  # type: ignore[attr-defined]

        def on_event(self, event: Any) -> None:
            heard.append((EVENT[event.kind], event.client_id & 0xFFFF))

        def on_reject(self, event: Any) -> None:
            heard.append(("reject", event.reason))

        def on_stop(self) -> None:
            self.cancel_all()  # type: ignore[attr-defined]

    result = backtest.run(Life, ticks(*[(1, 100_000 + k, 100_005) for k in range(5)]), **TERMS)
    assert heard == [("start", BEGIN + 10**9), ("quote", 100_000), ("ACCEPTED", 1), ("ACK", 1), ("quote", 100_001), ("quote", 100_002)]
    assert [EVENT[k] for k in result.events["kind"].tolist()] == ["ACCEPTED", "ACK", "PENDING", "CANCELED"]
    assert result.summary["orders_open"] == 0


def test_run_when_a_callback_raises_it_says_where() -> None:
    @ringfence.strategy
    class Wrong:
        def on_quote(self, quote: Any) -> None:
            raise ZeroDivisionError("nothing to divide")

    with pytest.raises(StrategyFailed, match=r"Wrong\.on_quote: ZeroDivisionError: nothing to divide"):
        backtest.run(Wrong, ticks((1, 5, 6)), **TERMS)


def tick_file(folder: Path, count: int) -> Path:
    """A histdata file of a walk."""
    file = folder / "ticks.csv"
    lines = []
    for k, tick in enumerate(walk(count, 3)):
        seconds, ms = divmod(k * 300, 1_000)
        clock = f"20200102 {seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}{ms:03}"
        lines.append(f"{clock},{tick['bid'] / 1e5:.5f},{tick['ask'] / 1e5:.5f},0\n")
    file.write_text("".join(lines))
    return file


def test_command_when_it_is_run_twice_it_says_the_same(maker: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tick_file(tmp_path, 150)
    command = ["backtest", str(maker), "--ticks", str(file), "--symbol", "EUR/USD", "--digits", "5", "--mode", "python", "--set", "qty=500", "--capital", "9"]
    assert main([*command, "-o", "json", "--plot", str(tmp_path / "x.svg"), "--out", str(tmp_path / "out")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["ticks"]) == ("rf.backtest/1", 150)
    assert (tmp_path / "x.svg").exists()
    assert Reader(tmp_path / "out" / "journal").last_seq == found["frames"]
    assert main(command) == 0
    assert found["hash"] in capsys.readouterr().out
    assert main([*command, "--out", str(tmp_path / "out")]) == 4
    assert "holds a journal already" in capsys.readouterr().err


def test_command_when_times_are_given_only_ticks_between_are_played(maker: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tick_file(tmp_path, 100)
    command = ["backtest", str(maker), "--ticks", str(file), "--symbol", "EUR/USD", "--digits", "5", "--mode", "python", "-o", "json"]
    assert main([*command, "--from", "2020-01-02T05:00:03Z", "--to", "2020-01-02T05:00:06Z"]) == 0
    assert json.loads(capsys.readouterr().out)["ticks"] == 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--ticks", "package:eurusd_ticks.csv"], "a symbol of its own"),
        ([], "give --ticks"),
        (["--ticks", "package:none.csv", "--symbol", "EUR/USD"], "no such data file"),
        (["--ticks", "package:eurusd_ticks.csv", "--symbol", "EUR/USD", "--set", "none=1"], "no parameter 'none'"),
        (["--ticks", "package:eurusd_ticks.csv", "--symbol", "EUR/USD", "--order-us", "-1"], "order_ns"),
        (["--ticks", "package:eurusd_ticks.csv", "--symbol", "EUR/USD", "--plot", "x.gif"], ".png or .svg"),
        (["--ticks", "package:eurusd_ticks.csv", "--symbol", "EUR/USD", "--from", "2031-01-01T00:00:00Z"], "no ticks between"),
    ],
)
def test_command_when_an_argument_is_wrong_it_is_a_usage_error(maker: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(maker), "--mode", "python", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_command_when_the_strategy_raises_it_ends_with_its_own_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("import ringfence\n@ringfence.strategy\nclass Wrong:\n    def on_quote(self, quote):\n        raise ValueError('no')\n")
    assert main(["backtest", str(file), "--ticks", str(tick_file(tmp_path, 3)), "--symbol", "EUR/USD"]) == 5
    said = capsys.readouterr().err
    assert "Wrong.on_quote: ValueError: no" in said
    assert "wrong.py:5" in said


def test_command_when_it_is_interrupted_the_journal_so_far_is_there(tmp_path: Path) -> None:
    file = tmp_path / "slow.py"
    file.write_text(
        "import ringfence, sys\n@ringfence.strategy\nclass Slow:\n    n: int = 0\n    def on_quote(self, quote):\n        self.n += 1\n"
        "        if self.n == 20:\n            print('playing', flush=True)\n        if self.n > 20:\n            import time; time.sleep(0.02)\n"
    )
    command = [sys.executable, "-m", "ringfence.tools.cli", "backtest", str(file), "--ticks", str(tick_file(tmp_path, 5_000)), "--symbol", "EUR/USD"]
    child = subprocess.Popen([*command, "--out", str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "playing\n"
    child.send_signal(signal.SIGINT)
    until = time.monotonic() + 30
    assert child.wait(timeout=max(1, until - time.monotonic())) == 130
    assert "Traceback" not in child.stderr.read()  # type: ignore[union-attr]
    assert Reader(tmp_path / "out" / "journal").last_seq > 10
    assert not [p for p in Path("/dev/shm").glob(f"rf.backtest{child.pid}x*")]


def test_run_when_days_go_by_orders_end_as_their_time_in_force_says(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []

    @ringfence.strategy
    class Three:
        def on_start(self) -> None:
            self.orders = [
                self.buy(1, 5, 90),  # type: ignore[attr-defined]
                self.buy(1, 5, 90, ringfence.TimeInForce.GTC),  # type: ignore[attr-defined]
                self.buy(1, 5, 90, ringfence.TimeInForce.GTD, expire_ns=BEGIN + 10 * 10**9),  # type: ignore[attr-defined]
            ]

        def on_event(self, event: Any) -> None:
            if event.done:
                heard.append((EVENT[event.kind], self.orders.index(event.client_id), event.engine_ns))

    result = backtest.run(Three, ticks((0, 100, 105), (86_400, 100, 105)), out=tmp_path, **TERMS)
    assert [(kind, order) for kind, order, _ in heard] == [("EXPIRED", 2), ("EXPIRED", 0)]
    assert heard[0][2] == BEGIN + 10 * 10**9 + backtest.Latency().report_ns
    assert result.summary["orders_open"] == 1 and result.summary["breaks"] == 0


def test_run_when_the_configuration_sets_a_parameter_that_is_given_the_given_one_holds(maker: Path) -> None:
    config = made([FX], "s1", 100, currency="USD")
    config = replace(config, strategies=tuple(replace(s, parameters={"qty": "300", "edge": "1"}) for s in config.strategies))
    for given, qtys in (({}, {300, 10}), ({"qty": 77}, {77, 10})):
        result = backtest.run(load(maker), walk(20, 1), mode="python", config=config, parameters=given)
        assert set(result.orders["qty"].tolist()) <= qtys


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"parameters": {"qty": float("nan")}}, "parameter qty"),
        ({"parameters": {"none": 1}}, "no parameter 'none'"),
        ({"mode": "nubma"}, "there are python, numba"),
    ],
)
def test_run_when_an_argument_cannot_be_says_what_can(maker: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises((ParameterRefused, ValueError), match=says):
        backtest.run(load(maker), walk(5, 1), **given, **TERMS)


def test_run_when_ticks_have_other_decimals_than_the_instrument_is_refused(maker: Path) -> None:
    found = backtest.read_ticks("package:eurusd_ticks.csv", "histdata", 6)
    with pytest.raises(backtest.TapeError, match="6 price decimals, the instrument has 5"):
        backtest.run(load(maker), {"EUR/USD": found}, mode="python", **TERMS)
