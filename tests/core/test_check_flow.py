"""Message rates against a leaky bucket, the slow way: what goes out fills it by one interval, time empties it, and it holds what the burst allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limit_world import OF_ORDER, WORLD, furnish, limit

Machine = Any
SECOND = 1_000_000_000


class Bucket:
    """One rate of one scope. ``level`` and ``room`` in ns."""

    def __init__(self, rate: int, burst: int) -> None:
        self.interval = -(-SECOND // rate)
        self.room = self.interval * max(burst, 1)
        self.level = self.at = 0

    def leak(self, now: int) -> None:
        self.level, self.at = max(0, self.level - (now - self.at)), now

    def takes(self, reserve: int) -> bool:
        return self.level + self.interval <= self.room - self.interval * reserve

    def fill(self) -> None:
        self.level += self.interval


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rates=st.dictionaries(
        st.tuples(st.sampled_from([k for k in OF_ORDER if k not in ("VENUE", "CURRENCY")]), st.sampled_from(["NEW", "REPLACE", "MESSAGE"])),
        st.tuples(st.integers(1, 2000), st.integers(0, 5), st.integers(0, 3)),
        min_size=1,
        max_size=4,
    ),
    steps=st.lists(st.tuples(st.sampled_from(["new", "new", "replace", "cancel"]), st.sampled_from([0, 1000, 400_000, 3_000_000, 2 * SECOND])), max_size=40),
)
def test_rates_when_messages_come_at_random_are_those_of_leaky_buckets(
    make_machine: Callable[..., Machine], rates: dict[tuple[str, str], tuple[int, int, int]], steps: list[tuple[str, int]]
) -> None:
    m = furnish(make_machine(WORLD))
    m.new(999, qty=10)  # what replaces ask of; the venue answers each at once
    buckets: dict[tuple[str, str], tuple[Bucket, int]] = {}
    for (kind, name), (rate, burst, reserve) in rates.items():
        limit(m, kind, f"{name}_RATE", rate)
        limit(m, kind, f"{name}_BURST", burst)
        if name == "MESSAGE":
            limit(m, kind, "CANCEL_RESERVE", reserve)
        buckets[kind, name] = Bucket(rate, burst), reserve if name == "MESSAGE" else 0
    client, cancelled = 0, 0
    for what, wait in steps:
        m.now += wait
        if what == "cancel" and cancelled == client:
            continue
        mine = [(bucket, reserve) for (_, name), (bucket, reserve) in buckets.items() if name in (what.upper(), "MESSAGE")]
        for bucket, _ in mine:
            bucket.leak(m.now + 1000)
        if what == "cancel":
            cancelled += 1
            m.cancel(cancelled)
            expected = True
        else:
            expected = all(bucket.takes(reserve) for bucket, reserve in mine)
            if what == "new":
                m.new(client + 1, qty=10 + client)
                client += expected
            else:
                m.replace(999, qty=10 + int(m.order(1)["revision"]) % 7)
        assert bool(m.sent()) == expected, f"{what} at {m.now}"
        for bucket, _ in mine if expected else ():
            bucket.fill()
        if what == "replace" and expected:
            m.event("REPLACED", 1, int(m.order(1)["revision"]), qty=int(m.commands[0]["qty"]))
