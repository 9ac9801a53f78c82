"""The out-of-band kill switch: what a gateway does by itself when a kill word is set, also while the engine hangs or is dead.

    region `kill`, KillWord of the firm and of the venue ──one load each──▶ killed?
                        new orders and replaces: answered NOT_SENT (cycle.pyx)
    region `state` (the engine's tables, read-only) ──▶ OrderMassCancelRequest(q), or one OrderCancelRequest(F) an open order ──▶ session

Killed is every value but KILL_CLEAR, a region that is missing, was removed, or is not ours: it fails closed. The words are looked at every turn and
again before each new order; that the region is still there, once a second (``look``). The operators' group may write the region, so it could
also truncate it: the gateway then dies on the next look and its successor finds no words, which kills too.

In rounds: every order that is open gets one cancel a round, and rounds go on until reports have ended every order, since a venue may refuse a cancel and a
session may break before its answer. They are AGAIN_NS apart at least, further with every eighth; one follows soon when a session has come back. Left out are
orders whose end was reported here (the tables of an engine that hangs say nothing of it), those whose cancel of an earlier round is not answered yet (for
AWAIT_NS), and in later rounds those that a living engine is cancelling. No later round begins while the ring to the engine is more than half full: refusals
would fill it, and the reports that end orders found no room. A later round is order by order wherever the tables can be read: what a mass cancel left is
asked for by name. OrigClOrdID(41) is the last acknowledged version, by the tables or by a report that they do not have yet.

Rows are taken in ascending order and the row travels with the stored cancel (``KIND_OUT_OF_BAND``), so that a gateway that is killed anywhere goes on behind
the last one that it stored; what was stored and not received is asked for by the venue and resent. When numbers start anew nobody asks, so a new round begins
then. A kill begins with the first look that finds a word set, and ends with the first that finds both clear. The number of the round is durable
(``store_t.kill``) and part of ClOrdID(11), behind revision REVISION_OUT_OF_BAND of the order, which the engine never uses: none comes twice, over kills and
restarts too. The engine, when it lives, cancels too (KILL_WORD): the later of two cancels is refused by the venue, which changes nothing.

What reports said of an order is two bytes a row (``marks``), made when the tables are mapped, and gone with the process: its successor asks once more.

As fast as the session's budget allows, the reserve included, and a bounded number of open orders a turn. What is in the output already when the word is set
goes out before the cancels. Rejected: a copy of open orders in the gateway (state that must be recovered), a socket or signal for operators (needs a process
that answers).
"""

import logging
import os

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from ringfence.gateways.fix.budget cimport budget_allows, budget_spend
from ringfence.gateways.fix.messages cimport msg_type_of, write_body
from ringfence.gateways.fix.outgoing cimport commit, compose, has_room, note
from ringfence.gateways.fix.state cimport STATE_UP
from ringfence.gateways.fix.store cimport KILL_EACH, KILL_ON, KILL_ROWS, KIND_OUT_OF_BAND, kill_later, kill_round, store_set_kill
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL, RF_COMMAND_KIND_MASS_CANCEL, RF_ORD_STATUS_CANCELED, RF_ORD_STATUS_EXPIRED, RF_ORD_STATUS_FILLED, RF_ORD_STATUS_REJECTED,
    RF_PROCESS_STATE_RECOVERING, RF_PROCESS_STATE_STARTING, RF_REQUEST_LIMIT_MS, RF_REVISIONS_MAX, RF_REVISION_OUT_OF_BAND, RF_SIDE_MAX,
    RF_VENUE_EVENT_KIND_BUSINESS_REJECT, RF_VENUE_EVENT_KIND_CANCEL_REJECT, RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT, RF_VENUE_EVENT_KIND_REJECTED,
    RF_VENUE_EVENT_KIND_REPLACED, RF_VENUE_EVENT_KIND_STATUS, Account, Instrument, KillWord, Order, OrderCommand,
)

