"""Python to Python and broadcast do not rot: every channel carries every message, and what a reader loses it knows to the tick."""

from __future__ import annotations

import pytest

from ringfence.bench import broadcast, ipc
from ringfence.bench.host import PeerMissing, two_cores


class Swapped:
    """A channel that delivers the second message first."""

    def send(self, n: int) -> None:
        self.n = n

    def receive(self) -> int:
        return 1


@pytest.mark.parametrize("name", list(ipc.CHANNELS))
def test_channel_when_measured_carries_every_message_both_ways(name: str) -> None:
    try:
        for parent, child in (("produce", "consume"), ("ping", "pong")):
            assert ipc.measure(ipc.CHANNELS[name], parent, child, 50, two_cores())["messages_per_s"] > 0
    except PeerMissing as e:
        pytest.skip(str(e))


def test_play_when_a_message_comes_out_of_turn_refuses_the_figure() -> None:
    with pytest.raises(RuntimeError, match="message 0 arrived as 1"):
        ipc.play(Swapped(), "consume", 2)


def test_rows_when_a_peer_is_missing_have_none_of_its_figures() -> None:
    figures = {"messages_per_s": 2.0, "round_trip_ns": 4.0}
    rows = ipc.rows_of({f"{name} {what}": figures for name in (ipc.OURS, "iceoryx2") for what in ("one way", "there and back")})
    assert {r.peer: r.ratio for r in rows} == {name: 1.0 if name == "iceoryx2" else None for name in ipc.CHANNELS if name != ipc.OURS}


@pytest.mark.parametrize(("rate", "count"), [(0, 300_000), (200_000, 2_000)])
def test_broadcast_when_three_readers_follow_taken_and_lost_are_all(rate: int, count: int) -> None:
    found = broadcast.once(rate, count, two_cores())
    assert found["taken"] + found["lost"] == count
    assert rate == 0 or found["lost"] == 0
