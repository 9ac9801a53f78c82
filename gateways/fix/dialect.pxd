# A venue profile and a FIX version as one flat struct: what messages.pyx reads per message. Built once at start, constant afterwards.
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    CONSTANT_BYTES = 128

ctypedef struct symbol_pair_t:
    char ours[24]
    char theirs[24]

ctypedef struct constant_t:      # fields added to every message of a type, SOH behind each
    uint32_t bytes
    unsigned char text[128]

ctypedef struct dialect_t:
    int fix44
    uint32_t ord_types           # bit 1 << OrdType
    uint32_t time_in_forces      # bit 1 << TimeInForce
    uint32_t instructions        # INSTRUCTION_*
    int account                  # Account(1) is sent
    int order_id                 # OrderID(37) in requests
    int cancel_qty               # OrderQty(38) in F
    int expire_date              # GTD by ExpireDate(432)
    unsigned char handl_inst     # HandlInst(21), 0: none
    unsigned char status         # 'H', 'A' for AF, 0: none
    int mass_cancel
    int dont_know
    uint32_t time_places
    uint32_t symbol_tag
    unsigned char symbol_text[4]  # 55= or 48=
    uint32_t display_tag         # 111, 210, 1138; 0: the venue has no display quantity
    uint32_t display_bytes
    unsigned char display_text[8]
    int post_only_tif            # the post-only field is TimeInForce(59)
    uint32_t post_only_bytes
    unsigned char post_only_text[64]
    constant_t constants[8]      # by CommandKind
    # symbols; count 0: ours are the venue's
    uint32_t symbol_count
    uint32_t slot_mask
    symbol_pair_t *pairs
    uint32_t *by_ours            # hash slots: pair number + 1
    uint32_t *by_theirs

# The other side's text of a symbol (24 bytes, NUL-padded), or NULL when it has none. Only when symbol_count is not 0.
cdef const char *theirs_of(const dialect_t *d, const char *ours) noexcept nogil
cdef const char *ours_of(const dialect_t *d, const char *theirs) noexcept nogil


cdef class Dialect:
    cdef dialect_t d
    cdef readonly object profile
