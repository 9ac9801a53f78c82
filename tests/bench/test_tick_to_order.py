"""Tick to order does not rot: a short run verifies every message, and what is wrong at the venue's end is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringfence.bench import tick_to_order
from ringfence.bench.host import two_cores
from ringfence.ipc.regions import list_regions


def message(seq: int, order: int, *, side: str | None = None, spoil: int = 0) -> bytes:
    px = 9900 + (order & 63) + (0 if order & 1 else 100)
    body = f"35=D\x0134={seq}\x0111=O{order}\x0138=10\x0144=0.{px:05d}\x0154={side or (1 if order & 1 else 2)}\x01".encode()
    text = b"8=FIX.4.2\x019=%d\x01%s" % (len(body), body)
    return b"%s10=%03d\x01" % (text, (sum(text) + spoil) & 255)


@pytest.mark.parametrize("layout", ["two processes", "a process each"])
def test_run_when_short_sends_an_order_for_every_tick_that_asks_for_one(tmp_path: Path, layout: str) -> None:
    found = tick_to_order.run(tmp_path, layout, 20_000, 0.2, two_cores())
    assert found.orders == 2_000
    assert all(0 < h.count <= 4_000 for h in found.stages.values())
    rows = tick_to_order.rows_of(layout, 20_000, found, 100.0)
    assert {r.metric for r in rows} == {"p50 ns", "p99 ns", "p99.9 ns"}
    assert [r.ratio is not None for r in rows if "due→wire" in r.name] == [True, False, False]
    assert list_regions(f"ticks{os.getpid()}") == []


def test_verify_when_all_is_right_says_nothing() -> None:
    tick_to_order.verify(message(2, 1) + message(3, 2), 2)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (message(2, 1) + message(4, 2), "MsgSeqNum b'4' came where 3 was due"),
        (message(2, 1, spoil=1), "begins no whole message"),
        (message(2, 1)[:-3], "begins no whole message"),
        (message(2, 1, side="2"), "order 1 arrived as"),
        (message(2, 1), "the venue got 1 orders with 1 ClOrdIDs, 2 were sent"),
        (message(2, 1) + message(3, 2).replace(b"11=O2", b"11=O1"), "begins no whole message"),
    ],
)
def test_verify_when_something_is_wrong_refuses_it(raw: bytes, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        tick_to_order.verify(raw, 2)
