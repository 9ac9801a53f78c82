"""An acceptor whose sessions have opening hours: closed outside, logged out at the end, numbers anew in the next window."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.gateways.fix.acceptor_process import Counterparty

from ringfence.gateways.fix.acceptor import Acceptor, listen
from ringfence.gateways.fix.codec import timestamp_text
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.echo import Echo
from ringfence.gateways.fix.schedule import Schedule

SECOND = 1_000_000_000


class Dated(Counterparty):
    """A counterparty that lives at the acceptor's time."""

    clock: Callable[[], int]

    def message(self, msg_type: str, *body: tuple[int, object], seq: int | None = None, header: tuple[tuple[int, object], ...] = ()) -> bytes:
        raw = super().message(msg_type, *body, seq=seq, header=header)
        at = raw.index(b"\x0152=") + 4
        raw = raw[:at] + timestamp_text(self.clock(), 0) + raw[at + 17 :]
        return raw[:-7] + b"10=%03d\x01" % (sum(raw[:-7]) % 256)


def test_acceptor_when_its_window_ends_it_logs_out_and_the_next_starts_at_one(tmp_path: Path) -> None:
    now = int(datetime(2099, 11, 25, 8, 59, tzinfo=UTC).timestamp()) * SECOND  # later than the real time at which the store is made
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    events: list[tuple[str, str, str]] = []
    config = SessionConfig("ISLD", "TW42", "acceptor")
    sessions = [(config, Echo(lambda _kind: {}))]
    schedule = Schedule(start="09:00:00", end="17:00:00")
    acceptor = Acceptor(sessions, tmp_path, listener, schedule=schedule, clock=lambda: now, log=lambda *event: events.append(event))
    (line,) = acceptor.lines.values()

    def turn(until: Callable[[], object]) -> None:
        end = time.monotonic() + 15
        while not until():
            assert time.monotonic() < end, events
            acceptor.turn(1_000_000)

    def logon(seq: int) -> Dated:
        peer = Dated(port)
        peer.clock = lambda: now
        peer.send("A", (98, 0), (108, 0), seq=seq)
        return peer

    early = logon(1)
    turn(lambda: acceptor.refusals)
    assert early.ended() == b""
    assert "outside its schedule" in events[-1][2]

    now += 120 * SECOND
    peer = logon(1)
    turn(lambda: line.session.state == "up")
    peer.expect("A")
    peer.send("0")
    turn(lambda: line.session.next_in == 3)

    now += 8 * 3600 * SECOND
    turn(lambda: line.session.state == "logging_out")
    peer.expect("5")
    peer.send("5")
    turn(lambda: line.conn is None)

    now += 16 * 3600 * SECOND
    again = logon(1)
    turn(lambda: line.session.state == "up")
    assert again.expect("A")[34] == b"1"
    again.send("5")
    turn(lambda: line.conn is None)
    acceptor.close()
    for each in (early, peer, again):
        each.close()
