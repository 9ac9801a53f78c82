"""The simulated venue against a QuickFIX initiator: a client that this project did not write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import quickfix as fix

from ringfence.gateways.venue.record import read_record

WAIT_S = 20
EUR = "EUR/USD"
SETTINGS = """[DEFAULT]
ConnectionType=initiator
FileStorePath={store}
StartTime=00:00:00
EndTime=00:00:00
UseDataDictionary=N
HeartBtInt=30
ReconnectInterval=1
[SESSION]
BeginString=FIX.4.2
SenderCompID=RF
TargetCompID=SIM
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
"""


class Application(fix.Application):
    """Keeps what comes in; QuickFIX calls it from its own thread."""

    def __init__(self) -> None:
        super().__init__()
        self.news = threading.Condition()
        self.up = 0
        self.messages: list[dict[int, str]] = []
        self.session: Any = None

    def onCreate(self, session_id: Any) -> None: ...
    def toAdmin(self, message: Any, session_id: Any) -> None: ...
    def fromAdmin(self, message: Any, session_id: Any) -> None: ...
    def toApp(self, message: Any, session_id: Any) -> None: ...

    def onLogon(self, session_id: Any) -> None:
        with self.news:
            self.up, self.session = self.up + 1, fix.SessionID(session_id.toString().split(":")[0], "RF", "SIM")
            self.news.notify()

    def onLogout(self, session_id: Any) -> None:
        with self.news:
            self.up = 0
            self.news.notify()

    def fromApp(self, message: Any, session_id: Any) -> None:
        tags = {int(part.split("=", 1)[0]): part.split("=", 1)[1] for part in message.toString().split("\x01") if part}
        with self.news:
            self.messages.append(tags)
            self.news.notify()

    def wait(self, what: str, done: Any) -> None:
        with self.news:
            assert self.news.wait_for(done, WAIT_S), f"{what}: not within {WAIT_S} s; messages {self.messages}"

    def send(self, kind: str, **tags: Any) -> None:
        message = fix.Message()
        message.getHeader().setField(fix.StringField(35, kind))
        for name, value in tags.items():
            message.setField(fix.StringField(int(name[1:]), str(value)))
        message.setField(fix.TransactTime())
        assert fix.Session.sendToTarget(message, self.session)

    def of(self, cl_ord_id: str) -> list[tuple[str, ...]]:
        return [tuple(m.get(t, "") for t in (35, 41, 150, 39, 14, 151)) for m in self.messages if m[11] == cl_ord_id]


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    (tmp_path / "t.csv").write_text("timestamp,bid,ask\n2020-01-01 00:00:00+00:00,1.10000,1.10010\n")
    spec = {"port": 0, "sender_comp_id": "SIM", "target_comp_id": "RF", "record": "v.ndjson", "store": "v.store"}
    spec["symbols"] = [{"symbol": EUR, "price_digits": 5, "level_qty": 1_000, "clip": 400}]
    spec["quotes"] = {"ticks": [{"symbol": EUR, "file": "t.csv", "format": "truefx"}], "loop": False}
    (tmp_path / "v.json").write_text(json.dumps(spec))
    process = subprocess.Popen([sys.executable, "-m", "ringfence.gateways.venue", "--spec", str(tmp_path / "v.json")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, int(process.stdout.readline().split()[2])
    process.kill()
    process.communicate()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("begin_string", ["FIX.4.2", "FIX.4.4"])
def test_venue_when_it_and_the_engine_are_killed_on_the_way_has_the_instances_books(tmp_path: Path, begin_string: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("compare.py")), "--against", "venue", "--orders", "1500", "--json", "--keep", str(tmp_path)]
    command += ["--instance", f"t{os.getpid()}sim", "--kill", "venue", "--kill", "engine", "--kill", "venue", "--begin-string", begin_string]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 7), done.stderr
    report = json.loads(done.stdout)
    assert report["differences"] == [] and report["replay_exit_code"] == 0
    assert report["executions"] == report["engine"]["fills"] > 500


def test_venue_when_a_quickfix_client_trades_with_it_is_understood(venue: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    process, port = venue
    (tmp_path / "c.cfg").write_text(SETTINGS.format(store=tmp_path / "client", port=port))
    application = Application()
    settings = fix.SessionSettings(str(tmp_path / "c.cfg"))
    initiator = fix.SocketInitiator(application, fix.FileStoreFactory(settings), settings)
    initiator.start()
    try:
        application.wait("logon", lambda: application.up)
        common = {"t1": "ACC", "t21": 1, "t55": EUR, "t54": 1}
        application.send("D", t11="A", t38=700, t40=2, t44="1.10010", **common)
        application.send("D", t11="B", t38=300, t40=2, t44="1.09", **common)
        application.send("G", t11="C", t41="B", t38=200, t40=2, t44="1.08", **common)
        application.send("F", t11="D", t41="C", t55=EUR, t54=1)
        application.send("F", t11="E", t41="B", t55=EUR, t54=1)
        application.wait("the last answer", lambda: application.of("E"))
        assert application.of("A") == [("8", "", "0", "0", "0", "700"), ("8", "", "1", "1", "400", "300"), ("8", "", "2", "2", "700", "0")]
        assert application.of("B") == [("8", "", "0", "0", "0", "300")]
        assert application.of("C") == [("8", "B", "5", "5", "0", "200")]
        assert application.of("D") == [("8", "C", "4", "4", "0", "0")]
        assert application.of("E") == [("9", "B", "", "4", "", "")]
        process.terminate()
        assert process.wait(WAIT_S) == 0
        application.wait("logout", lambda: not application.up)
    finally:
        initiator.stop()
    assert read_record(tmp_path / "v.ndjson").positions() == {("ACC", EUR): Decimal(700)}
