# ClOrdID(11): PREFIX DAY - ORDER - REV, 16 characters in base 32 (0-9A-V), e.g. RF7JQ-0000A1F-00. Arithmetic both ways.
from libc.stdint cimport uint32_t, uint64_t

# Write 16 characters and 8 NULs. order_id must be below 2**35, revision below 2**10, day_code below 2**15.
cdef void encode(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) noexcept nogil

# 1 and the three numbers when the text has our form and prefix, else 0 (then it names an order that is not ours).
cdef int decode(const char *text24, const char *prefix, uint32_t *day_code, uint64_t *order_id, uint32_t *revision) noexcept nogil
