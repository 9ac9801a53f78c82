"""What venues answer, as VenueEvents.

    ExecutionReport(8), OrderCancelReject(9), BusinessMessageReject(j), Reject(3), OrderMassCancelReport(r) ──read_event──▶ VenueEvent

Reading is a table of 1,024 tags made at import: what to do, where in the event, how wide. Both versions' conventions are read in either: a trade is
ExecType 1 or 2 of a NEW report (4.2) or F (4.4), and LastShares of any other report is carried but is no fill (R1, R2 of the order rules).
A report is never dropped for a bad field: the field is left out, VENUE_EVENT_INVALID says so, the engine decides. An id longer than its
field is cut and flagged VENUE_EVENT_TRUNCATED, since its identity is no longer certain. ``3`` and ``j`` name our message by RefSeqNum(45) only;
the ClOrdID comes from the session's store.
Rejected: a fill by OrdStatus (ExecTransType and ExecType decide); venue-specific branches here (they are data of a profile).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset, strlen
from ringfence.gateways.fix.codec cimport (
    RF_FIX_BUSINESS_REJECT,
    RF_FIX_CANCEL_REJECT,
    RF_FIX_CANCEL_REQUEST,
    RF_FIX_EXECUTION_REPORT,
    RF_FIX_MORE_FIELDS,
    RF_FIX_NEW_ORDER,
    RF_FIX_REJECT,
    RF_FIX_REPLACE_REQUEST,
    RF_FIX_SOH,
    RF_FIX_STATUS_REQUEST,
    rf_fix_decimal,
    rf_fix_field_t,
    rf_fix_find,
    rf_fix_message_t,
    rf_fix_timestamp,
    rf_fix_uint,
)
from ringfence.gateways.fix.dialect cimport dialect_t, ours_of
from ringfence.gateways.fix.messages cimport MSG_MASS_CANCEL_REPORT
from ringfence.gateways.fix.state cimport header_t
from ringfence.gateways.fix.store cimport KIND_ADMIN, store_find, store_t
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL,
    RF_COMMAND_KIND_REPLACE,
    RF_PRESENT_AVG_PX,
    RF_PRESENT_CUM_QTY,
    RF_PRESENT_COMMISSION,
    RF_PRESENT_LAST_PX,
    RF_PRESENT_LAST_QTY,
    RF_PRESENT_LEAVES_QTY,
    RF_PRESENT_PX,
    RF_PRESENT_QTY,
    RF_VENUE_EVENT_INVALID,
    RF_VENUE_EVENT_KIND_ACK,
    RF_VENUE_EVENT_KIND_BUSINESS_REJECT,
    RF_VENUE_EVENT_KIND_BUST,
    RF_VENUE_EVENT_KIND_CALCULATED,
    RF_VENUE_EVENT_KIND_CANCEL_REJECT,
    RF_VENUE_EVENT_KIND_CANCELED,
    RF_VENUE_EVENT_KIND_CORRECT,
    RF_VENUE_EVENT_KIND_DONE_FOR_DAY,
    RF_VENUE_EVENT_KIND_EXPIRED,
    RF_VENUE_EVENT_KIND_FILL,
    RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT,
    RF_VENUE_EVENT_KIND_NOT_SENT,
    RF_VENUE_EVENT_KIND_PENDING_CANCEL,
    RF_VENUE_EVENT_KIND_PENDING_NEW,
    RF_VENUE_EVENT_KIND_PENDING_REPLACE,
    RF_VENUE_EVENT_KIND_REJECTED,
    RF_VENUE_EVENT_KIND_REPLACED,
    RF_VENUE_EVENT_KIND_RESTATED,
    RF_VENUE_EVENT_KIND_STATUS,
    RF_VENUE_EVENT_KIND_STOPPED,
    RF_VENUE_EVENT_KIND_SUSPENDED,
    RF_VENUE_EVENT_POSS_DUP,
    RF_VENUE_EVENT_POSS_RESEND,
    RF_VENUE_EVENT_TRUNCATED,
    OrderCommand,
    VenueEvent,
)

cdef extern from "body.h" nogil:
    uint64_t rf_take_id(char *to, const unsigned char *bytes, uint32_t n) noexcept

cdef enum:
    TAGS = 1024  # of those beyond none is read
    TAKE_NOTHING = 0
    TAKE_ID = 1
    TAKE_AMOUNT = 2
    TAKE_TEXT = 3
    TAKE_TIME = 4
    TAKE_STATUS = 5
    TAKE_SIDE = 6
    TAKE_TRANS_TYPE = 7
    TAKE_EXEC_TYPE = 8
    TAKE_REASON = 9        # of the message type in `room`
    TAKE_CXL_RESPONSE = 10
    TAKE_MASS_RESPONSE = 11
    TAKE_SECURITY_ID = 12
    TAKE_REF_ID = 13
    TAKE_REF_TYPE = 14
    TAKE_COMM_TYPE = 15

ctypedef struct take_t:
    uint8_t what
    uint8_t room           # width of an id; message type of a reason
    uint16_t at            # offset in the event
    uint16_t digits_at
    uint16_t present       # PRESENT_* bit

ctypedef struct reading_t:  # what of a report is not in the event
    unsigned char exec_type
    unsigned char ref_msg_type
    const unsigned char *ref_id
    uint32_t ref_id_bytes

cdef take_t takes[TAGS]
cdef uint8_t kinds[5][256]        # VenueEventKind by ExecTransType + 1 (0: absent) and ExecType
cdef uint8_t statuses[256]        # our OrdStatus by OrdStatus(39), in schema order: A 0 1 2 3 4 5 6 7 8 9 B C E
cdef VenueEvent shape


cdef void take_id_at(uint32_t tag, char *field, uint32_t width):
    takes[tag] = take_t(TAKE_ID, <uint8_t> width, <uint16_t> (field - <char *> &shape), 0, 0)


cdef void take_amount_at(uint32_t tag, int64_t *field, uint8_t *digits, uint32_t present):
    takes[tag] = take_t(TAKE_AMOUNT, 0, <uint16_t> (<char *> field - <char *> &shape), <uint16_t> (<char *> digits - <char *> &shape), <uint16_t> present)


cdef void make_tables():
    cdef uint32_t k
    cdef const unsigned char *order = b"A0123456789BCE"
    memset(takes, 0, sizeof(takes))
    memset(kinds, 0, sizeof(kinds))
    memset(statuses, 0, sizeof(statuses))
    take_id_at(11, shape.cl_ord_id, 24)
    take_id_at(17, shape.exec_id, 40)
    take_id_at(19, shape.exec_ref_id, 40)
    take_id_at(37, shape.venue_order_id, 32)
    take_id_at(41, shape.orig_cl_ord_id, 24)
    take_id_at(55, shape.symbol, 24)
    take_amount_at(6, &shape.avg_px, &shape.avg_px_digits, RF_PRESENT_AVG_PX)
    take_amount_at(12, &shape.commission, &shape.comm_digits, RF_PRESENT_COMMISSION)
    take_id_at(479, shape.comm_currency, 8)
    take_amount_at(14, &shape.cum_qty, &shape.cum_qty_digits, RF_PRESENT_CUM_QTY)
    take_amount_at(31, &shape.last_px, &shape.last_px_digits, RF_PRESENT_LAST_PX)
    take_amount_at(32, &shape.last_qty, &shape.last_qty_digits, RF_PRESENT_LAST_QTY)
    take_amount_at(38, &shape.qty, &shape.qty_digits, RF_PRESENT_QTY)
    take_amount_at(44, &shape.px, &shape.px_digits, RF_PRESENT_PX)
    take_amount_at(151, &shape.leaves_qty, &shape.leaves_qty_digits, RF_PRESENT_LEAVES_QTY)
    for tag, what in ((13, TAKE_COMM_TYPE), (20, TAKE_TRANS_TYPE), (39, TAKE_STATUS), (48, TAKE_SECURITY_ID), (54, TAKE_SIDE), (58, TAKE_TEXT), (60, TAKE_TIME),
                      (150, TAKE_EXEC_TYPE), (372, TAKE_REF_TYPE), (379, TAKE_REF_ID), (434, TAKE_CXL_RESPONSE), (531, TAKE_MASS_RESPONSE)):
        takes[<uint32_t> tag].what = what
    for tag, kind in ((103, RF_FIX_EXECUTION_REPORT), (102, RF_FIX_CANCEL_REJECT), (380, RF_FIX_BUSINESS_REJECT), (373, RF_FIX_REJECT),
                      (532, MSG_MASS_CANCEL_REPORT)):
        takes[<uint32_t> tag].what, takes[<uint32_t> tag].room = TAKE_REASON, kind
    for k in range(14):
        statuses[order[k]] = <uint8_t> (k + 1)
    for exec_type, kind in ((b"0", RF_VENUE_EVENT_KIND_ACK), (b"1", RF_VENUE_EVENT_KIND_FILL), (b"2", RF_VENUE_EVENT_KIND_FILL),
                            (b"3", RF_VENUE_EVENT_KIND_DONE_FOR_DAY), (b"4", RF_VENUE_EVENT_KIND_CANCELED), (b"5", RF_VENUE_EVENT_KIND_REPLACED),
                            (b"6", RF_VENUE_EVENT_KIND_PENDING_CANCEL), (b"7", RF_VENUE_EVENT_KIND_STOPPED), (b"8", RF_VENUE_EVENT_KIND_REJECTED),
                            (b"9", RF_VENUE_EVENT_KIND_SUSPENDED), (b"A", RF_VENUE_EVENT_KIND_PENDING_NEW), (b"B", RF_VENUE_EVENT_KIND_CALCULATED),
                            (b"C", RF_VENUE_EVENT_KIND_EXPIRED), (b"D", RF_VENUE_EVENT_KIND_RESTATED), (b"E", RF_VENUE_EVENT_KIND_PENDING_REPLACE),
                            (b"F", RF_VENUE_EVENT_KIND_FILL), (b"G", RF_VENUE_EVENT_KIND_CORRECT), (b"H", RF_VENUE_EVENT_KIND_BUST),
                            (b"I", RF_VENUE_EVENT_KIND_STATUS)):
        kinds[0][<uint32_t> ord(exec_type)] = kinds[1][<uint32_t> ord(exec_type)] = kind
    memset(kinds[2], RF_VENUE_EVENT_KIND_BUST, 256)
    memset(kinds[3], RF_VENUE_EVENT_KIND_CORRECT, 256)
    memset(kinds[4], RF_VENUE_EVENT_KIND_STATUS, 256)


make_tables()


cdef inline void take_id(VenueEvent *e, char *to, uint32_t room, const unsigned char *p, uint32_t n) noexcept nogil:
    """Copy an id; what does not fit, or holds a NUL, is flagged: its identity is no longer certain."""
    if n > room:
        e.flags |= RF_VENUE_EVENT_TRUNCATED
        n = room
    if rf_take_id(to, p, n):
        e.flags |= RF_VENUE_EVENT_INVALID


cdef inline void take_code(VenueEvent *e, const unsigned char *p, uint32_t n) noexcept nogil:
    """A reject reason, plus one."""
    cdef uint64_t v = 0
    if rf_fix_uint(p, n, &v) and v < 1000000:
        e.text_code = <uint32_t> v + 1
    else:
        e.flags |= RF_VENUE_EVENT_INVALID


cdef inline void take_field(const dialect_t *d, VenueEvent *e, uint32_t kind, uint32_t tag, const unsigned char *p, uint32_t n, reading_t *r) noexcept nogil:
    """One field of a report or reject into the event. Unknown tags are passed over."""
    cdef const take_t *t
    cdef unsigned char c = p[0] if n == 1 else 0
    if tag >= TAGS:
        return
    t = &takes[tag]
    if t.what == TAKE_NOTHING:
        return
    if t.what == TAKE_ID:
        take_id(e, <char *> e + t.at, t.room, p, n)
    elif t.what == TAKE_AMOUNT:
        if rf_fix_decimal(p, n, <int64_t *> (<char *> e + t.at), <uint8_t *> e + t.digits_at):
            e.present |= t.present
        else:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif t.what == TAKE_TEXT:
        memcpy(e.text, p, n if n < 64 else 64)
    elif t.what == TAKE_TIME:
        if not rf_fix_timestamp(p, n, &e.transact_ns):
            e.flags |= RF_VENUE_EVENT_INVALID
    elif t.what == TAKE_STATUS:
        e.ord_status = statuses[c]
        if not e.ord_status:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif t.what == TAKE_SIDE:
        e.side = c - 48 if c == 49 or c == 50 or c == 53 else 0
        if not e.side:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif t.what == TAKE_TRANS_TYPE:
        e.exec_trans_type = c - 47 if 48 <= c <= 51 else 0
        if not e.exec_trans_type:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif t.what == TAKE_EXEC_TYPE:
        r.exec_type = c
    elif t.what == TAKE_REASON:
        if t.room == kind:
            take_code(e, p, n)
    elif t.what == TAKE_COMM_TYPE:
        e.comm_type = c - 48 if 49 <= c <= 57 else 0
    elif t.what == TAKE_CXL_RESPONSE:
        e.cxl_rej_response_to = c - 48 if c == 49 or c == 50 else 0
    elif t.what == TAKE_MASS_RESPONSE:
        e.mass_cancel_response = c
        if not c:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif t.what == TAKE_SECURITY_ID:
        if d.symbol_tag == 48:
            memset(e.symbol, 0, 24)
            take_id(e, e.symbol, 24, p, n)
    elif t.what == TAKE_REF_TYPE:
        r.ref_msg_type = c
    else:
        r.ref_id, r.ref_id_bytes = p, n


cdef inline void finish_report(VenueEvent *e, unsigned char exec_type) noexcept nogil:
    """What kind of report it is (R1, R2: ExecTransType first, then ExecType), and whether its amounts can be."""
    e.kind = kinds[e.exec_trans_type][exec_type]
    if not e.kind:  # no ExecType that we know: a traded quantity is still a fact
        e.flags |= RF_VENUE_EVENT_INVALID
        e.kind = RF_VENUE_EVENT_KIND_FILL if e.last_qty > 0 and (e.ord_status == 3 or e.ord_status == 4) else RF_VENUE_EVENT_KIND_STATUS
    if (e.last_qty | e.cum_qty | e.leaves_qty | e.qty) < 0:
        e.flags |= RF_VENUE_EVENT_INVALID


cdef void to_our_symbol(const dialect_t *d, VenueEvent *e) noexcept nogil:
    """The venue's symbol becomes ours; one that we have not stays as it is, so that the engine and its break show it."""
    cdef const char *ours
    if d.symbol_count and e.symbol[0]:
        ours = ours_of(d, e.symbol)
        if ours != NULL:
            memcpy(e.symbol, ours, 24)


