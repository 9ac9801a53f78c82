"""What the simulated strategies do: the real client, and random intents that are mostly good.

    events ──Strategy.poll──▶ what is open ──draw──▶ new, cancel, replace, cancel_all

A driver knows only what its client tells it. A strategy that loses events (its ring was full) forgets what it knew and asks the tables, as the client's
documentation says. Nothing here decides about faults.
"""

from __future__ import annotations

from random import Random

from ringfence.gateways.strategy import RingFull, Strategy, UnstableRow
from ringfence.tools.simulation.setup import Shape

OPEN_MAX = 12


class Driver:
    """One strategy process's behaviour; a new one is made for every process."""

    def __init__(self, row: int, shape: Shape, client: Strategy, draw: Random) -> None:
        self.row, self.client, self.draw = row, client, draw
        self.symbols, self.accounts = shape.instruments, len(shape.accounts)
        self.open: dict[int, tuple[str, int]] = {}
        self.unread = True  # the order table knows of open orders that ``open`` lacks
        self.work = 0
        self.quiet = False  # cancels what it has open
        self.idle = False  # only listens
        self.full = 0

    def step(self) -> int:
        """Take what came, then perhaps do something; how much there was to do."""
        self.work = 0
        try:
            self._read()
            self.work += 0 if self.idle else self._wind_down() if self.quiet else self._act()
        except RingFull:
            self.full += 1
        except UnstableRow:
            self.unread = True  # the engine is being started again: what is open is asked for later
        return self.work

    def _read(self) -> None:
        for _ in range(8):
            if self.unread:
                self.open = {v.client_id: (v.symbol, v.qty) for v in self.client.open_orders()}
                self.unread = False
            event = self.client.poll()
            if event is None:
                break
            self.work += 1
            if event.lost:
                self.unread = True
            elif event.done:
                self.open.pop(event.client_id, None)
            elif event.side:
                self.open[event.client_id] = (event.symbol, event.qty)

    def _act(self) -> int:
        draw = self.draw
        chance = draw.random()
        if chance < 0.25 and len(self.open) < OPEN_MAX:
            self._new()
        elif chance < 0.36 and self.open:
            self.client.cancel(self._one())
        elif chance < 0.44 and self.open:
            target = self._one()
            qty = max(1, self.open[target][1] // 10 + draw.randrange(-50, 50)) * 10 + self.row
            self.client.replace(target, qty, self._px())
        elif chance < 0.445:
            self.client.cancel_all(draw.choice((None, self.symbols[0])))
        else:
            return 0
        return 1

    def _new(self) -> None:
        draw = self.draw
        side = draw.choice(("BUY", "SELL"))
        symbol = draw.choice(self.symbols)
        account = f"acc{1 + draw.randrange(self.accounts)}"
        qty = draw.choice((1, 10, 1 + draw.randrange(500))) * 10 + self.row  # terms that no other strategy has: whose an order is can be told from the wire
        px = None if draw.random() < 0.1 else self._px()
        tif = draw.choice(("DAY", "DAY", "DAY", "GTC", "IOC"))
        ref = self.client.send(side, symbol, qty, px, tif=tif, account=account)
        if draw.random() < 0.02:
            self.client.send(side, symbol, qty, px, tif=tif, account=account, client_id=ref.client_id)  # the same once more: answered DUPLICATE

    def _wind_down(self) -> int:
        """Cancel what is open, one a step."""
        if self.open and self.draw.random() < 0.2:
            self.client.cancel(self._one())
            return 1
        return 0

    def _one(self) -> int:
        keys = list(self.open)
        return keys[self.draw.randrange(len(keys))]

    def _px(self) -> int:
        return 108_000 + self.draw.randrange(2000)
