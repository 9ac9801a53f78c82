"""The strategy process of the interop run: a seeded stream of orders, cancels and replaces through ``ringfence.strategy``.

    python driver.py --instance NAME --name qf1 --orders 10000 --seed 7

Orders that are denied (a session that is down, say) do not count: others are sent in their place. Where events were lost, because this process did not come
to poll while the engine caught up after a restart, the engine's tables say what they said. Exits 0 when every order and every request has
been answered, with one JSON line of counts; 1 when answers stay out for ``WAIT_S``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import time
from collections import Counter

from ringfence.gateways.events import TERMINAL
from ringfence.strategy import Event, OrderRef, RingFull, Strategy, UnstableRow

SYMBOL = "EUR/USD"
ACCOUNTS = ("main", "hedge")
UNANSWERED_MAX = 200
WAIT_S = 30.0
PAUSE_S = 0.02
ANSWERS = {"REPLACED", "CANCELED", "CANCEL_REJECTED"}
UNANSWERED = ("PENDING_NEW", "UNKNOWN")  # states of an order that the venue has not answered


class Driver:
    """Sends, and keeps account of what is not answered yet."""

    def __init__(self, strategy: Strategy, seed: int) -> None:
        self.s = strategy
        self.draws = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.live: dict[int, OrderRef] = {}
        self.new: dict[int, OrderRef] = {}
        self.asked: dict[int, str] = {}
        self.market: set[int] = set()
        self.quiet_until = 0.0
        self.lost = False

    def take(self, event: Event) -> None:
        self.counts[event.kind] += 1
        self.lost |= event.kind == "LOST"
        if event.kind == "DENIED":
            self.counts[f"DENIED {event.reason}"] += 1
        order = self.new.pop(event.client_id, None) if event.kind in ("ACK", "REJECTED", "DENIED") else None
        if order is not None and event.kind == "DENIED":
            self.denied()
        if order is not None and event.kind == "ACK":
            self.live[event.client_id] = order
        request = self.asked.get(event.client_id)
        solicited = event.kind in ANSWERS and (event.kind, request) != ("CANCELED", "replace") and (event.kind, request) != ("REPLACED", "cancel")
        if request and (solicited or (event.kind == "DENIED" and not event.side)):
            del self.asked[event.client_id]
        if event.done:
            self.live.pop(event.client_id, None)

    def denied(self) -> None:
        """An order was denied: another one is sent for it, when the session is back."""
        self.counts["orders"] -= 1
        self.quiet_until = time.monotonic() + PAUSE_S

    def look(self) -> None:
        """Take from the tables what the lost events said. The engine has taken every intent, so a new order that has no row was denied.

        Raises
        ------
        UnstableRow
            If the engine is being started again: look later.
        """
        for client_id, order in list(self.new.items()):
            row = self.s.order(client_id)
            if row is None or row.status not in UNANSWERED:
                del self.new[client_id]
                if row is None or row.status == "DENIED":
                    self.denied()
                elif row.status not in TERMINAL:
                    self.live[client_id] = order
        for client_id in {*self.asked, *self.live}:
            row = self.s.order(client_id)
            if row is not None and row.status in TERMINAL:
                self.live.pop(client_id, None)
            if row is not None and not row.pending_count:
                self.asked.pop(client_id, None)
        self.lost = False

    def turn(self) -> None:
        """One random action."""
        draw = self.draws.randrange(100)
        free = [c for c in self.live if c not in self.asked] if draw >= 60 else []
        if free:
            client_id = self.draws.choice(free)
            if draw < 80:
                self.live[client_id].cancel()
                self.asked[client_id] = "cancel"
            else:
                self.live[client_id].replace(self.draws.randint(1, 3_000), None if client_id in self.market else self.price())
                self.asked[client_id] = "replace"
            self.counts["requests"] += 1
            return
        send = self.draws.choice((self.s.buy, self.s.sell))
        px = None if self.draws.randrange(10) == 0 else self.price()
        tif = self.draws.choice(("DAY", "DAY", "DAY", "GTC", "IOC", "FOK"))
        order = send(SYMBOL, self.draws.randint(1, 2_000), px, tif=tif, account=self.draws.choice(ACCOUNTS))
        self.new[order.client_id] = order
        if px is None:
            self.market.add(order.client_id)
        self.counts["orders"] += 1

    def price(self) -> str:
        return f"1.{self.draws.randint(11_900, 12_100):05d}"

    def run(self, orders: int) -> bool:
        """Return True when everything was answered."""
        heard = time.monotonic()
        while True:
            while (event := self.s.poll()) is not None:
                self.take(event)
                heard = time.monotonic()
            if self.lost and not self.s.in_flight:
                with contextlib.suppress(UnstableRow):
                    self.look()
            unanswered = len(self.new) + len(self.asked)
            if self.counts["orders"] >= orders and not unanswered:
                return True
            if time.monotonic() - heard > WAIT_S:
                return False
            if self.counts["orders"] < orders and unanswered < UNANSWERED_MAX and time.monotonic() >= self.quiet_until:
                try:
                    self.turn()
                except RingFull:
                    self.counts["ring_full"] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description="Orders, cancels and replaces by a seed")
    parser.add_argument("--instance", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with Strategy.attach(args.name, args.instance) as s:
        driver = Driver(s, args.seed)
        answered = driver.run(args.orders)
        counts = {**driver.counts, "unanswered": len(driver.new) + len(driver.asked), "events_lost": s.events_lost}
    print(json.dumps(counts), flush=True)
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
