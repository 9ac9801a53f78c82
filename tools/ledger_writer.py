"""The ledger writer: books what the journal has into a store, in batches, each exactly once.

    DATA/journal ──JournalFollower──▶ Books ──Batch──▶ Store.append: one transaction with the journal position

    $ python -m ringfence.tools.ledger_writer --spec FILE      # beside an instance, started by its supervisor ([ledger]), until SIGTERM
    $ ringfence ledger write [DIR]                             # once, or on and on with --follow

It starts by making the books anew from the journal, cut where the store's batches were cut, and compares each head: so the store's history, the journal and
this code agree, or it does not start. Killed at any moment it goes on behind the last batch that was committed. A batch is sent by a thread while the next one
is made. When the store goes away the thread waits for it, and asks it what it has before it sends a batch again. Beside an instance only frames that the disk
has (the sidecar's mark) are booked, so that after a loss of the host the store never knows more than the journal. Engine and sidecar do not know of it and
never wait for it.

What can fail: StoreDiffers and ReplayDiffers (exit 7), JournalCorrupt (exit 7), JournalRetired (the beginning is gone), Refused (another writer).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeVar

from ringfence.core.state import Limits
from ringfence.ipc import stop
from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionMissing
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import list_regions, owner_alive
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools.errors import StoreAway, StoreDiffers
from ringfence.tools.follow import JournalFollower
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.ledger_books import BATCH_ROWS, Books, TablesGrew, larger
from ringfence.tools.ledger_state import MONEY_DIGITS
from ringfence.tools.ledger_store import Batch, Book, Head, Store, open_store
from ringfence.tools.process import read_spec, run
from ringfence.tools.replay import cut, limits_in

NICE = 10
POLL_S = 0.02
DRAIN_S = 5.0
AGAIN_S = (0.05, 2.0)
PART_S = 1.0
"""Age of its oldest row at which a batch is stored that is not full: each is a synced transaction, and a restart compares every one."""
UNREADABLE_S = 5.0
"""For so long the sidecar's region may be in the making, or another one."""
QUIET_FRAMES = 1 << 20
"""Frames without a booking after which the position is stored all the same."""
COUNTERS = {
    "sequence": "last journal sequence handed to the store; 0: the store's batches are still being compared with the journal",
    "compared": "sequence up to which they are",
    "batches": "handed to the store since the start",
    "store_away": "attempts that the store did not answer",
}
_ROLE = ENUMS["Role"].by_name["LEDGER"]
_STATE = ENUMS["ProcessState"].by_name
T = TypeVar("T")
_LOG = logging.getLogger("ringfence")


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


class Patience:
    """Tries until the store answers: waits grow, each reason is logged once.

    Parameters
    ----------
    wait : callable
        Waits so many seconds, or until this process is asked to stop: then it returns True.

    Attributes
    ----------
    attempts : int
        That the store did not answer.
    away : bool
        Whether it does not answer now.
    tell : callable
        Called after each such attempt, by the thread that made it.
    """

    def __init__(self, wait: Callable[[float], bool] = _sleep) -> None:
        self.wait = wait
        self.attempts = 0
        self.away = False
        self.ended = False
        self.tell: Callable[[], None] = lambda: None

    def insist(self, attempt: Callable[[], T], again: Callable[[], None] = lambda: None) -> T:
        """Attempt it, and after each failure ``again`` before it.

        Raises
        ------
        StoreAway
            If this process is asked to stop, or nobody waits any more, while the store is away.
        """
        wait, said = AGAIN_S[0], ""
        while True:
            try:
                if said:
                    again()
                found = attempt()
            except StoreAway as e:
                self.attempts += 1
                self.away = True
                if str(e) != said:  # on the disk that may be the full one
                    _LOG.error("%s; trying again", e)
                said = str(e)
            else:
                self.away = False
                return found
            self.tell()
            if self.wait(wait) or self.ended:
                raise StoreAway(f"{said}; asked to stop meanwhile; the next start goes on behind its last batch")
            wait = min(2 * wait, AGAIN_S[1])


def instance_of(directory: Path) -> str:
    """Name of the instance whose journal this is; empty when there is no segment yet."""
    segments = JournalReader(directory).segments()
    return segments[0].instance if segments else ""


