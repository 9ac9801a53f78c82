"""The engine's ledger: every execution that changes a position is booked in the same input, by the rules of docs/ledger.md.

    executions, actions ──▶ book_execution, book_correction, book_bust ──LedgerEvent──▶ ledger_events.book ──▶ positions, lots, unit cost, fees
    definitions ──▶ keep_valuation: multiplier, scales, settlement asset of an instrument; its asset rows are those of ``currencies``

An execution's identity in the ledger is its row, so a bust or correction names the row that was booked; where the execution table is full there is none,
and such a fill can no longer be busted (EXECUTIONS_FULL has said so). What the ledger had to refuse comes in when a correction or an assignment names it.
A position takes its account's cost method, or its own (core/methods.pyx), at its first trade after it was flat. A close under SPEC that names no lots waits for
them (core/ledger_names.pyx). Money has 18 decimals for every instrument, so that sums over positions are exact and a figure may reach 4 * 10^19 units; the
value of a linear trade is exact while price and quantity have 18 decimals together.
The rate to the firm's currency is that of the settlement currency when the event is booked; without one, figures in that currency say that they are unknown.
A commission in the settlement currency is an expense, one in what is traded changes the quantity (where a unit of quantity is one of it, or more make one),
one in another currency is an expense at the rates of the moment. Tables are in the region ``state``, written by the engine alone. What can fail: a full table
or a figure that does not fit; the position is right all the same, and LEDGER_REFUSED says which execution the ledger lacks. Rejected: a ledger in a process of
its own (microseconds late, a second truth).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from ringfence.core.breaks cimport raise_break, raise_daily
from ringfence.core.cash_fees cimport Payment, follow_payment, may_pay, paid_before
from ringfence.core.ledger_events cimport book
from ringfence.core.ledger_index cimport find_event, find_position, in_force
from ringfence.core.ledger_recompute cimport POSITION_UNNAMED
from ringfence.core.ledger_trades cimport power_of_ten, value_of
from ringfence.core.reservations cimport weigh_booked
from ringfence.core.state cimport EngineState, currency_of
from ringfence.core.value_dates cimport keep_dates, leave_undated, value_day_of
from ringfence.core.wide cimport rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_product, rf_wide_ratio, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_FEE_UNVALUED, RF_BREAK_KIND_LEDGER_REFUSED, RF_BREAK_KIND_LOTS_MERGED, RF_COMM_TYPE_ABSOLUTE, RF_COMM_TYPE_PER_UNIT,
    RF_COMM_TYPE_PERCENT,
    RF_INSTRUMENT_KIND_FUTURE, RF_INSTRUMENT_KIND_FX_FORWARD,
    RF_INSTRUMENT_KIND_FX_NDF, RF_INSTRUMENT_KIND_PERPETUAL, RF_LEDGER_DAILY, RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CORRECT,
    RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_FILL, RF_LEDGER_EVENT_STATE_BUSTED,
    RF_LEDGER_FEE_BASE, RF_LEDGER_FEE_ELSEWHERE, RF_LEDGER_FEE_EXPENSE, RF_LEDGER_GIVEN_FEE, RF_LEDGER_GIVEN_PX, RF_LEDGER_GIVEN_QTY, RF_LEDGER_INVERSE,
    RF_LEDGER_MARGIN, RF_LEDGER_METHOD_WAC, RF_LEDGER_MONEY_DIGITS, RF_LEDGER_RESULT_AMBIGUOUS, RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_HELD,
    RF_PRESENT_COMMISSION, Currency, Execution, Instrument,
    LedgerEvent, LedgerInstrument, Order, VenueEvent,
)

cdef enum:
    RATE_DIGITS = 9          # of Currency.rate
    DIGITS_MAX = 18          # of an amount in 64 bits


# ---- how an instrument is valued ----------------------------------------------------------------------------------------------

cdef int valuation_of(const Instrument *image, LedgerInstrument *i) noexcept nogil:
    """Fill in how an instrument is valued; 0 when its scales do not fit in 128 bits."""
    cdef int digits = RF_LEDGER_MONEY_DIGITS + (image.price_digits - image.qty_digits if image.inverse else -image.price_digits - image.qty_digits)
    cdef wide_t factor
    memset(i, 0, sizeof(LedgerInstrument))
    if digits > 36 or (image.inverse and digits < 0):
        return 0
    if not rf_wide_product(rf_wide_from(image.multiplier if image.multiplier else 1), power_of_ten(digits if digits > 0 else 0), &factor):
        return 0
    if not rf_wide_is_figure(factor):
        return 0
    rf_wide_store(i.factor, factor)
    rf_wide_store(i.divisor, power_of_ten(-digits if digits < 0 else 0))
    if image.inverse:
        i.flags |= RF_LEDGER_INVERSE
    if (
        image.kind == RF_INSTRUMENT_KIND_PERPETUAL or image.kind == RF_INSTRUMENT_KIND_FUTURE or image.kind == RF_INSTRUMENT_KIND_FX_NDF
        or image.kind == RF_INSTRUMENT_KIND_FX_FORWARD
    ):
        i.flags |= RF_LEDGER_MARGIN
    if image.daily and image.kind == RF_INSTRUMENT_KIND_FUTURE:
        i.flags |= RF_LEDGER_DAILY
    i.qty_digits = image.qty_digits
    i.px_digits = image.price_digits
    i.money_digits = RF_LEDGER_MONEY_DIGITS
    i.defined = 1
    return 1


cdef int is_booked(const EngineState *s, uint32_t instrument) noexcept nogil:
    cdef uint32_t row
    for row in range(1, s.ledger.head.position_count + 1):
        if s.ledger.positions[row].instrument == instrument and s.ledger.positions[row].first_event:
            return 1
    return 0


cdef int can_value(const EngineState *s, const Instrument *image) noexcept nogil:
    cdef const Instrument *now = &s.instruments[image.id]
    cdef const LedgerInstrument *kept = &s.ledger.instruments[image.id]
    cdef LedgerInstrument wanted
    if not valuation_of(image, &wanted):
        return 0
    if not kept.defined or (
        memcmp(kept.factor, wanted.factor, 16) == 0 and memcmp(kept.divisor, wanted.divisor, 16) == 0 and kept.flags == wanted.flags
        and kept.qty_digits == wanted.qty_digits and kept.px_digits == wanted.px_digits
        and memcmp(now.base, image.base, 8) == 0 and memcmp(now.quote, image.quote, 8) == 0
    ):
        return 1
    return not is_booked(s, image.id)


cdef void keep_valuation(EngineState *s, const Instrument *row) noexcept nogil:
    cdef LedgerInstrument *i = &s.ledger.instruments[row.id]
    valuation_of(row, i)
    i.settle_asset = row.base_currency if row.inverse else row.quote_currency
    i.base_asset = row.base_currency


# ---- commissions (12, 13, 479) ---------------------------------------------------------------------------------------------------

cdef int scaled(int64_t amount, uint32_t digits, uint32_t to_digits, wide_t *out) noexcept nogil:
    return rf_wide_ratio(rf_wide_from(amount), power_of_ten(to_digits), power_of_ten(digits), out)


cdef int commission_of(EngineState *s, const VenueEvent *event, uint32_t instrument, int64_t signed_qty, int64_t px, LedgerEvent *e) noexcept nogil:
    """Fill in the fee of a fill; 0 when it cannot be read, is in a currency without a rate, or does not fit: then the event has none."""
    cdef const Instrument *i = &s.instruments[instrument]
    cdef const LedgerInstrument *v = &s.ledger.instruments[instrument]
    cdef const Currency *paid
    cdef const Currency *settle
    cdef const char *code = event.comm_currency
    cdef const char *own = <const char*>i.quote
    cdef int64_t size = signed_qty if signed_qty > 0 else -signed_qty
    cdef wide_t fee, whole, unit, paid_px
    cdef uint32_t currency
    cdef uint8_t kind
    if not event.present & RF_PRESENT_COMMISSION or event.comm_digits > DIGITS_MAX:
        return 0
    if i.inverse:
        own = <const char*>i.base
    if event.comm_type == RF_COMM_TYPE_PERCENT:
        # of the value, in the settlement currency, whatever currency is named; FIX writes a percentage as a fraction: .05 is 5 %
        if i.inverse or not value_of(v, rf_wide_from(size), rf_wide_from(px if px > 0 else -px), &whole):
            return 0
        if not rf_wide_ratio(whole, rf_wide_from(event.commission), power_of_ten(event.comm_digits), &fee):
            return 0
        code = own
    elif not scaled(event.commission, event.comm_digits, v.money_digits, &fee):
        return 0
    elif event.comm_type != RF_COMM_TYPE_ABSOLUTE:
        if event.comm_type != RF_COMM_TYPE_PER_UNIT or not rf_wide_ratio(fee, rf_wide_from(size), power_of_ten(i.qty_digits), &fee):
            return 0
    if not rf_wide_is_figure(fee):
        return 0
    paid_px = 0
    currency = 0
    if code[0] == 0 or memcmp(code, own, 8) == 0:
        kind = RF_LEDGER_FEE_EXPENSE
    elif memcmp(code, i.base, 8) == 0 and i.multiplier <= 1 and not i.inverse and not v.flags & RF_LEDGER_MARGIN:
        unit = power_of_ten(v.money_digits - i.qty_digits)
        if not rf_wide_ratio(fee, 1, unit, &whole):
            return 0
        kind = RF_LEDGER_FEE_BASE
        if whole * unit != fee:  # finer than a quantity can be: its value is an expense
            kind = RF_LEDGER_FEE_ELSEWHERE
            currency = i.base_currency
            paid_px = fee
            if not rf_wide_ratio(fee, rf_wide_from(px), power_of_ten(i.price_digits), &whole):
                return 0
        fee = whole
    else:
        kind = RF_LEDGER_FEE_ELSEWHERE
        currency = currency_of(s, code)
        paid_px = fee
        paid = &s.currencies[currency]
        settle = &s.currencies[v.settle_asset]
        if v.settle_asset == 0 or paid.rate <= 0 or settle.rate <= 0 or not rf_wide_ratio(fee, rf_wide_from(paid.rate), rf_wide_from(settle.rate), &fee):
            return 0
    if not rf_wide_is_figure(fee):
        return 0
    e.fee_kind = kind
    e.other_instrument = currency
    rf_wide_store(e.fee_px, paid_px)
    rf_wide_store(e.fee, fee)
    return 1


# ---- executions --------------------------------------------------------------------------------------------------------------------

cdef void begin(const EngineState *s, uint8_t kind, uint32_t instrument, LedgerEvent *e) noexcept nogil:
    cdef uint32_t settle = s.ledger.instruments[instrument].settle_asset
    memset(e, 0, sizeof(LedgerEvent))
    e.kind = kind
    e.seq = s.engine.seq
    e.engine_ns = s.engine.engine_ns
    e.instrument = instrument
    e.value_day = value_day_of(s, instrument) if kind == RF_LEDGER_EVENT_KIND_FILL or kind == RF_LEDGER_EVENT_KIND_CROSS else s.engine.day
    if s.currencies[settle].is_firm:
        e.fx = 1
    else:
        e.fx = s.currencies[settle].rate if settle else 0
        e.fx_digits = RATE_DIGITS


cdef void enter(EngineState *s, Order *order, const VenueEvent *event, const LedgerEvent *e) noexcept nogil:
    cdef uint64_t merged = s.ledger.head.merged_lots
    cdef int result, pays = may_pay(e)
    cdef Payment before
    if pays:
        paid_before(s, e, &before)
    result = book(&s.ledger, e)
    if result == RF_LEDGER_RESULT_BOOKED or e.kind == RF_LEDGER_EVENT_KIND_FILL:
        weigh_booked(s, e)
    if pays and (result == RF_LEDGER_RESULT_BOOKED or result == RF_LEDGER_RESULT_HELD):
        follow_payment(s, order, event, &before)
    if result == RF_LEDGER_RESULT_HELD:
        leave_undated(s)
        result = RF_LEDGER_RESULT_AMBIGUOUS  # it waits for the names of its lots
    if result != RF_LEDGER_RESULT_BOOKED:
        raise_break(s, RF_BREAK_KIND_LEDGER_REFUSED, order, event, <int64_t>(e.key if e.key else e.ref_key), result)
    else:
        keep_dates(s)
    if s.ledger.head.merged_lots != merged:
        raise_daily(s, RF_BREAK_KIND_LOTS_MERGED, order, event, <int64_t>s.ledger.head.merged_lots)


cdef int take_commission(EngineState *s, Order *order, const VenueEvent *event, int64_t signed_qty, int64_t px, LedgerEvent *e) noexcept nogil:
    """1 when the report says what was paid, 0 when it says nothing, or (a break) nothing of value."""
    if not event.present & RF_PRESENT_COMMISSION and not event.comm_type:
        return 0
    if event.present & RF_PRESENT_COMMISSION and event.commission == 0:
        return 1
    if commission_of(s, event, e.instrument, signed_qty, px, e):
        return 1
    raise_break(s, RF_BREAK_KIND_FEE_UNVALUED, order, event, event.commission, event.comm_digits)
    return 0


cdef uint8_t follow_method(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    """The position's own cost method, else its account's, which a position that is flat takes now. Without an account: WAC."""
    cdef uint8_t method = s.accounts[account].method if s.accounts[account].method else RF_LEDGER_METHOD_WAC
    cdef uint32_t row = find_position(&s.ledger, account, strategy, instrument)
    if s.ledger.positions[row].own_method:  # row 0 is empty
        method = s.ledger.positions[row].own_method
    if row and rf_wide_load(s.ledger.positions[row].qty) == 0 and not s.ledger.positions[row].flags & POSITION_UNNAMED:
        s.ledger.positions[row].method = method
    return method


cdef uint32_t event_of(const EngineState *s, uint64_t row) noexcept nogil:
    """The ledger's event for an execution; of a correction that it refused, that of what was to be corrected. 0: it has none of them."""
    cdef uint32_t known = find_event(&s.ledger, row)
    while known == 0 and row:
        row = s.executions[row].corrects
        known = find_event(&s.ledger, row)
    return known


