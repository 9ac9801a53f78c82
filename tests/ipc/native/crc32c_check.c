/* Compares the hardware and the portable CRC32C over every length and alignment up to 300 bytes, in one piece and continued; prints the check value. */
#include <stdio.h>

#include "crc32c.h"

int main(void) {
    unsigned char bytes[320];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)((state = state * 1664525u + 1013904223u) >> 24);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n + from <= 300; n++) {
            uint32_t whole = rf_crc32c(0, bytes + from, n), slow = rf_crc32c_portable(0, bytes + from, n);
            uint32_t parts = rf_crc32c(rf_crc32c(0, bytes + from, n / 3), bytes + from + n / 3, n - n / 3);
            if (whole != slow || parts != slow) {
                fprintf(stderr, "offset %zu, %zu bytes: %08x, portable %08x, in two parts %08x\n", from, n, whole, slow, parts);
                return 1;
            }
        }
    printf("%d %08X %08X\n", rf_crc32c_has_hw(), rf_crc32c(0, "123456789", 9), rf_crc32c_portable(0, "123456789", 9));
    return 0;
}
