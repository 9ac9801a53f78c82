# What the benches' loops have in common.
from libc.stdint cimport uint64_t

# Ten decimal digits.
cdef void put_number(char *at, uint64_t n) noexcept nogil
