"""Handover: lines and descriptors arrive together, whatever is wrong is refused and its descriptors are closed."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from ringfence.ipc import handover
from ringfence.ipc.errors import PeerRefused
from ringfence.ipc.link import link_sections
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment

ROLE = ENUMS["Role"].by_name["SUPERVISOR"]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    a.settimeout(5)
    b.settimeout(5)
    with a, b:
        yield a, b


def open_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_receive_when_a_sealed_region_is_sent_maps_the_same_bytes(pair: tuple[socket.socket, socket.socket]) -> None:
    sections = link_sections("Intent", 8)
    made = Segment.create_memfd("strat.x", sections, role=ROLE, epoch=1)
    handover.send_segment(pair[0], {"ok": True, "epoch": 1}, [made.fd])
    payload, fds = handover.receive(pair[1])
    assert payload == {"ok": True, "epoch": 1}
    got = Segment.attach_memfd(fds[0], sections, writable=True)
    os.close(fds[0])
    got.section("slots")["client_id"][3] = 11
    assert int(made.section("slots")["client_id"][3]) == 11


def test_receive_when_line_comes_in_pieces_waits_for_its_end(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].send(b'{"op":')
    pair[0].send(b'"attach"}\n')
    assert handover.receive(pair[1]) == ({"op": "attach"}, [])


@pytest.mark.parametrize("raw", [b"nonsense\n", b"[1]\n", b'{"a":1}\n{"b":2}\n', b"\xff\xfe\n", b'{"a":'])
def test_receive_when_line_is_wrong_refuses_and_closes_descriptors(pair: tuple[socket.socket, socket.socket], raw: bytes) -> None:
    before = open_fds()
    socket.send_fds(pair[0], [raw], [0])
    pair[0].shutdown(socket.SHUT_WR)
    with pytest.raises(PeerRefused):
        handover.receive(pair[1])
    assert open_fds() == before


def test_receive_when_line_never_ends_refuses_at_the_limit(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].setblocking(False)
    sent = pair[0].send(b"x" * (handover.LINE_BYTES_MAX + 4096))
    pair[0].shutdown(socket.SHUT_WR)
    with pytest.raises(PeerRefused, match="longer than"):
        handover.receive(pair[1])
    assert sent > handover.LINE_BYTES_MAX


def test_receive_when_too_many_descriptors_come_refuses_and_closes_them(pair: tuple[socket.socket, socket.socket]) -> None:
    before = open_fds()
    socket.send_fds(pair[0], [b"{}\n"], [0] * (handover.FDS_MAX + 3))
    with pytest.raises(PeerRefused, match="descriptors"):
        handover.receive(pair[1])
    assert open_fds() == before


def test_receive_when_peer_is_silent_times_out(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].settimeout(0.05)
    with pytest.raises(TimeoutError):
        handover.receive(pair[1])


def test_send_when_message_is_too_long_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(ValueError, match="at most"):
        handover.send_segment(pair[0], {"x": "y" * handover.LINE_BYTES_MAX})


def test_peer_identity_when_asked_is_the_kernels_answer(pair: tuple[socket.socket, socket.socket]) -> None:
    assert handover.peer_identity(pair[0]) == (os.getpid(), os.getuid(), os.getgid())
