/* CRC32C (Castagnoli, RFC 3720 appendix B.4): the hardware instruction where the CPU has it, a table elsewhere.
 *
 * rf_crc32c(crc, bytes, n) continues from crc; start with 0. Same result on every path (tests/ipc/test_crc32c.py).
 */
#ifndef RF_CRC32C_H
#define RF_CRC32C_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint32_t rf_crc32c_table[256];

/* Slow, obvious path; also the reference that the tests compare the fast one with. */
static inline uint32_t rf_crc32c_portable(uint32_t crc, const void *data, size_t n) {
    const unsigned char *p = (const unsigned char *)data;
    if (!rf_crc32c_table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++) c = (c >> 1) ^ (0x82F63B78u & (0u - (c & 1u)));
            __atomic_store_n(&rf_crc32c_table[i], c, __ATOMIC_RELAXED); /* two threads write the same value */
        }
    }
    crc = ~crc;
    while (n--) crc = (crc >> 8) ^ rf_crc32c_table[(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
#define RF_CRC32C_HW 1
__attribute__((target("sse4.2"))) static inline uint32_t rf_crc32c_hw(uint32_t crc, const void *data, size_t n) {
    const unsigned char *p = (const unsigned char *)data;
    uint64_t c = ~crc, word;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        c = __builtin_ia32_crc32di(c, word);
    }
    for (; n; n--) c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
    return ~(uint32_t)c;
}
static inline int rf_crc32c_has_hw(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#define RF_CRC32C_HW 1
#include <arm_acle.h>
static inline uint32_t rf_crc32c_hw(uint32_t crc, const void *data, size_t n) {
    const unsigned char *p = (const unsigned char *)data;
    uint32_t c = ~crc;
    uint64_t word;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        c = __crc32cd(c, word);
    }
    for (; n; n--) c = __crc32cb(c, *p++);
    return ~c;
}
static inline int rf_crc32c_has_hw(void) { return 1; }
#else
static inline int rf_crc32c_has_hw(void) { return 0; }
#endif

static inline uint32_t rf_crc32c(uint32_t crc, const void *data, size_t n) {
#ifdef RF_CRC32C_HW
    if (rf_crc32c_has_hw()) return rf_crc32c_hw(crc, data, n);
#endif
    return rf_crc32c_portable(crc, data, n);
}
#endif
