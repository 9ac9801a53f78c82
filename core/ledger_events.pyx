"""The ledger's way in: events, and the busts and corrections that change the content in force of earlier ones.

    LedgerEvent ──▶ book ──▶ ledger_kinds.apply ──▶ chain, checkpoint ──▶ ledger_legs: what it did
                     └── bust, correction ──▶ the content in force changes ──▶ ledger_recompute ──▶ ledger_legs: the difference

A bust or correction before its event is HELD under the identity that it waits for and acts when that comes; those that name a held one wait with it. A bust
is final; a correction of a correction names its identity and goes on top. Of the same identity twice, the first stands (DUPLICATE, or CONFLICT when it says
something else). Who owns what: all tables are the caller's memory, and the modules of the ledger its only writers. What can fail is a LedgerResult; then no
figure has changed.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.ledger_index cimport WAITS, drop_positions_above, find_or_add, find_position, in_force, key_slot
from ringfence.core.ledger_kinds cimport apply
from ringfence.core.ledger_legs cimport say_legs, touch
from ringfence.core.ledger_names cimport book_name, is_unnamed, take_name_back
from ringfence.core.ledger_recompute cimport POSITION_LINKED, POSITION_UNNAMED, after_event, chain, link_event, recompute, set_state, stamp_family
from ringfence.core.ledger_trades cimport apply_fill
from ringfence.core.lots cimport LedgerTables
from ringfence.core.wide cimport rf_wide_abs, rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CORRECT, RF_LEDGER_EVENT_KIND_CROSS, RF_LEDGER_EVENT_KIND_EXPIRE, RF_LEDGER_EVENT_KIND_FILL,
    RF_LEDGER_EVENT_KIND_MAX, RF_LEDGER_EVENT_KIND_NAME_LOT, RF_LEDGER_EVENT_KIND_REWARD, RF_LEDGER_EVENT_KIND_SPIN_OFF,
    RF_LEDGER_EVENT_KIND_SPLIT, RF_LEDGER_EVENT_KIND_TRANSFER, RF_LEDGER_EVENT_STATE_APPLIED, RF_LEDGER_EVENT_STATE_BOOKED,
    RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_EVENT_STATE_HELD, RF_LEDGER_EVENT_STATE_REPLACED, RF_LEDGER_FEE_HELD, RF_LEDGER_FEE_MAX,
    RF_LEDGER_GIVEN_AMOUNT, RF_LEDGER_GIVEN_FEE, RF_LEDGER_GIVEN_FX, RF_LEDGER_GIVEN_PICKS, RF_LEDGER_GIVEN_PX, RF_LEDGER_GIVEN_QTY,
    RF_LEDGER_GIVEN_SIDE, RF_LEDGER_METHOD_MAX, RF_LEDGER_RESULT_AMBIGUOUS, RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_CONFLICT,
    RF_LEDGER_RESULT_DUPLICATE, RF_LEDGER_RESULT_HELD, RF_LEDGER_RESULT_NOT_FLAT,
    RF_LEDGER_RESULT_NO_INSTRUMENT, RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_OVERFLOW, LedgerEvent,
)


cdef int set_method(LedgerTables *t, uint16_t account, uint16_t strategy, uint32_t instrument, int method) noexcept nogil:
    cdef uint32_t row
    if method < 1 or method > RF_LEDGER_METHOD_MAX:
        return RF_LEDGER_RESULT_BAD_EVENT
    row = find_or_add(t, account, strategy, instrument, <uint8_t>method)
    if row == 0:
        return RF_LEDGER_RESULT_NO_ROW
    if rf_wide_load(t.positions[row].qty) != 0:
        return RF_LEDGER_RESULT_NOT_FLAT
    t.positions[row].method = <uint8_t>method
    return RF_LEDGER_RESULT_BOOKED


cdef void take_over(LedgerEvent *c, const LedgerEvent *e) noexcept nogil:
    """Fill in what a correction leaves as it was."""
    cdef wide_t size
    if not c.given & RF_LEDGER_GIVEN_QTY:
        size = rf_wide_abs(rf_wide_load(e.qty))
    else:
        size = rf_wide_abs(rf_wide_load(c.qty))
    if not c.given & RF_LEDGER_GIVEN_SIDE:
        rf_wide_store(c.qty, size if rf_wide_load(e.qty) >= 0 else -size)
    else:
        rf_wide_store(c.qty, size if rf_wide_load(c.qty) >= 0 else -size)
    if not c.given & RF_LEDGER_GIVEN_PX:
        memcpy(c.px, e.px, sizeof(c.px))
    if not c.given & RF_LEDGER_GIVEN_FEE:
        memcpy(c.fee, e.fee, sizeof(c.fee))
        memcpy(c.fee_px, e.fee_px, sizeof(c.fee_px))
        c.fee_kind = e.fee_kind
        c.other_instrument = e.other_instrument
    if not c.given & RF_LEDGER_GIVEN_FX:
        c.fx = e.fx
        c.fx_digits = e.fx_digits
    if not c.given & RF_LEDGER_GIVEN_AMOUNT:
        memcpy(c.amount, e.amount, sizeof(c.amount))
        c.amount_given = e.amount_given
    if not c.given & RF_LEDGER_GIVEN_PICKS:
        c.first_pick = e.first_pick
        c.pick_count = e.pick_count
    c.ratio_num = e.ratio_num
    c.ratio_den = e.ratio_den
    c.share_num = e.share_num
    c.share_den = e.share_den
    c.kind = RF_LEDGER_EVENT_KIND_CORRECT
    c.instrument = e.instrument
    c.account = e.account
    c.strategy = e.strategy
    c.other_account = e.other_account
    c.other_strategy = e.other_strategy


cdef int bust_cross(LedgerTables *t, uint32_t row, uint64_t seq) noexcept nogil:
    """Take both halves of a cross out, that of the sale is taken out already; what one of them cannot leave stays as it is."""
    cdef uint32_t one = t.events[row].position, other = t.events[row + 1].position
    cdef int result
    t.events[row + 1].state = RF_LEDGER_EVENT_STATE_BUSTED
    result = recompute(t, one, 0, row)
    if result == RF_LEDGER_RESULT_BOOKED:
        result = recompute(t, other, 0, row + 1)
    if result == RF_LEDGER_RESULT_BOOKED:
        stamp_family(t, one, seq)
        stamp_family(t, other, seq)
    else:
        t.events[row].state = RF_LEDGER_EVENT_STATE_BOOKED
        t.events[row + 1].state = RF_LEDGER_EVENT_STATE_BOOKED
        recompute(t, one, 0, row)
        recompute(t, other, 0, row + 1)
    return result


cdef int refer(LedgerTables *t, uint32_t row, uint32_t named) noexcept nogil:
    """Let a bust or correction in ``row`` act on the event that it names."""
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t at = t.events[named].root if t.events[named].root else named, other
    cdef LedgerEvent *root = &t.events[at]
    cdef uint32_t newest = root.newest
    cdef int state = root.state, result
    t.former = 0
    if t.events[named].kind == RF_LEDGER_EVENT_KIND_BUST or (root.position == 0 and not moves_cash(root.kind)):
        return RF_LEDGER_RESULT_BAD_EVENT
    if e.kind == RF_LEDGER_EVENT_KIND_CORRECT and (root.position == 0 or root.kind == RF_LEDGER_EVENT_KIND_CROSS):
        return RF_LEDGER_RESULT_BAD_EVENT
    e.root = at
    e.value_day = root.value_day
    e.state = RF_LEDGER_EVENT_STATE_APPLIED
    if root.state == RF_LEDGER_EVENT_STATE_BUSTED:
        return RF_LEDGER_RESULT_BOOKED
    t.former = newest if newest else at
    if e.kind == RF_LEDGER_EVENT_KIND_BUST:
        set_state(t, at, RF_LEDGER_EVENT_STATE_BUSTED)
        if root.position == 0:
            return RF_LEDGER_RESULT_BOOKED
        if root.kind == RF_LEDGER_EVENT_KIND_CROSS:
            return bust_cross(t, at, e.seq)
    else:
        take_over(e, in_force(t, at))
        if e.fee_kind == RF_LEDGER_FEE_HELD and root.other_position == 0:
            other = find_position(t, root.account, root.strategy, e.other_instrument)
            if other == 0 or other == root.position:
                return RF_LEDGER_RESULT_BAD_EVENT
            root.other_position = other
            chain(t, other, at)
            t.positions[root.position].flags |= POSITION_LINKED
            t.positions[other].flags |= POSITION_LINKED
        root.newest = row
    if root.kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
        result = take_name_back(t, at)
    else:
        result = recompute(t, root.position, root.other_position, at)
    if result != RF_LEDGER_RESULT_BOOKED:
        root.newest = newest
        set_state(t, at, <uint8_t>state)
        recompute(t, root.position, root.other_position, at)
        return result
    stamp_family(t, root.position, e.seq)
    if newest and e.kind == RF_LEDGER_EVENT_KIND_CORRECT:
        t.events[newest].state = RF_LEDGER_EVENT_STATE_REPLACED
    return RF_LEDGER_RESULT_BOOKED


cdef int refuse(LedgerTables *t, const LedgerEvent *source, int result) noexcept nogil:
    """Count a booking that changed no figure, and keep it for a caller that wants it."""
    t.head.refused += 1
    t.head.refusal = <uint8_t>result
    if t.refusals != NULL:
        if t.refusal_count < t.refusal_rows:
            t.refusals[t.refusal_count].event = source[0]
            t.refusals[t.refusal_count].result = result
        t.refusal_count += 1
    return result


cdef void let_waiting_act(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    """Busts and corrections that came before the event in ``row``, oldest first, and those that in turn waited for them."""
    cdef uint32_t after, behind
    cdef int result
    while waiting:
        after = t.events[waiting].next_of_position
        behind = t.events[waiting].next_of_other
        t.events[waiting].next_of_position = 0
        t.events[waiting].next_of_other = 0
        t.head.held -= 1
        result = refer(t, waiting, row)
        if result != RF_LEDGER_RESULT_BOOKED:
            t.events[waiting].state = RF_LEDGER_EVENT_STATE_REPLACED
            refuse(t, &t.events[waiting], result)
        let_waiting_act(t, waiting, behind)
        waiting = after


cdef void hold(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    """Keep a bust or correction until its event comes.

    The slot of an identity holds the event that has it, or the first of those that wait for it, linked through ``next_of_position``; what waits for an
    event that is itself held hangs on its ``next_of_other``.
    """
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t slot, at
    e.state = RF_LEDGER_EVENT_STATE_HELD
    t.head.held += 1
    if e.key:
        e.next_of_other = waiting
        t.by_key[key_slot(t, e.key)] = row
    slot = key_slot(t, e.ref_key)
    at = t.by_key[slot]
    if at == 0:
        t.by_key[slot] = row | WAITS
        return
    if at & WAITS:
        at &= ~<uint32_t>WAITS
    elif t.events[at].next_of_other == 0:
        t.events[at].next_of_other = row
        return
    else:
        at = t.events[at].next_of_other
    while t.events[at].next_of_position:
        at = t.events[at].next_of_position
    t.events[at].next_of_position = row


cdef int book_reference(LedgerTables *t, uint32_t row, uint32_t waiting) noexcept nogil:
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t named = t.by_key[key_slot(t, e.ref_key)]
    cdef int result
    if e.ref_key == 0 or e.ref_key == e.key:
        return RF_LEDGER_RESULT_BAD_EVENT
    if named == 0 or named & WAITS or (t.events[named].state == RF_LEDGER_EVENT_STATE_HELD and not is_unnamed(t, named)):
        t.head.event_count = row
        hold(t, row, waiting)
        return RF_LEDGER_RESULT_HELD
    result = refer(t, row, named)
    if result != RF_LEDGER_RESULT_BOOKED:
        return result
    t.head.event_count = row
    if e.key:
        t.by_key[key_slot(t, e.key)] = row
        let_waiting_act(t, row, waiting)
    return RF_LEDGER_RESULT_BOOKED


cdef int hold_unnamed(LedgerTables *t, uint32_t row) noexcept nogil:
    """Let a close of SPEC wait for the names of its lots."""
    set_state(t, row, RF_LEDGER_EVENT_STATE_HELD)
    t.positions[t.events[row].position].flags |= POSITION_UNNAMED
    return RF_LEDGER_RESULT_HELD


cdef inline void enter(LedgerTables *t, LedgerEvent *e, uint32_t row, uint32_t position, uint32_t other, uint32_t slot, uint32_t waiting) noexcept nogil:
    """Make a booked event one of the ledger's: count it, chain it, let it be found."""
    t.head.event_count = row
    link_event(t, row, position, other)
    after_event(t, position, row, e.seq)
    if other:
        after_event(t, other, row, e.seq)
    if e.key:
        t.by_key[slot] = row
        if waiting:
            let_waiting_act(t, row, waiting)


