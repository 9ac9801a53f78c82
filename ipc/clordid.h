/* The text of a ClOrdID(11): base 32 with the digits 0-9A-V, fixed width. core/clordid.pyx says what the parts are. A gateway writes one by itself only for a
 * cancel out of band (gateways/fix/kill_switch.pyx): its revision is RF_CLORDID_OUT_OF_BAND, and three digits behind it number the round of cancels, so that
 * none comes twice. */
#ifndef RF_CLORDID_H
#define RF_CLORDID_H
#include <stdint.h>
#include <string.h>

enum { RF_CLORDID_DAY_AT = 2, RF_CLORDID_ORDER_AT = 6, RF_CLORDID_REVISION_AT = 14, RF_CLORDID_BYTES = 16 };
enum { RF_CLORDID_OUT_OF_BAND = 1023, RF_CLORDID_ROUND_DIGITS = 3 };

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

/* -1 for what is no digit. */
static inline int64_t rf_base32_value(unsigned char c) {
    unsigned decimal = (unsigned)c - '0', letter = (unsigned)c - 'A';
    return decimal < 10u ? (int64_t)decimal : letter < 22u ? (int64_t)letter + 10 : -1;
}

/* Negative when any character is no digit. Written as one expression a digit, so that the compiler unrolls. */
static inline int64_t rf_base32_get(const char *at, int digits) {
    int64_t value = 0, wrong = 0;
    for (int i = 0; i < digits; i++) {
        int64_t digit = rf_base32_value((unsigned char)at[i]);
        wrong |= digit;
        value = (int64_t)((uint64_t)value << 5 | ((uint64_t)digit & 31));
    }
    return wrong < 0 ? -1 : value;
}

/* text24: 24 bytes, NUL-padded. 0 for any text that is no ClOrdID of this prefix. */
static inline int rf_clordid_get(const char *text24, const char *prefix, uint32_t *day_code, uint64_t *order_id, uint32_t *revision) {
    int64_t day, order, rev;
    if (!text24[0] || text24[0] != prefix[0] || text24[1] != prefix[1] || text24[RF_CLORDID_DAY_AT + 3] != '-' || text24[RF_CLORDID_ORDER_AT + 7] != '-')
        return 0;
    day = rf_base32_get(text24 + RF_CLORDID_DAY_AT, 3);
    order = rf_base32_get(text24 + RF_CLORDID_ORDER_AT, 7);
    rev = rf_base32_get(text24 + RF_CLORDID_REVISION_AT, 2);
    if ((day | order | rev) < 0) return 0;
    if (text24[RF_CLORDID_BYTES] && (rev != RF_CLORDID_OUT_OF_BAND || text24[RF_CLORDID_BYTES + RF_CLORDID_ROUND_DIGITS]
                                     || rf_base32_get(text24 + RF_CLORDID_BYTES, RF_CLORDID_ROUND_DIGITS) < 0))
        return 0;
    *day_code = (uint32_t)day;
    *order_id = (uint64_t)order;
    *revision = (uint32_t)rev;
    return 1;
}
#endif
