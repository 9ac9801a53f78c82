"""The message store through crashes: every cut and every flipped byte of the last record, SIGKILL while it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.errors import GatewayError, StoreCorrupt
from ringfence.gateways.fix.store import MessageStore

APP, ORDER, OUT_OF_BAND = 2, 3, 5
NEXT_OUT_AT, NEXT_IN_AT, MARK_AT, KILL_AT = 256, 320, 384, 640
KILL_ON, KILL_EACH = 1 << 32, 1 << 33


def filled(path: Path, messages: list[bytes]) -> tuple[int, int]:
    """Make a store with these messages; return where its last record begins and ends."""
    store = MessageStore(path, "me")
    begin = end = store.tail
    for i, message in enumerate(messages, 1):
        begin = store.tail
        store.append(message, ORDER, 100 + i)
        end = store.tail
    store.set_next_in(77)
    store.close()
    return begin, end


def test_store_when_opened_again_has_everything(tmp_path: Path) -> None:
    filled(tmp_path / "s", [b"one", b"two" * 100])
    store = MessageStore(tmp_path / "s", "me", 20260102)
    assert (store.next_out, store.next_in, store.mark, store.identity) == (3, 77, 102, "me")
    assert (store.find(1), store.find(2)) == ((b"one", ORDER, 101), (b"two" * 100, ORDER, 102))
    assert (store.find(0), store.find(3)) == (None, None)
    assert store.recovered == ""
    store.close()


def test_store_when_opened_again_knows_the_last_new_order_that_it_held(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    assert store.last_order == ""
    for kind, text in ((ORDER, b"8=FIX.4.2\x0135=D\x0111=RF9A1-000000J-00\x0138=5\x01"), (APP, b"8=FIX.4.2\x0135=F\x0111=RF9A1-000000K-01\x01")):
        store.append(text, kind, 7)
    store.close()
    store = MessageStore(tmp_path / "s", "me")
    assert store.last_order == "RF9A1-000000J-00"
    store.close()


def test_store_when_last_record_is_cut_or_damaged_at_any_byte_loses_only_it(tmp_path: Path) -> None:
    path = tmp_path / "s"
    begin, end = filled(path, [b"first message", b"the last message"])
    good = path.read_bytes()
    for at in range(begin, end):
        for damage in ("flip", "zero the rest"):
            data = bytearray(good)
            if damage == "flip":
                data[at] ^= 0x55
            else:
                data[at:end] = bytes(end - at)
            if data == good:
                continue
            path.write_bytes(data)
            store = MessageStore(path, "me")
            padding = at >= begin + 32 + len(b"the last message")
            assert store.find(1) == (b"first message", ORDER, 101), f"{damage} at {at}"
            assert store.find(2) in ((None, (b"the last message", ORDER, 102)) if padding else (None,)), f"{damage} at {at}"
            assert (store.next_out, store.mark, store.next_in) == (3, 102, 77), "a number that may have been on the wire was given back"
            store.append(b"after")
            store.close()
            again = MessageStore(path, "me")
            assert again.find(3) == (b"after", APP, 0)
            again.close()


def test_store_when_process_died_before_the_header_was_told_record_counts(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled(path, [b"a"])
    before = path.read_bytes()[:4096]
    store = MessageStore(path, "me")
    store.append(b"b", ORDER, 500)
    store.close()
    path.write_bytes(before + path.read_bytes()[4096:])
    store = MessageStore(path, "me")
    assert (store.next_out, store.mark, store.find(2)) == (3, 500, (b"b", ORDER, 500))
    store.close()


def test_store_when_an_earlier_record_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    begin, _ = filled(path, [b"one" * 5, b"two" * 5, b"three" * 5])
    good = path.read_bytes()
    for at in range(4096, begin):
        data = bytearray(good)
        data[at] ^= 0xFF
        path.write_bytes(data)
        try:
            store = MessageStore(path, "me")
        except StoreCorrupt as error:
            assert "whole one follows" in str(error)
            continue
        assert all(store.find(i) == (text * 5, ORDER, 100 + i) for i, text in ((1, b"one"), (2, b"two"), (3, b"three"))), f"byte {at} passed unseen"
        store.close()


@pytest.mark.parametrize("at", [NEXT_OUT_AT, NEXT_IN_AT, MARK_AT, KILL_AT, NEXT_OUT_AT + 3, NEXT_IN_AT + 7])
def test_store_when_a_sequence_number_is_damaged_is_refused(tmp_path: Path, at: int) -> None:
    path = tmp_path / "s"
    filled(path, [b"one"])
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt, match="in the header is damaged"):
        MessageStore(path, "me")


def kill(number: int, row: int, flags: int = KILL_ON | KILL_EACH) -> int:
    return number << 34 | flags | row


def test_store_when_a_kill_cancels_keeps_how_far_and_leaves_the_mark(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    assert store.kill == (0, False, False, 0)
    store.append(b"order", ORDER, 9)
    store.append(b"cancel", OUT_OF_BAND, kill(3, 17))
    store.append(b"cancel", OUT_OF_BAND, kill(3, 40))
    assert (store.kill, store.mark) == ((3, True, True, 40), 9)
    store.close()
    store = MessageStore(tmp_path / "s", "me")
    assert (store.kill, store.mark, store.next_out) == ((3, True, True, 40), 9, 4)
    store.reset(1, 1, 5)
    assert store.kill == (4, True, True, 0), "nobody asks for its cancels any more: they are sent anew, under other ClOrdIDs"
    store.forget_unpersisted()
    assert store.kill == (68, True, True, 0), "rounds that a lost host may have begun are passed over"
    store.close()


@pytest.mark.parametrize(("header", "found"), [(kill(3, 17), 40), (kill(3, 0), 40), (kill(4, 0), 0), (kill(3, 5, KILL_ON), 5), (kill(3, 41), 41)])
def test_store_when_process_died_before_the_header_was_told_the_cancel_counts_for_its_own_kill(tmp_path: Path, header: int, found: int) -> None:
    path = tmp_path / "s"
    store = MessageStore(path, "me")
    store.append(b"cancel", OUT_OF_BAND, kill(3, 40))
    store.close()
    data = bytearray(path.read_bytes())
    data[KILL_AT : KILL_AT + 8] = word(header).to_bytes(8, "little")
    path.write_bytes(data)
    store = MessageStore(path, "me")
    assert store.kill[3] == found
    store.close()


def word(value: int) -> int:
    """A header word: 48 bits of value, 16 of check."""
    return value | ((((value * 0x9E3779B97F4A7C15) & (2**64 - 1)) >> 48) ^ 0x5AA5) << 48


def test_store_when_it_is_of_a_version_without_kills_was_never_killed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled(path, [b"one"])
    data = bytearray(path.read_bytes())
    data[KILL_AT : KILL_AT + 8] = bytes(8)
    path.write_bytes(data)
    store = MessageStore(path, "me")
    assert store.kill == (0, False, False, 0)
    store.close()


def test_store_when_it_is_something_else_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "s", [])
    with pytest.raises(StoreCorrupt, match="belongs to me, not to you"):
        MessageStore(tmp_path / "s", "you")
    (tmp_path / "other").write_bytes(b"hello" * 1000)
    with pytest.raises(StoreCorrupt, match="not a session store"):
        MessageStore(tmp_path / "other", "me")


def test_store_when_open_twice_second_is_refused(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    with pytest.raises(GatewayError, match="in use"):
        MessageStore(tmp_path / "s", "me")
    store.close()
    MessageStore(tmp_path / "s", "me").close()


def test_store_when_closed_says_so(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s", "me")
    store.close()
    store.close()
    for call in (lambda: store.append(b"x"), lambda: store.find(1), lambda: store.set_next_in(2), store.reset):
        with pytest.raises(GatewayError, match="closed"):
            call()


def test_store_when_it_grows_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = MessageStore(path, "me")
    for i in range(1, 201):
        store.append(bytes([i]) * 60000)
    store.close()
    store = MessageStore(path, "me")
    assert path.stat().st_size > 12_000_000
    assert all(store.find(i) == (bytes([i]) * 60000, APP, 0) for i in range(1, 201))
    store.close()


def test_store_when_reset_numbers_start_anew_and_the_mark_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled(path, [b"one", b"two"])
    store = MessageStore(path, "me")
    store.reset()
    assert (store.next_out, store.next_in, store.mark, store.find(1)) == (1, 1, 102, None)
    store.append(b"new")
    store.close()
    store = MessageStore(path, "me")
    assert (store.next_out, store.next_in, store.mark, store.find(1)) == (2, 1, 102, (b"new", APP, 0))
    store.close()


def test_store_when_reset_remembers_when(tmp_path: Path) -> None:
    store = MessageStore(tmp_path / "s")
    assert store.reset_ns > 0, "a new file's numbers begin when it is made"
    store.reset(1, 1, 1_700_000_000_123_000_000)
    store.append(b"a")
    store.close()
    again = MessageStore(tmp_path / "s")
    assert again.reset_ns == 1_700_000_000_123_000_000
    again.close()


def test_store_when_process_died_inside_a_reset_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled(path, [b"one", b"two"])
    before = path.read_bytes()[:4096]
    store = MessageStore(path, "me")
    store.reset()
    store.close()
    path.write_bytes(before + path.read_bytes()[4096:])
    store = MessageStore(path, "me")
    assert (store.next_out, store.next_in, store.mark, store.find(1)) == (1, 1, 102, None)
    store.set_next_in(5)
    store.close()
    store = MessageStore(path, "me")
    assert store.next_in == 5, "the reset was repeated"
    store.close()


WRITER = """
import sys
from ringfence.gateways.fix.store import MessageStore
store = MessageStore(sys.argv[1], "me")
sys.stdout.write("ready\\n"); sys.stdout.flush()
seq = store.next_out
while True:
    store.append(b"%d:" % seq * (seq % 50 + 1), 3, seq)
    store.set_next_in(seq)
    seq += 1
