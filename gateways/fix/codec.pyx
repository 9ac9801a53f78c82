"""FIX tag=value for Python: the C codec of ``codec.h`` with Python values.

Data flow: ``parse`` bytes -> [(tag, value bytes)], ``encode`` the way back, ``frame`` finds a message's end in a stream; the typed
conversions are the same C functions that the gateway's loop uses, so what a test proves here holds there.

Memory: bytes in, bytes out; the field array of ``parse`` is on this module's heap and reused (the GIL guards it).
Failure: ``GarbledMessage`` for bytes that are no whole message, ``FixError`` for a value that does not fit its type.
Rejected: a message class with lookup by tag; whoever needs many fields of one message reads the list once.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ringfence.gateways.errors import FixError, GarbledMessage

cdef rf_fix_message_t scratch
cdef unsigned char room[RF_FIX_MESSAGE_MAX + 64]

MESSAGE_BYTES_MAX = RF_FIX_MESSAGE_MAX
FIELDS_MAX = RF_FIX_FIELDS_MAX


def frame(bytes data not None) -> tuple:
    """Find the message at the start of ``data``.

    Returns
    -------
    tuple of (str, int)
        ``("complete", bytes of the message)``, ``("incomplete", 0)`` or ``("garbled", bytes to skip)``. The checksum is not looked at.
    """
    cdef size_t size
    cdef int state = rf_fix_frame(<const unsigned char *> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &size)
    return ("complete" if state == RF_FIX_OK else "incomplete" if state == RF_FIX_INCOMPLETE else "garbled"), size


def checksum(bytes data not None) -> int:
    """Return the sum of all bytes modulo 256: CheckSum(10) when ``data`` ends before its field."""
    return rf_fix_checksum(<const unsigned char *> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


def parse(bytes data not None) -> list:
    """Split the message at the start of ``data`` into its fields; bytes after it are ignored.

    Returns
    -------
    list of (int, bytes)
        Tag and value in wire order, BeginString(8), BodyLength(9) and CheckSum(10) included.

    Raises
    ------
    GarbledMessage
        Framing, BodyLength, CheckSum or a tag is wrong, or the message is not whole.
    """
    cdef const unsigned char *p = <const unsigned char *> PyBytes_AS_STRING(data)
    cdef size_t size
    cdef uint32_t i
    cdef rf_fix_field_t *f
    cdef int state = rf_fix_parse(p, PyBytes_GET_SIZE(data), &scratch, &size)
    if state == RF_FIX_INCOMPLETE:
        raise GarbledMessage(f"the message is not whole: {len(data)} bytes of more; read on and try again")
    if state != RF_FIX_OK:
        raise GarbledMessage(f"no FIX message at the start of {data[:64]!r}: framing, BodyLength(9), CheckSum(10) or a tag is wrong; skip {size} bytes")
    if scratch.flags & RF_FIX_MORE_FIELDS:
        raise GarbledMessage(f"the message has more than {FIELDS_MAX} fields")
    out = []
    for i in range(scratch.count):
        f = &scratch.fields[i]
        out.append((<int> f.tag, PyBytes_FromStringAndSize(<const char *> p + f.at, f.len)))
    return out


def encode(bytes msg_type not None, fields, bytes begin_string not None=b"FIX.4.2") -> bytes:
    """Build a whole message: 8, 9, 35, the given fields in the given order, 10.

    Parameters
    ----------
    msg_type : bytes
        MsgType(35).
    fields : iterable of (int, bytes | str | int)
        Header and body, without 8, 9, 35 and 10. Text must be Latin-1.

    Raises
    ------
    FixError
        A value holds SOH in a field that is no data field, or the message is longer than ``MESSAGE_BYTES_MAX``.
    """
    cdef rf_fix_writer_t w
    cdef unsigned char *start = NULL
    cdef bytes value, begin = b"8=" + begin_string + b"\x01", previous = b""
    cdef int tag, before = 0
    cdef uint32_t n
    rf_fix_open(&w, room, sizeof(room))
    value = b"35=" + msg_type + b"\x01"
    rf_fix_put(&w, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
    for tag, item in fields:
        value = item if isinstance(item, bytes) else str(item).encode("latin-1")
        if b"\x01" in value and not (before and is_length_of(before, tag) and int(previous) == len(value)):
            raise FixError(f"tag {tag}: the value {value!r} holds SOH; only a data field after its length field may")
        if tag < 0:
            rf_fix_put_byte(&w, b"-"[0])
        rf_fix_put_uint(&w, <uint64_t> abs(<int64_t> tag))
        rf_fix_put_byte(&w, b"="[0])
        rf_fix_put(&w, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        rf_fix_put_byte(&w, RF_FIX_SOH)
        before, previous = tag, value
    n = rf_fix_finish(&w, <const unsigned char *> PyBytes_AS_STRING(begin), PyBytes_GET_SIZE(begin), &start)
    if not n:
        raise FixError(f"the message does not fit: BeginString(8) {begin_string!r} of at most 13 bytes, all of it at most {MESSAGE_BYTES_MAX} bytes")
    return PyBytes_FromStringAndSize(<const char *> start, n)


cdef bint is_length_of(uint32_t length_tag, uint32_t tag):
    return rf_fix_length_tag(tag) == length_tag and length_tag != 0


def decimal_value(bytes text not None) -> tuple:
    """Return ``(mantissa, digits)`` of a FIX float, exact: value = mantissa * 10**-digits, no zeros at the end of the fraction.

    Raises
    ------
    FixError
        Not a FIX float, or more than 18 digits.
    """
    cdef int64_t mantissa
    cdef uint8_t digits
    if not rf_fix_decimal(<const unsigned char *> PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), &mantissa, &digits):
        raise FixError(f"{text!r} is no FIX float of at most 18 digits")
    return mantissa, digits


def decimal_text(int64_t mantissa, uint32_t digits) -> bytes:
    """Return ``mantissa * 10**-digits`` as a FIX float with exactly ``digits`` places (0 to 18)."""
    cdef rf_fix_writer_t w
    if digits > 18:
        raise FixError(f"digits {digits} is beyond 18")
    rf_fix_open(&w, room, sizeof(room))
    rf_fix_put_decimal(&w, mantissa, digits)
    return PyBytes_FromStringAndSize(<const char *> room + RF_FIX_RESERVE, w.at - RF_FIX_RESERVE)


def timestamp_ns(bytes text not None) -> int:
    """Return a UTCTimestamp (0 to 9 decimals of the second) as ns since 1970.

    Raises
    ------
    FixError
        Not a UTCTimestamp of the years 1970 to 2500.
    """
    cdef uint64_t ns
    if not rf_fix_timestamp(<const unsigned char *> PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), &ns):
        raise FixError(f"{text!r} is no UTCTimestamp: YYYYMMDD-HH:MM:SS with up to 9 decimals")
    return ns


def timestamp_text(uint64_t ns, uint32_t places=3) -> bytes:
    """Return ns since 1970 as a UTCTimestamp with ``places`` decimals of the second: 0, 3, 6 or 9."""
    cdef rf_fix_writer_t w
    cdef rf_fix_stamp_t stamp
    if places not in (0, 3, 6, 9):
        raise FixError(f"places was {places}; use 0, 3, 6 or 9")
    stamp.text[0] = 0
    stamp.second = 0
    rf_fix_open(&w, room, sizeof(room))
    rf_fix_put_timestamp(&w, &stamp, ns, places)
    return PyBytes_FromStringAndSize(<const char *> room + RF_FIX_RESERVE, w.at - RF_FIX_RESERVE)
