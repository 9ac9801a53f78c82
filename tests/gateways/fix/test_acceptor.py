"""The echo acceptor as other engines' interoperability tests expect it, over sockets, both versions: texts, order of fields, numbers, closings."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from tests.gateways.fix.acceptor_process import AcceptorProcess, Counterparty, order

from ringfence.gateways.fix.echo import Echo, arranged

SOH = b"\x01"
SESSIONS = {"FIX.4.2": "TW42", "FIX.4.4": "TW44"}
VERSIONS = tuple(SESSIONS)


@pytest.fixture(scope="module")
def acceptor() -> Iterator[AcceptorProcess]:
    flags = [f for version, name in SESSIONS.items() for f in ("--session", f"{version}:ISLD->{name}")]
    made = AcceptorProcess(*flags, "--session", "FIX.4.4:ISLD->LAX,no-check-empty,no-check-values", "--reset-on-logon")
    yield made
    assert made.stop()[0] == 0


@pytest.fixture(params=VERSIONS)
def peer(request: pytest.FixtureRequest, acceptor: AcceptorProcess) -> Iterator[Counterparty]:
    version: str = request.param
    with Counterparty(acceptor.port, version, SESSIONS[version]) as made:
        made.logon()
        yield made
        made.send("5")
        made.expect("5")
        assert made.ended() == b""


def connect(acceptor: AcceptorProcess, version: str) -> Counterparty:
    return Counterparty(acceptor.port, version, SESSIONS[version])


def test_echo_when_an_order_comes_it_returns_with_tags_ascending_and_values_as_they_were(peer: Counterparty) -> None:
    peer.send("D", *order(), header=((97, "Y"), (50, "desk"), (115, "JCD")))
    fields = peer.receive()
    tags = [t for t, _ in fields]
    assert tags == [8, 9, 35, 34, 49, 50, 52, 56, 97, 115, 11, 21, 38, 40, 44, 54, 55, 60, 10]
    values = dict(fields)
    assert values[38] == b"002000.00"
    assert len(values[52]) == len("20260101-00:00:00.000")
    assert len(values[60]) == len("20260101-00:00:00")


def test_echo_when_a_message_has_groups_they_stay_together(peer: Counterparty) -> None:
    sessions = ((386, 2), (336, "1"), (336, "2")) if peer.version == "FIX.4.2" else ((386, 2), (336, "1"), (625, "a"), (336, "2"))
    peer.send("D", *sessions, *order((58, "text")))
    fields = peer.receive()
    at = [t for t, _ in fields].index(386)
    assert [(t, v.decode()) for t, v in fields[at : at + len(sessions)]] == [(t, str(v)) for t, v in sessions]


def test_echo_when_an_order_is_poss_resend_and_was_seen_it_is_dropped(peer: Counterparty) -> None:
    peer.send("D", *order())
    assert peer.expect("D")[34] == b"2"
    peer.send("D", *order(), header=((97, "Y"),))
    peer.send("1", (112, "next"))
    answer = peer.expect("0")
    assert (answer[34], answer[112]) == (b"3", b"next")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("polite", [True, False])
def test_echo_when_the_connection_was_ended_the_memory_is_too(acceptor: AcceptorProcess, version: str, polite: bool) -> None:
    for _ in range(2):
        with connect(acceptor, version) as peer:
            peer.logon()
            peer.send("D", *order(cl_ord_id="again"), header=((97, "Y"),))
            assert peer.expect("D")[11] == b"again"
            if polite:
                peer.send("5")
                peer.expect("5")
                assert peer.ended() == b""


def test_echo_when_a_message_is_resent_43_and_122_do_not_come_back(peer: Counterparty) -> None:
    now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
    peer.send("D", *order(), header=((43, "Y"), (122, now)))
    values = peer.expect("D")
    assert 43 not in values
    assert 122 not in values


def test_echo_when_another_type_comes_it_is_a_business_reject(peer: Counterparty) -> None:
    peer.send("V", (262, "id"), (263, 0), (264, 1), (267, 1), (269, 0), (146, 1), (55, "ABC"), header=((115, "JCD"),))
    fields = peer.receive()
    assert [t for t, _ in fields] == [8, 9, 35, 34, 49, 52, 56, 128, 45, 58, 372, 380, 10]
    values = dict(fields)
    assert [values[t] for t in (35, 128, 45, 58, 372, 380)] == [b"j", b"JCD", b"2", b"Unsupported Message Type", b"V", b"3"]


@pytest.mark.parametrize(
    ("change", "tag", "reason", "text"),
    [
        ({55: None}, 55, 1, b"Required tag missing"),
        ({21: 9}, 21, 5, b"Value is incorrect (out of range) for this tag"),
        ({38: "+1"}, 38, 6, b"Incorrect data format for value"),
        ({5000: "x"}, 5000, 0, b"Invalid tag number"),
        ({112: "x"}, 112, 2, b"Tag not defined for this message type"),
        ({58: ""}, 58, 4, b"Tag specified without a value"),
    ],
)
def test_acceptor_when_a_field_is_wrong_it_rejects_with_text_and_reason(
    peer: Counterparty, change: dict[int, object], tag: int, reason: int, text: bytes
) -> None:
    body = [(t, change.get(t, v)) for t, v in order() if change.get(t, v) is not None]
    body += [(t, v) for t, v in change.items() if v is not None and t not in dict(body)]
    peer.send("D", *body)
    fields = peer.receive()
    assert [t for t, _ in fields] == [8, 9, 35, 34, 49, 52, 56, 45, 58, 371, 372, 373, 10]
    values = dict(fields)
    assert [values[t] for t in (35, 45, 58, 371, 372, 373)] == [b"3", b"2", text, b"%d" % tag, b"D", b"%d" % reason]


def test_acceptor_when_a_session_has_checks_off_it_lets_such_messages_pass(acceptor: AcceptorProcess) -> None:
    with Counterparty(acceptor.port, "FIX.4.4", "LAX") as peer:
        peer.logon()
        peer.send("D", *((t, 9 if t == 21 else v) for t, v in order((58, ""))))
        values = peer.expect("D")
        assert (values[21], values[58]) == (b"9", b"")


@pytest.mark.parametrize("version", VERSIONS)
def test_acceptor_when_the_identity_is_connected_the_second_is_closed_without_a_byte(acceptor: AcceptorProcess, version: str) -> None:
    with connect(acceptor, version) as first, connect(acceptor, version) as second:
        first.logon()
        second.send("A", (98, 0), (108, 30))
        assert second.ended() == b""
        first.send("1", (112, "alive"))
        assert first.expect("0")[112] == b"alive"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", ["sender", "target", "begin", "time", "length", "long", "type", "checksum"])
def test_acceptor_when_the_first_message_is_wrong_it_closes_without_a_byte(acceptor: AcceptorProcess, version: str, wrong: str) -> None:
    with connect(acceptor, version) as peer:
        if wrong == "sender":
            peer.sender = "WT"
        elif wrong == "target":
            peer.target = "DLSI"
        elif wrong == "begin":
            peer.version = "FIX.3.9"
        message = peer.message("0") if wrong == "type" else peer.message("A", (98, 0), (108, 30))
        if wrong == "time":
            at = message.index(b"\x0152=") + 4
            message = message[:at] + b"20010101-00:00:00" + message[at + 17 :]
            message = message[:-7] + b"10=%03d\x01" % (sum(message[:-7]) % 256)
        elif wrong in ("length", "long"):
            length = message.split(SOH)[1]
            message = message.replace(length, b"9=40" if wrong == "length" else b"9=99")
        elif wrong == "checksum":
            message = message[:-4] + b"%03d\x01" % ((int(message[-4:-1]) + 1) % 256)
        peer.sock.sendall(message)
        assert peer.ended() == b""


def test_acceptor_when_a_message_is_garbled_it_takes_no_number(peer: Counterparty) -> None:
    garbled = peer.message("D", *order(cl_ord_id="lost"))
    peer.sock.sendall(garbled[:-4] + b"%03d\x01" % ((int(garbled[-4:-1]) + 1) % 256))
    peer.seq -= 1
    peer.send("D", *order(cl_ord_id="kept"))
    assert peer.expect("D")[11] == b"kept"


def test_acceptor_when_a_gap_comes_it_asks_once_and_goes_on_in_order(peer: Counterparty) -> None:
    peer.send("D", *order(cl_ord_id="third"), seq=4)
    peer.send("D", *order(cl_ord_id="fourth"), seq=5)
    request = peer.expect("2")
    assert (request[7], request[16]) == (b"2", b"0")
    peer.send("D", *order(cl_ord_id="first"), seq=2)
    peer.send("D", *order(cl_ord_id="second"), seq=3)
    assert [peer.expect("D")[11] for _ in range(4)] == [b"first", b"second", b"third", b"fourth"]
    peer.seq = 6


def test_acceptor_when_messages_are_asked_for_again_admin_is_filled_and_orders_are_resent(peer: Counterparty) -> None:
    peer.send("1", (112, "x"))
    peer.expect("0")
    peer.send("D", *order())
    peer.expect("D")
    peer.send("2", (7, 1), (16, 0))
    fill = peer.receive()
    assert [t for t, _ in fill] == [8, 9, 35, 34, 43, 49, 52, 56, 122, 36, 123, 10]
    assert [dict(fill)[t] for t in (35, 34, 43, 36, 123)] == [b"4", b"1", b"Y", b"3", b"Y"]
    again = peer.expect("D")
    assert (again[34], again[43]) == (b"3", b"Y")
    assert len(again[122]) == len("20260101-00:00:00.000")
    peer.send("1", (112, "y"))
    assert peer.expect("0")[34] == b"4"


@pytest.mark.parametrize("version", VERSIONS)
def test_acceptor_when_a_number_is_too_low_it_logs_out_and_says_which(acceptor: AcceptorProcess, version: str) -> None:
    with connect(acceptor, version) as peer:
        peer.logon()
        peer.send("0")
        peer.send("0", seq=1)
        assert peer.expect("5")[58] == b"MsgSeqNum too low, expecting 3 but received 1"
        assert peer.ended() == b""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seq", [1, 99])
def test_acceptor_when_a_logout_has_any_number_it_is_answered(acceptor: AcceptorProcess, version: str, seq: int) -> None:
    with connect(acceptor, version) as peer:
        peer.logon()
        peer.send("5", seq=seq)
        peer.expect("5")
        assert peer.ended() == b""


def test_arranged_when_a_group_is_nested_it_moves_with_its_count() -> None:
    fields = [(58, b"t"), (453, b"2"), (448, b"a"), (802, b"1"), (523, b"s"), (448, b"b"), (11, b"id")]
    groups = {453: frozenset({448, 447, 452, 802, 523, 803})}
    assert [t for t, _ in arranged(fields, groups)] == [11, 58, 453, 448, 802, 523, 448]


def test_echo_when_orders_never_end_its_memory_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from ringfence.gateways.fix import echo
    from ringfence.gateways.fix.codec import encode

    monkeypatch.setattr(echo, "SEEN_MAX", 10)
    application = Echo(lambda _kind: {})
    for n in range(25):
        application.answered(encode(b"D", [(34, n + 1), (11, f"id{n}")]))
    assert len(application.seen) == 10
