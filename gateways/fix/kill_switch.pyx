"""The out-of-band kill switch: what a gateway does by itself when a kill word is set, also while the engine hangs or is dead.

    region `kill`, KillWord of the firm and of the venue ──one load each──▶ killed?
                        new orders and replaces: answered NOT_SENT (cycle.pyx)
    region `state` (the engine's tables, read-only) ──▶ OrderMassCancelRequest(q), or one OrderCancelRequest(F) an open order ──▶ session

Killed is every value but KILL_CLEAR, a region that is missing, was removed, or is not ours: it fails closed. The words are looked at every turn and
again before each new order; that the region is still there, once a second (``look``). The operators' group may write the region, so it could
also truncate it: the gateway then dies on the next look and its successor finds no words, which kills too.

Once per order and kill. Rows are taken in ascending order and the row travels with the stored cancel (``KIND_OUT_OF_BAND``), so that a gateway that is
killed anywhere goes on behind the last one that it stored; what was stored and not received is asked for by the venue and resent. When numbers start anew
nobody asks, so it begins again then. A kill begins with the first look that finds a word set, and ends with the first that finds both clear, durably
(``store_t.kill``): a second kill cancels anew. ClOrdID(11) is revision REVISION_OUT_OF_BAND of the order, which the engine never uses, OrigClOrdID(41) the
last acknowledged one. The engine, when it lives, cancels too (KILL_WORD): the later of two cancels is refused by the venue, which changes nothing. A second
kill of an order that outlived the first repeats that ClOrdID; a venue that refuses it as a duplicate is left to the engine's own cancel.

Tables are another process's memory: a row is copied once, and the copy must name its own row, this venue, known sides and rows inside the
tables, or it is passed over. Rows are created before their command, so every order that this gateway has sent is at or below ``order_count``. While an
engine recovers its tables are not whole: cancelling waits until it runs, and begins behind the last stored cancel when another engine took over in
between. A stopped or dead engine's tables stay as they were. A mass cancel needs no tables at all.

As fast as the session's budget allows, the reserve included, ``MESSAGES_MAX`` a turn. What is in the output already when the word is set goes out before the
cancels. Rejected: a copy of open orders in the gateway (state that must be recovered), a socket or signal for operators (needs a process that answers).
"""

import logging
import os

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from ringfence.gateways.fix.budget cimport budget_allows, budget_spend
from ringfence.gateways.fix.messages cimport msg_type_of, write_body
from ringfence.gateways.fix.outgoing cimport commit, compose, has_room, note
from ringfence.gateways.fix.state cimport STATE_UP
from ringfence.gateways.fix.store cimport KILL_EACH, KILL_ON, KILL_ROWS, KIND_OUT_OF_BAND, store_set_kill
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL, RF_COMMAND_KIND_MASS_CANCEL, RF_PROCESS_STATE_RECOVERING, RF_PROCESS_STATE_STARTING, RF_REVISIONS_MAX,
    RF_REVISION_OUT_OF_BAND, RF_SIDE_MAX, RF_VENUE_EVENT_KIND_BUSINESS_REJECT, RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT, Account, Instrument, KillWord, Order,
    OrderCommand,
)

from ringfence.ipc.errors import IpcError
from ringfence.ipc.regions import SHM_DIR, shm_name

log = logging.getLogger("ringfence.gateway")

cdef extern from "clordid.h" nogil:
    void rf_clordid_put(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept
    void rf_base32_put(char *at, int digits, uint64_t value) noexcept

cdef extern from *:
    uint32_t load_32 "__atomic_load_n" (const uint32_t *word, int order) noexcept nogil
    void fence "__atomic_thread_fence" (int order) noexcept nogil

cdef enum:
    MESSAGES_MAX = 256   # cancels a turn: the socket and the ring are served in between
    ROWS_MAX = 16384     # rows a turn
    REFUSED = 48         # MassCancelResponse(531): 0
    ID_DIGITS = 11       # of the time in a mass cancel's ClOrdID

cdef uint64_t NUMBERS = 0x3FFF
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


cdef int cancel_of(const kill_t *k, const Order *o, OrderCommand *c) noexcept nogil:
    """The cancel of an order, in the engine's form; 0 when its instrument, account or our prefix is no text."""
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
    rf_clordid_put(c.orig_cl_ord_id, prefix, o.day_code, o.order_id, o.live_revision)
    if is_text(o.venue_order_id, 32):
        memcpy(c.venue_order_id, o.venue_order_id, 32)
    memcpy(c.symbol, instrument.symbol, 24)
    if is_text(account.code, 24):
        memcpy(c.account_code, account.code, 24)
    return 1


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
    store_set_kill(s.store, (s.store.kill & ~<uint64_t> KILL_ROWS) | KILL_EACH)
    return 1


# ---- the scan -----------------------------------------------------------------------------------------------------------

cdef int tables_whole(const kill_t *k) noexcept nogil:
    """1 when the engine that owns the tables has recovered; it may be stopped or dead since."""
    cdef uint32_t state
    if k.block == NULL:
        return 0
    state = load_32(&k.block.process_state, ACQUIRE)
    return state != RF_PROCESS_STATE_STARTING and state != RF_PROCESS_STATE_RECOVERING


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


cdef int cancel_each(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil:
    """Cancels for the next rows. Returns how many were composed."""
    cdef Order o
    cdef OrderCommand c
    cdef int sent = 0, looked = 0, done
    if k.resets != s.store.resets:
        k.at = 0
    if not k.at and not begin_scan(k, s):
        return 0
    while k.at <= k.end and looked < ROWS_MAX and sent < MESSAGES_MAX:
        looked += 1
        if k.orders[k.at].leaves_qty > 0 or k.orders[k.at].replace_revision != 0:  # one line of memory for an order that is over
            memcpy(&o, &k.orders[k.at], sizeof(Order))
            if not same_tables(k):
                k.at = 0
                return sent
            if is_open(k, &o, k.at) and cancel_of(k, &o, &c):
                done = send_out_of_band(k, s, d, b, &c, k.at, now)
                if not done:
                    return sent
                sent += done > 0
        k.at += 1
    if k.at > k.end:
        if not same_tables(k):
            k.at = 0
            return sent
        store_set_kill(s.store, s.store.kill | KILL_ROWS)
        note(s, b"the kill switch has cancelled every open order, %llu rows looked at", k.end, 0)
    return sent


cdef int kill_step(kill_t *k, session_t *s, const dialect_t *d, budget_t *b, uint64_t now) noexcept nogil:
    cdef uint64_t kill = s.store.kill
    if not is_killed(k):
        if kill & KILL_ON:
            store_set_kill(s.store, kill & ~<uint64_t> (KILL_ON | KILL_EACH))
            note(s, b"the kill switch is clear again", 0, 0)
        return 0
    if not kill & KILL_ON:
        k.at = 0
        kill = ((kill >> 34) + 1 & NUMBERS) << 34 | KILL_ON
        if not d.mass_cancel:
            kill |= KILL_EACH
        store_set_kill(s.store, kill)
        note(s, b"the kill switch is set: no new orders, cancelling what is open (kill %llu)", kill >> 34, 0)
    if kill & KILL_ROWS == KILL_ROWS or s.state != STATE_UP or not s.announced:
        return 0
    if kill & KILL_EACH:
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
        self.c.firm = self.c.venue = &KILLED
        self.words_seen = self.state_seen = ""

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
        c.block = <const Superblock *> self.state.base
        return 1
