"""A result's arrays, its files and pictures, and the same read from a journal."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted_runtime import FX, Scripted, is_tick, scripted, ticks

from ringfence.backtest import PNL_DIGITS, Latency, Market, Result, play, read_day
from ringfence.tools.cli import main
from ringfence.tools.errors import ExtraMissing, Refused
from ringfence.tools.ledger_state import wide
from ringfence.tools.replay import replay


def one_of_each(s: Scripted, what: Any) -> None:
    """Buy, sell half, rest, and ask what is refused."""
    if not is_tick(what):
        return
    if s.count == 1:
        s.client.buy("EUR/USD", 1_000)
    elif s.count == 3:
        s.client.sell("EUR/USD", 400)
        s.client.buy("EUR/USD", 7, 99_000)
    elif s.count == 4:
        s.client.send("BUY", "EUR/USD", 5, 99_000, tif="OPG")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a run, with its journal."""
    return tmp_path_factory.mktemp("backtest")


@pytest.fixture(scope="module")
def result(out: Path) -> Result:
    tape = ticks(*((1, 100_000 + 10 * k, 100_002 + 10 * k) for k in range(8)))
    return play(scripted(one_of_each), tape, instruments=[FX], orders=128, market=Market(commission_ppm=10), capital=5_000, out=out)


def test_result_when_a_run_ended_its_figures_are_exact(result: Result) -> None:
    bought, sold, last = 100_002, 100_020, (100_070 + 100_072) // 2
    unit = 10 ** (PNL_DIGITS - 5)
    fees = (1_000 * bought + 400 * sold) * unit // 100_000
    realized, unrealized = 400 * (sold - bought) * unit, 600 * (last - bought) * unit
    row = result.pnl[-1]
    assert [int(row[n]) for n in ("net_qty", "realized", "unrealized", "fees", "total")] == [600, realized, unrealized, fees, realized + unrealized - fees]
    assert result.summary["positions"] == {"EUR/USD": "600"}
    assert result.summary["refused"] == {"NOT_SUPPORTED": 1} or sum(result.summary["refused"].values()) == 1
    assert (result.summary["orders_open"], result.summary["fills"]) == (1, 2)
    assert result.currencies[result.row("EUR/USD")] == "USD"
    times, total = result.curve()
    assert len(times) == len(np.unique(result.pnl["ns"]))
    assert total[-1] == pytest.approx(int(row["total"]) / 10**PNL_DIGITS)
    assert result.price(result.fills["px"], 1).tolist() == [1.00002, 1.0002]
    with pytest.raises(KeyError, match="USD/JPY"):
        result.row("USD/JPY")


def test_result_when_it_is_written_numpy_reads_the_same(result: Result, out: Path) -> None:
    with np.load(out / "result.npz") as arrays:
        for name in ("fills", "orders", "intents", "events", "positions", "pnl"):
            assert arrays[name].tobytes() == getattr(result, name).tobytes()
        assert json.loads(str(arrays["summary"]))["hash"] == result.hash


def test_result_when_its_journal_is_read_the_arrays_are_the_same(result: Result, out: Path) -> None:
    day = read_day(out / "journal", "strategy")
    assert day.hash == result.hash
    for name in ("fills", "orders", "intents", "positions"):
        assert getattr(day, name).tobytes() == getattr(result, name).tobytes()
    assert day.pnl[-1]["total"] == result.pnl[-1]["total"]
    assert day.summary["pnl"] == result.summary["pnl"]
    with pytest.raises(ValueError, match="no strategy 'other'"):
        read_day(out / "journal", "other")


def test_result_when_capital_is_given_it_is_deposited_before_the_first_order(result: Result, out: Path) -> None:
    state = replay(out / "journal", until=int(result.intents[0]["seq"]) - 1).replayer.state
    assert wide(state.table("cash")[1]["entered"]) == 5_000 * 10**18


