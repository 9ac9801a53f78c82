"""``ringfence fix``: logs made readable, and the acceptor's flags, exit codes and ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gateways.fix.acceptor_process import WAIT_S, AcceptorProcess, Counterparty, order

from ringfence.gateways.fix.codec import encode
from ringfence.tools import fix_log

ORDER = encode(b"D", [(34, 2), (49, "A"), (56, "B"), (52, "20260101-00:00:00"), (11, "x"), (54, 1), (38, 100), (40, 2), (44, "1.5"), (55, "ABC")])
SESSION = ("--sender-comp-id", "ISLD", "--target-comp-id", "TW42")


def ringfence(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "ringfence.tools.cli", *words], input=stdin, capture_output=True, timeout=WAIT_S, check=False)


@pytest.mark.parametrize("separator", [b"\x01", b"|", b"^A"])
def test_decode_when_fields_end_with_any_separator_names_are_printed(separator: bytes) -> None:
    done = ringfence("fix", "decode", "--oneline", stdin=b"12:00:01 INFO in: " + ORDER.replace(b"\x01", separator) + b"\n")
    text = done.stdout.decode()
    assert done.returncode == 0
    assert text == "20260101-00:00:00 A -> B #2 NewOrderSingle ClOrdID=x Side=1(Buy) OrderQty=100 OrdType=2(Limit) Price=1.5 Symbol=ABC\n"


def test_decode_when_two_messages_stand_in_a_line_both_are_printed(tmp_path: Path) -> None:
    log = tmp_path / "fix.log"
    log.write_bytes(b"nothing\n" + ORDER + ORDER + b"\n")
    assert ringfence("fix", "decode", "--oneline", str(log)).stdout.count(b"NewOrderSingle") == 2


def test_decode_when_a_message_is_wrong_it_is_printed_and_marked() -> None:
    wrong = ORDER.replace(b"38=100", b"38=200").replace(b"44=1.5", b"9999=12")
    (message,) = fix_log.messages(wrong)
    assert len(message.defects) == 3
    text = ringfence("fix", "decode", stdin=wrong).stdout.decode()
    assert "▲ CheckSum(10) is" in text
    assert "▲ BodyLength(9) is" in text
    assert "▲ unknown tag 9999" in text
    assert "OrderQty" in text


def test_decode_when_a_message_is_cut_off_or_of_another_version_it_says_so() -> None:
    (cut,) = fix_log.messages(ORDER[:-20])
    assert "not whole: CheckSum(10) is missing" in cut.defects
    (other,) = fix_log.messages(encode(b"0", [(34, 1)], b"FIX.4.1"))
    assert other.defects == ("no dictionary for this BeginString(8)",)


@pytest.mark.parametrize(
    ("line", "defect"),
    [
        (b"8=FIX.4.4|9=5|--5=3|10=000|", "not tag=value: '--5=3'"),
        (b"8=FIX.4.4|9=5|" + b"1" * 5000 + b"=3|10=000|", "not tag=value: '" + "1" * 40 + "'"),
        (b"8=FIX.4.4|9=5|58=a\x0110=5", "not whole: CheckSum(10) is missing"),
        (b"8=FIX.4.4|9=\x1b[31m|35=0|10=\x1b[2J|", "BodyLength(9) is .[31m, should be 5"),
    ],
)
def test_decode_when_a_field_is_nonsense_it_is_a_defect_that_no_terminal_obeys(line: bytes, defect: str) -> None:
    (message,) = fix_log.messages(line)
    assert defect in message.defects
    assert "\x1b" not in fix_log.block(message, colour=False)


def test_decode_when_json_is_asked_for_each_line_is_an_object() -> None:
    done = ringfence("fix", "decode", "--json", stdin=ORDER + b"\n" + ORDER)
    first, _second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["schema"], first["msg_type"], first["name"], first["kind"]) == ("rf.fix_message/1", "D", "NewOrderSingle", "order")
    assert {"tag": 54, "name": "Side", "value": "1", "meaning": "Buy"} in first["fields"]


def test_decode_when_nothing_is_fix_it_exits_1() -> None:
    done = ringfence("fix", "decode", stdin=b"hello\n")
    assert done.returncode == 1
    assert b"no FIX message" in done.stderr


KINDS = ((b"A", [], "admin"), (b"D", [], "order"), (b"8", [(150, "0")], "execution"), (b"8", [(150, "8")], "reject"), (b"3", [], "reject"))


@pytest.mark.parametrize(("msg_type", "more", "kind"), KINDS)
def test_decode_when_colour_is_on_each_kind_has_its_own(msg_type: bytes, more: list[tuple[int, str]], kind: str) -> None:
    (message,) = fix_log.messages(encode(msg_type, [(34, 1), *more]))
    assert message.kind == kind
    assert fix_log.oneline(message, True).startswith(f"\x1b[{fix_log.COLOURS[kind]}m")
    assert "\x1b" not in fix_log.oneline(message, False)


def test_decode_when_a_pipe_goes_on_each_message_is_printed_at_once_and_the_reader_may_leave() -> None:
    process = subprocess.Popen([sys.executable, "-m", "ringfence.tools.cli", "fix", "decode", "--oneline"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(ORDER + b"\n")
    process.stdin.flush()
    assert b"NewOrderSingle" in process.stdout.readline()
    process.stdout.close()
    process.stdin.write((ORDER + b"\n") * 10)
    process.stdin.close()
    assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ((*SESSION,), "say --echo"),
        (("--echo",), "no session"),
        (("--echo", "--target-comp-id", "B"), "needs --sender-comp-id"),
        (("--echo", *SESSION, "--begin-string", "FIX.4.2", "--begin-string", "FIX.4.4"), "one for all, or one for each"),
        (("--echo", *SESSION, "--begin-string", "FIX.5.0"), "begin_string was 'FIX.5.0'"),
        (("--echo", "--session", "nonsense"), "not of the form"),
        (("--echo", "--session", "FIX.4.4:A->B,no-check-colour"), "no check is called 'colour'"),
        (("--echo", *SESSION, "--port", "70000"), "use 0 to 65535"),
        (("--echo", *SESSION, "--tls-key", "x.pem"), "need --tls-cert"),
        (("--echo", *SESSION, "--start-time", "09:00:00"), "needs --start-time and --end-time"),
        (("--echo", *SESSION, "--start-time", "09:00:00", "--end-time", "25:00:00"), "schedule: end was '25:00:00'"),
    ],
)
def test_acceptor_when_a_flag_is_wrong_it_says_which_and_exits_2(flags: tuple[str, ...], text: str) -> None:
    done = ringfence("fix", "acceptor", *flags)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr.decode()


def test_acceptor_when_the_port_is_in_use_it_says_so_and_exits_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ringfence("fix", "acceptor", "--echo", *SESSION, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert b"cannot listen on 127.0.0.1" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_acceptor_when_it_is_stopped_it_logs_out_and_exits_0(number: signal.Signals) -> None:
    acceptor = AcceptorProcess(*SESSION)
    assert acceptor.first_line == f"listening on 127.0.0.1:{acceptor.port}\n"
    with Counterparty(acceptor.port) as peer:
        peer.logon()
        acceptor.process.send_signal(number)
        peer.expect("5")
        peer.send("5")
        assert peer.ended() == b""
    assert acceptor.process.wait(WAIT_S) == 0
    acceptor.stop()


def test_acceptor_when_it_has_a_store_a_new_process_goes_on_with_its_numbers(tmp_path: Path) -> None:
    for seq in (1, 4):
        acceptor = AcceptorProcess(*SESSION, "--store", str(tmp_path / "stores"))
        with Counterparty(acceptor.port) as peer:
            assert int(peer.logon(seq=seq)[34]) == seq
            peer.send("D", *order(cl_ord_id=f"id{seq}"))
            assert int(peer.expect("D")[34]) == seq + 1
            peer.send("5")
            peer.expect("5")
            assert peer.ended() == b""
        assert acceptor.stop()[0] == 0
    assert [p.name for p in (tmp_path / "stores").iterdir()] == ["FIX.4.2-ISLD-TW42.store"]


def test_acceptor_when_json_is_asked_for_every_line_is_an_object() -> None:
    acceptor = AcceptorProcess(*SESSION, "--json")
    first = json.loads(acceptor.first_line)
    assert (first["event"], first["sessions"]) == ("listening", ["FIX.4.2:ISLD->TW42"])
    acceptor.process.send_signal(signal.SIGTERM)
    assert acceptor.process.wait(WAIT_S) == 0
    acceptor.stop()
