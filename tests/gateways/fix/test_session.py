"""The session state machine without sockets: two sessions joined by byte strings, or one against messages made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.codec import encode, parse, timestamp_text
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.gateways.fix.store import MessageStore

START = 1_700_000_000 * 10**9
SECOND = 10**9
ORDER = 3


class Side:
    """One session, the messages it put out and the events it gave."""

    def __init__(self, path: Path, role: str, dictionary: Any = None, **changes: Any) -> None:
        names = ("US", "THEM") if role == "initiator" else ("THEM", "US")
        self.config = SessionConfig(*names, role=role, **changes)
        self.store = MessageStore(path, self.config.identity)
        self.session = Session(self.config, self.store, dictionary)
        self.now = START
        self.seq = 1
        self.events: list[tuple[Any, ...]] = []

    def out(self) -> list[dict[int, bytes]]:
        """Take the output as messages."""
        data, messages = self.session.take_output(), []
        while data:
            fields = parse(data)
            messages.append(dict(fields))
            data = data[sum(len(str(t)) + len(v) + 2 for t, v in fields) :]
        return messages

    def feed(self, msg_type: str, *body: tuple[int, object], seq: int | None = None, **header: object) -> list[dict[int, bytes]]:
        """Give one message of the counterparty; return what comes out. ``header``: begin, sender, target, time, poss_dup, orig."""
        number = self.seq if seq is None else seq
        self.seq = number + 1 if seq is None else max(self.seq, number + 1)
        time_text = timestamp_text(self.now) if "time" not in header else header["time"]
        fields: list[tuple[int, Any]] = [(34, number), (49, header.get("sender", self.config.target_comp_id)), (52, time_text)]
        fields += [(56, header.get("target", self.config.sender_comp_id))]
        fields += [(43, "Y")] if header.get("poss_dup") else []
        fields += [(122, header["orig"])] if "orig" in header else []
        fields = [(t, v) for t, v in fields if v is not None]
        self.raw(encode(msg_type.encode(), [*fields, *body], str(header.get("begin", self.config.begin_string)).encode()))  # type: ignore[list-item]
        return self.out()

    def raw(self, data: bytes) -> None:
        while data:
            data = data[self.session.received(data, self.now) :]
            self.events += self.session.take_events(self.now)

    def after(self, seconds: float) -> list[dict[int, bytes]]:
        self.now += int(seconds * SECOND)
        self.session.tick(self.now)
        self.events += self.session.take_events(self.now)
        return self.out()

    def kinds(self) -> list[str]:
        return [e[0] for e in self.events]

    @property
    def closing(self) -> bool:
        return "disconnect" in self.kinds()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Side]]:
    made: list[Side] = []

    def factory(role: str, **changes: Any) -> Side:
        made.append(Side(tmp_path / f"{role}{len(made)}", role, **changes))
        return made[-1]

    yield factory
    for side in made:
        side.store.close()


@pytest.fixture
def acceptor(make: Callable[..., Side]) -> Side:
    """An acceptor that is logged on."""
    side = make("acceptor")
    side.session.connected(side.now)
    assert [m[35] for m in side.feed("A", (98, 0), (108, 30))] == [b"A"]
    assert side.kinds() == ["up"]
    side.events.clear()
    return side


def types(messages: list[dict[int, bytes]]) -> str:
    return b"".join(m[35] for m in messages).decode()


# ---- logon


def test_logon_when_initiator_connects_carries_heartbeat_interval(make: Callable[..., Side]) -> None:
    side = make("initiator", heartbeat_s=17)
    side.session.connected(side.now)
    logon = side.out()[0]
    assert (logon[35], logon[34], logon[49], logon[56], logon[98], logon[108], 141 in logon) == (b"A", b"1", b"US", b"THEM", b"0", b"17", False)
    side.feed("A", (98, 0), (108, 17))
    assert (side.kinds(), side.session.state, side.session.next_in) == (["up"], "up", 2)


def test_logon_when_acceptor_answers_takes_the_initiators_interval(make: Callable[..., Side]) -> None:
    side = make("acceptor", heartbeat_s=30)
    side.session.connected(side.now)
    assert side.feed("A", (98, 0), (108, 5))[0][108] == b"5"
    assert side.session.heartbeat_s == 5


@pytest.mark.parametrize(
    ("msg_type", "header"),
    [
        ("A", {"sender": "OTHER"}), ("A", {"target": "OTHER"}), ("A", {"begin": "FIX.4.4"}), ("A", {"time": "20200101-00:00:00"}), ("A", {"time": None}),
        ("A", {"time": "yesterday"}), ("0", {}), ("8", {}), ("5", {}),
    ],
)  # fmt: skip
def test_first_message_when_wrong_closes_without_a_byte(make: Callable[..., Side], msg_type: str, header: dict[str, Any]) -> None:
    side = make("acceptor")
    side.session.connected(side.now)
    assert side.feed(msg_type, (98, 0), (108, 30), **header) == []
    assert side.closing
    assert side.session.next_in == 1
    assert side.session.take_notes()


def test_logon_when_number_is_too_low_logs_out_with_the_numbers(make: Callable[..., Side]) -> None:
    side = make("acceptor")
    side.store.set_next_in(5)
    side.session.connected(side.now)
    out = side.feed("A", (98, 0), (108, 30), seq=2)
    assert (types(out), out[0][58]) == ("5", b"MsgSeqNum too low, expecting 5 but received 2")
    assert side.closing
    assert side.session.refused


def test_logon_when_number_is_too_high_asks_and_is_up_after_the_fill(make: Callable[..., Side]) -> None:
    side = make("acceptor")
    side.session.connected(side.now)
    out = side.feed("A", (98, 0), (108, 30), seq=4)
    assert types(out) == "A2"
    assert (out[1][7], out[1][16]) == (b"1", b"0")
    assert side.kinds() == []
    side.feed("4", (36, 5), (123, "Y"), seq=1, poss_dup=True)
    assert (side.kinds(), side.session.next_in) == (["up"], 5)


def test_logon_when_reset_is_configured_both_sides_start_at_one(make: Callable[..., Side]) -> None:
    a, b = make("initiator", reset_on_logon=True), make("acceptor")
    for side in (a, b):
        side.store.set_next_in(9)
        side.store.append(b"old")
        side.session.connected(side.now)
    logon = a.out()[0]
    assert (logon[34], logon[141]) == (b"1", b"Y")
    answer = b.feed("A", (98, 0), (108, 30), (141, "Y"), seq=1)[0]
    assert (answer[34], answer[141]) == (b"1", b"Y")
    assert a.feed("A", (98, 0), (108, 30), (141, "Y"), seq=1) == []
    assert [(s.session.next_in, s.session.next_out, s.kinds()) for s in (a, b)] == [(2, 2, ["up"])] * 2


def test_logon_when_acceptor_resets_on_logon_forgets_numbers(make: Callable[..., Side]) -> None:
    side = make("acceptor", reset_on_logon=True)
    side.store.set_next_in(9)
    side.session.connected(side.now)
    answer = side.feed("A", (98, 0), (108, 30), seq=1)
    assert (types(answer), answer[0][34], side.session.next_in) == ("A", b"1", 2)
    assert 141 not in answer[0]


def test_logon_when_none_comes_disconnects_after_the_limit(make: Callable[..., Side]) -> None:
    side = make("initiator", logon_s_max=10)
    side.session.connected(side.now)
    side.out()
    side.after(9.9)
    assert not side.closing
    side.after(0.2)
    assert side.closing


def test_logon_when_initiator_is_answered_with_a_logout_tells_why(make: Callable[..., Side]) -> None:
    side = make("initiator")
    side.session.connected(side.now)
    side.feed("5", (58, "go away 100%"))
    assert side.closing
    assert any("go away 100." in line for line in side.session.take_notes())


# ---- sequence numbers


def test_message_when_in_order_is_offered_until_accepted(acceptor: Side) -> None:
    acceptor.session.received(encode(b"D", [(34, 2), (49, "US"), (52, timestamp_text(START)), (56, "THEM"), (11, "X")]), START)
    first, second = acceptor.session.peek(START), acceptor.session.peek(START)
    assert first == second
    assert first is not None
    assert first[0] == "app"
    assert acceptor.session.next_in == 2, "the number was used up before the message was taken"
    acceptor.session.accepted()
    assert (acceptor.session.next_in, acceptor.session.peek(START)) == (3, None)


def test_message_when_connection_dies_before_it_is_accepted_is_asked_for_again(acceptor: Side) -> None:
    acceptor.session.received(encode(b"D", [(34, 2), (49, "US"), (52, timestamp_text(START)), (56, "THEM"), (11, "X")]), START)
    acceptor.session.peek(START)
    acceptor.session.disconnected(START)
    assert (acceptor.session.take_events(START), acceptor.session.next_in) == ([("down",)], 2)


def test_gap_when_found_is_asked_for_once_and_later_messages_wait_their_turn(acceptor: Side) -> None:
    out = acceptor.feed("D", (11, "5"), seq=5)
    assert (types(out), out[0][7], out[0][16]) == ("2", b"2", b"0")
    assert acceptor.feed("D", (11, "6"), seq=6) == []
    assert acceptor.feed("D", (11, "7"), seq=7) == []
    assert acceptor.events == []
    for seq in (2, 3, 4):
        acceptor.feed("D", (11, str(seq)), seq=seq, poss_dup=True, orig="20231114-22:13:20")
    assert [dict(parse(e[1]))[11] for e in acceptor.events] == [b"2", b"3", b"4", b"5", b"6", b"7"]
    assert [e[3] for e in acceptor.events] == [True, True, True, False, False, False]
    assert acceptor.session.next_in == 8


def test_gap_when_resend_has_a_hole_is_asked_for_again(acceptor: Side) -> None:
    acceptor.feed("D", (11, "6"), seq=6)
    acceptor.feed("D", (11, "2"), seq=2, poss_dup=True, orig="20231114-22:13:20")
    out = acceptor.feed("D", (11, "4"), seq=4, poss_dup=True, orig="20231114-22:13:20")
    assert (types(out), out[0][7]) == ("2", b"3")
    assert acceptor.feed("D", (11, "5"), seq=5, poss_dup=True, orig="20231114-22:13:20") == []


def test_gap_when_not_filled_for_a_heartbeat_interval_is_asked_for_again(acceptor: Side) -> None:
    acceptor.feed("D", (11, "6"), seq=6)
    assert "2" in types(acceptor.after(31))


def test_gap_when_more_is_held_than_fits_drops_and_recovers(acceptor: Side) -> None:
    big = "x" * 60000
    for seq in range(4, 40):
        acceptor.feed("D", (11, str(seq)), (58, big), seq=seq)
    for seq in (2, 3):
        acceptor.feed("D", (11, str(seq)), seq=seq, poss_dup=True, orig="20231114-22:13:20")
    reached = acceptor.session.next_in
    assert 10 < reached < 40
    out = acceptor.feed("D", (11, "40"), seq=40)
    assert (types(out), int(out[0][7])) == ("2", reached)


def test_number_when_too_low_without_poss_dup_logs_out(acceptor: Side) -> None:
    acceptor.feed("D", (11, "a"))
    out = acceptor.feed("D", (11, "b"), seq=2)
    assert (types(out), out[0][58]) == ("5", b"MsgSeqNum too low, expecting 3 but received 2")
    assert acceptor.closing


def test_number_when_too_low_with_poss_dup_is_dropped(acceptor: Side) -> None:
    acceptor.feed("D", (11, "a"))
    assert acceptor.feed("D", (11, "a"), seq=2, poss_dup=True, orig="20231114-22:13:20") == []
    assert (acceptor.kinds(), acceptor.session.next_in, acceptor.session.counters["duplicates"]) == (["app"], 3, 1)


def test_poss_dup_when_orig_sending_time_is_missing_is_rejected(acceptor: Side) -> None:
    out = acceptor.feed("D", (11, "a"), seq=1, poss_dup=True)
    assert (types(out), out[0][373], out[0][371], out[0][58]) == ("3", b"1", b"122", b"Required tag missing")
    assert not acceptor.closing


def test_poss_dup_when_orig_sending_time_is_later_is_rejected_and_logged_out(acceptor: Side) -> None:
    out = acceptor.feed("D", (11, "a"), seq=1, poss_dup=True, orig=timestamp_text(START + SECOND))
    assert (types(out), out[0][373]) == ("35", b"10")
    assert acceptor.closing


def test_gap_fill_when_low_with_poss_dup_is_dropped(acceptor: Side) -> None:
    assert acceptor.feed("4", (36, 9), (123, "Y"), seq=1, poss_dup=True) == []
    assert (acceptor.session.next_in, acceptor.closing) == (2, False)


@pytest.mark.parametrize(("gap_fill", "seq"), [("Y", 2), ("N", 2), (None, 1), (None, 99)])
def test_sequence_reset_when_forward_sets_the_next_number(acceptor: Side, gap_fill: str | None, seq: int) -> None:
    acceptor.feed("4", (36, 20), *([(123, gap_fill)] if gap_fill else []), seq=seq)
    assert acceptor.session.next_in == 20
    assert acceptor.feed("D", (11, "x"), seq=20) == []
    assert acceptor.session.next_in == 21


def test_sequence_reset_when_backward_is_rejected(acceptor: Side) -> None:
    out = acceptor.feed("4", (36, 1), seq=2)
    assert (types(out), out[0][373], 371 in out[0], out[0][58]) == ("3", b"5", False, b"Value is incorrect (out of range) for this tag")
    assert acceptor.session.next_in == 2


# ---- resending


def test_resend_when_asked_fills_admin_and_orders_and_repeats_the_rest(acceptor: Side) -> None:
    s = acceptor.session
    s.send_app(b"8", b"37=a\x01", START)  # 2
    s.send_app(b"D", b"11=b\x01", START, 77, ORDER)  # 3
    acceptor.after(31)  # 4: a heartbeat
    s.send_app(b"8", b"37=c\x01", acceptor.now)  # 5
    acceptor.out()
    out = acceptor.feed("2", (7, 1), (16, 0))
    shown = [(m[35], m[34], m.get(36), m.get(37)) for m in out]
    assert shown == [(b"4", b"1", b"2", None), (b"8", b"2", None, b"a"), (b"4", b"3", b"5", None), (b"8", b"5", None, b"c")]
    assert all(m[43] == b"Y" and 122 in m for m in out)
    assert (out[1][122], out[1][52]) == (timestamp_text(START), timestamp_text(acceptor.now))
    assert [m[123] for m in out if m[35] == b"4"] == [b"Y", b"Y"]
    not_sent = [e for e in acceptor.events if e[0] == "not_sent"]
    assert [(dict(parse(e[1]))[11], e[2], e[3]) for e in not_sent] == [(b"b", 3, 77)]
    assert s.next_out == 6, "resending used up numbers"


@pytest.mark.parametrize(("begin", "end", "expected"), [(2, 2, [2]), (2, 3, [2, 3]), (3, 0, [3, 4]), (4, 99, [4]), (9, 0, []), (3, 2, [])])
def test_resend_when_range_is_given_keeps_to_it(acceptor: Side, begin: int, end: int, expected: list[int]) -> None:
    for i in range(3):
        acceptor.session.send_app(b"8", b"37=%d\x01" % i, START)
    acceptor.out()
    assert [int(m[34]) for m in acceptor.feed("2", (7, begin), (16, end))] == expected


def test_resend_when_request_has_a_high_number_is_served_and_not_consumed(acceptor: Side) -> None:
    acceptor.session.send_app(b"8", b"37=a\x01", START)
    acceptor.out()
    assert types(acceptor.feed("2", (7, 2), (16, 0), seq=9)) == "8"
    assert acceptor.session.next_in == 2


def test_resend_when_asked_again_says_nothing_of_an_order_sent_behind_the_first_answer(acceptor: Side) -> None:
    acceptor.session.send_app(b"D", b"11=a\x01", START, 1, ORDER)  # 2: lost with the connection before
    acceptor.feed("2", (7, 2), (16, 0))
    assert [e[2] for e in acceptor.events] == [2]
    acceptor.session.send_app(b"D", b"11=b\x01", START, 2, ORDER)  # 3: on its way to a peer that expects 3 by then
    acceptor.out()
    out = acceptor.feed("2", (7, 2), (16, 0))  # it had asked twice, as some engines do for each early message
    assert [(m[35], m[34], m[36]) for m in out] == [(b"4", b"2", b"4")]
    assert [e[2] for e in acceptor.events] == [2], "a live order was reported as not sent"
    acceptor.feed("2", (7, 3), (16, 0))
    assert [e[2] for e in acceptor.events] == [2, 3], "now it says that it lacks that very order"


def test_resend_when_numbers_are_reset_meanwhile_ends(acceptor: Side) -> None:
    for i in range(3000):
        acceptor.session.send_app(b"8", b"37=%d\x01" % i + b"58=" + b"x" * 900 + b"\x01", START)
        acceptor.session.take_output()
    acceptor.feed("2", (7, 2), (16, 0))
    seen = acceptor.feed("A", (98, 0), (108, 30), (141, "Y"), seq=1)
    seen += acceptor.after(0)
    assert (seen[-1][35], seen[-1][34]) == (b"A", b"1"), "old numbers were sent in the new sequence"


def test_resend_when_the_peer_reads_slowly_is_served_in_steps_with_bounded_memory(acceptor: Side) -> None:
    for i in range(3000):
        acceptor.session.send_app(b"8", b"37=%d\x01" % i + b"58=" + b"x" * 900 + b"\x01", START)
        acceptor.session.take_output()
    acceptor.raw(encode(b"2", [(34, 2), (49, "US"), (52, timestamp_text(START)), (56, "THEM"), (7, 2), (16, 0)]))
    seen, rounds = [], 0
    while messages := acceptor.out():
        seen += [int(m[37]) for m in messages]
        rounds += 1
        acceptor.session.take_events(START)
    assert seen == list(range(3000))
    assert rounds > 2, "everything was in memory at once"


def test_send_when_not_logged_on_is_kept_for_the_resend_request(make: Callable[..., Side]) -> None:
    side = make("acceptor")
    assert side.session.send_app(b"8", b"37=kept\x01", START) == 1
    assert side.session.take_output() == b""
    side.session.connected(side.now)
    side.feed("A", (98, 0), (108, 30))
    out = side.feed("2", (7, 1), (16, 0))
    assert [(m[35], m.get(37), m[43]) for m in out] == [(b"8", b"kept", b"Y"), (b"4", None, b"Y")]


def test_send_when_the_peer_reads_nothing_says_wait_and_admin_ends_the_session(acceptor: Side) -> None:
    body = b"58=" + b"x" * 50000 + b"\x01"
    sent = 0
    while acceptor.session.send_app(b"8", body, START):
        sent += 1
        assert sent < 100, "output is not bounded"
    assert acceptor.session.next_out == sent + 2
    for i in range(3000):
        if acceptor.closing:
            break
        acceptor.raw(encode(b"1", [(34, i + 2), (49, "US"), (52, timestamp_text(START)), (56, "THEM"), (112, "t" * 500)]))
    assert acceptor.closing
    assert any("does not read" in line for line in acceptor.session.take_notes())


def test_send_when_body_is_no_body_is_refused(acceptor: Side) -> None:
    with pytest.raises(SessionError, match="must end with SOH"):
        acceptor.session.send_app(b"8", b"37=a", START)
    with pytest.raises(SessionError, match="cannot store"):
        acceptor.session.send_app(b"8", b"58=" + b"x" * 70000 + b"\x01", START)
    assert acceptor.session.send_app(b"8", b"37=a\x01", START) == 2


# ---- checks of a message


@pytest.mark.parametrize(
    ("header", "reason", "tag", "text", "closes"),
    [
        ({"sender": None}, b"1", b"49", b"Required tag missing", False),
        ({"target": None}, b"1", b"56", b"Required tag missing", False),
        ({"time": None}, b"1", b"52", b"Required tag missing", False),
        ({"target": ""}, b"4", b"56", b"Tag specified without a value", False),
        ({"time": "20231114"}, b"6", b"52", b"Incorrect data format for value", False),
        ({"sender": "OTHER"}, b"9", None, b"CompID problem", True),
        ({"target": "OTHER"}, b"9", None, b"CompID problem", True),
        ({"time": "20231114-22:10:00"}, b"10", None, b"SendingTime accuracy problem", True),
    ],
)
def test_header_when_a_field_is_wrong_is_rejected(acceptor: Side, header: dict[str, Any], reason: bytes, tag: bytes | None, text: bytes, closes: bool) -> None:
    out = acceptor.feed("D", (11, "x"), **header)
    reject = out[0]
    assert (reject[35], reject[45], reject[58], reject.get(371), reject[372], reject[373]) == (b"3", b"2", text, tag, b"D", reason)
    assert [t for t in reject if t in (45, 58, 371, 372, 373)] == [45, 58, *([371] if tag else []), 372, 373], "field order"
    assert types(out) == ("35" if closes else "3")
    assert (acceptor.closing, "app" in acceptor.kinds(), acceptor.session.next_in) == (closes, False, 3)


def test_header_when_latency_check_is_off_any_time_will_do(make: Callable[..., Side]) -> None:
    side = make("acceptor", check_latency=False)
    side.session.connected(side.now)
    assert types(side.feed("A", (98, 0), (108, 30), time="20200101-00:00:00")) == "A"


def test_begin_string_when_wrong_logs_out(acceptor: Side) -> None:
    out = acceptor.feed("0", begin="FIX.4.4")
    assert (types(out), out[0][58]) == ("5", b"Incorrect BeginString")
    assert acceptor.closing


def test_number_when_missing_logs_out(acceptor: Side) -> None:
    acceptor.raw(encode(b"0", [(49, "US"), (52, timestamp_text(START)), (56, "THEM")]))
    assert types(acceptor.out()) == "5"
    assert acceptor.closing


def test_message_when_garbled_is_ignored_and_consumes_no_number(acceptor: Side) -> None:
    good = encode(b"D", [(34, 2), (49, "US"), (52, timestamp_text(START)), (56, "THEM"), (11, "x")])
    acceptor.raw(good[:-3] + b"99\x01" if good[-3:] != b"99\x01" else good[:-3] + b"98\x01")
    acceptor.raw(b"noise\x01")
    assert (acceptor.out(), acceptor.kinds(), acceptor.session.next_in) == ([], [], 2)
    acceptor.raw(good)
    assert (acceptor.kinds(), acceptor.session.counters["garbled"] >= 2) == (["app"], True)


def test_reject_when_received_is_offered_like_a_message(acceptor: Side) -> None:
    acceptor.feed("3", (45, 1), (58, "no"))
    assert (acceptor.kinds(), acceptor.session.next_in) == (["app"], 3)


# ---- liveness and logout


def test_heartbeat_when_nothing_was_sent_for_an_interval(acceptor: Side) -> None:
    assert acceptor.after(29.9) == []
    assert types(acceptor.after(0.2)) == "0"


def test_test_request_when_received_is_answered_with_its_id(acceptor: Side) -> None:
    out = acceptor.feed("1", (112, "hello"))
    assert (types(out), out[0][112]) == ("0", b"hello")


def test_silence_when_long_asks_once_sends_no_heartbeats_then_disconnects(acceptor: Side) -> None:
    sent = [types(acceptor.after(1)) for _ in range(71)]
    assert "".join(sent[:30]) == "0"
    assert "".join(sent[30:36]) == "1"
    assert "".join(sent[36:]) == "", "heartbeats while a TestRequest is outstanding"
    assert not acceptor.closing
    acceptor.after(1)
    assert acceptor.closing
    assert any("nothing heard" in line for line in acceptor.session.take_notes())


def test_silence_when_broken_by_any_message_is_over(acceptor: Side) -> None:
    acceptor.after(37)
    acceptor.feed("0")
    acceptor.after(35)
    assert not acceptor.closing


def test_silence_when_events_are_not_taken_is_ours(acceptor: Side) -> None:
    acceptor.session.received(encode(b"D", [(34, 2), (49, "US"), (52, timestamp_text(START)), (56, "THEM"), (11, "X")]), START)
    for i in range(1, 100):
        acceptor.session.tick(START + i * SECOND)
    event = acceptor.session.peek(START)
    assert event is not None
    assert event[0] == "app"


def test_heartbeat_when_interval_is_zero_never(make: Callable[..., Side]) -> None:
    side = make("acceptor", heartbeat_s=0)
    side.session.connected(side.now)
    side.feed("A", (98, 0), (108, 0))
    assert side.after(100000) == []
    assert not side.closing


def test_logout_when_received_is_answered_and_the_connection_ends(acceptor: Side) -> None:
    assert types(acceptor.feed("5", (58, "bye"))) == "5"
    assert (acceptor.closing, acceptor.session.next_in) == (True, 3)


def test_logout_when_its_number_is_high_is_answered_and_the_gap_stays(acceptor: Side) -> None:
    assert types(acceptor.feed("5", seq=9)) == "5"
    assert (acceptor.closing, acceptor.session.next_in) == (True, 2)


def test_logout_when_we_begin_waits_for_the_answer_and_takes_fills_meanwhile(acceptor: Side) -> None:
    acceptor.session.logout(b"end of day", acceptor.now)
    out = acceptor.out()
    assert (types(out), out[0][58]) == ("5", b"end of day")
    acceptor.feed("8", (37, "late"))
    assert acceptor.kinds() == ["app"]
    assert acceptor.feed("5") == []
    assert acceptor.closing


def test_logout_when_not_answered_disconnects_after_two_seconds(acceptor: Side) -> None:
    acceptor.session.logout(b"", acceptor.now)
    acceptor.after(1.9)
    assert not acceptor.closing
    acceptor.after(0.2)
    assert acceptor.closing


def test_connected_when_not_disconnected_first_is_an_error(acceptor: Side) -> None:
    with pytest.raises(SessionError, match="call disconnected first"):
        acceptor.session.connected(START)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "both"}, "role was 'both'"),
        ({"begin_string": "FIX.9"}, "begin_string was"),
        ({"heartbeat_s": -1}, "heartbeat_s was -1"),
        ({"sender_comp_id": ""}, "sender_comp_id was"),
    ],
)
def test_config_when_a_value_is_not_allowed_names_it(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionError, match=message):
        SessionConfig(**{"sender_comp_id": "A", "target_comp_id": "B", **changes})


def test_gateway_spec_when_keys_are_wrong_names_them(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"instance": "x", "colour": "red"}')
    with pytest.raises(SessionError, match=r"unknown keys \['colour'\], missing keys \['addresses', 'component'"):
        GatewaySpec.load(path)


# ---- two sessions over a connection that breaks


class Line:
    """Joins two sessions; may cut either direction after any number of bytes."""

    def __init__(self, a: Side, b: Side, rng: random.Random) -> None:
        self.sides = (a, b)
        self.rng = rng
        self.taken: tuple[list[bytes], list[bytes]] = ([], [])

    def connect(self) -> None:
        for side in self.sides:
            side.session.connected(side.now)

    def run(self, cut_after: int | None, work: Callable[[], None]) -> bool:
        """Move bytes in random pieces until both are quiet; False when the connection was cut after ``cut_after`` bytes."""
        moved = 0
        for _ in range(100_000):
            work()
            quiet = True
            for i, side in enumerate(self.sides):
                data = side.session.take_output(self.rng.choice((1, 7, 50, 4000)))
                quiet = quiet and not data
                if cut_after is not None and moved + len(data) >= cut_after:
                    self.give(1 - i, data[: cut_after - moved])
                    return False
                moved += len(data)
                self.give(1 - i, data)
            if quiet:
                return True
        raise AssertionError("the two sessions never become quiet")

    def give(self, i: int, data: bytes) -> None:
        side = self.sides[i]
        side.session.received(data, side.now)
        while (event := side.session.peek(side.now)) is not None and event[0] != "disconnect":
            if event[0] == "app":
                if self.rng.random() < 0.1:
                    return  # not taken now, offered again
                self.taken[i].append(dict(parse(event[1]))[58])
            side.session.accepted()

    def cut(self) -> None:
        for side in self.sides:
            side.session.disconnected(side.now)
            side.session.take_events(side.now)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_pair_when_cut_at_random_bytes_loses_and_repeats_nothing(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("pair")
    a, b = Side(folder / "a", "initiator"), Side(folder / "b", "acceptor")
    line = Line(a, b, rng)
    sent: tuple[list[bytes], list[bytes]] = ([], [])

    def work() -> None:
        for i, side in enumerate((a, b)):
            if rng.random() < 0.5 and len(sent[i]) < 60:
                text = b"%d-%d" % (i, len(sent[i]))
                if side.session.send_app(b"B", b"58=" + text + b"\x01", side.now):
                    sent[i].append(text)

    for _ in range(12):
        line.connect()
        if line.run(rng.randrange(1, 4000), work):
            break
        line.cut()
    line.cut()
    line.connect()
    for _ in range(8):
        assert line.run(None, lambda: None)
        for side in (a, b):
            side.now += 31 * SECOND
            side.session.tick(side.now)
    assert line.run(None, lambda: None)
    assert (line.taken[1], line.taken[0]) == (sent[0], sent[1]), "messages were lost, repeated or reordered"
    assert (a.session.next_out, b.session.next_out) == (b.session.next_in, a.session.next_in)
    for side in (a, b):
        side.store.close()


# ---- fuzz


def test_session_when_fed_mutated_messages_survives(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    stamp = timestamp_text(START)
    bodies: list[tuple[bytes, list[tuple[int, Any]]]] = [
        (b"A", [(98, 0), (108, 30)]), (b"0", []), (b"1", [(112, "x")]), (b"2", [(7, 1), (16, 0)]), (b"4", [(36, 9), (123, "Y")]), (b"4", [(36, 3)]), (b"5", []),
        (b"3", [(45, 1)]), (b"8", [(11, "x"), (17, "e"), (150, 1)]), (b"D", [(11, "x"), (38, 100)]), (b"j", [(45, 2), (380, 3)]),
    ]  # fmt: skip
    for run in range(60):
        side = Side(tmp_path / f"s{run}", rng.choice(("initiator", "acceptor")))
        side.session.connected(START)
        side.raw(encode(b"A", [(34, 1), (49, side.config.target_comp_id), (52, stamp), (56, side.config.sender_comp_id), (98, 0), (108, 30)]))
        for i in range(150):
            msg_type, body = rng.choice(bodies)
            fields = [
                (34, rng.choice((i + 2, side.session.next_in, rng.randrange(1, 300)))),
                (49, side.config.target_comp_id),
                (52, stamp),
                (56, side.config.sender_comp_id),
            ]
            fields += [(43, "Y")] if rng.random() < 0.2 else []
            fields += body
            if rng.random() < 0.3:
                fields[rng.randrange(len(fields))] = (
                    rng.choice((1, 7, 16, 34, 35, 36, 43, 52, 96, 122, 999999)),
                    rng.choice(("", "0", "-1", "9" * 18, "9" * 30, "\xff", "Y")),
                )
            if rng.random() < 0.2:
                rng.shuffle(fields)
            data = bytearray(encode(msg_type, fields))
            if rng.random() < 0.15:
                for _ in range(rng.randrange(1, 4)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            side.raw(bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.05 else data))
            side.session.take_output()
            side.now += rng.randrange(SECOND)
            side.session.tick(side.now)
            if side.session.take_events(side.now) or side.closing:
                side.session.disconnected(side.now)
                side.events.clear()
                side.session.connected(side.now)
        assert side.session.next_out >= 1
        side.store.close()
