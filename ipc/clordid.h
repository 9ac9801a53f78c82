/* The text of a ClOrdID(11), written: base 32 with the digits 0-9A-V, fixed width. core/clordid.pyx says what the parts are and reads it back;
 * a gateway writes one by itself only for a cancel out of band (gateways/fix/kill_switch.pyx). */
#ifndef RF_CLORDID_H
#define RF_CLORDID_H
#include <stdint.h>
#include <string.h>

enum { RF_CLORDID_DAY_AT = 2, RF_CLORDID_ORDER_AT = 6, RF_CLORDID_REVISION_AT = 14, RF_CLORDID_BYTES = 16 };

static const char rf_base32_digit[33] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

/* Written as one expression a digit, so that the compiler unrolls. */
static inline void rf_base32_put(char *at, int digits, uint64_t value) {
    for (int i = 0; i < digits; i++) at[i] = rf_base32_digit[value >> 5 * (digits - 1 - i) & 31];
}

/* out24: 24 bytes, NUL-padded. */
static inline void rf_clordid_put(char *out24, const char *prefix, uint32_t day_code, uint64_t order_id, uint32_t revision) {
    memset(out24 + RF_CLORDID_BYTES, 0, 24 - RF_CLORDID_BYTES);
    out24[0] = prefix[0];
    out24[1] = prefix[1];
    rf_base32_put(out24 + RF_CLORDID_DAY_AT, 3, day_code);
    out24[RF_CLORDID_DAY_AT + 3] = '-';
    rf_base32_put(out24 + RF_CLORDID_ORDER_AT, 7, order_id);
    out24[RF_CLORDID_ORDER_AT + 7] = '-';
    rf_base32_put(out24 + RF_CLORDID_REVISION_AT, 2, revision);
}
#endif
