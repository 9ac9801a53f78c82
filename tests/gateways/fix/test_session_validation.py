"""Condition 14 of the specification's session test cases, and the others that need a data dictionary; and floods that must not grow memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.test_session import START, Side, types

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix import dictionary
from ringfence.gateways.fix.codec import encode, timestamp_text

NOW = timestamp_text(START)
ORDER: tuple[tuple[int, Any], ...] = ((11, "ID"), (21, 1), (38, 100), (40, 1), (54, 1), (55, "INTC"), (60, NOW))
FILL: tuple[tuple[int, Any], ...] = ((6, 0), (14, 0), (17, "E"), (20, 0), (37, "V"), (39, 0), (54, 1), (55, "INTC"), (150, 0), (151, 100))


@pytest.fixture(params=["FIX.4.2", "FIX.4.4"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def up(tmp_path: Path, version: str) -> Iterator[Callable[..., Side]]:
    made: list[Side] = []

    def factory(role: str = "acceptor", **changes: Any) -> Side:
        side = Side(tmp_path / f"s{len(made)}", role, dictionary.load(version), begin_string=version, **changes)
        made.append(side)
        side.session.connected(side.now)
        side.out()
        side.feed("A", (98, 0), (108, 30))
        assert side.kinds() == ["up"]
        side.events.clear()
        return side

    yield factory
    for side in made:
        side.store.close()


@pytest.mark.parametrize(
    ("name", "msg_type", "body", "tag", "text", "reason"),
    [
        ("a_tag_invalid", "0", ((999, "HI"),), b"999", b"Invalid tag number", 0),
        ("b_required_missing", "1", (), b"112", b"Required tag missing", 1),
        ("c_tag_not_of_message", "0", ((55, "X"),), b"55", b"Tag not defined for this message type", 2),
        ("d_no_value", "1", ((112, ""),), b"112", b"Tag specified without a value", 4),
        ("e_value_wrong", "D", tuple((t, 4 if t == 21 else v) for t, v in ORDER), b"21", b"Value is incorrect (out of range) for this tag", 5),
        ("f_format_wrong", "D", tuple((t, "+1" if t == 38 else v) for t, v in ORDER), b"38", b"Incorrect data format for value", 6),
        ("h_repeated", "1", ((112, "A"), (112, "B")), b"112", b"Tag appears more than once", 13),
    ],
)
@pytest.mark.parametrize("profile", ["compatible", "strict"])
@pytest.mark.parametrize("role", ["acceptor", "initiator"])
def test_14_wrong_message_is_rejected_and_used_up(
    up: Callable[..., Side], role: str, profile: str, version: str, name: str, msg_type: str, body: Any, tag: bytes, text: bytes, reason: int
) -> None:
    side = up(role, profile=profile)
    out = side.feed(msg_type, *body)
    expected_reason = None if version == "FIX.4.2" and reason > 11 else b"%d" % reason
    assert types(out) == "3", name
    assert [out[0].get(t) for t in (45, 58, 371, 372, 373)] == [b"2", text, tag, msg_type.encode(), expected_reason]
    assert (side.kinds(), side.session.next_in, side.closing) == ([], 3, False)


def test_14_g_header_field_in_the_body_is_out_of_order(up: Callable[..., Side], version: str) -> None:
    side = up()
    side.raw(encode(b"1", [(34, 2), (49, "US"), (52, NOW), (112, "A"), (56, "THEM")], version.encode()))
    out = side.out()
    assert (types(out), out[0][58], out[0][371]) == ("3", b"Tag specified out of required order", b"56")


@pytest.mark.parametrize("profile", ["compatible", "strict"])
def test_2_q_unknown_msg_type_is_rejected(up: Callable[..., Side], profile: str) -> None:
    side = up(profile=profile)
    out = side.feed("*")
    assert (types(out), out[0][58], out[0].get(371), out[0][373]) == ("3", b"Invalid MsgType", b"35" if profile == "strict" else None, b"11")
    assert side.session.next_in == 3


def test_14_valid_message_is_offered(up: Callable[..., Side]) -> None:
    side = up()
    assert side.feed("D", *ORDER) == []
    assert side.kinds() == ["app"]


@pytest.mark.parametrize(
    ("msg_type", "body"), [("8", ((11, "ID"), (14, "many"), (999, "x"))), ("9", ((11, ""),)), ("j", ((380, "x"),)), ("3", ((999, "x"),)), ("8", ())]
)
def test_14_report_with_a_fault_is_delivered_flagged_and_noted(up: Callable[..., Side], version: str, msg_type: str, body: Any) -> None:
    side = up("initiator")
    side.session.take_notes()
    side.session.received(encode(msg_type.encode(), [(34, 2), (49, "THEM"), (52, NOW), (56, "US"), *body], version.encode()), START)
    event = side.session.peek(START)
    assert event is not None
    assert event[0] == "app"
    assert side.session.fault is not None
    assert side.session.take_output() == b""
    assert any("delivered although" in line for line in side.session.take_notes())
    side.session.accepted()
    assert (side.session.fault, side.session.next_in) == (None, 3)


def test_14_mass_cancel_report_with_a_fault_is_delivered_where_the_version_has_it(up: Callable[..., Side], version: str) -> None:
    """The engine waits for this answer; 4.2 has no such message and says so."""
    side = up("initiator")
    side.session.received(encode(b"r", [(34, 2), (49, "THEM"), (52, NOW), (56, "US"), (531, "many")], version.encode()), START)
    event = side.session.peek(START)
    if version == "FIX.4.2":
        assert event is None
        assert b"58=Invalid MsgType" in side.session.take_output()
        return
    assert event is not None
    assert event[0] == "app"
    assert side.session.fault is not None
    assert side.session.take_output() == b""


def test_14_report_behind_a_gap_is_flagged_in_its_turn(up: Callable[..., Side]) -> None:
    side = up("initiator")
    side.feed("8", (11, "late"), seq=3)
    side.session.received(
        encode(b"4", [(34, 2), (43, "Y"), (49, "THEM"), (52, NOW), (56, "US"), (122, NOW), (36, 3), (123, "Y")], side.config.begin_string.encode()), START
    )
    assert side.session.peek(START) is not None
    assert side.session.fault is not None


@pytest.mark.parametrize("tag", [0, -1])
def test_14_tag_that_is_not_positive_is_noted_as_it_came(up: Callable[..., Side], version: str, tag: int) -> None:
    side = up("initiator", checks=dictionary.CHECKS["unknown"])
    side.session.take_notes()
    front = b"8=%s\x019=%d\x01"
    body = b"35=8\x0134=2\x0149=THEM\x0152=%s\x0156=US\x01%d=x\x01" % (NOW, tag)
    message = front % (version.encode(), len(body)) + body
    side.session.received(message + b"10=%03d\x01" % (sum(message) % 256), START)
    assert side.session.fault == (tag, 0)
    assert any(f"tag {tag} has fault 0" in line for line in side.session.take_notes())


def test_14_check_when_switched_off_lets_it_pass(up: Callable[..., Side]) -> None:
    side = up(checks=dictionary.CHECK_ALL & ~dictionary.CHECKS["unknown"])
    assert side.feed("0", (55, "X")) == []
    assert side.session.next_in == 3


def test_14_rejected_message_in_a_resend_lets_the_rest_come(up: Callable[..., Side]) -> None:
    side = up()
    assert types(side.feed("1", (112, "A"), seq=3)) == "2"
    out = side.feed("D", *ORDER, (126, "20040415"), seq=2, poss_dup=True, orig=NOW)
    assert (types(out), out[0][45], out[0][371], side.session.next_in) == ("30", b"2", b"126", 4)


def test_dictionary_of_another_version_is_refused(tmp_path: Path, version: str) -> None:
    other = "FIX.4.4" if version == "FIX.4.2" else "FIX.4.2"
    with pytest.raises(SessionError, match=f"dictionary is of {other}"):
        Side(tmp_path / "x", "acceptor", dictionary.load(other), begin_string=version)


# ---- peers that flood


def test_flood_behind_a_gap_is_bounded_and_recovers(up: Callable[..., Side]) -> None:
    side = up(checks=0)
    asked = 0
    for seq in range(3, 9000):
        asked += len(side.feed("B", (58, "x" * 200), seq=seq))
    assert asked == 1, "one ResendRequest a gap"
    side.feed("0", seq=2, poss_dup=True, orig=NOW)
    taken = side.session.next_in
    assert 3000 < taken < 9000
    out = side.feed("0", seq=9000)
    assert (types(out), int(out[0][7])) == ("2", taken)


NOISE = (b"x" * 4096, b"8=FIX.4.2" * 400, b"8=FIX.4.2\x019=99999999999999999999\x01" * 100, b"8=FIX.4.2\x019=65000\x0135=" + b"y" * 4000)


@pytest.mark.parametrize("noise", NOISE)
def test_noise_without_end_neither_blocks_nor_keeps_the_session_alive(up: Callable[..., Side], noise: bytes) -> None:
    side = up()
    for _ in range(200):
        side.raw(noise)
    assert side.session.next_in == 2
    for _ in range(150):
        side.after(0.5)
        side.raw(noise)
    assert side.closing
