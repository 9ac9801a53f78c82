"""Commands of the engine as FIX 4.2 and 4.4 message bodies; reports.pyx reads the answers.

    OrderCommand ──write_body──▶ NewOrderSingle(D), OrderCancelRequest(F), OrderCancelReplaceRequest(G), OrderStatusRequest(H or AF),
                                 OrderMassCancelRequest(q), DontKnowTrade(Q)

What a venue wants differently is in its ``dialect_t``; a command with something that it does not map gets a text that names it and no message.
Amounts stay decimals: mantissa and digits, nothing is rounded, no instrument table is needed. Tags ascend, as the field's engines write them; fields
that a profile adds stand at the end. The Python functions serve scenarios, tools and tests.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy
from ringfence.gateways.errors import FixError, GarbledMessage
from ringfence.gateways.fix import profile as profiles
from ringfence.gateways.fix.codec cimport (
    RF_FIX_CANCEL_REQUEST,
    RF_FIX_MESSAGE_MAX,
    RF_FIX_NEW_ORDER,
    RF_FIX_OK,
    RF_FIX_REPLACE_REQUEST,
    RF_FIX_RESERVE,
    RF_FIX_SOH,
    RF_FIX_STATUS_REQUEST,
    rf_fix_message_t,
    rf_fix_open,
    rf_fix_parse,
    rf_fix_stamp_t,
    rf_fix_writer_t,
)
from ringfence.gateways.fix.dialect cimport Dialect, dialect_t, theirs_of
from ringfence.gateways.fix.reading cimport read_header
from ringfence.gateways.fix.reports cimport read_event
from ringfence.gateways.fix.state cimport header_t
from ringfence.gateways.fix.store cimport MessageStore
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