cdef uint32_t read_stored(const unsigned char *p, uint32_t n, VenueEvent *e) noexcept nogil:
    """ClOrdID and OrigClOrdID of a stored message of our own (no data fields before these); returns its MsgType's one character, 0 for AF."""
    cdef uint32_t i = 0, len_, start, msg_type = 0
    while i < n:
        start = i
        while i < n and p[i] != RF_FIX_SOH:
            i += 1
        len_ = i - start
        i += 1
        if len_ < 4:
            continue
        if p[start] == 51 and p[start + 1] == 53 and p[start + 2] == 61:      # 35=
            msg_type = p[start + 3] if len_ == 4 else 0
        elif p[start] == 49 and p[start + 1] == 49 and p[start + 2] == 61:    # 11=
            take_id(e, e.cl_ord_id, 24, p + start + 3, len_ - 3)
        elif p[start] == 52 and p[start + 1] == 49 and p[start + 2] == 61:    # 41=
            take_id(e, e.orig_cl_ord_id, 24, p + start + 3, len_ - 3)
    return msg_type


cdef int take_reference(const rf_fix_message_t *m, store_t *store, VenueEvent *e, const reading_t *r) noexcept nogil:
    """Of a 3 or j: which message of ours it refuses, by RefSeqNum(45) or, when that is not stored any more, by RefMsgType(372) and BusinessRejectRefID(379).
    0 when it was an administrative one."""
    cdef int at = rf_fix_find(m, 45)
    cdef uint64_t seq = 0, output_seq = 0
    cdef uint32_t kind = 0, n = 0, msg_type = r.ref_msg_type
    cdef const unsigned char *p = NULL
    if at < 0 or not rf_fix_uint(m.bytes + m.fields[at].at, m.fields[at].len, &seq):
        e.flags |= RF_VENUE_EVENT_INVALID
    elif store != NULL:
        p = store_find(store, seq, &kind, &output_seq, &n)
    if p != NULL:
        msg_type = read_stored(p, n, e)
    elif r.ref_id_bytes and (msg_type == RF_FIX_NEW_ORDER or msg_type == RF_FIX_CANCEL_REQUEST or msg_type == RF_FIX_REPLACE_REQUEST):
        take_id(e, e.cl_ord_id, 24, r.ref_id, r.ref_id_bytes)
    e.cxl_rej_response_to = 1 if msg_type == RF_FIX_CANCEL_REQUEST else 2 if msg_type == RF_FIX_REPLACE_REQUEST else 0
    if msg_type == RF_FIX_STATUS_REQUEST:  # its ClOrdID is the order's: the order is not refused
        memset(e.cl_ord_id, 0, 24)
    return kind != KIND_ADMIN


