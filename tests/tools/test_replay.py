"""Replay from files alone: hashes hold, every damage has a place, table sizes come from the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools import cli, definitions, frames
from ringfence.tools.config import Config, parse
from ringfence.tools.errors import JournalCorrupt, JournalError
from ringfence.tools.journal import JournalReader
from ringfence.tools.journal_writer import JournalWriter
from ringfence.tools.replay import ReplayDiffers, replay
from ringfence.tools.segments import segment_path

KIND = ENUMS["FrameKind"].by_name
HEAD_BYTES = RECORDS["FileFrame"].size
SIZES = {"orders": 64, "executions": 64, "positions": 16, "breaks": 16}


def config(**sizes: int) -> Config:
    values = {
        "instance": {"name": "test", "data_dir": "data", "mode": "demo", "prefix": "T1"},
        "limits": {**SIZES, **sizes},
        "instrument": [
            {"symbol": "A", "base": "A", "quote": "B", "price_digits": 2, "qty_digits": 0, "tick": "0.01", "lot": "1", "qty_min": "1", "qty_max": "9"}
        ],
        "account": [{"name": "a", "currency": "B"}],
        "venue": [{"name": "v", "session": {"sender_comp_id": "S", "target_comp_id": "T", "host": "h", "port": 1}}],
        "route": [{"venue": "v", "account": "a"}],
    }
    return parse(values, Path("x.toml"))


class Author:
    """Writes a journal as an engine would: every frame is applied first, so that checkpoints hold the true hash."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.directory = directory
        self.replayer = Replayer(limits)
        self.frames = bytearray()

    def add(self, kind: str, payload: np.void) -> None:
        seq = self.replayer.seq + 1
        slot = np.zeros(1, dtype("JournalSlot"))
        head = np.zeros(1, dtype("Frame"))
        row = head[0]
        row["seq"], row["engine_ns"], row["kind"], row["payload_bytes"], row["instance_epoch"] = seq, 10**18 + seq, KIND[kind], payload.nbytes, 1
        raw = slot.view(np.uint8)
        raw[:64] = head.view(np.uint8)
        raw[64 : 64 + payload.nbytes] = np.frombuffer(payload.tobytes(), np.uint8)
        frame = frames.encode(slot)
        self.replayer.apply(frame)
        self.frames += frame

    def command(self, record: np.void) -> None:
        self.add("CONTROL", record)

    def timer(self, count: int = 1) -> None:
        for _ in range(count):
            self.add("TIMER", np.zeros(1, dtype("Timer"))[0])

    def checkpoint(self, state_hash: int | None = None) -> None:
        row = np.zeros(1, dtype("Checkpoint"))[0]
        row["state_hash"] = self.replayer.state_hash() if state_hash is None else state_hash
        if state_hash is None:
            self.add("CHECKPOINT", row)
            return
        right = self.replayer.state_hash()
        row["state_hash"] = right
        self.add("CHECKPOINT", row)
        at = len(self.frames) - HEAD_BYTES - row.nbytes
        wrong = bytearray(self.frames[at:])
        offset = HEAD_BYTES + RECORDS["Checkpoint"].offsets["state_hash"]
        wrong[offset : offset + 8] = state_hash.to_bytes(8, "little")
        wrong[4:8] = bytes(4)
        wrong[4:8] = frames.crc32c(wrong).to_bytes(4, "little")
        self.frames[at:] = wrong

    def write(self, segment_bytes: int = 4096) -> Path:
        with JournalWriter(self.directory, "test", segment_bytes=segment_bytes) as writer:
            at = 0
            while at < len(self.frames):
                at = writer.append(self.frames, at, len(self.frames))
            writer.sync()
        return self.directory


@pytest.fixture
def author(tmp_path: Path) -> Callable[..., Author]:
    """``author(orders=64)``: a journal that begins with START and the whole configuration."""

    def make(**sizes: int) -> Author:
        chosen = config(**sizes)
        made = Author(tmp_path / "journal", Limits(**{n: getattr(chosen.limits, n) for n in chosen.limits.__dataclass_fields__}))
        made.command(definitions.start(chosen, 1, 20260131))
        for record in definitions.changes(chosen, made.replayer.state.table, made.replayer.state.table("engine")[1]):
            made.command(record)
        return made

    return make


def test_replay_when_journal_is_good_gives_the_hash(author: Callable[..., Author]) -> None:
    a = author()
    a.timer(20)
    a.checkpoint()
    a.timer(20)
    a.checkpoint()
    seen: list[tuple[int, int]] = []
    result = replay(a.write(), progress=lambda *x: seen.append(x))
    assert (result.frames, result.seq, result.checkpoints_verified, result.torn) == (55, 55, 2, None)
    assert result.state_hash == a.replayer.state_hash()
    assert result.segments == len(seen) > 1
    assert seen[-1] == (55, 55)


