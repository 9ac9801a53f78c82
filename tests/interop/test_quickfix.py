"""A real instance against an acceptor on QuickFIX: our books equal its record, field by field.

The suite sends ``RINGFENCE_INTEROP_ORDERS`` orders (default 1500). The acceptance run is 10,000, from the command line:
``python tests/interop/compare.py --orders 10000``.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ringfence.gateways.events import Event

HERE = Path(__file__).resolve().parent
ORDERS = int(os.environ.get("RINGFENCE_INTEROP_ORDERS", "1500"))


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"interop_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    return script("compare")


def drive(folder: Path, orders: int, *more: str) -> dict[str, Any]:
    """Make a run and return its report, which must be without differences."""
    command = [sys.executable, str(HERE / "compare.py"), "--orders", str(orders), "--seed", "11", "--json", "--keep", str(folder)]
    done = subprocess.run([*command, "--instance", f"t{os.getpid()}qf", *more], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 7), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["differences"] == []
    assert report["replay_exit_code"] == 0
    assert report["acceptor"].get("duplicate ClOrdID", 0) == 0, "an order reached the venue twice"
    return report


@pytest.mark.timeout(300)
def test_instance_when_driven_against_quickfix_has_the_acceptors_books(tmp_path: Path) -> None:
    report = drive(tmp_path, ORDERS)
    assert report["orders"] >= ORDERS
    assert report["executions"] == report["engine"]["fills"] > ORDERS // 2
    assert report["engine"]["duplicate_fills"] == report["acceptor"]["resent fills"] > 0
    for kind in ("out 8 4", "out 8 5", "out 8 8", "out 9 0", "out 9 2"):
        assert report["acceptor"][kind] > 0, f"the run had no {kind}: it does not show what it should"
    assert report["strategy"]["events_lost"] == 0


@pytest.mark.timeout(300)
def test_instance_when_its_processes_are_killed_on_the_way_still_has_the_acceptors_books(tmp_path: Path) -> None:
    report = drive(tmp_path, 2_000, "--kill", "engine", "--kill", "gw.qf", "--kill", "sidecar", "--kill", "engine")
    assert len(report["killed"]) == 4
    assert report["executions"] == report["engine"]["fills"] > 1_000


@pytest.mark.timeout(300)
def test_instance_when_the_session_is_fix_44_has_the_acceptors_books(tmp_path: Path) -> None:
    report = drive(tmp_path, 500, "--begin-string", "FIX.4.4")
    assert report["executions"] == report["engine"]["fills"] > 250
    for kind in ("out 8 4", "out 8 5", "out 8 8", "out 9 0", "out 9 2"):
        assert report["acceptor"][kind] > 0, f"the run had no {kind}: it does not show what it should"


def test_driver_when_events_were_lost_takes_from_the_tables_what_they_said() -> None:
    rows = {1: ("NEW", 0), 3: ("FILLED", 0), 4: ("NEW", 0), 5: ("CANCELED", 0), 6: ("DENIED", 0)}  # 2 has none: denied
    events = [Event.loss(6, 9)]
    strategy = SimpleNamespace(
        in_flight=0,
        order=lambda i: SimpleNamespace(status=rows[i][0], pending_count=rows[i][1]) if i in rows else None,
        poll=lambda: events.pop() if events else None,
    )
    driver = script("driver").Driver(strategy, 1)
    driver.counts["orders"] = 6
    driver.new = dict.fromkeys((1, 2, 3, 6))
    driver.live, driver.asked = dict.fromkeys((4, 5)), {4: "replace", 5: "cancel"}
    assert driver.run(4)
    assert (set(driver.live), driver.new, driver.asked, driver.counts["orders"]) == ({1, 4}, {}, {}, 4)


RECORD: dict[str, Any] = {
    "orders": [
        {"order_id": "QF1", "chain": ["A", "B"], "version": "A", "account": "ACC", "symbol": "S", "side": "1"}
        | {"status": "2", "qty": "5", "cum": "5", "leaves": "0", "px": "1.1", "notional": "5.5"}
    ],
    "executions": [{"exec_id": "X1", "order_id": "QF1", "cl_ord_id": "B", "account": "ACC", "symbol": "S", "side": "1", "qty": "5", "px": "1.1"}],
    "positions": [{"account": "ACC", "symbol": "S", "net": "5", "bought": "5", "sold": "0", "traded": "5.5"}],
}


def test_differences_when_books_are_equal_are_none(compare: ModuleType) -> None:
    assert list(compare.differences(compare.their_books(RECORD), compare.their_books(RECORD))) == []


@pytest.mark.parametrize(
    ("table", "row", "name", "value", "line"),
    [
        ("orders", "A", "cum", Decimal(4), "orders A.cum: ours 5, theirs 4"),
        ("orders", "A", "status", "CANCELED", "orders A.status: ours FILLED, theirs CANCELED"),
        ("executions", ("X1", "A"), "px", Decimal("1.2"), r"executions ('X1', 'A').px: ours 1.1, theirs 1.2"),
        ("positions", "ACC", "traded", Decimal("5.6"), "positions ACC.traded: ours 5.5, theirs 5.6"),
    ],
)
def test_differences_when_one_field_differs_name_it(compare: ModuleType, table: str, row: Any, name: str, value: Any, line: str) -> None:
    ours = compare.their_books(RECORD)
    theirs = copy.deepcopy(ours)
    theirs[table][row][name] = value
    assert list(compare.differences(ours, theirs)) == [line]


@pytest.mark.parametrize("table", ["orders", "executions", "positions"])
def test_differences_when_a_row_is_missing_on_one_side_say_which(compare: ModuleType, table: str) -> None:
    full, empty = compare.their_books(RECORD), compare.their_books({**RECORD, "orders": [], "executions": [], "positions": []})
    other = {**full, table: empty[table]}
    assert [line.split(": ")[1] for line in compare.differences(full, other)] == ["only ours"]
    assert [line.split(": ")[1] for line in compare.differences(other, full)] == ["only theirs"]
