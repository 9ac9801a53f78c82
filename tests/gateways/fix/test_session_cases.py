"""The FIX specification's session test cases (Volume 2): one test a condition, named after it, in both versions, driven by bytes and time.

``b`` is the buy side (initiator), ``s`` the sell side (acceptor); conditions without a letter are played against both. Where the profiles
differ, both are tested. Conditions 14 and those that need a data dictionary are in test_session_validation.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.gateways.fix.session_cases import EARLIER, LATER, LOGON, Make, apps, heartbeat, reject_of, whole
from tests.gateways.fix.test_session import ORDER, SECOND, START, Side, types

from ringfence.gateways.fix.codec import parse, timestamp_text

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