cdef int read_event(const dialect_t *d, const rf_fix_message_t *m, const header_t *h, store_t *store, uint64_t received_ns, VenueEvent *e) noexcept nogil:
    cdef uint32_t i, kind = m.msg_type
    cdef const rf_fix_field_t *f
    cdef reading_t r
    if not (kind == RF_FIX_EXECUTION_REPORT or kind == RF_FIX_CANCEL_REJECT or kind == RF_FIX_BUSINESS_REJECT or kind == RF_FIX_REJECT
            or kind == MSG_MASS_CANCEL_REPORT):
        return 0
    memset(e, 0, sizeof(VenueEvent))
    memset(&r, 0, sizeof(reading_t))
    e.received_ns = received_ns
    e.msg_seq_num = <uint32_t> h.seq
    e.flags = (RF_VENUE_EVENT_POSS_DUP if h.poss_dup else 0) | (RF_VENUE_EVENT_POSS_RESEND if h.poss_resend else 0)
    if m.flags & RF_FIX_MORE_FIELDS:  # what stands behind them is not read
        e.flags |= RF_VENUE_EVENT_INVALID
    for i in range(3, m.count):
        f = &m.fields[i]
        if kind == MSG_MASS_CANCEL_REPORT and f.tag == 534:
            break  # NoAffectedOrders: its OrigClOrdID(41) are those of orders, each of which is reported on its own
        take_field(d, e, kind, f.tag, m.bytes + f.at, f.len, &r)
    to_our_symbol(d, e)
    if kind == RF_FIX_EXECUTION_REPORT:
        finish_report(e, r.exec_type)
        return 1
    if kind == RF_FIX_CANCEL_REJECT or kind == MSG_MASS_CANCEL_REPORT:
        e.kind = RF_VENUE_EVENT_KIND_CANCEL_REJECT if kind == RF_FIX_CANCEL_REJECT else RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT
        return 1
    e.kind = RF_VENUE_EVENT_KIND_BUSINESS_REJECT
    return take_reference(m, store, e, &r)


