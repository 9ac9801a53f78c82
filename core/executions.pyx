"""Executions: what venues traded for us, each booked exactly once into its order and its position.

Quantity is truth (S1): a fill with a new identity is booked whatever the order's state, and what contradicts us is booked and raised as
a break. The identity is (venue, account, order, side, ExecID) (S2); a fill without a usable ExecID gets one made of CumQty, price and time (S18).
Reports that name none of our orders, or one of ours with another symbol or side, go to suspense: strategy 0 of the venue's account (S3).

    row states   BOOKED ── bust ──▶ BUSTED          HELD: a bust or correction whose execution has not come yet (S11);
                   ├── correct ──▶ CORRECTED ─▶ a new row in the same place (`corrects`, `corrected_by`)
                   └── assign ───▶ ASSIGNED ──▶ a new row of an order or a strategy (`assigned_to`; actions.pyx)

The table is in the state region, written by the engine alone. Order figures are sums, so a bust is subtracted; a position is computed again
(``position_recompute.recompute``). What can fail: a full table books and raises EXECUTIONS_FULL; an overflow books nothing and raises OVERFLOW.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from ringfence.core.bookkeeping cimport book_bust, book_correction, book_execution
from ringfence.core.breaks cimport raise_break
from ringfence.core.checks cimport note_full_execution
from ringfence.core.dedupe cimport add_execution, copy_text, execution_digest, find_execution, repoint_execution
from ringfence.core.fixed cimport RF_RESCALE_EXACT, RF_RESCALE_OVERFLOW, rf_add, rf_rescale, rf_wide_add_product
from ringfence.core.orders cimport BY_QUANTITY, FILLED_OR_KEEP, KEEP, advance, request_status, settle
from ringfence.core.ports cimport emit_event
from ringfence.core.position_recompute cimport recompute
from ringfence.core.positions cimport BOOKED, BOOK_OVERFLOW, BOOK_REVERSED, book
from ringfence.core.reservations cimport count_correction, count_trade
from ringfence.core.state cimport EngineState
from ringfence.ipc.failpoint cimport RF_BUG, RF_FP
from ringfence.ipc.records cimport (
    RF_ORD_STATUS_FILLED,
    RF_BREAK_KIND_EXECUTION_MISMATCH, RF_BREAK_KIND_EXECUTIONS_FULL, RF_BREAK_KIND_INEXACT, RF_BREAK_KIND_INSTRUMENT_MISMATCH,
    RF_BREAK_KIND_MISSED_EXECUTION, RF_BREAK_KIND_OVERFILL, RF_BREAK_KIND_OVERFLOW, RF_BREAK_KIND_STALE_REPORT, RF_BREAK_KIND_TABLE_FULL,
    RF_BREAK_KIND_UNEXPECTED_TRANSITION, RF_BREAK_KIND_UNKNOWN_EXEC_REF, RF_BREAK_KIND_UNKNOWN_ORDER, RF_DENY_REASON_NONE, RF_EVENT_KIND_BUST,
    RF_EVENT_KIND_CORRECT, RF_EVENT_KIND_FILL, RF_EXECUTION_ASSIGNED, RF_EXECUTION_BOOKED, RF_EXECUTION_BUSTED, RF_EXECUTION_CORRECTED, RF_EXECUTION_HELD,
    RF_ORDER_OVERFILLED, RF_PRESENT_CUM_QTY, RF_PRESENT_LAST_PX, RF_PRESENT_LAST_QTY, RF_SIDE_BUY, RF_VENUE_EVENT_KIND_BUST,
    RF_VENUE_EVENT_KIND_CORRECT, RF_VENUE_EVENT_KIND_FILL, RF_VENUE_EVENT_TRUNCATED, Execution, Instrument, Order, VenueEvent,
)

cdef enum:
    DUPLICATE = 1
    MISMATCH = 2

cdef const char *DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUV"


cdef uint32_t instrument_of(const EngineState *s, const char *symbol) noexcept nogil:
    cdef uint32_t i
    cdef char text[24]
    copy_text(text, symbol, 24)
    for i in range(1, s.engine.instrument_count + 1):
        if text[0] != 0 and memcmp(s.instruments[i].symbol, text, 24) == 0:
            return i
    return 0


cdef uint16_t account_of(const EngineState *s, uint16_t venue) noexcept nogil:
    """Return the account whose suspense takes a venue's unknown trades: that of its first route that names one."""
    cdef uint32_t i
    for i in range(1, s.engine.route_count + 1):
        if s.routes[i].venue == venue and s.routes[i].account:
            return s.routes[i].account
    return 0


