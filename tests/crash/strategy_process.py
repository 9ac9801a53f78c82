"""A strategy as a process of its own, so that it can be killed: resting orders, trades and cancels until SIGTERM.

    python strategy_process.py INSTANCE NAME LEDGER FIRST_CLIENT_ID COUNT PAUSE_MS      (COUNT 0: until it is stopped)

It writes what it does into LEDGER, one line each, before and after: ``N 17`` it is about to send order 17, ``n 17`` it has; ``C``, ``c`` for cancels;
``D 17 STALE`` the engine denied it; ``L 3`` three events were lost. Ends with 0 when stopped, 3 when the instance went away.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from ringfence.ipc.errors import RingFull
from ringfence.strategy import InstanceNotRunning, InstanceStopped, Strategy, UnstableRow

T = TypeVar("T")
RESTING_MAX = 24
ATTACH_S = 20.0


class Trader:
    """One attached strategy and its ledger."""

    def __init__(self, instance: str, name: str, ledger: str, first: int) -> None:
        self.ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.strategy = attach(name, instance)
        self.next = first
        self.resting = deque(view.client_id for view in self.retry(self.strategy.open_orders))

    def note(self, line: str) -> None:
        os.write(self.ledger, f"{line}\n".encode())

    def trade(self) -> None:
        """One order: every third crosses the spread, the others rest; the oldest resting one goes when there are enough."""
        client_id, self.next = self.next, self.next + 1
        crossing = client_id % 3 == 0
        self.ask(
            "N", client_id, lambda: self.strategy.buy("EUR/USD", 1000, "1.5" if crossing else "0.5", tif="IOC" if crossing else "DAY", client_id=client_id)
        )
        if not crossing:
            self.resting.append(client_id)
        if len(self.resting) > RESTING_MAX:
            oldest = self.resting.popleft()
            if self.retry(lambda: self.strategy.order(oldest)) is None:  # denied, and the event of that was lost
                return
            self.ask("C", oldest, lambda: self.strategy.cancel(oldest))

    def ask(self, what: str, client_id: int, send: Callable[[], object]) -> None:
        self.note(f"{what} {client_id}")
        self.retry(send)
        self.note(f"{what.lower()} {client_id}")

    def retry(self, act: Callable[[], T]) -> T:
        """Do it, again while the engine does not keep up or is being started again."""
        while True:
            try:
                return act()
            except (RingFull, UnstableRow):
                self.read()
                time.sleep(0.001)

    def read(self) -> None:
        while (event := self.strategy.poll()) is not None:
            if event.kind == "DENIED" and event.side:
                self.note(f"D {event.client_id} {event.reason}")
            elif event.kind == "LOST":
                self.note(f"L {event.lost}")
            if event.done and event.client_id in self.resting:
                self.resting.remove(event.client_id)


def attach(name: str, instance: str) -> Strategy:
    """Attach, also while the engine is being started again."""
    end = time.monotonic() + ATTACH_S
    while True:
        try:
            return Strategy.attach(name, instance)
        except InstanceNotRunning:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def main() -> int:
    instance, name, ledger, first, count, pause_ms = sys.argv[1:]
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    try:
        trader = Trader(instance, name, ledger, int(first))
        sent = 0
        while not stopping and not (int(count) and sent >= int(count)):
            trader.trade()
            trader.read()
            sent += 1
            time.sleep(int(pause_ms) / 1000)
        while not stopping:
            trader.read()
            time.sleep(0.005)
        trader.read()
        trader.strategy.close()
    except (InstanceStopped, InstanceNotRunning) as e:
        print(e, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
