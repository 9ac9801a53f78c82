"""Commands of the engine as FIX 4.2 message bodies, and what venues answer as VenueEvents.

    OrderCommand ──write_body──▶ NewOrderSingle(D), OrderCancelRequest(F), OrderCancelReplaceRequest(G), OrderStatusRequest(H)
    ExecutionReport(8), OrderCancelReject(9), BusinessMessageReject(j), Reject(3) ──read_event──▶ VenueEvent

Amounts stay decimals: mantissa and digits, nothing is rounded, no instrument table is needed. Tags ascend, as the field's engines write them.

A report is never dropped for a bad field: the field is left out, VENUE_EVENT_INVALID says so, the engine decides. An id longer than its
field is cut and flagged VENUE_EVENT_TRUNCATED, since its identity is no longer certain. ``3`` and ``j`` name our message by RefSeqNum(45) only;
the ClOrdID comes from the session's store.
Rejected: a fill by OrdStatus (ExecTransType and ExecType decide, R1 and R2 of the order rules); venue-specific branches here (they belong to a profile).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memset, strlen

from ringfence.gateways.errors import FixError, GarbledMessage

from ringfence.gateways.fix.codec cimport (
    RF_FIX_BUSINESS_REJECT,
    RF_FIX_CANCEL_REJECT,
    RF_FIX_CANCEL_REQUEST,
    RF_FIX_EXECUTION_REPORT,
    RF_FIX_MESSAGE_MAX,
    RF_FIX_NEW_ORDER,
    RF_FIX_OK,
    RF_FIX_REJECT,
    RF_FIX_REPLACE_REQUEST,
    RF_FIX_RESERVE,
    RF_FIX_SOH,
    RF_FIX_STATUS_REQUEST,
    rf_fix_decimal,
    rf_fix_field_t,
    rf_fix_find,
    rf_fix_message_t,
    rf_fix_open,
    rf_fix_parse,
    rf_fix_put,
    rf_fix_put_byte,
    rf_fix_put_decimal,
    rf_fix_put_text,
    rf_fix_put_timestamp,
    rf_fix_stamp_t,
    rf_fix_timestamp,
    rf_fix_uint,
    rf_fix_writer_t,
)
from ringfence.gateways.fix.machine cimport read_header
from ringfence.gateways.fix.state cimport header_t
from ringfence.gateways.fix.store cimport MessageStore, store_find, store_t
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL,
    RF_COMMAND_KIND_NEW,
    RF_COMMAND_KIND_REPLACE,
    RF_COMMAND_KIND_STATUS,
    RF_ORD_TYPE_LIMIT,
    RF_ORD_TYPE_MAX,
    RF_ORD_TYPE_STOP,
    RF_ORD_TYPE_STOP_LIMIT,
    RF_PRESENT_AVG_PX,
    RF_PRESENT_CUM_QTY,
    RF_PRESENT_LAST_PX,
    RF_PRESENT_LAST_QTY,
    RF_PRESENT_LEAVES_QTY,
    RF_PRESENT_PX,
    RF_PRESENT_QTY,
    RF_SIDE_BUY,
    RF_SIDE_SELL,
    RF_SIDE_SELL_SHORT,
    RF_TIME_IN_FORCE_GTD,
    RF_TIME_IN_FORCE_MAX,
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


# ---- out ----------------------------------------------------------------------------------------------------------------

cdef char msg_type_of(const OrderCommand *c) noexcept nogil:
    if c.kind == RF_COMMAND_KIND_NEW:
        return RF_FIX_NEW_ORDER
    if c.kind == RF_COMMAND_KIND_CANCEL:
        return RF_FIX_CANCEL_REQUEST
    if c.kind == RF_COMMAND_KIND_REPLACE:
        return RF_FIX_REPLACE_REQUEST
    return RF_FIX_STATUS_REQUEST if c.kind == RF_COMMAND_KIND_STATUS else 0


cdef inline void put_text(rf_fix_writer_t *w, const char *tag, uint32_t tag_bytes, const char *text, uint32_t text_bytes) noexcept nogil:
    rf_fix_put(w, tag, tag_bytes)
    rf_fix_put_text(w, text, text_bytes)
    rf_fix_put_byte(w, RF_FIX_SOH)


cdef inline void put_amount(rf_fix_writer_t *w, const char *tag, uint32_t tag_bytes, int64_t mantissa, uint32_t digits) noexcept nogil:
    rf_fix_put(w, tag, tag_bytes)
    rf_fix_put_decimal(w, mantissa, digits)
    rf_fix_put_byte(w, RF_FIX_SOH)


cdef inline void put_time(rf_fix_writer_t *w, const char *tag, uint32_t tag_bytes, rf_fix_stamp_t *stamp, uint64_t ns) noexcept nogil:
    rf_fix_put(w, tag, tag_bytes)
    rf_fix_put_timestamp(w, stamp, ns, 3)
    rf_fix_put_byte(w, RF_FIX_SOH)


cdef inline void put_code(rf_fix_writer_t *w, const char *tag, unsigned char code) noexcept nogil:
    """A tag of two digits with a one-character value."""
    cdef unsigned char text[5]
    memcpy(text, tag, 3)
    text[3] = code
    text[4] = RF_FIX_SOH
    rf_fix_put(w, text, 5)


cdef int has_form(const OrderCommand *c) noexcept nogil:
    """Whether every value has a FIX form."""
    if not (c.side == RF_SIDE_BUY or c.side == RF_SIDE_SELL or c.side == RF_SIDE_SELL_SHORT) or not c.cl_ord_id[0] or not c.symbol[0]:
        return 0
    if c.kind == RF_COMMAND_KIND_STATUS:
        return 1
    if c.kind == RF_COMMAND_KIND_CANCEL:
        return c.orig_cl_ord_id[0] != 0
    if c.kind == RF_COMMAND_KIND_REPLACE and not c.orig_cl_ord_id[0]:
        return 0
    return 1 <= c.ord_type <= RF_ORD_TYPE_MAX and 1 <= c.time_in_force <= RF_TIME_IN_FORCE_MAX and c.qty > 0


cdef void write_body(const OrderCommand *c, rf_fix_writer_t *w, rf_fix_stamp_t *stamp, uint64_t now_ns) noexcept nogil:
    cdef int order = c.kind == RF_COMMAND_KIND_NEW or c.kind == RF_COMMAND_KIND_REPLACE
    if not has_form(c):
        w.failed = 1
        return
    if c.account_code[0]:
        put_text(w, b"1=", 2, c.account_code, 24)
    put_text(w, b"11=", 3, c.cl_ord_id, 24)
    if order:
        rf_fix_put(w, b"21=1\x01", 5)  # HandlInst: automated, no broker intervention
    if c.kind != RF_COMMAND_KIND_NEW and c.venue_order_id[0]:
        put_text(w, b"37=", 3, c.venue_order_id, 32)
    if c.kind != RF_COMMAND_KIND_STATUS:
        put_amount(w, b"38=", 3, c.qty, c.qty_digits)
    if order:
        put_code(w, b"40=", 48 + c.ord_type)
    if c.kind == RF_COMMAND_KIND_CANCEL or c.kind == RF_COMMAND_KIND_REPLACE:
        put_text(w, b"41=", 3, c.orig_cl_ord_id, 24)
    if order and (c.ord_type == RF_ORD_TYPE_LIMIT or c.ord_type == RF_ORD_TYPE_STOP_LIMIT):
        put_amount(w, b"44=", 3, c.px, c.px_digits)
    put_code(w, b"54=", 48 + c.side)
    put_text(w, b"55=", 3, c.symbol, 24)
    if order:
        put_code(w, b"59=", 47 + c.time_in_force)
    if c.kind != RF_COMMAND_KIND_STATUS:
        put_time(w, b"60=", 3, stamp, c.engine_ns or now_ns)
    if not order:
        return
    if c.ord_type == RF_ORD_TYPE_STOP or c.ord_type == RF_ORD_TYPE_STOP_LIMIT:
        put_amount(w, b"99=", 3, c.stop_px, c.px_digits)
    if c.display_qty > 0:
        put_amount(w, b"111=", 4, c.display_qty, c.qty_digits)
    if c.time_in_force == RF_TIME_IN_FORCE_GTD:
        put_time(w, b"126=", 4, stamp, c.expire_ns)


# ---- in -----------------------------------------------------------------------------------------------------------------

cdef inline void take_text(VenueEvent *e, char *to, uint32_t room, const unsigned char *p, uint32_t n) noexcept nogil:
    """Copy an id; what does not fit, or holds a NUL, is flagged: its identity is no longer certain."""
    if n > room:
        e.flags |= RF_VENUE_EVENT_TRUNCATED
        n = room
    if memchr(p, 0, n) != NULL:
        e.flags |= RF_VENUE_EVENT_INVALID
    memcpy(to, p, n)


cdef inline void take_amount(VenueEvent *e, int64_t *to, uint8_t *digits, uint32_t bit, const unsigned char *p, uint32_t n) noexcept nogil:
    if rf_fix_decimal(p, n, to, digits):
        e.present |= bit
    else:
        e.flags |= RF_VENUE_EVENT_INVALID


cdef inline void take_code(VenueEvent *e, const unsigned char *p, uint32_t n) noexcept nogil:
    """A reject reason, plus one."""
    cdef uint64_t v = 0
    if rf_fix_uint(p, n, &v) and v < 1000000:
        e.text_code = <uint32_t> v + 1
    else:
        e.flags |= RF_VENUE_EVENT_INVALID


cdef int status_of(unsigned char c) noexcept nogil:
    """OrdStatus(39) as ours (in schema order: A 0 1 2 3 4 5 6 7 8 9 B C E), or 0."""
    if 48 <= c <= 57:
        return c - 46
    return 1 if c == 65 else 12 if c == 66 else 13 if c == 67 else 14 if c == 69 else 0


cdef int kind_of(unsigned char exec_trans_type, unsigned char exec_type) noexcept nogil:
    """R1, R2: ExecTransType first, then ExecType (4.4: ExecType alone). 0 when neither says it."""
    cdef int kind = 0
    if exec_trans_type == 49:
        return RF_VENUE_EVENT_KIND_BUST
    if exec_trans_type == 50:
        return RF_VENUE_EVENT_KIND_CORRECT
    if exec_trans_type == 51:
        return RF_VENUE_EVENT_KIND_STATUS
    if exec_type == 48:    # 0
        kind = RF_VENUE_EVENT_KIND_ACK
    elif exec_type == 49 or exec_type == 50 or exec_type == 70:  # 1 2 F
        kind = RF_VENUE_EVENT_KIND_FILL
    elif exec_type == 51:  # 3
        kind = RF_VENUE_EVENT_KIND_DONE_FOR_DAY
    elif exec_type == 52:  # 4
        kind = RF_VENUE_EVENT_KIND_CANCELED
    elif exec_type == 53:  # 5
        kind = RF_VENUE_EVENT_KIND_REPLACED
    elif exec_type == 54:  # 6
        kind = RF_VENUE_EVENT_KIND_PENDING_CANCEL
    elif exec_type == 55:  # 7
        kind = RF_VENUE_EVENT_KIND_STOPPED
    elif exec_type == 56:  # 8
        kind = RF_VENUE_EVENT_KIND_REJECTED
    elif exec_type == 57:  # 9
        kind = RF_VENUE_EVENT_KIND_SUSPENDED
    elif exec_type == 65:  # A
        kind = RF_VENUE_EVENT_KIND_PENDING_NEW
    elif exec_type == 66:  # B
        kind = RF_VENUE_EVENT_KIND_CALCULATED
    elif exec_type == 67:  # C
        kind = RF_VENUE_EVENT_KIND_EXPIRED
    elif exec_type == 68:  # D
        kind = RF_VENUE_EVENT_KIND_RESTATED
    elif exec_type == 69:  # E
        kind = RF_VENUE_EVENT_KIND_PENDING_REPLACE
    elif exec_type == 71:  # G
        kind = RF_VENUE_EVENT_KIND_CORRECT
    elif exec_type == 72:  # H
        kind = RF_VENUE_EVENT_KIND_BUST
    elif exec_type == 73:  # I
        kind = RF_VENUE_EVENT_KIND_STATUS
    return kind


cdef void take_field(VenueEvent *e, uint32_t tag, const unsigned char *p, uint32_t n) noexcept nogil:
    """One field of a report or reject into the event. Unknown tags are passed over."""
    cdef unsigned char c = p[0] if n == 1 else 0
    if tag == 6:
        take_amount(e, &e.avg_px, &e.avg_px_digits, RF_PRESENT_AVG_PX, p, n)
    elif tag == 11:
        take_text(e, e.cl_ord_id, 24, p, n)
    elif tag == 14:
        take_amount(e, &e.cum_qty, &e.cum_qty_digits, RF_PRESENT_CUM_QTY, p, n)
    elif tag == 17:
        take_text(e, e.exec_id, 40, p, n)
    elif tag == 19:
        take_text(e, e.exec_ref_id, 40, p, n)
    elif tag == 20:
        e.exec_trans_type = c - 47 if 48 <= c <= 51 else 0
        if not e.exec_trans_type:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif tag == 31:
        take_amount(e, &e.last_px, &e.last_px_digits, RF_PRESENT_LAST_PX, p, n)
    elif tag == 32:
        take_amount(e, &e.last_qty, &e.last_qty_digits, RF_PRESENT_LAST_QTY, p, n)
    elif tag == 37:
        take_text(e, e.venue_order_id, 32, p, n)
    elif tag == 38:
        take_amount(e, &e.qty, &e.qty_digits, RF_PRESENT_QTY, p, n)
    elif tag == 39:
        e.ord_status = status_of(c)
        if not e.ord_status:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif tag == 41:
        take_text(e, e.orig_cl_ord_id, 24, p, n)
    elif tag == 44:
        take_amount(e, &e.px, &e.px_digits, RF_PRESENT_PX, p, n)
    elif tag == 54:
        e.side = c - 48 if c == 49 or c == 50 or c == 53 else 0
        if not e.side:
            e.flags |= RF_VENUE_EVENT_INVALID
    elif tag == 55:
        take_text(e, e.symbol, 24, p, n)
    elif tag == 58:
        memcpy(e.text, p, n if n < 64 else 64)
    elif tag == 60:
        if not rf_fix_timestamp(p, n, &e.transact_ns):
            e.flags |= RF_VENUE_EVENT_INVALID
    elif tag == 151:
        take_amount(e, &e.leaves_qty, &e.leaves_qty_digits, RF_PRESENT_LEAVES_QTY, p, n)
    elif tag == 434:
        e.cxl_rej_response_to = c - 48 if c == 49 or c == 50 else 0


cdef void finish_report(VenueEvent *e, unsigned char exec_type) noexcept nogil:
    """What kind of report it is, and whether its amounts can be."""
    e.kind = kind_of(e.exec_trans_type + 47 if e.exec_trans_type else 0, exec_type)
    if not e.kind:  # no ExecType that we know: a traded quantity is still a fact
        e.flags |= RF_VENUE_EVENT_INVALID
        e.kind = RF_VENUE_EVENT_KIND_FILL if e.last_qty > 0 and (e.ord_status == 3 or e.ord_status == 4) else RF_VENUE_EVENT_KIND_STATUS
    if e.last_qty < 0 or e.cum_qty < 0 or e.leaves_qty < 0 or e.qty < 0:
        e.flags |= RF_VENUE_EVENT_INVALID


cdef int take_reference(const rf_fix_message_t *m, store_t *store, VenueEvent *e) noexcept nogil:
    """Of a 3 or j: ClOrdID and OrigClOrdID of our message with RefSeqNum(45). 0 when that was an administrative one."""
    cdef int at = rf_fix_find(m, 45)
    cdef uint64_t seq = 0, output_seq = 0
    cdef uint32_t kind = 0, n = 0, i, len_, start
    cdef const unsigned char *p
    cdef unsigned char msg_type = 0
    if at < 0 or not rf_fix_uint(m.bytes + m.fields[at].at, m.fields[at].len, &seq):
        e.flags |= RF_VENUE_EVENT_INVALID
        return 1
    p = store_find(store, seq, &kind, &output_seq, &n) if store != NULL else NULL
    if p == NULL:
        return 1
    i = 0
    while i < n:  # a message of our own: no data fields before these
        start = i
        while i < n and p[i] != RF_FIX_SOH:
            i += 1
        len_ = i - start
        i += 1
        if len_ < 4:
            continue
        if p[start] == 51 and p[start + 1] == 53 and p[start + 2] == 61:      # 35=
            msg_type = p[start + 3]
        elif p[start] == 49 and p[start + 1] == 49 and p[start + 2] == 61:    # 11=
            take_text(e, e.cl_ord_id, 24, p + start + 3, len_ - 3)
        elif p[start] == 52 and p[start + 1] == 49 and p[start + 2] == 61:    # 41=
            take_text(e, e.orig_cl_ord_id, 24, p + start + 3, len_ - 3)
    e.cxl_rej_response_to = 1 if msg_type == RF_FIX_CANCEL_REQUEST else 2 if msg_type == RF_FIX_REPLACE_REQUEST else 0
    return kind != 1


cdef int read_event(const rf_fix_message_t *m, const header_t *h, store_t *store, uint64_t received_ns, VenueEvent *e) noexcept nogil:
    cdef uint32_t i, tag, kind = m.msg_type, reason
    cdef const rf_fix_field_t *f
    cdef unsigned char exec_type = 0
    if kind != RF_FIX_EXECUTION_REPORT and kind != RF_FIX_CANCEL_REJECT and kind != RF_FIX_BUSINESS_REJECT and kind != RF_FIX_REJECT:
        return 0
    reason = 103 if kind == RF_FIX_EXECUTION_REPORT else 102 if kind == RF_FIX_CANCEL_REJECT else 380 if kind == RF_FIX_BUSINESS_REJECT else 373
    memset(e, 0, sizeof(VenueEvent))
    e.received_ns = received_ns
    e.msg_seq_num = <uint32_t> h.seq
    e.flags = (RF_VENUE_EVENT_POSS_DUP if h.poss_dup else 0) | (RF_VENUE_EVENT_POSS_RESEND if h.poss_resend else 0)
    for i in range(3, m.count):
        f = &m.fields[i]
        tag = f.tag
        if tag == reason:
            take_code(e, m.bytes + f.at, f.len)
        elif tag == 150:
            exec_type = m.bytes[f.at] if f.len == 1 else 0
        else:
            take_field(e, tag, m.bytes + f.at, f.len)
    if kind == RF_FIX_EXECUTION_REPORT:
        finish_report(e, exec_type)
        return 1
    if kind == RF_FIX_CANCEL_REJECT:
        e.kind = RF_VENUE_EVENT_KIND_CANCEL_REJECT
        return 1
    e.kind = RF_VENUE_EVENT_KIND_BUSINESS_REJECT
    return take_reference(m, store, e)


cdef void not_sent_event(const rf_fix_message_t *m, uint64_t now_ns, VenueEvent *e) noexcept nogil:
    cdef uint32_t i
    cdef const rf_fix_field_t *f
    memset(e, 0, sizeof(VenueEvent))
    e.kind = RF_VENUE_EVENT_KIND_NOT_SENT
    e.received_ns = now_ns
    for i in range(3, m.count):
        f = &m.fields[i]
        if f.tag == 11 or f.tag == 41 or f.tag == 54 or f.tag == 55 or f.tag == 38 or f.tag == 44:
            take_field(e, f.tag, m.bytes + f.at, f.len)
    memcpy(e.text, b"the venue asked for it again: never taken", 41)


cdef void unsent_command_event(const OrderCommand *c, const char *why, uint64_t now_ns, VenueEvent *e) noexcept nogil:
    memset(e, 0, sizeof(VenueEvent))
    e.kind = RF_VENUE_EVENT_KIND_NOT_SENT
    e.received_ns = now_ns
    e.side = c.side
    e.cxl_rej_response_to = 1 if c.kind == RF_COMMAND_KIND_CANCEL else 2 if c.kind == RF_COMMAND_KIND_REPLACE else 0
    memcpy(e.cl_ord_id, c.cl_ord_id, 24)
    memcpy(e.orig_cl_ord_id, c.orig_cl_ord_id, 24)
    memcpy(e.symbol, c.symbol, 24)
    memcpy(e.text, why, min(<size_t> 64, strlen(why)))


cdef void session_event(int kind, const char *text, uint64_t now_ns, VenueEvent *e) noexcept nogil:
    memset(e, 0, sizeof(VenueEvent))
    e.kind = <uint8_t> kind
    e.received_ns = now_ns
    memcpy(e.text, text, min(<size_t> 64, strlen(text)))


# ---- Python -------------------------------------------------------------------------------------------------------------

cdef unsigned char room[RF_FIX_MESSAGE_MAX + 64]
cdef rf_fix_message_t scratch
cdef rf_fix_stamp_t scratch_stamp


def order_body(bytes command not None, uint64_t now_ns=0) -> tuple:
    """Return ``(msg_type, body)`` of an OrderCommand record given as its bytes.

    Raises
    ------
    FixError
        It is no OrderCommand, or a value has no FIX form.
    """
    cdef rf_fix_writer_t w
    cdef OrderCommand c
    cdef char kind
    cdef const char *p = command
    if len(command) != sizeof(OrderCommand):
        raise FixError(f"an OrderCommand has {sizeof(OrderCommand)} bytes, was {len(command)}")
    memcpy(&c, p, sizeof(c))
    kind = msg_type_of(&c)
    rf_fix_open(&w, room, sizeof(room))
    if kind:
        write_body(&c, &w, &scratch_stamp, now_ns)
    if not kind or w.failed:
        raise FixError(
            f"command {c.output_seq} has no FIX form: kind {c.kind}, side {c.side}, ord_type {c.ord_type}, "
            f"time_in_force {c.time_in_force}, qty {c.qty}"
        )
    return bytes([kind]), (<const char *> room)[RF_FIX_RESERVE:w.at]


def venue_event(bytes message not None, uint64_t received_ns=0, MessageStore store=None) -> bytes | None:
    """Return the VenueEvent record of a whole message as its bytes, or None when the engine knows no such message.

    Raises
    ------
    GarbledMessage
        No whole FIX message.
    """
    cdef header_t h
    cdef VenueEvent e
    cdef size_t size
    cdef const char *p = message
    if rf_fix_parse(<const unsigned char *> p, len(message), &scratch, &size) != RF_FIX_OK:
        raise GarbledMessage(f"no whole FIX message: {message[:64]!r}")
    read_header(&scratch, &h)
    if not read_event(&scratch, &h, &store.s if store is not None else NULL, received_ns, &e):
        return None
    return (<const char *> &e)[:sizeof(e)]


def event_values(bytes message not None) -> dict | None:
    """Parse a message and return its VenueEvent's fields as Python values (amounts as ``(mantissa, digits)``, absent ones left out)."""
    cdef header_t h
    cdef VenueEvent e
    cdef size_t size
    cdef const char *p = message
    if rf_fix_parse(<const unsigned char *> p, len(message), &scratch, &size) != RF_FIX_OK:
        raise GarbledMessage(f"no whole FIX message: {message[:64]!r}")
    read_header(&scratch, &h)
    if not read_event(&scratch, &h, NULL, 0, &e):
        return None
    out = {
        "kind": e.kind, "ord_status": e.ord_status, "side": e.side, "exec_trans_type": e.exec_trans_type, "msg_seq_num": e.msg_seq_num,
        "flags": e.flags, "transact_ns": e.transact_ns, "text_code": e.text_code, "cl_ord_id": text_of(e.cl_ord_id, 24),
        "orig_cl_ord_id": text_of(e.orig_cl_ord_id, 24), "exec_id": text_of(e.exec_id, 40), "exec_ref_id": text_of(e.exec_ref_id, 40),
        "venue_order_id": text_of(e.venue_order_id, 32), "symbol": text_of(e.symbol, 24), "text": text_of(e.text, 64),
    }
    if e.present & RF_PRESENT_LAST_PX:
        out["last_px"] = e.last_px, e.last_px_digits
    if e.present & RF_PRESENT_LAST_QTY:
        out["last_qty"] = e.last_qty, e.last_qty_digits
    if e.present & RF_PRESENT_CUM_QTY:
        out["cum_qty"] = e.cum_qty, e.cum_qty_digits
    if e.present & RF_PRESENT_LEAVES_QTY:
        out["leaves_qty"] = e.leaves_qty, e.leaves_qty_digits
    if e.present & RF_PRESENT_AVG_PX:
        out["avg_px"] = e.avg_px, e.avg_px_digits
    if e.present & RF_PRESENT_QTY:
        out["qty"] = e.qty, e.qty_digits
    if e.present & RF_PRESENT_PX:
        out["px"] = e.px, e.px_digits
    return out


cdef bytes text_of(const char *text, uint32_t max_bytes):
    cdef const void *end = memchr(text, 0, max_bytes)
    return text[:max_bytes] if end == NULL else text[:<const char *> end - text]