cdef inline int book_fill(LedgerTables *t, LedgerEvent *e, uint32_t row, uint32_t slot, uint32_t waiting) noexcept nogil:
    """The same as ``book_event`` for a fill of one position, which is most of all events."""
    cdef uint32_t positions = t.head.position_count, position = find_or_add(t, e.account, e.strategy, e.instrument, e.method)
    cdef int result
    if position == 0:
        return RF_LEDGER_RESULT_NO_ROW
    e.position = position
    e.state = RF_LEDGER_EVENT_STATE_BOOKED
    if t.legs != NULL:
        touch(t, position)
    result = apply_fill(t, row)
    if result != RF_LEDGER_RESULT_BOOKED:
        if result != RF_LEDGER_RESULT_AMBIGUOUS or not t.hold_unnamed:
            drop_positions_above(t, positions)
            return result
        result = hold_unnamed(t, row)
    enter(t, e, row, position, 0, slot, waiting)
    return result


cdef int book_cash_event(LedgerTables *t, uint32_t row, uint32_t slot, uint32_t waiting) noexcept nogil:
    """Keep what moves money of an account: it has no position, and whoever keeps balances adds it to them."""
    t.events[row].state = RF_LEDGER_EVENT_STATE_BOOKED
    t.head.event_count = row
    if t.events[row].key:
        t.by_key[slot] = row
        let_waiting_act(t, row, waiting)
    return RF_LEDGER_RESULT_BOOKED


