"""Tables, their sizes and the hash over them."""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ringfence.core.errors import CoreError
from ringfence.core.state import Limits, State, state_sections
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.ipc.segment import Segment

Machine = Any
SMALL = Limits(**{**dict.fromkeys(Limits.__dataclass_fields__, 4), "executions": 8, "positions": 3, "venues": 2})
SECTIONS = {name: record for name, record, _ in state_sections(SMALL) if not name.startswith("by_")}  # indexes follow from the rows
SHORT = {"engine", "instruments", "accounts", "venues", "strategies", "routes", "brokers", "desks", "currencies", "permissions", "operators"}
SHORT |= {"ledger", "ledger_instruments", "calendars", "margin_rates", "parameters"}  # whole in every window
SINGULAR = {"currencies": "currency", "strategies": "strategy", "cash": "cash", "calendars": "currency"}  # a calendar is in its currency's row
ENGINE_COUNTS = {name: f"{SINGULAR.get(name, name[:-1])}_count" for name in SECTIONS if not name.startswith("l") and name != "engine"}
LEDGER_COUNTS = {
    "ledger_positions": "position_count",
    "lots": "lot_count",
    "ledger_events": "event_count",
    "ledger_picks": "pick_count",
    "ledger_checkpoints": "checkpoint_count",
}
COUNTS = {"EngineStatus": ENGINE_COUNTS, "LedgerHead": LEDGER_COUNTS}
KEPT_OUT = {"ledger": range(RECORDS["LedgerHead"].offsets["position_count"])}  # the sizes of its tables: state of another size is the same state
TABLES = ["engine", "instruments", "accounts", "venues", "strategies", "routes", "orders", "executions", "positions", "breaks"]


def busy(make_machine: Callable[..., Machine], **limits: int) -> Machine:
    m = make_machine(Limits(**limits)) if limits else make_machine()
    m.new(1)
    m.fill(100)
    m.fill(100, exec_id="E2", cum_qty=900)
    return m


def test_hash_when_the_tables_are_larger_is_the_same(make_machine: Callable[..., Machine]) -> None:
    assert busy(make_machine).replayer.state_hash() == busy(make_machine, orders=5000, executions=300, positions=99).replayer.state_hash()


def full() -> State:
    """Every row of every table in use; no two rows are alike."""
    state = State.in_memory(SMALL)
    used = {name: rows - 1 for name, _, rows in state_sections(SMALL)}
    for name, record in SECTIONS.items():
        if name not in ("engine", "ledger"):
            rows = state.table(name)[1:].view("u1").reshape(used[name], RECORDS[record].size)
            rows[:] = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 256, rows.shape, "u1")
    head = state.table("ledger")
    for row, fields in ((state.table("engine")[1], ENGINE_COUNTS), (head[1], LEDGER_COUNTS)):
        for table, field in fields.items():
            row[field] = used[table]
    assert {name: state.used_rows(name) for name in SECTIONS} == {name: used[name] for name in SECTIONS}, "not every table is full"
    return state


@pytest.mark.parametrize("name", SECTIONS)
def test_hash_when_any_byte_of_a_used_row_changes_it_differs(name: str) -> None:
    """Of the whole state, and of exactly the windows that the row is in: those that the loop takes in turn cover every row."""
    state = full()
    longest = max(state.used_rows(table) for table in SECTIONS)
    windows = [(1, 1 << 62), *((first, 2) for first in range(1, longest + 1, 2))]
    before = [state.window_hash(*window) for window in windows]
    assert before[0] == state.state_hash()
    size = RECORDS[SECTIONS[name]].size
    kept = KEPT_OUT.get(name, range(0))
    counts = {
        RECORDS[record].offsets[field] + k for record, fields in COUNTS.items() if SECTIONS[name] == record for field in fields.values() for k in range(8)
    }
    for row, at in itertools.product({1, state.used_rows(name)}, range(size)):
        if at in counts:
            continue  # another test's
        byte = state.table(name).view("u1").reshape(-1, size)
        byte[row, at] ^= 1
        differs = [state.window_hash(*window) != b for window, b in zip(windows, before, strict=True)]
        byte[row, at] ^= 1
        inside = [name in SHORT or first <= row < first + count for first, count in windows]
        assert differs == ([False] * len(windows) if at in kept else inside), f"{name} row {row} byte {at}"
    assert [state.window_hash(*window) for window in windows] == before


