"""Strategies of files against a whole instance: Python, compiled, in C; how they end, and what is left of their orders."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_instance import Running

from ringfence.tools import c_header

EXAMPLES = Path(__file__).resolve().parents[2] / "tools" / "examples"
FEED = """
[feed]
speed = 500.0
loop = true
[[feed.ticks]]
instrument = "EUR/USD"
file = "package:eurusd_ticks.csv"
format = "histdata"
"""
BROKEN = """
import ringfence

@ringfence.strategy(nopython=True)
class Broken:
    orders: int = 0

    def on_quote(self, quote):
        self.buy(quote.instrument, 1000, quote.bid - 50000)
        self.orders += 1
        if self.orders == 3:
            self.orders = self.orders // (self.orders - 3)
"""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("live"), f"tlive{os.getpid()}")
    running.add(FEED)
    try:
        running.start_venue()
        assert running.up() == 0, running.said
        running.wait_session_up()
        yield running
    finally:
        running.close()


def start(instance: Running, file: Path, strategy: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ringfence.tools.cli", "run", str(file), "--name", strategy, "--instance", instance.name, "--set", "qty=1000", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def open_of(instance: Running, row: int) -> int:
    return int(instance.sections("state", "strategies")[row]["open_orders"])


@pytest.mark.timeout(300)  # the first run on a host compiles
@pytest.mark.parametrize("mode", ["python", "numba"])
def test_run_when_interrupted_has_quoted_both_sides_and_leaves_nothing_open(instance: Running, mode: str) -> None:
    if mode == "numba":
        pytest.importorskip("numba")
    before = len(instance.orders())
    maker = start(instance, EXAMPLES / "maker.py", "s1", "--mode", mode)
    try:
        instance.until("orders on both sides", lambda: {1, 2} <= {int(s) for s in instance.orders()["side"][before:]}, 200)
        maker.send_signal(signal.SIGINT)
        said = maker.communicate(timeout=60)[1]
    finally:
        maker.kill()
        maker.wait()
    assert maker.returncode == 0, said
    assert f"Maker runs in {mode}" in said and "Traceback" not in said
    assert open_of(instance, 1) == 0


@pytest.mark.parametrize("mode", ["python"])  # test_modes.py has the compiled ones: compiling costs too much to do it here once more
def test_run_when_a_method_raises_says_where_and_cancels_its_orders(instance: Running, tmp_path: Path, mode: str) -> None:
    file = tmp_path / "broken.py"
    file.write_text(BROKEN)
    command = [sys.executable, "-m", "ringfence.tools.cli", "run", f"{file}:Broken", "--name", "s2", "--instance", instance.name, "--mode", mode]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert done.returncode == 5, done.stderr
    assert "s2: Broken.on_quote: ZeroDivisionError" in done.stderr and "broken.py:12" in done.stderr and "Traceback" not in done.stderr
    assert open_of(instance, 2) == 0


def test_run_when_something_is_wrong_exits_with_its_code(instance: Running, tmp_path: Path) -> None:
    maker = str(EXAMPLES / "maker.py")
    for arguments, code, text in (
        ([maker, "--name", "nobody", "--mode", "python"], 4, "nobody"),
        ([maker, "--name", "s1", "--mode", "python", "--set", "size=1"], 2, "no parameter 'size'; there are qty, limit"),
        ([str(tmp_path / "none.py"), "--name", "s1"], 2, "is no Python file"),
        ([maker, "--name", "s1", "--mode", "python", "--instance", "tnone"], 3, "tnone"),
    ):
        command = [sys.executable, "-m", "ringfence.tools.cli", "run", *arguments]
        done = subprocess.run(command, env={**os.environ, "RINGFENCE_INSTANCE": instance.name}, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert (done.returncode, text in done.stderr) == (code, True), done.stderr


def test_c_when_built_from_the_header_alone_trades(instance: Running, tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler on this host: apt-get install gcc")
    (tmp_path / "ringfence.h").write_text(c_header.header())
    program = tmp_path / "quoter"
    flags = ["-Wall", "-Wextra", "-Werror", "-O2", "-Wno-unused-function"]
    built = subprocess.run([compiler, *flags, f"-I{tmp_path}", str(EXAMPLES / "quoter.c"), "-o", str(program)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    before = len(instance.orders())
    environment = {**os.environ, "RINGFENCE_INSTANCE": instance.name}
    done = subprocess.run([str(program), "s1", "2"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    ticks, events, intents = (int(done.stdout.split()[at]) for at in (0, 2, 4))
    assert ticks and events and intents > 1
    assert len(instance.orders()) > before
    instance.until("its orders cancelled", lambda: open_of(instance, 1) == 0)
    refused = subprocess.run([str(program), "nobody", "1"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 3 and "refused" in refused.stderr