def test_result_when_its_journal_is_given_the_commands_read_it_like_a_live_one(result: Result, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "verify", str(out)]) == 0
    assert main(["replay", str(out), "--verify", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["state_hash"] == f"{result.state_hash:016x}"
    assert main(["ledger", "write", "--data", str(out)]) == 0
    capsys.readouterr()
    assert main(["ledger", "pnl", "--data", str(out), "-o", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert Decimal(row["total"]) == Decimal(int(result.pnl[-1]["total"])).scaleb(-PNL_DIGITS)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_plot_when_it_is_drawn_again_it_is_the_same_picture(result: Result, tmp_path: Path, kind: str) -> None:
    for name in "ab":
        result.plot(tmp_path / f"{name}.{kind}")
    first, again = ((tmp_path / f"{name}.{kind}").read_bytes() for name in "ab")
    assert first == again
    assert len(first) > 5_000


def test_plot_when_the_file_is_of_another_kind_it_is_refused(result: Result, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png or \.svg"):
        result.plot(tmp_path / "x.pdf")


def test_plot_when_matplotlib_is_missing_it_names_the_extra(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ExtraMissing, match=r"ringfence\[plot\]"):
        result.plot(tmp_path / "x.svg")


def test_play_when_the_directory_holds_a_journal_it_is_refused(result: Result, out: Path) -> None:
    with pytest.raises(Refused, match="holds a journal already"):
        play(scripted(one_of_each), ticks((1, 5, 6)), instruments=[FX], orders=128, out=out)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"config": "x.toml", "currency": "USD"}, "not both"),
        ({}, "how many digits"),
        ({"instruments": [FX], "capital": -1}, "capital"),
        ({"instruments": [FX, FX | {"symbol": "GBP/USD"}]}, "without a symbol"),
    ],
)
def test_play_when_arguments_contradict_each_other_it_says_which(terms: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        play(scripted(one_of_each), ticks((1, 5, 6)), **terms)


def test_play_when_a_configuration_file_is_given_its_limits_hold(tmp_path: Path) -> None:
    file = tmp_path / "firm.toml"
    file.write_text(CONFIG)
    found = play(scripted(one_of_each), {"EUR/USD": ticks(*[(1, 100_000, 100_002)] * 5)}, config=file, latency=Latency(order_ns=5))
    assert found.summary["refused"]["MAX_QTY"] == 1
    assert found.summary["fills"] == 1
    with pytest.raises(ValueError, match="no strategy 'x'"):
        play(scripted(one_of_each), {"EUR/USD": ticks((1, 5, 6))}, config=file, name="x")


def test_play_when_there_are_no_ticks_for_long_the_strategy_is_not_taken_for_dead(tmp_path: Path) -> None:
    file = tmp_path / "firm.toml"
    file.write_text(CONFIG.replace('name = "mm1"\n', 'name = "mm1"\ndeadman_ms = 100\n', 1))

    def act(s: Scripted, what: Any) -> None:
        if is_tick(what) and s.count == 1:
            s.client.buy("EUR/USD", 5, 99_000, tif="GTC")

    found = play(scripted(act), {"EUR/USD": ticks((0, 100_000, 100_002), (100_000, 100_000, 100_002))}, config=file)
    assert found.summary["orders_open"] == 1


CONFIG = """
[instance]
name = "bt-file"
data_dir = "data"
mode = "demo"
prefix = "BF"
[limits]
orders = 256
executions = 512
positions = 16
breaks = 64
[firm]
currency = "USD"
[[instrument]]
symbol = "EUR/USD"
base = "EUR"
quote = "USD"
price_digits = 5
qty_digits = 0
tick = "0.00001"
lot = "1"
qty_min = "1"
qty_max = "10000"
[[account]]
name = "main"
currency = "USD"
[[venue]]
name = "sim"
[venue.session]
sender_comp_id = "RF"
target_comp_id = "SIM"
host = "127.0.0.1"
port = 1
[[strategy]]
name = "mm1"
[[route]]
name = "fx"
account = "main"
venue = "sim"
[[permission]]
name = "all"
short = true
[[limit]]
scope = "strategy:mm1"
rule = "MAX_QTY"
value = "900"
"""