cdef int contradicts(const EngineState *s, const VenueEvent *event, const Order *o) noexcept nogil:
    """Return 1 when the report names another symbol or side than the order; SELL and SELL_SHORT are one direction."""
    cdef char text[24]
    if event.side and (event.side == RF_SIDE_BUY) != (o.side == RF_SIDE_BUY):
        return 1
    if event.symbol[0] == 0 or memcmp(event.symbol, s.instruments[o.instrument].symbol, 24) == 0:
        return 0
    copy_text(text, event.symbol, 24)
    return memcmp(text, s.instruments[o.instrument].symbol, 24) != 0


cdef void resolve(const EngineState *s, const VenueEvent *event, Order *order, Trade *t) noexcept nogil:
    t.order = NULL
    t.problem = 0
    t.strategy = 0
    t.px = 0
    t.qty = 0
    if order != NULL and contradicts(s, event, order):
        t.problem = RF_BREAK_KIND_INSTRUMENT_MISMATCH
    elif order == NULL:
        t.problem = RF_BREAK_KIND_UNKNOWN_ORDER
    else:
        t.order = order
        t.side = order.side
        t.account = order.account
        t.strategy = order.strategy
        t.instrument = order.instrument
        return
    t.side = event.side if event.side else RF_SIDE_BUY
    t.account = order.account if order != NULL else account_of(s, event.venue)
    t.instrument = order.instrument if order != NULL and event.symbol[0] == 0 else instrument_of(s, event.symbol)


cdef int measure(EngineState *s, const VenueEvent *event, Trade *t) noexcept nogil:
    """Bring price and quantity to the instrument's scale; 0 (and a break) when they do not fit."""
    cdef const Instrument *i = &s.instruments[t.instrument]
    cdef int px = RF_RESCALE_EXACT, qty = RF_RESCALE_EXACT
    t.inexact = 0
    if t.instrument == 0:
        t.px = event.last_px
        t.qty = event.last_qty
        return 1
    qty = rf_rescale(event.last_qty, event.last_qty_digits, i.qty_digits, &t.qty)
    if event.present & RF_PRESENT_LAST_PX:
        px = rf_rescale(event.last_px, event.last_px_digits, i.price_digits, &t.px)
    if qty == RF_RESCALE_OVERFLOW or px == RF_RESCALE_OVERFLOW:
        raise_break(s, RF_BREAK_KIND_OVERFLOW, t.order, event, 0, event.last_qty)
        return 0
    if qty != RF_RESCALE_EXACT:
        t.inexact |= INEXACT_QTY
    if px != RF_RESCALE_EXACT or not event.present & RF_PRESENT_LAST_PX:
        t.inexact |= INEXACT_PX
    return 1


cdef void raise_inexact(EngineState *s, const VenueEvent *event, Trade *t) noexcept nogil:
    """Raise INEXACT when the venue's amounts are finer than the instrument's scale, or the price was missing and the order's stood in."""
    if not event.present & RF_PRESENT_LAST_PX:
        raise_break(s, RF_BREAK_KIND_INEXACT, t.order, event, t.px, 0)
    elif t.inexact & INEXACT_PX:
        raise_break(s, RF_BREAK_KIND_INEXACT, t.order, event, t.px, event.last_px)
    if t.inexact & INEXACT_QTY:
        raise_break(s, RF_BREAK_KIND_INEXACT, t.order, event, t.qty, event.last_qty)


cdef void put_number(char *at, uint64_t value) noexcept nogil:
    cdef int i
    for i in range(12, -1, -1):
        at[i] = DIGITS[value & 31]
        value >>= 5


