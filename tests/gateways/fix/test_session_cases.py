"""The FIX specification's session test cases (Volume 2): one test a condition, named after it, in both versions, driven by bytes and time.

``b`` is the buy side (initiator), ``s`` the sell side (acceptor); conditions without a letter are played against both. Where the profiles
differ, both are tested. Conditions 14 and those that need a data dictionary are in test_session_validation.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.test_session import ORDER, SECOND, START, Side, types

from ringfence.gateways.fix.codec import encode, parse, timestamp_text
from ringfence.gateways.fix.session import identify

LOGON = ((98, 0), (108, 30))
EARLIER = timestamp_text(START - SECOND)
LATER = timestamp_text(START + SECOND)
Make = Callable[..., Side]


@pytest.fixture(params=["FIX.4.2", "FIX.4.4"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["compatible", "strict"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path, version: str) -> Iterator[Make]:
    made: list[Side] = []

    def factory(role: str, **changes: Any) -> Side:
        made.append(Side(tmp_path / f"{role}{len(made)}", role, **{"begin_string": version, **changes}))
        return made[-1]

    yield factory
    for side in made:
        side.store.close()


@pytest.fixture
def up(make: Make) -> Make:
    """A side that is logged on, by role and settings."""

    def factory(role: str = "acceptor", **changes: Any) -> Side:
        side = make(role, **changes)
        side.session.connected(side.now)
        side.out()
        side.feed("A", *LOGON)
        assert side.kinds() == ["up"]
        side.events.clear()
        return side

    return factory


@pytest.fixture(params=["acceptor", "initiator"])
def side(request: pytest.FixtureRequest, up: Make) -> Side:
    return up(request.param)


@pytest.fixture
def strict(up: Make) -> Side:
    return up("acceptor", profile="strict")


def apps(side: Side) -> list[bytes]:
    """ClOrdIDs of the application messages delivered."""
    return [dict(parse(e[1]))[11] for e in side.events if e[0] == "app"]


def whole(side: Side, msg_type: bytes, *body: tuple[int, Any], time: object = None) -> bytes:
    """Message 2 of the counterparty."""
    config = side.config
    header = [(34, 2), (49, config.target_comp_id), (52, time or timestamp_text(START)), (56, config.sender_comp_id)]
    return encode(msg_type, [*header, *body], config.begin_string.encode())  # type: ignore[list-item]


def heartbeat(side: Side) -> bytes:
    return whole(side, b"0")


def reject_of(messages: list[dict[int, bytes]]) -> tuple[bytes | None, ...]:
    """45, 58, 371, 372, 373 of the first message, which is a Reject."""
    assert messages[0][35] == b"3"
    return tuple(messages[0].get(t) for t in (45, 58, 371, 372, 373))


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


def test_1_credentials_are_sent_by_the_initiator(make: Make, version: str) -> None:
    if version == "FIX.4.2":
        pytest.skip("FIX 4.2 has none")
    side = make("initiator", username="me", password="secret")
    side.session.connected(side.now)
    out = side.out()
    assert (out[0][553], out[0][554]) == (b"me", b"secret")
    assert "secret" not in repr(side.config)


@pytest.mark.parametrize(("user", "password", "welcome"), [("me", "secret", True), ("me", "wrong", False), ("you", "secret", False), (None, None, False)])
def test_1_credentials_are_checked_by_the_acceptor(make: Make, version: str, profile: str, user: str | None, password: str | None, welcome: bool) -> None:
    if version == "FIX.4.2":
        pytest.skip("FIX 4.2 has none")
    side = make("acceptor", username="me", password="secret", profile=profile)
    side.store.set_next_in(7)
    side.session.connected(side.now)
    given = [(t, v) for t, v in ((553, user), (554, password)) if v]
    out = side.feed("A", *LOGON, *given, (141, "Y"), seq=1)  # type: ignore[arg-type]
    assert types(out) == ("A" if welcome else "5" if profile == "compatible" else "")
    assert side.closing == (not welcome)
    assert side.session.next_in == (2 if welcome else 7), "a stranger reset the numbers"


def test_1_next_expected_makes_both_sides_resend_without_a_request(make: Make, version: str) -> None:
    if version == "FIX.4.2":
        pytest.skip("FIX 4.2 has no 789")
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


def test_1_next_expected_beyond_what_was_sent_is_refused(make: Make, version: str) -> None:
    if version == "FIX.4.2":
        pytest.skip("FIX 4.2 has no 789")
    side = make("acceptor", next_expected=True)
    side.session.connected(side.now)
    out = side.feed("A", *LOGON, (789, 9))
    assert (types(out), out[0][58]) == ("5", b"NextExpectedMsgSeqNum(789) too high, expecting 1 but received 9")
    assert side.closing


# ---- 2: receive message standard header


def test_2_a_number_as_expected_is_taken(side: Side) -> None:
    assert side.feed("8", (11, "a")) == []
    assert (apps(side), side.session.next_in) == ([b"a"], 3)


def test_2_b_number_too_high_asks_once_and_queues(side: Side) -> None:
    out = side.feed("8", (11, "4"), seq=4)
    assert (types(out), out[0][7], out[0][16]) == ("2", b"2", b"0")
    assert side.feed("8", (11, "5"), seq=5) == []
    for seq in (2, 3):
        side.feed("8", (11, str(seq)), seq=seq, poss_dup=True, orig=EARLIER)
    assert apps(side) == [b"2", b"3", b"4", b"5"]


def test_2_b_number_too_high_may_drop_and_take_the_resend(up: Make) -> None:
    side = up("acceptor", too_high="drop")
    assert types(side.feed("8", (11, "4"), seq=4)) == "2"
    for seq in (2, 3, 4):
        side.feed("8", (11, f"r{seq}"), seq=seq, poss_dup=True, orig=EARLIER)
    assert apps(side) == [b"r2", b"r3", b"r4"]


def test_2_b_gap_may_be_asked_for_in_chunks(up: Make) -> None:
    side = up("acceptor", resend_chunk=2)
    asked = side.feed("8", (11, "7"), seq=7)
    for seq in range(2, 7):
        asked += side.feed("8", (11, str(seq)), seq=seq, poss_dup=True, orig=EARLIER)
    assert [(m[7], m[16]) for m in asked] == [(b"2", b"3"), (b"4", b"5"), (b"6", b"6")]
    assert apps(side) == [b"2", b"3", b"4", b"5", b"6", b"7"]


def test_2_b_gap_not_filled_is_asked_for_again(up: Make) -> None:
    side = up("acceptor")
    side.feed("8", (11, "4"), seq=4)
    assert types(side.after(31)).count("2") == 1


def test_2_c_number_too_low_is_logged_out(side: Side) -> None:
    side.feed("0")
    out = side.feed("0", seq=2)
    assert (types(out), out[0][58]) == ("5", b"MsgSeqNum too low, expecting 3 but received 2")
    assert side.closing


def test_2_d_garbled_is_ignored(side: Side) -> None:
    good = heartbeat(side)
    side.raw(good.replace(b"49=", b"4x="))
    assert (side.out(), side.session.next_in, side.closing) == ([], 2, False)


def test_2_e_poss_dup_already_received_is_ignored(side: Side) -> None:
    side.feed("8", (11, "a"))
    assert side.feed("8", (11, "a"), seq=2, poss_dup=True, orig=EARLIER) == []
    assert (apps(side), side.session.next_in) == ([b"a"], 3)


def test_2_e_poss_dup_not_yet_received_is_taken(side: Side) -> None:
    side.feed("8", (11, "a"), seq=2, poss_dup=True, orig=EARLIER)
    assert (apps(side), side.session.next_in) == ([b"a"], 3)


def test_2_f_poss_dup_sent_before_its_original_is_rejected_and_logged_out(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    side.feed("D", (11, "a"))
    out = side.feed("D", (11, "a"), seq=2, poss_dup=True, orig=LATER)
    tag = b"122" if profile == "strict" else None
    assert reject_of(out) == (b"2", b"SendingTime accuracy problem", tag, b"D", b"10")
    assert (types(out), 58 in out[1], side.closing) == ("35", False, True)


def test_2_g_poss_dup_without_orig_sending_time_is_rejected(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    side.feed("D", (11, "a"))
    out = side.feed("D", (11, "a"), seq=2, poss_dup=True)
    assert reject_of(out) == (b"2", b"Required tag missing", b"122", b"D", b"1")
    assert (side.closing, side.session.next_in) == (False, 3)


def test_2_g_strict_asks_for_it_in_turn_too(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    out = side.feed("D", (11, "a"), seq=2, poss_dup=True)
    assert (types(out), apps(side)) == (("3", []) if profile == "strict" else ("", [b"a"]))
    assert side.session.next_in == 3


def test_2_h_begin_string_as_configured_is_taken(side: Side) -> None:
    side.feed("0")
    assert side.session.next_in == 3


def test_2_i_begin_string_of_another_version_is_logged_out(side: Side) -> None:
    out = side.feed("1", (112, "x"), begin="FIX.4.1")
    assert (types(out), out[0][58], side.closing) == ("5", b"Incorrect BeginString", True)


def test_2_j_comp_ids_as_configured_are_taken(side: Side) -> None:
    side.feed("0")
    assert side.session.next_in == 3


@pytest.mark.parametrize(("header", "tag"), [({"sender": "X"}, b"49"), ({"target": "X"}, b"56"), ({"sender": "X", "target": "X"}, b"49")])
def test_2_k_comp_ids_of_others_are_rejected_and_logged_out(up: Make, profile: str, header: dict[str, Any], tag: bytes) -> None:
    side = up("acceptor", profile=profile)
    out = side.feed("D", (11, "a"), **header)
    assert reject_of(out) == (b"2", b"CompID problem", tag if profile == "strict" else None, b"D", b"9")
    assert (types(out), side.closing, side.session.next_in, apps(side)) == ("35", True, 3, [])


def test_2_l_body_length_right_is_taken(side: Side) -> None:
    side.feed("0")
    assert side.session.next_in == 3


@pytest.mark.parametrize("wrong", [b"9=30\x01", b"9=5\x01"])
def test_2_m_body_length_wrong_is_ignored(side: Side, wrong: bytes) -> None:
    good = heartbeat(side)
    start = good.index(b"\x01") + 1
    side.raw(good[:start] + wrong + good[good.index(b"\x01", start) + 1 :])
    assert (side.out(), side.session.next_in, side.closing) == ([], 2, False)


def test_2_n_sending_time_within_the_limit_is_taken(side: Side) -> None:
    side.feed("0", time=timestamp_text(START - 119 * SECOND))
    side.feed("0", time=timestamp_text(START + 119 * SECOND))
    assert (side.session.next_in, side.closing) == (4, False)


@pytest.mark.parametrize("seconds", [-121, 121])
def test_2_o_sending_time_beyond_the_limit_is_rejected_and_logged_out(up: Make, profile: str, seconds: int) -> None:
    side = up("acceptor", profile=profile)
    out = side.feed("0", time=timestamp_text(START + seconds * SECOND))
    assert reject_of(out) == (b"2", b"SendingTime accuracy problem", b"52" if profile == "strict" else None, b"0", b"10")
    assert (types(out), side.closing, side.session.next_in) == ("35", True, 3)


def test_2_o_report_beyond_the_limit_stays_due(side: Side) -> None:
    out = side.feed("8", (11, "fill"), time=timestamp_text(START - 500 * SECOND))
    assert (types(out), side.session.next_in) == ("35", 2), "a fill was used up without being delivered"


def test_2_r_valid_but_unsupported_message_is_offered_to_the_owner(side: Side) -> None:
    side.feed("e", (11, "x"))
    assert (side.kinds(), side.session.next_in) == (["app"], 3)


def test_2_s_first_three_fields_in_order_are_taken(side: Side) -> None:
    side.feed("0")
    assert side.session.next_in == 3


def test_2_t_first_three_fields_out_of_order_are_garbled(side: Side) -> None:
    body = b"34=2\x0135=0\x0149=%s\x0152=%s\x0156=%s\x01" % (side.config.target_comp_id.encode(), timestamp_text(START), side.config.sender_comp_id.encode())
    head = b"8=%s\x019=%d\x01" % (side.config.begin_string.encode(), len(body))
    side.raw(head + body + b"10=%03d\x01" % (sum(head + body) % 256))
    assert (side.out(), side.session.next_in, side.closing) == ([], 2, False)


# ---- 3: receive message standard trailer


def test_3_a_check_sum_right_is_taken(side: Side) -> None:
    side.feed("0")
    assert side.session.next_in == 3


@pytest.mark.parametrize("trailer", [b"10=256\x01", b"10=1\x01", b"10=abc\x01", b"11=000\x01"])
def test_3_b_c_check_sum_wrong_or_garbled_is_ignored(side: Side, trailer: bytes) -> None:
    good = heartbeat(side)
    side.raw(good[:-7] + trailer)
    assert (side.out(), side.session.next_in, side.closing) == ([], 2, False)


# ---- 4 to 7: heartbeat, test request, reject


def test_4_a_nothing_sent_for_an_interval_sends_a_heartbeat(side: Side) -> None:
    assert types(side.after(30)) == "0"


def test_4_b_test_request_is_answered_with_its_id(side: Side) -> None:
    out = side.feed("1", (112, "HELLO"))
    assert (types(out), out[0][112]) == ("0", b"HELLO")


def test_5_heartbeat_is_taken(side: Side) -> None:
    assert side.feed("0", (112, "whatever")) == []
    assert (side.session.next_in, side.kinds()) == (3, [])


def test_6_silence_sends_a_test_request_and_no_heartbeats_then_disconnects(side: Side) -> None:
    sent = "".join(types(side.after(0.5)) for _ in range(143))
    assert sent == "01"
    assert not side.closing
    side.after(0.5)
    assert side.closing


def test_6_answered_test_request_keeps_the_session(side: Side) -> None:
    assert side.after(36)[-1][112] == b"TEST"
    side.feed("0", (112, "TEST"))
    side.after(30)
    assert not side.closing


def test_7_reject_received_counts_and_is_offered(side: Side) -> None:
    assert side.feed("3", (45, 1), (58, "no")) == []
    assert (side.kinds(), side.session.next_in) == (["app"], 3)


# ---- 8 and 9: resend


def test_8_resend_request_brings_messages_again_and_fills_the_rest(side: Side) -> None:
    s = side.session
    s.send_app(b"8", b"11=a\x01", START)
    side.after(31)
    s.send_app(b"8", b"11=b\x01", side.now, header=b"50=DESK\x0157=YOU\x0197=Y\x01128=X\x01")
    sent = side.out()
    assert [t for t in sent[-1] if t != 10][:9] == [8, 9, 35, 34, 49, 50, 52, 56, 57]
    out = side.feed("2", (7, 1), (16, 0))
    assert [(m[35], m[34], m.get(11), m.get(36), m[43]) for m in out] == [
        (b"4", b"1", None, b"2", b"Y"), (b"8", b"2", b"a", None, b"Y"), (b"4", b"3", None, b"4", b"Y"), (b"8", b"4", b"b", None, b"Y"),
    ]  # fmt: skip
    assert list(out[-1]) == [8, 9, 35, 34, 43, 49, 50, 52, 56, 57, 97, 122, 128, 11, 10]
    assert (out[1][122], out[1][52]) == (timestamp_text(START), timestamp_text(side.now))


def test_8_resend_request_with_a_high_number(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    side.session.send_app(b"8", b"11=a\x01", START)
    side.out()
    out = side.feed("2", (7, 2), (16, 0), seq=9)
    assert sorted(types(out)) == (["2", "8"] if profile == "strict" else ["8"])
    assert side.session.next_in == 2


def test_8_young_orders_go_out_again_old_ones_are_told(up: Make) -> None:
    side = up("initiator", order_max_age_s=5, heartbeat_s=0)
    side.session.send_app(b"D", b"11=old\x01", START, 1, ORDER)
    side.now += 4 * SECOND
    side.session.send_app(b"D", b"11=young\x01", side.now, 2, ORDER)
    side.now += 3 * SECOND
    side.out()
    out = side.feed("2", (7, 2), (16, 0))
    assert [(m[35], m[34], m.get(11)) for m in out] == [(b"4", b"2", None), (b"D", b"3", b"young")]
    assert [(e[0], e[3]) for e in side.events] == [("not_sent", 1)]


def test_9_sequence_reset_synchronizes_numbers(side: Side) -> None:
    side.feed("4", (36, 50), seq=2)
    side.feed("8", (11, "x"), seq=50)
    assert (apps(side), side.session.next_in) == ([b"x"], 51)


# ---- 10 and 11: sequence reset


def test_10_a_gap_fill_in_turn_sets_the_next_number(side: Side) -> None:
    side.feed("4", (36, 20), (123, "Y"))
    assert side.session.next_in == 20


def test_10_b_gap_fill_too_high_is_asked_for(side: Side) -> None:
    out = side.feed("4", (36, 20), (123, "Y"), seq=10)
    assert (types(out), out[0][7], side.session.next_in) == ("2", b"2", 2)


def test_10_c_gap_fill_too_low_with_poss_dup_is_ignored(side: Side) -> None:
    assert side.feed("4", (36, 20), (123, "Y"), seq=1, poss_dup=True, orig=EARLIER) == []
    assert (side.session.next_in, side.closing) == (2, False)


def test_10_d_gap_fill_too_low_is_logged_out(side: Side) -> None:
    out = side.feed("4", (36, 20), (123, "Y"), seq=1)
    assert (types(out), out[0][58], side.closing) == ("5", b"MsgSeqNum too low, expecting 2 but received 1", True)


def test_10_e_gap_fill_backward_is_rejected(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    out = side.feed("4", (36, 1), (123, "Y"))
    tag = b"36" if profile == "strict" else None
    assert reject_of(out) == (b"2", b"Value is incorrect (out of range) for this tag", tag, b"4", b"5")
    assert side.session.next_in == 2


@pytest.mark.parametrize("seq", [0, 2, 99])
def test_11_a_reset_forward_sets_the_number_whatever_its_own(side: Side, seq: int) -> None:
    assert side.feed("4", (36, 25), seq=seq) == []
    assert side.session.next_in == 25


def test_11_b_reset_to_the_expected_number_changes_nothing(side: Side) -> None:
    assert side.feed("4", (36, 2), seq=0) == []
    assert (side.session.next_in, side.closing) == (2, False)


def test_11_c_reset_backward_is_rejected(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    out = side.feed("4", (36, 1), seq=0)
    tag = b"36" if profile == "strict" else None
    assert reject_of(out) == (b"0", b"Value is incorrect (out of range) for this tag", tag, b"4", b"5")
    assert (side.session.next_in, side.closing) == (2, False)


# ---- 12 and 13: logout


def test_12_logout_by_us_waits_for_theirs_then_disconnects(side: Side) -> None:
    side.session.logout(b"", side.now)
    assert types(side.out()) == "5"
    side.feed("8", (11, "late"))
    assert side.feed("5") == []
    assert (apps(side), side.closing) == ([b"late"], True)


def test_12_logout_not_answered_disconnects(side: Side) -> None:
    side.session.logout(b"", side.now)
    side.after(1.9)
    assert not side.closing
    side.after(0.2)
    assert side.closing


def test_12_logout_by_the_schedule(side: Side) -> None:
    side.session.session_ends_ns = START + 3 * SECOND
    assert side.after(2.9) == []
    assert types(side.after(0.1)) == "5"
    side.feed("5")
    assert side.closing


def test_13_a_logout_answering_ours_disconnects(side: Side) -> None:
    side.session.logout(b"", side.now)
    side.out()
    assert side.feed("5") == []
    assert side.closing


def test_13_b_logout_by_them_is_answered_then_disconnects(side: Side) -> None:
    assert types(side.feed("5")) == "5"
    assert (side.closing, side.session.next_in) == (True, 3)


def test_13_b_logout_with_a_gap(up: Make, profile: str) -> None:
    side = up("acceptor", profile=profile)
    out = side.feed("5", seq=4)
    if profile == "compatible":
        assert (types(out), side.closing, side.session.next_in) == ("5", True, 2)
        return
    assert (types(out), side.closing) == ("2", False)
    assert types(side.feed("4", (36, 4), (123, "Y"), seq=2, poss_dup=True)) == "5"
    assert (side.closing, side.session.next_in) == (True, 5)


# ---- 14: what needs no dictionary


@pytest.mark.parametrize(("header", "tag", "text", "reason"), [
    ({"target": None}, b"56", b"Required tag missing", b"1"), ({"target": ""}, b"56", b"Tag specified without a value", b"4"),
    ({"time": "noon"}, b"52", b"Incorrect data format for value", b"6"),
])  # fmt: skip
def test_14_header_fields_are_rejected_and_used_up(side: Side, header: dict[str, Any], tag: bytes, text: bytes, reason: bytes) -> None:
    assert reject_of(side.feed("0", **header)) == (b"2", text, tag, b"0", reason)
    assert (side.session.next_in, side.closing) == (3, False)


def test_14_report_with_a_wrong_header_field_is_delivered_and_flagged(side: Side) -> None:
    side.session.received(whole(side, b"8", (11, "fill"), time="noon"), START)
    event = side.session.peek(START)
    assert event is not None
    assert (event[0], side.session.fault) == ("app", (52, 6))
    assert side.session.take_output() == b""


def test_14_reject_logs_out_when_configured(up: Make) -> None:
    side = up("acceptor", disconnect_on_error=True)
    assert types(side.feed("1")) == "35"
    assert side.closing


def test_14_reject_goes_back_to_whom_the_message_came_from(side: Side) -> None:
    out = side.feed("1", (115, "A"), (116, "B"), (129, "C"), (144, "L"), (128, ""))
    assert [(t, v) for t, v in out[0].items() if t in (115, 116, 128, 129, 144, 145)] == [(116, b"C"), (128, b"A"), (129, b"B"), (145, b"L")]


# ---- 15 to 20


def test_15_fields_of_a_body_come_in_any_order(side: Side) -> None:
    side.feed("8", (55, "X"), (11, "a"), (1, "ACC"))
    assert apps(side) == [b"a"]


def test_16_a_message_while_disconnected_is_queued(side: Side) -> None:
    side.session.disconnected(side.now)
    assert side.session.send_app(b"8", b"11=kept\x01", side.now) == 2
    assert side.session.take_output() == b""


def test_16_b_queued_messages_go_out_after_the_reconnect(make: Make) -> None:
    side = make("acceptor")
    side.session.send_app(b"8", b"11=kept\x01", side.now)
    side.session.connected(side.now)
    assert side.feed("A", *LOGON)[0][34] == b"2"
    out = side.feed("2", (7, 1), (16, 0))
    assert [(m[35], m[34], m[43], m.get(11)) for m in out] == [(b"8", b"1", b"Y", b"kept"), (b"4", b"2", b"Y", None)]


def test_16_b_message_stored_while_logging_on_shows_at_once(make: Make) -> None:
    side = make("initiator")
    side.session.connected(side.now)
    side.session.send_app(b"8", b"11=kept\x01", side.now)
    side.out()
    assert [(m[35], m[34]) for m in side.feed("A", *LOGON)] == [(b"0", b"3")]


def test_17_encryption_is_refused(make: Make, profile: str) -> None:
    side = make("acceptor", profile=profile)
    side.session.connected(side.now)
    assert types(side.feed("A", (98, 1), (108, 30))) == ("5" if profile == "strict" else "")
    assert side.closing


def test_18_third_party_addressing_reaches_the_application(side: Side) -> None:
    side.feed("8", (115, "CLIENT"), (128, "VENUE"), (11, "a"))
    assert [dict(parse(e[1]))[115] for e in side.events] == [b"CLIENT"]


def test_19_poss_resend_is_offered_like_a_new_message(side: Side) -> None:
    side.feed("8", (97, "Y"), (11, "a"))
    side.feed("8", (97, "Y"), (11, "a"))
    assert apps(side) == [b"a", b"a"]


def test_20_simultaneous_resend_requests_are_both_served(side: Side) -> None:
    side.session.send_app(b"8", b"11=x\x01", START)
    side.out()
    assert types(side.feed("8", (11, "6"), seq=6)) == "2"
    out = side.feed("2", (7, 2), (16, 0), seq=7)
    assert [(m[35], m[34]) for m in out] == [(b"8", b"2"), (b"4", b"3")]
    for seq in (2, 3, 4, 5):
        side.feed("8", (11, str(seq)), seq=seq, poss_dup=True, orig=EARLIER)
    assert (apps(side), side.session.next_in) == ([b"2", b"3", b"4", b"5", b"6"], 8)


def test_20_strict_resend_request_behind_a_gap(strict: Side) -> None:
    strict.session.send_app(b"8", b"11=x\x01", START)
    strict.out()
    assert sorted(types(strict.feed("2", (7, 2), (16, 0), seq=5))) == ["2", "8"]
    strict.feed("4", (36, 5), (123, "Y"), seq=2, poss_dup=True)
    assert strict.session.next_in == 6