cdef void book_execution(
    EngineState *s, Order *order, const VenueEvent *event, uint64_t row, uint16_t account, uint16_t strategy, uint32_t instrument, int64_t signed_qty,
    int64_t px,
) noexcept nogil:
    cdef LedgerEvent e
    begin(s, RF_LEDGER_EVENT_KIND_FILL, instrument, &e)
    e.key = row
    e.account = account
    e.strategy = strategy
    e.method = follow_method(s, account, strategy, e.instrument)
    rf_wide_store(e.qty, rf_wide_from(signed_qty))
    rf_wide_store(e.px, rf_wide_from(px))
    take_commission(s, order, event, signed_qty, px, &e)
    enter(s, order, event, &e)


cdef void book_correction(
    EngineState *s, Order *order, const VenueEvent *event, uint64_t named, uint64_t row, int64_t signed_qty, int64_t px,
) noexcept nogil:
    cdef LedgerEvent e
    cdef uint32_t known = event_of(s, named)
    cdef const Execution *x = &s.executions[named]
    if known == 0:
        book_execution(s, order, event, row if row else named, x.account, x.strategy, x.instrument, signed_qty, px)
        return
    begin(s, RF_LEDGER_EVENT_KIND_CORRECT, s.ledger.events[known].instrument, &e)
    e.key = row
    e.ref_key = s.ledger.events[known].key
    e.given = RF_LEDGER_GIVEN_QTY | RF_LEDGER_GIVEN_PX
    rf_wide_store(e.qty, rf_wide_from(signed_qty))
    rf_wide_store(e.px, rf_wide_from(px))
    if take_commission(s, order, event, signed_qty, px, &e):
        e.given |= RF_LEDGER_GIVEN_FEE
    enter(s, order, event, &e)