"""


def test_store_when_writer_is_killed_at_any_time_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "s"
    root = Path(__file__).resolve().parents[3]
    last = 1
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root / "src")})
        assert child.stdout is not None
        child.stdout.readline()
        with path.open("rb") as view:
            start = os.pread(view.fileno(), 8, NEXT_OUT_AT)
            while os.pread(view.fileno(), 8, NEXT_OUT_AT) == start:
                pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        store = MessageStore(path, "me")
        assert store.next_out > last
        assert store.next_in in (store.next_out - 1, store.next_out - 2)
        assert store.mark == store.next_out - 1
        for seq in {last, store.next_out // 2, store.next_out - 1}:
            assert store.find(seq) == (b"%d:" % seq * (seq % 50 + 1), ORDER, seq)
        last = store.next_out
        store.close()


operation = st.one_of(
    st.tuples(st.just("append"), st.binary(max_size=300), st.integers(0, 1000)),
    st.tuples(st.just("next_in"), st.integers(1, 2**40), st.just(0)),
    st.tuples(st.just("reset"), st.just(1), st.just(0)),
    st.tuples(st.just("reopen"), st.just(0), st.just(0)),
)


@settings(deadline=None, max_examples=60)
@given(operations=st.lists(operation, max_size=40))
def test_store_when_used_in_any_order_equals_a_dict(operations: list[tuple[str, object, int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("store") / "s"
    store = MessageStore(path, "me")
    sent: dict[int, tuple[object, int, int]] = {}
    next_out = next_in = 1
    mark = 0
    for what, value, output_seq in operations:
        if what == "append":
            store.append(value, APP, output_seq)  # type: ignore[arg-type]
            sent[next_out] = (value, APP, output_seq)
            next_out, mark = next_out + 1, max(mark, output_seq)
        elif what == "next_in":
            store.set_next_in(value)  # type: ignore[arg-type]
            next_in = value  # type: ignore[assignment]
        elif what == "reset":
            store.reset()
            sent, next_out, next_in = {}, 1, 1
        else:
            store.close()
            store = MessageStore(path, "me")
        assert (store.next_out, store.next_in, store.mark) == (next_out, next_in, mark)
        assert {i: store.find(i) for i in range(next_out + 1)} == {i: sent.get(i) for i in range(next_out + 1)}
    store.close()
