"""Each fact that is lost, doubled or changed on one side is found by the oracle, under the right invariant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringfence.core.replay import Replayer
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools import scenario
from ringfence.tools.scenario_engine import LIMITS
from ringfence.tools.simulation.oracle import Oracle, VenueTrade, Violation
from ringfence.tools.simulation.oracle_rules import BY_QUANTITY, FILLED_OR_KEEP, KEEP, TABLE, reference

HEAD = 64
ONE_ORDER = """\
{"intent": {"client_id": 1, "op": "new", "side": "buy", "qty": "100", "price": "1.00", "type": "limit", "tif": "day"}}
{"venue": "35=8|20=0|150=0|39=0|37=V1|11=@1|17=A1|14=0|151=100"}
{"venue": "35=8|20=0|150=1|39=1|37=V1|11=@1|17=E1|32=40|31=1.00|14=40|151=60"}
{"venue": "35=8|20=0|150=1|39=1|37=V1|11=@1|17=E2|32=10|31=0.99|14=50|151=50"}
{"intent": {"op": "replace", "target": 1, "qty": "80"}}
{"venue": "35=8|20=0|150=5|39=1|37=V1|11=@1.1|41=@1.0|17=A2|38=80|14=50|151=30"}
{"intent": {"op": "cancel", "target": 1}}
{"venue": "35=8|20=1|150=1|39=1|37=V1|11=@1.1|17=B1|19=E2|32=10|31=0.99|14=40|151=40"}
{"venue": "35=8|20=0|150=4|39=4|37=V1|11=@1.2|41=@1.1|17=A3|14=40|151=0"}
"""
Frames = list[bytes]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    path = tmp_path_factory.mktemp("oracle") / "one-order.ndjson"
    path.write_text(ONE_ORDER)
    result = scenario.run_file(path)
    assert result.ok, scenario.report(result)
    return list(result.journal)


def kind_of(frame: bytes) -> str:
    return ENUMS["FrameKind"].by_value[int(np.frombuffer(frame, dtype("FileFrame"), 1)[0]["kind"])]


def event_of(frame: bytes) -> Any:
    return np.frombuffer(frame, dtype("VenueEvent"), 1, HEAD)[0]


def fills(frames: Frames) -> list[int]:
    wanted = ENUMS["VenueEventKind"].by_name["FILL"]
    return [i for i, f in enumerate(frames) if kind_of(f) == "VENUE_EVENT" and int(event_of(f)["kind"]) == wanted]


def changed(frame: bytes, record: str, at: int, **values: Any) -> bytes:
    """The frame with other values in its head (``at`` 0) or its payload (``at`` HEAD)."""
    raw = bytearray(frame)
    row = np.frombuffer(raw, dtype(record), 1, at)
    for name, value in values.items():
        row[0][name] = value
    return bytes(raw)


def renumbered(frames: Frames) -> Frames:
    return [changed(f, "FileFrame", 0, seq=i) for i, f in enumerate(frames, 1)]


def judge(engine: Frames, journal: Frames) -> list[Violation]:
    """The engine takes one series of inputs, the oracle is told another."""
    oracle, replayer, found = Oracle(), Replayer(LIMITS), []
    for taken, told in zip(engine, journal, strict=True):
        replayer.apply(taken)
        oracle.frame(told[:HEAD], told[HEAD:])
        found += oracle.check_step(replayer.state)
    return found + oracle.check_all(replayer.state)


def invariants(found: list[Violation]) -> set[str]:
    return {v.invariant for v in found}


def nothing(frame: bytes) -> bytes:
    """A frame in its place that moves nothing: a timer."""
    head = changed(frame[:HEAD], "FileFrame", 0, kind=ENUMS["FrameKind"].by_name["TIMER"], payload_bytes=RECORDS["Timer"].size, source_position=0)
    return head + bytes(RECORDS["Timer"].size)


def test_oracle_when_nothing_is_changed_finds_nothing(frames: Frames) -> None:
    assert judge(frames, frames) == []


def test_oracle_when_a_fill_is_dropped_finds_i5_and_i6(frames: Frames) -> None:
    at = fills(frames)[0]
    engine = [*frames[:at], nothing(frames[at]), *frames[at + 1 :]]
    assert {"I4", "I6"} <= invariants(judge(engine, frames))


def test_oracle_when_a_fill_is_booked_twice_finds_i5_and_i6(frames: Frames) -> None:
    at = fills(frames)[1]
    twice = changed(frames[at], "VenueEvent", HEAD, exec_id=b"E9")
    engine = [*frames[: at + 1], twice, *frames[at + 1 :]]
    told = [*frames[: at + 1], frames[at], *frames[at + 1 :]]
    assert {"I5", "I6"} <= invariants(judge(renumbered(engine), renumbered(told)))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("last_qty", 41, "I5"), ("last_px", 101, "I5"), ("side", 2, "I6"), ("exec_id", b"E2", "I5")],
)
def test_oracle_when_a_fill_is_changed_finds_it(frames: Frames, field: str, value: Any, expected: str) -> None:
    at = fills(frames)[0]
    engine = [*frames[:at], changed(frames[at], "VenueEvent", HEAD, **{field: value}), *frames[at + 1 :]]
    found = judge(engine, frames)
    assert expected in invariants(found), found


def test_oracle_when_an_intent_is_taken_without_its_frame_finds_i2(frames: Frames) -> None:
    at = next(i for i, f in enumerate(frames) if kind_of(f) == "INTENT")
    told = [*frames[:at], nothing(frames[at]), *frames[at + 1 :]]
    assert "I2" in invariants(judge(frames, told))


def test_oracle_when_an_intent_gets_no_answer_finds_i2(frames: Frames) -> None:
    at = next(i for i, f in enumerate(frames) if kind_of(f) == "INTENT")
    engine = [*frames[:at], nothing(frames[at]), *frames[at + 1 :]]
    assert "I2" in invariants(judge(engine, frames))


def test_oracle_when_a_cancel_is_forgotten_finds_i8(frames: Frames) -> None:
    at = [i for i, f in enumerate(frames) if kind_of(f) == "INTENT"][2]
    engine = [*frames[:at], nothing(frames[at]), *frames[at + 1 :]]
    assert "I8" in invariants(judge(engine, frames))


def test_oracle_when_the_end_is_not_heard_finds_i3_and_i8(frames: Frames) -> None:
    found = judge([*frames[:-1], nothing(frames[-1])], frames)
    assert {"I3", "I8"} <= invariants(found)


# ---- the engine's tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "field", "change", "expected"),
    [
        ("orders", "leaves_qty", 7, "I9"),
        ("orders", "cum_qty", -1, "I4"),
        ("orders", "notional_lo", 1, "I5"),
        ("orders", "pending_count", 1, "I9"),
        ("orders", "px", 1, "I3"),
        ("positions", "net_qty", 1, "I6"),
        ("positions", "realized_lo", 1, "I7"),
        ("positions", "fills", 1, "I6"),
        ("engine", "denies", 1, "I2"),
        ("engine", "open_orders", 1, "I8"),
        ("engine", "restrictions", 32, "I13"),
    ],
)
def test_oracle_when_a_table_is_changed_names_the_invariant(frames: Frames, table: str, field: str, change: int, expected: str) -> None:
    oracle, replayer = Oracle(), Replayer(LIMITS)
    for f in frames:
        replayer.apply(f)
        oracle.frame(f[:HEAD], f[HEAD:])
    assert oracle.check_all(replayer.state) == []
    replayer.state.table(table)[1][field] += change
    assert expected in invariants(oracle.check_all(replayer.state))


def test_oracle_when_an_order_stays_unknown_without_a_break_finds_i14(make_unknown: Callable[[], tuple[Oracle, Replayer]]) -> None:
    oracle, replayer = make_unknown()
    assert oracle.check_all(replayer.state) == []
    replayer.state.table("orders")[1]["flags"] &= 255 - CONSTANTS["ORDER_UNKNOWN_REPORTED"][0]
    replayer.state.table("breaks")[1:]["kind"] = ENUMS["BreakKind"].by_name["STALE_REPORT"]
    assert "I14" in invariants(oracle.check_all(replayer.state))


@pytest.fixture
def make_unknown(tmp_path: Path) -> Callable[[], tuple[Oracle, Replayer]]:
    def make() -> tuple[Oracle, Replayer]:
        path = tmp_path / "unknown.ndjson"
        path.write_text(ONE_ORDER.splitlines()[0] + '\n{"session": "down"}\n{"clock_ms": 200000}\n')
        result = scenario.run_file(path)
        assert result.ok, scenario.report(result)
        oracle, replayer = Oracle(), Replayer(LIMITS)
        for f in result.journal:
            replayer.apply(f)
            oracle.frame(f[:HEAD], f[HEAD:])
        return oracle, replayer

    return make


# ---- the journal -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field, before, after", [("seq", 1, 3), ("engine_ns", 10, 9), ("instance_epoch", 2, 1), ("source_position", 1, 3), ("source_position", 2, 2)]
)
def test_oracle_when_the_journal_is_not_dense_finds_i10(frames: Frames, field: str, before: int, after: int) -> None:
    oracle = Oracle()
    base = changed(frames[-1], "FileFrame", 0, seq=1, engine_ns=10, instance_epoch=2, source=1, source_epoch=1, source_position=1)
    first = changed(base, "FileFrame", 0, **{field: before})
    second = changed(changed(base, "FileFrame", 0, seq=2, source_position=2), "FileFrame", 0, **{field: after})
    oracle.frame(first[:HEAD], first[HEAD:])
    oracle.frame(second[:HEAD], second[HEAD:])
    assert invariants(oracle.check_step(Replayer(LIMITS).state)) == {"I10"}


def test_oracle_when_the_engine_is_ahead_of_the_journal_finds_i10(frames: Frames) -> None:
    oracle, replayer = Oracle(), Replayer(LIMITS)
    for f in frames:
        replayer.apply(f)
    for f in frames[:-1]:
        oracle.frame(f[:HEAD], f[HEAD:])
    assert invariants(oracle.check_step(replayer.state)) == {"I10"}


def test_oracle_when_frames_are_lost_judges_by_what_is_left(frames: Frames) -> None:
    oracle, replayer = Oracle(), Replayer(LIMITS)
    for f in frames:
        oracle.frame(f[:HEAD], f[HEAD:])
    oracle.lost_frames(len(frames) - 3)
    for f in frames[:-3]:
        replayer.apply(f)
    assert oracle.check_all(replayer.state) == []


# ---- the wire ----------------------------------------------------------------------------------------------------------------


def at_venue(frames: Frames, *messages: bytes, halted: bool = False) -> list[Violation]:
    oracle, replayer = Oracle(), Replayer(LIMITS)
    told = frames
    if halted:
        first = next(i for i, f in enumerate(frames) if kind_of(f) == "INTENT")
        control = np.zeros(1, dtype("Control"))
        control["kind"] = ENUMS["ControlKind"].by_name["HALT"]
        halt = changed(frames[0], "FileFrame", 0, engine_ns=np.frombuffer(frames[first], dtype("FileFrame"), 1)[0]["engine_ns"])[:HEAD] + control.tobytes()
        told = renumbered([*frames[:first], halt, *frames[first:]])
    for f in told:
        replayer.apply(f)
        oracle.frame(f[:HEAD], f[HEAD:])
    for message in messages:
        oracle.wire(1, message)
    return oracle.check_step(replayer.state)


def order_message(frames: Frames, **other: str) -> bytes:
    cl_ord_id = str(event_of(frames[fills(frames)[0]])["cl_ord_id"].decode())
    values = {"35": "D", "11": cl_ord_id, "38": "100", "44": "1.00", "54": "1"} | {k.removeprefix("t"): v for k, v in other.items()}
    return b"\x01".join(f"{tag}={value}".encode() for tag, value in values.items())


def test_oracle_when_each_order_leaves_once_finds_nothing(frames: Frames) -> None:
    assert at_venue(frames, order_message(frames)) == []


def test_oracle_when_an_order_leaves_twice_finds_i1(frames: Frames) -> None:
    assert invariants(at_venue(frames, order_message(frames), order_message(frames))) == {"I1"}


@pytest.mark.parametrize("other", [{"t38": "101"}, {"t44": "1.01"}, {"t54": "2"}, {"t11": "RF990-0000001-00"}, {"t11": "whatever"}])
def test_oracle_when_an_order_is_not_what_was_asked_finds_i2(frames: Frames, other: dict[str, str]) -> None:
    assert invariants(at_venue(frames, order_message(frames, **other))) == {"I2"}


def test_oracle_when_an_order_leaves_though_trading_is_halted_finds_i2_and_no_order(frames: Frames) -> None:
    found = at_venue(frames, order_message(frames), halted=True)
    assert invariants(found) == {"I2"}, found


def test_oracle_when_a_crash_forgets_an_order_that_left_says_so_only_when_the_disk_should_have_it(frames: Frames) -> None:
    for forgive, expected in ((True, set()), (False, {"I2"})):
        oracle = Oracle()
        for f in frames:
            oracle.frame(f[:HEAD], f[HEAD:])
        oracle.wire(1, order_message(frames))
        first = next(i for i, f in enumerate(frames) if kind_of(f) == "INTENT")
        oracle.lost_frames(first, forgive=forgive)
        replayer = Replayer(LIMITS)
        for f in frames[:first]:
            replayer.apply(f)
        assert invariants(oracle.check_step(replayer.state)) == expected


# ---- the venue's truth -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        ([("E1", 40, 100)], set()),
        ([], {"I5", "I6"}),
        ([("E1", 40, 100), ("E3", 5, 100)], {"I5", "I6"}),
        ([("E1", 41, 100)], {"I5", "I6"}),
        ([("E1", 40, 101)], {"I5"}),
    ],
)
def test_oracle_when_the_venue_traded_something_else_finds_it(frames: Frames, trades: list[tuple[str, int, int]], expected: set[str]) -> None:
    oracle, replayer = Oracle(), Replayer(LIMITS)
    for f in frames:
        replayer.apply(f)
        oracle.frame(f[:HEAD], f[HEAD:])
    cl_ord_id = event_of(frames[fills(frames)[0]])["cl_ord_id"].decode()
    for exec_id, qty, px in trades:
        oracle.executed(1, VenueTrade(exec_id, cl_ord_id, 1, qty, px))
    oracle.executed(1, VenueTrade("E2", cl_ord_id, 1, 10, 99))
    oracle.busted(1, cl_ord_id, "E2")
    assert invariants(oracle.check_all(replayer.state, quiescent=True)) == expected


# ---- the rules as data -------------------------------------------------------------------------------------------------------


def test_oracle_table_when_held_against_the_engines_says_the_same() -> None:
    from ringfence.core import transitions

    names = {transitions.KEEP: KEEP, transitions.BY_QUANTITY: BY_QUANTITY, transitions.FILLED_OR_KEEP: FILLED_OR_KEEP}
    theirs: dict[str, dict[str, str]] = {}
    for row in transitions.ROWS:
        theirs.setdefault(row.event, {})[row.status] = names.get(row.result) or ENUMS["OrdStatus"].by_value[row.result]
    assert theirs == TABLE


def test_reference_when_text_is_written_by_the_engine_reads_it_back() -> None:
    from ringfence.core.clordid import encode_cl_ord_id

    for day, order, revision in ((0, 1, 0), (9497, 123456789, 1023), (32767, (1 << 35) - 1, 31)):
        assert reference(encode_cl_ord_id("XY", day, order, revision).encode(), b"XY") == (day, order, revision)
    assert reference(b"XY000-0000001-0w", b"XY") is None
