"""TLS for FIX sessions, both roles: a relay thread with the TLS socket outside and one end of a plain ``socketpair`` inside.

    peer ◀──TLS──▶ relay thread ◀──socketpair──▶ the session's loop

The loops that drive sessions (the gateway's compiled one, the acceptor's) know plain sockets only and stay as they are. The relay holds at most
one buffer each way: who does not read stops being read from, and the pair's own buffers do the rest. The end of one direction is passed on to the
other; a failed handshake shows inside as the end of the stream, and its reason goes to ``log``. Rejected: TLS inside the compiled loop (a handshake
may block, and OpenSSL allocates).

Certificates are verified unless that is switched off: an initiator checks the acceptor's name and CA, an acceptor with a CA file asks every client
for a certificate.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ringfence.gateways.errors import GatewayError

CHUNK_BYTES = 16_384
HANDSHAKE_S = 10.0
LINGER_MS = 2_000
"""How long the peer may take to end its side once ours is closed."""

Log = Callable[[str], None]


class TlsError(GatewayError):
    """A certificate, key or CA file cannot be used."""


@dataclass(frozen=True)
class TlsConfig:
    """Files and names of one side, all optional for an initiator.

    Parameters
    ----------
    ca_file : str
        PEM file of the CAs to trust; initiator: the system's when empty; acceptor: clients need a certificate of these when given.
    certificate, key : str
        PEM files of our certificate (chain) and key; required for an acceptor. ``key`` may be empty when the certificate's file holds it.
    server_name : str
        Name that the acceptor's certificate must carry; when empty, the host that was connected to.
    verify : bool
        False: trust any certificate. For tests only.

    Raises
    ------
    TlsError
        A file cannot be read, or there is a key without a certificate.
    """

    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    server_name: str = ""
    verify: bool = True

    def __post_init__(self) -> None:
        if self.key and not self.certificate:
            raise TlsError(f"TLS: key {self.key} without a certificate; give the certificate that belongs to it")
        for what, path in (("CA file", self.ca_file), ("certificate", self.certificate), ("key", self.key)):
            if path:
                try:
                    Path(path).read_bytes()
                except OSError as e:
                    raise TlsError(f"TLS: cannot read the {what} {path}: {e.strerror}") from e


def context(config: TlsConfig, *, server: bool) -> ssl.SSLContext:
    """Return what a handshake needs.

    Raises
    ------
    TlsError
        A file is no PEM, key and certificate do not belong together, or an acceptor has no certificate.
    """
    if server and not config.certificate:
        raise TlsError("TLS: an acceptor needs a certificate and its key")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.certificate:
        try:
            made.load_cert_chain(config.certificate, config.key or None, password=_no_password)
        except ssl.SSLError as e:
            raise TlsError(
                f"TLS: certificate {config.certificate} and key {config.key or config.certificate}: {e.reason or e}; both must be PEM and a pair"
            ) from e
    if not server and not config.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif config.ca_file:
        try:
            made.load_verify_locations(config.ca_file)
        except ssl.SSLError as e:
            raise TlsError(f"TLS: CA file {config.ca_file}: {e.reason or e}; it must be PEM") from e
        made.verify_mode = ssl.CERT_REQUIRED
    elif not server:
        made.load_default_certs()
    return made


def _no_password() -> str:
    raise TlsError("TLS: the key is encrypted; give one without a passphrase, readable by this user only")


_server_context = functools.lru_cache(maxsize=8)(functools.partial(context, server=True))


def client(sock: socket.socket, config: TlsConfig, log: Log | None = None) -> socket.socket:
    """Return the plain inner end for a connected socket; handshake and relay run in a thread, which owns ``sock`` from now on.

    ``log`` gets the reason of a failed handshake, from that thread.

    Raises
    ------
    TlsError
        As ``context``.
    """
    name = config.server_name or str(sock.getpeername()[0])
    return _start(sock, context(config, server=False), name, log)


def server(sock: socket.socket, config: TlsConfig, log: Log | None = None) -> socket.socket:
    """Return the plain inner end for an accepted socket; otherwise as ``client``."""
    return _start(sock, _server_context(config), None, log)


def _start(sock: socket.socket, made: ssl.SSLContext, name: str | None, log: Log | None) -> socket.socket:
    inner, ours = socket.socketpair()
    threading.Thread(target=_run, args=(sock, inner, made, name, log or (lambda _text: None)), name="tls-relay", daemon=True).start()
    return ours


def _run(sock: socket.socket, inner: socket.socket, made: ssl.SSLContext, name: str | None, log: Log) -> None:
    with sock, inner:
        sock.settimeout(HANDSHAKE_S)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            outer = made.wrap_socket(sock, server_side=name is None, server_hostname=name)
        except ssl.SSLCertVerificationError as e:
            log(f"TLS: the certificate of {name or 'the client'} was refused: {e.verify_message}; check the CA file and the name in the certificate")
            return
        except TimeoutError:
            log(f"TLS: no handshake within {HANDSHAKE_S:.0f} s; does the peer speak TLS?")
            return
        except ssl.SSLError as e:
            log(f"TLS: handshake failed: {(e.reason or str(e)).replace('_', ' ').lower()}; {_advice(e)}")
            return
        except OSError as e:
            log(f"TLS: connection lost during the handshake: {e.strerror or e}")
            return
        with outer:
            try:
                _Relay(outer, inner).run()
            except ssl.SSLError as e:
                log(f"TLS: connection broken: {(e.reason or str(e)).replace('_', ' ').lower()}")
            except OSError:
                return  # one side is gone: closing both tells the other


def _advice(e: ssl.SSLError) -> str:
    reason = e.reason or ""
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return "one side did not get a certificate that it trusts; check the CA file and the certificate on both sides"
    if "WRONG_VERSION" in reason or "HTTP_REQUEST" in reason:
        return "the peer does not speak TLS on this port"
    return "check that both sides use TLS 1.2 or later and trust each other's CA"


class _Relay:
    """Bytes both ways until both directions have ended; one buffer each."""

    def __init__(self, outer: ssl.SSLSocket, inner: socket.socket) -> None:
        self.outer, self.inner = outer, inner
        self.in_bytes = self.out_bytes = b""
        self.in_ended = self.out_ended = False
        self.outer_wants = 0

    def run(self) -> None:
        self.outer.setblocking(False)
        self.inner.setblocking(False)
        hung = False
        while True:
            moved = self._inwards() | self._outwards()
            if self.in_ended and self.out_ended:
                return
            if moved:
                continue
            poll = select.poll()
            inner = (select.POLLIN if not self.out_bytes and not self.out_ended else 0) | (select.POLLOUT if self.in_bytes else 0)
            outer = (select.POLLIN if not self.in_bytes and not self.in_ended else 0) | (select.POLLOUT if self.out_bytes else 0) | self.outer_wants
            if inner or not hung:  # without events too: it tells when our side is closed
                poll.register(self.inner, inner)
            if outer:
                poll.register(self.outer, outer)
            ready = dict(poll.poll(LINGER_MS if self.out_ended or hung else None))
            if not ready:
                return  # our side is closed, and the peer neither reads nor ends its own
            hung = hung or bool(ready.get(self.inner.fileno(), 0) & select.POLLHUP)

    def _inwards(self) -> bool:
        """Take from the wire, or hand on what was taken; True when something moved."""
        self.outer_wants = 0
        if not self.in_bytes:
            if self.in_ended:
                return False
            try:
                self.in_bytes = self.outer.recv(CHUNK_BYTES)
            except ssl.SSLWantReadError:
                return False
            except ssl.SSLWantWriteError:
                self.outer_wants = select.POLLOUT
                return False
            except ssl.SSLError:
                if not self.out_ended:
                    raise
                self.in_bytes = b""  # both have said goodbye
            if not self.in_bytes:
                self.in_ended = True
                self.inner.shutdown(socket.SHUT_WR)
                return True
        try:
            sent = self.inner.send(self.in_bytes)
        except BlockingIOError:
            return False
        self.in_bytes = self.in_bytes[sent:]
        return True

    def _outwards(self) -> bool:
        if not self.out_bytes:
            if self.out_ended:
                return False
            try:
                self.out_bytes = self.inner.recv(CHUNK_BYTES)
            except BlockingIOError:
                return False
            if not self.out_bytes:
                self.out_ended = True
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    self.outer.unwrap()  # sends close_notify; the peer's own may come later or never
                return True
        try:
            sent = self.outer.send(self.out_bytes)
        except ssl.SSLWantWriteError:
            return False
        except ssl.SSLWantReadError:
            self.outer_wants = select.POLLIN
            return False
        self.out_bytes = self.out_bytes[sent:]
        return True
