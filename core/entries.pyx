"""Entries: funding, interest, dividends, splits, transfers and the like, which no venue reports to us, as journaled commands of two people.

    BOOK_ENTRY ──authority: a second person──▶ judge ──BOOKED──▶ event_of ──▶ ledger_events.book ──▶ positions.apply_entry, scopes
                                                 └──else──▶ LEDGER_REFUSED with the LedgerResult; nothing has changed

An entry is judged when it is proposed, so that nobody approves what cannot be, and again when it is booked. Its reference (that of the statement or notice) is
its identity: the same entry twice is a DUPLICATE, another one under the same reference a CONFLICT. An entry in error is reversed by another entry, a BUST that
names its reference: ledger and positions are then what they would be without it. Such a reference is used up; the right entry needs another.

Which fields a kind needs and may have is a table. Amounts have digits of their own and are brought to the ledger's 18; the rate to the firm's currency is that
of the moment of booking. Kinds that change a quantity or a cost change the position of the risk checks in the same input: on copies first, so that what does
not fit there is not booked in the ledger either. A transfer makes nobody a profit or loss of the day; of a split, a spin-off and their like the prices are
still those of before, so only the next mark or trade judges DAILY_LOSS. Suspense takes no entries: its executions are assigned first.
Written by the engine alone. What can fail is a LedgerResult. Rejected: a file that the engine reads (a replay would need the same file), and entries as fills
of an invented venue (their busts would be reversing trades, and turnover and fees would count them).
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from ringfence.core.audit cimport fold
from ringfence.core.bookkeeping cimport begin, follow_method
from ringfence.core.breaks cimport raise_break, raise_daily
from ringfence.core.cash_entries cimport can_take_back, cash_event_of, move_cash
from ringfence.core.dedupe cimport find_position
from ringfence.core.ledger_events cimport book, moves_cash
from ringfence.core.ledger_index cimport find_event
from ringfence.core.ledger_index cimport find_position as find_ledger_position
from ringfence.core.ledger_trades cimport power_of_ten
from ringfence.core.name_entries cimport enter_name, judge_name, name_of
from ringfence.core.position_recompute cimport hold_without, try_without
from ringfence.core.positions cimport BOOK_NOT_HELD, BOOKED, apply_entry, changes_position, find_or_add, stamp, stamp_unjudged, take_over
from ringfence.core.reservations cimport weigh_booked
from ringfence.core.state cimport EngineState
from ringfence.core.value_dates cimport keep_dates
from ringfence.core.wide cimport rf_wide_from, rf_wide_is_figure, rf_wide_load, rf_wide_narrow, rf_wide_product, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_BREAK_KIND_LEDGER_REFUSED, RF_BREAK_KIND_LOTS_MERGED, RF_LEDGER_DAILY, RF_LEDGER_EVENT_KIND_BUST, RF_LEDGER_EVENT_KIND_CROSS,
    RF_LEDGER_EVENT_KIND_DIVIDEND, RF_LEDGER_EVENT_KIND_EXPIRE, RF_LEDGER_EVENT_KIND_MAX, RF_LEDGER_EVENT_KIND_NAME_LOT,
    RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL, RF_LEDGER_EVENT_KIND_REWARD, RF_LEDGER_EVENT_KIND_SETTLE, RF_LEDGER_EVENT_KIND_SPIN_OFF,
    RF_LEDGER_EVENT_KIND_SPLIT, RF_LEDGER_EVENT_KIND_TRANSFER, RF_LEDGER_EVENT_STATE_BOOKED, RF_LEDGER_INVERSE, RF_LEDGER_MARGIN, RF_LEDGER_METHOD_WAC,
    RF_LEDGER_MONEY_DIGITS,
    RF_LEDGER_RESULT_BAD_EVENT, RF_LEDGER_RESULT_BAD_PRICE, RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_CONFLICT, RF_LEDGER_RESULT_DUPLICATE,
    RF_LEDGER_RESULT_NO_INSTRUMENT, RF_LEDGER_RESULT_NO_ROW, RF_LEDGER_RESULT_NOT_HELD, RF_LEDGER_RESULT_OVERFLOW, LedgerEntry, LedgerEvent,
    LedgerInstrument, Position,
)

from ringfence.ipc.schema import ENUMS

cdef enum:
    GIVEN_QTY = 1
    GIVEN_PX = 2
    GIVEN_AMOUNT = 4
    GIVEN_RATIO = 8
    GIVEN_OTHER = 16
    GIVEN_OTHER_STRATEGY = 32
    KINDS = 32
    REFERENCE_BYTES = 16

# What each kind needs, and what it may have besides: a price may be 0 where it says what something is worth. What is not here is no entry.
FIELDS = {
    "FUNDING": ("AMOUNT", ""),
    "INTEREST": ("AMOUNT", ""),
    "DIVIDEND": ("", "PX AMOUNT"),
    "RETURN_OF_CAPITAL": ("PX", ""),
    "SETTLE": ("", "PX"),
    "EXPIRE": ("", "PX"),
    "REWARD": ("QTY", "PX"),
    "SPLIT": ("RATIO", "PX QTY"),
    "SPIN_OFF": ("RATIO OTHER", "AMOUNT"),
    "TRANSFER": ("QTY OTHER OTHER_STRATEGY", "AMOUNT PX"),
    "CROSS": ("QTY OTHER_STRATEGY", "PX"),
    "NAME_LOT": ("QTY RATIO", ""),
    "DEPOSIT": ("AMOUNT OTHER", ""),
    "WITHDRAWAL": ("AMOUNT OTHER", ""),
    "CONVERSION": ("AMOUNT OTHER QTY OTHER_STRATEGY", ""),
    "BUST": ("", ""),
}

cdef uint8_t[KINDS] NEEDED
cdef uint8_t[KINDS] ALLOWED
cdef uint8_t[KINDS] IS_ENTRY


def _load():
    """Fill the C arrays from the table; called once at import."""
    bits = {"QTY": GIVEN_QTY, "PX": GIVEN_PX, "AMOUNT": GIVEN_AMOUNT, "RATIO": GIVEN_RATIO, "OTHER": GIVEN_OTHER, "OTHER_STRATEGY": GIVEN_OTHER_STRATEGY}
    if <int>RF_LEDGER_EVENT_KIND_MAX >= <int>KINDS:
        raise ValueError("LedgerEventKind outgrew the arrays of core/entries.pyx; raise KINDS")
    for kind, (needed, besides) in FIELDS.items():
        row = ENUMS["LedgerEventKind"].by_name[kind]
        IS_ENTRY[row] = 1
        NEEDED[row] = sum(bits[name] for name in needed.split())
        ALLOWED[row] = NEEDED[row] | sum(bits[name] for name in besides.split())


_load()


# ---- identity ------------------------------------------------------------------------------------------------------------------------

cdef int is_reference(const char *text) noexcept nogil:
    """Printable characters without a blank, then zeros: so that one text has one digest."""
    cdef int i, ended = 0
    for i in range(REFERENCE_BYTES):
        if text[i] == 0:
            ended = 1
        elif ended or not 32 < <uint8_t>text[i] < 127:
            return 0
    return text[0] != 0


cdef uint64_t key_of(const LedgerEntry *entry) noexcept nogil:
    return fold(0, entry.reference, REFERENCE_BYTES) | <uint64_t>1 << 63  # an execution's is its row


def key_of_reference(reference):
    """Return the identity in the ledger (``LedgerEvent.key``) of what a reference names.

    Raises
    ------
    ValueError
        If it is longer than a reference can be.
    """
    cdef LedgerEntry entry
    cdef bytes text = reference.encode()
    cdef int i
    if len(text) > REFERENCE_BYTES:
        raise ValueError(f"reference was {reference!r}; allowed are at most {REFERENCE_BYTES} bytes")
    memset(&entry, 0, sizeof(LedgerEntry))
    for i in range(len(text)):
        entry.reference[i] = text[i]
    return key_of(&entry)


cdef int64_t entry_state(const EngineState *s, const LedgerEntry *entry) noexcept nogil:
    cdef uint32_t row = find_event(&s.ledger, key_of(entry))
    if row == 0:
        return 0
    return row if s.ledger.events[row].state == RF_LEDGER_EVENT_STATE_BOOKED else -<int64_t>row


cdef inline uint64_t content_of(const LedgerEntry *entry) noexcept nogil:
    return fold(0, <const char*>entry, sizeof(LedgerEntry))


# ---- whether it can be ---------------------------------------------------------------------------------------------------------------

cdef int given(const LedgerEntry *entry) noexcept nogil:
    return (
        (GIVEN_QTY if entry.qty else 0) | (GIVEN_PX if entry.px else 0) | (GIVEN_AMOUNT if entry.amount else 0)
        | (GIVEN_RATIO if entry.ratio_num and entry.ratio_den else 0) | (GIVEN_OTHER if entry.other else 0)
        | (GIVEN_OTHER_STRATEGY if entry.other_strategy else 0)
    )


cdef int has_its_fields(const LedgerEntry *entry) noexcept nogil:
    cdef int has = given(entry)
    if entry.kind == 0 or entry.kind > RF_LEDGER_EVENT_KIND_MAX or not IS_ENTRY[entry.kind] or not is_reference(entry.reference):
        return 0
    if NEEDED[entry.kind] & ~has or has & ~ALLOWED[entry.kind] or (entry.ratio_num == 0) != (entry.ratio_den == 0):
        return 0
    if entry.qty < 0 or entry.amount_digits > RF_LEDGER_MONEY_DIGITS:
        return 0
    if entry.kind == RF_LEDGER_EVENT_KIND_DIVIDEND:
        return (entry.px == 0) != (entry.amount == 0)
    if entry.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        return (entry.px > 0) == (entry.amount > 0) and entry.px >= 0 and entry.amount >= 0
    if entry.kind == RF_LEDGER_EVENT_KIND_SPLIT:
        return (entry.px == 0) == (entry.qty == 0)
    return 1


cdef int is_of_known(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    return (
        0 < account <= s.engine.account_count and s.accounts[account].id and 0 < strategy <= s.engine.strategy_count and s.strategies[strategy].id
        and 0 < instrument <= s.engine.instrument_count and s.instruments[instrument].id and s.ledger.instruments[instrument].defined
    )


cdef int names_known(const EngineState *s, const LedgerEntry *entry) noexcept nogil:
    if not is_of_known(s, entry.account, entry.strategy, entry.instrument):
        return 0
    if entry.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        return is_of_known(s, entry.other, entry.other_strategy, entry.instrument)
    if entry.kind == RF_LEDGER_EVENT_KIND_CROSS:
        return is_of_known(s, entry.account, entry.other_strategy, entry.instrument)
    return entry.kind != RF_LEDGER_EVENT_KIND_SPIN_OFF or is_of_known(s, entry.account, entry.strategy, entry.other)


cdef int is_alike(const LedgerInstrument *a, const LedgerInstrument *b) noexcept nogil:
    """Whether cost at price x quantity scale is the same money in both, so that it can move between their positions."""
    return a.settle_asset == b.settle_asset and memcmp(a.factor, b.factor, 16) == 0 and memcmp(a.divisor, b.divisor, 16) == 0 and a.flags == b.flags


cdef int judge_kind(const EngineState *s, const LedgerEntry *entry) noexcept nogil:
    """What a kind asks of its figures beyond being there."""
    cdef const LedgerInstrument *i = &s.ledger.instruments[entry.instrument]
    if entry.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        if entry.other == entry.account and entry.other_strategy == entry.strategy:
            return RF_LEDGER_RESULT_BAD_EVENT
        if entry.amount and i.flags & (RF_LEDGER_INVERSE | RF_LEDGER_MARGIN):
            return RF_LEDGER_RESULT_BAD_EVENT
    elif entry.kind == RF_LEDGER_EVENT_KIND_CROSS and entry.other_strategy == entry.strategy:
        return RF_LEDGER_RESULT_BAD_EVENT
    elif entry.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF:
        if entry.other == entry.instrument or not is_alike(i, &s.ledger.instruments[entry.other]):
            return RF_LEDGER_RESULT_BAD_EVENT
        if entry.amount < 0 or rf_wide_from(entry.amount) > power_of_ten(entry.amount_digits):
            return RF_LEDGER_RESULT_BAD_EVENT
    elif entry.kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
        return judge_name(s, entry)
    elif entry.kind == RF_LEDGER_EVENT_KIND_SETTLE and not i.flags & RF_LEDGER_DAILY:
        return RF_LEDGER_RESULT_BAD_EVENT
    elif i.flags & RF_LEDGER_INVERSE and entry.kind == RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL:
        return RF_LEDGER_RESULT_BAD_EVENT
    elif i.flags & RF_LEDGER_INVERSE and entry.px <= 0 and ALLOWED[entry.kind] & GIVEN_PX and entry.amount == 0:
        return RF_LEDGER_RESULT_BAD_PRICE
    elif entry.kind == RF_LEDGER_EVENT_KIND_REWARD and entry.px < 0:
        return RF_LEDGER_RESULT_BAD_PRICE
    return RF_LEDGER_RESULT_BOOKED


cdef int judge_bust(EngineState *s, const LedgerEntry *entry) noexcept nogil:
    cdef int64_t row = entry_state(s, entry)
    if row == 0:
        return RF_LEDGER_RESULT_BAD_EVENT
    if row < 0:
        return RF_LEDGER_RESULT_DUPLICATE
    if moves_cash(s.ledger.events[row].kind):
        return can_take_back(s, &s.ledger.events[row])
    return RF_LEDGER_RESULT_BOOKED if try_without(s, <uint32_t>row) else RF_LEDGER_RESULT_OVERFLOW


cdef int judge(EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil:
    """Whether it can be booked, as far as the ledger itself does not judge; and the event that it makes."""
    cdef uint32_t known = find_event(&s.ledger, key_of(entry))
    cdef int result
    if not has_its_fields(entry):
        return RF_LEDGER_RESULT_BAD_EVENT
    if entry.kind == RF_LEDGER_EVENT_KIND_BUST:
        if entry.account or entry.strategy or entry.instrument:
            return RF_LEDGER_RESULT_BAD_EVENT
        begin(s, entry.kind, s.ledger.events[known].instrument, e)
        e.ref_key = key_of(entry)
        return judge_bust(s, entry)
    if known:
        return RF_LEDGER_RESULT_DUPLICATE if s.ledger.events[known].content == content_of(entry) else RF_LEDGER_RESULT_CONFLICT
    if moves_cash(entry.kind):
        begin(s, entry.kind, 0, e)
        e.key = key_of(entry)
        e.content = content_of(entry)
        return cash_event_of(s, entry, e)
    if not names_known(s, entry):
        return RF_LEDGER_RESULT_NO_INSTRUMENT
    if find_position(s, entry.account, entry.strategy, entry.instrument) == 0:
        return RF_LEDGER_RESULT_NOT_HELD
    result = judge_kind(s, entry)
    if result != RF_LEDGER_RESULT_BOOKED:
        return result
    return event_of(s, entry, e)


cdef uint8_t method_of(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    """That of the position now; of one that is not there, its account's."""
    cdef uint32_t row = find_ledger_position(&s.ledger, account, strategy, instrument)
    if row:
        return s.ledger.positions[row].method
    return s.accounts[account].method if s.accounts[account].method else <uint8_t>RF_LEDGER_METHOD_WAC


