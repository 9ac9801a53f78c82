"""The ledger's writer beside an instance and a store that come and go: what may be booked, when it is stored, how it ends."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ledger_journal import Journal, random_journal
from synthetic_instance import Synthetic

from ringfence.ipc import stop
from ringfence.ipc.errors import LayoutMismatch, RegionCorrupt, RegionMissing
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import ledger_verify, ledger_writer
from ringfence.tools.errors import StoreAway, StoreDiffers, StoreError
from ringfence.tools.ledger_cluster import USER
from ringfence.tools.ledger_store import Batch, Book, Head, Store, open_store
from ringfence.tools.ledger_writer import LedgerWriter, Patience, Told, follow

Open = Callable[..., Store]
ROWS = 8
END_S = 10


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = random_journal(tmp_path, 31, 60)
    made.write()
    return made


@pytest.fixture
def plain(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "plain.db"))


@pytest.fixture(autouse=True)
def not_waiting_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_writer, "PART_S", 0.0)


@pytest.fixture(autouse=True)
def not_stopping() -> Any:
    stop.clear()
    yield
    stop.clear()


def turns(writer: LedgerWriter) -> int:
    """Turns until there is nothing to do; where the store is then, without a finish."""
    while writer.turn():
        pass
    heads = writer.store.heads()
    return heads[-1].last_seq if heads else 0


def test_writer_when_only_frames_are_left_that_the_disk_does_not_have_stores_what_was_booked(synthetic: Synthetic, journal: Journal, plain: Store) -> None:
    mark = synthetic.from_sidecar.section("mark")[0]  # type: ignore[attr-defined]
    mark["position"] = durable = journal.states[5][0]
    writer = LedgerWriter(journal.directory, plain, instance=synthetic.name)
    assert turns(writer) == durable
    mark["position"] = journal.seq
    assert turns(writer) == journal.seq, "the mark is asked for each time"
    writer.close()


def test_writer_when_the_instance_is_dead_books_all_that_the_files_have(
    synthetic: Synthetic, journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = synthetic.from_sidecar.section("mark")[0]  # type: ignore[attr-defined]
    mark["position"] = durable = journal.states[5][0]
    writer = LedgerWriter(journal.directory, plain, instance=synthetic.name)
    monkeypatch.setattr(ledger_writer, "owner_alive", lambda _: False)
    assert turns(writer) == durable, "the sidecar alone is dead, and is started again"
    monkeypatch.setattr(ledger_writer, "list_regions", lambda _: [])
    assert turns(writer) == journal.seq
    writer.close()


def test_writer_when_the_sidecars_region_cannot_be_read_does_not_take_that_for_no_limit(
    journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OtherBuild:
        @staticmethod
        def attach(*_: object) -> None:
            raise LayoutMismatch("made by another build")

    monkeypatch.setattr(ledger_writer, "Segment", OtherBuild)
    writer = LedgerWriter(journal.directory, plain, instance="byhand")
    with pytest.raises(LayoutMismatch):
        turns(writer)
    writer.close()
    assert plain.heads() == []


def test_writer_when_the_sidecars_region_is_in_the_making_looks_again_for_some_seconds(journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    class InTheMaking:
        @staticmethod
        def attach(*_: object) -> None:
            looks.append(1)
            raise RegionMissing("gone") if len(looks) == 4 else RegionCorrupt("was never finished")

    monkeypatch.setattr(ledger_writer, "Segment", InTheMaking)
    stopped = LedgerWriter(journal.directory, plain, instance="byhand", patience=Patience(lambda _: True))
    assert (stopped.catch_up(), plain.heads()) == (0, []), "nobody knows yet what the disk has"
    stopped.close()
    writer = LedgerWriter(journal.directory, plain, instance="byhand", patience=Patience(lambda _: bool(plain.heads())))
    assert writer.catch_up() == journal.seq
    writer.close()

    looks.clear()
    monkeypatch.setattr(ledger_writer, "UNREADABLE_S", 0.0)
    again = LedgerWriter(random_journal(journal.data / "more", 31, 80).write(), plain, instance="byhand")
    with pytest.raises(RegionCorrupt):
        again.catch_up()
    again.close()


def test_writer_when_fills_trickle_stores_them_together_when_the_oldest_is_old_enough(journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(ledger_writer, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(ledger_writer, "PART_S", 1.0)
    monkeypatch.setattr("ringfence.tools.follow.PIECE_BYTES", 1 << 11)
    writer = LedgerWriter(journal.directory, plain)
    stored: dict[int, float] = {}
    for _ in range(15):
        assert writer.turn()
        stored.setdefault(writer.batches, clock[0])
        clock[0] += 0.4
    del stored[0]
    assert len(stored) > 2, "without an end of the trickle nothing was stored"
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(stored.values())), stored
    waiting = len(stored)
    assert (turns(writer) < journal.seq, writer.batches) == (True, waiting), "the last rows are young"
    clock[0] += 1.0
    assert (turns(writer), writer.batches) == (journal.seq, waiting + 1)
    writer.close()


def test_writer_when_the_store_goes_away_while_it_is_asked_what_it_has_asks_again(store: Open, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    s = store("asked")
    append, heads, calls = s.append, s.heads, iter(range(10**6))

    def loses_answers(batch: Batch) -> None:
        append(batch)
        if next(calls) % 4 == 0:
            raise StoreAway("cut")

    def loses_heads(after: int = 0) -> list[Head]:
        if next(calls) % 2:
            raise StoreAway("cut again")
        return heads(after)

    monkeypatch.setattr(s, "append", loses_answers)
    monkeypatch.setattr(s, "heads", loses_heads)
    monkeypatch.setattr(ledger_writer, "AGAIN_S", (0.0, 0.0))
    writer = LedgerWriter(journal.directory, s, rows=ROWS)
    assert writer.catch_up() == journal.seq
    writer.close()
    assert writer.patience.attempts > 3
    monkeypatch.undo()
    assert ledger_verify.verify(journal.directory, s).differences == []


def test_writer_when_a_commit_lands_after_the_store_was_asked_takes_it_for_done(store: Open, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    s, late = store("late"), store("late")
    append, heads = s.append, s.heads
    under_way: list[Batch] = []

    def breaks(batch: Batch) -> None:
        if batch.head.number == 3 and not under_way:
            under_way.append(batch)
            raise StoreAway("cut in COMMIT")
        append(batch)

    def asked(after: int = 0) -> list[Head]:
        found = heads(after)
        if under_way and after == 2 and not found:
            late.prepare(Book("byhand", 18))
            late.append(under_way[0])  # by the server, which had not seen that the connection is gone
        return found

    monkeypatch.setattr(s, "append", breaks)
    monkeypatch.setattr(s, "heads", asked)
    monkeypatch.setattr(ledger_writer, "AGAIN_S", (0.0, 0.0))
    writer = LedgerWriter(journal.directory, s, rows=ROWS)
    assert writer.catch_up() == journal.seq
    writer.close()
    assert under_way
    monkeypatch.undo()
    assert ledger_verify.verify(journal.directory, s).differences == []


def test_writer_when_the_store_opens_but_cannot_be_written_waits_longer_each_time_and_says_it_once(
    journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []

    def full(_: Batch) -> None:
        raise StoreAway("disk is full" if len(waits) < 8 else "readonly database")

    monkeypatch.setattr(plain, "append", full)
    writer = LedgerWriter(journal.directory, plain, patience=Patience(lambda s: waits.append(s) or len(waits) > 10))
    with pytest.raises(StoreAway, match="asked to stop"):
        writer.catch_up()
    writer.close()
    assert waits == [min(0.05 * 2**n, 2.0) for n in range(11)]
    assert [r.getMessage() for r in caplog.records] == ["disk is full; trying again", "readonly database; trying again"]


def test_follow_when_the_journal_lost_its_end_says_so_instead_of_waiting(journal: Journal, plain: Store, tmp_path: Path) -> None:
    writer = LedgerWriter(journal.directory, plain)
    writer.catch_up()
    writer.close()
    shorter = random_journal(tmp_path / "shorter", 31, 50)
    (tmp_path / "none").mkdir()
    for directory in (shorter.write(), tmp_path / "none"):
        late = LedgerWriter(directory, plain)
        with pytest.raises(StoreDiffers, match="lost its end"):
            follow(late)
        late.close()


def test_follow_when_asked_to_stop_books_what_is_there_and_ends(journal: Journal, plain: Store) -> None:
    looks: list[int] = []
    writer = LedgerWriter(journal.directory, plain, rows=ROWS)

    def look(w: LedgerWriter) -> None:
        looks.append(w.batches)
        stop.request()

    assert follow(writer, look) == 0
    writer.close()
    assert len(looks) > 3
    assert plain.heads()[-1].last_seq == journal.seq


def test_follow_when_asked_to_stop_while_it_compares_ends_at_once(journal: Journal, plain: Store) -> None:
    first = LedgerWriter(journal.directory, plain, rows=ROWS)
    first.catch_up()
    first.close()
    stop.request()
    again = LedgerWriter(journal.directory, plain, rows=ROWS)
    assert follow(again) == 0
    assert again.expected, "it went through all batches"
    again.close()


def test_writer_when_asked_to_stop_while_the_store_is_away_says_where_it_goes_on(journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Batch) -> None:
        raise StoreAway("away")

    monkeypatch.setattr(plain, "append", away)
    writer = LedgerWriter(journal.directory, plain, patience=Patience(lambda _: True))
    with pytest.raises(StoreAway, match="the next start goes on behind its last batch"):
        writer.catch_up()
    writer.close()


def test_close_when_the_store_is_away_does_not_wait_for_it(journal: Journal, plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    trying = threading.Event()

    def away(_: Batch) -> None:
        trying.set()
        raise StoreAway("away")

    monkeypatch.setattr(plain, "append", away)
    writer = LedgerWriter(journal.directory, plain, rows=ROWS)
    while not writer.batches:
        writer.turn()
    assert trying.wait(END_S)
    closing = threading.Thread(target=writer.close)
    closing.start()
    closing.join(END_S)
    hangs = closing.is_alive()
    monkeypatch.undo()  # lets the sender end also where close waits for it
    closing.join()
    assert not hangs, "what ended the writer would be logged when the store is back"


def test_told_when_the_store_is_away_says_so_and_beats(journal: Journal, plain: Store) -> None:
    name = f"t{os.getpid()}told"
    patience = Patience(lambda _: False)
    told = Told(name, 1, patience)
    seen: list[tuple[str, int, bool]] = []

    def look() -> None:
        with Segment.attach(name, "metrics.ledger") as region:
            block = region.superblock
            state, beat = ENUMS["ProcessState"].by_value[int(block["process_state"])], int(block["heartbeat_ns"])
        seen.append((state, told.metrics.counters()["store_away"], beat > beats[-1]))
        beats.append(beat)

    def attempt() -> int:
        look()
        if len(seen) % 3:
            raise StoreAway("away")
        return 0

    beats = [0]
    try:
        patience.insist(attempt)
        told.look(LedgerWriter(journal.directory, plain, patience=patience))
        patience.insist(attempt)
        told.tell()
        look()
    finally:
        told.close()
        told.metrics.segment.unlink()
    assert seen == [
        *(("STARTING", n, True) for n in range(3)),
        *(("RUNNING", 2, True), ("RECOVERING", 3, True), ("RECOVERING", 4, True), ("RUNNING", 4, True)),
    ]


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ("/postgres?", "/nowhere?", 'database "nowhere" does not exist'),
        (f"{USER}@", "nobody@", 'role "nobody" does not exist'),
        ("?", "?kepalives=1&", "kepalives"),
    ],
)
def test_postgres_when_waiting_would_not_help_ends_at_once_and_says_why(cluster: Any, here: str, there: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        open_store(cluster.url.replace(here, there))
    assert not isinstance(caught.value, StoreAway)


def test_postgres_when_the_link_may_die_has_bounds_that_the_url_may_change(cluster: Any) -> None:
    for url, bound in ((cluster.url, "30000"), (f"{cluster.url}&tcp_user_timeout=2000", "2000")):
        s = open_store(url)
        told = s.connection.info.get_parameters()  # type: ignore[attr-defined]
        s.close()
        assert (told["tcp_user_timeout"], told["keepalives_idle"], told["connect_timeout"]) == (bound, "10", "10")


def test_postgres_when_nobody_listens_is_away(tmp_path: Path) -> None:
    with pytest.raises(StoreAway):
        open_store(f"postgresql://rf@/postgres?host={tmp_path}")


def test_sqlite_when_there_is_no_such_directory_ends_at_once_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no directory") as caught:
        open_store(str(tmp_path / "nowhere" / "ledger.db"))
    assert not isinstance(caught.value, StoreAway)


def test_clear_when_others_have_the_store_open_leaves_it_in_place(store: Open, journal: Journal) -> None:
    s, reader = store("cleared"), store("cleared")
    writer = LedgerWriter(journal.directory, s, rows=ROWS)
    writer.catch_up()
    writer.close()
    assert reader.heads()
    s.clear()
    assert (reader.book(), reader.heads()) == (None, [])
    again = LedgerWriter(journal.directory, s, rows=ROWS)
    again.catch_up()
    again.close()
    assert reader.heads() == s.heads() != []
    assert ledger_verify.verify(journal.directory, reader).differences == []


def test_clear_when_the_store_is_somebody_elses_refuses(store: Open, home: Any) -> None:
    s = store("foreign")
    home.foreign(s)
    with pytest.raises(StoreError, match="no ledger of ours"):
        s.clear()


def test_postgres_clear_when_people_are_members_of_its_roles_keeps_them(cluster: Any, journal: Journal) -> None:
    s = open_store(f"{cluster.url}#kept_roles")
    LedgerWriter(journal.directory, s).begin()
    s.clear()
    try:
        assert s.query("SELECT count(*) AS n FROM pg_roles WHERE rolname IN ('kept_roles_writer', 'kept_roles_reader')") == [{"n": 2}]
    finally:
        s.close()


def test_query_when_a_table_or_column_is_missing_says_that_the_store_is_of_another_version(store: Open, journal: Journal) -> None:
    s = store("version")
    writer = LedgerWriter(journal.directory, s)
    writer.catch_up()
    writer.close()
    for sql in ("SELECT * FROM nowhere", "SELECT colour FROM postings"):
        with pytest.raises(StoreDiffers, match="ringfence ledger rebuild"):
            s.query(sql)
    with pytest.raises(StoreError, match="syntax error") as caught:
        s.query("SELECT SELECT")
    assert not isinstance(caught.value, (StoreAway, StoreDiffers)), "trying again would not help"


def test_sqlite_when_its_tables_are_others_or_its_file_is_damaged_says_which(journal: Journal, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with sqlite3.connect(old) as c:
        c.execute("CREATE TABLE book (instance, other)")
    c.close()
    store = open_store(str(old))
    with pytest.raises(StoreDiffers, match="rebuild"):
        store.book()
    store.close()

    good, bad = open_store(str(tmp_path / "good.db")), tmp_path / "bad.db"
    writer = LedgerWriter(journal.directory, good)
    writer.catch_up()
    writer.close()
    good.query("PRAGMA wal_checkpoint(TRUNCATE)")
    good.close()
    shutil.copy(tmp_path / "good.db", bad)
    raw = bytearray(bad.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    bad.write_bytes(raw)
    with pytest.raises(StoreError, match="damaged") as caught:
        open_store(str(bad))
    assert not isinstance(caught.value, (StoreAway, StoreDiffers))