def test_replay_when_directory_is_empty_is_an_empty_state(tmp_path: Path) -> None:
    JournalWriter(tmp_path / "j", "test", segment_bytes=4096).close()
    result = replay(tmp_path / "j")
    assert (result.frames, result.seq) == (0, 0)


def test_replay_when_any_byte_before_the_last_frame_is_flipped_names_the_place(author: Callable[..., Author]) -> None:
    a = author()
    a.timer(3)
    path = segment_path(a.write(segment_bytes=8192), 1)
    starts = [f.offset for f in JournalReader(a.directory).frames()]
    whole = bytearray(path.read_bytes())
    for at in range(starts[0], starts[-1], 7):
        whole[at] ^= 0x20
        path.write_bytes(whole)
        whole[at] ^= 0x20
        frame = max(k for k, s in enumerate(starts) if s <= at)
        with pytest.raises(JournalCorrupt) as e:
            replay(a.directory)
        assert (e.value.segment, e.value.offset, e.value.seq, e.value.exit_code) == (1, starts[frame], frame + 1, 7), at


def test_replay_when_last_frame_is_cut_anywhere_replays_the_rest(author: Callable[..., Author]) -> None:
    a = author()
    a.timer(2)
    before = a.replayer.state_hash()
    length = len(a.frames)
    a.timer()
    path = segment_path(a.write(segment_bytes=8192), 1)
    whole = path.read_bytes()
    start = len(whole.rstrip(b"\0"))
    begin = [f.offset for f in JournalReader(a.directory).frames()][-1]
    for cut in range(begin + 1, start):
        path.write_bytes(whole[:cut])
        result = replay(a.directory)
        assert result.torn is not None
        assert (result.torn.offset, result.torn.seq) == (begin, result.seq + 1)
        assert (result.state_hash, result.bytes) == (before, length)


def test_replay_when_a_checkpoint_differs_names_it(author: Callable[..., Author]) -> None:
    a = author()
    a.timer(2)
    a.checkpoint(state_hash=1234)
    a.timer(2)
    offsets = {int(f.head["seq"]): f.offset for f in JournalReader(a.write()).frames()}
    with pytest.raises(ReplayDiffers) as e:
        replay(a.directory)
    seq = len(offsets) - 2
    assert (e.value.seq, e.value.segment, e.value.exit_code) == (seq, 2, 7)
    assert e.value.offset == offsets[seq]
    assert f"{1234:016x}" in str(e.value)


def test_replay_when_tables_were_enlarged_later_takes_the_larger_sizes(author: Callable[..., Author], tmp_path: Path) -> None:
    a = author()
    a.timer(40)
    a.command(definitions.start(config(orders=256), 2, 20260201))
    a.timer(5)
    result = replay(a.write())
    assert result.replayer.state.limits.orders == 256
    assert result.seq == a.replayer.seq


def test_replay_when_journal_begins_without_start_says_so(tmp_path: Path) -> None:
    a = Author(tmp_path / "journal", Limits(**SIZES))
    a.timer(3)
    with pytest.raises(JournalError, match="does not begin with START"):
        replay(a.write())


def test_command_when_json_is_asked_for_prints_one_object(author: Callable[..., Author], capsys: pytest.CaptureFixture[str]) -> None:
    a = author()
    a.checkpoint()
    assert cli.main(["replay", str(a.write()), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema"], shown["frames"], shown["checkpoints_verified"], shown["torn"]) == ("rf.replay/1", 14, 1, None)
    assert shown["state_hash"] == f"{a.replayer.state_hash():016x}"


@pytest.mark.parametrize(
    ("table", "head", "count", "each"),
    [
        ("orders", "engine", "order_count", 1),
        ("scopes", "engine", "scope_count", 1),
        ("scopes", "engine", "scope_set_count", 4),
        ("proposals", "engine", "proposal_count", 1),
        ("operators", "engine", "operator_count", 1),
        ("executions", "ledger", "event_count", 2),
        ("lots", "ledger", "lot_count", 1),
    ],
)
def test_check_sizes_when_table_is_nearly_full_refuses_to_grow(author: Callable[..., Author], table: str, head: str, count: str, each: int) -> None:
    a = author()
    rows = int(getattr(a.replayer.state.limits, table))
    definitions.check_sizes(config(**{table: 2 * rows}), a.replayer.state.limits, a.replayer.state.table)
    a.replayer.state.table(head)[1][count] = each * rows
    with pytest.raises(definitions.ConfigError, match=rf"limits.{table} was {2 * rows}; allowed: {rows}: that table is nearly full"):
        definitions.check_sizes(config(**{table: 2 * rows}), a.replayer.state.limits, a.replayer.state.table)