cdef void book_bust(EngineState *s, Order *order, const VenueEvent *event, uint64_t named) noexcept nogil:
    cdef LedgerEvent e
    cdef uint32_t known = event_of(s, named)
    if known == 0:
        return
    begin(s, RF_LEDGER_EVENT_KIND_BUST, s.ledger.events[known].instrument, &e)
    e.ref_key = s.ledger.events[known].key
    enter(s, order, event, &e)


cdef void book_assignment(
    EngineState *s, Order *order, const VenueEvent *event, uint64_t named, uint64_t row, uint16_t account, uint16_t strategy, int64_t signed_qty, int64_t px,
) noexcept nogil:
    cdef LedgerEvent e
    cdef const LedgerEvent *was
    cdef uint32_t known = event_of(s, named)
    if known == 0:
        book_execution(s, order, event, row, account, strategy, s.executions[named].instrument, signed_qty, px)
        return
    if s.ledger.events[known].root:
        known = s.ledger.events[known].root
    was = in_force(&s.ledger, known)
    begin(s, RF_LEDGER_EVENT_KIND_FILL, s.ledger.events[known].instrument, &e)
    e.key = row
    e.account = account
    e.strategy = strategy
    e.method = follow_method(s, account, strategy, e.instrument)
    e.value_day = was.value_day
    e.fx = was.fx
    e.fx_digits = was.fx_digits
    e.fee_kind = was.fee_kind
    rf_wide_store(e.fee, rf_wide_load(was.fee))
    rf_wide_store(e.fee_px, rf_wide_load(was.fee_px))
    e.other_instrument = was.other_instrument
    rf_wide_store(e.qty, rf_wide_from(signed_qty))
    rf_wide_store(e.px, rf_wide_from(px))
    book_bust(s, order, event, named)
    if s.ledger.events[known].state == RF_LEDGER_EVENT_STATE_BUSTED:  # else the ledger refused that, and still has it where it was
        enter(s, order, event, &e)