from ringfence.ipc.errors import IpcError
from ringfence.ipc.regions import SHM_DIR, shm_name

log = logging.getLogger("ringfence.gateway")

cdef extern from "clordid.h" nogil:
    void rf_clordid_put(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept
    void rf_base32_put(char *at, int digits, uint64_t value) noexcept
    int rf_clordid_get(const char *text24, const char *prefix, uint32_t *day_code, uint64_t *order_id, uint32_t *revision) noexcept
    enum:
        CLORDID_BYTES "RF_CLORDID_BYTES"
        ROUND_DIGITS "RF_CLORDID_ROUND_DIGITS"

cdef extern from *:
    uint32_t load_32 "__atomic_load_n" (const uint32_t *word, int order) noexcept nogil
    void fence "__atomic_thread_fence" (int order) noexcept nogil

cdef enum:
    ROWS_MAX = 16384     # rows a turn, of orders that are over: the socket and the ring are served in between
    OPEN_ROWS = 64       # that one of an open order counts for, whether a cancel is sent, left out or has no form: so 256 a turn
    REFUSED = 48         # MassCancelResponse(531): 0
    ID_DIGITS = 11       # of the time in a mass cancel's ClOrdID
    DUPLICATE_ORDER = 7  # OrdRejReason(103)=6 plus 1
    # of a row's marks
    LIVE = 0x03FF        # highest version that a Replaced has put in force
    ASKED_AT = 10        # 4 bits: the generation in which it was asked to be cancelled, while that is not answered
    ASKED = 0x3C00
    OVER = 0x4000        # its end was reported

cdef uint64_t AGAIN_NS = 1000000000
cdef uint64_t AWAIT_NS = <uint64_t> RF_REQUEST_LIMIT_MS * 1000000
cdef uint64_t SILENT_NS = 1000000000   # an engine that has not beaten for so long does not cancel
cdef uint64_t KILLED = 0   # in the place of a word that cannot be read


# ---- a row of the engine's tables ---------------------------------------------------------------------------------------

cdef int is_text(const char *text, uint32_t size) noexcept nogil:
    """1 when it is printable ASCII of at least one character, NUL behind it to the end or none."""
    cdef uint32_t i
    if not text[0]:
        return 0
    for i in range(size):
        if not text[i]:
            return 1
        if not 32 < text[i] < 127:
            return 0
    return 1


cdef int is_open(const kill_t *k, const Order *o, uint64_t row) noexcept nogil:
    """1 when the copy of a row is an order of this venue that may still trade, and every index in it leads into the tables."""
    return (
        o.order_id == row and o.venue == k.row and (o.leaves_qty > 0 or o.replace_revision != 0) and 0 < o.side <= RF_SIDE_MAX
        and 0 < o.instrument < k.instrument_rows and 0 < o.account < k.account_rows and o.live_revision <= RF_REVISIONS_MAX and o.day_code < 1 << 15
    )


cdef inline uint32_t live_version(const kill_t *k, const Order *o) noexcept nogil:
    cdef uint32_t reported = k.marks[o.order_id] & LIVE
    return reported if reported > o.live_revision else o.live_revision


cdef int cancel_of(const kill_t *k, const Order *o, uint64_t number, OrderCommand *c) noexcept nogil:
    """The cancel of an order in a round, in the engine's form; 0 when its instrument, account or our prefix is no text."""
    cdef Instrument instrument
    cdef Account account
    cdef char prefix[2]
    memcpy(&instrument, &k.instruments[o.instrument], sizeof(Instrument))
    memcpy(&account, &k.accounts[o.account], sizeof(Account))
    memcpy(prefix, k.engine.prefix, 2)
    if not is_text(instrument.symbol, 24) or instrument.qty_digits > 18 or not is_text(prefix, 2):
        return 0
    memset(c, 0, sizeof(OrderCommand))
    c.kind = RF_COMMAND_KIND_CANCEL
    c.order_id = o.order_id
    c.revision = RF_REVISION_OUT_OF_BAND
    c.side = o.side
    c.qty = o.qty
    c.qty_digits = instrument.qty_digits
    c.venue = o.venue
    c.strategy = o.strategy
    rf_clordid_put(c.cl_ord_id, prefix, o.day_code, o.order_id, RF_REVISION_OUT_OF_BAND)
    rf_base32_put(c.cl_ord_id + <int> CLORDID_BYTES, ROUND_DIGITS, number)
    rf_clordid_put(c.orig_cl_ord_id, prefix, o.day_code, o.order_id, live_version(k, o))
    if is_text(o.venue_order_id, 32):
        memcpy(c.venue_order_id, o.venue_order_id, 32)
    memcpy(c.symbol, instrument.symbol, 24)
    if is_text(account.code, 24):
        memcpy(c.account_code, account.code, 24)
    return 1


# ---- what reports said ----------------------------------------------------------------------------------------------------

cdef int tables_whole(const kill_t *k) noexcept nogil:
    """1 when the engine that owns the tables has recovered; it may be stopped or dead since."""
    cdef uint32_t state
    if k.block == NULL:
        return 0
    state = load_32(&k.block.process_state, ACQUIRE)
    return state != RF_PROCESS_STATE_STARTING and state != RF_PROCESS_STATE_RECOVERING


cdef inline int is_end(const VenueEvent *e, uint32_t revision, uint32_t live) noexcept nogil:
    """1 when a report says that the order is over: of its version in force, or in answer to a cancel of ours (S20)."""
    if e.ord_status == RF_ORD_STATUS_REJECTED:
        return e.kind == RF_VENUE_EVENT_KIND_REJECTED and revision == 0 and e.text_code != DUPLICATE_ORDER
    if e.ord_status != RF_ORD_STATUS_FILLED and e.ord_status != RF_ORD_STATUS_CANCELED and e.ord_status != RF_ORD_STATUS_EXPIRED:
        return 0
    return revision >= live or e.kind == RF_VENUE_EVENT_KIND_STATUS


cdef void kill_note(kill_t *k, const VenueEvent *e) noexcept nogil:
    cdef char prefix[2]
    cdef uint64_t row = 0
    cdef uint32_t day = 0, revision = 0
    cdef uint16_t *mark
    if not e.cl_ord_id[0] or not tables_whole(k):
        return
    memcpy(prefix, k.engine.prefix, 2)
    if not rf_clordid_get(e.cl_ord_id, prefix, &day, &row, &revision) or row == 0 or row >= k.order_rows or k.orders[row].day_code != day:
        return
    mark = &k.marks[row]
    if e.kind == RF_VENUE_EVENT_KIND_CANCEL_REJECT or e.kind == RF_VENUE_EVENT_KIND_BUSINESS_REJECT:
        if revision == RF_REVISION_OUT_OF_BAND:
            mark[0] &= <uint16_t> ~ASKED
    elif e.kind == RF_VENUE_EVENT_KIND_REPLACED and revision <= RF_REVISIONS_MAX and revision > (mark[0] & LIVE):
        mark[0] = (mark[0] & <uint16_t> ASKED) | <uint16_t> revision
    elif is_end(e, revision, live_version(k, &k.orders[row])):
        mark[0] |= <uint16_t> OVER


cdef int has_cancel(const kill_t *k, uint64_t row) noexcept nogil:
    return 0 < row < k.order_rows and tables_whole(k) and k.orders[row].order_id == row and k.orders[row].cancel_revision != 0


cdef inline int is_asked(const kill_t *k, uint64_t row) noexcept nogil:
    return (k.marks[row] & ASKED) >> ASKED_AT == k.generation


cdef inline void forget_asked(kill_t *k, uint64_t now) noexcept nogil:
    """No answer is awaited any more: the marks of another generation do not count."""
    k.generation = k.generation % 15 + 1
    k.asked_ns = now


# ---- sending ------------------------------------------------------------------------------------------------------------

cdef int send_out_of_band(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, const OrderCommand *c, uint64_t row, uint64_t now) noexcept nogil:
    """Store it with the row that it deals with, then hand it to the output. 1 sent, 0: it must wait, -1: it has no form at this venue."""
    cdef uint32_t msg_type = msg_type_of(d, c)
    if not has_room(s) or not budget_allows(b, 1, now):
        return 0
    if write_body(d, c, compose(s, <const char *> &msg_type, 2 if msg_type > 255 else 1, now), &s.stamp, now) != NULL:
        return -1
    RF_FP(b"G12")
    if not commit(s, KIND_OUT_OF_BAND, (s.store.kill & ~<uint64_t> KILL_ROWS) | row, now):
        return 0
    RF_FP(b"G13")
    budget_spend(b, now)
    return 1


cdef int send_mass_cancel(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil:
    """35=q for everything of the session, under a ClOrdID of the time: it needs nothing of the engine."""
    cdef OrderCommand c
    cdef int done
    memset(&c, 0, sizeof(c))
    c.kind = RF_COMMAND_KIND_MASS_CANCEL
    memcpy(c.cl_ord_id, b"KILL-", 5)
    rf_base32_put(<char *> c.cl_ord_id + 5, ID_DIGITS, now >> 10)
    done = send_out_of_band(k, s, d, b, &c, KILL_ROWS, now)
    if done > 0:
        memcpy(k.mass_id, c.cl_ord_id, 24)
        note(s, b"the kill switch is set: sent a mass cancel (35=q), MsgSeqNum %llu", s.store.next_out - 1, 0)
        plan_round(k, now)
    elif done < 0:
        store_set_kill(s.store, s.store.kill | KILL_EACH)
    return done > 0


cdef int kill_refused(kill_t *k, session_t *s, const VenueEvent *e) noexcept nogil:
    cdef int refusal = e.kind == RF_VENUE_EVENT_KIND_BUSINESS_REJECT
    refusal |= e.kind == RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT and e.mass_cancel_response == REFUSED
    if not refusal or memcmp(e.cl_ord_id, b"KILL-", 5) != 0 or not s.store.kill & KILL_ON or s.store.kill & KILL_EACH:
        return 0
    note(s, b"the venue refused the mass cancel of the kill switch: cancelling order by order", 0, 0)
    k.at = 0
    k.rounds = 0
    store_set_kill(s.store, (s.store.kill & ~<uint64_t> KILL_ROWS) | KILL_EACH)
    return 1


# ---- the scan -----------------------------------------------------------------------------------------------------------

cdef int begin_scan(kill_t *k, const session_t *s) noexcept nogil:
    if not tables_whole(k):
        return 0
    k.epoch = load_word(&k.block.epoch, ACQUIRE)
    k.end = load_word(&k.engine.order_count, ACQUIRE)
    if k.end >= k.order_rows:
        k.end = k.order_rows - 1
    k.at = (s.store.kill & KILL_ROWS) + 1
    k.resets = s.store.resets
    return 1


cdef int same_tables(const kill_t *k) noexcept nogil:
    """1 when what was read since begin_scan is one engine's work (Segment.life)."""
    fence(ACQUIRE)
    return tables_whole(k) and load_word(&k.block.epoch, ACQUIRE) == k.epoch


cdef inline int leave_out(const kill_t *k, const Order *o, int alive) noexcept nogil:
    """1 when there is no need to ask in this round."""
    return k.marks[o.order_id] & OVER or is_asked(k, o.order_id) or (alive and k.rounds > 0 and o.cancel_revision != 0)


cdef void end_round(kill_t *k, session_t *s, uint64_t now) noexcept nogil:
    store_set_kill(s.store, s.store.kill | KILL_ROWS)
    if k.rounds == 0:
        note(s, b"the kill switch has cancelled every open order, %llu rows looked at", k.end, 0)
    elif k.sent:
        note(s, b"the kill switch has asked again for %llu cancels (round %llu)", k.sent, kill_round(s.store.kill))
    if k.formless:
        note(s, b"the kill switch: %llu open orders have no cancel in this venue's form; cancel them with the venue", k.formless, 0)
    plan_round(k, now)


cdef void plan_round(kill_t *k, uint64_t now) noexcept nogil:
    k.again_ns = now + AGAIN_NS * (1 + (k.rounds >> 3))
    k.rounds += 1
    k.at = 0
    k.sent = 0
    k.formless = 0


cdef int cancel_each(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil:
    """Cancels for the next rows. Returns how many were composed."""
    cdef Order o
    cdef OrderCommand c
    cdef uint64_t number = kill_round(s.store.kill)
    cdef int sent = 0, looked = 0, done, alive
    if k.resets != s.store.resets:
        k.at = 0
        forget_asked(k, now)
    if not k.at and not begin_scan(k, s):
        return 0
    alive = now < load_word(&k.block.heartbeat_ns, ACQUIRE) + SILENT_NS
    while k.at <= k.end and looked < ROWS_MAX:
        looked += 1
        if k.orders[k.at].leaves_qty > 0 or k.orders[k.at].replace_revision != 0:  # one line of memory for an order that is over
            looked += OPEN_ROWS
            memcpy(&o, &k.orders[k.at], sizeof(Order))
            if not same_tables(k):
                k.at = 0
                return sent
            if is_open(k, &o, k.at) and not leave_out(k, &o, alive) and cancel_of(k, &o, number, &c):
                done = send_out_of_band(k, s, d, b, &c, k.at, now)
                if not done:
                    return sent
                if done > 0:
                    k.marks[k.at] = (k.marks[k.at] & <uint16_t> ~ASKED) | <uint16_t> (k.generation << ASKED_AT)
                sent += done > 0
                k.sent += done > 0
                k.formless += done < 0
        k.at += 1
    if k.at > k.end:
        if not same_tables(k):
            k.at = 0
            return sent
        end_round(k, s, now)
    return sent


cdef int next_round(kill_t *k, session_t *s, uint64_t now) noexcept nogil:
    """1 when another round is due, which has begun then."""
    if not k.again_ns:  # an earlier process ended the last one
        k.again_ns = now + AGAIN_NS
        k.rounds = 1
    if now < k.again_ns or k.crowded:
        return 0
    if now - k.asked_ns >= AWAIT_NS:
        forget_asked(k, now)
    store_set_kill(s.store, kill_later(s.store.kill, 1) | (KILL_EACH if tables_whole(k) else 0))
    return 1


cdef void begin_kill(kill_t *k, session_t *s, const dialect_t *d, uint64_t now) noexcept nogil:
    k.at = 0
    k.rounds = 0
    k.sent = 0
    k.formless = 0
    forget_asked(k, now)
    store_set_kill(s.store, (kill_later(s.store.kill, 1) & ~<uint64_t> KILL_EACH) | KILL_ON | (0 if d.mass_cancel else KILL_EACH))
    note(s, b"the kill switch is set: no new orders, cancelling what is open (round %llu)", kill_round(s.store.kill), 0)


cdef int kill_step(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil:
    cdef uint64_t kill = s.store.kill
    if not is_killed(k):
        if kill & KILL_ON:
            store_set_kill(s.store, kill & ~<uint64_t> (KILL_ON | KILL_EACH))
            note(s, b"the kill switch is clear again", 0, 0)
        return 0
    if not kill & KILL_ON:
        begin_kill(k, s, d, now)
    if s.state != STATE_UP or not s.announced:
        k.lost = 1
        return 0
    if k.lost:  # what was asked may not have arrived, nor its answer
        k.lost = 0
        forget_asked(k, now)
        if k.again_ns > now + AGAIN_NS:
            k.again_ns = now + AGAIN_NS
    if s.store.kill & KILL_ROWS == KILL_ROWS and not next_round(k, s, now):
        return 0
    if s.store.kill & KILL_EACH:
        return cancel_each(k, s, d, b, now)
    return send_mass_cancel(k, s, d, b, now)


# ---- the regions --------------------------------------------------------------------------------------------------------

cdef object identity(str instance, str name):
    """What is behind a region's name, to see whether it is another one now; None when there is none."""
    try:
        info = os.stat(SHM_DIR / shm_name(instance, name)[1:], follow_symlinks=False)
    except OSError:
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mode, info.st_uid


cdef class KillSwitch:
    """The switch of one gateway; ``look`` maps what is there and is called again once a second.

    Parameters
    ----------
    instance : str
    row : int
        Of the venue in the tables; its word is row 1 + ``row``.
    """

    def __cinit__(self, str instance, uint32_t row):
        memset(&self.c, 0, sizeof(kill_t))
        self.instance = instance
        self.c.row = row
        self.c.generation = 1
        self.c.firm = self.c.venue = &KILLED
        self.words_seen = self.state_seen = ""

    def __dealloc__(self):
        free(self.c.marks)

    def look(self):
        """Map the regions when their names lead to others than at the last look; without words: killed. One that was refused is not tried again."""
        found = identity(self.instance, "kill")
        if found != self.words_seen:
            self.words_seen = found
            self._map_words()
        found = identity(self.instance, "state")
        if found != self.state_seen:
            self.state_seen = found
            self._map_state()

    def _map_words(self):
        cdef const KillWord *rows
        self.c.firm = self.c.venue = &KILLED
        try:
            self.words = Segment.attach(self.instance, "kill", shared=True)
        except IpcError as error:
            log.critical("no kill words (%s): no new order leaves, open ones are cancelled; start the instance again", error)
            return
        if not any(s.name == "words" and s.record == "KillWord" and s.count > self.c.row + 1 for s in self.words.sections):
            log.critical("the kill words have no row for venue %d: no new order leaves, open ones are cancelled", self.c.row)
            return
        rows = <const KillWord *> self.words.section_ptr("words")
        self.c.firm, self.c.venue = &rows[1].word, &rows[1 + self.c.row].word

    def _map_state(self):
        """The engine's tables. A scan under way is begun anew."""
        self.c.block = NULL
        self.c.at = 0
        try:
            self.state = Segment.attach(self.instance, "state")
        except IpcError as error:
            log.debug("no tables yet: %s", error)
            return
        self._map_tables()

    cdef int _map_tables(self) except -1:
        cdef kill_t *c = &self.c
        wanted = {"engine": "EngineStatus", "orders": "Order", "instruments": "Instrument", "accounts": "Account"}
        counts = {s.name: s.count for s in self.state.sections if wanted.get(s.name) == s.record}
        if set(counts) != set(wanted) or counts["engine"] < 2:
            log.error("region state of %s has not the tables of this build: the kill switch cannot cancel order by order", self.instance)
            return 0
        c.engine = <const EngineStatus *> self.state.section_ptr("engine") + 1
        c.orders, c.order_rows = <const Order *> self.state.section_ptr("orders"), counts["orders"]
        c.instruments, c.instrument_rows = <const Instrument *> self.state.section_ptr("instruments"), counts["instruments"]
        c.accounts, c.account_rows = <const Account *> self.state.section_ptr("accounts"), counts["accounts"]
        free(c.marks)
        c.marks = <uint16_t *> calloc(counts["orders"], sizeof(uint16_t))
        if c.marks == NULL:
            log.error("no memory for the marks of %d orders: the kill switch cannot cancel order by order", counts["orders"])
            return 0
        c.block = <const Superblock *> self.state.base
        return 1
