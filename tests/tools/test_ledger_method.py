"""The cost method of one position as people ask for it, in words, and in the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journal_by_hand import record
from ledger_journal import Journal

from ringfence.ipc.schema import ENUMS
from ringfence.tools import cli, ledger_method, ledger_verify
from ringfence.tools.change_text import Change, describe
from ringfence.tools.ledger_store import Store
from ringfence.tools.ledger_writer import LedgerWriter

NAMES = {"accounts": {"main": 1}, "strategies": {"mm1": 1, "mm2": 2}, "instruments": {"EUR/USD": 1}}
ASKED = {"account": "main", "strategy": "mm1", "symbol": "EUR/USD", "method": "fifo"}
METHOD = ENUMS["LedgerMethod"].by_name


def test_command_line_when_it_lists_methods_has_those_of_the_engine() -> None:
    assert cli.LEDGER_METHODS == ledger_method.METHODS


def test_request_when_it_names_what_there_is_is_a_record() -> None:
    body = ledger_method.build(ASKED | {"strategy": "mm2"}, NAMES)
    assert [int(body[name]) for name in ("account", "strategy", "instrument", "method")] == [1, 2, 1, METHOD["FIFO"]]
    assert int(ledger_method.build(ASKED | {"method": "account"}, NAMES)["method"]) == 0


@pytest.mark.parametrize(("key", "value"), [("account", "x"), ("strategy", None), ("symbol", "X"), ("method", "average"), ("method", None)])
def test_request_when_a_value_is_wrong_says_what_is_allowed(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{key} was"):
        ledger_method.build(ASKED | {key: value}, NAMES)


def test_change_when_described_has_what_was_before() -> None:
    rows = {
        "accounts": [record("Account", id=1, name="main", method=METHOD["LIFO"])],
        "strategies": [record("Strategy", id=1, name="mm1")],
        "instruments": [record("Instrument", id=1, symbol="EUR/USD")],
        "ledger_positions": [record("LedgerPosition", account=1, strategy=1, instrument=1, own_method=METHOD["HIFO"])],
    }

    def table(name: str) -> Any:
        return np.array([np.zeros((), rows[name][0].dtype), *rows[name]], rows[name][0].dtype)

    def words(method: str) -> Change:
        body = ledger_method.build(ASKED | {"method": method}, NAMES)
        return describe(table, ENUMS["ControlKind"].by_name["SET_METHOD"], 0, 0, body.tobytes())

    assert words("fifo") == Change("method of main/mm1/EUR/USD", "HIFO", "FIFO")
    assert words("account") == Change("method of main/mm1/EUR/USD", "HIFO", "LIFO, its account's")
    rows["ledger_positions"][0]["strategy"] = 2
    assert words("fifo").before == "LIFO, its account's"
    wrong = record("MethodChange", account=9, strategy=1, instrument=1)
    assert describe(table, ENUMS["ControlKind"].by_name["SET_METHOD"], 0, 0, wrong.tobytes()) == Change("method of a position")


@pytest.mark.parametrize("approved", [False, True])
def test_store_when_a_position_gets_a_method_has_it_from_that_sequence_on(store: Callable[..., Store], tmp_path: Path, approved: bool) -> None:
    made, s = Journal(tmp_path), store("method")
    for row, uid in ((1, 1001), (2, 1002)) if approved else ():
        made.control("DEFINE_OPERATOR", record("Operator", id=row, uid=uid, name=f"op{uid}", role=ENUMS["OperatorRole"].by_name["RISK"], status=1))
    body = record("MethodChange", account=1, strategy=1, instrument=1, method=METHOD["LIFO"])
    made.control("SET_METHOD", body, operator_uid=1001, operator_name="ops", reason="year end")
    if approved:
        made.control("APPROVE", record("Decision", proposal=1), operator_uid=1002, operator_name="ann", reason="seen")
    since = made.seq
    buy, sell = made.order("BUY"), made.order("SELL")
    for px in (11000, 12000):
        made.trade(buy, "BUY", 100, px)
    made.trade(sell, "SELL", 100, 12000)
    writer = LedgerWriter(made.write(), s)
    writer.begin()
    writer.catch_up()
    writer.close()
    assert [(r["seq"], r["method"]) for r in s.query("SELECT seq, method FROM methods")] == [(since, "LIFO")]
    (position,) = s.query("SELECT method, realized FROM positions")
    assert (position["method"], float(position["realized"])) == ("LIFO", 0.0)
    assert ledger_verify.verify(made.directory, s).differences == []
