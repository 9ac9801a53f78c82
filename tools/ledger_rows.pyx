"""The rows that the feed writes: their types, and what fills them in from figures of the engine's ledger.

    LedgerLeg, LedgerPosition before and after ──column_of, put, say_figures──▶ Posting      CashBalance before and after ──note_balances──▶ CASH_MOVE tuples
    every position and balance ──bytes_of_books──▶ what a batch's state hash is of

A posting's first amounts are legs, which sum to zero; the others are differences of figures that are no legs. The memory is the caller's. Nothing can fail.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

import numpy as np

from ringfence.core.calendar cimport days_since_2000
from ringfence.core.state cimport EngineState
from ringfence.core.wide cimport rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_LEG_ACCOUNT_EQUITY, RF_LEDGER_LEG_ACCOUNT_FEE, RF_LEDGER_LEG_ACCOUNT_INCOME, RF_LEDGER_LEG_ACCOUNT_PNL, RF_LEDGER_LEG_ACCOUNT_VENUE,
    CashBalance, LedgerLeg, LedgerPosition,
)

from ringfence.core.errors import CoreError

cdef enum:
    FUNDING = 4          # places of AMOUNTS
    INCOME = 5
    UNITS = 7
    FIRST_FIGURE = 8
    FIGURE_BYTES = 256   # of LedgerPosition, from its first field on
    KEY_BYTES = 10       # instrument, account, strategy, method, base_unknown follow
    POSITION_BYTES = FIGURE_BYTES + KEY_BYTES + 16
    BALANCE_BYTES = CASH_SUMS_BYTES + 4

AMOUNTS = (
    "cost", "cash", "fee", "pnl", "funding", "income", "equity", "units",
    "moved", "fees_elsewhere", "cost_base", "realized_base", "realized_fx", "fees_base", "income_base", "moved_base",
)
"""A posting's amounts in their order: legs in money (debit is positive), units, and differences of figures of LedgerPosition that are no legs."""

POSTING = np.dtype(
    [("seq", "<u8"), ("engine_ns", "<u8"), ("amounts", "<u8", (2 * len(AMOUNTS),)), ("position", "<u4"), ("execution", "<u4"), ("day", "<u4"),
     ("value_day", "<u4"), ("correction", "<u4"), ("venue", "<u4"), ("base_unknown", "<i4"), ("pad", "<u4")]
)
"""A posting; ``amounts`` are 128-bit, low word first; days since 2000-01-01."""

CHANGE = np.dtype(
    [("seq", "<u8"), ("engine_ns", "<u8"), ("transact_ns", "<u8"), ("order_id", "<u8"), ("qty", "<i8"), ("px", "<i8"), ("amount", "<u8", (2,)),
     ("fee", "<u8", (2,)), ("execution", "<u4"), ("row", "<u4"), ("instrument", "<u4"), ("position", "<u4"), ("day", "<u4"), ("trade_day", "<u4"),
     ("value_day", "<u4"), ("account", "<u2"), ("strategy", "<u2"), ("venue", "<u2"), ("side", "u1"), ("kind", "u1"), ("result", "u1"), ("fee_kind", "u1"),
     ("pad", "S2"), ("fee_currency", "S8"), ("exec_id", "S40"), ("venue_order_id", "S32")]
)
"""A booking that appeared, changed or is gone, or that the ledger refused."""

CASH_MOVE = ("seq", "engine_ns", "execution", "day", "value_day", "account", "currency", "entered", "entered_base", "paid", "paid_base", "base_unknown")
"""What one input did to one balance: differences of its sums [10^-18]; ``currency`` is a row, ``day`` days since 2000-01-01."""

if len(AMOUNTS) != AMOUNTS_COUNT or POSTING.itemsize != sizeof(Posting) or CHANGE.itemsize != sizeof(Change):
    raise CoreError("ledger_rows: its dtypes and structs differ; compile it anew")


cdef object change_of(const uint64_t *now, const uint64_t *was):
    """The difference of two figures as an integer."""
    cdef uint64_t[2] words
    rf_wide_store(words, rf_wide_load(now) - rf_wide_load(was))
    return int(words[0]) + (int(<int64_t>words[1]) << 64)