cdef void identify(const VenueEvent *event, const char *exec_id, Trade *t) noexcept nogil:
    """Fill in the identity under which ``exec_id`` is, or would be, booked."""
    t.key.order_id = t.order.order_id if t.order != NULL else 0
    t.key.venue = event.venue
    t.key.account = t.account
    t.key.side = t.side
    copy_text(t.key.venue_order_id, event.venue_order_id, 32)
    if exec_id[0] and (exec_id[39] == 0 or not event.flags & RF_VENUE_EVENT_TRUNCATED):  # the flag may be about another id
        copy_text(t.key.exec_id, exec_id, 40)
    else:
        t.key.exec_id[0] = 126  # ~, which no ExecID of a venue begins with by accident
        put_number(t.key.exec_id + 1, <uint64_t>event.cum_qty)
        put_number(t.key.exec_id + 14, <uint64_t>event.last_px)
        put_number(t.key.exec_id + 27, event.transact_ns)
    t.digest = execution_digest(&t.key)


cdef Execution *append(EngineState *s, const VenueEvent *event, const Trade *t, uint8_t state) noexcept nogil:
    """Take the next row for this trade, at the end of its order's chain; NULL (and a break) when the table is full. Does not index it."""
    cdef uint64_t row = s.engine.execution_count + 1
    cdef Execution *x
    if row >= s.execution_rows:
        raise_break(s, RF_BREAK_KIND_EXECUTIONS_FULL, t.order, event, <int64_t>row - 1, t.qty)
        return NULL
    s.engine.execution_count = row
    x = &s.executions[row]
    x.id = row
    x.order_id = t.key.order_id
    x.last_px = t.px
    x.last_qty = t.qty
    x.transact_ns = event.transact_ns
    x.booked_seq = s.engine.seq
    x.engine_ns = s.engine.engine_ns
    memcpy(x.exec_id, t.key.exec_id, 40)
    memcpy(x.venue_order_id, t.key.venue_order_id, 32)
    x.instrument = t.instrument
    x.account = t.account
    x.strategy = t.strategy
    x.venue = event.venue
    x.side = t.side
    x.state = state
    x.digest = t.digest
    if t.order != NULL:
        if t.order.last_execution:
            s.executions[t.order.last_execution].next = <uint32_t>row
        else:
            t.order.first_execution = <uint32_t>row
        t.order.last_execution = <uint32_t>row
    return x


cdef Execution *remember(EngineState *s, const VenueEvent *event, const Trade *t, uint8_t state) noexcept nogil:
    cdef Execution *x = append(s, event, t, state)
    if x != NULL and not add_execution(s, t.digest, x.id):
        raise_break(s, RF_BREAK_KIND_EXECUTIONS_FULL, t.order, event, x.id, t.qty)
    return x


cdef int add_to_order(Order *o, int64_t qty, int64_t px) noexcept nogil:
    """Add a signed quantity at a price to CumQty and notional; 0 and nothing changed when it does not fit."""
    cdef int64_t cum
    if not rf_add(o.cum_qty, qty, &cum) or not rf_wide_add_product(&o.notional_lo, &o.notional_hi, qty, px):
        return 0
    o.cum_qty = cum
    return 1


cdef void take_from_order(EngineState *s, const VenueEvent *event, Order *o, const Execution *x) noexcept nogil:
    """Take a busted trade out of CumQty and notional. After a split its quantity may be more than is left: CumQty ends at 0, with a break."""
    cdef int64_t cum = o.cum_qty
    add_to_order(o, -x.last_qty, x.last_px)
    if o.cum_qty < 0:
        o.cum_qty = 0
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, o, event, cum, x.last_qty)


cdef inline uint64_t next_row(const EngineState *s) noexcept nogil:
    """The row that the next execution will have; 0 when the table is full."""
    return s.engine.execution_count + 1 if s.engine.execution_count + 1 < s.execution_rows else 0


