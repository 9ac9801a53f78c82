"""How long things take on the way: four fixed delays, and a seeded jitter on the two ways through the network.

    market ──feed──▶ strategy's ring ──strategy──▶ engine ──order──▶ venue ──report──▶ engine

Everything on one way stays in order: a session is one connection, so nothing overtakes (``Delay``). Pure; the seed makes the jitter repeat.
Rejected: latencies drawn from a recorded distribution: the recording would be an input that nobody can check against another host.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")
NEVER = 1 << 63
"""A time after every other [ns]."""


@dataclass(frozen=True)
class Latency:
    """Delays [ns].

    Attributes
    ----------
    feed_ns : int
        From a tick's own time until the strategy has it.
    strategy_ns : int
        From what a strategy was told until it turns and the engine takes what it asks; at least 1, so that a strategy that answers itself lets time pass.
    order_ns, report_ns : int
        From the engine to the venue, and back.
    jitter_ns : int
        Added to each of the last two, evenly drawn from 0 to this.

    Raises
    ------
    ValueError
        If one is negative, or ``strategy_ns`` is 0.
    """

    feed_ns: int = 0
    strategy_ns: int = 1_000
    order_ns: int = 500_000
    report_ns: int = 500_000
    jitter_ns: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            least, value = int(field.name == "strategy_ns"), getattr(self, field.name)
            if not isinstance(value, int) or not least <= value < 1 << 60:
                raise ValueError(f"latency {field.name} was {value!r}; allowed: whole nanoseconds from {least}")


class Delay(Generic[T]):
    """One way: what is sent comes out later, in the order in which it was sent."""

    def __init__(self, fixed_ns: int, jitter_ns: int, draw: Random) -> None:
        self.fixed_ns, self.jitter_ns, self.draw = fixed_ns, jitter_ns, draw
        self.due_ns = NEVER
        self._last_ns = 0
        self._on_the_way: deque[tuple[int, T]] = deque()

    def send(self, item: T, now_ns: int) -> None:
        """Put something on the way."""
        due = now_ns + self.fixed_ns + (self.draw.randint(0, self.jitter_ns) if self.jitter_ns else 0)
        self._last_ns = due = max(due, self._last_ns)
        if not self._on_the_way:
            self.due_ns = due
        self._on_the_way.append((due, item))

    def take(self) -> T:
        """Return what is due first; ``due_ns`` is then that of the next."""
        _, item = self._on_the_way.popleft()
        self.due_ns = self._on_the_way[0][0] if self._on_the_way else NEVER
        return item
