"""Hand file descriptors to another process over a Unix stream socket: one JSON line, descriptors beside it (SCM_RIGHTS).

Used for the control socket: a strategy asks in a line, the supervisor answers in a line with the sealed memfd. The kernel vouches for
the peer's pid, uid and gid (SO_PEERCRED, as of connect); nothing in the line is believed about identity. A line is at most 64 KiB and
at most 4 descriptors come with it; descriptors of a message that is refused are closed. Timeouts are the socket's own.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

from ringfence.ipc.errors import PeerRefused

LINE_BYTES_MAX = 65536
FDS_MAX = 4
_UCRED = struct.Struct("3i")


def send_segment(sock: socket.socket, payload: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one JSON object and the descriptors; the peer gets duplicates, ``fds`` stay ours.

    Raises
    ------
    ValueError
        If the line or the list of descriptors is longer than a receiver takes.
    OSError
        From the socket; TimeoutError after its timeout.
    """
    line = json.dumps(payload, separators=(",", ":")).encode() + b"\n"
    if len(line) > LINE_BYTES_MAX or len(fds) > FDS_MAX:
        raise ValueError(f"message has {len(line)} bytes and {len(fds)} descriptors; at most {LINE_BYTES_MAX} and {FDS_MAX} are taken")
    sent = socket.send_fds(sock, [line], list(fds)) if fds else sock.send(line)
    if sent < len(line):  # descriptors travel with the first byte; a peer that has read its line may be gone already
        sock.sendall(line[sent:])


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive one message; the caller owns the descriptors.

    Returns
    -------
    (dict, list of int)

    Raises
    ------
    PeerRefused
        If the peer closes early, or sends more than one line, too long a line, no JSON object, or too many descriptors.
    TimeoutError
        After the socket's timeout.
    """
    fds: list[int] = []
    try:
        line = _read_line(sock, fds)
        try:
            payload = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise PeerRefused(f"peer sent a line that is no JSON: {line[:80]!r}") from e
        if not isinstance(payload, dict):
            raise PeerRefused(f"peer sent JSON that is no object: {line[:80]!r}")
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise
    return payload, fds


def peer_identity(sock: socket.socket) -> tuple[int, int, int]:
    """Return (pid, uid, gid) of the process that connected, as the kernel knows them."""
    pid, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return pid, uid, gid


def _read_line(sock: socket.socket, fds: list[int]) -> bytes:
    """Collect bytes up to the newline; descriptors go to ``fds`` as they come, so that the caller can close them."""
    line = bytearray()
    while not line.endswith(b"\n"):
        data, ancillary, flags, _ = sock.recvmsg(LINE_BYTES_MAX, socket.CMSG_LEN(FDS_MAX * 4), socket.MSG_CMSG_CLOEXEC)
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                received = array.array("i")
                received.frombytes(raw[: len(raw) - len(raw) % received.itemsize])
                fds.extend(received)
        if flags & socket.MSG_CTRUNC or len(fds) > FDS_MAX:
            raise PeerRefused(f"peer sent more than {FDS_MAX} descriptors")
        if not data:
            raise PeerRefused(f"peer closed the connection after {len(line)} bytes of a line")
        line += data
        if len(line) > LINE_BYTES_MAX or b"\n" in line[:-1]:
            raise PeerRefused(f"peer sent more than one line, or one longer than {LINE_BYTES_MAX} bytes")
    return bytes(line)