cdef inline int is_defined(const LedgerTables *t, uint32_t instrument) noexcept nogil:
    return instrument < t.head.instrument_rows and t.instruments[instrument].defined


cdef int book_event(LedgerTables *t, uint32_t row, uint32_t slot, uint32_t waiting) noexcept nogil:
    """Book what is no bust or correction; ``slot`` is that of its identity."""
    cdef LedgerEvent *e = &t.events[row]
    cdef uint32_t positions = t.head.position_count, position, other = 0
    cdef int result, ties = 0
    if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        if e.other_account == e.account and e.other_strategy == e.strategy:
            return RF_LEDGER_RESULT_BAD_EVENT
        ties = 1
    elif e.fee_kind == RF_LEDGER_FEE_HELD or e.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF:
        if not is_defined(t, e.other_instrument) or e.other_instrument == e.instrument:
            return RF_LEDGER_RESULT_NO_INSTRUMENT
        ties = 1
    position = find_or_add(t, e.account, e.strategy, e.instrument, e.method)
    if ties and position:
        if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
            other = find_or_add(t, e.other_account, e.other_strategy, e.instrument, e.method)
        else:
            other = find_or_add(t, e.account, e.strategy, e.other_instrument, e.method)
    if position == 0 or (ties and other == 0):
        drop_positions_above(t, positions)
        return RF_LEDGER_RESULT_NO_ROW
    e.position = position
    e.other_position = other
    e.state = RF_LEDGER_EVENT_STATE_BOOKED
    touch(t, position)
    touch(t, other)
    result = apply(t, row)
    if result == RF_LEDGER_RESULT_AMBIGUOUS and t.hold_unnamed:
        result = hold_unnamed(t, row)
    elif result != RF_LEDGER_RESULT_BOOKED:
        if ties or e.kind == RF_LEDGER_EVENT_KIND_SPLIT or e.kind == RF_LEDGER_EVENT_KIND_REWARD or e.kind == RF_LEDGER_EVENT_KIND_EXPIRE:
            recompute(t, position, other, row)
        drop_positions_above(t, positions)
        return result
    enter(t, e, row, position, other, slot, waiting)
    return result


