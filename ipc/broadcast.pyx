"""The market data region from Python: ``Publisher`` for its one writer, ``Listener`` for its readers.

    feed ──Publisher──▶ region `market`: head, ticks (ring), quotes (latest of each instrument) ──Listener──▶ strategies, venue, views
                        region `market.readers`: a cursor for each strategy row, written by its reader ──▶ feed (pace of a replay), views (lag)

The ring and its rules are in broadcast.h, the table beside it and its order with the ring in market.h; loops without Python cimport both.
A Publisher goes on where the last one died: positions never fall. A Listener that was overrun goes on at what is still there, and ``lost`` is exactly how
many slots it did not see. It never writes the region; its own cursor is in a region of its own, so a reader can stop nobody but a replay that waits for it.

What can fail: a region without the sections (KeyError), or of another geometry (ValueError), a record that is no slot (ValueError); for a reader a sequence
word that cannot be (RingGarbage): it must not read on.
"""

import os

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from ringfence.ipc.records cimport Quote, QuoteTick, RingCursor
from ringfence.ipc.ring cimport RF_RING_EMPTY, RF_RING_OK
from ringfence.ipc.segment cimport Segment

from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import SectionSpec

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (const uint64_t *word, int order) nogil
    void store_release "__atomic_store_n" (uint64_t *word, uint64_t value, int order) nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"

TICKS_MIN = 16
READERS_ROWS = CONSTANTS["STRATEGIES_MAX"][0] + 1
_KIND = ENUMS["TickKind"].by_name
_RECORD = {_KIND["QUOTE"]: "QuoteTick", _KIND["TRADE"]: "TradeTick", _KIND["BOOK"]: "BookDelta", _KIND["RESET"]: "QuoteTick"}


def market_sections(tick_slots: int, rows: int) -> list[SectionSpec]:
    """Return the sections of region ``market``.

    Parameters
    ----------
    tick_slots : int
        Capacity of the ring, a power of two, at least 16.
    rows : int
        Rows of the latest-value table: highest instrument row + 1. 0: without the table.

    Raises
    ------
    ValueError
        If ``tick_slots`` is no such power of two.
    """
    if tick_slots < TICKS_MIN or tick_slots & (tick_slots - 1):
        raise ValueError(f"market data ring of {tick_slots} slots; allowed are powers of two from {TICKS_MIN}")
    ring = [SectionSpec("head", "RingCursor", 1), SectionSpec("ticks", "QuoteTick", tick_slots)]
    return ring + ([SectionSpec("quotes", "Quote", rows)] if rows else [])


def reader_sections() -> list[SectionSpec]:
    """Return the sections of region ``market.readers``: a RingCursor per strategy row.

    ``position``: next slot to take; ``condition``: pid of the reader, 0: nobody.
    """
    return [SectionSpec("readers", "RingCursor", READERS_ROWS)]


cdef uint64_t _capacity(Segment segment) except 0:
    counts = {spec.name: spec for spec in segment.sections}
    if "ticks" not in counts or "head" not in counts:
        raise KeyError(f"region {segment.name!r} has no market data ring (sections head, ticks)")
    market_sections(counts["ticks"].count, 0)
    if counts["ticks"].record != "QuoteTick":
        raise ValueError(f"region {segment.name!r}: slots are {counts['ticks'].record}, a market data ring has QuoteTick")
    return counts["ticks"].count


