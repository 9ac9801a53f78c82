"""The C side of ``bench/ledger.py``: prepared fills booked one after another, without Python, as an engine would.

    bytes of LedgerEvent rows ──Loops.book──▶ ledger_events.book on a Ledger's tables

The fills are the caller's; each is copied once by ``book`` itself, into the event table. ``forget`` empties the ledger again for the next round.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from ringfence.core.ledger cimport Ledger
from ringfence.core.ledger_events cimport book
from ringfence.core.lots cimport LedgerTables
from ringfence.ipc.records cimport (
    RF_LEDGER_RESULT_BOOKED, LedgerCheckpoint, LedgerClosing, LedgerEvent, LedgerHead, LedgerLeg, LedgerPosition, Lot,
)


cdef uint64_t book_all(LedgerTables *t, const LedgerEvent *fills, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(count):
        if book(t, &fills[i]) != RF_LEDGER_RESULT_BOOKED:
            return i
    return count


cdef class Loops:
    """One ledger and fills for it.

    Parameters
    ----------
    ledger : Ledger
        Empty, its instruments defined.
    fills : bytes
        LedgerEvent rows.
    legs : bool
        Whether each booking also writes its legs and closings.
    """

    cdef Ledger ledger
    cdef const unsigned char[::1] fills
    cdef LedgerLeg *legs
    cdef LedgerClosing *closings

    def __init__(self, Ledger ledger not None, const unsigned char[::1] fills not None, legs):
        self.ledger = ledger
        self.fills = fills
        self.legs = ledger.c.legs if legs else NULL
        self.closings = ledger.c.closings if legs else NULL

    def book(self, first, count):
        """Book fills ``first`` to ``first + count - 1``; return how many were booked."""
        cdef uint64_t at = first, n = count, booked
        cdef const LedgerEvent *rows = <const LedgerEvent *>&self.fills[0]
        if (at + n) * sizeof(LedgerEvent) > <uint64_t>self.fills.shape[0]:
            raise ValueError(f"fills {first} to {first + count - 1} are not all there")
        self.ledger.c.legs = self.legs
        self.ledger.c.closings = self.closings
        with nogil:
            booked = book_all(&self.ledger.c, rows + at, n)
        return booked

    def forget(self):
        """Empty the ledger but for its instruments."""
        cdef LedgerTables *t = &self.ledger.c
        cdef LedgerHead was = t.head[0]
        memset(t.positions, 0, sizeof(LedgerPosition) * was.position_rows)
        memset(t.lots, 0, sizeof(Lot) * was.lot_rows)
        memset(t.events, 0, sizeof(LedgerEvent) * was.event_rows)
        memset(t.checkpoints, 0, sizeof(LedgerCheckpoint) * was.checkpoint_rows)
        memset(t.by_position, 0, 4 * was.slots)
        memset(t.by_key, 0, 4 * was.slots)
        memset(t.head, 0, sizeof(LedgerHead))
        t.head.instrument_rows = was.instrument_rows
        t.head.position_rows = was.position_rows
        t.head.lot_rows = was.lot_rows
        t.head.event_rows = was.event_rows
        t.head.pick_rows = was.pick_rows
        t.head.checkpoint_rows = was.checkpoint_rows
        t.head.slots = was.slots