cdef void not_sent_event(const dialect_t *d, const rf_fix_message_t *m, uint64_t now_ns, VenueEvent *e) noexcept nogil:
    cdef uint32_t i
    cdef const rf_fix_field_t *f
    cdef reading_t r
    memset(e, 0, sizeof(VenueEvent))
    e.kind = RF_VENUE_EVENT_KIND_NOT_SENT
    e.received_ns = now_ns
    for i in range(3, m.count):
        f = &m.fields[i]
        if f.tag == 11 or f.tag == 41 or f.tag == 48 or f.tag == 54 or f.tag == 55 or f.tag == 38 or f.tag == 44:
            take_field(d, e, m.msg_type, f.tag, m.bytes + f.at, f.len, &r)
    to_our_symbol(d, e)
    memcpy(e.text, b"the venue asked for it again: never taken", 41)


cdef void unsent_command_event(const OrderCommand *c, const char *why, uint64_t now_ns, VenueEvent *e) noexcept nogil:
    memset(e, 0, sizeof(VenueEvent))
    e.kind = RF_VENUE_EVENT_KIND_NOT_SENT
    e.received_ns = now_ns
    e.side = c.side
    e.cxl_rej_response_to = 1 if c.kind == RF_COMMAND_KIND_CANCEL else 2 if c.kind == RF_COMMAND_KIND_REPLACE else 0
    memcpy(e.cl_ord_id, c.cl_ord_id, 24)
    memcpy(e.orig_cl_ord_id, c.orig_cl_ord_id, 24)
    memcpy(e.exec_id, c.exec_id, 40)
    memcpy(e.symbol, c.symbol, 24)
    memcpy(e.text, why, min(<size_t> 64, strlen(why)))


cdef void session_event(int kind, const char *text, uint64_t now_ns, VenueEvent *e) noexcept nogil:
    memset(e, 0, sizeof(VenueEvent))
    e.kind = <uint8_t> kind
    e.received_ns = now_ns
    memcpy(e.text, text, min(<size_t> 64, strlen(text)))