cdef class Publisher:
    """The one writer of a market data region.

    Parameters
    ----------
    segment : Segment
        Writable, with the sections of ``market_sections``; ``quotes`` may be absent.

    Raises
    ------
    KeyError, ValueError
        If the region is not of that shape.
    PermissionError
        If it is mapped read-only.
    """

    def __cinit__(self, Segment segment not None):
        if not segment.writable:
            raise PermissionError(f"segment {segment.name!r} is attached read-only; a publisher is its one writer")
        cdef uint64_t capacity = _capacity(segment)
        cdef uint64_t rows = next((s.count for s in segment.sections if s.name == "quotes" and s.record == "Quote"), 0)
        cdef Quote *quotes = <Quote *>segment.section_ptr("quotes") if rows else NULL
        self.segment = segment
        rf_market_resume(&self.market, segment.section_ptr("ticks"), <uint64_t *>segment.section_ptr("head"), capacity, quotes, rows)

    def publish(self, record) -> int:
        """Publish one slot and note it in the instrument's row; the first word is set by the ring.

        Parameters
        ----------
        record : numpy record, 1-element array or bytes
            A QuoteTick, TradeTick or BookDelta: 64 bytes.

        Returns
        -------
        int
            Its position.

        Raises
        ------
        ValueError
            If it is no slot, of no kind, or of an instrument without a row.
        """
        cdef bytes raw = record if isinstance(record, bytes) else record.tobytes()
        cdef QuoteTick tick
        if len(raw) != sizeof(tick):
            raise ValueError(f"a slot of {self.segment.name!r} has {sizeof(tick)} bytes, {len(raw)} were given")
        memcpy(&tick, PyBytes_AS_STRING(raw), sizeof(tick))
        cdef uint64_t after = rf_market_publish(&self.market, &tick)
        if not after:
            raise ValueError(f"kind {tick.kind} of instrument {tick.instrument} is not published: {self.market.rows} rows, kinds are {', '.join(_KIND)}")
        return after - 1

    def publish_all(self, records) -> int:
        """Publish many slots, without Python between them; returns how many were refused (no kind, no row).

        ``records``: contiguous array of QuoteTick, or of another 64-byte slot record.
        """
        if records.itemsize != sizeof(QuoteTick) or not records.flags.c_contiguous:
            raise ValueError(f"slots must be a contiguous array of {sizeof(QuoteTick)} byte records, items have {records.itemsize}")
        cdef const unsigned char[::1] view = records.view(np.uint8).reshape(-1)
        cdef uint64_t n = len(records), i, refused = 0
        if n:
            with nogil:
                for i in range(n):
                    refused += rf_market_publish(&self.market, <const QuoteTick *>&view[i * sizeof(QuoteTick)]) == 0
        return refused

    def quote(
        self, instrument: int, bid: int, ask: int, *, bid_qty: int = 0, ask_qty: int = 0, source_ns: int = 0, published_ns: int = 0, flags: int = 0
    ) -> int:
        """Publish a top of book, scaled as the instrument; raises as ``publish``. A bid above the ask is flagged TICK_CROSSED."""
        slot = _slot("QUOTE", instrument, source_ns, published_ns, flags)
        slot["bid"], slot["ask"], slot["bid_qty"], slot["ask_qty"] = bid, ask, bid_qty, ask_qty
        return self.publish(slot)

    def trade(self, instrument: int, px: int, qty: int = 0, *, side: int = 0, source_ns: int = 0, published_ns: int = 0, flags: int = 0) -> int:
        """Publish a trade of the market; ``side`` is a Side value or 0. Raises as ``publish``."""
        slot = _slot("TRADE", instrument, source_ns, published_ns, flags)
        slot["px"], slot["qty"], slot["side"] = px, qty, side
        return self.publish(slot)

    def book(self, instrument: int, side: int, action: int, px: int, qty: int, *, source_ns: int = 0, published_ns: int = 0, flags: int = 0) -> int:
        """Publish a change of one price level; ``action`` is a BookAction value. Raises as ``publish``."""
        slot = _slot("BOOK", instrument, source_ns, published_ns, flags)
        slot["px"], slot["qty"], slot["side"], slot["action"] = px, qty, side, action
        return self.publish(slot)

    def reset(self, instrument: int, *, source_ns: int = 0, published_ns: int = 0, flags: int = 0) -> int:
        """Say that what is known of an instrument's book is void; raises as ``publish``."""
        return self.publish(_slot("RESET", instrument, source_ns, published_ns, flags))

    @property
    def position(self) -> int:
        """Position of the next slot."""
        return self.market.ring.position

    @property
    def capacity(self) -> int:
        """Slots of the ring."""
        return self.market.ring.mask + 1


