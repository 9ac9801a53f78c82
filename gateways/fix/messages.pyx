"""Commands of the engine as FIX 4.2 and 4.4 message bodies, and what venues answer as VenueEvents.

    OrderCommand ──write_body──▶ NewOrderSingle(D), OrderCancelRequest(F), OrderCancelReplaceRequest(G), OrderStatusRequest(H or AF),
                                 OrderMassCancelRequest(q), DontKnowTrade(Q)
    ExecutionReport(8), OrderCancelReject(9), BusinessMessageReject(j), Reject(3), OrderMassCancelReport(r) ──read_event──▶ VenueEvent

What a venue wants differently is in its ``dialect_t``; a command with something that it does not map gets a text that names it and no message.
Amounts stay decimals: mantissa and digits, nothing is rounded, no instrument table is needed. Tags ascend, as the field's engines write them; fields
that a profile adds stand at the end.

Reading is a table of 1,024 tags made at import: what to do, where in the event, how wide. Both versions' conventions are read in either: a trade is
ExecType 1 or 2 of a NEW report (4.2) or F (4.4), and LastShares of any other report is carried but is no fill (R1, R2 of the order rules).
A report is never dropped for a bad field: the field is left out, VENUE_EVENT_INVALID says so, the engine decides. An id longer than its
field is cut and flagged VENUE_EVENT_TRUNCATED, since its identity is no longer certain. ``3`` and ``j`` name our message by RefSeqNum(45) only;
the ClOrdID comes from the session's store.
Rejected: a fill by OrdStatus (ExecTransType and ExecType decide); venue-specific branches here (they are data of a profile).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memset, strlen

from ringfence.gateways.errors import FixError, GarbledMessage
from ringfence.gateways.fix import profile as profiles

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
    rf_fix_stamp_t,
    rf_fix_timestamp,
    rf_fix_uint,
    rf_fix_writer_t,
)
from ringfence.gateways.fix.dialect cimport Dialect, dialect_t, ours_of, theirs_of
from ringfence.gateways.fix.reading cimport read_header
from ringfence.gateways.fix.state cimport header_t
from ringfence.gateways.fix.store cimport KIND_ADMIN, MessageStore, store_find, store_t
from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL,
    RF_COMMAND_KIND_DONT_KNOW,
    RF_COMMAND_KIND_MASS_CANCEL,
    RF_COMMAND_KIND_NEW,
    RF_COMMAND_KIND_REPLACE,
    RF_COMMAND_KIND_STATUS,
    RF_INSTRUCTION_POST_ONLY,
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
    enum:
        RF_BODY_MAX

    unsigned char *rf_body_id24(unsigned char *p, const char *prefix, uint32_t n, const char *text) noexcept
    unsigned char *rf_body_id32(unsigned char *p, const char *prefix, uint32_t n, const char *text) noexcept
    unsigned char *rf_body_id40(unsigned char *p, const char *prefix, uint32_t n, const char *text) noexcept
    unsigned char *rf_body_constant(unsigned char *p, const void *text, uint32_t n) noexcept
    unsigned char *rf_body_code(unsigned char *p, const char *prefix, unsigned char code) noexcept
    unsigned char *rf_body_amount(unsigned char *p, const char *prefix, uint32_t n, int64_t mantissa, uint32_t digits) noexcept
    unsigned char *rf_body_time(unsigned char *p, const char *prefix, uint32_t n, rf_fix_stamp_t *stamp, uint64_t ns, uint32_t places) noexcept
    unsigned char *rf_body_date(unsigned char *p, const char *prefix, uint32_t n, uint64_t ns) noexcept
    uint64_t rf_take_id(char *to, const unsigned char *bytes, uint32_t n) noexcept


# ---- out ----------------------------------------------------------------------------------------------------------------

cdef uint32_t msg_type_of(const dialect_t *d, const OrderCommand *c) noexcept nogil:
    if c.kind == RF_COMMAND_KIND_NEW:
        return RF_FIX_NEW_ORDER
    if c.kind == RF_COMMAND_KIND_CANCEL:
        return RF_FIX_CANCEL_REQUEST
    if c.kind == RF_COMMAND_KIND_REPLACE:
        return RF_FIX_REPLACE_REQUEST
    if c.kind == RF_COMMAND_KIND_STATUS:
        return MSG_MASS_STATUS_REQUEST if d.status == 65 else RF_FIX_STATUS_REQUEST
    if c.kind == RF_COMMAND_KIND_MASS_CANCEL:
        return MSG_MASS_CANCEL_REQUEST
    return MSG_DONT_KNOW if c.kind == RF_COMMAND_KIND_DONT_KNOW else 0


cdef const char *cannot_say(const dialect_t *d, const OrderCommand *c) noexcept nogil:
    """Why the command has no message at this venue, or NULL."""
    if c.kind == RF_COMMAND_KIND_MASS_CANCEL:
        if d.mass_cancel:
            return NULL
        return b"the venue has no mass cancel (35=q)"
    if not (c.side == RF_SIDE_BUY or c.side == RF_SIDE_SELL or c.side == RF_SIDE_SELL_SHORT):
        return b"Side(54) has no FIX form"
    if not c.symbol[0]:
        return b"Symbol(55) is empty"
    if c.px_digits > 18 or c.qty_digits > 18:
        return b"an amount has more than 18 decimals"
    if c.kind == RF_COMMAND_KIND_DONT_KNOW:
        if d.dont_know:
            return NULL
        return b"the venue has no DontKnowTrade (35=Q)"
    if not c.cl_ord_id[0]:
        return b"ClOrdID(11) is empty"
    if c.kind == RF_COMMAND_KIND_STATUS:
        if d.status:
            return NULL
        return b"the venue has no order status request"
    if c.kind != RF_COMMAND_KIND_NEW and not c.orig_cl_ord_id[0]:
        return b"OrigClOrdID(41) is empty"
    if c.kind == RF_COMMAND_KIND_CANCEL:
        return NULL
    return terms_cannot_say(d, c)


cdef const char *terms_cannot_say(const dialect_t *d, const OrderCommand *c) noexcept nogil:
    """The same for the terms of a new or replaced order."""
    if not 1 <= c.ord_type <= RF_ORD_TYPE_MAX:
        return b"OrdType(40) has no FIX form"
    if not d.ord_types >> c.ord_type & 1:
        return b"the venue does not take this OrdType(40)"
    if not 1 <= c.time_in_force <= RF_TIME_IN_FORCE_MAX:
        return b"TimeInForce(59) has no FIX form"
    if not d.time_in_forces >> c.time_in_force & 1:
        return b"the venue does not take this TimeInForce(59)"
    if c.qty <= 0:
        return b"OrderQty(38) must be more than 0"
    if c.instructions & ~d.instructions:
        return b"the venue has no post-only orders, or not this instruction"
    if c.display_qty > 0 and not d.display_tag:
        return b"the venue has no display quantity"
    return NULL


cdef const char *write_body(const dialect_t *d, const OrderCommand *c, rf_fix_writer_t *w, rf_fix_stamp_t *stamp, uint64_t now_ns) noexcept nogil:
    cdef const char *why = cannot_say(d, c)
    cdef const char *symbol = <const char *> c.symbol
    cdef unsigned char *p = w.buffer + w.at
    cdef uint64_t transact_ns = c.engine_ns or now_ns
    if why == NULL and w.capacity - w.at < RF_BODY_MAX:
        why = b"the message does not fit"
    if why == NULL and d.symbol_count and c.symbol[0]:
        symbol = theirs_of(d, c.symbol)
        if symbol == NULL:
            why = b"the venue has no such Symbol(55)"
    if why != NULL:
        w.failed = 1
        return why
    if c.kind == RF_COMMAND_KIND_NEW or c.kind == RF_COMMAND_KIND_REPLACE:
        p = order_body_at(p, d, c, symbol, stamp, transact_ns)
    elif c.kind == RF_COMMAND_KIND_CANCEL:
        p = cancel_body_at(p, d, c, symbol, stamp, transact_ns)
    elif c.kind == RF_COMMAND_KIND_STATUS:
        p = status_body_at(p, d, c, symbol)
    elif c.kind == RF_COMMAND_KIND_MASS_CANCEL:
        p = mass_cancel_body_at(p, d, c, symbol, stamp, transact_ns)
    else:
        p = dont_know_body_at(p, d, c, symbol)
    if d.constants[c.kind].bytes:
        p = rf_body_constant(p, d.constants[c.kind].text, d.constants[c.kind].bytes)
    w.at = <uint32_t> (p - w.buffer)
    return NULL


cdef inline unsigned char *symbol_at(unsigned char *p, const dialect_t *d, const char *symbol) noexcept nogil:
    return rf_body_id24(p, <const char *> d.symbol_text, 3, symbol)


cdef inline unsigned char *order_body_at(unsigned char *p, const dialect_t *d, const OrderCommand *c, const char *symbol, rf_fix_stamp_t *stamp,
                                         uint64_t transact_ns) noexcept nogil:
    """D and G: they differ in OrderID and OrigClOrdID."""
    cdef int post_only = c.instructions & RF_INSTRUCTION_POST_ONLY
    if d.account and c.account_code[0]:
        p = rf_body_id24(p, b"1=", 2, c.account_code)
    p = rf_body_id24(p, b"11=", 3, c.cl_ord_id)
    if post_only and not d.post_only_tif:
        p = rf_body_constant(p, d.post_only_text, d.post_only_bytes)
    if d.handl_inst:
        p = rf_body_code(p, b"21=", d.handl_inst)
    if c.kind == RF_COMMAND_KIND_REPLACE and d.order_id and c.venue_order_id[0]:
        p = rf_body_id32(p, b"37=", 3, c.venue_order_id)
    p = rf_body_amount(p, b"38=", 3, c.qty, c.qty_digits)
    p = rf_body_code(p, b"40=", 48 + c.ord_type)
    if c.kind == RF_COMMAND_KIND_REPLACE:
        p = rf_body_id24(p, b"41=", 3, c.orig_cl_ord_id)
    if c.ord_type == RF_ORD_TYPE_LIMIT or c.ord_type == RF_ORD_TYPE_STOP_LIMIT:
        p = rf_body_amount(p, b"44=", 3, c.px, c.px_digits)
    if d.symbol_tag < 54:
        p = symbol_at(p, d, symbol)
    p = rf_body_code(p, b"54=", 48 + c.side)
    if d.symbol_tag > 54:
        p = symbol_at(p, d, symbol)
    if post_only and d.post_only_tif:
        p = rf_body_constant(p, d.post_only_text, d.post_only_bytes)
    else:
        p = rf_body_code(p, b"59=", 47 + c.time_in_force)
    p = rf_body_time(p, b"60=", 3, stamp, transact_ns, d.time_places)
    if c.ord_type == RF_ORD_TYPE_STOP or c.ord_type == RF_ORD_TYPE_STOP_LIMIT:
        p = rf_body_amount(p, b"99=", 3, c.stop_px, c.px_digits)
    if c.display_qty > 0 and d.display_tag == 111:
        p = rf_body_amount(p, <const char *> d.display_text, d.display_bytes, c.display_qty, c.qty_digits)
    if c.time_in_force == RF_TIME_IN_FORCE_GTD and not d.expire_date:
        p = rf_body_time(p, b"126=", 4, stamp, c.expire_ns, d.time_places)
    if c.display_qty > 0 and d.display_tag == 210:
        p = rf_body_amount(p, <const char *> d.display_text, d.display_bytes, c.display_qty, c.qty_digits)
    if c.time_in_force == RF_TIME_IN_FORCE_GTD and d.expire_date:
        p = rf_body_date(p, b"432=", 4, c.expire_ns)
    if c.display_qty > 0 and d.display_tag == 1138:
        p = rf_body_amount(p, <const char *> d.display_text, d.display_bytes, c.display_qty, c.qty_digits)
    return p


cdef unsigned char *cancel_body_at(unsigned char *p, const dialect_t *d, const OrderCommand *c, const char *symbol, rf_fix_stamp_t *stamp,
                                   uint64_t transact_ns) noexcept nogil:
    """F."""
    if d.account and c.account_code[0]:
        p = rf_body_id24(p, b"1=", 2, c.account_code)
    p = rf_body_id24(p, b"11=", 3, c.cl_ord_id)
    if d.order_id and c.venue_order_id[0]:
        p = rf_body_id32(p, b"37=", 3, c.venue_order_id)
    if d.cancel_qty:
        p = rf_body_amount(p, b"38=", 3, c.qty, c.qty_digits)
    p = rf_body_id24(p, b"41=", 3, c.orig_cl_ord_id)
    if d.symbol_tag < 54:
        p = symbol_at(p, d, symbol)
    p = rf_body_code(p, b"54=", 48 + c.side)
    if d.symbol_tag > 54:
        p = symbol_at(p, d, symbol)
    return rf_body_time(p, b"60=", 3, stamp, transact_ns, d.time_places)


cdef unsigned char *status_body_at(unsigned char *p, const dialect_t *d, const OrderCommand *c, const char *symbol) noexcept nogil:
    """H for this order, or AF for every order of the session (it has an id of its own: the order's is taken)."""
    if d.status == 65:
        return rf_body_constant(rf_body_id24(p, b"584=", 4, c.cl_ord_id), b"585=7\x01", 6)
    if d.account and c.account_code[0]:
        p = rf_body_id24(p, b"1=", 2, c.account_code)
    p = rf_body_id24(p, b"11=", 3, c.cl_ord_id)
    if d.order_id and c.venue_order_id[0]:
        p = rf_body_id32(p, b"37=", 3, c.venue_order_id)
    if d.symbol_tag < 54:
        p = symbol_at(p, d, symbol)
    p = rf_body_code(p, b"54=", 48 + c.side)
    return symbol_at(p, d, symbol) if d.symbol_tag > 54 else p


cdef unsigned char *mass_cancel_body_at(unsigned char *p, const dialect_t *d, const OrderCommand *c, const char *symbol, rf_fix_stamp_t *stamp,
                                        uint64_t transact_ns) noexcept nogil:
    """q: everything of the session (530=7), or of one symbol (530=1)."""
    p = rf_body_id24(p, b"11=", 3, c.cl_ord_id)
    if symbol[0]:
        p = symbol_at(p, d, symbol)
    p = rf_body_time(p, b"60=", 3, stamp, transact_ns, d.time_places)
    if symbol[0]:
        return rf_body_constant(p, b"530=1\x01", 6)
    return rf_body_constant(p, b"530=7\x01", 6)


cdef unsigned char *dont_know_body_at(unsigned char *p, const dialect_t *d, const OrderCommand *c, const char *symbol) noexcept nogil:
    """Q. The command carries OrderQty in `qty`, LastShares in `display_qty` and LastPx in `px`; an order that we do not know has no OrderQty."""
    p = rf_body_id40(p, b"17=", 3, c.exec_id)
    if c.px:
        p = rf_body_amount(p, b"31=", 3, c.px, c.px_digits)
    if c.display_qty:
        p = rf_body_amount(p, b"32=", 3, c.display_qty, c.qty_digits)
    if c.venue_order_id[0]:
        p = rf_body_id32(p, b"37=", 3, c.venue_order_id)
    else:
        p = rf_body_constant(p, b"37=NONE\x01", 8)
    p = rf_body_amount(p, b"38=", 3, c.qty or c.display_qty, c.qty_digits)
    if d.symbol_tag < 54:
        p = symbol_at(p, d, symbol)
    p = rf_body_code(p, b"54=", 48 + c.side)
    if d.symbol_tag > 54:
        p = symbol_at(p, d, symbol)
    p = rf_body_constant(p, b"127=", 4)
    p[0] = c.dk_reason if c.dk_reason else 90  # Z: other
    p[1] = RF_FIX_SOH
    return p + 2


# ---- in -----------------------------------------------------------------------------------------------------------------

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

ctypedef struct take_t:
    uint8_t what
    uint8_t room           # width of an id; message type of a reason
    uint16_t at            # offset in the event
    uint16_t digits_at
    uint16_t present       # PRESENT_* bit

ctypedef struct reading_t: # what of a report is not in the event
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
    take_amount_at(14, &shape.cum_qty, &shape.cum_qty_digits, RF_PRESENT_CUM_QTY)
    take_amount_at(31, &shape.last_px, &shape.last_px_digits, RF_PRESENT_LAST_PX)
    take_amount_at(32, &shape.last_qty, &shape.last_qty_digits, RF_PRESENT_LAST_QTY)
    take_amount_at(38, &shape.qty, &shape.qty_digits, RF_PRESENT_QTY)
    take_amount_at(44, &shape.px, &shape.px_digits, RF_PRESENT_PX)
    take_amount_at(151, &shape.leaves_qty, &shape.leaves_qty_digits, RF_PRESENT_LEAVES_QTY)
    for tag, what in ((20, TAKE_TRANS_TYPE), (39, TAKE_STATUS), (48, TAKE_SECURITY_ID), (54, TAKE_SIDE), (58, TAKE_TEXT), (60, TAKE_TIME), (150, TAKE_EXEC_TYPE),
                      (372, TAKE_REF_TYPE), (379, TAKE_REF_ID), (434, TAKE_CXL_RESPONSE), (531, TAKE_MASS_RESPONSE)):
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


# ---- Python -------------------------------------------------------------------------------------------------------------

cdef unsigned char room[RF_FIX_MESSAGE_MAX + 64]
cdef rf_fix_message_t scratch
cdef rf_fix_stamp_t scratch_stamp
cdef dict dialects = {}


cdef Dialect dialect_of(object profile, str begin_string):
    """The dialect of a profile (None: the default one) without symbols; made once."""
    key = profile if profile is not None else begin_string
    found = dialects.get(key)
    if found is None:
        found = dialects[key] = Dialect(profile if profile is not None else profiles.load("default", begin_string))
    return found


def order_body(bytes command not None, uint64_t now_ns=0, str begin_string not None="FIX.4.2", profile=None, Dialect dialect=None) -> tuple:
    """Return ``(msg_type, body)`` of an OrderCommand record given as its bytes.

    Parameters
    ----------
    now_ns : int
        TransactTime(60) of a command without ``engine_ns`` [ns].
    begin_string : str
        The version, when neither ``profile`` nor ``dialect`` says it.
    profile : Profile, optional
        The venue's profile.
    dialect : Dialect, optional
        The same with symbols; goes before ``profile``.

    Raises
    ------
    FixError
        It is no OrderCommand, or the venue has no message for it; the text says what of it.
    """
    cdef rf_fix_writer_t w
    cdef OrderCommand c
    cdef uint32_t kind
    cdef const char *p = command
    cdef const char *why = NULL
    if len(command) != sizeof(OrderCommand):
        raise FixError(f"an OrderCommand has {sizeof(OrderCommand)} bytes, was {len(command)}")
    if dialect is None:
        dialect = dialect_of(profile, begin_string)
    memcpy(&c, p, sizeof(c))
    kind = msg_type_of(&dialect.d, &c)
    rf_fix_open(&w, room, sizeof(room))
    if kind:
        why = write_body(&dialect.d, &c, &w, &scratch_stamp, now_ns)
    if not kind or why != NULL:
        raise FixError(
            f"command {c.output_seq} has no FIX form: kind {c.kind}, side {c.side}, ord_type {c.ord_type}, time_in_force {c.time_in_force}, qty {c.qty}"
            + (f" ({(<bytes> why).decode()})" if why != NULL else "")
        )
    return kind.to_bytes(4, "little").rstrip(b"\x00"), (<const char *> room)[RF_FIX_RESERVE:w.at]


def venue_event(bytes message not None, uint64_t received_ns=0, MessageStore store=None, profile=None, Dialect dialect=None) -> bytes | None:
    """Return the VenueEvent record of a whole message as its bytes, or None when the engine knows no such message.

    Raises
    ------
    GarbledMessage
        No whole FIX message.
    """
    cdef VenueEvent e
    if not parse_event(message, received_ns, store, dialect if dialect is not None else dialect_of(profile, "FIX.4.2"), &e):
        return None
    return (<const char *> &e)[:sizeof(e)]


cdef int parse_event(bytes message, uint64_t received_ns, MessageStore store, Dialect dialect, VenueEvent *e) except -1:
    cdef header_t h
    cdef size_t size
    cdef const char *p = message
    if rf_fix_parse(<const unsigned char *> p, len(message), &scratch, &size) != RF_FIX_OK:
        raise GarbledMessage(f"no whole FIX message: {message[:64]!r}")
    read_header(&scratch, &h)
    return read_event(&dialect.d, &scratch, &h, &store.s if store is not None else NULL, received_ns, e)


def event_values(bytes message not None) -> dict | None:
    """Parse a message and return its VenueEvent's fields as Python values (amounts as ``(mantissa, digits)``, absent ones left out)."""
    cdef VenueEvent e
    if not parse_event(message, 0, None, dialect_of(None, "FIX.4.2"), &e):
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
