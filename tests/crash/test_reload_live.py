"""Reload of a live instance with new rows: closed until two have opened them, traded after that, still there after the engine was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from instance_under_load import Load, settle
from running_instance import Running

from ringfence.ipc.schema import ENUMS
from ringfence.strategy import Strategy
from ringfence.tools import audit, control_client, signed
from ringfence.tools.errors import UsageError

BOB = 71_002
STATUS, STRATEGY = ENUMS["Status"].by_value, ENUMS["StrategyStatus"].by_value
OPERATOR = '\n[[operator]]\nname = "bob"\nuid = {uid}\nrole = "risk"\npublic_key = "{key}"\n'
NEW = """
[[account]]
name = "second"
currency = "USD"
[[instrument]]
symbol = "GBP/USD"
base = "GBP"
quote = "USD"
price_digits = 6
qty_digits = 0
tick = "0.000001"
lot = "1"
qty_min = "1"
qty_max = "1000000"
[[strategy]]
name = "s3"
[[limit]]
scope = "instrument:GBP/USD"
rule = "MAX_QTY"
value = "500"
"""


class Desk:
    """An instance that has traded, and bob, who signs from afar."""

    def __init__(self, running: Running, tmp_path: Path) -> None:
        self.running, self.key, self.number = running, tmp_path / "bob.pem", 0
        running.add(OPERATOR.format(uid=BOB, key=signed.keygen(self.key).hex()))
        running.start_venue()
        assert running.up() == 0, running.logs()
        running.wait_session_up()
        load = Load(running)
        load.step(3)
        settle(running, load)
        load.close()
        self.base = running.config.read_text()

    def reload(self, text: str) -> dict[str, Any]:
        path = self.running.config.with_name("changed.toml")
        path.write_text(text)
        return control_client.request(self.running.name, {"op": "reload", "config": str(path)})

    def approve(self, proposal: int) -> None:
        self.number += 1
        made = signed.Envelope(self.running.name, "bob", f"approve proposal={proposal}", "looked at it", self.number, 1 << 63)
        assert control_client.submit(self.running.name, signed.sign(signed.load_key(self.key), made).as_json())["outcome"] == "applied"

    def rows(self, table: str) -> Any:
        return self.running.sections("state", table)

    def tables(self) -> list[bytes]:
        return [self.rows(t).tobytes() for t in ("instruments", "accounts", "proposals", "permissions", "routes", "operators")]


@pytest.fixture
def desk(running: Running, tmp_path: Path) -> Desk:
    return Desk(running, tmp_path)


def test_reload_when_rows_are_new_are_closed_until_two_opened_them_and_then_trade(desk: Desk) -> None:
    said = desk.reload(desk.base + NEW)
    assert (said["refused"], len(said["proposed"])) == (0, 3)
    closed = desk.rows("instruments")[2], desk.rows("accounts")[2], desk.rows("strategies")[3]
    assert [STATUS[int(r["status"])] for r in closed[:2]] + [STRATEGY[int(closed[2]["status"])]] == ["HALTED", "HALTED", "DISABLED"]
    again = desk.reload(desk.base + NEW)
    assert (again["changes"], again["proposed"]) == (0, []), "what waits is not asked twice"
    strategy = Strategy.attach("s3", desk.running.name)
    strategy.buy("EUR/USD", 100, "0.5", client_id=1)
    assert denied(desk, strategy) == "STRATEGY_DISABLED"
    with pytest.raises(KeyError, match="no instrument 'GBP/USD'"):
        strategy.buy("GBP/USD", 100, "0.5")
    for proposal in said["proposed"]:
        desk.approve(proposal)
    strategy.buy("GBP/USD", 501, "0.5", client_id=2)
    assert denied(desk, strategy) == "MAX_QTY", "its limit came with it"
    strategy.buy("GBP/USD", 500, "0.5", client_id=3)
    desk.running.until("the order", lambda: strategy.order(3) is not None)
    desk.running.wait_restarted("engine", desk.running.kill("engine"))
    strategy.buy("GBP/USD", 400, "0.5", client_id=4)
    desk.running.until("an order of the restarted engine", lambda: strategy.order(4) is not None)
    strategy.close()
    assert desk.running.down() == []
    desk.running.replay()
    assert audit.audit(desk.running.data / "journal").violations == []


def denied(desk: Desk, strategy: Strategy) -> str:
    def reason() -> str:
        event = strategy.poll()
        return event.reason if event is not None and event.kind == "DENIED" else ""

    return desk.running.until("the refusal", reason)


def test_reload_when_it_tightens_and_loosens_does_the_first_and_proposes_the_second(desk: Desk) -> None:
    said = desk.reload(desk.base.replace('qty_max = "1000000"', 'qty_max = "2000000"').replace('qty_min = "1"', 'qty_min = "10"'))
    assert (said["changes"], len(said["proposed"])) == (2, 1)
    assert [int(desk.rows("instruments")[1][n]) for n in ("qty_min", "qty_max")] == [10, 1_000_000]
    desk.approve(said["proposed"][0])
    assert [int(desk.rows("instruments")[1][n]) for n in ("qty_min", "qty_max")] == [10, 2_000_000]


def test_reload_when_one_row_needs_a_start_names_it_and_changes_nothing(desk: Desk) -> None:
    venue = '[[venue]]\nname = "other"\n[venue.session]\nsender_comp_id = "A"\ntarget_comp_id = "B"\nhost = "h"\nport = 1\n'
    before = desk.tables()
    for text, names in ((venue, r"venue\[2\] was .*new, 'other'.*gateway"), ('[[strategy]]\nname = "s3"\ncommand = ["true"]\n', r"strategy\[3\]\.command")):
        with pytest.raises(UsageError, match=names):
            desk.reload(desk.base + NEW.split("[[strategy]]")[0] + text)
        assert desk.tables() == before
