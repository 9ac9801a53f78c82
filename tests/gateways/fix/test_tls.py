"""TLS on both sides of a session: bytes pass both ways, certificates are checked, each end is passed on, refusals say why."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.gateways.fix.acceptor_process import AcceptorProcess, Counterparty, order

from ringfence.gateways.fix import tls


class Pair:
    """Both inner ends of a TLS connection over loopback, and what each side logged."""

    def __init__(self, client: tls.TlsConfig, server: tls.TlsConfig) -> None:
        self.client_log: list[str] = []
        self.server_log: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            outgoing = socket.create_connection(listener.getsockname())
            incoming, _ = listener.accept()
        self.server = tls.server(incoming, server, self.server_log.append)
        self.client = tls.client(outgoing, client, self.client_log.append)
        for end in (self.server, self.client):
            end.settimeout(15)

    def close(self) -> None:
        self.server.close()
        self.client.close()
        for thread in threading.enumerate():
            if thread.name == "tls-relay":
                thread.join(15)
                assert not thread.is_alive(), "a relay outlived its connection"


@contextlib.contextmanager
def pair(folder: Path, client: dict[str, object] | None = None, server: dict[str, object] | None = None) -> Iterator[Pair]:
    theirs = {"certificate": str(folder / "server.pem"), "key": str(folder / "server.key"), **(server or {})}
    made = Pair(tls.TlsConfig(**{"ca_file": str(folder / "ca.pem"), **(client or {})}), tls.TlsConfig(**theirs))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def received(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (chunk := sock.recv(65536)):
        data += chunk
    return data


def test_relay_when_bytes_are_sent_both_ways_each_side_gets_them(certificates: Path) -> None:
    with pair(certificates) as p:
        p.client.sendall(b"to the acceptor")
        p.server.sendall(b"to the initiator")
        assert received(p.server, 15) == b"to the acceptor"
        assert received(p.client, 16) == b"to the initiator"


def test_relay_when_much_is_sent_at_once_nothing_is_lost(certificates: Path) -> None:
    data = bytes(range(256)) * 16_384
    with pair(certificates) as p:
        sender = threading.Thread(target=p.client.sendall, args=(data,))
        sender.start()
        assert received(p.server, len(data)) == data
        sender.join(15)


def test_relay_when_nobody_reads_the_writer_is_held_back(certificates: Path) -> None:
    with pair(certificates) as p:
        sent = 0
        p.client.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while sent < 1 << 27:
                sent += p.client.send(bytes(65536))
        assert sent < 1 << 27, "more than 128 MiB were taken while nobody read"


def test_relay_when_our_side_closes_while_the_peer_reads_nothing_its_thread_ends(certificates: Path) -> None:
    with pair(certificates) as p:
        p.client.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while True:
                p.client.send(bytes(65536))
        before = sum(t.name == "tls-relay" for t in threading.enumerate())
        p.client.close()
        end = time.monotonic() + 15
        while sum(t.name == "tls-relay" for t in threading.enumerate()) == before and time.monotonic() < end:
            time.sleep(0.01)
        assert sum(t.name == "tls-relay" for t in threading.enumerate()) < before


@pytest.mark.parametrize("first", ["client", "server"])
def test_relay_when_one_side_closes_the_other_reads_what_was_sent_and_then_the_end(certificates: Path, first: str) -> None:
    with pair(certificates) as p:
        one, other = (p.client, p.server) if first == "client" else (p.server, p.client)
        one.sendall(b"last words")
        one.close()
        assert received(other, 1000) == b"last words"
        other.close()
    assert (p.client_log, p.server_log) == ([], [])


def test_client_when_the_ca_is_another_refuses_and_says_so(certificates: Path) -> None:
    with pair(certificates, client={"ca_file": str(certificates / "other-ca.pem")}) as p:
        assert p.client.recv(1) == b""
        assert p.server.recv(1) == b""
    assert "certificate of 127.0.0.1 was refused" in p.client_log[0]
    assert "CA" in p.server_log[0]


def test_client_when_the_name_is_another_refuses_and_says_so(certificates: Path) -> None:
    with pair(certificates, client={"server_name": "broker.example"}) as p:
        assert p.client.recv(1) == b""
    assert "broker.example" in p.client_log[0]


def test_client_when_verification_is_off_any_certificate_will_do(certificates: Path) -> None:
    with pair(certificates, client={"ca_file": "", "verify": False}) as p:
        p.client.sendall(b"x")
        assert p.server.recv(1) == b"x"


def test_server_when_it_has_a_ca_a_client_with_its_certificate_is_let_in(certificates: Path) -> None:
    client = {"certificate": str(certificates / "client.pem"), "key": str(certificates / "client.key")}
    with pair(certificates, client=client, server={"ca_file": str(certificates / "ca.pem")}) as p:
        p.client.sendall(b"x")
        assert p.server.recv(1) == b"x"


@pytest.mark.parametrize("who", ["", "stranger"])
def test_server_when_it_has_a_ca_a_client_without_its_certificate_is_refused(certificates: Path, who: str) -> None:
    client = {"certificate": str(certificates / f"{who}.pem"), "key": str(certificates / f"{who}.key")} if who else {}
    with pair(certificates, client=client, server={"ca_file": str(certificates / "ca.pem")}) as p:
        assert p.server.recv(1) == b""
    assert "certificate" in p.server_log[0]


def test_server_when_the_peer_speaks_no_tls_the_stream_ends_and_the_reason_is_told(certificates: Path) -> None:
    log: list[str] = []
    config = tls.TlsConfig(certificate=str(certificates / "server.pem"), key=str(certificates / "server.key"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outgoing = socket.create_connection(listener.getsockname())
        incoming, _ = listener.accept()
    with outgoing, tls.server(incoming, config, log.append) as inner:
        inner.settimeout(15)
        outgoing.sendall(b"8=FIX.4.2\x019=5\x0135=0\x0110=000\x01" * 20)
        assert inner.recv(1) == b""
    assert "TLS" in log[0]


def test_config_when_a_file_is_missing_or_wrong_the_error_names_it(certificates: Path, tmp_path: Path) -> None:
    with pytest.raises(tls.TlsError, match="cannot read the CA file"):
        tls.TlsConfig(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(tls.TlsError, match="without a certificate"):
        tls.TlsConfig(key=str(certificates / "server.key"))
    wrong = tls.TlsConfig(certificate=str(certificates / "server.pem"), key=str(certificates / "client.key"))
    with pytest.raises(tls.TlsError, match="both must be PEM and a pair"):
        tls.context(wrong, server=True)
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    with pytest.raises(tls.TlsError, match="must be PEM"):
        tls.context(tls.TlsConfig(ca_file=str(text)), server=False)
    with pytest.raises(tls.TlsError, match="needs a certificate"):
        tls.context(tls.TlsConfig(), server=True)


def test_command_when_it_has_a_certificate_a_session_runs_over_tls(certificates: Path) -> None:
    files = ("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key"))
    acceptor = AcceptorProcess("--sender-comp-id", "ISLD", "--target-comp-id", "TW42", *files)
    try:
        peer = Counterparty(acceptor.port)
        peer.sock = tls.client(peer.sock, tls.TlsConfig(ca_file=str(certificates / "ca.pem")))
        peer.sock.settimeout(15)
        peer.logon()
        peer.send("D", *order(cl_ord_id="over TLS"))
        assert peer.expect("D")[11] == b"over TLS"
        peer.send("5")
        peer.expect("5")
        assert peer.ended() == b""
        peer.close()
    finally:
        assert acceptor.stop()[0] == 0