cdef int credit(EngineState *s, const VenueEvent *event, const Trade *t, uint64_t row, int64_t px, int64_t qty) noexcept nogil:
    """Book one surviving trade, of this row, into order, position and ledger; 0 when the order's figures would overflow (nothing is booked then)."""
    cdef int result
    if t.order != NULL and not add_to_order(t.order, qty, px):
        raise_break(s, RF_BREAK_KIND_OVERFLOW, t.order, event, t.order.cum_qty, qty)
        return 0
    s.engine.fills += 1
    if t.strategy:
        s.strategies[t.strategy].fills += 1
    if t.instrument:
        if s.engine.counting:
            count_trade(s, t.order, t.account, t.strategy, event.venue, t.instrument, t.side, qty, px)
        result = book(s, t.account, t.strategy, t.instrument, by_side(t.side, qty), px)
        if result == BOOKED:
            book_execution(s, t.order, event, row, t.account, t.strategy, t.instrument, by_side(t.side, qty), px)
        else:
            raise_break(s, RF_BREAK_KIND_OVERFLOW if result == BOOK_OVERFLOW else RF_BREAK_KIND_TABLE_FULL, t.order, event, px, qty)
    if t.order != NULL:
        t.order.last_px = px
        t.order.last_qty = qty
    return 1


cdef void conclude(EngineState *s, const VenueEvent *event, const Trade *t, uint8_t kind, uint8_t fact, uint8_t told, int64_t px, int64_t qty) noexcept nogil:
    """After a change of CumQty: overfill, status, event to the strategy."""
    cdef Order *o = t.order
    if o == NULL:
        return
    if o.acked_ns == 0:
        o.acked_ns = s.engine.engine_ns
    advance(s, o, event, kind, fact)
    settle(s, o)
    if s.engine.counting and kind == RF_VENUE_EVENT_KIND_FILL and o.base_status == RF_ORD_STATUS_FILLED:
        note_full_execution(s, o)
    if o.cum_qty > o.qty:
        o.flags |= <uint8_t>RF_ORDER_OVERFILLED
        if kind != RF_VENUE_EVENT_KIND_BUST:
            raise_break(s, RF_BREAK_KIND_OVERFILL, o, event, o.qty, o.cum_qty)
    else:
        o.flags &= <uint8_t>~RF_ORDER_OVERFILLED
    emit_event(s, o, told, RF_DENY_REASON_NONE, px, qty)


cdef void compare_cum_qty(EngineState *s, const VenueEvent *event, Order *o) noexcept nogil:
    """Hold the venue's CumQty against ours after a trade (S5)."""
    cdef int64_t theirs
    if o == NULL or not event.present & RF_PRESENT_CUM_QTY:
        return
    if rf_rescale(event.cum_qty, event.cum_qty_digits, s.instruments[o.instrument].qty_digits, &theirs) == RF_RESCALE_OVERFLOW:
        raise_break(s, RF_BREAK_KIND_OVERFLOW, o, event, o.cum_qty, event.cum_qty)
    elif theirs > o.cum_qty:
        raise_break(s, RF_BREAK_KIND_MISSED_EXECUTION, o, event, o.cum_qty, theirs)
        request_status(s, o)
    elif theirs < o.cum_qty:
        raise_break(s, RF_BREAK_KIND_STALE_REPORT, o, event, o.cum_qty, theirs)


cdef int seen(EngineState *s, const VenueEvent *event, const Trade *t, uint64_t row) noexcept nogil:
    """Return what ends the report when the identity is known: DUPLICATE, which is counted, or MISMATCH, which is a break (S2, S18); else 0."""
    cdef const Execution *x = &s.executions[row]
    if row == 0 or RF_BUG(b"dedupe"):
        return 0
    if x.last_px == t.px and x.last_qty == t.qty:
        s.engine.duplicate_fills += 1
        return DUPLICATE
    raise_break(s, RF_BREAK_KIND_EXECUTION_MISMATCH, t.order, event, x.last_qty, t.qty)
    return MISMATCH