@pytest.mark.parametrize(("record", "field"), [(record, field) for record, fields in COUNTS.items() for field in fields.values()])
def test_hash_when_a_count_changes_it_differs(record: str, field: str) -> None:
    state = full()
    before = state.state_hash()
    state.table("engine" if record == "EngineStatus" else "ledger")[1][field] -= 1
    assert state.state_hash() != before


def test_hash_when_an_unused_row_changes_it_stays(make_machine: Callable[..., Machine]) -> None:
    m = busy(make_machine)
    before = m.replayer.state_hash()
    m.table("orders")[2:]["px"] = 5
    m.table("orders")[0]["px"] = 5
    assert m.replayer.state_hash() == before


def test_hash_when_rows_change_places_it_differs(make_machine: Callable[..., Machine]) -> None:
    m = busy(make_machine)
    before = m.replayer.state_hash()
    rows = m.table("executions")
    rows[1:3] = rows[1:3][::-1].copy()
    assert m.replayer.state_hash() != before


@pytest.mark.parametrize("name", TABLES)
def test_table_when_viewed_has_the_schemas_rows(name: str) -> None:
    record, rows = next((r, n) for s, r, n in state_sections(SMALL) if s == name)
    view = State.in_memory(SMALL).table(name)
    assert (view.dtype.itemsize, len(view)) == (RECORDS[record].size, rows)
    assert not view.view("u1").any()


def test_table_when_the_state_is_dropped_the_view_keeps_it() -> None:
    view = State.in_memory(SMALL).table("orders")
    view["px"] = 7
    assert (view["px"] == 7).all()


def test_table_when_there_is_none_of_that_name_raises() -> None:
    with pytest.raises(CoreError, match="no table 'heaps'"):
        State.in_memory(SMALL).table("heaps")


@pytest.mark.parametrize(("field", "value"), [("orders", 0), ("venues", 65), ("strategies", 257), ("accounts", 65535), ("executions", -1)])
def test_limits_when_a_figure_cannot_be_raise_with_its_name(field: str, value: int) -> None:
    with pytest.raises(CoreError, match=f"limits.{field}"):
        Limits(**{field: value})


def test_sections_when_made_indexes_are_at_most_half_full() -> None:
    rows = {name: n for name, _, n in state_sections(Limits())}
    for index, table in (("by_client_id", "orders"), ("by_execution", "executions"), ("by_position", "positions"), ("by_venue_order_id", "orders")):
        assert rows[index] >= 2 * rows[table]
        assert rows[index] & (rows[index] - 1) == 0


@pytest.fixture
def segment() -> Any:
    sections = state_sections(SMALL)
    made = Segment.create(f"t{os.getpid()}state", "state", sections, role=ENUMS["Role"].by_name["ENGINE"], epoch=1, lock=False)
    yield made
    made.unlink()


def test_in_segment_when_opened_the_tables_are_the_regions_own(segment: Segment) -> None:
    state = State.in_segment(segment)
    assert state.limits == SMALL
    state.table("orders")[1]["px"] = 42
    assert int(segment.section("orders")[1]["px"]) == 42


def test_in_segment_when_a_section_is_missing_raises() -> None:
    sections = [s for s in state_sections(SMALL) if s[0] != "positions"]
    made = Segment.create(f"t{os.getpid()}less", "state", sections, role=ENUMS["Role"].by_name["ENGINE"], epoch=1, lock=False)
    try:
        with pytest.raises(CoreError, match="positions"):
            State.in_segment(made)
    finally:
        made.unlink()


def test_take_queue_when_commands_wait_returns_them_once(make_machine: Callable[..., Machine]) -> None:
    m = make_machine()
    m.new(1)
    assert [int(c["output_seq"]) for c in m.commands] == [1]
    assert len(m.replayer.state.take_queue(1)) == 0


@pytest.mark.parametrize("row", [0, 3])
def test_open_queue_when_the_row_cannot_be_raises(row: int) -> None:
    with pytest.raises(CoreError, match="outside 1 to 2"):
        State.in_memory(SMALL).open_queue(row)


def test_state_when_empty_has_a_hash_that_does_not_depend_on_addresses() -> None:
    assert State.in_memory(SMALL).state_hash() == State.in_memory(Limits()).state_hash()
    assert np.uint64(State.in_memory(SMALL).state_hash()) != 0