cdef int book_cross(LedgerTables *t, uint32_t row, uint32_t slot, uint32_t waiting) noexcept nogil:
    """Book what one strategy sells to another: two trades without a fee, in two rows, of which the first has the identity; both or none."""
    cdef LedgerEvent *e = &t.events[row]
    cdef LedgerEvent *other = &t.events[row + 1]
    cdef uint32_t positions = t.head.position_count
    cdef int result = RF_LEDGER_RESULT_NO_ROW
    if row + 1 >= t.head.event_rows:
        return RF_LEDGER_RESULT_NO_ROW
    if e.strategy == e.other_strategy or rf_wide_load(e.qty) >= 0 or e.fee_kind:
        return RF_LEDGER_RESULT_BAD_EVENT
    e.position = find_or_add(t, e.account, e.strategy, e.instrument, e.method)
    e.state = RF_LEDGER_EVENT_STATE_BOOKED
    other[0] = e[0]
    other.key = 0
    other.strategy = e.other_strategy
    other.other_strategy = e.strategy
    rf_wide_store(other.qty, -rf_wide_load(e.qty))
    if e.position:
        other.position = find_or_add(t, other.account, other.strategy, other.instrument, other.method)
    if e.position and other.position:
        touch(t, e.position)
        touch(t, other.position)
        result = apply(t, row)
        if result == RF_LEDGER_RESULT_BOOKED:
            result = apply(t, row + 1)
            if result != RF_LEDGER_RESULT_BOOKED:
                recompute(t, e.position, 0, row)
    if result != RF_LEDGER_RESULT_BOOKED:
        memset(other, 0, sizeof(LedgerEvent))
        drop_positions_above(t, positions)
        return result
    t.head.event_count = row + 1
    link_event(t, row, e.position, 0)
    link_event(t, row + 1, other.position, 0)
    after_event(t, e.position, row, e.seq)
    after_event(t, other.position, row + 1, e.seq)
    if e.key:
        t.by_key[slot] = row
        let_waiting_act(t, row, waiting)
    return RF_LEDGER_RESULT_BOOKED