cdef void arrive(EngineState *s, const VenueEvent *event, Trade *t, Execution *held) noexcept nogil:
    """Book a fill whose bust or correction came first: it takes its place now, with what survives of it."""
    cdef Execution *x
    cdef Execution *survivor
    if held.corrected_by and s.executions[held.corrected_by].instrument != t.instrument:  # in suspense only: figures of another scale
        raise_break(s, RF_BREAK_KIND_INSTRUMENT_MISMATCH, t.order, event, s.executions[held.corrected_by].instrument, t.instrument)
        x = append(s, event, t, RF_EXECUTION_BOOKED) if credit(s, event, t, next_row(s), t.px, t.qty) else NULL
        if x != NULL:
            repoint_execution(s, t.digest, held.id, x.id)
        return
    x = append(s, event, t, RF_EXECUTION_BUSTED)
    if x == NULL:
        return
    repoint_execution(s, t.digest, held.id, x.id)
    if held.corrected_by == 0:
        return
    x.state = RF_EXECUTION_CORRECTED
    x.corrected_by = held.corrected_by
    survivor = &s.executions[held.corrected_by]
    survivor.corrects = <uint32_t>x.id
    held.corrected_by = 0
    while survivor.corrected_by:
        survivor = &s.executions[survivor.corrected_by]
    if survivor.state == RF_EXECUTION_HELD and credit(s, event, t, survivor.id, survivor.last_px, survivor.last_qty):
        survivor.state = RF_EXECUTION_BOOKED
        conclude(s, event, t, RF_VENUE_EVENT_KIND_FILL, FILLED_OR_KEEP, RF_EVENT_KIND_FILL, survivor.last_px, survivor.last_qty)


cdef int apply_fill(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil:
    cdef Trade t
    cdef uint64_t row
    cdef int known
    if not event.present & RF_PRESENT_LAST_QTY or event.last_qty == 0:
        return 1
    if event.last_qty < 0:
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, order, event, 0, event.last_qty)
        return 1
    resolve(s, event, order, &t)
    if not measure(s, event, &t):
        return 1
    if t.order != NULL and not event.present & RF_PRESENT_LAST_PX:
        t.px = t.order.px
    identify(event, event.exec_id, &t)
    row = find_execution(s, &t.key, t.digest)
    if row and s.executions[row].state == RF_EXECUTION_HELD and s.executions[row].last_qty == 0:
        arrive(s, event, &t, &s.executions[row])
        return 1
    known = seen(s, event, &t, row)
    if known:
        return known != MISMATCH
    if not credit(s, event, &t, next_row(s), t.px, t.qty):
        return 1
    if t.problem:
        raise_break(s, t.problem, order, event, 0, t.qty)
    if t.inexact:
        raise_inexact(s, event, &t)
    RF_FP(b"E5")
    remember(s, event, &t, RF_EXECUTION_BOOKED)
    conclude(s, event, &t, RF_VENUE_EVENT_KIND_FILL, FILLED_OR_KEEP, RF_EVENT_KIND_FILL, t.px, t.qty)
    compare_cum_qty(s, event, t.order)
    return 1


# ---- busts and corrections (S11) -------------------------------------------------------------------------------------------

cdef Execution *referred(EngineState *s, const VenueEvent *event, Trade *t) noexcept nogil:
    """Return the surviving version of the execution that ExecRefID names, NULL when we do not know it."""
    cdef Trade r = t[0]
    cdef Execution *x
    cdef uint64_t row
    if event.exec_ref_id[0] == 0:
        return NULL
    identify(event, event.exec_ref_id, &r)
    row = find_execution(s, &r.key, r.digest)
    if row == 0:
        return NULL
    x = &s.executions[row]
    while x.corrected_by or x.state == RF_EXECUTION_ASSIGNED:
        x = &s.executions[x.corrected_by if x.corrected_by else x.assigned_to]
    return x


cdef void adopt(EngineState *s, Trade *t, const Execution *x) noexcept nogil:
    """A report that names nobody, about an execution that an operator took out of suspense: it is of that order or strategy now."""
    if t.order != NULL or x.strategy == 0:
        return
    t.order = &s.orders[x.order_id] if x.order_id else NULL
    t.side = x.side
    t.account = x.account
    t.strategy = x.strategy


cdef Execution *hold(EngineState *s, const VenueEvent *event, const Trade *t) noexcept nogil:
    """Keep a place for an execution that a bust or correction names before it came; NULL when it cannot be kept."""
    cdef Trade r = t[0]
    raise_break(s, RF_BREAK_KIND_UNKNOWN_EXEC_REF, t.order, event, 0, t.qty)
    if event.exec_ref_id[0] == 0:
        return NULL
    identify(event, event.exec_ref_id, &r)
    r.px = 0
    r.qty = 0
    return remember(s, event, &r, RF_EXECUTION_HELD)


