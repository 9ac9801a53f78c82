"""Killing the ledger's writer or its server at any moment loses nothing and books nothing twice."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_journal import Journal, random_journal

from ringfence.tools import ledger_verify
from ringfence.tools.errors import StoreAway
from ringfence.tools.ledger_cluster import PrivateCluster
from ringfence.tools.ledger_store import Batch, Store, open_store
from ringfence.tools.ledger_writer import LedgerWriter

Open = Callable[..., Store]
ROWS = 8  # of a batch: every few trades one
END_S = 60
POLL_S = 0.005
CRASHES = 3


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    made = random_journal(tmp_path_factory.mktemp("kill"), 11, 170)
    made.write()
    return made


def agrees(journal: Journal, store: Store) -> int:
    """That the store has the journal, each row once; how many batches it came in."""
    found = ledger_verify.verify(journal.directory, store)
    assert (found.differences, found.last_seq) == ([], journal.seq)
    return found.batches


def name_of(store: Store) -> str:
    return f"{store.url}#{store.schema}" if hasattr(store, "url") else store.where


def book(journal: Journal, where: str) -> None:
    """What a writer's process does; forked, so that it is there at once."""
    writer = LedgerWriter(journal.directory, open_store(where), rows=ROWS)
    writer.begin()
    writer.catch_up()
    os._exit(0)


def wait_for(store: Store, alive: Callable[[], bool], pause: Callable[[float], object], *, number: int = 1, seq: int = 0) -> None:
    """Wait for a batch, while the writer lives and without taking its core."""
    end = time.monotonic() + END_S
    while alive() and (len(heads := store.heads()) < number or heads[-1].last_seq < seq):
        assert time.monotonic() < end, f"nothing after {END_S} s"
        pause(POLL_S)


def batches(store: Store) -> int:
    return len(store.heads())


def test_writer_when_it_is_killed_at_random_moments_loses_and_doubles_nothing(store: Open, journal: Journal) -> None:
    random_moments, s = random.Random(12), store("kill")
    for _ in range(3):
        wanted = batches(s) + random_moments.randint(1, 6)
        process = multiprocessing.get_context("fork").Process(target=book, args=(journal, name_of(s)))
        process.start()
        try:
            wait_for(s, process.is_alive, process.join, number=wanted)
        finally:
            process.kill()
            process.join(END_S)
    writer = LedgerWriter(journal.directory, s, rows=ROWS)
    writer.begin()
    writer.catch_up()
    writer.close()
    assert agrees(journal, s) > 8


def test_writer_when_it_is_a_process_follows_until_it_is_asked_to_stop(journal: Journal, tmp_path: Path) -> None:
    s, spec = open_store(str(tmp_path / "process.db")), tmp_path / "spec.json"
    spec.write_text(json.dumps({"store": s.where, "journal_dir": str(journal.directory), "rows": ROWS}))
    process = subprocess.Popen([sys.executable, "-m", "ringfence.tools.ledger_writer", "--spec", spec], stderr=subprocess.PIPE, text=True)
    try:

        def pause(seconds: float) -> None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)

        wait_for(s, lambda: process.poll() is None, pause, seq=journal.states[-1][0])
        assert process.poll() is None, process.communicate()[1]
        process.terminate()
        said = process.communicate(timeout=END_S)[1]
        assert (process.returncode, "ended with exit code 0" in said) == (0, True), said
    finally:
        process.kill()
        process.wait(END_S)
    agrees(journal, s)
    s.close()


def test_writer_when_the_answer_to_a_commit_is_lost_asks_the_store_and_does_not_book_again(
    store: Open, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = store("lost")
    real, calls = s.append, iter(range(1000))

    def loses_answers(batch: Batch) -> None:
        at = next(calls)
        if at % 3 == 1:  # before it is there
            raise StoreAway("cut")
        real(batch)
        if at % 3 == 2:  # when it is there
            raise StoreAway("cut")

    monkeypatch.setattr(s, "append", loses_answers)
    monkeypatch.setattr("ringfence.tools.ledger_writer.AGAIN_S", (0.0, 0.0))
    writer = LedgerWriter(journal.directory, s, rows=ROWS)
    writer.catch_up()
    writer.close()
    assert next(calls) > batches(s) > 8
    assert agrees(journal, s) == batches(s)


@pytest.fixture
def crashing(cluster: PrivateCluster) -> Iterator[Callable[[], None]]:
    """Crash the server, as a kill of all its processes does, and start it again."""

    def crash() -> None:
        cluster.stop(signal.SIGQUIT)
        cluster.start()

    yield crash
    if not cluster.pid:
        cluster.start()


def test_writer_when_the_server_crashes_at_random_moments_goes_on_when_it_is_back_and_books_each_batch_once(
    cluster: PrivateCluster, crashing: Callable[[], None], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"{cluster.url}#crashed"
    s, reader = open_store(where), open_store(where)
    failed: list[BaseException] = []
    may, limit = threading.Condition(), 0  # batches up to this number may be sent, so that the journal is not over before the last crash
    real, random_moments = s.append, random.Random(13)

    def gated(batch: Batch) -> None:
        with may:
            may.wait_for(lambda: batch.head.number <= limit)
        real(batch)

    def let(number: int) -> None:
        nonlocal limit
        with may:
            limit = number
            may.notify_all()

    monkeypatch.setattr(s, "append", gated)
    monkeypatch.setattr("ringfence.tools.ledger_writer.AGAIN_S", (0.01, 0.05))
    writer = LedgerWriter(journal.directory, s, rows=ROWS)

    def write() -> None:
        try:
            writer.catch_up()
        except BaseException as e:
            failed.append(e)
            raise

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for crash in range(1, CRASHES + 1):
            let(4 * crash)
            wanted = random_moments.randint(4 * crash - 3, 4 * crash)
            wait_for(reader, thread.is_alive, thread.join, number=wanted)
            assert thread.is_alive(), failed
            crashing()
            reader.reconnect()
        let(10**9)
        thread.join(END_S)
        assert (failed, thread.is_alive(), writer.patience.attempts >= CRASHES - 1) == ([], False, True)
        assert agrees(journal, reader) > 4 * CRASHES
    finally:
        let(10**9)
        thread.join(END_S)
        writer.close()
        reader.clear()
        reader.close()
        s.close()
