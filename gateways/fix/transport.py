"""How a gateway gets its one connection: it connects to the first address that answers, or listens and takes one peer.

    Connector: addresses in order, back-off once all of them failed      Listener: one peer at a time, every other is closed at once
                              └──────────────▶ socket (non-blocking) ◀──────────────┘

Both are asked by the gateway's Python side only when there is no connection; nothing here waits. With TLS the socket handed out is the plain end of a
relay (tls.py), so that the loop reads and writes bytes whatever is between.
"""

from __future__ import annotations

import errno as errors
import os
import socket
from collections.abc import Callable

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.fix.spec import split_address

REFUSED_MAX = 16
"""Peers turned away per look: a flood of connections must not keep the loop from its session."""


class Connector:
    """An initiator's side: which address next, and when."""

    def __init__(self, addresses: tuple[str, ...], least_s: float, most_s: float) -> None:
        self.addresses, self.least_s, self.most_s = addresses, least_s, most_s
        self.at = 0
        self.backoff_s = least_s

    @property
    def address(self) -> str:
        """The address of the attempt under way, or of the next one."""
        return self.addresses[self.at]

    def open(self) -> socket.socket:
        """Begin to connect; the socket is non-blocking and may be connecting still. A name is looked up here and may block; an address does not.

        Raises
        ------
        OSError
            The attempt failed at once.
        """
        host, port = split_address(self.address)
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(address)
        if code not in (0, errors.EINPROGRESS):
            sock.close()
            raise OSError(code, os.strerror(code))
        return sock

    def failed(self) -> float:
        """The connection could not be made or ended before a logon: the next address now, or, after the last one, the first again after the
        back-off, which doubles. Returns the seconds to wait."""
        self.at = (self.at + 1) % len(self.addresses)
        if self.at:
            return 0.0
        wait, self.backoff_s = self.backoff_s, min(self.backoff_s * 2, self.most_s)
        return wait

    def lost(self) -> float:
        """A session that was up ended: the first address again, soon. Returns the seconds to wait."""
        self.at, self.backoff_s = 0, min(self.least_s * 2, self.most_s)
        return self.least_s

    def refused(self) -> float:
        """Numbers do not agree: trying often does not help."""
        self.at, self.backoff_s = 0, self.most_s
        return self.most_s


class Listener:
    """An acceptor's side.

    Raises
    ------
    GatewayError
        The address cannot be listened on.
    """

    def __init__(self, address: str, log: Callable[[str], None]) -> None:
        self.address, self.log = address, log
        host, port = split_address(address)
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((host, port))
            self.sock.listen(REFUSED_MAX)
        except OSError as error:
            self.sock.close()
            raise GatewayError(f"cannot listen on {address}: {error.strerror}; stop what uses the port, or choose another") from error
        self.sock.setblocking(False)

    def take(self) -> socket.socket | None:
        """The peer that has connected, if any."""
        try:
            sock, peer = self.sock.accept()
        except OSError as error:
            if error.errno not in (errors.EAGAIN, errors.ECONNABORTED):
                self.log(f"cannot accept on {self.address}: {error.strerror}")
            return None
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.log(f"connection from {peer[0]}:{peer[1]}")
        return sock

    def refuse(self, why: str) -> int:
        """Close every peer that waits; returns how many."""
        for count in range(REFUSED_MAX):
            try:
                sock, peer = self.sock.accept()
            except OSError as error:
                if error.errno not in (errors.EAGAIN, errors.ECONNABORTED):
                    self.log(f"cannot accept on {self.address}: {error.strerror}")
                return count
            sock.close()
            self.log(f"connection from {peer[0]}:{peer[1]} refused: {why}")
        return REFUSED_MAX

    def close(self) -> None:
        self.sock.close()