cdef int network_fee(const EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil:
    """What a transfer costs in what is transferred: units that go at a price. They must be units that there are."""
    cdef wide_t units, whole = power_of_ten(entry.amount_digits)
    rf_wide_store(e.px, 0)
    if entry.amount == 0:
        return RF_LEDGER_RESULT_BOOKED
    if not rf_wide_product(rf_wide_from(entry.amount), power_of_ten(s.ledger.instruments[entry.instrument].qty_digits), &units):
        return RF_LEDGER_RESULT_OVERFLOW
    if units % whole != 0 or units // whole > INT64_MAX:
        return RF_LEDGER_RESULT_BAD_EVENT
    rf_wide_store(e.fee, units // whole)
    rf_wide_store(e.fee_px, rf_wide_from(entry.px))
    return RF_LEDGER_RESULT_BOOKED


cdef int event_of(const EngineState *s, const LedgerEntry *entry, LedgerEvent *e) noexcept nogil:
    cdef wide_t amount = 0
    begin(s, entry.kind, entry.instrument, e)
    e.key = key_of(entry)
    e.content = content_of(entry)
    e.account = entry.account
    e.strategy = entry.strategy
    e.method = method_of(s, entry.account, entry.strategy, entry.instrument)
    rf_wide_store(e.qty, rf_wide_from(entry.qty))
    rf_wide_store(e.px, rf_wide_from(entry.px))
    e.ratio_num = entry.ratio_num
    e.ratio_den = entry.ratio_den
    if entry.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        e.other_account = entry.other
        e.other_strategy = entry.other_strategy
        e.method = method_of(s, entry.other, entry.other_strategy, entry.instrument)
        return network_fee(s, entry, e)
    elif entry.kind == RF_LEDGER_EVENT_KIND_CROSS:
        e.other_strategy = entry.other_strategy
        rf_wide_store(e.qty, -rf_wide_from(entry.qty))
    elif entry.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF:
        e.other_instrument = entry.other
        e.method = method_of(s, entry.account, entry.strategy, entry.other)
        e.share_num = entry.amount
        rf_wide_narrow(power_of_ten(entry.amount_digits), &e.share_den)
    elif entry.kind == RF_LEDGER_EVENT_KIND_NAME_LOT:
        name_of(s, entry, e)
    elif entry.amount:
        if not rf_wide_product(rf_wide_from(entry.amount), power_of_ten(RF_LEDGER_MONEY_DIGITS - entry.amount_digits), &amount):
            return RF_LEDGER_RESULT_OVERFLOW
        e.amount_given = 1
        rf_wide_store(e.amount, amount)
    return RF_LEDGER_RESULT_BOOKED if rf_wide_is_figure(amount) else RF_LEDGER_RESULT_OVERFLOW


# ---- the positions -------------------------------------------------------------------------------------------------------------------

cdef uint64_t other_position(const EngineState *s, const LedgerEvent *e) noexcept nogil:
    if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
        return find_position(s, e.other_account, e.other_strategy, e.instrument)
    if e.kind == RF_LEDGER_EVENT_KIND_CROSS:
        return find_position(s, e.account, e.other_strategy, e.instrument)
    return find_position(s, e.account, e.strategy, e.other_instrument if e.other_instrument else e.instrument)


cdef int try_positions(const EngineState *s, const LedgerEvent *e, Position *one, Position *two) noexcept nogil:
    """What the entry makes of copies of its positions."""
    cdef uint64_t other = other_position(s, e)
    cdef LedgerEvent half
    cdef int result
    if not changes_position(e.kind):
        return RF_LEDGER_RESULT_BOOKED
    if other == 0 and s.engine.position_count + 1 >= s.position_rows:
        return RF_LEDGER_RESULT_NO_ROW
    one[0] = s.positions[find_position(s, e.account, e.strategy, e.instrument)]
    two[0] = s.positions[other]  # row 0 is empty
    result = apply_entry(e, one, two)
    if result == BOOKED and e.kind == RF_LEDGER_EVENT_KIND_CROSS:
        half = e[0]
        rf_wide_store(half.qty, -rf_wide_load(e.qty))
        result = apply_entry(&half, two, one)
    if result == BOOKED:
        return RF_LEDGER_RESULT_BOOKED
    return RF_LEDGER_RESULT_NOT_HELD if result == BOOK_NOT_HELD else RF_LEDGER_RESULT_OVERFLOW


cdef void keep_positions(EngineState *s, const LedgerEvent *e, const Position *one, const Position *two) noexcept nogil:
    cdef uint64_t row = find_position(s, e.account, e.strategy, e.instrument), other
    cdef int moved = e.kind == RF_LEDGER_EVENT_KIND_TRANSFER
    take_over(&s.positions[row], one)
    if e.kind == RF_LEDGER_EVENT_KIND_CROSS:  # what it brings or costs is of this day, for both together
        other = find_or_add(s, e.account, e.other_strategy, e.instrument)
        take_over(&s.positions[other], two)
        stamp_unjudged(s, row, 0)
        stamp_unjudged(s, other, 0)
        stamp(s, row)
        stamp(s, other)
        return
    if e.kind == RF_LEDGER_EVENT_KIND_EXPIRE:
        stamp(s, row)  # what it brings or costs is of this day
        return
    stamp_unjudged(s, row, moved)
    if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER or e.kind == RF_LEDGER_EVENT_KIND_SPIN_OFF:
        if e.kind == RF_LEDGER_EVENT_KIND_TRANSFER:
            other = find_or_add(s, e.other_account, e.other_strategy, e.instrument)
        else:
            other = find_or_add(s, e.account, e.strategy, e.other_instrument)
        take_over(&s.positions[other], two)
        stamp_unjudged(s, other, moved)


# ---- one entry -----------------------------------------------------------------------------------------------------------------------

cdef int refuse(EngineState *s, const LedgerEntry *entry, int result) noexcept nogil:
    raise_break(s, RF_BREAK_KIND_LEDGER_REFUSED, NULL, NULL, <int64_t>key_of(entry), result)
    return 0


cdef int can_book_entry(EngineState *s, const LedgerEntry *entry) noexcept nogil:
    cdef LedgerEvent e
    cdef Position one, two
    cdef int result = judge(s, entry, &e)
    if result == RF_LEDGER_RESULT_BOOKED and entry.kind != RF_LEDGER_EVENT_KIND_BUST:
        result = try_positions(s, &e, &one, &two)
    return 1 if result == RF_LEDGER_RESULT_BOOKED else refuse(s, entry, result)


cdef int book_entry(EngineState *s, const LedgerEntry *entry) noexcept nogil:
    cdef LedgerEvent e
    cdef Position one, two
    cdef uint32_t row = find_event(&s.ledger, key_of(entry))
    cdef uint64_t merged = s.ledger.head.merged_lots
    cdef uint8_t of_sale = 0
    cdef int result = judge(s, entry, &e), of_bust = entry.kind == RF_LEDGER_EVENT_KIND_BUST
    if result == RF_LEDGER_RESULT_BOOKED and not of_bust:
        result = try_positions(s, &e, &one, &two)
    if result == RF_LEDGER_RESULT_BOOKED and entry.kind == RF_LEDGER_EVENT_KIND_CROSS:  # a trade, so each is of the method that it has from now
        of_sale = follow_method(s, e.account, e.strategy, e.instrument)
        e.method = follow_method(s, e.account, e.other_strategy, e.instrument)
    if result == RF_LEDGER_RESULT_BOOKED:
        result = enter_name(s, entry, &e) if entry.kind == RF_LEDGER_EVENT_KIND_NAME_LOT else book(&s.ledger, &e)
    if result != RF_LEDGER_RESULT_BOOKED:
        return refuse(s, entry, result)
    if entry.kind == RF_LEDGER_EVENT_KIND_CROSS:
        s.ledger.events[s.ledger.head.event_count - 1].method = of_sale
    keep_dates(s)
    if moves_cash(entry.kind):
        move_cash(s, &e, 0)
    elif of_bust and moves_cash(s.ledger.events[row].kind):
        move_cash(s, &s.ledger.events[row], 1)
    elif of_bust:
        hold_without(s, row)
    elif changes_position(entry.kind):
        keep_positions(s, &e, &one, &two)
    weigh_booked(s, &e)
    if s.ledger.head.merged_lots != merged:
        raise_daily(s, RF_BREAK_KIND_LOTS_MERGED, NULL, NULL, <int64_t>s.ledger.head.merged_lots)
    return 1