class LedgerWriter:
    """A writer; ``store`` is its own connection.

    Parameters
    ----------
    directory : Path
        ``DATA/journal``.
    instance : str
        Instance whose durable mark is the limit while it lives; empty: everything in the files.
    rows : int
        Of a batch, at most.
    patience : Patience
        With a store that is away.
    """

    def __init__(self, directory: Path, store: Store, *, instance: str = "", rows: int = BATCH_ROWS, patience: Patience | None = None) -> None:
        self.directory, self.store, self.instance, self.rows = directory, store, instance, rows
        self.patience = patience or Patience()
        self.books: Books | None = None
        self.limits: Limits | None = None
        self.expected: deque[Head] = deque()
        self.left: Chunk | None = None
        self.batches = 0
        self._follower = JournalFollower(directory)
        self._prepared = False
        self._oldest = 0.0  # monotonic time of the first row that no batch has
        self._sender = ThreadPoolExecutor(1, "ledger-sender")
        self._sent: Future[None] | None = None

    def begin(self) -> None:
        """Forget everything and begin with the journal's first frame; the store's batches are what is expected at first."""
        self.settle()
        self._follower.close()
        self._follower = JournalFollower(self.directory)
        self.books = None
        self.left = None
        name = instance_of(self.directory)

        def ask() -> list[Head]:
            if not self._prepared and name:
                self.store.prepare(Book(name, MONEY_DIGITS))
                self._prepared = True
            return self.store.heads()

        self.expected = deque(self.patience.insist(ask, self.store.reconnect))

    def turn(self) -> bool:
        """Take what is new, up to a batch; whether there was anything."""
        try:
            return self._turn()
        except TablesGrew as grew:
            self.limits = grew.limits
            _LOG.info("the journal goes on with larger tables: beginning again")
            self.begin()
            return True

    def catch_up(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Book all that the journal has now, or until ``stopping``; return the sequence that the store goes up to."""
        while not (asked := stopping()) and self.turn():
            pass
        if not (asked and self.expected):
            self.finish()
        return self.books.last.last_seq if self.books is not None else 0

    def finish(self) -> None:
        """Store the position reached, also when nothing was booked since the last batch.

        Raises
        ------
        StoreDiffers
            If the store goes further than the journal.
        """
        if self.expected:
            reached = self.books.seq if self.books is not None else 0
            raise StoreDiffers(
                f"{self.store.where}: has booked up to sequence {self.expected[-1].last_seq}, the journal {self.directory} ends at {reached}: it lost its "
                "end, or is another; bring the right one, or: ringfence ledger rebuild"
            )
        if self.books is not None and self.books.seq > self.books.last.last_seq:
            self._commit(self.books)
        self.settle()

    def settle(self) -> None:
        """Wait until the store has every batch that was cut; what went wrong with the last one is raised here."""
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.result()

    def close(self) -> None:
        """Wait for the batch under way, but not for a store that is away, and close the journal; the store is the caller's."""
        self.patience.ended = True
        self._sender.shutdown()
        self._follower.close()

    def _turn(self) -> bool:
        if not self._prepared:
            self.begin()
            if not self._prepared:
                return False
        chunk, self.left = self.left or self._follower.read(), None
        if chunk is None:
            return self._store_rest()
        if self.books is None:
            self.limits = larger(self.limits, limits_in(chunk) or Limits())
            self.books = Books(self.limits, self.rows)
        until = self.expected[0].last_seq if self.expected else self._durable()
        now = cut(chunk, until)
        if now.frames == 0:  # not on the disk yet
            self.left = chunk
            return self._store_rest()
        self._oldest = self._oldest if self.books.change_count else time.monotonic()
        rest = self.books.take(now)
        taken = now.frames - rest.frames
        if taken < chunk.frames or rest.start < now.end:
            self.left = chunk._replace(start=rest.start, first_seq=rest.first_seq, frames=chunk.frames - taken)
        if self.expected:
            if self.books.seq == self.expected[0].last_seq:
                self._compare(self.books.cut().head, self.expected.popleft())
            elif self.books.full:
                raise StoreDiffers(
                    f"{self.store.where}: batch {self.expected[0].number} has more rows than a batch of this version; rebuild it: ringfence ledger rebuild"
                )
        elif self.books.full or (self.books.change_count and self._is_due()):
            self._commit(self.books)
        return True

    def _is_due(self) -> bool:
        return time.monotonic() - self._oldest >= PART_S

    def _store_rest(self) -> bool:
        """Nothing more may be booked now: let what was booked be stored when it is old enough; whether there was anything."""
        books = self.books
        if books is None or self.expected or not ((books.change_count and self._is_due()) or books.seq - books.last.last_seq >= QUIET_FRAMES):
            self.settle()
            return False
        self._commit(books)
        return True

    def _durable(self) -> int:
        """The last sequence that may be booked: what the disk has, while the instance lives; asked each time, since it may begin and end meanwhile.

        Raises
        ------
        IpcError
            If its region is of another build, or cannot be read for ``UNREADABLE_S``: then nobody knows what the disk has.
        """
        if not self.instance:
            return sys.maxsize
        until = time.monotonic() + UNREADABLE_S
        while True:
            try:
                return self._mark()
            except LayoutMismatch:
                raise
            except IpcError:  # in the making: it is looked at again
                if time.monotonic() >= until:
                    raise
            if self.patience.wait(POLL_S):
                return 0

    def _mark(self) -> int:
        """What the disk has by the sidecar's word, while anybody of the instance lives."""
        try:
            with Segment.attach(self.instance, "from.sidecar") as region:
                mark, alive = int(region.section("mark")[0]["position"]), owner_alive(region.superblock)
        except RegionMissing:
            return sys.maxsize  # nobody writes: what the files have is what there is
        return mark if alive or any(r.alive and r.role != _ROLE for r in list_regions(self.instance)) else sys.maxsize

    def _compare(self, made: Head, stored: Head) -> None:
        if made == stored:
            return
        what = [name for name in Head._fields if getattr(made, name) != getattr(stored, name)]
        raise StoreDiffers(
            f"{self.store.where}: batch {stored.number}, sequences {stored.first_seq} to {stored.last_seq}, has another {', '.join(what)} than the journal "
            "gives: the journal, the store or the code is not the one that it was booked with; see ringfence ledger verify, then ringfence ledger rebuild"
        )

    def _commit(self, books: Books) -> None:
        """Cut a batch and let it be appended while the next one is made; one is under way at a time."""
        batch = books.cut()
        self.settle()
        self._sent = self._sender.submit(self._append, batch)
        self.batches += 1

    def _append(self, batch: Batch) -> None:
        """Append a batch, however often the store goes away meanwhile; from the second time on it is asked first whether it has it."""
        sent = False

        def attempt() -> None:
            nonlocal sent
            if sent and self._has(batch):
                return
            sent = True
            try:
                self.store.append(batch)
            except StoreDiffers:
                if not self._is_last(batch):  # of a broken connection, or of a killed writer, the server may commit late
                    raise

        self.patience.insist(attempt, self.store.reconnect)

    def _is_last(self, batch: Batch) -> bool:
        """Whether the store ends with this very batch."""
        return self.store.heads(batch.head.number - 1) == [batch.head]

    def _has(self, batch: Batch) -> bool:
        """Whether the store committed a batch before it went away."""
        heads = self.store.heads(batch.head.number - 1)
        if heads:
            self._compare(batch.head, heads[0])
        return bool(heads)


def follow(writer: LedgerWriter, look: Callable[[LedgerWriter], None] | None = None) -> int:
    """Book until asked to stop, then what is there already, for ``DRAIN_S`` at most; the exit code. ``look`` is called when it has begun and after each turn.

    Raises
    ------
    StoreDiffers
        As soon as the journal has ended and the store goes further: what it has of a journal was on the disk, so it does not come any more.
    """
    begun, until = time.monotonic(), 0.0
    writer.begin()
    if look is not None:
        look(writer)
    while True:
        if stop.requested():
            until = until or time.monotonic() + DRAIN_S
            if writer.expected or time.monotonic() > until:
                break
        expected = bool(writer.expected)
        moved = writer.turn()
        if look is not None:
            look(writer)
        if moved:
            if expected and not writer.expected:
                _LOG.info("%s agrees with the journal up to its last batch, seen in %.3f s", writer.store.where, time.monotonic() - begun)
        elif writer.expected:
            writer.finish()
        elif until:
            break
        else:
            stop.wait(POLL_S)
    if not writer.expected:
        writer.finish()
    return 0


class Told:
    """What an instance's writer says of itself, in region ``metrics.ledger``: STARTING until it knows what the store has, RECOVERING while that is away."""

    def __init__(self, instance: str, epoch: int, patience: Patience) -> None:
        self.metrics = Metrics.create(instance, "ledger", COUNTERS, (), role=_ROLE, epoch=epoch)
        self.patience, self._begun = patience, False
        patience.tell = self.tell
        self.tell()

    def tell(self) -> None:
        """State, sign of life and how often the store did not answer."""
        state = "STARTING" if not self._begun else "RECOVERING" if self.patience.away else "RUNNING"
        self.metrics.segment.set_state(_STATE[state])
        self.metrics.set("store_away", self.patience.attempts)
        self.metrics.segment.heartbeat(time.time_ns())

    def look(self, writer: LedgerWriter) -> None:
        """Bring all of it up to date."""
        self._begun = True
        self.metrics.set("sequence", writer.books.last.last_seq if writer.books is not None and not writer.expected else 0)
        self.metrics.set("compared", writer.books.seq if writer.books is not None and writer.expected else 0)
        self.metrics.set("batches", writer.batches)
        self.tell()

    def close(self) -> None:
        """Stop saying anything."""
        self.metrics.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of ``python -m ringfence.tools.ledger_writer --spec FILE``; the spec has journal_dir and store, and may have instance with epoch, and rows."""

    def body(_: logging.Logger) -> int:
        spec: dict[str, Any] = read_spec(argv, "book the journal into the ledger's store")
        os.nice(NICE)
        instance, patience = str(spec.get("instance", "")), Patience(stop.wait)
        with ExitStack() as held:
            told = held.enter_context(closing(Told(instance, int(spec["epoch"]), patience))) if instance else None
            store = held.enter_context(closing(patience.insist(lambda: open_store(str(spec["store"])))))
            writer = LedgerWriter(Path(spec["journal_dir"]), store, instance=instance, rows=int(spec.get("rows", BATCH_ROWS)), patience=patience)
            held.enter_context(closing(writer))
            return follow(writer, told.look if told is not None else None)

    return run("ledger", body)


if __name__ == "__main__":
    sys.exit(main())
