"""The rows that the feed writes: their types, and what fills them in from figures of the engine's ledger.

    LedgerLeg, LedgerPosition before and after ──column_of, put, say_figures──▶ Posting      CashBalance before and after ──note_balances──▶ CASH_MOVE tuples
    every position and balance ──bytes_of_books──▶ what a batch's state hash is of

A posting's first amounts are legs, which sum to zero; the others are differences of figures that are no legs. What a bust, correction or name did to other
trades, or to entries, is a posting of its own for each value date, as the engine dates it. The memory is the caller's. Nothing can fail.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

import numpy as np

from ringfence.core.calendar cimport days_since_2000
from ringfence.core.ledger_index cimport find_event, in_force
from ringfence.core.ledger_names cimport is_unnamed
from ringfence.core.lots cimport LedgerTables
from ringfence.core.state cimport EngineState
from ringfence.core.value_dates cimport own_effect
from ringfence.core.wide cimport rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_KIND_NAME_LOT, RF_LEDGER_EVENT_STATE_BOOKED, RF_LEDGER_EVENT_STATE_BUSTED,
    RF_LEDGER_LEG_ACCOUNT_EQUITY, RF_LEDGER_LEG_ACCOUNT_FEE, RF_LEDGER_LEG_ACCOUNT_INCOME, RF_LEDGER_LEG_ACCOUNT_PNL, RF_LEDGER_LEG_ACCOUNT_VENUE,
    RF_LEDGER_MARGIN, CashBalance, LedgerEvent, LedgerLeg, LedgerPosition,
)

from ringfence.core.errors import CoreError

cdef enum:
    COST = 0             # places of AMOUNTS
    CASH = 1
    FUNDING = 4
    INCOME = 5
    EQUITY = 6
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


# ---- by value date ---------------------------------------------------------------------------------------------------------------

cdef void part(const EngineState *s, Posting *of, Posting *to, uint32_t value_day, wide_t qty, wide_t flow) noexcept nogil:
    """Move units, and what was paid for them, from a posting to one of another value date. Profit and fees stay: no method says of which trade they are."""
    cdef uint32_t flags = s.ledger.instruments[s.ledger.positions[of.position].instrument].flags
    cdef int contra = EQUITY if flags & RF_LEDGER_MARGIN else CASH  # no cash pays for what is margined
    to[0] = of[0]
    memset(to.amounts, 0, sizeof(to.amounts))
    to.base_unknown = 0
    to.value_day = value_day
    put(to, COST, flow)
    put(to, contra, -flow)
    put(to, UNITS, qty)
    put(of, COST, rf_wide_load(&of.amounts[2 * COST]) - flow)
    put(of, contra, rf_wide_load(&of.amounts[2 * contra]) + flow)
    put(of, UNITS, rf_wide_load(&of.amounts[2 * UNITS]) - qty)


cdef void add_own(const EngineState *s, uint32_t position, const LedgerEvent *e, int sign, wide_t *qty, wide_t *flow) noexcept nogil:
    cdef wide_t of_qty, of_flow
    own_effect(s, position, e, &of_qty, &of_flow)
    qty[0] += sign * of_qty
    flow[0] += sign * of_flow


cdef uint32_t trade_about(const EngineState *s, uint32_t position, int *is_named) noexcept nogil:
    """The trade that the last event busted, corrected or named the lots of; of a cross the half of this position. 0: it was no trade."""
    cdef const LedgerEvent *e = &s.ledger.events[s.ledger.head.event_count]
    cdef uint32_t row
    if e.kind == RF_LEDGER_EVENT_KIND_FILL:  # of an assignment, whose bust in suspense came before
        e -= 1
    row = e.root if e.root else s.ledger.head.event_count
    is_named[0] = s.ledger.events[row].kind == RF_LEDGER_EVENT_KIND_NAME_LOT
    if is_named[0]:
        return find_event(&s.ledger, s.ledger.events[row].ref_key)
    if s.ledger.events[row].kind == RF_LEDGER_EVENT_KIND_CROSS:
        return row if s.ledger.events[row].position == position else row + 1
    return row if s.ledger.events[row].kind == RF_LEDGER_EVENT_KIND_FILL else 0


cdef void own_change(const EngineState *s, const uint8_t *waited, uint32_t row, uint32_t position, int is_named, wide_t *qty, wide_t *flow) noexcept nogil:
    """What the input did to a trade itself."""
    cdef const LedgerEvent *e = &s.ledger.events[row]
    if e.position != position or (e.state == RF_LEDGER_EVENT_STATE_BUSTED if is_named else s.ledger.former == 0):
        return
    if not waited[row]:
        add_own(s, position, in_force(&s.ledger, row) if is_named or e.kind == RF_LEDGER_EVENT_KIND_CROSS else &s.ledger.events[s.ledger.former], -1, qty, flow)
    if e.state == RF_LEDGER_EVENT_STATE_BOOKED:
        add_own(s, position, in_force(&s.ledger, row), 1, qty, flow)


cdef uint64_t part_posting(const EngineState *s, const uint8_t *waited, uint64_t waiting, Posting *postings, uint64_t at, uint64_t count) noexcept nogil:
    cdef const LedgerTables *t = &s.ledger
    cdef const LedgerPosition *now = &t.positions[postings[at].position]
    cdef uint32_t position = postings[at].position, row, touched = 0, about
    cdef wide_t qty = 0, flow = 0, left_qty, left_flow
    cdef int is_named, waits
    while t.touched[touched] != position:
        touched += 1
    about = trade_about(s, position, &is_named)
    own_change(s, waited, about, position, is_named, &qty, &flow)
    left_qty = rf_wide_load(now.qty) - rf_wide_load(t.before[touched].qty) - qty
    left_flow = rf_wide_load(now.flow) - rf_wide_load(t.before[touched].flow) - flow
    for row in range(1, t.head.event_count + 1 if waiting else 1):
        waits = is_unnamed(t, row)
        if row == about or t.events[row].position != position or waits == waited[row] or t.events[row].state == RF_LEDGER_EVENT_STATE_BUSTED:
            continue
        qty = 0
        flow = 0
        add_own(s, position, in_force(t, row), -1 if waits else 1, &qty, &flow)
        part(s, &postings[at], &postings[count], days_since_2000(t.events[row].value_day), qty, flow)
        left_qty -= qty
        left_flow -= flow
        count += 1
    if about and t.events[about].value_day > s.engine.day and (left_qty != 0 or left_flow != 0):  # what entries did is settled, as they are
        part(s, &postings[at], &postings[count], postings[at].day, left_qty, left_flow)
        count += 1
    return count


cdef uint64_t part_by_day(const EngineState *s, const uint8_t *waited, uint64_t waiting, Posting *postings, uint64_t first, uint64_t count) noexcept nogil:
    cdef uint64_t at, last = count
    for at in range(first, last):
        if postings[at].correction:
            count = part_posting(s, waited, waiting, postings, at, count)
    return count


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
