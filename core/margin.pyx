"""The margin schedule: what part of a position's amount its account must have, by account, broker, instrument, kind and currency, in steps of its size.

    DEFINE_MARGIN ──define_margin──▶ margin_rates ──margin_row──▶ Position.margin_rate (positions), ScopeSet.margin_ppm (orders)
                                                                          └──margin_in_steps──▶ Scope.margin

The narrowest row that is ACTIVE counts. An instrument is narrower than a kind, that than a currency (base or quote), that than everything; of two that are
equal in this, the one for an account is narrower than the one for its broker, that than the one for all. Of two that are equal in both (an instrument has two
currencies) the one with the highest rate counts. Without any, the instrument's own rate, else MARGIN_RATE of the account, its broker, the firm.
Steps are progressive: the part of an amount between two steps has the rate of the lower one. An order is held at the highest rate of its row, since by the time
it fills any size may be there: what it holds follows from its amount alone, so that it can be given back.

Which row counts is looked up when a set of scopes is made, and for all of them after each definition (``reservations.recount``), never at an order.
Written by the engine alone, in region ``state``. What can fail: an image that cannot be (the caller: BAD_CONTROL); margins above 63 bits saturate, and refuse.
Rejected: margin by what a whole account holds (netting of instruments): no longer O(1), and no two brokers do it alike.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from ringfence.core.amounts cimport RF_AMOUNT_MOST
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_INSTRUMENT_KIND_MAX, RF_RISK_RULE_MARGIN_RATE, RF_SCOPE_KIND_ACCOUNT, RF_SCOPE_KIND_ACCOUNT_INSTRUMENT, RF_SCOPE_KIND_BROKER, RF_SCOPE_KIND_CURRENCY,
    RF_SCOPE_KIND_INSTRUMENT, RF_STATUS_ACTIVE, RF_STATUS_MAX, Instrument, KillOrder, MarginRate,
)

cdef enum:
    STEPS = 3
    RATE_MOST = 1000000000     # in millionths, as of every rule that is a share
    OF_INSTRUMENT = 9          # how narrow a row is: what it is for counts before whose it is
    OF_KIND = 6
    OF_CURRENCY = 3
    OF_ACCOUNT = 2
    OF_BROKER = 1


# ---- which row -------------------------------------------------------------------------------------------------------------------

cdef inline int narrowness(const MarginRate *r) noexcept nogil:
    cdef int what = OF_INSTRUMENT if r.instrument else OF_KIND if r.kind else OF_CURRENCY if r.currency else 0
    return what + (OF_ACCOUNT if r.account else OF_BROKER if r.broker else 0)


cdef inline int is_about(const EngineState *s, const MarginRate *r, uint16_t account, uint32_t instrument) noexcept nogil:
    cdef const Instrument *i = &s.instruments[instrument]
    if r.status != RF_STATUS_ACTIVE or (r.account and r.account != account) or (r.broker and r.broker != s.accounts[account].broker):
        return 0
    if (r.instrument and r.instrument != instrument) or (r.kind and r.kind != i.kind):
        return 0
    return r.currency == 0 or r.currency == i.base_currency or r.currency == i.quote_currency


cdef uint16_t margin_row(const EngineState *s, uint16_t account, uint32_t instrument) noexcept nogil:
    cdef const MarginRate *r
    cdef uint32_t row, best = 0
    cdef int narrow, narrowest = -1
    for row in range(1, s.engine.margin_rate_count + 1):
        r = &s.margin_rates[row]
        if not is_about(s, r, account, instrument):
            continue
        narrow = narrowness(r)
        if narrow > narrowest or (narrow == narrowest and r.highest_ppm > s.margin_rates[best].highest_ppm):
            narrowest = narrow
            best = row
    return <uint16_t>best


# ---- how much --------------------------------------------------------------------------------------------------------------------

cdef inline void add_part(int64_t *sum, int64_t part, uint32_t ppm) noexcept nogil:
    cdef int64_t margin = rf_ppm(part, ppm)
    sum[0] = sum[0] + margin if margin <= INT64_MAX - sum[0] else INT64_MAX


cdef int64_t margin_in_steps(const MarginRate *r, int64_t amount) noexcept nogil:
    cdef int64_t sum = 0, counted = 0
    cdef uint32_t ppm = r.rate_ppm
    cdef int i
    for i in range(STEPS):
        if r.above[i] == 0 or amount <= r.above[i]:
            break
        add_part(&sum, r.above[i] - counted, ppm)
        counted = r.above[i]
        ppm = r.step_ppm[i]
    add_part(&sum, amount - counted, ppm)
    return sum


# ---- definitions -----------------------------------------------------------------------------------------------------------------

cdef int valid_steps(const MarginRate *image) noexcept nogil:
    """Rising steps with a rate each, then zeros."""
    cdef int i
    if image.rate_ppm > RATE_MOST:
        return 0
    for i in range(STEPS):
        if image.above[i] == 0 and image.step_ppm[i] == 0:
            continue
        if image.above[i] <= (image.above[i - 1] if i else 0) or image.above[i] > RF_AMOUNT_MOST or (i and image.above[i - 1] == 0):
            return 0
        if image.step_ppm[i] > RATE_MOST:
            return 0
    return 1


cdef int names_known(const EngineState *s, const MarginRate *image) noexcept nogil:
    if image.broker > s.engine.broker_count or image.account > s.engine.account_count or image.currency > s.engine.currency_count:
        return 0
    if image.instrument > s.engine.instrument_count or image.kind > RF_INSTRUMENT_KIND_MAX or (image.broker and image.account):
        return 0
    return (image.instrument != 0) + (image.kind != 0) + (image.currency != 0) <= 1


cdef int define_margin(EngineState *s, const MarginRate *image) noexcept nogil:
    cdef MarginRate *row
    if image.id == 0 or image.id >= s.margin_rate_rows or image.status == 0 or image.status > RF_STATUS_MAX:
        return 0
    if not names_known(s, image) or not valid_steps(image):
        return 0
    row = &s.margin_rates[image.id]
    memset(row, 0, sizeof(MarginRate))
    memcpy(row.above, image.above, sizeof(row.above))
    memcpy(row.step_ppm, image.step_ppm, sizeof(row.step_ppm))
    row.rate_ppm = image.rate_ppm
    row.highest_ppm = highest_of(image)
    row.id = image.id
    row.broker = image.broker
    row.account = image.account
    row.currency = image.currency
    row.instrument = image.instrument
    row.kind = image.kind
    row.status = image.status
    if image.id > s.engine.margin_rate_count:
        s.engine.margin_rate_count = image.id
    return 1


# ---- what needs less -------------------------------------------------------------------------------------------------------------

cdef uint32_t rate_above(const MarginRate *r, int64_t amount) noexcept nogil:
    """The rate of what comes on top of an amount."""
    cdef uint32_t ppm = r.rate_ppm
    cdef int i
    for i in range(STEPS):
        if r.above[i] and amount >= r.above[i]:
            ppm = r.step_ppm[i]
    return ppm


cdef int falls(const MarginRate *before, const MarginRate *after) noexcept nogil:
    """Whether any part of any size has a lower rate than before."""
    cdef int i
    if after.rate_ppm < before.rate_ppm:
        return 1
    for i in range(STEPS):
        if before.above[i] and rate_above(after, before.above[i]) < rate_above(before, before.above[i]):
            return 1
        if after.above[i] and rate_above(after, after.above[i]) < rate_above(before, after.above[i]):
            return 1
    return 0


cdef uint32_t lowest_of(const MarginRate *r) noexcept nogil:
    cdef uint32_t ppm = r.rate_ppm
    cdef int i
    for i in range(STEPS):
        if r.above[i] and r.step_ppm[i] < ppm:
            ppm = r.step_ppm[i]
    return ppm


cdef uint32_t highest_of(const MarginRate *r) noexcept nogil:
    """``highest_ppm``, which an image need not have."""
    cdef uint32_t ppm = r.rate_ppm
    cdef int i
    for i in range(STEPS):
        if r.above[i] and r.step_ppm[i] > ppm:
            ppm = r.step_ppm[i]
    return ppm


cdef uint32_t highest_margin_rate(const EngineState *s) noexcept nogil:
    """Of MARGIN_RATE anywhere."""
    cdef uint32_t i, ppm = 0
    cdef int64_t rate
    for i in range(1, s.engine.scope_count + 1):
        rate = s.scopes[i].limits[<int>RF_RISK_RULE_MARGIN_RATE]
        if rate > <int64_t>ppm:
            ppm = <uint32_t>rate
    return ppm


cdef uint32_t highest_rate(const EngineState *s) noexcept nogil:
    """Of all rates that there are: rows of the schedule, instruments' own, MARGIN_RATE anywhere."""
    cdef uint32_t i, ppm = highest_margin_rate(s)
    for i in range(1, s.engine.margin_rate_count + 1):
        if s.margin_rates[i].status == RF_STATUS_ACTIVE and s.margin_rates[i].highest_ppm > ppm:
            ppm = s.margin_rates[i].highest_ppm
    for i in range(1, s.engine.instrument_count + 1):
        if s.instruments[i].margin_ppm > ppm:
            ppm = s.instruments[i].margin_ppm
    return ppm