cdef int column_of(const LedgerLeg *leg) noexcept nogil:
    """Which amount of a posting a leg is; -1 for the contra of units, which is understood."""
    if leg.units:
        return -1 if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_EQUITY else UNITS
    if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_VENUE:
        return 1
    if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_FEE:
        return 2
    if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_PNL:
        return 3
    if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_INCOME:
        return INCOME
    return 6 if leg.leg_account == RF_LEDGER_LEG_ACCOUNT_EQUITY else 0


cdef int put(Posting *p, int at, wide_t amount) noexcept nogil:
    """Write an amount; whether it is one."""
    rf_wide_store(&p.amounts[2 * at], amount)
    return amount != 0


cdef int say_figures(Posting *p, const LedgerPosition *now, const LedgerPosition *was) noexcept nogil:
    """Fill in what no leg says; whether there is anything. Funding and income are one leg of the engine, and two here."""
    cdef wide_t funding = rf_wide_load(was.funding) - rf_wide_load(now.funding)
    cdef int found = put(p, FUNDING, funding)
    put(p, INCOME, rf_wide_load(&p.amounts[2 * INCOME]) - funding)
    found |= put(p, FIRST_FIGURE, rf_wide_load(now.moved) - rf_wide_load(was.moved))
    found |= put(p, FIRST_FIGURE + 1, rf_wide_load(now.fees_elsewhere) - rf_wide_load(was.fees_elsewhere))
    found |= put(p, FIRST_FIGURE + 2, rf_wide_load(now.cost_base) - rf_wide_load(was.cost_base))
    found |= put(p, FIRST_FIGURE + 3, rf_wide_load(now.realized_base) - rf_wide_load(was.realized_base))
    found |= put(p, FIRST_FIGURE + 4, rf_wide_load(now.realized_fx) - rf_wide_load(was.realized_fx))
    found |= put(p, FIRST_FIGURE + 5, rf_wide_load(now.fees_base) - rf_wide_load(was.fees_base))
    found |= put(p, FIRST_FIGURE + 6, rf_wide_load(now.income_base) - rf_wide_load(was.income_base))
    found |= put(p, FIRST_FIGURE + 7, rf_wide_load(now.moved_base) - rf_wide_load(was.moved_base))
    p.base_unknown = <int32_t>now.base_unknown - <int32_t>was.base_unknown
    return found or p.base_unknown != 0


cdef void note_balances(const EngineState *s, uint8_t[::1] known, uint32_t execution, uint32_t value_day, list moves):
    cdef uint32_t row
    cdef const CashBalance *c
    cdef CashBalance *was
    for row in range(1, s.engine.cash_count + 1):
        c = &s.cash[row]
        was = <CashBalance*>&known[row * sizeof(CashBalance)]
        if memcmp(c, was, CASH_SUMS_BYTES) == 0 and c.base_unknown == was.base_unknown:
            continue
        moves.append((
            s.engine.seq, s.engine.engine_ns, execution, days_since_2000(s.engine.day), value_day, c.account, c.currency,
            change_of(c.entered, was.entered), change_of(c.entered_base, was.entered_base), change_of(c.paid, was.paid),
            change_of(c.paid_base, was.paid_base), <int64_t>c.base_unknown - <int64_t>was.base_unknown,
        ))
        memcpy(was, c, sizeof(CashBalance))


cdef object bytes_of_books(const EngineState *s):
    """Equal for equal books, whatever is around them."""
    cdef const LedgerPosition *p
    cdef uint32_t row, count = s.ledger.head.position_count, balances = s.engine.cash_count
    out = bytearray(count * POSITION_BYTES + balances * BALANCE_BYTES)
    cdef char *at = PyByteArray_AS_STRING(out)
    for row in range(1, count + 1):
        p = &s.ledger.positions[row]
        memcpy(at, p.qty, FIGURE_BYTES + KEY_BYTES)
        memcpy(at + FIGURE_BYTES + KEY_BYTES, p.moved_base, 16)
        at += POSITION_BYTES
    for row in range(1, balances + 1):
        memcpy(at, &s.cash[row], CASH_SUMS_BYTES)
        memcpy(at + CASH_SUMS_BYTES, &s.cash[row].account, 4)
        at += BALANCE_BYTES
    return out