cdef int book_other(LedgerTables *t, LedgerEvent *e, uint32_t row, uint32_t slot, uint32_t waiting) noexcept nogil:
    """Book what is no fill."""
    cdef int result
    if e.kind == RF_LEDGER_EVENT_KIND_BUST or e.kind == RF_LEDGER_EVENT_KIND_CORRECT:
        return book_reference(t, row, waiting)
    if e.kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
        result = book_name(t, row)
        if result == RF_LEDGER_RESULT_BOOKED:
            t.by_key[slot] = row
        return result
    if moves_cash(e.kind):
        return book_cash_event(t, row, slot, waiting)
    if not is_defined(t, e.instrument):
        return RF_LEDGER_RESULT_NO_INSTRUMENT
    if e.kind == RF_LEDGER_EVENT_KIND_CROSS:
        return book_cross(t, row, slot, waiting)
    return book_event(t, row, slot, waiting)


cdef inline int figures_fit(const LedgerEvent *e) noexcept nogil:
    """Whether all numbers of an event are figures, so that they can be negated and added: -2^125 <= v < 2^125, of all five at once."""
    cdef uint64_t half = <uint64_t>1 << 61
    return ((e.qty[1] + half) | (e.px[1] + half) | (e.amount[1] + half) | (e.fee[1] + half) | (e.fee_px[1] + half)) >> 62 == 0


cdef inline int recomputes(uint8_t kind) noexcept nogil:
    return kind == RF_LEDGER_EVENT_KIND_BUST or kind == RF_LEDGER_EVENT_KIND_CORRECT or kind == RF_LEDGER_EVENT_KIND_NAME_LOT


cdef int book(LedgerTables *t, const LedgerEvent *source) noexcept nogil:
    cdef uint32_t row = t.head.event_count + 1, known, slot = 0, waiting = 0, touched
    cdef LedgerEvent *e
    cdef int result
    t.closing_count = 0
    if not t.keep:
        t.leg_count = 0
        t.touched_count = 0
        t.refusal_count = 0
    touched = t.touched_count
    if source.key:
        slot = key_slot(t, source.key)
        known = t.by_key[slot]
        if known & WAITS:
            waiting = known & ~<uint32_t>WAITS
        elif known:
            if t.events[known].content == source.content:
                t.head.duplicates += 1
                return RF_LEDGER_RESULT_DUPLICATE
            t.head.conflicts += 1
            return RF_LEDGER_RESULT_CONFLICT
    if row >= t.head.event_rows:
        return refuse(t, source, RF_LEDGER_RESULT_NO_ROW)
    e = &t.events[row]
    e[0] = source[0]
    e.root = 0
    e.newest = 0
    e.position = 0
    e.other_position = 0
    e.next_of_position = 0
    e.next_of_other = 0
    if e.kind == 0 or e.kind > RF_LEDGER_EVENT_KIND_MAX or e.seq < t.head.last_seq or e.fee_kind > RF_LEDGER_FEE_MAX or e.method > RF_LEDGER_METHOD_MAX:
        result = RF_LEDGER_RESULT_BAD_EVENT
    elif not figures_fit(e):
        result = RF_LEDGER_RESULT_OVERFLOW
    elif e.kind != RF_LEDGER_EVENT_KIND_FILL:
        result = book_other(t, e, row, slot, waiting)
    elif not is_defined(t, e.instrument):
        result = RF_LEDGER_RESULT_NO_INSTRUMENT
    elif e.fee_kind != RF_LEDGER_FEE_HELD:
        result = book_fill(t, e, row, slot, waiting)
    else:
        result = book_event(t, row, slot, waiting)
    if result != RF_LEDGER_RESULT_BOOKED and result != RF_LEDGER_RESULT_HELD:
        memset(e, 0, sizeof(LedgerEvent))
        t.touched_count = touched
        return refuse(t, source, result)
    t.head.last_seq = source.seq
    if t.legs != NULL:
        say_legs(t, source.seq, recomputes(e.kind))
    return result
