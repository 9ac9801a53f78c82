"""Cases 1B and 1S of the specification's session test cases: connect and log on; resets, credentials and NextExpectedMsgSeqNum(789)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.gateways.fix.session_cases import EARLIER, LOGON, Make, apps
from tests.gateways.fix.test_session import START, Side, types

from ringfence.gateways.fix.codec import encode
from ringfence.gateways.fix.session import identify

# ---- 1B: connect and logon, initiator


def test_1b_a_connect_and_send_logon(make: Make) -> None:
    side = make("initiator", heartbeat_s=17)
    side.session.connected(side.now)
    out = side.out()
    assert (types(out), out[0][34], out[0][98], out[0][108]) == ("A", b"1", b"0", b"17")


def test_1b_b_valid_logon_response_is_up(make: Make, profile: str) -> None:
    side = make("initiator", profile=profile)
    side.session.connected(side.now)
    side.out()
    assert side.feed("A", *LOGON) == []
    assert (side.kinds(), side.session.next_in) == (["up"], 2)


def test_1b_b_logon_response_too_high_is_up_after_the_gap(make: Make, profile: str) -> None:
    side = make("initiator", profile=profile)
    side.session.connected(side.now)
    side.out()
    out = side.feed("A", *LOGON, seq=5)
    assert (types(out), out[0][7], out[0][16]) == ("2", b"1", b"0")
    side.feed("4", (36, 6), (123, "Y"), seq=1, poss_dup=True)
    assert (side.kinds(), side.session.next_in) == (["up"], 6)


@pytest.mark.parametrize("header", [{"sender": "X"}, {"target": "X"}, {"begin": "FIX.4.1"}, {"time": "20200101-00:00:00"}])
def test_1b_c_invalid_logon_response_disconnects(make: Make, profile: str, header: dict[str, Any]) -> None:
    side = make("initiator", profile=profile)
    side.session.connected(side.now)
    side.out()
    assert side.feed("A", *LOGON, **header) == []
    assert side.closing


@pytest.mark.parametrize("msg_type", ["0", "1", "2", "3", "4", "8"])
def test_1b_d_other_first_message_disconnects(make: Make, profile: str, msg_type: str) -> None:
    side = make("initiator", profile=profile)
    side.session.connected(side.now)
    side.out()
    side.feed(msg_type)
    assert side.closing
    assert "app" not in side.kinds()


def test_1b_logon_refused_by_a_logout_stops_when_configured(make: Make) -> None:
    for policy, stopped in (("retry", False), ("stop", True)):
        side = make("initiator", on_refused_logon=policy)
        side.session.connected(side.now)
        side.out()
        side.feed("5", (58, "no"))
        assert (side.closing, side.session.refused, side.session.stopped) == (True, True, stopped)


# ---- 1S: connect and logon, acceptor


def test_1s_a_valid_logon_is_answered(make: Make, profile: str) -> None:
    side = make("acceptor", profile=profile)
    side.session.connected(side.now)
    out = side.feed("A", (98, 0), (108, 11))
    assert (types(out), out[0][108], side.kinds()) == ("A", b"11", ["up"])


def test_1s_a_logon_too_high_is_answered_then_asked(make: Make, profile: str) -> None:
    side = make("acceptor", profile=profile)
    side.session.connected(side.now)
    out = side.feed("A", *LOGON, seq=5)
    assert (types(out), out[1][7]) == ("A2", b"1")
    side.feed("4", (36, 6), (123, "Y"), seq=1, poss_dup=True)
    assert (side.kinds(), side.session.next_in) == (["up"], 6)


def test_1s_a_logon_too_low_is_logged_out(make: Make, profile: str) -> None:
    for policy in ("retry", "stop"):
        side = make("acceptor", profile=profile, on_too_low=policy)
        side.store.set_next_in(9)
        side.session.connected(side.now)
        out = side.feed("A", *LOGON, seq=3)
        assert (types(out), out[0][58]) == ("5", b"MsgSeqNum too low, expecting 9 but received 3")
        assert (side.closing, side.session.stopped) == (True, policy == "stop")


def test_1s_b_first_message_names_the_session_it_wants(version: str) -> None:
    first = encode(b"A", [(34, 1), (49, "THEM"), (52, EARLIER), (56, "US"), *LOGON], version.encode())
    assert identify(first) == (version.encode(), b"THEM", b"US")
    assert identify(first[:-1]) is None
    assert identify(b"GET / HTTP/1.1\r\n\r\n") is None


@pytest.mark.parametrize("header", [{"sender": "X"}, {"target": "X"}, {"begin": "FIX.4.1"}, {"time": "20200101-00:00:00"}, {"time": None}])
def test_1s_c_unknown_identity_or_header_is_closed_without_a_byte(make: Make, profile: str, header: dict[str, Any]) -> None:
    side = make("acceptor", profile=profile)
    side.session.connected(side.now)
    assert side.feed("A", *LOGON, **header) == []
    assert (side.closing, side.session.next_in, side.session.next_out) == (True, 1, 1)


@pytest.mark.parametrize("body", [((98, 0),), ((98, 0), (108, -1)), ((98, 0), (108, "x"))])
def test_1s_d_invalid_logon_is_closed_without_a_byte(make: Make, profile: str, body: tuple[tuple[int, Any], ...]) -> None:
    side = make("acceptor", profile=profile)
    side.session.connected(side.now)
    assert side.feed("A", *body) == []
    assert side.closing


@pytest.mark.parametrize("msg_type", ["0", "1", "2", "3", "4", "5", "8", "D"])
def test_1s_d_other_first_message_is_closed_without_a_byte(make: Make, profile: str, msg_type: str) -> None:
    side = make("acceptor", profile=profile)
    side.session.connected(side.now)
    assert side.feed(msg_type) == []
    assert side.closing


def test_1s_d_garbage_as_first_bytes_is_closed(make: Make) -> None:
    side = make("acceptor")
    side.session.connected(side.now)
    side.raw(b"GET / HTTP/1.1\r\n\r\n")
    assert (side.closing, side.out()) == (True, [])


def test_1s_duplicate_logon_while_up_is_answered_and_counts(up: Make) -> None:
    side = up()
    assert types(side.feed("A", *LOGON)) == "A"
    assert (side.session.next_in, side.session.state) == (3, "up")


def test_1s_simultaneous_logons_bring_both_sides_up(make: Make) -> None:
    a, b = make("initiator"), make("initiator")
    for s in (a, b):
        s.session.connected(s.now)
        s.out()
    for s in (a, b):
        s.feed("A", *LOGON)
    assert [(s.kinds(), s.session.next_in, s.session.next_out) for s in (a, b)] == [(["up"], 2, 2)] * 2


def test_1s_connections_that_never_get_up_stop_after_the_limit(make: Make) -> None:
    side = make("initiator", failures_max=3)
    stopped = []
    for _ in range(3):
        side.session.connected(side.now)
        side.session.disconnected(side.now)
        stopped.append(side.session.stopped)
    assert stopped == [False, False, True]


# ---- 1: ResetSeqNumFlag, credentials, NextExpectedMsgSeqNum


def test_1_reset_by_the_initiators_logon_is_obeyed_and_echoed(make: Make) -> None:
    side = make("acceptor")
    side.store.set_next_in(9)
    side.store.append(b"x")
    side.session.connected(side.now)
    out = side.feed("A", *LOGON, (141, "Y"), seq=1)
    assert (out[0][34], out[0][141], side.session.next_in, side.session.next_out) == (b"1", b"Y", 2, 2)


def test_1_reset_by_the_acceptors_answer_is_obeyed_and_answered(make: Make) -> None:
    side = make("initiator")
    side.store.set_next_in(9)
    side.store.append(b"x")
    side.session.connected(side.now)
    side.out()
    out = side.feed("A", *LOGON, (141, "Y"), seq=1)
    assert (types(out), out[0][34], out[0][141], side.session.next_in, side.session.next_out) == ("A", b"1", b"Y", 2, 2)


def test_1_reset_by_them_while_up(side: Side) -> None:
    side.feed("0")
    side.feed("0")
    out = side.feed("A", *LOGON, (141, "Y"), seq=1)
    assert (types(out), out[0][34], out[0][141], side.session.next_in, side.session.next_out) == ("A", b"1", b"Y", 2, 2)


def test_1_reset_by_us_while_up_loses_nothing_that_was_on_its_way(side: Side) -> None:
    assert side.session.reset_numbers(side.now)
    out = side.out()
    assert (types(out), out[0][34], out[0][141]) == ("A", b"1", b"Y")
    side.feed("8", (11, "late"), seq=2)
    assert side.feed("A", *LOGON, (141, "Y"), seq=1) == []
    side.feed("8", (11, "next"), seq=2)
    assert (apps(side), side.session.next_in, side.session.next_out) == ([b"late", b"next"], 3, 2)


def test_1_reset_while_down_is_at_once_and_remembers_when(make: Make) -> None:
    side = make("initiator")
    side.store.set_next_in(9)
    assert side.session.reset_numbers(START)
    assert (side.session.next_in, side.session.next_out, side.store.reset_ns) == (1, 1, START)


@pytest.mark.parametrize("setting", ["reset_on_logout", "reset_on_disconnect"])
def test_1_reset_when_the_session_ends(up: Make, setting: str) -> None:
    side = up("acceptor", **{setting: True})
    side.feed("5")
    side.session.disconnected(side.now)
    assert (side.session.next_in, side.session.next_out) == (1, 1)


def test_1_reset_on_logout_keeps_numbers_when_the_connection_breaks(up: Make) -> None:
    side = up("acceptor", reset_on_logout=True)
    side.session.disconnected(side.now)
    assert (side.session.next_in, side.session.next_out) == (2, 2)


@pytest.mark.parametrize("version", ["FIX.4.4"])
def test_1_credentials_are_sent_by_the_initiator(make: Make) -> None:
    side = make("initiator", username="me", password="secret")
    side.session.connected(side.now)
    out = side.out()
    assert (out[0][553], out[0][554]) == (b"me", b"secret")
    assert "secret" not in repr(side.config)


@pytest.mark.parametrize("version", ["FIX.4.4"])
@pytest.mark.parametrize(("user", "password", "welcome"), [("me", "secret", True), ("me", "wrong", False), ("you", "secret", False), (None, None, False)])
def test_1_credentials_are_checked_by_the_acceptor(make: Make, profile: str, user: str | None, password: str | None, welcome: bool) -> None:
    side = make("acceptor", username="me", password="secret", profile=profile)
    side.store.set_next_in(7)
    side.session.connected(side.now)
    given = [(t, v) for t, v in ((553, user), (554, password)) if v]
    out = side.feed("A", *LOGON, *given, (141, "Y"), seq=1)  # type: ignore[arg-type]
    assert types(out) == ("A" if welcome else "5" if profile == "compatible" else "")
    assert side.closing == (not welcome)
    assert side.session.next_in == (2 if welcome else 7), "a stranger reset the numbers"


@pytest.mark.parametrize("version", ["FIX.4.4"])
def test_1_next_expected_makes_both_sides_resend_without_a_request(make: Make) -> None:
    a, b = make("initiator", next_expected=True), make("acceptor", next_expected=True)
    for s in (a, b):
        s.session.send_app(b"8", b"11=kept\x01", s.now)
        s.session.connected(s.now)
    logon = a.out()[0]
    assert (logon[34], logon[789]) == (b"2", b"1")
    from_b = b.feed("A", *LOGON, (789, 1), seq=2)
    assert [(m[35], m[34], m.get(789)) for m in from_b] == [(b"A", b"2", b"1"), (b"8", b"1", None)]
    from_a = a.feed("A", *LOGON, (789, 1), seq=2)
    assert [(m[35], m[34], m.get(36)) for m in from_a] == [(b"8", b"1", None), (b"4", b"2", b"3")]
    a.feed("8", (11, "kept"), seq=1, poss_dup=True, orig=EARLIER)
    b.feed("8", (11, "kept"), seq=1, poss_dup=True, orig=EARLIER)
    b.feed("4", (36, 3), (123, "Y"), seq=2, poss_dup=True, orig=EARLIER)
    assert [(apps(s), s.session.next_in, s.kinds()[-1]) for s in (a, b)] == [([b"kept"], 3, s.kinds()[-1]) for s in (a, b)]
    assert [sorted(s.kinds()) for s in (a, b)] == [["app", "up"]] * 2


@pytest.mark.parametrize("version", ["FIX.4.4"])
def test_1_next_expected_beyond_what_was_sent_is_refused(make: Make) -> None:
    side = make("acceptor", next_expected=True)
    side.session.connected(side.now)
    out = side.feed("A", *LOGON, (789, 9))
    assert (types(out), out[0][58]) == ("5", b"NextExpectedMsgSeqNum(789) too high, expecting 1 but received 9")
    assert side.closing
