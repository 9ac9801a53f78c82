"""The gateway as acceptor, its failover, TLS on both roles, and what a venue's dialect makes of commands: real processes over loopback."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.peer import Engine, Venue, until

from ringfence.gateways.fix import tls
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import CONSTANTS


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Client(Venue):
    """A venue that connects to us: the initiator of the session."""

    def __init__(self, folder: Path, port: int, sender: str = "VENUE", **settings: Any) -> None:
        self.config = SessionConfig(sender, "FIRM", role="initiator", **settings)
        self.store = MessageStore(folder / f"{sender}.store", self.config.identity)
        self.session = Session(self.config, self.store)
        self.port = port
        self.sock: socket.socket | None = None
        self.messages: list[dict[int, bytes]] = []
        self.unsent = b""
        self.logons = self.closed = 0
        self.reading = True

    def pump(self) -> None:
        if self.sock is None:
            with contextlib.suppress(ConnectionRefusedError):
                self.sock = socket.create_connection(("127.0.0.1", self.port))
                self.sock.setblocking(False)
                self.session.connected(time.time_ns())
            return
        super().pump()

    def drop(self) -> None:
        self.closed += self.sock is not None
        super().drop()

    def close(self) -> None:
        self.drop()
        self.store.close()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    v = Venue(tmp_path)
    yield v
    v.close()


@contextlib.contextmanager
def gateway(instance: str, folder: Path, port: int, **spec: Any) -> Iterator[Engine]:
    e = Engine(instance, folder, port, **spec)
    try:
        e.start()
        yield e
    finally:
        e.close()


def trades(engine: Engine, peer: Venue) -> None:
    """One order there, one fill back."""
    engine.command(px=10025)
    until(peer.orders, peer.pump, engine.poll, what="the order")
    peer.report(peer.orders()[0], "E1", "2", "2", last=100, cum=100)
    until(lambda: "FILL" in engine.kinds(), peer.pump, engine.poll, what="the fill")


def test_gateway_when_it_is_the_acceptor_trades_with_the_peer_that_connects(instance: str, tmp_path: Path) -> None:
    port = free_port()
    with gateway(instance, tmp_path, port, session={"role": "acceptor"}) as engine, contextlib.closing(Client(tmp_path, port)) as client:
        until(lambda: "SESSION_UP" in engine.kinds(), client.pump, engine.poll, what="the session")
        trades(engine, client)
        client.drop()
        until(lambda: engine.kinds().count("SESSION_UP") == 2, client.pump, engine.poll, what="the session after a lost connection")
        assert f"listening on 127.0.0.1:{port}" in engine.log()
        assert engine.stop() == 0


def test_gateway_when_a_second_peer_comes_closes_it_and_keeps_the_first(instance: str, tmp_path: Path) -> None:
    port = free_port()
    with gateway(instance, tmp_path, port, session={"role": "acceptor"}) as engine, contextlib.closing(Client(tmp_path, port)) as client:
        until(lambda: "SESSION_UP" in engine.kinds(), client.pump, engine.poll, what="the session")
        with socket.create_connection(("127.0.0.1", port)) as second:
            second.setblocking(False)

            def ended() -> bool:
                with contextlib.suppress(BlockingIOError):
                    return second.recv(100) == b""
                return False

            until(ended, client.pump, engine.poll, what="the end of the second connection")
        trades(engine, client)
        assert "refused: the session has a connection already" in engine.log()
        assert Metrics.attach(engine.instance, "gw.v").counters()["peers_refused"] == 1


def test_gateway_when_an_unknown_peer_logs_on_closes_without_a_byte_and_takes_the_right_one(instance: str, tmp_path: Path) -> None:
    port = free_port()
    with gateway(instance, tmp_path, port, session={"role": "acceptor"}) as engine, contextlib.closing(Client(tmp_path, port, "STRANGER")) as stranger:
        until(lambda: stranger.closed, stranger.pump, engine.poll, what="the end of the stranger's connection")
        assert stranger.session.counters["messages_in"] == 0
        with contextlib.closing(Client(tmp_path, port)) as client:
            until(lambda: "SESSION_UP" in engine.kinds(), client.pump, engine.poll, what="the session")


def test_gateway_when_the_port_is_in_use_says_so_and_exits(instance: str, tmp_path: Path, venue: Venue) -> None:
    with gateway(instance, tmp_path, venue.port, session={"role": "acceptor"}) as engine:
        assert engine.process is not None
        assert engine.process.wait(20) == 1
        assert f"cannot listen on 127.0.0.1:{venue.port}" in engine.log()


def test_gateway_when_the_first_address_is_dead_fails_over_without_a_wait_and_comes_back_to_it(instance: str, tmp_path: Path, venue: Venue) -> None:
    dead = free_port()
    addresses = [f"127.0.0.1:{dead}", f"127.0.0.1:{venue.port}"]
    with gateway(instance, tmp_path, venue.port, addresses=addresses) as engine:
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session on the second address")
        assert f"cannot connect to 127.0.0.1:{dead}: Connection refused; trying 127.0.0.1:{venue.port}" in engine.log()
        venue.drop()
        until(lambda: engine.kinds().count("SESSION_UP") == 2, venue.pump, engine.poll, what="the session again")
        assert engine.log().count(f"cannot connect to 127.0.0.1:{dead}") == 2, "the list starts anew"


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pem, key = str(folder / "c.pem"), str(folder / "c.key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-keyout", key, "-out", pem, "-subj", "/CN=venue", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return pem, key


class TlsVenue(Venue):
    """An acceptor behind TLS; ``noted`` is what its relay said."""

    def __init__(self, folder: Path, pem: str, key: str) -> None:
        super().__init__(folder)
        self.tls, self.noted = tls.TlsConfig(certificate=pem, key=key), list[str]()

    def pump(self) -> None:
        was = self.sock
        super().pump()
        if was is None and self.sock is not None:
            self.sock = tls.server(self.sock, self.tls, self.noted.append)
            self.sock.setblocking(False)


def test_gateway_when_the_venue_speaks_tls_trades_through_it(instance: str, tmp_path: Path, certificate: tuple[str, str]) -> None:
    with (
        contextlib.closing(TlsVenue(tmp_path, *certificate)) as venue,
        gateway(instance, tmp_path, venue.port, tls={"ca_file": certificate[0]}) as engine,
    ):
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        trades(engine, venue)
        assert engine.process is not None
        engine.process.terminate()
        until(lambda: engine.process is not None and engine.process.poll() is not None, venue.pump, engine.poll, what="the end of the process")
        assert engine.process.returncode == 0


def test_gateway_when_the_certificate_is_of_nobody_it_trusts_says_why_and_tries_again(instance: str, tmp_path: Path, certificate: tuple[str, str]) -> None:
    with contextlib.closing(TlsVenue(tmp_path, *certificate)) as venue, gateway(instance, tmp_path, venue.port, tls={}) as engine:
        until(lambda: engine.log().count("certificate of 127.0.0.1 was refused") >= 2, venue.pump, engine.poll, what="two refusals in the log")
        assert engine.kinds() == []


def test_gateway_when_it_is_a_tls_acceptor_trades_with_a_tls_client(instance: str, tmp_path: Path, certificate: tuple[str, str]) -> None:
    port = free_port()

    class TlsClient(Client):
        def pump(self) -> None:
            was = self.sock
            super().pump()
            if was is None and self.sock is not None:
                self.sock.setblocking(True)
                self.sock = tls.client(self.sock, tls.TlsConfig(ca_file=certificate[0]))
                self.sock.setblocking(False)

    ours = {"certificate": certificate[0], "key": certificate[1]}
    with (
        gateway(instance, tmp_path, port, session={"role": "acceptor"}, tls=ours) as engine,
        contextlib.closing(TlsClient(tmp_path, port)) as client,
    ):
        until(lambda: "SESSION_UP" in engine.kinds(), client.pump, engine.poll, what="the session")
        trades(engine, client)


# ---- schedule


def clock(offset_s: int) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(time.time() + offset_s))


def test_gateway_when_outside_its_hours_does_not_connect_and_answers_commands(instance: str, tmp_path: Path, venue: Venue) -> None:
    schedule = {"start": clock(4 * 3600), "end": clock(5 * 3600)}
    with gateway(instance, tmp_path, venue.port, schedule=schedule) as engine:
        until(lambda: "outside the session's hours until" in engine.log(), venue.pump, engine.poll, what="the line in the log")
        engine.command()
        until(lambda: engine.kinds() == ["NOT_SENT"], venue.pump, engine.poll, what="the answer")
        assert venue.sock is None
        assert engine.stop() == 0


def test_gateway_when_a_peer_knocks_outside_the_hours_is_refused(instance: str, tmp_path: Path) -> None:
    port = free_port()
    schedule = {"start": clock(4 * 3600), "end": clock(5 * 3600)}
    with (
        gateway(instance, tmp_path, port, session={"role": "acceptor"}, schedule=schedule) as engine,
        contextlib.closing(Client(tmp_path, port)) as client,
    ):
        until(lambda: client.closed, client.pump, engine.poll, what="the end of the connection")
        assert client.session.counters["messages_in"] == 0


def test_gateway_when_its_numbers_are_of_an_older_window_starts_anew(instance: str, tmp_path: Path, venue: Venue) -> None:
    store = MessageStore(tmp_path / "firm.store", SessionConfig("FIRM", "VENUE").identity)
    store.reset(7, 9, time.time_ns() - 3 * 86400 * 10**9)
    store.close()
    with gateway(instance, tmp_path, venue.port, schedule={"start": "00:00:00", "end": "00:00:00"}) as engine:
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        assert "a new session: both sequence numbers start at 1" in engine.log()
        assert venue.session.next_in == 2, "our Logon was number 1"


# ---- dialects


def test_gateway_when_the_profile_names_symbols_otherwise_translates_both_ways(instance: str, tmp_path: Path, venue: Venue) -> None:
    profile = tmp_path / "v.toml"
    profile.write_text('about = "test"\n[symbol]\nseparator = ""\n[orders]\npost_only = "18=6"\ntime_in_forces = ["day"]\n')
    with gateway(instance, tmp_path, venue.port, fix_profile=str(profile), symbols=["EUR/USD", "USD/JPY"]) as engine:
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        engine.command(symbol=b"EUR/USD", instructions=1)
        until(venue.orders, venue.pump, engine.poll, what="the order")
        order = venue.orders()[0]
        assert (order[55], order[18]) == (b"EURUSD", b"6")
        venue.report(order, "E1")
        until(lambda: "ACK" in engine.kinds(), venue.pump, engine.poll, what="the answer")
        assert engine.events[-1]["symbol"] == b"EUR/USD"


def test_gateway_when_the_profile_does_not_map_a_command_answers_with_what_it_lacks(instance: str, tmp_path: Path, venue: Venue) -> None:
    with gateway(instance, tmp_path, venue.port, symbols=["ABC"]) as engine:
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        engine.command(instructions=1)
        engine.command("MASS_CANCEL", symbol=b"")
        until(lambda: len(engine.events) == 3, venue.pump, engine.poll, what="two answers")
        assert [(e["cl_ord_id"], e["text"]) for e in engine.events[1:]] == [
            (b"C1", b"the venue has no post-only orders, or not this instruction"),
            (b"C2", b"the venue has no mass cancel (35=q)"),
        ]
        assert engine.kinds()[1:] == ["NOT_SENT", "NOT_SENT"]


def test_gateway_when_the_session_is_44_sends_a_mass_cancel_and_delivers_its_report(instance: str, tmp_path: Path) -> None:
    settings = {"begin_string": "FIX.4.4"}
    with contextlib.closing(Venue(tmp_path, **settings)) as venue, gateway(instance, tmp_path, venue.port, session=settings) as engine:
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        engine.command("MASS_CANCEL", symbol=b"", side=0)
        until(lambda: venue.messages, venue.pump, engine.poll, what="the request")
        request = venue.messages[0]
        assert {t: request[t] for t in (35, 11, 530)} == {35: b"q", 11: b"C1", 530: b"7"}
        venue.session.send_app(b"r", b"37=M1\x0111=C1\x01530=7\x01531=0\x01532=0\x0158=not now\x01", time.time_ns())
        until(lambda: "MASS_CANCEL_REPORT" in engine.kinds(), venue.pump, engine.poll, what="the report")
        report = engine.events[-1]
        assert (report["cl_ord_id"], int(report["mass_cancel_response"]), int(report["text_code"]), report["text"]) == (b"C1", 48, 1, b"not now")


def test_gateway_when_the_venue_has_only_mass_status_asks_once_for_one_input(instance: str, tmp_path: Path) -> None:
    profile = tmp_path / "v.toml"
    profile.write_text('about = "test"\n[requests]\nstatus = "AF"\n')
    settings = {"begin_string": "FIX.4.4"}
    with (
        contextlib.closing(Venue(tmp_path, **settings)) as venue,
        gateway(instance, tmp_path, venue.port, session=settings, fix_profile=str(profile)) as engine,
    ):
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        for journal_seq in (1, 1, 1, 2):
            engine.command("STATUS", journal_seq=journal_seq)
        engine.command("CANCEL", orig_cl_ord_id=b"C0")
        until(lambda: any(m[35] == b"F" for m in venue.messages), venue.pump, engine.poll, what="the cancel behind them")
        assert [(m[35], m.get(584)) for m in venue.messages] == [(b"AF", b"C1"), (b"AF", b"C4"), (b"F", None)]


# ---- validation


@pytest.mark.parametrize(("session", "invalid"), [({}, True), ({"checks": 1023 - 64}, False)])
def test_gateway_when_a_report_fails_a_check_delivers_it_flagged_and_counts_it(
    instance: str, tmp_path: Path, venue: Venue, session: dict[str, Any], invalid: bool
) -> None:
    """A fill with an enum value that the dictionary has not (59=9) is still a fill; the check can be switched off."""
    with gateway(instance, tmp_path, venue.port, session=session) as engine:
        until(lambda: "SESSION_UP" in engine.kinds(), venue.pump, engine.poll, what="the session")
        body = b"6=10\x0111=C1\x0114=5\x0117=E1\x0120=0\x0131=10\x0132=5\x0137=V1\x0138=5\x0139=2\x0154=1\x0155=ABC\x0159=9\x01150=2\x01151=0\x01"
        venue.session.send_app(b"8", body, time.time_ns())
        until(lambda: "FILL" in engine.kinds(), venue.pump, engine.poll, what="the fill")
        assert bool(int(engine.events[-1]["flags"]) & CONSTANTS["VENUE_EVENT_INVALID"][0]) == invalid
        assert Metrics.attach(engine.instance, "gw.v").counters()["invalid_reports"] == int(invalid)