cdef int recompute_position(
    EngineState *s, const VenueEvent *event, const Trade *t, uint64_t changed, int64_t out_qty, int64_t out_px, int64_t in_qty, int64_t in_px,
) noexcept nogil:
    cdef int result
    if t.instrument == 0:
        return 0
    if s.engine.counting and in_qty:
        count_correction(s, t.order, t.account, t.strategy, event.venue, t.instrument, t.side, out_qty, out_px, in_qty, in_px)
    result = recompute(s, t.account, t.strategy, t.instrument, changed, by_side(t.side, out_qty), out_px, by_side(t.side, in_qty), in_px)
    if result != BOOKED:
        raise_break(s, RF_BREAK_KIND_EXECUTIONS_FULL if result == BOOK_REVERSED else RF_BREAK_KIND_OVERFLOW, t.order, event, out_qty, in_qty)
    return result == BOOKED or result == BOOK_REVERSED


cdef void apply_bust(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil:
    cdef Trade t
    cdef Execution *x
    resolve(s, event, order, &t)
    x = referred(s, event, &t)
    if x == NULL:
        hold(s, event, &t)
    elif x.state == RF_EXECUTION_BUSTED or (x.state == RF_EXECUTION_HELD and x.last_qty == 0):
        s.engine.duplicate_fills += 1
    elif x.state == RF_EXECUTION_HELD:
        x.state = RF_EXECUTION_BUSTED
    else:
        x.state = RF_EXECUTION_BUSTED
        adopt(s, &t, x)
        t.instrument = x.instrument
        if t.order != NULL:
            take_from_order(s, event, t.order, x)
        if recompute_position(s, event, &t, x.id, x.last_qty, x.last_px, 0, 0):
            book_bust(s, t.order, event, x.id)
        conclude(s, event, &t, RF_VENUE_EVENT_KIND_BUST, KEEP, RF_EVENT_KIND_BUST, x.last_px, x.last_qty)


cdef void replace_execution(EngineState *s, const VenueEvent *event, Trade *t, Execution *old) noexcept nogil:
    """Let this correction stand in the place of ``old``, which was booked."""
    cdef Execution *x
    cdef int64_t qty = old.last_qty, px = old.last_px
    if t.order != NULL:
        add_to_order(t.order, -old.last_qty, old.last_px)
        if not add_to_order(t.order, t.qty, t.px):
            add_to_order(t.order, old.last_qty, old.last_px)
            raise_break(s, RF_BREAK_KIND_OVERFLOW, t.order, event, t.order.cum_qty, t.qty)
            return
    x = remember(s, event, t, RF_EXECUTION_BOOKED)
    if x != NULL:
        x.corrects = <uint32_t>old.id
        old.state = RF_EXECUTION_CORRECTED
        old.corrected_by = <uint32_t>x.id
    else:
        old.last_px = t.px
        old.last_qty = t.qty
    if recompute_position(s, event, t, old.id, qty, px, t.qty, t.px):
        book_correction(s, t.order, event, old.id, x.id if x != NULL else 0, by_side(t.side, t.qty), t.px)
    conclude(s, event, t, RF_VENUE_EVENT_KIND_CORRECT, BY_QUANTITY, RF_EVENT_KIND_CORRECT, t.px, t.qty)


cdef void arrive_correction(EngineState *s, const VenueEvent *event, Trade *t, Execution *held) noexcept nogil:
    """A correction whose own bust or correction came first: it takes its place in the chain now, with what survives of it."""
    cdef Execution *old = referred(s, event, t)
    cdef Execution *survivor = held
    cdef int booked
    while survivor.corrected_by:
        survivor = &s.executions[survivor.corrected_by]
    if old == NULL:
        old = hold(s, event, t)
        if old == NULL:
            return
    elif old.instrument != t.instrument:  # in suspense only
        raise_break(s, RF_BREAK_KIND_INSTRUMENT_MISMATCH, t.order, event, old.instrument, t.instrument)
        return
    elif old == survivor or old.state == RF_EXECUTION_BUSTED or old.last_qty == 0:
        raise_break(s, RF_BREAK_KIND_UNKNOWN_EXEC_REF, t.order, event, 0, t.qty)
        return
    booked = old.state == RF_EXECUTION_BOOKED
    if booked and survivor.state == RF_EXECUTION_HELD and survivor != held and t.order != NULL:
        add_to_order(t.order, -old.last_qty, old.last_px)
        if not add_to_order(t.order, survivor.last_qty, survivor.last_px):
            add_to_order(t.order, old.last_qty, old.last_px)
            raise_break(s, RF_BREAK_KIND_OVERFLOW, t.order, event, t.order.cum_qty, survivor.last_qty)
            return
    held.last_px = t.px
    held.last_qty = t.qty
    held.transact_ns = event.transact_ns
    held.corrects = <uint32_t>old.id
    held.state = RF_EXECUTION_CORRECTED if held.corrected_by else RF_EXECUTION_BUSTED
    old.corrected_by = <uint32_t>held.id
    if old.last_qty:
        old.state = RF_EXECUTION_CORRECTED
    if not booked:
        return
    adopt(s, t, old)
    if survivor.state == RF_EXECUTION_HELD:
        survivor.state = RF_EXECUTION_BOOKED
        if recompute_position(s, event, t, old.id, old.last_qty, old.last_px, survivor.last_qty, survivor.last_px):
            book_correction(s, t.order, event, old.id, survivor.id, by_side(t.side, survivor.last_qty), survivor.last_px)
        conclude(s, event, t, RF_VENUE_EVENT_KIND_CORRECT, BY_QUANTITY, RF_EVENT_KIND_CORRECT, survivor.last_px, survivor.last_qty)
        return
    if t.order != NULL:
        take_from_order(s, event, t.order, old)
    if recompute_position(s, event, t, old.id, old.last_qty, old.last_px, 0, 0):
        book_bust(s, t.order, event, old.id)
    conclude(s, event, t, RF_VENUE_EVENT_KIND_BUST, KEEP, RF_EVENT_KIND_BUST, old.last_px, old.last_qty)


cdef int apply_correct(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil:
    cdef Trade t
    cdef uint64_t row
    cdef Execution *old
    cdef Execution *x
    cdef int known
    resolve(s, event, order, &t)
    if not measure(s, event, &t):
        return 1
    if t.qty <= 0 or not event.present & RF_PRESENT_LAST_QTY or not event.present & RF_PRESENT_LAST_PX:
        raise_break(s, RF_BREAK_KIND_UNEXPECTED_TRANSITION, t.order, event, 0, t.qty)
        return 1
    identify(event, event.exec_id, &t)
    row = find_execution(s, &t.key, t.digest)
    if row and s.executions[row].state == RF_EXECUTION_HELD and s.executions[row].last_qty == 0:
        arrive_correction(s, event, &t, &s.executions[row])
        return 1
    known = seen(s, event, &t, row)
    if known:
        return known != MISMATCH
    if t.inexact:
        raise_inexact(s, event, &t)
    old = referred(s, event, &t)
    if old == NULL:
        old = hold(s, event, &t)
        if old == NULL:
            return 1
    elif old.instrument != t.instrument:  # in suspense only
        raise_break(s, RF_BREAK_KIND_INSTRUMENT_MISMATCH, t.order, event, old.instrument, t.instrument)
        return 1
    elif old.state == RF_EXECUTION_BOOKED:
        if t.order == NULL and old.strategy:
            adopt(s, &t, old)
            identify(event, event.exec_id, &t)
            known = seen(s, event, &t, find_execution(s, &t.key, t.digest))
            if known:
                return known != MISMATCH
        replace_execution(s, event, &t, old)
        return 1
    elif old.state == RF_EXECUTION_BUSTED or old.last_qty == 0:
        raise_break(s, RF_BREAK_KIND_UNKNOWN_EXEC_REF, t.order, event, 0, t.qty)
        return 1
    x = remember(s, event, &t, RF_EXECUTION_HELD)
    if x != NULL:
        x.corrects = <uint32_t>old.id
        old.corrected_by = <uint32_t>x.id
        if old.last_qty:
            old.state = RF_EXECUTION_CORRECTED
    return 1
