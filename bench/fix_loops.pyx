"""The C side of ``bench/fix.py``: the gateway's own functions, called once from Python per message or in a loop without Python.

``parse`` is what the gateway does with an ExecutionReport that arrived: framing, BodyLength, CheckSum, fields, header, VenueEvent. ``encode`` is what it
does with an OrderCommand: header, body, BodyLength, CheckSum; storing and sending are left out, since the peers do not do them. ``check`` validates
against the dictionary in place of reading the event; ``receive`` does both, as a session with a dictionary.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.gateways.fix import profile

from ringfence.gateways.fix.codec cimport RF_FIX_OK, rf_fix_finish, rf_fix_message_t, rf_fix_parse, rf_fix_writer_t
from ringfence.gateways.fix.dialect cimport Dialect, dialect_t
from ringfence.gateways.fix.dictionary cimport RF_FIX_CHECK_ALL, Dictionary, rf_fix_dictionary_t, rf_fix_fault_t, rf_fix_validate
from ringfence.gateways.fix.dictionary import load
from ringfence.gateways.fix.messages cimport msg_type_of, write_body
from ringfence.gateways.fix.outgoing cimport compose
from ringfence.gateways.fix.reading cimport read_header
from ringfence.gateways.fix.reports cimport read_event
from ringfence.gateways.fix.session cimport Session
from ringfence.gateways.fix.state cimport header_t, session_t
from ringfence.ipc.records cimport OrderCommand, VenueEvent


cdef int64_t parse_all(const dialect_t *d, const unsigned char *p, size_t n, uint64_t times, rf_fix_message_t *m) noexcept nogil:
    """Parse a stream of messages `times` over; returns the sum of LastShares(32), or -1."""
    cdef header_t h
    cdef VenueEvent e
    cdef size_t at, size
    cdef int64_t total = 0
    cdef uint64_t _i
    for _i in range(times):
        at = 0
        while at < n:
            if rf_fix_parse(p + at, n - at, m, &size) != RF_FIX_OK:
                return -1
            read_header(m, &h)
            if not read_event(d, m, &h, NULL, 1, &e):
                return -1
            total += e.last_qty
            at += size
    return total


cdef int64_t validate_all(const rf_fix_dictionary_t *d, const unsigned char *p, size_t n, uint64_t times, rf_fix_message_t *m) noexcept nogil:
    """Parse, read the header and validate a stream of messages `times` over; returns how many were valid, or -1."""
    cdef header_t h
    cdef rf_fix_fault_t fault
    cdef size_t at, size
    cdef int64_t total = 0
    cdef uint64_t _i
    for _i in range(times):
        at = 0
        while at < n:
            if rf_fix_parse(p + at, n - at, m, &size) != RF_FIX_OK:
                return -1
            read_header(m, &h)
            total += rf_fix_validate(d, RF_FIX_CHECK_ALL, m, &fault)
            at += size
    return total


cdef int64_t receive_all(const dialect_t *d, const rf_fix_dictionary_t *rules, const unsigned char *p, size_t n, uint64_t times,
                         rf_fix_message_t *m) noexcept nogil:
    """Parse, validate and read a stream of messages `times` over; returns the sum of LastShares(32), or -1."""
    cdef header_t h
    cdef VenueEvent e
    cdef rf_fix_fault_t fault
    cdef size_t at, size
    cdef int64_t total = 0
    cdef uint64_t _i
    for _i in range(times):
        at = 0
        while at < n:
            if rf_fix_parse(p + at, n - at, m, &size) != RF_FIX_OK:
                return -1
            read_header(m, &h)
            if not rf_fix_validate(rules, RF_FIX_CHECK_ALL, m, &fault) or not read_event(d, m, &h, NULL, 1, &e):
                return -1
            total += e.last_qty
            at += size
    return total


cdef uint64_t encode_all(const dialect_t *d, session_t *s, OrderCommand *commands, uint32_t count, uint64_t times, uint64_t now_ns) noexcept nogil:
    """Encode every command `times` over; returns the bytes written."""
    cdef unsigned char *start = NULL
    cdef uint64_t i, total = 0
    cdef uint32_t k
    for i in range(times):
        for k in range(count):
            total += encode_one(d, s, &commands[k], now_ns + i, &start)
    return total


cdef uint32_t encode_one(const dialect_t *d, session_t *s, const OrderCommand *c, uint64_t now_ns, unsigned char **start) noexcept nogil:
    cdef uint32_t msg_type = msg_type_of(d, c)
    cdef rf_fix_writer_t *w = compose(s, <const char *> &msg_type, 1, now_ns)
    write_body(d, c, w, &s.stamp, now_ns)
    return rf_fix_finish(w, s.begin, s.begin_len, start)


cdef class Loops:
    """Buffers of the loops; ``session`` gives identity and numbers, nothing is stored or sent."""

    cdef Session session
    cdef Dialect dialect
    cdef Dictionary dictionary
    cdef rf_fix_message_t message
    cdef OrderCommand commands[64]

    def __init__(self, Session session not None):
        self.session = session
        self.dialect = Dialect(profile.load())
        self.dictionary = load("FIX.4.2")

    def parse(self, bytes stream not None, uint64_t times) -> int:
        """Parse ``stream`` ``times`` over in C; return the sum of LastShares(32)."""
        cdef const char *p = stream
        cdef size_t n = len(stream)
        cdef int64_t total
        with nogil:
            total = parse_all(&self.dialect.d, <const unsigned char *> p, n, times, &self.message)
        return total

    def check(self, bytes stream not None, uint64_t times) -> int:
        """Parse and validate ``stream`` ``times`` over in C; return how many messages were valid."""
        cdef const char *p = stream
        cdef size_t n = len(stream)
        cdef int64_t total
        with nogil:
            total = validate_all(self.dictionary.c, <const unsigned char *> p, n, times, &self.message)
        return total

    def receive(self, bytes stream not None, uint64_t times) -> int:
        """Parse, validate and read ``stream`` ``times`` over in C; return the sum of LastShares(32)."""
        cdef const char *p = stream
        cdef size_t n = len(stream)
        cdef int64_t total
        with nogil:
            total = receive_all(&self.dialect.d, self.dictionary.c, <const unsigned char *> p, n, times, &self.message)
        return total

    def encode(self, list commands not None, uint64_t times, uint64_t now_ns) -> int:
        """Encode up to 64 OrderCommand records (as bytes) ``times`` over in C; return the bytes written."""
        cdef const char *p
        cdef uint32_t count = <uint32_t> min(64, len(commands)), i
        cdef uint64_t total
        for i in range(count):
            p = commands[i]
            memcpy(&self.commands[i], p, sizeof(OrderCommand))
        with nogil:
            total = encode_all(&self.dialect.d, &self.session.s, self.commands, count, times, now_ns)
        return total

    def new_order(self, bytes cl_ord_id, bytes symbol, bytes account, int side, int ord_type, int time_in_force, int64_t qty, int64_t px, int px_digits,
                  uint64_t now_ns) -> bytes:
        """Encode one NewOrderSingle(D) from Python values, as Python would call it."""
        cdef OrderCommand c
        cdef unsigned char *start = NULL
        cdef uint32_t n
        memset(&c, 0, sizeof(c))
        c.kind = 1
        c.side, c.ord_type, c.time_in_force, c.qty, c.px, c.px_digits = side, ord_type, time_in_force, qty, px, px_digits
        put(c.cl_ord_id, 24, cl_ord_id)
        put(c.symbol, 24, symbol)
        put(c.account_code, 24, account)
        n = encode_one(&self.dialect.d, &self.session.s, &c, now_ns, &start)
        return (<const char *> start)[:n]


cdef void put(char *to, size_t room, bytes text):
    cdef const char *p = text
    memcpy(to, p, min(room, <size_t> len(text)))
