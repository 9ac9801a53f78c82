"""Chains that rows of the store follow: an execution and its corrections, an event of the ledger and what refers to it.

    executions: corrects, corrected_by, assigned_to ──first_of, in_force_of, is_assigned──▶ the trade     events: root ──refers, is_about──▶ what they are about

Pure reads of the engine's tables, whoever owns them; nothing can fail.
"""

from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.lots cimport LedgerTables
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CORRECT, LedgerEvent


cdef uint32_t first_of(const EngineState *s, uint32_t row) noexcept nogil:
    """The execution that a chain of corrections begins with."""
    while s.executions[row].corrects:
        row = s.executions[row].corrects
    return row


cdef uint32_t in_force_of(const EngineState *s, uint32_t row) noexcept nogil:
    """The execution that a chain of corrections ends with."""
    while s.executions[row].corrected_by:
        row = s.executions[row].corrected_by
    return row


cdef int is_assigned(const EngineState *s, uint32_t row, uint64_t to) noexcept nogil:
    """Whether an operator assigned a trade out of suspense, and this is its row there."""
    return s.executions[in_force_of(s, row)].assigned_to == to


cdef int refers(const LedgerEvent *e) noexcept nogil:
    return e.kind == RF_LEDGER_EVENT_KIND_BUST or e.kind == RF_LEDGER_EVENT_KIND_CORRECT


cdef int is_about(const LedgerTables *t, uint32_t row, uint32_t position) noexcept nogil:
    """Whether an event, or what it refers to, names a position."""
    cdef const LedgerEvent *e = &t.events[t.events[row].root if t.events[row].root else row]
    return e.position == position or e.other_position == position
