"""The cost method of one position, which operators set instead of its account's: a journaled command of two people, taken only while the position is flat.

    SET_METHOD ──authority: a second person──▶ judge ──▶ LedgerPosition.own_method, .method ──▶ bookkeeping.follow_method: kept at every trade after flat
                                                 └──▶ LEDGER_REFUSED with the LedgerResult (NOT_FLAT, NO_INSTRUMENT, NO_ROW); nothing has changed

It is judged when it is proposed and again when it is approved: a position that was opened meanwhile keeps its method, and the command must come again. Method 0
gives the position back to its account's. A position that has not traded yet gets its rows in both tables, so that those stay in step. Written by the engine
alone, in the region ``state``. Rejected: a method that waits until the position is flat (nobody sees when it came into force).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from ringfence.core.breaks cimport raise_break
from ringfence.core.dedupe cimport find_position
from ringfence.core.entries cimport is_of_known
from ringfence.core.ledger_events cimport set_method
from ringfence.core.ledger_index cimport find_position as find_ledger_position
from ringfence.core.ledger_recompute cimport POSITION_UNNAMED
from ringfence.core.positions cimport find_or_add
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_load
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_LEDGER_REFUSED, RF_LEDGER_METHOD_MAX, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BOOKED,
    RF_LEDGER_RESULT_NOT_FLAT, RF_LEDGER_RESULT_NO_INSTRUMENT, RF_LEDGER_RESULT_NO_ROW, MethodChange,
)


cdef int judge(const EngineState *s, const MethodChange *c) noexcept nogil:
    cdef uint32_t row
    if c.method > RF_LEDGER_METHOD_MAX:
        return RF_LEDGER_RESULT_BAD_EVENT
    if not is_of_known(s, c.account, c.strategy, c.instrument):
        return RF_LEDGER_RESULT_NO_INSTRUMENT
    row = find_ledger_position(&s.ledger, c.account, c.strategy, c.instrument)
    if row and (rf_wide_load(s.ledger.positions[row].qty) != 0 or s.ledger.positions[row].flags & POSITION_UNNAMED):
        return RF_LEDGER_RESULT_NOT_FLAT
    if row == 0 and s.ledger.head.position_count + 1 >= s.ledger.head.position_rows:
        return RF_LEDGER_RESULT_NO_ROW
    if find_position(s, c.account, c.strategy, c.instrument) == 0 and s.engine.position_count + 1 >= s.position_rows:
        return RF_LEDGER_RESULT_NO_ROW
    return RF_LEDGER_RESULT_BOOKED


cdef int can_set_method(EngineState *s, const MethodChange *c) noexcept nogil:
    cdef int result = judge(s, c)
    if result == RF_LEDGER_RESULT_BOOKED:
        return 1
    raise_break(s, RF_BREAK_KIND_LEDGER_REFUSED, NULL, NULL, 0, result)
    return 0


cdef int set_own_method(EngineState *s, const MethodChange *c) noexcept nogil:
    cdef uint8_t account = s.accounts[c.account].method if can_set_method(s, c) else 0
    if account == 0:
        return 0
    find_or_add(s, c.account, c.strategy, c.instrument)
    set_method(&s.ledger, c.account, c.strategy, c.instrument, c.method if c.method else account)
    s.ledger.positions[find_ledger_position(&s.ledger, c.account, c.strategy, c.instrument)].own_method = c.method
    return 1


cdef int64_t own_method(const EngineState *s, const MethodChange *c) noexcept nogil:
    return s.ledger.positions[find_ledger_position(&s.ledger, c.account, c.strategy, c.instrument)].own_method
