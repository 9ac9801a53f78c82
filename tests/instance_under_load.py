"""Load for the crash tests, and what must hold at their end: journal, tables, strategy and the venue's own record agree."""

from __future__ import annotations

import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from running_instance import Running

from ringfence.ipc.errors import RingFull
from ringfence.ipc.regions import list_regions
from ringfence.ipc.schema import ENUMS
from ringfence.strategy import Strategy
from ringfence.tools import control_client
from ringfence.tools.journal import JournalReader

UNSETTLED = {ENUMS["OrdStatus"].by_name[n] for n in ("PENDING_NEW", "UNKNOWN")}
UNKNOWN_TO_VENUE = ("", "NONE")  # OrderID(37) of an order that the venue does not know
INTENT = ENUMS["FrameKind"].by_name["INTENT"]
DENIED = ENUMS["OrdStatus"].by_name["DENIED"]
NEW, CANCEL, CANCEL_ALL = (ENUMS["IntentKind"].by_name[n] for n in ("NEW", "CANCEL", "CANCEL_ALL"))


class Load:
    """One strategy of the test's own: orders that rest, orders that trade, cancels. ``sent`` and ``canceled`` are what was asked."""

    def __init__(self, running: Running, name: str = "s1", first: int = 1000) -> None:
        self.running = running
        self.strategy = Strategy.attach(name, running.name)
        self.next = first
        self.sent: list[int] = []
        self.canceled: list[int] = []
        self.denied: dict[int, str] = {}
        self.lost = 0
        self.swept = 0  # how often everything was cancelled

    def sweep(self) -> None:
        """Cancel everything that is open."""
        self._patiently(self.strategy.cancel_all)
        self.swept += 1

    def step(self, count: int) -> None:
        """Send ``count`` orders, every third one crossing the spread; cancel every second."""
        for _ in range(count):
            client_id, k = self.next, len(self.sent)
            if k % 3 == 0:
                self._patiently(lambda i=client_id: self.strategy.buy("EUR/USD", 1000, "1.5", tif="IOC", client_id=i))
            else:
                self._patiently(lambda i=client_id: self.strategy.buy("EUR/USD", 1000, "0.5", client_id=i))
            self.sent.append(client_id)
            self.next += 1
            if k % 2:
                self._patiently(lambda i=client_id: self.strategy.cancel(i))
                self.canceled.append(client_id)
            self.read()

    def read(self) -> None:
        """Take the events that are there: who was denied, and how many were lost."""
        while (event := self.strategy.poll()) is not None:
            if event.kind == "DENIED" and event.side:
                self.denied[event.client_id] = event.reason
            elif event.kind == "LOST":
                self.lost += event.lost

    def _patiently(self, send: Any) -> None:
        """Send again while the ring is full: that is what RingFull asks for."""
        while True:
            try:
                send()
                return
            except RingFull:
                self.read()
                time.sleep(0.001)

    def close(self) -> None:
        self.read()
        self.strategy.close()


class Ledger:
    """What a strategy process wrote down (``crash/strategy_process.py``), in the terms of ``Load``.

    An intent that it was about to send when it was killed is in doubt: ``decide`` says by the journal whether it ever existed.
    """

    def __init__(self, path: Path) -> None:
        self.sent: list[int] = []
        self.canceled: list[int] = []
        self.denied: dict[int, str] = {}
        self.lost = 0
        self.swept = 0
        self.doubted: list[tuple[int, int]] = []
        begun: list[tuple[int, int]] = []
        for line in path.read_text().splitlines():
            what, number, *rest = line.split()
            if what in "NC":
                begun.append((NEW if what == "N" else CANCEL, int(number)))
            elif what in "nc":
                begun.remove((NEW if what == "n" else CANCEL, int(number)))
                (self.sent if what == "n" else self.canceled).append(int(number))
            elif what == "D":
                self.denied[int(number)] = rest[0]
            else:
                self.lost += int(number)
        self.doubted = begun

    def decide(self, asked: Counter[tuple[int, int]]) -> list[tuple[int, int]]:
        """Count those in doubt that are in the journal as sent; return them."""
        existed = [intent for intent in self.doubted if asked[intent]]
        for kind, client_id in existed:
            (self.sent if kind == NEW else self.canceled).append(client_id)
        return existed

    def wanted(self) -> Counter[tuple[int, int]]:
        """What was sent, as ``asked_of`` counts it."""
        return Counter([*((NEW, i) for i in self.sent), *((CANCEL, i) for i in self.canceled)])

    def forget(self, missing: Counter[tuple[int, int]]) -> int:
        """Take out what is missing in the journal, for a strategy whose ring was lost, and count it off; how many."""
        gone = self.wanted() & missing
        missing -= gone
        for kind, client_id in gone:
            (self.sent if kind == NEW else self.canceled).remove(client_id)
        return gone.total()


