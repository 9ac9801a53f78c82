# CRC32C of crc32c.h for Cython.
from libc.stdint cimport uint32_t

cdef extern from "crc32c.h" nogil:
    uint32_t rf_crc32c(uint32_t crc, const void *data, size_t n) noexcept
    uint32_t rf_crc32c_portable(uint32_t crc, const void *data, size_t n) noexcept
    int rf_crc32c_has_hw() noexcept
