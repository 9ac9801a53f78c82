"""``ringfence fix acceptor`` as a process, and a counterparty made of a plain socket, for the tests of the acceptor."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from ringfence.gateways.fix.codec import encode, parse

WAIT_S = 15
"""Longest wait for anything that must happen."""


class AcceptorProcess:
    """The command, ready to be connected to."""

    def __init__(self, *flags: str, cwd: Path | None = None) -> None:
        command = [sys.executable, "-m", "ringfence.tools.cli", "fix", "acceptor", "--echo", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd)
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline().decode()
        match = re.search(r"(\d+)\n$", self.first_line)
        self.port = int(match[1]) if match else 0

    def resident_kib(self) -> int:
        """Memory in use [KiB]."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]

    def stop(self) -> tuple[int, str]:
        """End it by SIGTERM; return exit code and what it wrote to standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, err.decode()


class Counterparty:
    """One connection; ``send`` fills in the header, ``receive`` gives the next message as fields."""

    def __init__(self, port: int, version: str = "FIX.4.2", sender: str = "TW42", target: str = "ISLD") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.version, self.sender, self.target = version, sender, target
        self.seq = 1
        self.buffer = b""

    def message(self, msg_type: str, *body: tuple[int, object], seq: int | None = None, header: tuple[tuple[int, object], ...] = ()) -> bytes:
        number = self.seq if seq is None else seq
        self.seq = number + 1
        now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        fields = [(34, number), (49, self.sender), (52, now), (56, self.target), *header, *body]
        return encode(msg_type.encode(), [(t, str(v)) for t, v in fields], self.version.encode())

    def send(self, msg_type: str, *body: tuple[int, object], seq: int | None = None, header: tuple[tuple[int, object], ...] = ()) -> None:
        self.sock.sendall(self.message(msg_type, *body, seq=seq, header=header))

    def receive(self) -> list[tuple[int, bytes]]:
        while True:
            match = re.match(rb"8=[^\x01]*\x019=(\d+)\x01", self.buffer)
            if match and len(self.buffer) >= (end := match.end() + int(match[1]) + 7):
                whole, self.buffer = self.buffer[:end], self.buffer[end:]
                return parse(whole)
            data = self.sock.recv(65536)
            assert data, f"the connection ended after {self.buffer!r}"
            self.buffer += data

    def expect(self, msg_type: str, **_none: object) -> dict[int, bytes]:
        """Return the next message, which has this MsgType(35)."""
        fields = self.receive()
        assert dict(fields)[35] == msg_type.encode(), fields
        return dict(reversed(fields))

    def ended(self) -> bytes:
        """Wait for the end of the connection; return the bytes that came before."""
        found = self.buffer
        try:
            while data := self.sock.recv(65536):
                found += data
        except ConnectionResetError:
            return found
        return found

    def logon(self, heartbeat_s: int = 30, **options: int) -> dict[int, bytes]:
        self.send("A", (98, 0), (108, heartbeat_s), **options)  # type: ignore[arg-type]
        return self.expect("A")

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Counterparty:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def order(*more: tuple[int, object], cl_ord_id: str = "id") -> tuple[tuple[int, object], ...]:
    """Return the body of a NewOrderSingle with tags in an order of its own."""
    now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
    return (40, 2), (44, "1.50"), (38, "002000.00"), (11, cl_ord_id), (21, 1), (54, 1), (55, "ABC"), (60, now), *more