cdef inline int has_one_key(const MarginRate *a, const MarginRate *b) noexcept nogil:
    return a.broker == b.broker and a.account == b.account and a.currency == b.currency and a.instrument == b.instrument and a.kind == b.kind


cdef inline int can_meet(const MarginRate *a, const MarginRate *b) noexcept nogil:
    """Whether both can be the narrowest row of one position: they have one key, or each a currency of its pair."""
    if a.broker != b.broker or a.account != b.account or a.instrument != b.instrument or a.kind != b.kind:
        return 0
    return (a.currency != 0) == (b.currency != 0)


cdef int passes_a_higher(const EngineState *s, const MarginRate *row, const MarginRate *image) noexcept nogil:
    """Whether a row would come, by a higher rate, before an equally narrow one that asks for more of some size."""
    cdef const MarginRate *other
    cdef uint32_t i, highest = highest_of(image)
    for i in range(1, s.engine.margin_rate_count + 1):
        other = &s.margin_rates[i]
        if i == image.id or other.status != RF_STATUS_ACTIVE or not can_meet(other, image):
            continue
        if row.highest_ppm <= other.highest_ppm <= highest and falls(other, image):
            return 1
    return 0


cdef int lowers_margin(const EngineState *s, const MarginRate *image) noexcept nogil:
    cdef const MarginRate *row = &s.margin_rates[image.id]
    cdef int was = row.status == RF_STATUS_ACTIVE, becomes = image.status == RF_STATUS_ACTIVE
    if not was:  # what it comes before may have any rate that there is
        return becomes and lowest_of(image) < highest_rate(s)
    return not becomes or not has_one_key(row, image) or falls(row, image) or passes_a_higher(s, row, image)


cdef int lowers_own_rate(const EngineState *s, uint32_t before, uint32_t after) noexcept nogil:
    return after < before or (before == 0 and after != 0 and after < highest_margin_rate(s))


cdef int margin_place(const MarginRate *image, KillOrder *place) noexcept nogil:
    memset(place, 0, sizeof(KillOrder))
    if image.account:
        place.kind = RF_SCOPE_KIND_ACCOUNT_INSTRUMENT if image.instrument else RF_SCOPE_KIND_ACCOUNT
        place.a, place.b = image.account, image.instrument
    elif image.broker:
        place.kind, place.a = RF_SCOPE_KIND_BROKER, image.broker
    elif image.instrument:
        place.kind, place.a = RF_SCOPE_KIND_INSTRUMENT, image.instrument
    elif image.currency:
        place.kind, place.a = RF_SCOPE_KIND_CURRENCY, image.currency
    return place.kind != 0
