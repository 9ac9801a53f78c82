# distutils: include_dirs = gateways/fix
# The codec of codec.h for Cython: cimport it, the functions inline. Contracts and bounds are in the header.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "codec.h" nogil:
    enum:
        RF_FIX_OK
        RF_FIX_INCOMPLETE
        RF_FIX_GARBLED
        RF_FIX_SOH
        RF_FIX_FIELDS_MAX
        RF_FIX_MESSAGE_MAX
        RF_FIX_RESERVE
        RF_FIX_MORE_FIELDS

    enum:
        RF_FIX_HEARTBEAT
        RF_FIX_TEST_REQUEST
        RF_FIX_RESEND_REQUEST
        RF_FIX_REJECT
        RF_FIX_SEQUENCE_RESET
        RF_FIX_LOGOUT
        RF_FIX_EXECUTION_REPORT
        RF_FIX_CANCEL_REJECT
        RF_FIX_LOGON
        RF_FIX_NEW_ORDER
        RF_FIX_CANCEL_REQUEST
        RF_FIX_REPLACE_REQUEST
        RF_FIX_STATUS_REQUEST
        RF_FIX_BUSINESS_REJECT

    ctypedef struct rf_fix_field_t:
        uint32_t tag
        uint32_t at
        uint32_t len

    ctypedef struct rf_fix_message_t:
        const unsigned char *bytes
        uint32_t length
        uint32_t count
        uint32_t flags
        uint32_t msg_type
        rf_fix_field_t fields[1024]

    ctypedef struct rf_fix_writer_t:
        unsigned char *buffer
        uint32_t at
        uint32_t capacity
        uint32_t failed

    ctypedef struct rf_fix_stamp_t:
        uint64_t second
        unsigned char text[24]

    uint32_t rf_fix_checksum(const unsigned char *p, size_t n) noexcept
    int rf_fix_frame(const unsigned char *p, size_t n, size_t *size) noexcept
    int rf_fix_split(const unsigned char *p, size_t size, rf_fix_message_t *m) noexcept
    int rf_fix_parse(const unsigned char *p, size_t n, rf_fix_message_t *m, size_t *size) noexcept
    int rf_fix_find(const rf_fix_message_t *m, uint32_t tag) noexcept
    uint32_t rf_fix_length_tag(uint32_t tag) noexcept
    int rf_fix_uint(const unsigned char *p, uint32_t n, uint64_t *out) noexcept
    int rf_fix_decimal(const unsigned char *p, uint32_t n, int64_t *mantissa, uint8_t *digits) noexcept
    int rf_fix_timestamp(const unsigned char *p, uint32_t n, uint64_t *ns) noexcept

    void rf_fix_open(rf_fix_writer_t *w, unsigned char *buffer, uint32_t capacity) noexcept
    void rf_fix_put(rf_fix_writer_t *w, const void *bytes, uint32_t n) noexcept
    void rf_fix_put_text(rf_fix_writer_t *w, const char *text, uint32_t max) noexcept
    void rf_fix_put_byte(rf_fix_writer_t *w, unsigned char c) noexcept
    void rf_fix_put_uint(rf_fix_writer_t *w, uint64_t v) noexcept
    void rf_fix_put_decimal(rf_fix_writer_t *w, int64_t mantissa, uint32_t digits) noexcept
    void rf_fix_put_timestamp(rf_fix_writer_t *w, rf_fix_stamp_t *s, uint64_t ns, uint32_t places) noexcept
    uint32_t rf_fix_finish(rf_fix_writer_t *w, const unsigned char *begin, uint32_t begin_len, unsigned char **start) noexcept