def asked_of(running: Running) -> Counter[tuple[int, int]]:
    """How often each intent (kind, client_id) is in the journal."""
    frames = JournalReader(running.data / "journal").frames()
    return Counter((int(f.payload["kind"]), int(f.payload["client_id"])) for f in frames if int(f.head["kind"]) == INTENT)


def settle(running: Running, *loads: Load | Ledger, since: int = 0) -> None:
    """Wait until every intent was taken and no request of an order from client_id ``since`` on is in flight any more."""
    intents = sum(len(load.sent) + len(load.canceled) + load.swept for load in loads)

    def quiet() -> bool:
        orders = [o for o in running.orders() if int(o["client_id"]) >= since]
        taken = int(running.engine_row()["intents"])
        return taken >= intents and not any(int(o["pending_count"]) or int(o["ord_status"]) in UNSETTLED for o in orders)

    running.until(f"{intents} intents at rest", quiet)


def assert_equal_books(running: Running, *loads: Load | Ledger, denied: tuple[str, ...] = (), tolerated: tuple[str, ...] = ()) -> None:
    """Nothing twice, nothing lost.

    Parameters
    ----------
    denied : tuple of str
        Reasons for which an intent may have been denied: STALE (it waited in the ring while the engine was restarted, S12), SESSION_DOWN.
    tolerated : tuple of str
        Break kinds that the killed process makes right.
    """
    _wait_until_written(running)
    sent = sorted(i for load in loads for i in load.sent)
    canceled = sorted(i for load in loads for i in load.canceled)
    result = running.replay()
    assert result.torn is None
    assert result.checkpoints_verified >= 1
    wanted = Counter([*((NEW, i) for i in sent), *((CANCEL, i) for i in canceled)])
    wanted.update({(CANCEL_ALL, 0): sum(load.swept for load in loads)})
    assert +asked_of(running) == +wanted, "an intent is in the journal twice, or not at all"
    state = result.replayer.state
    counts = state.table("engine")[1]
    orders = state.table("orders")[1 : int(counts["order_count"]) + 1]
    made = sorted(int(o["client_id"]) for o in orders)
    refused = {i: reason for load in loads for i, reason in load.denied.items()}
    assert set(refused.values()) <= set(denied)
    assert sum(load.lost for load in loads) > 0 or sorted({*made, *refused}) == sent, "an intent was not answered"
    not_sent = {int(o["client_id"]) for o in orders if int(o["ord_status"]) == DENIED}
    assert len(made) == len(set(made))
    assert set(made) & set(refused) <= not_sent, "an order lives that its strategy believes was denied"
    _assert_equal_to_venue(running, state, orders, counts)
    names = ENUMS["BreakKind"].by_value
    raised = [(names[int(b["kind"])], bytes(b["cl_ord_id"]).decode(), bytes(b["text"]).decode()) for b in state.table("breaks")[1:] if int(b["kind"])]
    assert [b for b in raised if b[0] not in tolerated] == []


def _wait_until_written(running: Running) -> None:
    """Where the instance still runs, the sidecar may be behind the tables by which it was seen at rest."""
    if any(r.name == "state" and r.alive for r in list_regions(running.name)):
        seq = int(running.engine_row()["seq"])
        running.until("the journal", lambda: int(running.sections("from.sidecar", "mark")[0]["position"]) >= seq)


def _assert_equal_to_venue(running: Running, state: Any, orders: Any, counts: Any) -> None:
    record = running.record()
    chains = [name for order in record.orders.values() for name in order.cl_ord_ids]
    assert len(chains) == len(set(chains)), "a ClOrdID reached the venue twice"
    ours = [(bytes(o["venue_order_id"]).decode(), int(o["cum_qty"]), int(o["leaves_qty"])) for o in orders]
    theirs = sorted((i, int(o.cum_qty), int(o.leaves_qty)) for i, o in record.orders.items())
    assert sorted(x for x in ours if x[0] not in UNKNOWN_TO_VENUE) == theirs
    assert not any(cum_qty or leaves_qty for name, cum_qty, leaves_qty in ours if name in UNKNOWN_TO_VENUE)
    assert int(counts["fills"]) == len(record.fills)
    positions = state.table("positions")[1 : int(counts["position_count"]) + 1]
    assert sum(int(p["net_qty"]) for p in positions) == int(sum(record.positions().values(), Decimal(0)))


def assert_nothing_left(running: Running, since: int = 0) -> None:
    """Once the cancels of strategies that ended are answered, a clean stop leaves no region."""
    control_client.checkpoint(running.name)  # taken behind their detaches
    settle(running, since=since)
    assert running.down() == []
    assert list_regions(running.name) == []