def _slot(kind: str, instrument: int, source_ns: int, published_ns: int, flags: int):
    slot = np.zeros(1, dtype(_RECORD[_KIND[kind]]))
    slot["instrument"], slot["kind"], slot["flags"], slot["source_ns"], slot["published_ns"] = instrument, _KIND[kind], flags, source_ns, published_ns
    return slot


cdef class Listener:
    """One reader of a market data ring, from the next slot that is published on.

    Parameters
    ----------
    segment : Segment
        Region ``market``; read-only will do.
    position : int, optional
        Where to begin; by default behind the newest slot. Slots that are gone by then count as lost.
    readers : Segment, optional
        Region ``market.readers``, writable: this reader's progress is shown there, and a replay at speed ``follow`` waits for it.
    row : int
        Own row there: the strategy's.

    Raises
    ------
    KeyError, ValueError, IndexError
        If the regions are not of that shape, or have no such row.
    PermissionError
        If ``readers`` is mapped read-only.
    """

    def __cinit__(self, Segment segment not None, position=None, *, Segment readers=None, int row=0):
        cdef uint64_t capacity = _capacity(segment)
        cdef uint64_t *head = <uint64_t *>segment.section_ptr("head")
        self.segment = segment
        rf_broadcast_open(&self.ring, segment.section_ptr("ticks"), head, capacity, rf_broadcast_newest(head) if position is None else position)
        if readers is not None:
            if not any(s.name == "readers" and s.record == "RingCursor" for s in readers.sections):
                raise KeyError(f"region {readers.name!r} has no cursors of readers (section readers of RingCursor)")
            if not 0 <= row < len(readers.section("readers")):
                raise IndexError(f"region {readers.name!r} has no row {row}")
            if not readers.writable:
                raise PermissionError(f"segment {readers.name!r} is attached read-only; a reader writes its own row")
            self.readers = readers
            self.cursor = <RingCursor *>readers.section_ptr("readers") + row
            self._settle()
            store_release(&self.cursor.condition, os.getpid(), RELEASE)

    def take(self):
        """Return a copy of the next slot as a record of its kind (QuoteTick, TradeTick or BookDelta); None when there is nothing new.

        Raises
        ------
        RingGarbage
            If its sequence word or kind cannot be; the slot is not stepped over, so every further take says the same.
        """
        cdef QuoteTick tick
        cdef uint64_t lost = 0
        memset(&tick, 0, sizeof(tick))
        cdef int state = rf_broadcast_take(&self.ring, &tick, sizeof(tick), &lost)
        while state == RF_BROADCAST_LOST:
            state = rf_broadcast_take(&self.ring, &tick, sizeof(tick), &lost)
        record = _RECORD.get(tick.kind)
        if state == RF_RING_OK and record is None:
            self.ring.position -= 1
        if self.cursor != NULL:
            self._settle()
        if state == RF_RING_EMPTY:
            return None
        if state != RF_RING_OK or record is None:
            word = rf_broadcast_slot(&self.ring, self.ring.position)[0]
            raise RingGarbage(
                f"ring {self.segment.name!r}: slot for position {self.ring.position} has sequence word {word}, kind {tick.kind}; it is not read any more"
            )
        return np.frombuffer(<bytes>(<const char *>&tick)[:sizeof(tick)], dtype(record))[0]

    cdef void _settle(self) noexcept nogil:
        store_release(&self.cursor.position, self.ring.position, RELEASE)

    @property
    def position(self) -> int:
        """Position of the next slot to take."""
        return self.ring.position

    @property
    def lost(self) -> int:
        """Slots that were overwritten before this reader took them, since it began."""
        return self.ring.lost

    @property
    def waiting(self) -> int:
        """Slots published and not yet taken, those included that are lost by now; 0 when this reader began ahead of the ring."""
        newest = load_acquire(self.ring.head, ACQUIRE)
        return newest - self.ring.position if newest > self.ring.position else 0

    def close(self) -> None:
        """Say that this reader is gone: no replay waits for it any more."""
        if self.cursor != NULL:
            store_release(&self.cursor.condition, 0, RELEASE)
            self.cursor = NULL
